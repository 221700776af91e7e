"""The resolver ``existing``: finds, never writes users."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import ConfigurationError, DirectoryUnavailable
from saml_wsgi.model import Changes, Denied
from saml_wsgi.resolvers import AttributeMap, ExistingResolver, ResolverContext
from saml_wsgi.resolvers.existing import factory

UID = AttributeMap(username=("uid",))


class ReadOnly:
    """The reading half of a directory, so that nothing can be written to users."""

    def __init__(self, directory):
        self.find, self.get = directory.find, directory.get


@pytest.fixture
def existing(place):
    """Makes the resolver over the place at hand."""

    def make(mapping=None, **options):
        return ExistingResolver(ReadOnly(place.directory), place.links, mapping, **options)

    return make


def code(answer) -> str:
    assert isinstance(answer, Denied), answer
    return answer.code


@pytest.mark.parametrize("owner", ["local", "ldap:corp", "jit:jumpcloud"])
def test_finds_whoever_made_the_user(existing, place, asserted, owner):
    """A user is signed in as it is, whoever keeps it, and none of its fields changes."""
    user = place.add("ada", managed_by=owner, email="old@x.test", groups=("a",))
    answer = existing().resolve(asserted("ADA", email="new@x.test", memberOf=["b"]))
    assert answer.user == user == place.find("ada")
    assert (answer.outcome, answer.changes, answer.resolver) == ("unchanged", Changes(), "existing")
    assert answer.origins == {"username": "directory", "email": "directory", "groups": "directory"}


def test_finds_by_email(existing, place, asserted):
    """Match = email finds the user by address, whatever its case."""
    user = place.add("ada", managed_by="local", email="Ada@X.test")
    assert existing(match="email").resolve(asserted("n1", email="ada@x.TEST")).user.id == user.id


def test_no_opinion_on_strangers(existing, place, asserted):
    """Somebody whom it doesn't find is left to the next resolver, and not pinned."""
    assert existing().resolve(asserted("ada")) is None
    assert place.links.follow("jumpcloud", "NameID:ada") is None


def test_pins_at_the_first_match(existing, place, asserted):
    """The person is pinned to the user at the first match, and recognised by the link later."""
    user = place.add("ada", managed_by="local")
    resolver = existing(UID)
    resolver.resolve(asserted("n1", uid="ada"))
    assert place.links.follow("jumpcloud", "NameID:n1") == user.id
    assert resolver.resolve(asserted("n1", uid="lovelace")).user.id == user.id


def test_refuses_what_contradicts_the_link(existing, place, asserted):
    """Another person's name is a mismatch; another person with one's name is a link conflict."""
    place.add("ada", managed_by="local")
    place.add("bob", managed_by="local")
    resolver = existing(UID)
    resolver.resolve(asserted("n1", uid="ada"))
    resolver.resolve(asserted("n2", uid="bob"))
    assert code(resolver.resolve(asserted("n2", uid="ada"))) == "mismatch"
    assert code(resolver.resolve(asserted("n3", uid="ada"))) == "link_conflict"


def test_inactive_ends_the_chain(existing, place, asserted):
    """A user who is switched off is refused here, and not pinned."""
    place.add("ada", managed_by="local", active=False)
    assert code(existing().resolve(asserted("ada"))) == "inactive"
    assert place.links.follow("jumpcloud", "NameID:ada") is None


def test_ambiguous(existing, place, asserted):
    """Two users with one e-mail address are refused."""
    place.add("ada", email="a@x.test")
    place.add("bob", email="A@x.test")
    assert code(existing(match="email").resolve(asserted(email="a@x.test"))) == "ambiguous"


@pytest.mark.parametrize(
    ("options", "attributes", "expected"),
    [
        ({"match": "email"}, {}, "missing_attribute"),
        ({"match": "email"}, {"email": ""}, "missing_attribute"),
        ({"match": "email"}, {"email": "ada"}, "attribute_unusable"),
        ({"link_source": ("employee",)}, {}, "missing_attribute"),
        ({}, {"transient": True}, "missing_attribute"),
    ],
)
def test_what_is_needed(people, asserted, options, attributes, expected):
    """What finds and identifies a person must have arrived; otherwise no other resolver is asked."""
    people.create(AttributeMap().profile(asserted("ada")), managed_by="local")
    resolver = ExistingResolver(people, people, **options)
    assert code(resolver.resolve(asserted("ada", **attributes))) == expected


def test_other_attributes_do_not_matter(existing, place, asserted):
    """A value that it doesn't read refuses nobody."""
    place.add("ada", managed_by="local")
    assert existing().resolve(asserted("ada", email="x" * 300, memberOf=["y" * 300])).user.username == "ada"


def test_a_deleted_user_is_not_nobody(people, asserted):
    """A person whose user was deleted is refused rather than left to a resolver that would make a new one."""
    people.links["jumpcloud", "NameID:ada"] = "7"
    assert code(ExistingResolver(people, people).resolve(asserted("ada"))) == "not_found"


def test_one_read(people, asserted):
    """Once pinned, a person costs one read of the directory."""
    user = people.create(
        AttributeMap().profile(asserted("ada")), managed_by="local", link=("jumpcloud", "NameID:ada")
    )
    people.reads = people.writes = 0
    assert ExistingResolver(people, people).resolve(asserted("ada")).user == user
    assert (people.reads, people.writes) == (1, 0)


def test_a_directory_that_is_down(people, asserted):
    """A directory that doesn't answer isn't mistaken for "nobody"."""
    people.down = True
    with pytest.raises(DirectoryUnavailable):
        ExistingResolver(people, people).resolve(asserted("ada"))


def test_factory(people, asserted):
    """The factory works over a directory that can't be written, and takes a match of its own."""
    people.create(AttributeMap().profile(asserted("ada", email="a@x.test")), managed_by="local")
    resolver = factory(ResolverContext("staff", ReadOnly(people)), match="email")
    answer = resolver.resolve(asserted("n1", email="a@x.test"))
    assert (answer.user.username, answer.resolver) == ("ada", "staff")


def test_factory_with_wrong_options(people):
    """Every unknown option is named at once."""
    with pytest.raises(ConfigurationError) as error:
        factory(ResolverContext("staff", people), matsch="email", writes="yes")
    assert [problem.key for problem in error.value.problems] == [
        "resolver.staff.matsch",
        "resolver.staff.writes",
    ]
