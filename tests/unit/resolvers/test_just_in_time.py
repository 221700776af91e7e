"""The resolver ``jit``: who is created, what is updated, who is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from saml_wsgi.errors import ConfigurationError, DirectoryUnavailable
from saml_wsgi.model import Changes, Denied, Profile, Resolution
from saml_wsgi.resolvers import AttributeMap, ExistingResolver, JITResolver, ResolverContext
from saml_wsgi.resolvers.identification import subject_from
from saml_wsgi.resolvers.jit import factory
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules

EMPLOYEE = {"link_source": ("employee",)}
DEFAULT = AttributeMap()
UID = AttributeMap(username=("uid",))


@pytest.fixture
def jit(place):
    """Makes the resolver over the place at hand."""

    def make(mapping: AttributeMap = DEFAULT, policy: Policy | None = None, **rules) -> JITResolver:
        return JITResolver(place.directory, place.links, Rules(mapping=mapping, **rules), policy)

    return make


def refused(answer, code: str) -> str:
    """The detail of a refusal with that code."""
    assert isinstance(answer, Denied), answer
    assert answer.code == code, answer
    return answer.detail


def test_first_sign_in_creates(jit, place, asserted):
    """A person who isn't known is created from the assertion, pinned, and owned by the identity provider."""
    answer = jit().resolve(
        asserted(
            "ada", email="ada@x.test", firstname="Ada", lastname="L", displayname="A L", memberOf=["b", "a"]
        )
    )
    assert isinstance(answer, Resolution)
    assert (answer.outcome, answer.resolver) == ("created", "jit")
    assert answer.user == place.find("ada")
    assert answer.user.groups == ("a", "b")
    assert (answer.user.email, answer.user.display_name) == ("ada@x.test", "A L")
    assert answer.user.managed_by == "jit:jumpcloud"
    assert answer.changes.values["email"] == "ada@x.test"
    assert answer.origins["username"] == "saml:NameID"
    assert answer.origins["groups"] == "saml:memberOf"
    assert place.links.follow("jumpcloud", "NameID:ada") == answer.user.id


def test_second_sign_in_changes_nothing(jit, place, asserted):
    """Signing in again with the same values is the same user, unchanged."""
    first = jit().resolve(asserted("ada", email="ada@x.test", memberOf=["b", "a"]))
    again = jit().resolve(asserted("ada", email="ada@x.test", memberOf=["a", "b"]))
    assert again.user == first.user
    assert (again.outcome, again.changes) == ("unchanged", Changes())


def test_a_sign_in_that_changes_nothing_costs_one_read(people, asserted):
    """A known person with nothing new costs one read of the directory, one of the links and no write."""
    jit = JITResolver(people, people)
    jit.resolve(asserted("ada", email="ada@x.test"))
    people.reads = people.follows = people.writes = 0
    jit.resolve(asserted("ada", email="ada@x.test"))
    assert (people.reads, people.follows, people.writes) == (1, 1, 0)


def test_changed_email_is_written(jit, place, asserted):
    """A new e-mail address is written, and only that."""
    first = jit().resolve(asserted("ada", email="old@x.test", firstname="Ada"))
    answer = jit().resolve(asserted("ada", email="new@x.test", firstname="Ada"))
    assert answer.outcome == "updated"
    assert answer.changes == Changes({"email": "new@x.test"})
    assert answer.user.id == first.user.id
    assert place.find("ada").email == "new@x.test"
    assert answer.origins["email"] == "saml:email"


@pytest.mark.parametrize("attributes", [{}, {"email": "", "firstname": []}])
def test_absent_and_empty_attributes_leave_their_fields_alone(jit, place, asserted, attributes):
    """What isn't said, or is said to be empty, is not cleared."""
    jit().resolve(asserted("ada", email="ada@x.test", firstname="Ada", memberOf=["a"]))
    answer = jit().resolve(asserted("ada", **attributes))
    assert answer.outcome == "unchanged"
    assert (answer.user.email, answer.user.first_name, answer.user.groups) == ("ada@x.test", "Ada", ("a",))
    assert answer.origins["email"] == "directory"


