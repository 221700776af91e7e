"""The resolver ``jit``: what it asks of a directory, and what it does when that answers oddly."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi import names
from saml_wsgi.errors import ConfigurationError
from saml_wsgi.model import Changes, Denied, Profile
from saml_wsgi.resolvers import AttributeMap, JITResolver, ResolverContext
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.jit import factory
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.resolvers.transformation import Template


@pytest.fixture
def fresh(people):
    """Makes an empty directory in memory."""
    return type(people)


def refused(answer, code: str) -> str:
    """The detail of a refusal with that code."""
    assert isinstance(answer, Denied), answer
    assert answer.code == code, answer
    return answer.detail


class Narrow:
    """A directory that has no place for some fields: they are always empty."""

    fields = ("username", "email")

    def __init__(self, people):
        self.people = people
        self.find, self.get, self.update = people.find, people.get, people.update

    def create(self, profile, /, **more):
        kept = {name: profile.value(name) for name in self.fields}
        return self.people.create(Profile(**kept, groups=profile.groups), **more)


class Composing(Narrow):
    """A directory that keeps Unicode's compatibility forms of names, as an application's table does."""

    def create(self, profile, /, **more):
        kept = {name: names.composed(profile.value(name)) for name in self.fields}
        return super().create(Profile(**kept), **more)


def test_a_directory_that_composes_names(people, asserted):
    """What is kept in another of Unicode's forms isn't written again at each sign-in."""
    resolver = JITResolver(Composing(people), people)
    said = asserted("ada", username="\uff21da", email="\uff41@x.test")
    assert resolver.resolve(said).user.email == "a@x.test"
    writes = people.writes
    assert (resolver.resolve(said).outcome, people.writes) == ("unchanged", writes)


def test_a_directory_without_a_place_for_some_fields(people, asserted):
    """What a directory doesn't keep isn't written, at no sign-in, and is told."""
    defaults = (("last_name", Template("x")),)
    resolver = JITResolver(Narrow(people), people, policy=Policy(defaults=defaults))
    said = asserted("ada", email="a@x.test", firstname="A", employeeNumber="7")
    new = resolver.resolve(said)
    assert new.changes == Changes({"username": "ada", "email": "a@x.test"})
    writes = people.writes
    again = resolver.resolve(said)
    assert (again.outcome, people.writes) == ("unchanged", writes)
    assert set(new.left) == set(again.left) == {"first_name", "employee_id"}


def test_a_field_that_the_directory_does_not_keep_matches_nobody(people):
    """Nobody can be found by what isn't kept: that doesn't start."""
    for options, key in (({}, "match"), ({"match": "employee_id"}, "resolver.jit.match")):
        with pytest.raises(ConfigurationError) as error:
            factory(ResolverContext("jit", Narrow(people), match="employee_id"), **options)
        assert [problem.key for problem in error.value.problems] == [key]


def test_nothing_new_costs_one_read_whatever_is_configured(people, asserted):
    """With every option in use, a sign-in that changes nothing reads once and writes nothing."""
    rules = Rules(
        groups=GroupRules(map=(("a", "b"),), default=("everybody",), managed=("b",)),
        access=Access(allow_groups=("b",), deny_groups=("x",), allow_domains=("x.test",)),
    )
    policy = Policy(
        required=("email",), never=("last_name",), on_create=("first_name",), clear=("employee_id",),
        update_existing=True, reactivate=True, defaults=(("display_name", Template("{username}")),),
        allow=Access(allow_groups=("b",)),
    )  # fmt: skip
    resolver = JITResolver(people, people, rules, policy)
    said = asserted("ada", email="ada@x.test", firstname="A", lastname="L", memberOf=["a", "c"])
    assert resolver.resolve(said).outcome == "created"
    people.reads = people.follows = people.writes = 0
    assert resolver.resolve(said).outcome == "unchanged"
    assert (people.reads, people.follows, people.writes) == (1, 1, 0)


_TEXT = st.sampled_from(["ada", "ADA", "bob", "x@x.test", "", " ", "\u0430da", "a\u200b", "y"])
_GROUPS = st.lists(st.sampled_from(["a", "A", "b", "admins", "w-admins", "root", ""]), max_size=4)
_ASSERTED = st.fixed_dictionaries(
    {"name_id": _TEXT},
    optional={
        "email": _TEXT,
        "firstname": _TEXT,
        "employeeNumber": _TEXT,
        "memberOf": _GROUPS,
    },
)


@given(
    first=_ASSERTED,
    second=_ASSERTED,
    owner=st.sampled_from(["jit:jumpcloud", "local", "ldap:corp"]),
    active=st.booleans(),
    policy=st.fixed_dictionaries(
        {
            "update_existing": st.booleans(),
            "reactivate": st.booleans(),
            "never": st.lists(st.sampled_from(["email", "first_name", "groups"]), max_size=2).map(tuple),
            "on_create": st.lists(st.sampled_from(["display_name", "employee_id"]), max_size=2).map(tuple),
        }
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_signs_in(fresh, asserted, first, second, owner, active, policy):
    """Whatever arrives, others' users stay, refusals write nothing, and nobody gets a privileged group."""
    people = fresh()
    kept = people.create(Profile(username="ada", email="x@x.test", groups=("own",)), managed_by=owner)
    if not active:
        kept = people.update(kept, Changes({"active": False}))
    rules = Rules(
        groups=GroupRules(map=(("root", "admins"),), privileged=("admins",)),
        access=Access(deny_groups=("b",)),
        link_source=(),
    )
    resolver = JITResolver(people, people, rules, Policy(**policy))
    for attributes in (first, second, second):
        before, writes = dict(people.users), people.writes
        answer = resolver.resolve(asserted(**attributes))
        if isinstance(answer, Denied):
            assert people.users == before
            assert people.writes == writes or answer.code == "conflict"
            continue
        assert answer.user.active
        assert answer.user == people.users[answer.user.id]
        assert "b" not in map(names.key, attributes.get("memberOf", ()))
        assert answer.left.keys() & answer.changes.values.keys() <= {"groups"}
        if "admins" in answer.user.groups:
            assert answer.changes.values.get("groups") is None or "root" in attributes["memberOf"]
        for user in before.values():
            assert people.users[user.id] == user or user.id == answer.user.id
    if owner == "ldap:corp" or (owner == "local" and not policy["update_existing"]):
        assert people.users[kept.id] == kept
    if not isinstance(answer, Denied):
        assert not answer.changes  # it was the same assertion as the one before


