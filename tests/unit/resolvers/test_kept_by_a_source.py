"""The resolver ``ldap``: who it is, what the source is asked, and what is written."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import DirectoryConflict
from saml_wsgi.model import Changes, Denied, Profile, Standing
from saml_wsgi.resolvers import AttributeMap
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.transformation import Template
from tests.unit.resolvers.conftest import IDP
from tests.unit.resolvers.kept_people import NOW, OWNER, Office


@pytest.fixture
def office():
    """Makes a resolver and everything around it."""
    return Office


# -- who it is --


def test_a_person_whom_nobody_here_knew(office, asserted):
    """The user is made as the source says, pinned there and at the identity provider, and confirmed."""
    one = office()
    answer = one.resolver.resolve(asserted("ada", email="other@x.test", memberOf=["Bosses"]))
    user = answer.user
    assert (user.username, user.email, user.first_name, user.groups) == (
        "ada",
        "ada@x.test",
        "Ada",
        ("Staff",),
    )
    assert (answer.outcome, user.managed_by, answer.resolver) == ("created", OWNER, "ldap")
    assert one.people.links == {(OWNER, "uuid:1"): user.id, (IDP, "NameID:ada"): user.id}
    assert one.standing() == Standing("active", NOW, NOW)
    assert answer.origins == {
        "username": "corp:username",
        "email": "corp:email",
        "first_name": "corp:first_name",
        "groups": "corp:groups",
    }


def test_a_link_of_the_source_goes_before_names(office, asserted):
    """Who was renamed there is renamed here, also where nothing is pinned at the identity provider."""
    one = office()
    user = one.add("old", email="old@x.test", groups=("Staff",))
    resolver = one.make(links=False)
    answer = resolver.resolve(asserted("ada"))
    assert (answer.user.id, answer.user.username, answer.outcome) == (user.id, "ada", "updated")
    assert answer.changes == Changes({"username": "ada", "email": "ada@x.test", "first_name": "Ada"})


def test_another_spelling_is_followed(office, asserted):
    """The source has the last word on how a name is written."""
    one = office()
    one.add("ADA")
    assert one.resolver.resolve(asserted("ADA")).user.username == "ada"


def test_a_user_of_the_source_whom_nobody_pinned(office, asserted):
    """The username finds a user of this source that has no link to it, which is made."""
    one = office()
    user = one.add(subject="")
    assert one.resolver.resolve(asserted("ada")).user.id == user.id
    assert one.people.links[OWNER, "uuid:1"] == user.id
    assert one.standing() == Standing("active", NOW, NOW)


def test_the_username_of_the_source_finds(office, asserted):
    """What is asserted may be an address; the user here has the username of the source."""
    one = office()
    user = one.add(subject="")
    one.company.other_names["uuid:1"] = "ada@x.test"
    answer = one.resolver.resolve(asserted("ada@x.test", email="ada@x.test"))
    assert answer.user.id == user.id


def test_a_recycled_name(office, asserted):
    """A new person with a former one's name isn't signed in as the former one, and nothing is written."""
    one = office()
    one.add(subject="uuid:former")
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.code, one.people.writes, one.people.notes) == ("link_conflict", 0, 0)
    assert "saml-wsgi links" in answer.detail


def test_a_recycled_name_that_the_former_one_gave_up(office, asserted):
    """Once the former one was renamed here, the new person gets a user of their own."""
    one = office()
    former = one.add("ada", subject="uuid:former")
    one.company.has("uuid:former", username="ada.old")
    assert one.resolver.resolve(asserted("ada.old")).user.id == former.id
    assert one.resolver.resolve(asserted("ada")).outcome == "created"


def test_what_is_asserted_must_not_contradict(office, asserted):
    """Somebody who is pinned to another user at the identity provider isn't signed in as this one."""
    one = office()
    one.add()
    one.add("eve", subject="", managed_by="local", idp_subject="NameID:n1")
    context = AttributeMap(username=("uid",))
    answer = one.make(mapping=context).resolve(asserted("n1", uid="ada"))
    assert (answer.code, one.people.writes) == ("mismatch", 0)


def test_swapped_names(office, asserted):
    """Where two people swapped their names, nobody is signed in as the other one before that is settled."""
    one = office()
    one.add("eve", subject="uuid:1")
    one.add("ada", subject="uuid:2")
    one.company.has("uuid:2", username="eve")
    for name in ("ada", "eve"):
        assert one.resolver.resolve(asserted(name)).code == "mismatch"
    assert one.people.writes == 0