@pytest.mark.parametrize(("groups", "expected"), [(["b", "c"], ("b", "c")), ([], ()), ([""], ())])
def test_groups_follow_the_assertion(jit, place, asserted, groups, expected):
    """Memberships are what a groups attribute that arrived says, also none."""
    jit().resolve(asserted("ada", memberOf=["a", "b"]))
    answer = jit().resolve(asserted("ada", memberOf=groups))
    assert answer.outcome == "updated"
    assert answer.user.groups == expected
    assert place.find("ada").groups == expected


@pytest.mark.parametrize("other", ["ADA", "\uff41\uff44\uff41", "Ada"])
def test_spellings_of_one_name_are_one_user(jit, place, asserted, other):
    """Case and compatibility variants of a name find the same user, whose username stays as it is."""
    first = jit().resolve(asserted("ada"))
    answer = jit().resolve(asserted(other))
    assert (answer.user.id, answer.user.username) == (first.user.id, "ada")
    assert answer.outcome == "unchanged"
    assert answer.origins["username"] == "directory"


def test_unicode_names(jit, place, asserted):
    """Composed and decomposed letters are one name; letters of other scripts side by side are none."""
    composed = jit().resolve(asserted("andr\u00e9"))
    assert jit().resolve(asserted("andre\u0301")).user.id == composed.user.id
    assert jit().resolve(asserted("andre")).outcome == "created"
    assert jit().resolve(asserted("\u0430\u043d\u043d\u0430")).outcome == "created"  # all Cyrillic
    refused(jit().resolve(asserted("\u0430ndre")), "attribute_unusable")  # a Cyrillic a


def test_a_username_keeps_its_spelling_where_another_field_matches(jit, place, asserted):
    """Found by e-mail, a user gets a new username, but not another spelling of the one it has."""
    by_email = jit(UID, match="email", link_source=("uid2",))
    first = by_email.resolve(asserted(email="ada@x.test", uid="ada", uid2="1"))
    assert by_email.resolve(asserted(email="ADA@x.test", uid="ADA", uid2="1")).outcome == "unchanged"
    renamed = by_email.resolve(asserted(email="ada@x.test", uid="lovelace", uid2="1"))
    assert (renamed.user.id, renamed.user.username) == (first.user.id, "lovelace")


def test_missing_username_names_what_arrived(jit, place, asserted):
    """Without a username nobody is created, and the operator reads names, no values."""
    detail = refused(jit(UID).resolve(asserted("secret", mail="secret@x.test")), "missing_attribute")
    assert "uid" in detail
    assert "attributes.username" in detail
    assert "NameID, mail" in detail
    assert "secret" not in detail


def test_empty_username_is_missing(jit, place, asserted):
    """A username that is said to be empty is missing."""
    refused(jit(UID).resolve(asserted(uid="")), "missing_attribute")


def test_missing_match_field(jit, place, asserted):
    """The field that matches is needed as well as the username."""
    detail = refused(jit(match="email").resolve(asserted("ada")), "missing_attribute")
    assert "attributes.email" in detail


def test_username_is_needed_of_known_people_too(jit, place, asserted):
    """Whoever matches by e-mail must still bring a username, at every sign-in alike."""
    place.add("ada", email="ada@x.test")
    answer = jit(UID, match="email").resolve(asserted(email="ada@x.test"))
    assert "attributes.username" in refused(answer, "missing_attribute")


def test_transient_name_id_is_no_username(jit, place, asserted):
    """A transient NameID makes no user, and the detail says what to set."""
    detail = refused(jit().resolve(asserted("_7f", transient=True)), "missing_attribute")
    assert "transient" in detail
    assert "idp.nameid_stable" in detail
    assert place.find("_7f") is None


