"""What a synchronisation compares with, and what can be kept at all."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi.directories.arrival import standing
from saml_wsgi.directories.arrival.values import (
    ACTIVE,
    MISSING,
    Counts,
    Kept,
    NewUser,
    Owner,
    check_kept,
    placeholder,
)
from saml_wsgi.errors import Refused
from saml_wsgi.model import FIELDS, Changes, Profile
from saml_wsgi.names import key
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY
from tests.unit.directories.arrival.scene import NOW, SOURCE, Scene, some


@pytest.fixture
def scene(patient):
    return Scene(patient)


@pytest.fixture
def staff(scene):
    scene.bring(new=some(10))
    scene.directory.create(Profile(username="Local"), managed_by="local")
    return scene


def test_known(staff):
    """By subject, those who are pinned to this source, and nobody else."""
    staff.links.pin("ldap:other", "uid:3", staff.id("local"))
    found = staff.local.known(SOURCE, ["uid:3", "uid:99", "uid:local"])
    assert found == {"uid:3": Kept(staff.id("u3"), "d1", ACTIVE, True, SOURCE, NOW, NOW)}
    assert staff.local.known(SOURCE, []) == {}


def test_by_username(staff):
    """Whoever has a name, whoever manages them, and what of the source they are pinned to."""
    local = staff.id("local")
    assert staff.local.by_username(SOURCE, ["local", "u3", "nobody"]) == {
        "local": Owner(local, True, "local", NOW, None),
        "u3": Owner(staff.id("u3"), True, SOURCE, NOW, "uid:3"),
    }
    staff.links.pin("ldap:other", "uid:x", local)
    assert staff.local.by_username(SOURCE, ["local"])["local"].subject is None


def test_whole_users(staff):
    """The users are the directory's own, with all groups."""
    wanted = [staff.user("u3"), staff.user("local")]
    found = staff.local.users([wanted[0].id, wanted[1].id, "nobody"])
    assert found == {user.id: user for user in wanted}


def test_counts(staff):
    """Missing people don't count as linked, and those who are switched off not as active."""
    staff.bring([staff.change("uid:1", state=MISSING, active=False)])
    staff.directory.update(staff.user("u2"), Changes({"active": False}))
    assert staff.local.counts(SOURCE) == Counts(9, 8)
    assert staff.local.counts("ldap:other") == Counts(0, 0)


def test_everybody_page_by_page(staff, monkeypatch):
    """All who are pinned to the source come once each, whatever the size of a page."""
    staff.links.pin("ldap:other", "uid:x", staff.id("local"))
    for size in (1, 3, 10, 11):
        monkeypatch.setattr(standing, "_PAGE", size)
        pages = list(staff.local.subjects(SOURCE))
        assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
        assert sorted(subject for page in pages for subject, _ in page) == sorted(
            f"uid:{n}" for n in range(10)
        )
        assert all(kept == staff.kept(subject) for page in pages for subject, kept in page)


def test_unfriendly_questions(staff):
    """What no database keeps is nobody's, and hides nobody else."""
    assert set(staff.local.known(SOURCE, [*UNFRIENDLY, "uid:3", "uid:3\0"])) == {"uid:3"}
    assert set(staff.local.by_username(SOURCE, [*UNFRIENDLY, "u3", "u3\0x"])) == {"u3"}
    assert staff.local.users(UNFRIENDLY) == {}


@pytest.mark.parametrize(
    ("values", "groups", "subject", "code"),
    [
        ([("username", "")], [], "s", "missing_attribute"),
        ([("username", " ")], [], "s", "missing_attribute"),
        ([("email", "a\0b")], [], "s", "attribute_unusable"),
        ([("email", "\ud800")], [], "s", "attribute_unusable"),
        ([("username", "x" * 1025)], [], "s", "attribute_unusable"),
        ([("username", "\ufdfa" * 340)], [], "s", "attribute_unusable"),
        ([("email", "\ufdfa" * 340)], [], "s", "attribute_unusable"),
        ([], ["x" * 1025], "s", "attribute_unusable"),
        ([], ["\ufdfa" * 340], "s", "attribute_unusable"),
        ([], ["a\0b"], "s", "attribute_unusable"),
        ([], [], "", "attribute_unusable"),
        ([], [], "x" * 1537, "attribute_unusable"),
    ],
)
def test_what_cannot_be_kept(values, groups, subject, code):
    """What no column can hold, neither itself nor the key it is compared by, is refused beforehand."""
    with pytest.raises(Refused) as refused:
        check_kept(values, groups, subject)
    assert refused.value.code == code


def test_what_can_be_kept():
    """Each column takes as many bytes as it has."""
    check_kept([("username", "x" * 1024), ("display_name", "ü" * 1024)], ["g" * 1024], "s" * 1536)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.text(st.characters(codec=None), max_size=20), min_size=6, max_size=6),
    groups=st.lists(st.text(st.characters(codec=None), max_size=20), max_size=3, unique=True),
    subject=st.text(st.characters(codec=None), max_size=20),
)
def test_what_is_kept_comes_back(scene, values, groups, subject):
    """Whatever isn't refused is found again, letter by letter."""
    try:
        check_kept(zip(FIELDS, values, strict=True), groups, subject)
    except Refused:
        return
    (place,) = scene.rows("SELECT count(*) FROM saml_wsgi_users")[0]
    person = NewUser(f"{place} {subject}", "d1", f"{place} {values[0]}", *values[1:], tuple(groups))
    assert scene.bring(new=[person]) == []
    (user,) = scene.directory.find("username", person.username)
    assert tuple(user.value(name) for name in FIELDS) == person[2:8]
    assert user.groups == tuple(sorted(groups))
    assert scene.kept(person.subject).user_id == user.id
    assert scene.local.by_username(SOURCE, [key(person.username)])[key(person.username)].user_id == user.id


@given(name=st.text(st.characters(codec=None)))
def test_nobody_is_called_like_a_placeholder(name):
    """What stands for the name of somebody who waits for it is no name's key."""
    assert not key(name).startswith(placeholder("")[:6])


def test_a_new_user_needs_nothing_but_a_name(scene):
    """Fields that aren't said are empty."""
    scene.bring(new=[NewUser("uid:1", "d1", "ada")])
    user = scene.user("ada")
    assert [user.value(name) for name in FIELDS[1:]] == [""] * 5
    assert user.groups == ()
