"""The resolver ``jit``: which fields its options write, and whose users they touch."""

from __future__ import annotations

import pytest

from saml_wsgi.model import FIELDS, Changes, Denied
from saml_wsgi.resolvers import AttributeMap, JITResolver, TextChange
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.resolvers.transformation import Template

EVERYTHING = {
    "email": "new@x.test",
    "firstname": "New",
    "lastname": "New",
    "displayname": "New",
    "employeeNumber": "new",
    "memberOf": ["new"],
}
OLD = {
    "email": "old@x.test",
    "first_name": "Old",
    "last_name": "Old",
    "display_name": "Old",
    "employee_id": "old",
    "groups": ("old",),
}
DEFAULT = AttributeMap()


@pytest.fixture
def jit(place):
    """Makes the resolver over the place at hand, with this policy."""

    def make(mapping: AttributeMap = DEFAULT, rules: dict | None = None, **policy) -> JITResolver:
        rules = Rules(mapping=mapping, **(rules or {}))
        return JITResolver(place.directory, place.links, rules, Policy(**policy))

    return make


def refused(answer, code: str) -> str:
    """The detail of a refusal with that code."""
    assert isinstance(answer, Denied), answer
    assert answer.code == code, answer
    return answer.detail


def values(user) -> dict:
    """The fields and groups of a user."""
    return {field: user.value(field) for field in FIELDS} | {"groups": user.groups}


# -- by field --


@pytest.mark.parametrize("field", sorted(OLD))
def test_never(jit, place, asserted, field):
    """A field that is never written is empty in a new user and stays as it is in others; it is told."""
    place.add("old", **OLD)
    resolver = jit(never=(field,))
    new = resolver.resolve(asserted("new", **EVERYTHING))
    assert not values(new.user)[field]
    assert field not in new.changes.values
    assert all(values(new.user)[other] for other in OLD if other != field)
    known = resolver.resolve(asserted("old", **EVERYTHING))
    assert values(known.user)[field] == OLD[field]
    assert set(known.changes.values) == set(OLD) - {field}
    assert set(new.left) == set(known.left) == {field}
    assert known.origins[field] == "directory"


@pytest.mark.parametrize("field", sorted(OLD))
def test_on_create(jit, place, asserted, field):
    """A field that is written on creation is never written again, and what is left is told."""
    place.add("old", **OLD)
    resolver = jit(on_create=(field,))
    new = resolver.resolve(asserted("new", **EVERYTHING))
    assert values(new.user)[field] in {"new@x.test", "New", "new", ("new",)}
    known = resolver.resolve(asserted("old", **EVERYTHING))
    assert values(known.user)[field] == OLD[field]
    assert "on_create" in known.left[field]


def test_a_username_can_be_kept(jit, asserted):
    """Found by e-mail, a user keeps the username it was made with if that is written on creation alone."""
    resolver = jit(on_create=("username",), rules={"match": "email", "link_source": ()})
    first = resolver.resolve(asserted("ada", email="ada@x.test"))
    again = resolver.resolve(asserted("lovelace", email="ada@x.test"))
    assert (again.user.id, again.user.username, again.outcome) == (first.user.id, "ada", "unchanged")
    assert set(again.left) == {"username"}


@pytest.mark.parametrize(("clear", "expected"), [((), "Old"), (("last_name",), ""), (("first_name",), "Old")])
def test_clear(jit, place, asserted, clear, expected):
    """An empty attribute clears the fields that are listed, and no others; an absent one clears none."""
    place.add("ada", **OLD)
    resolver = jit(clear=clear)
    assert resolver.resolve(asserted("ada")).user.last_name == "Old"
    answer = resolver.resolve(asserted("ada", lastname=""))
    assert answer.user.last_name == expected
    assert answer.outcome == ("unchanged" if expected else "updated")
    assert ("last_name" in answer.left) is bool(expected)


@pytest.mark.parametrize("attributes", [{}, {"email": ""}, {"email": " "}])
def test_required(jit, place, asserted, attributes):
    """Without a value of a required field nobody comes in, new or known."""
    place.add("ada", email="old@x.test")
    resolver = jit(required=("email",))
    for name in ("ada", "new"):
        detail = refused(resolver.resolve(asserted(name, **attributes)), "missing_attribute")
        assert "attributes.email" in detail
    assert place.find("new") is None
    assert resolver.resolve(asserted("new", email="new@x.test")).outcome == "created"