def test_transient_name_id_is_never_pinned(jit, place, asserted):
    """With a transient NameID people sign in by an attribute, and nobody is pinned."""
    first = jit(UID).resolve(asserted("_7f", transient=True, uid="ada"))
    again = jit(UID).resolve(asserted("_8a", transient=True, uid="ada"))
    assert (first.outcome, again.user.id) == ("created", first.user.id)
    assert place.links.follow("jumpcloud", "NameID:_7f") is None


@pytest.mark.parametrize("email", ["ada", "@x.test", "ada@", "a@b@c"])
def test_matching_by_email_needs_an_address(jit, place, asserted, email):
    """What isn't an e-mail address matches nobody by e-mail."""
    refused(jit(match="email").resolve(asserted("ada", email=email)), "attribute_unusable")
    assert jit().resolve(asserted("ada", email=email)).user.email == email


@pytest.mark.parametrize(
    "attributes",
    [{"uid": ["ada", "bob"]}, {"uid": "ada\u200b"}, {"uid": "x" * 257}, {"uid": "ada", "email": "x" * 300}],
)
def test_values_that_cannot_be_used(jit, place, asserted, attributes):
    """Several usernames, invisible characters and overlong values are refused, and nobody is created."""
    refused(jit(UID).resolve(asserted(**attributes)), "attribute_unusable")
    assert place.find("ada") is None


def test_several_matches(jit, place, asserted):
    """Two users with one e-mail address are ambiguous: nobody is picked."""
    place.add("ada", email="shared@x.test")
    place.add("bob", email="shared@x.test")
    refused(jit(match="email").resolve(asserted("ada", email="shared@x.test")), "ambiguous")


def test_inactive(jit, place, asserted):
    """A user who is switched off is refused, and neither changed nor pinned."""
    place.add("ada", active=False, email="old@x.test")
    refused(jit().resolve(asserted("ada", email="new@x.test")), "inactive")
    assert place.find("ada").email == "old@x.test"
    assert place.links.follow("jumpcloud", "NameID:ada") is None


@pytest.mark.parametrize("owner", ["ldap:corp", "jit:other", "jit", "Local", ""])
def test_managed_by_somebody_else(jit, place, asserted, owner):
    """A user whom somebody else keeps is refused, and neither changed nor pinned."""
    place.add("ada", managed_by=owner, email="old@x.test")
    refused(jit().resolve(asserted("ada", email="new@x.test")), "managed_elsewhere")
    assert place.find("ada").email == "old@x.test"
    assert place.links.follow("jumpcloud", "NameID:ada") is None


def test_another_identity_provider_with_the_same_email(jit, place, asserted):
    """The same address at another identity provider doesn't open the account."""
    by_email = jit(UID, match="email")
    by_email.resolve(asserted("1", uid="ada", email="ada@x.test"))
    answer = by_email.resolve(asserted("1", idp="other", uid="eve", email="ada@x.test"))
    refused(answer, "managed_elsewhere")


# -- links --


def test_recycled_username_is_a_mismatch(jit, place, asserted):
    """A person who is pinned to one user doesn't become another by taking that one's name."""
    resolver = jit(UID, **EMPLOYEE)
    resolver.resolve(asserted(uid="ada", employee="1"))
    resolver.resolve(asserted(uid="bob", employee="2"))
    refused(resolver.resolve(asserted(uid="ada", employee="2", email="bob@x.test")), "mismatch")
    assert place.find("ada").email == ""


def test_recycled_username_of_a_new_person_is_a_link_conflict(jit, place, asserted):
    """A new person with a name that was somebody's doesn't get that account, nor change it."""
    resolver = jit(UID, **EMPLOYEE)
    resolver.resolve(asserted(uid="ada", employee="1", email="old@x.test"))
    refused(resolver.resolve(asserted(uid="ada", employee="2", email="new@x.test")), "link_conflict")
    assert place.find("ada").email == "old@x.test"


