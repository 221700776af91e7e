"""Links in a database: the contract, and what they refuse."""

import pytest
from sqlalchemy import event

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.errors import DirectoryUnavailable, Refused
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts import AdministeredLinksContract, StandingsContract

IDP = "https://idp.example/saml"


class TestSQLLinks(AdministeredLinksContract, StandingsContract):
    @pytest.fixture
    def links(self, patient):
        return SQLLinks(patient)


@pytest.mark.parametrize(
    "pin",
    [
        ("", "subject", "user"),
        (IDP, "", "user"),
        (IDP, "subject", ""),
        (IDP, "a\0b", "user"),
        (IDP, "\ud800", "user"),
        ("\0", "subject", "user"),
        (IDP, "subject", "\0"),
        (IDP, "x" * 1537, "user"),
        ("x" * 1025, "subject", "user"),
        (IDP, "subject", "x" * 257),
    ],
)
def test_what_cannot_be_pinned_is_refused(url, pin):
    """An empty part, or one that no column holds, is refused rather than cut or stored as something else."""
    links = SQLLinks(url)
    for call in (links.pin, links.repin):
        with pytest.raises(Refused) as caught:
            call(*pin)
        assert caught.value.code == "attribute_unusable"
    assert links.follow(pin[0], pin[1]) is None
    assert links.listed() == ()


def test_the_longest_link_is_kept(url):
    """Each part may fill its column."""
    links = SQLLinks(url)
    assert links.pin("i" * 1024, "s" * 1536, "u" * 256) is True
    assert links.follow("i" * 1024, "s" * 1536) == "u" * 256
    assert links.subject_of("i" * 1024, "u" * 256) == "s" * 1536


def test_links_are_dated(url):
    """An administrator sees since when somebody is pinned."""
    clock = FakeClock(time=1_800_000_000)
    links = SQLLinks(url, clock=clock)
    links.pin(IDP, "s-1", "ada")
    clock.advance(60)
    links.repin(IDP, "s-2", "grace")
    assert [link.created for link in links.listed()] == [1_800_000_000, 1_800_000_060]


def test_repin_is_whole_or_not_at_all(url):
    """If the new link can't be written, the former ones stay."""
    links = SQLLinks(url)
    links.pin(IDP, "s-1", "ada")
    links.pin(IDP, "s-2", "grace")
    before = links.listed()
    engine = database.connect(url)

    def interrupt(connection, _cursor, statement, *_):
        if statement.startswith("INSERT"):
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(engine, "after_cursor_execute", interrupt)
    with pytest.raises(DirectoryUnavailable, match="the_disk_that_failed"):
        links.repin(IDP, "s-1", "grace")
    event.remove(engine, "after_cursor_execute", interrupt)
    assert links.listed() == before


def test_only_what_a_source_can_say_is_noted(url):
    """A state that there isn't is the caller's mistake, and nothing is kept of it."""
    links = SQLLinks(url)
    links.pin("ldap:staff", "ada", "user")
    with pytest.raises(ValueError, match="deleted"):
        links.note("ldap:staff", "ada", "deleted", 1_800_000_000)
    assert links.standing("ldap:staff", "user").state == ""


def test_what_is_no_news_is_not_written(url):
    """A source that says the same within an hour costs no write, so that a sign-in waits for nobody."""
    links = SQLLinks(url)
    links.pin("ldap:staff", "ada", "user")
    links.note("ldap:staff", "ada", "active", 1_800_000_000)
    with database.connect(url).begin():  # whoever writes now would find it locked
        links.note("ldap:staff", "ada", "active", 1_800_003_599)
        with pytest.raises(DirectoryUnavailable, match="locked"):
            links.note("ldap:staff", "ada", "active", 1_800_003_600)


def test_an_older_word_does_not_turn_back_the_clock(url):
    """Of two who asked the source, the one who is late doesn't make the last word an older one."""
    links = SQLLinks(url)
    links.pin("ldap:staff", "ada", "user")
    links.note("ldap:staff", "ada", "active", 1_800_000_000)
    links.note("ldap:staff", "ada", "inactive", 1_799_999_000)
    assert links.standing("ldap:staff", "user").confirmed == 1_800_000_000
    assert links.standing("ldap:staff", "user").state == "inactive"