def test_a_new_name_that_is_taken(office, asserted):
    """A rename to a name that somebody else has is refused, and changes nothing."""
    one = office()
    user = one.add("old", idp_subject="NameID:n1")
    one.add("ada", subject="", managed_by="local")
    answer = one.make(mapping=AttributeMap(username=("uid",))).resolve(asserted("n1", uid="ada"))
    assert answer.code == "mismatch"
    assert one.people.users[user.id].username == "old"


def test_a_second_subject_at_the_identity_provider(office, asserted):
    """A user who is pinned to another subject there is nobody else's, and isn't pinned here."""
    one = office()
    one.add(subject="", idp_subject="NameID:other")
    answer = one.make(mapping=AttributeMap(username=("uid",))).resolve(asserted("n1", uid="ada"))
    assert answer.code == "link_conflict"
    assert (OWNER, "uuid:1") not in one.people.links


def test_a_user_who_was_deleted_by_hand(office, asserted):
    """A link that leads nowhere doesn't make a user again."""
    one = office()
    user = one.add()
    del one.people.users[user.id]
    assert one.resolver.resolve(asserted("ada")).code == "not_found"


@pytest.mark.parametrize(
    ("managed_by", "outcome"), [("local", "unchanged"), (f"jit:{IDP}", "managed_elsewhere")]
)
def test_users_of_others(office, asserted, managed_by, outcome):
    """An administrator's user is signed in and left alone, also by links; a user of jit is refused."""
    one = office()
    user = one.add(subject="", managed_by=managed_by, first_name="Countess")
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.code if isinstance(answer, Denied) else answer.outcome) == outcome
    assert one.people.users[user.id] == user
    assert (OWNER, "uuid:1") not in one.people.links


def test_users_of_an_administrator_who_are_to_be_updated(office, asserted):
    """With update_existing they follow the source, but for what it says to be empty; they stay local."""
    one = office(policy=Policy(update_existing=True))
    one.add(subject="", managed_by="local", first_name="Countess", last_name="L")
    user = one.resolver.resolve(asserted("ada")).user
    assert (user.first_name, user.last_name, user.managed_by) == ("Ada", "L", "local")


def test_two_first_sign_ins_at_once(office, asserted, monkeypatch):
    """Whoever comes second gets the user that the first one, or a synchronisation, made meanwhile."""
    one = office()
    create = one.people.create

    def late(profile, /, **more):
        create(profile, **more)
        raise DirectoryConflict("the username is taken")

    monkeypatch.setattr(one.people, "create", late)
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.outcome, len(one.people.users)) == ("unchanged", 1)
    assert one.people.links[IDP, "NameID:ada"] == answer.user.id


# -- what it is asked --


def test_somebody_else_than_is_asserted(office, asserted):
    """A source that finds by the address doesn't sign anybody in whose username isn't the asserted one."""
    one = office()
    one.company.find_by = ("email", "username")
    answer = one.resolver.resolve(asserted("eve", email="ada@x.test"))
    assert (answer.code, one.people.users) == ("mismatch", {})
    assert one.resolver.resolve(asserted("ada", email="ada@x.test")).outcome == "created"


def test_one_of_several_names(office, asserted):
    """A person may be found by a name that the source doesn't show: it is asked by that name alone."""
    one = office()
    one.company.other_names["uuid:1"] = "ada@corp.test"
    assert one.resolver.resolve(asserted("ada@corp.test", email="x@x.test")).user.username == "ada"
    assert one.company.asked == [
        {"username": "ada@corp.test", "email": "x@x.test"},
        {"username": "ada@corp.test"},
    ]


def test_a_source_that_does_not_say_who_it_is(office, asserted):
    """Without something that lasts nobody can be kept."""
    one = office()
    one.company.people = {"": Profile(username="ada", active=True)}
    assert one.resolver.resolve(asserted("ada")).code == "attribute_unusable"
    assert one.people.users == {}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"username": None, "email": "ada"}, "missing_attribute"),
        ({"first_name": "x" * 257}, "attribute_unusable"),
        ({"groups": ("x\x00",)}, "attribute_unusable"),
        ({"email": None}, "missing_attribute"),
    ],
)
def test_what_it_says_cannot_be_used(office, asserted, values, code):
    """A person whose data can't be used is refused, and their user is left as it is."""
    one = office(policy=Policy(required=("email",)))
    one.company.find_by = ("username", "email")
    user = one.add()
    one.company.has("uuid:1", **values)
    one.company.other_names["uuid:1"] = "ada"
    assert one.resolver.resolve(asserted("ada")).code == code
    assert (one.people.users[user.id], one.people.writes, one.people.notes) == (user, 0, 0)