def test_a_link_finds_a_person_whose_name_changed(jit, place, asserted):
    """A pinned person whom the match doesn't find is the pinned user; the matching field stays."""
    resolver = jit(UID, **EMPLOYEE)
    first = resolver.resolve(asserted(uid="ada", employee="1"))
    answer = resolver.resolve(asserted(uid="lovelace", employee="1", email="ada@x.test"))
    assert (answer.user.id, answer.user.username) == (first.user.id, "ada")
    assert (answer.outcome, answer.user.email) == ("updated", "ada@x.test")


def test_a_link_to_a_user_who_was_deleted(people, asserted):
    """Whoever was deleted isn't made again through their link."""
    resolver = JITResolver(people, people, Rules(mapping=UID, **EMPLOYEE))
    first = resolver.resolve(asserted(uid="ada", employee="1"))
    del people.users[first.user.id]
    refused(resolver.resolve(asserted(uid="ada", employee="1")), "not_found")
    assert people.users == {}


def test_first_sign_in_pins_a_user_who_was_there(jit, place, asserted):
    """A user without a link is pinned when it is found, and counts as unchanged."""
    user = place.add("ada")
    answer = jit().resolve(asserted("ada"))
    assert (answer.outcome, answer.user.id) == ("unchanged", user.id)
    assert place.links.follow("jumpcloud", "NameID:ada") == user.id


def test_leaving_out_the_subject_does_not_get_around_the_link(jit, place, asserted):
    """Without any attribute of link.source a person is refused, not matched by name alone."""
    resolver = jit(UID, **EMPLOYEE)
    resolver.resolve(asserted(uid="ada", employee="1"))
    for employee in ({}, {"employee": ""}, {"employee": []}):
        assert "employee" in refused(resolver.resolve(asserted(uid="ada", **employee)), "missing_attribute")


def test_the_first_source_that_arrived_is_the_subject(jit, place, asserted):
    """link.source is an ordered list."""
    resolver = jit(UID, link_source=("employee", "NameID"))
    resolver.resolve(asserted("n1", uid="ada", employee="1"))
    resolver.resolve(asserted("n2", uid="bob"))
    assert place.links.follow("jumpcloud", "attr:employee:1") == place.find("ada").id
    assert place.links.follow("jumpcloud", "NameID:n2") == place.find("bob").id
    assert place.links.follow("jumpcloud", "NameID:n1") is None


def test_opaque_subjects_are_compared_exactly(jit, place, asserted):
    """Identifiers that differ in case alone are two people; addresses that do are one."""
    resolver = jit(UID)
    one = resolver.resolve(asserted("001aB", uid="ada"))
    two = resolver.resolve(asserted("001AB", uid="bob"))
    assert one.user.id != two.user.id
    three = resolver.resolve(asserted("Eve@X.test", uid="eve"))
    assert resolver.resolve(asserted("eve@x.test", uid="eve")).user.id == three.user.id


@pytest.mark.parametrize("employee", [["1", "2"], "1\u200b", "x" * 257])
def test_subjects_that_cannot_be_used(jit, place, asserted, employee):
    """A subject has one printable value of bounded length."""
    refused(jit(UID, **EMPLOYEE).resolve(asserted(uid="ada", employee=employee)), "attribute_unusable")


def test_without_links_nobody_is_pinned(place, asserted):
    """link.source = off: people are whom the match finds."""
    resolver = JITResolver(place.directory, None, Rules(mapping=UID, link_source=()))
    first = resolver.resolve(asserted("n1", uid="ada"))
    assert resolver.resolve(asserted("n2", uid="ada")).user.id == first.user.id
    assert place.links.follow("jumpcloud", "NameID:n1") is None


def test_a_transient_name_id_does_not_get_around_the_link(jit, place, asserted):
    """Whoever has a recycled username doesn't get the old account by asking for a transient NameID."""
    resolver = jit(UID)
    resolver.resolve(asserted("n1", uid="ada", email="old@x.test"))
    stranger = asserted("_7f", transient=True, uid="ada", email="new@x.test")
    assert "none arrived" in refused(resolver.resolve(stranger), "link_conflict")
    assert place.find("ada").email == "old@x.test"
    assert resolver.resolve(asserted("n1", uid="ada")).user.username == "ada"