def test_defaults(jit, place, asserted):
    """New users get defaults where nothing was asserted, and only if what a default needs is there."""
    defaults = (
        ("display_name", Template("{first_name} ({username})")),
        ("employee_id", Template("unknown")),
        ("last_name", Template("{email}")),
    )
    resolver = jit(defaults=defaults)
    answer = resolver.resolve(asserted("ada", firstname="Ada", employeeNumber=""))
    assert answer.user.display_name == "Ada (ada)"
    assert (answer.user.employee_id, answer.user.last_name) == ("unknown", "")
    assert answer.origins["display_name"] == "default"
    assert answer.changes.values["employee_id"] == "unknown"
    said = resolver.resolve(asserted("bob", displayname="Bob", employeeNumber="7"))
    assert (said.user.display_name, said.user.employee_id) == ("Bob", "7")
    place.add("old")
    assert resolver.resolve(asserted("old", firstname="O")).user.display_name == ""


def test_a_default_that_becomes_too_long(jit, place, asserted):
    """A default is bounded like everything else."""
    resolver = jit(defaults=(("display_name", Template("{username}{username}")),))
    refused(resolver.resolve(asserted("x" * 129)), "attribute_unusable")
    assert place.find("x" * 129) is None


def test_a_composed_name(jit, place, asserted):
    """A composed display name is written like an asserted one, and follows its parts."""
    mapping = AttributeMap(
        display_name=(), changes={"display_name": TextChange(format="{firstname} {lastname}")}
    )
    resolver = jit(mapping)
    answer = resolver.resolve(asserted("ada", firstname="Ada", lastname="B"))
    assert answer.origins["display_name"] == "saml:{firstname} {lastname}"
    assert resolver.resolve(asserted("ada", firstname="Ada", lastname="L")).user.display_name == "Ada L"


def test_a_username_that_was_changed_matches(jit, place, asserted):
    """What identifies a person is compared after it was changed, also where it is the subject."""
    resolver = jit(AttributeMap(changes={"username": TextChange(cut_domain=True, lower=True)}))
    first = resolver.resolve(asserted("Ada@x.test"))
    assert (first.user.username, first.origins["username"]) == ("ada", "saml:NameID (changed)")
    assert resolver.resolve(asserted("ADA@X.test")).user.id == first.user.id
    refused(resolver.resolve(asserted("ada@y.test")), "link_conflict")


# -- whose users --


def test_local_users_are_left_as_they_are(jit, place, asserted):
    """A user whom an administrator made is signed in, pinned and not changed; what was left is told."""
    user = place.add("ada", managed_by="local", **OLD)
    answer = jit(rules={"groups": GroupRules(default=("everybody",))}).resolve(asserted("ADA", **EVERYTHING))
    assert (answer.user, answer.outcome, answer.changes) == (user, "unchanged", Changes())
    assert set(answer.left) == {*OLD, "username"}
    assert all("update_existing" in why for field, why in answer.left.items() if field != "username")
    assert place.links.follow("jumpcloud", "NameID:ada") == user.id


def test_local_users_can_be_updated(jit, place, asserted):
    """With update_existing they are kept current by the same policy, and stay local."""
    place.add("ada", managed_by="local", **OLD)
    answer = jit(update_existing=True, never=("groups",)).resolve(asserted("ada", **EVERYTHING))
    assert (answer.outcome, answer.user.email, answer.user.groups) == ("updated", "new@x.test", ("old",))
    assert place.find("ada").managed_by == "local"


@pytest.mark.parametrize("owner", ["ldap:corp", "jit:other", "jit", "locals"])
@pytest.mark.parametrize("active", [True, False])
def test_nobody_managed_elsewhere_is_touched(jit, place, asserted, owner, active):
    """No option reaches the users of others."""
    user = place.add("ada", managed_by=owner, active=active, **OLD)
    resolver = jit(update_existing=True, reactivate=True)
    refused(resolver.resolve(asserted("ada", **EVERYTHING)), "managed_elsewhere" if active else "inactive")
    assert place.find("ada") == user
    assert place.links.follow("jumpcloud", "NameID:ada") is None


@pytest.mark.parametrize(
    ("reactivate", "owner", "comes_in"),
    [(False, "jit:jumpcloud", False), (True, "jit:jumpcloud", True), (True, "local", False)],
)
def test_reactivate(jit, place, asserted, reactivate, owner, comes_in):
    """Only with the switch, and only our own users, are switched on again by a sign-in."""
    place.add("ada", managed_by=owner, active=False, email="old@x.test")
    answer = jit(reactivate=reactivate, update_existing=True).resolve(asserted("ada", email="new@x.test"))
    if comes_in:
        assert answer.changes == Changes({"email": "new@x.test", "active": True})
        assert place.find("ada").active
    else:
        refused(answer, "inactive")
        assert (place.find("ada").active, place.find("ada").email) == (False, "old@x.test")
