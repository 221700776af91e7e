"""The resolver ``ldap`` from a configuration: its options, and what can't be meant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saml_wsgi.errors import ConfigurationError, SourceUnavailable
from saml_wsgi.model import Standing
from saml_wsgi.resolvers import ResolverContext
from saml_wsgi.resolvers.ldap import factory
from saml_wsgi.testing.clock import FakeClock
from tests.unit.resolvers.conftest import People
from tests.unit.resolvers.kept_people import ADA, NOW, OWNER, Company, KeptPeople
from tests.unit.resolvers.test_jit_sources import Staff


def company() -> Company:
    made = Company()
    made.has("uuid:1", **ADA)
    return made


@pytest.fixture
def make():
    """Makes the resolver from options; ``people`` and ``sources`` are its surroundings."""

    def made(people=None, sources=None, **options):
        people = people if people is not None else KeptPeople()
        standings = people if isinstance(people, KeptPeople) else None
        context = ResolverContext(
            "ldap",
            people,
            people,
            sources=sources if sources is not None else {"corp": company()},
            standings=standings,
            clock=FakeClock(NOW),
        )
        return factory(context, **options)

    return made


def problems(make, *args, **options) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as failure:
        make(*args, **options)
    return {problem.key.removeprefix("resolver.ldap."): str(problem) for problem in failure.value.problems}


def test_the_only_source(make, asserted):
    """The only source that keeps people needn't be named; others can't be meant."""
    resolver = make(sources={"hr": Staff(), "corp": company()})
    assert resolver.source_name == "corp"
    assert resolver.resolve(asserted("ada")).user.managed_by == OWNER


def test_a_source_by_name(make):
    """Of several, the one that is named is asked."""
    assert make(sources={"corp": company(), "other": company()}, source="other").source_name == "other"


@pytest.mark.parametrize(
    ("sources", "source", "told"),
    [
        ({}, None, "There is no source that keeps people"),
        ({"hr": Staff()}, None, "There is no source that keeps people"),
        ({"a": company(), "b": company()}, None, "several sources that keep people: a, b"),
        ({"a": company()}, "b", "There is no source 'b'; there are: a"),
        ({"hr": Staff(), "a": company()}, "hr", "The people of hr can't be read as a whole"),
    ],
)
def test_which_source_is_not_clear(make, sources, source, told):
    """It is told what there is, and what to write."""
    assert told in problems(make, sources=sources, source=source)["source"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"source_down": "ignore"}, "source_down"),
        ({"source_down": "use_last_known"}, "max_age"),
        ({"max_age": timedelta(hours=8)}, "max_age"),
        ({"source_down": "use_last_known", "max_age": timedelta(minutes=59)}, "max_age"),
        ({"never": ("username",)}, "never"),
        ({"defaults": "email"}, "defaults"),
        ({"defaults": "email = {nobody}"}, "defaults"),
        ({"allow_domains": ("a@b",)}, "allow_domains"),
        ({"required": ("shoe_size",)}, "required"),
    ],
)
def test_options_that_cannot_be_meant(make, options, key):
    """Each is told under its own key."""
    assert set(problems(make, **options)) == {key}


def test_what_the_source_does_not_speak_of(make):
    """A field that the source never says can't be required."""
    corp = company()
    corp.fields = ("username", "email")
    told = problems(make, sources={"corp": corp}, required=("email", "last_name"))
    assert "source.corp.last_name" in told["required"]


def test_options_of_others(make):
    """An option that this resolver doesn't have is told: what is cleared is the source's to say."""
    assert set(problems(make, clear="email")) == {"clear"}


def test_a_directory_that_cannot_be_written(make):
    """It writes users, so the directory must be one that can be written."""

    class ReadOnly:
        find = get = None

    assert "no methods create and update" in problems(make, people=ReadOnly())["use"]


def test_links_that_keep_no_standings(make):
    """Links of a directory of one's own that can't keep what a source says aren't enough."""
    assert "Standings" in problems(make, people=People())["use"]


def test_the_last_known(make, asserted):
    """source_down and max_age arrive where they are meant."""
    corp, people = company(), KeptPeople()
    options = {"source_down": "use_last_known", "max_age": timedelta(hours=2)}
    resolver = make(people=people, sources={"corp": corp}, **options)
    resolver.resolve(asserted("ada"))
    corp.down = True
    assert resolver.resolve(asserted("ada")).user.username == "ada"
    people.standings[OWNER, "uuid:1"] = Standing("active", NOW, NOW - 7201)
    with pytest.raises(SourceUnavailable):
        resolver.resolve(asserted("ada"))


def test_the_policy_that_a_synchronisation_follows(make):
    """What is written shows, so that a synchronisation writes the same."""
    policy = make(never=("email",), on_create=("groups",), defaults="display_name = {username}").policy
    assert (policy.owner, policy.authoritative, policy.never, policy.on_create) == (
        "ldap",
        True,
        ("email",),
        ("groups",),
    )
    assert [name for name, _ in policy.defaults] == ["display_name"]


def test_links_that_are_off(make, asserted):
    """Where nobody is pinned at the identity provider, people are pinned at the source all the same."""
    people = KeptPeople()
    context = ResolverContext("ldap", people, None, sources={"corp": company()}, standings=people)
    user = factory(context).resolve(asserted("ada")).user
    assert people.links == {(OWNER, "uuid:1"): user.id}