def test_a_transient_name_id_of_another_identity_provider(place, asserted):
    """A link is one identity provider's: a user without one there still signs in."""
    ours = ExistingResolver(place.directory, place.links, Rules(mapping=UID))
    place.add("ada")
    ours.resolve(asserted("n1", uid="ada"))
    assert ours.resolve(asserted("_7f", transient=True, idp="other", uid="ada")).user.username == "ada"


def test_values_of_different_sources_are_different_people(jit, place, asserted):
    """Employee number 1001 and the NameID 1001 don't meet, nor do attributes with a colon in their name."""
    resolver = jit(UID, link_source=("employee", "NameID"))
    one = resolver.resolve(asserted("n1", uid="ada", employee="1001"))
    two = resolver.resolve(asserted("1001", uid="bob"))
    assert (one.outcome, two.outcome) == ("created", "created")
    assert resolver.resolve(asserted("1001", uid="robert")).user.id == two.user.id
    assert subject_from("a:b", "c") != subject_from("a", "b:c")
    assert subject_from("a%3Ab", "c") != subject_from("a:b", "c")


# -- writing --


def test_a_username_that_is_taken(jit, place, asserted):
    """Somebody who matches nobody, but whose username is another's, is a conflict."""
    place.add("ada", email="ada@x.test")
    refused(jit(match="email").resolve(asserted("ada", email="eve@x.test")), "conflict")
    assert place.find("ada").email == "ada@x.test"


def test_a_new_username_that_is_taken(jit, place, asserted):
    """An update that would take another user's name is a conflict, and nothing is written."""
    place.add("bob")
    by_email = jit(UID, match="email")
    by_email.resolve(asserted("1", uid="ada", email="ada@x.test"))
    refused(by_email.resolve(asserted("1", uid="bob", email="ada@x.test", firstname="A")), "conflict")
    assert place.find("ada").first_name == ""


def test_sixteen_first_sign_ins_at_once(jit, place, asserted):
    """However many first sign-ins of one person meet, there is one user, and all of them get it."""
    resolver, start = jit(), threading.Barrier(16)

    def sign_in(number: int):
        start.wait()
        return resolver.resolve(asserted("ada" if number % 2 else "ADA", email="ada@x.test"))

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(sign_in, range(16)))
    assert [answer for answer in answers if not isinstance(answer, Resolution)] == []
    assert {answer.user.id for answer in answers} == {place.find("ada").id}
    assert [answer.outcome for answer in answers].count("created") == 1


def test_sixteen_people_want_one_name_at_once(jit, place, asserted):
    """However many different people want one name at once, one gets it and the others are refused."""
    resolver, start = jit(UID, **EMPLOYEE), threading.Barrier(16)

    def sign_in(number: int):
        start.wait()
        return resolver.resolve(asserted(uid="ada", employee=str(number)))

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(sign_in, range(16)))
    assert sum(isinstance(answer, Resolution) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Denied)} == {"link_conflict"}


def test_a_directory_that_is_down(people, asserted):
    """A directory that doesn't answer signs nobody in, and isn't mistaken for "nobody"."""
    people.down = True
    with pytest.raises(DirectoryUnavailable):
        JITResolver(people, people).resolve(asserted("ada"))
    assert people.writes == 0


def test_a_second_find_that_differs_refuses(people, asserted, monkeypatch):
    """After a write the same rule must find the same user, or nobody is signed in."""
    people.create(Profile(username="eve", email="eve@x.test"), managed_by="jit:jumpcloud")
    create = people.create

    def elsewhere(profile, /, *, managed_by, link=None):
        return create(Profile(username="somebody"), managed_by=managed_by)

    monkeypatch.setattr(people, "create", elsewhere)
    assert "nobody" in refused(JITResolver(people, people).resolve(asserted("ada")), "mismatch")