def test_what_is_asserted_and_does_not_matter(office, asserted):
    """Fields that the source speaks of can't refuse anybody when they are asserted."""
    one = office()
    answer = one.resolver.resolve(asserted("ada", firstname="x" * 1000, memberOf=["x" * 1000]))
    assert answer.outcome == "created"


# -- what is written --


def test_the_source_has_the_last_word(office, asserted):
    """What it doesn't say is empty; what it doesn't speak of stays."""
    one = office()
    one.company.fields = ("username", "email", "first_name", "last_name")
    one.add(last_name="Byron", display_name="Countess", groups=("Staff", "Old"))
    answer = one.resolver.resolve(asserted("ada"))
    assert answer.changes == Changes(
        {"email": "ada@x.test", "first_name": "Ada", "last_name": "", "groups": ("Staff",)}
    )
    assert answer.user.display_name == "Countess"


def test_groups_that_it_does_not_speak_of(office, asserted):
    """Memberships are left alone where the source doesn't say any."""
    one = office()
    one.company.has("uuid:1", groups=None)
    one.add(groups=("Old",))
    assert one.resolver.resolve(asserted("ada", memberOf=["New"])).user.groups == ("Old",)


def test_groups_go_by_the_rules(office, asserted):
    """Groups of the source are mapped and managed like asserted ones."""
    one = office(groups=GroupRules(map=(("Staff", "everyone"),), managed=("every*",)))
    one.add(groups=("wiki", "every-old"))
    assert one.resolver.resolve(asserted("ada")).user.groups == ("everyone", "wiki")


def test_what_is_never_written(office, asserted):
    """What is written never, or on_create, holds against the source, too."""
    one = office(policy=Policy(never=("first_name",), on_create=("email",)))
    one.add(first_name="Countess", email="kept@x.test")
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.user.first_name, answer.user.email) == ("Countess", "kept@x.test")
    assert set(answer.left) == {"first_name", "email"}


def test_defaults(office, asserted):
    """Where the source says nothing, a default stands, when the user is made and whenever it is updated."""
    one = office(policy=Policy(defaults=(("display_name", Template("{first_name} of {username}")),)))
    assert one.resolver.resolve(asserted("ada")).user.display_name == "Ada of ada"
    assert one.resolver.resolve(asserted("ada")).outcome == "unchanged"
    one.company.has("uuid:1", first_name="Augusta")
    assert one.resolver.resolve(asserted("ada")).user.display_name == "Augusta of ada"
    one.company.has("uuid:1", display_name="A. L.")
    assert one.resolver.resolve(asserted("ada")).user.display_name == "A. L."


def test_the_field_that_matches_follows_the_source(office, asserted):
    """With match = email, an address that changed there changes here: the link says who it is."""
    one = office(match="email", mapping=AttributeMap(username=("uid",)))
    one.company.find_by = ("email",)
    user = one.add(email="old@x.test")
    answer = one.resolver.resolve(asserted("n1", email="ada@x.test"))
    assert (answer.user.id, answer.user.email) == (user.id, "ada@x.test")


def test_who_may_not_sign_in_is_not_written(office, asserted):
    """Nobody is made, updated or pinned who may not sign in; what is asserted counts, too."""
    one = office(access=Access(deny_groups=("Bad",), allow_groups=("Staff", "IT")))
    assert one.resolver.resolve(asserted("ada", memberOf=["bad"])).code == "not_allowed"
    one.company.has("uuid:1", groups=("Other",))
    assert one.resolver.resolve(asserted("ada")).code == "not_allowed"
    one.add(groups=("Staff",))
    assert one.resolver.resolve(asserted("ada")).code == "not_allowed"
    assert (len(one.people.users), one.people.writes) == (1, 0)


def test_who_may_be_made(office, asserted):
    """Only members of these groups are made; whoever is there signs in."""
    one = office(policy=Policy(allow=Access(allow_groups=("IT",))))
    assert one.resolver.resolve(asserted("ada")).code == "not_allowed"
    one.add()
    assert one.resolver.resolve(asserted("ada")).user.username == "ada"
