"""The resolver ``jit`` with sources: what others know of a person, beside the assertion."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Ambiguous, SourceUnavailable
from saml_wsgi.model import Changes, Denied, Profile
from saml_wsgi.resolvers import AttributeMap, JITResolver, ResolverContext
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.jit import factory


class Staff:
    """A source with one answer, which remembers what it was asked."""

    def __init__(self, answer=None):
        self.answer, self.asked = answer, []

    def look_up(self, keys, /):
        self.asked.append(dict(keys))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def jit(people):
    """Makes the resolver with sources by name, in the order of ``order``."""

    def make(order: str = "saml hr", *, options=None, context=None, **sources) -> JITResolver:
        place = ResolverContext("jit", people, people, sources=sources, **(context or {}))
        return factory(place, sources=tuple(order.split()), **(options or {}))

    return make


@pytest.mark.parametrize(
    ("order", "first_name", "last_name", "origins"),
    [
        ("saml hr", "Said", "Known", ("saml:firstname", "hr:last_name")),
        ("hr saml", "Known", "Known", ("hr:first_name", "hr:last_name")),
        ("saml", "Said", "", ("saml:firstname", None)),
        ("hr", "Known", "Known", ("hr:first_name", "hr:last_name")),
    ],
)
def test_the_first_that_knows_counts(jit, asserted, order, first_name, last_name, origins):
    """A field takes the value of the first source that has one, and its origin says which."""
    hr = Staff(Profile(username="ada", first_name="Known", last_name="Known"))
    user = (answer := jit(order, hr=hr).resolve(asserted("ada", firstname="Said"))).user
    assert (user.first_name, user.last_name) == (first_name, last_name)
    assert (answer.origins.get("first_name"), answer.origins.get("last_name")) == origins


def test_what_a_source_says_is_empty_counts(jit, people, asserted):
    """Said to be empty is said: a later source doesn't fill it, and it clears what is to be cleared."""
    hr = Staff(Profile(first_name=""))
    assert jit("hr saml", hr=hr).resolve(asserted("ada", firstname="Said")).user.first_name == ""
    people.create(Profile(username="eve", first_name="Old"), managed_by="jit:jumpcloud")
    resolver = jit("hr saml", hr=hr, options={"clear": ("first_name",)})
    assert resolver.resolve(asserted("eve", firstname="Said")).changes == Changes({"first_name": ""})


def test_what_a_source_is_asked(jit, asserted):
    """It is asked by the field that matches, the username and the address, as far as they were asserted."""
    hr = Staff()
    jit("saml hr", hr=hr, options={"match": "employee_id"}).resolve(asserted("ada", employeeNumber="7"))
    jit("saml hr", hr=hr).resolve(asserted("ADA", email="ada@x.test"))
    assert hr.asked == [
        {"employee_id": "7", "username": "ada"},
        {"username": "ADA", "email": "ada@x.test"},
    ]


def test_a_source_that_does_not_know_the_person(jit, asserted):
    """None adds nothing."""
    assert jit("hr saml", hr=Staff()).resolve(asserted("ada", firstname="A")).user.first_name == "A"


def test_a_source_that_is_down(jit, people, asserted):
    """Nobody comes in on half of what is known, and nothing is written."""
    with pytest.raises(SourceUnavailable):
        jit("saml hr", hr=Staff(SourceUnavailable("down"))).resolve(asserted("ada"))
    assert (people.users, people.writes) == ({}, 0)


def test_a_source_that_knows_several(jit, people, asserted):
    """Several people for one key are refused."""
    answer = jit("saml hr", hr=Staff(Ambiguous("two"))).resolve(asserted("ada"))
    assert (answer.code, people.users) == ("ambiguous", {})


def test_the_field_that_matches_is_as_asserted(jit, asserted):
    """Who is meant is the assertion's to say: a source that comes first doesn't rename anybody."""
    answer = jit("hr saml", hr=Staff(Profile(username="eve", email="e@x.test"))).resolve(asserted("ada"))
    assert (answer.user.username, answer.origins["username"]) == ("ada", "saml:NameID")
    assert answer.user.email == "e@x.test"


def test_a_username_from_a_source(jit, asserted):
    """Found by e-mail, a person's username can come from a source; without one they are refused."""
    said = asserted("x", transient=True, email="ada@x.test")
    context = {"match": "email", "mapping": AttributeMap(username=("uid",))}
    answer = jit("saml hr", hr=Staff(Profile(username="ada")), context=context).resolve(said)
    assert (answer.user.username, answer.origins["username"]) == ("ada", "hr:username")
    other = asserted("x", transient=True, email="eve@x.test")
    denied = jit("saml hr", hr=Staff(), context=context).resolve(other)
    assert denied.code == "missing_attribute"
    assert "nor do hr know it" in denied.detail