# -- what a directory does in the meantime --


def test_a_second_find_after_an_update_that_differs_refuses(people, asserted, monkeypatch):
    """After an update, too, the same rule must find the same user."""
    resolver = JITResolver(people, people, Rules(link_source=()))
    resolver.resolve(asserted("ada"))
    update = people.update
    monkeypatch.setattr(
        people, "update", lambda user, changes: update(user, Changes({**changes.values, "username": "eve"}))
    )
    refused(resolver.resolve(asserted("ada", email="a@x.test")), "mismatch")


def test_who_became_denied_while_signing_in(people, asserted, monkeypatch):
    """Who may sign in is asked again of the user as it was found after writing."""
    rules = Rules(access=Access(deny_groups=("bad",)))
    JITResolver(people, people, rules).resolve(asserted("ada"))
    update = people.update
    monkeypatch.setattr(
        people, "update", lambda user, changes: update(user, Changes({**changes.values, "groups": ("bad",)}))
    )
    refused(JITResolver(people, people, rules).resolve(asserted("ada", email="a@x.test")), "not_allowed")


def test_who_stays_switched_off(people, asserted, monkeypatch):
    """A directory that doesn't switch a user on again signs nobody in."""
    user = people.create(Profile(username="ada"), managed_by="jit:jumpcloud")
    people.update(user, Changes({"active": False}))
    monkeypatch.setattr(people, "update", lambda user, _: user)
    refused(JITResolver(people, people, policy=Policy(reactivate=True)).resolve(asserted("ada")), "inactive")


def test_a_directory_that_ignores_case_where_it_counts(people, asserted, monkeypatch):
    """Fields that are no names are compared exactly, whatever a directory's collation makes of them."""
    user = people.create(Profile(username="ada", employee_id="e7"), managed_by="jit:jumpcloud")
    monkeypatch.setattr(people, "find", lambda *_: [user])
    resolver = JITResolver(people, people, Rules(match="employee_id"))
    refused(resolver.resolve(asserted("ada", employeeNumber="E7")), "mismatch")


def test_the_username_is_one_that_a_person_can_have(people, asserted):
    """The username must be a single readable value, also where another field finds the user."""
    resolver = JITResolver(people, people, Rules(mapping=AttributeMap(username=("uid",)), match="email"))
    for uid in (["ada", "eve"], "\u0430da", "a\u034fda", " ada"):
        refused(resolver.resolve(asserted("n1", email="a@x.test", uid=uid)), "attribute_unusable")
    assert people.users == {}
