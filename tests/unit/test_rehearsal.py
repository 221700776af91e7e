"""A rehearsal behaves as the directory and the links behind it do, and writes nothing."""

from __future__ import annotations

import sqlite3

import pytest

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryConflict, Refused
from saml_wsgi.interfaces import Attendance, Directory, GroupRegister, Links, Standings, WritableDirectory
from saml_wsgi.model import Assertion, Changes, Profile, Resolution, Standing, User
from saml_wsgi.rehearsal import Nobody, Rehearsal, Written
from saml_wsgi.resolvers import JITResolver
from saml_wsgi.testing.contracts import LinksContract, WritableDirectoryContract

IDP = "jumpcloud"


class TestRehearsalOverNobody(WritableDirectoryContract):
    """What it only remembers is found by the rules of every directory."""

    @pytest.fixture
    def directory(self):
        return Rehearsal(Nobody(), Nobody())


class TestRehearsedLinks(LinksContract):
    """Likewise with links."""

    @pytest.fixture
    def links(self):
        return Rehearsal(Nobody(), Nobody())


class Real:
    """A real directory and real links, with Ada in them; what their tables hold."""

    def __init__(self, folder) -> None:
        self.file = folder / "users.db"
        url = f"sqlite:///{self.file}"
        database.create(url)
        self.directory = SQLDirectory(url)
        self.links = SQLLinks(url)
        profile = Profile(username="ada", email="ada@x.test", first_name="Ada", groups=("staff", "x"))
        self.ada = self.directory.create(profile, managed_by=f"jit:{IDP}", link=(IDP, "NameID:ada"))
        self.rehearsal = Rehearsal(self.directory, self.links)

    def content(self) -> list[str]:
        connection = sqlite3.connect(self.file)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()


@pytest.fixture
def real(tmp_path):
    made = Real(tmp_path)
    before = made.content()
    yield made
    assert made.content() == before, "the rehearsal wrote"
    database.disconnect(f"sqlite:///{made.file}")


@pytest.mark.parametrize("kind", [Directory, WritableDirectory, Links, Attendance, GroupRegister])
def test_it_has_the_shape_of_what_is_behind_it(real, kind):
    """Whatever a resolver may ask of the real directory, it may ask of the rehearsal."""
    assert isinstance(real.rehearsal, kind)


def test_it_pretends_to_nothing_that_is_not_there():
    """A directory that keeps neither attendance nor groups doesn't seem to because it is rehearsed."""

    class Plain:
        def find(self, field, value, /):
            return ()

        def get(self, user_id, /):
            return None

    rehearsal = Rehearsal(Plain(), Nobody())
    assert isinstance(rehearsal, WritableDirectory)
    assert not isinstance(rehearsal, Attendance)
    assert not isinstance(rehearsal, GroupRegister)


def test_it_reads_through(real):
    """Users and links that are there are found."""
    assert list(real.rehearsal.find("username", "ADA")) == [real.ada]
    assert real.rehearsal.get(real.ada.id) == real.ada
    assert real.rehearsal.follow(IDP, "NameID:ada") == real.ada.id
    assert real.rehearsal.subject_of(IDP, real.ada.id) == "NameID:ada"
    assert real.rehearsal.known_groups(["staff", "strangers"]) == {"staff"}
    assert real.rehearsal.written == []


def test_what_can_not_be_written_fails_as_it_would():
    """A resolver that writes to a directory that can't be written fails in a rehearsal, too."""

    class Plain:
        def find(self, field, value, /):
            return ()

        def get(self, user_id, /):
            return None

    rehearsal = Rehearsal(Plain(), Nobody())
    with pytest.raises(AttributeError, match="Plain"):
        rehearsal.create(Profile(username="ada"), managed_by="local")
    with pytest.raises(AttributeError, match="Plain"):
        rehearsal.update(User("1", "ada"), Changes({"email": "a@x.test"}))


def test_fields_that_are_not_kept_stay_empty():
    """An application's own table has columns for some fields: the others show as nothing is kept of them."""

    class Table(Nobody):
        fields = ("username", "email")

    rehearsal = Rehearsal(Table(), Nobody())
    ada = rehearsal.create(Profile(username="ada", email="a@x.test", first_name="Ada"), managed_by="local")
    assert (ada.email, ada.first_name) == ("a@x.test", "")
    assert rehearsal.update(ada, Changes({"last_name": "Lovelace"})) == ada
    assert [written.what for written in rehearsal.written] == ["create"]


def test_what_it_writes_shows_afterwards(real):
    """A change is found by its new value, and no longer by its old one; it is noted, before and after."""
    after = real.rehearsal.update(real.ada, Changes({"email": "countess@x.test", "groups": ("new",)}))
    assert after.groups == ("new",)
    assert list(real.rehearsal.find("email", "Countess@x.test")) == [after]
    assert list(real.rehearsal.find("email", "ada@x.test")) == []
    assert list(real.rehearsal.find("username", "ada")) == [after]
    assert real.rehearsal.get(real.ada.id) == after
    assert real.rehearsal.known_groups(["new", "x"]) == {"new", "x"}
    assert real.rehearsal.written == [Written("update", real.ada.id, real.ada, after)]
    assert real.directory.get(real.ada.id) == real.ada