@pytest.mark.parametrize(
    "profile",
    [
        Profile(first_name="x" * 257),
        Profile(email="\ufdfa" * 200),
        Profile(first_name=7),
        Profile(first_name="\x1b[31mAda"),
        Profile(groups=("a\x00",)),
        Profile(groups=("x" * 257,)),
        Profile(groups=(7,)),
        Profile(groups=tuple(map(str, range(10_001)))),
    ],
)
def test_values_that_cannot_be_used(jit, people, asserted, profile):
    """What a source says is bounded like what is asserted."""
    answer = jit("saml hr", hr=Staff(profile)).resolve(asserted("ada"))
    assert (answer.code, people.users) == ("attribute_unusable", {})


@pytest.mark.parametrize("username", ["\u0430da", "a\u200bda", "x" * 257])
def test_a_username_that_cannot_be_used(jit, people, asserted, username):
    """A username from a source must be one that a person can read, too."""
    context = {"match": "email", "mapping": AttributeMap(username=("uid",))}
    answer = jit("saml hr", hr=Staff(Profile(username=username)), context=context).resolve(
        asserted("n1", email="ada@x.test")
    )
    assert (answer.code, people.users) == ("attribute_unusable", {})


def test_groups_of_a_source(jit, asserted):
    """Groups of a source go by the same rules; those of the assertion count where it comes first."""
    rules = GroupRules(map=(("root", "admins"), ("/r.+/", "admins")), privileged=("admins",))
    context = {"groups": rules}
    hr = Staff(Profile(groups=("admins", "Staff", " ")))
    answer = jit("hr saml", hr=hr, context=context).resolve(asserted("ada", memberOf=["root"]))
    assert answer.user.groups == ("Staff",)
    assert answer.origins["groups"] == "hr:groups"
    assert set(answer.left) == {"admins"}
    answer = jit("saml hr", hr=hr, context=context).resolve(asserted("eve", memberOf=["root"]))
    assert answer.user.groups == ("admins",)
    answer = jit("saml hr", hr=hr, context=context).resolve(asserted("bob"))
    assert answer.user.groups == ("Staff",)


def test_a_source_can_keep_somebody_out(jit, people, asserted):
    """A denied group counts if the assertion has it, or the source whose groups count."""
    context = {"access": Access(deny_groups=("bad",))}
    bad, good = Staff(Profile(groups=("bad",))), Staff(Profile(groups=("good",)))
    for order in ("saml hr", "hr saml", "hr"):
        resolver = jit(order, hr=good, context=context)
        assert resolver.resolve(asserted("ada", memberOf=["bad"])).code == "not_allowed"
        resolver = jit(order, hr=bad, context=context)
        assert resolver.resolve(asserted("ada")).code == "not_allowed"
    assert (
        jit("hr saml", hr=bad, context=context).resolve(asserted("a", memberOf=["g"])).code == "not_allowed"
    )
    assert people.users == {}


def test_nobody_is_asked_of_somebody_who_may_not_come_in(jit, people, asserted):
    """A person whom the directory refuses anyway isn't looked up."""
    people.create(Profile(username="ada"), managed_by="ldap:corp")
    hr = Staff()
    answer = jit("saml hr", hr=hr).resolve(asserted("ada"))
    assert isinstance(answer, Denied)
    assert (answer.code, hr.asked) == ("managed_elsewhere", [])


def test_nothing_new_writes_nothing(jit, people, asserted):
    """A source that says the same again costs a look-up and no write."""
    resolver = jit("saml hr", hr=Staff(Profile(employee_id="7", groups=("b", "a"))))
    resolver.resolve(asserted("ada"))
    people.reads = people.follows = people.writes = 0
    assert resolver.resolve(asserted("ada")).outcome == "unchanged"
    assert (people.reads, people.follows, people.writes) == (1, 1, 0)


@pytest.mark.parametrize("order", ["saml hr", "hr saml", "saml other hr"])
def test_a_source_says_that_somebody_is_switched_off(jit, people, asserted, order):
    """Whoever is switched off in one source is refused before anything is written, whatever others say."""
    off = Staff(Profile(active=False, origins={"active": "userAccountControl"}))
    answer = jit(order, hr=off, other=Staff(Profile(active=True))).resolve(asserted("ada"))
    assert (answer.code, people.users, people.links, people.writes) == ("inactive", {}, {}, 0)
    assert answer.detail == "the source hr says that this person is switched off: userAccountControl"
    jit("saml hr", hr=Staff(Profile(active=True))).resolve(asserted("ada"))
    writes = people.writes
    assert jit("saml hr", hr=off).resolve(asserted("ada", firstname="New")).code == "inactive"
    assert people.writes == writes
