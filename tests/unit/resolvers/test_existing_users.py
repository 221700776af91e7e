"""The resolver ``existing``: finds, never writes users."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import ConfigurationError, DirectoryUnavailable
from saml_wsgi.model import Changes, Denied
from saml_wsgi.resolvers import AttributeMap, ExistingResolver, ResolverContext
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.existing import factory
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.rules import Rules

DEFAULT = AttributeMap()
UID = AttributeMap(username=("uid",))


class ReadOnly:
    """The reading half of a directory, so that nothing can be written to users."""

    def __init__(self, directory):
        self.find, self.get = directory.find, directory.get


@pytest.fixture
def existing(place):
    """Makes the resolver over the place at hand."""

    def make(mapping=DEFAULT, ask="", **rules):
        rules = Rules(mapping=mapping, **rules)
        return ExistingResolver(ReadOnly(place.directory), place.links, rules, ask=ask)

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
    resolver = ExistingResolver(people, people, Rules(**options))
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
    people.reads = people.follows = people.writes = 0
    assert ExistingResolver(people, people).resolve(asserted("ada")).user == user
    assert (people.reads, people.follows, people.writes) == (1, 1, 0)


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


# -- whom to ask --


def test_whom_to_ask(existing, place, asserted):
    """Somebody who is switched off, or was deleted, is told whom to ask; nobody else is."""
    place.add("ada", active=False)
    place.add("bob", email="b@x.test")
    place.add("eve", email="b@x.test")
    resolver = existing(ask="Ask Ines.")
    assert resolver.resolve(asserted("ada")).explanation == "Ask Ines."
    assert existing(ask="Ask Ines.", match="email").resolve(asserted(email="b@x.test")).explanation == ""


def test_whom_to_ask_from_a_configuration(people, asserted):
    """The option is one sentence, however many lines it has in the ini."""
    people.links["jumpcloud", "NameID:ada"] = "7"
    resolver = factory(ResolverContext("staff", people, people), ask="Ask Ines\n  at the desk.")
    answer = resolver.resolve(asserted("ada"))
    assert (answer.code, answer.explanation) == ("not_found", "Ask Ines at the desk.")


# -- who may sign in --


@pytest.mark.parametrize(
    ("access", "attributes", "expected"),
    [
        (Access(allow_groups=("staff",)), {}, "not_allowed"),
        (Access(allow_groups=("staff",)), {"memberOf": ["People"]}, None),
        (Access(allow_groups=("STAFF",)), {"memberOf": ["people"]}, None),
        (Access(allow_groups=("kept",)), {}, None),
        (Access(deny_groups=("kept",)), {}, "not_allowed"),
        (Access(deny_groups=("staff",)), {"memberOf": ["people"]}, "not_allowed"),
        (Access(deny_groups=("people",)), {"memberOf": ["people"]}, "not_allowed"),
        (Access(allow_groups=("staff",), deny_groups=("kept",)), {"memberOf": ["people"]}, "not_allowed"),
        (Access(allow_domains=("x.test",)), {}, None),
        (Access(allow_domains=("y.test",)), {"email": "ada@y.test"}, "not_allowed"),
    ],
)
def test_who_may_sign_in(existing, place, asserted, access, attributes, expected):
    """The lists look at what the directory has and at what was asserted, mapped; nobody else is pinned."""
    place.add("ada", managed_by="local", email="ada@x.test", groups=("kept",))
    resolver = existing(access=access, groups=GroupRules(map=(("people", "staff"),)))
    answer = resolver.resolve(asserted("ada", **attributes))
    if expected is None:
        assert answer.user.groups == ("kept",)
    else:
        assert code(answer) == expected
        assert place.links.follow("jumpcloud", "NameID:ada") is None


def test_an_asserted_address_counts_where_the_user_has_none(existing, place, asserted):
    """allow.domains looks at the user's address, and only without one at the asserted one."""
    place.add("ada", managed_by="local")
    resolver = existing(access=Access(allow_domains=("x.test",)))
    assert code(resolver.resolve(asserted("ada"))) == "not_allowed"
    assert code(resolver.resolve(asserted("ada", email="ada@y.test"))) == "not_allowed"
    assert resolver.resolve(asserted("ada", email="ada@X.test")).user.username == "ada"


def test_matching_by_another_field(existing, place, asserted):
    """Any field can match; fields that are no names are compared exactly."""
    user = place.add("ada", employee_id="E7")
    resolver = existing(match="employee_id", link_source=())
    assert resolver.resolve(asserted("n1", employeeNumber="E7")).user.id == user.id
    assert resolver.resolve(asserted("n1", employeeNumber="E8")) is None
    answer = resolver.resolve(asserted("n1", employeeNumber="e7"))
    assert answer is None or answer.code == "mismatch"