def test_a_user_who_would_be_made_is_found_again(real):
    """A new user has an id that nobody has, is found, and is pinned at once."""
    grace = real.rehearsal.create(Profile(username="grace"), managed_by="local", link=(IDP, "NameID:grace"))
    assert list(real.rehearsal.find("username", "Grace")) == [grace]
    assert real.rehearsal.follow(IDP, "NameID:grace") == grace.id
    assert real.rehearsal.subject_of(IDP, grace.id) == "NameID:grace"
    assert real.rehearsal.written == [Written("create", grace.id, after=grace, link=(IDP, "NameID:grace"))]
    assert real.directory.get(grace.id) is None


def test_conflicts_with_what_is_there(real):
    """What the real directory would refuse is refused: a taken name, a pinned subject, an empty name."""
    with pytest.raises(DirectoryConflict):
        real.rehearsal.create(Profile(username="ADA"), managed_by="local")
    with pytest.raises(DirectoryConflict):
        real.rehearsal.create(Profile(username="grace"), managed_by="local", link=(IDP, "NameID:ada"))
    with pytest.raises(Refused, match="missing_attribute"):
        real.rehearsal.create(Profile(email="x@x.test"), managed_by="local")
    with pytest.raises(Refused, match="missing_attribute"):
        real.rehearsal.update(real.ada, Changes({"username": " "}))
    with pytest.raises(ValueError, match="colour"):
        real.rehearsal.update(real.ada, Changes({"colour": "red"}))
    with pytest.raises(Refused, match="attribute_unusable"):
        real.rehearsal.pin(IDP, "", real.ada.id)
    assert real.rehearsal.pin(IDP, "NameID:other", real.ada.id) is False
    assert real.rehearsal.pin(IDP, "NameID:ada", "somebody") is False
    assert real.rehearsal.written == []


def test_attendance_is_noted_only(real):
    """That somebody signed in is not written either."""
    real.rehearsal.saw(real.ada.id, 1_700_000_000)
    assert [written.what for written in real.rehearsal.written] == ["saw"]
    assert real.directory.get(real.ada.id).seen == 0


def test_what_a_source_says_is_noted_only(tmp_path):
    """The last word of a source is remembered by the rehearsal, and kept nowhere."""
    source, real = "ldap:corp", Real(tmp_path)
    assert isinstance(real.rehearsal, Standings)
    real.links.pin(source, "uuid:1", real.ada.id)
    real.links.note(source, "uuid:1", "active", 5000)
    before = real.content()
    assert real.rehearsal.standing(source, real.ada.id) == Standing("active", 5000, 5000)
    real.rehearsal.note(source, "uuid:1", "active", 6000)
    assert real.rehearsal.standing(source, real.ada.id) == Standing("active", 5000, 6000)
    real.rehearsal.note(source, "uuid:1", "missing", 7000)
    assert real.rehearsal.standing(source, real.ada.id) == Standing("missing", 7000, 7000)
    real.rehearsal.note(source, "uuid:2", "missing", 7000)
    assert real.content() == before
    noted = [(written.what, written.user_id, written.state) for written in real.rehearsal.written]
    assert noted == [("note", real.ada.id, "active"), ("note", real.ada.id, "missing")]


def test_what_a_source_says_of_somebody_new(real):
    """Somebody whom only the rehearsal pinned was never asked about; a stranger has no standing."""
    source = "ldap:corp"
    made = real.rehearsal.create(Profile(username="eve"), managed_by=source, link=(source, "uuid:2"))
    assert real.rehearsal.standing(source, made.id) == Standing()
    real.rehearsal.note(source, "uuid:2", "active", 7000)
    assert real.rehearsal.standing(source, made.id) == Standing("active", 7000, 7000)
    assert real.rehearsal.standing(source, real.ada.id) is None


def test_links_that_keep_no_standings():
    """A rehearsal over links that don't keep what sources say doesn't either."""

    class Plain:
        follow = pin = subject_of = None

    assert not isinstance(Rehearsal(Nobody(), Plain()), Standings)


def test_a_directory_may_compare_by_a_rule_of_its_own():
    """Who is found by a rule that isn't ours is still found after another field was changed."""
    kept = User("7", "Straße")

    class Collating(Nobody):
        def find(self, field, value, /):
            return (kept,) if value == "strasse!" else ()

        def get(self, user_id, /):
            return kept if user_id == "7" else None

    rehearsal = Rehearsal(Collating(), Nobody())
    changed = rehearsal.update(kept, Changes({"email": "s@x.test"}))
    assert list(rehearsal.find("username", "strasse!")) == [changed]


def test_just_in_time_is_rehearsed_whole(real):
    """A resolver does over a rehearsal what it does at a sign-in: create, find again, pin."""
    assertion = Assertion(
        idp=IDP,
        issuer="https://idp.test",
        id="_1",
        name_id="grace",
        name_id_format="",
        attributes={"email": ("grace@x.test",), "memberOf": ("staff",)},
        session_index="",
        authn_instant=0,
        session_not_on_or_after=None,
        expires=60,
    )
    answer = JITResolver(real.rehearsal, real.rehearsal).resolve(assertion)
    assert isinstance(answer, Resolution)
    assert answer.outcome == "created"
    assert answer.user.email == "grace@x.test"
    assert [written.what for written in real.rehearsal.written] == ["create"]
    again = JITResolver(real.rehearsal, real.rehearsal).resolve(assertion)
    assert (again.outcome, again.user) == ("unchanged", answer.user)
    assert len(real.rehearsal.written) == 1
