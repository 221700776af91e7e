"""The resolver ``jit``: who may sign in, who is made, and in which groups they are then."""

from __future__ import annotations

import pytest

from saml_wsgi.model import Denied, Profile
from saml_wsgi.resolvers import AttributeMap, JITResolver
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules

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


# -- who may sign in, and who may be made --


@pytest.mark.parametrize(
    ("access", "attributes", "may"),
    [
        (Access(allow_groups=("staff",)), {"memberOf": ["staff"]}, True),
        (Access(allow_groups=("staff",)), {"memberOf": ["other"]}, False),
        (Access(allow_groups=("staff",)), {}, False),
        (Access(deny_groups=("bad",)), {"memberOf": ["staff", "BAD"]}, False),
        (Access(allow_groups=("staff",), deny_groups=("bad",)), {"memberOf": ["staff", "bad"]}, False),
        (Access(allow_domains=("x.test",)), {"email": "ada@x.test"}, True),
        (Access(allow_domains=("x.test",)), {"email": "ada@y.test"}, False),
        (Access(allow_domains=("x.test",)), {}, False),
    ],
)
def test_access_to_new_users(jit, place, asserted, access, attributes, may):
    """Whoever may not sign in isn't made."""
    answer = jit(rules={"access": access}).resolve(asserted("ada", **attributes))
    if may:
        assert answer.outcome == "created"
    else:
        refused(answer, "not_allowed")
        assert place.find("ada") is None
        assert place.links.follow("jumpcloud", "NameID:ada") is None


def test_access_looks_at_the_user_as_it_would_be(jit, place, asserted):
    """A known user is refused by what the assertion would make of it, and isn't changed or pinned."""
    before = place.add("ada", email="ada@x.test", groups=("staff",))
    resolver = jit(rules={"access": Access(allow_groups=("staff",), allow_domains=("x.test",))})
    refused(resolver.resolve(asserted("ada", memberOf=["other"], firstname="A")), "not_allowed")
    refused(resolver.resolve(asserted("ada", email="ada@y.test")), "not_allowed")
    assert place.find("ada") == before
    assert place.links.follow("jumpcloud", "NameID:ada") is None
    assert resolver.resolve(asserted("ada", email="Ada2@x.test")).outcome == "updated"


def test_a_denied_user_is_not_switched_on(jit, place, asserted):
    """Deny wins over reactivate."""
    place.add("ada", active=False)
    resolver = jit(reactivate=True, rules={"access": Access(deny_groups=("bad",))})
    refused(resolver.resolve(asserted("ada", memberOf=["bad"])), "not_allowed")
    assert not place.find("ada").active


def test_groups_that_are_not_written_count_for_access(jit, place, asserted):
    """Who may sign in is asked of what was asserted, also where groups aren't written."""
    resolver = jit(never=("groups",), rules={"access": Access(allow_groups=("staff",))})
    assert resolver.resolve(asserted("ada", memberOf=["staff"])).user.groups == ()
    refused(resolver.resolve(asserted("ada", memberOf=[])), "not_allowed")


def test_who_may_be_made(jit, place, asserted):
    """allow_groups and allow_domains limit new users, not those who are there."""
    place.add("old", managed_by="local")
    resolver = jit(allow=Access(allow_groups=("staff",), allow_domains=("x.test",)))
    assert resolver.resolve(asserted("old")).outcome == "unchanged"
    refused(resolver.resolve(asserted("new", memberOf=["staff"])), "not_allowed")
    refused(resolver.resolve(asserted("new", email="n@x.test")), "not_allowed")
    assert place.find("new") is None
    assert resolver.resolve(asserted("new", email="n@x.test", memberOf=["staff"])).outcome == "created"
    assert resolver.resolve(asserted("new")).outcome == "unchanged"


# -- groups --


def test_groups_by_rules(jit, place, asserted):
    """Groups are renamed, kept within the managed set, and come with those of everybody; origins say so."""
    rules = GroupRules(
        map=(("Wiki Editors", "w-editors"), ("/w-(.+)/", r"w-\1")),
        default=("everybody",),
        managed=("w-*",),
        privileged=("w-admins",),
    )
    user = place.add("ada", groups=("lunch", "w-old"))
    resolver = jit(rules={"groups": rules})
    answer = resolver.resolve(
        asserted("ada", memberOf=["wiki editors", "w-admins", "board", "email", "active"])
    )
    assert answer.user.groups == ("everybody", "lunch", "w-editors") == place.find("ada").groups
    assert answer.user.id == user.id
    assert set(answer.left) == {"w-admins", "board", "group email", "group active"}
    assert answer.origins["groups"] == "saml:memberOf, default, directory"
    again = resolver.resolve(
        asserted("ada", memberOf=["wiki editors", "w-admins", "board", "email", "active"])
    )
    assert again.outcome == "unchanged"
    assert resolver.resolve(asserted("ada")).user.groups == answer.user.groups
    assert resolver.resolve(asserted("ada", memberOf=[])).user.groups == ("everybody", "lunch")


def test_everybodys_groups_without_any_asserted(jit, asserted):
    """Default groups are added where the assertion says nothing of groups."""
    answer = jit(rules={"groups": GroupRules(default=("everybody",))}).resolve(asserted("ada"))
    assert answer.user.groups == ("everybody",)
    assert answer.origins["groups"] == "default"


def test_a_separated_text_of_groups(jit, asserted):
    """One value can hold several groups."""
    answer = jit(rules={"groups": GroupRules(separator=";")}).resolve(asserted("ada", memberOf="b; a;;b"))
    assert answer.user.groups == ("a", "b")


class Register:
    """A directory that knows which groups there are, and counts how often it is asked."""

    def __init__(self, people, groups):
        self.find, self.get, self.create, self.update = people.find, people.get, people.create, people.update
        self.groups, self.asked = groups, 0

    def known_groups(self, groups, /):
        self.asked += 1
        return frozenset(groups) & self.groups


def test_groups_that_nobody_made(people, asserted):
    """With create off only groups that are there are joined, and no one is asked when none is."""
    directory = Register(people, {"there"})
    resolver = JITResolver(directory, people, Rules(groups=GroupRules(create=False)))
    answer = resolver.resolve(asserted("ada", memberOf=["there", "new"]))
    assert answer.user.groups == ("there",)
    assert set(answer.left) == {"new"}
    directory.asked = people.reads = people.follows = people.writes = 0
    assert resolver.resolve(asserted("ada", memberOf=["there"])).outcome == "unchanged"
    assert (directory.asked, people.reads, people.follows, people.writes) == (0, 1, 1, 0)


def test_nobody_is_asked_which_groups_there_are_without_need(people, asserted):
    """Of a user whose groups aren't written, the directory isn't asked for groups."""
    directory = Register(people, set())
    people.create(Profile(username="ada"), managed_by="local")
    resolver = JITResolver(directory, people, Rules(groups=GroupRules(create=False)))
    answer = resolver.resolve(asserted("ada", memberOf=["new"]))
    assert (directory.asked, set(answer.left)) == (0, {"groups"})