def test_disabled_while_signing_in(people, asserted, monkeypatch):
    """A user who is switched off between the first find and the write isn't signed in."""
    JITResolver(people, people).resolve(asserted("ada"))
    update = people.update
    monkeypatch.setattr(
        people, "update", lambda user, changes: update(user, Changes({**changes.values, "active": False}))
    )
    refused(JITResolver(people, people).resolve(asserted("ada", email="a@x.test")), "inactive")


def test_a_directory_that_ignores_accents(people, asserted, monkeypatch):
    """A directory whose collation finds andre for andré signs nobody in as the other."""
    user = people.create(Profile(username="andre"), managed_by="jit:jumpcloud")
    monkeypatch.setattr(people, "find", lambda *_: [user])
    refused(JITResolver(people, people).resolve(asserted("andr\u00e9")), "mismatch")


def test_a_new_user_and_its_link_are_one_write(people, asserted, monkeypatch):
    """The link is handed to the directory with the new user, so that a crash can't come between."""
    monkeypatch.setattr(people, "pin", None)
    answer = JITResolver(people, people).resolve(asserted("ada"))
    assert (answer.outcome, people.links) == ("created", {("jumpcloud", "NameID:ada"): answer.user.id})


def test_a_directory_that_keeps_no_links_itself(people, asserted, monkeypatch):
    """Where the directory can't pin a new user, the links do it afterwards."""
    create = people.create
    monkeypatch.setattr(
        people, "create", lambda profile, managed_by, **_: create(profile, managed_by=managed_by)
    )
    answer = JITResolver(people, people).resolve(asserted("ada"))
    assert people.links == {("jumpcloud", "NameID:ada"): answer.user.id}


# -- from a configuration --


def test_factory(people, asserted):
    """The factory passes on what the configuration holds, under the operator's name for it."""
    context = ResolverContext("people", people, people, UID, "username", ("employee",))
    answer = factory(context).resolve(asserted(uid="ada", employee="1"))
    assert (answer.outcome, answer.resolver) == ("created", "people")
    assert answer.user.managed_by == "jit:jumpcloud"
    assert people.links == {("jumpcloud", "attr:employee:1"): answer.user.id}


def test_factory_with_a_match_of_its_own(people, asserted):
    """resolver.<name>.match overrides match."""
    user = people.create(Profile(username="ada", email="ada@x.test"), managed_by="jit:jumpcloud")
    resolver = factory(ResolverContext("jit", people, people), match="email")
    assert resolver.resolve(asserted("ada2", email="ADA@x.test")).user.id == user.id


@pytest.mark.parametrize(
    ("options", "key", "cure"),
    [
        ({"macth": "email"}, "resolver.jit.macth", "Did you mean resolver.jit.match?"),
        (
            {"colour": "red"},
            "resolver.jit.colour",
            "It has: allow_domains, allow_groups, clear, defaults, match,",
        ),
        ({"match": "e-mail"}, "resolver.jit.match", "Did you mean email?"),
        ({"match": "x"}, "resolver.jit.match", "Use one of"),
    ],
)
def test_factory_with_wrong_options(people, options, key, cure):
    """A wrong option doesn't start, and the problem names the key and the cure."""
    with pytest.raises(ConfigurationError) as error:
        factory(ResolverContext("jit", people), **options)
    (problem,) = error.value.problems
    assert problem.key == key
    assert cure in problem.cure


def test_factory_over_a_directory_that_only_reads():
    """Jit over a directory that can't be written doesn't start."""

    class Phonebook:
        def find(self, field, value, /):
            return []

        def get(self, user_id, /):
            return None

    with pytest.raises(ConfigurationError, match=r"resolver\.jit\.use"):
        factory(ResolverContext("jit", Phonebook()))


def test_an_unknown_match_field(people):
    """A field that users don't have doesn't start, in code either."""
    with pytest.raises(ConfigurationError, match="Did you mean username"):
        JITResolver(people, people, Rules(match="user_name"))
