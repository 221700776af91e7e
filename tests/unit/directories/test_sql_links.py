"""Links in a database: the contract, and what they refuse."""

import pytest

from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.errors import Refused
from saml_wsgi.testing.contracts import LinksContract

IDP = "https://idp.example/saml"


class TestSQLLinks(LinksContract):
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
    with pytest.raises(Refused) as caught:
        links.pin(*pin)
    assert caught.value.code == "attribute_unusable"
    assert links.follow(pin[0], pin[1]) is None


def test_the_longest_link_is_kept(url):
    """Each part may fill its column."""
    links = SQLLinks(url)
    assert links.pin("i" * 1024, "s" * 1536, "u" * 256) is True
    assert links.follow("i" * 1024, "s" * 1536) == "u" * 256
    assert links.subject_of("i" * 1024, "u" * 256) == "s" * 1536
