"""The resolver ``ldap`` through the real middleware: who comes in, as whom, what becomes of their user."""

from __future__ import annotations

import pytest

from saml_wsgi.model import Changes
from tests.flow.situations_company import MARA_KEPT, MARA_THERE, OWNER, Town
from tests.flow.situations_people import MARA, MARA_BY_HAND, MARA_HERE
from tests.flow.situations_posting import at_once, prepared


@pytest.fixture
def town(scene):
    """Makes an application whose people a company keeps, Mara among them; options with ``__`` for a dot."""

    def make(**options):
        made = Town(scene, **options)
        made.company.has("uuid:mara", **MARA_THERE)
        return made

    return make


def test_a_first_sign_in(town):
    """Whoever was made at the company a minute ago gets in, as the company has them."""
    one = town()
    arrival = one.arrives(MARA)
    assert (arrival.record.code, arrival.record.outcome, arrival.record.resolver) == (
        "signed_in",
        "created",
        "ldap",
    )
    assert one.account("mara") == MARA_KEPT
    assert arrival.record.origins["email"] == "corp:email"
    assert one.standing("mara").state == "active"


def test_nothing_new_writes_nothing(town):
    """A second sign-in that brings nothing new writes nobody."""
    one = town()
    one.arrives(MARA)
    before = one.scene.picture()
    one.scene.clock.advance(600)
    assert one.arrives(MARA).record.outcome == "unchanged"
    assert one.scene.picture().rows == before.rows


def test_a_synchronised_user(town):
    """Whom a synchronisation brought is the user who signs in, and stays who it is."""
    one = town()
    assert one.sync().code == "done"
    user = one.user("mara")
    arrival = one.arrives(MARA)
    assert (arrival.user["id"], arrival.record.outcome) == (user.id, "unchanged")
    assert one.account("mara") == MARA_KEPT


def test_a_user_of_the_sign_in_is_synchronised(town):
    """Whom a sign-in made a synchronisation finds to be the same, and changes with the company."""
    one = town()
    user_id = one.arrives(MARA).user["id"]
    one.company.has("uuid:mara", last_name="Berg")
    assert one.sync().code == "done"
    assert (one.user("mara").id, one.user("mara").last_name) == (user_id, "Berg")


def test_renamed(town):
    """Who is renamed at the company is renamed here, and stays the same user."""
    one = town()
    user_id = one.arrives(MARA).user["id"]
    one.company.has("uuid:mara", username="mara.berg", last_name=None)
    arrival = one.arrives(MARA.but(username="mara.berg"))
    assert (arrival.user["id"], arrival.user["username"], arrival.user["last_name"]) == (
        user_id,
        "mara.berg",
        "",
    )
    assert set(arrival.record.changes) == {"username", "last_name"}
    assert one.account("mara.berg") == MARA_KEPT.but(username="mara.berg", last_name="")


def test_renamed_at_the_identity_provider_first(town):
    """Whom the identity provider calls otherwise a while earlier isn't taken for one who left."""
    one = town()
    one.arrives(MARA)
    arrival = one.arrives(MARA.but(username="mara.berg"))
    assert (arrival.user["username"], arrival.record.outcome) == ("mara", "unchanged")


def test_a_recycled_name(town):
    """A newcomer with a former colleague's name isn't signed in as that one, whatever else they share."""
    one = town()
    one.arrives(MARA)
    before = one.scene.picture()
    one.company.people.clear()
    one.company.has("uuid:newcomer", **MARA_THERE)
    one.refuses(MARA.but(name_id="id-newcomer"), "link_conflict")
    one.refuses(MARA, "link_conflict")
    assert one.scene.picture().rows == before.rows


@pytest.mark.parametrize("is_everybody", [False, True])
def test_removed(town, is_everybody):
    """Who isn't at the company any more is refused, switched off, and in again once they are back."""
    one = town()
    user_id = one.arrives(MARA).user["id"]
    one.company.is_everybody = is_everybody
    mara = one.company.people.pop("uuid:mara")
    record = one.refuses(MARA, "inactive")
    assert f"user {user_id} was switched off" in record.detail
    assert one.account("mara") == MARA_KEPT.but(active=False)
    assert one.standing("mara").state == "missing"
    one.refuses(MARA, "inactive")
    one.company.people["uuid:mara"] = mara
    arrival = one.arrives(MARA)
    assert (arrival.user["id"], set(arrival.record.changes)) == (user_id, {"active"})
    assert one.standing("mara").state == "active"


def test_switched_off_there(town):
    """Who is switched off at the company is refused and switched off here, and in again afterwards."""
    one = town()
    one.arrives(MARA)
    one.company.has("uuid:mara", active=False)
    assert "locked" in one.refuses(MARA, "inactive").detail
    assert one.account("mara") == MARA_KEPT.but(active=False)
    one.company.has("uuid:mara", active=True)
    assert one.arrives(MARA).record.outcome == "updated"
    assert one.account("mara") == MARA_KEPT


def test_switched_off_there_from_the_beginning(town):
    """Nobody is made of whom the company says that they are switched off."""
    one = town(resolvers="ldap jit")
    one.company.has("uuid:mara", active=False)
    one.refuses(MARA, "inactive")
    assert not one.scene.picture().rows


def test_switched_off_here(town):
    """Whom an administrator here switched off stays out, whatever the company says and said meanwhile."""
    one = town()
    one.arrives(MARA)
    one.scene.parts.directory.update(one.user("mara"), Changes({"active": False}))
    one.refuses(MARA, "inactive")
    one.company.has("uuid:mara", active=False)
    one.refuses(MARA, "inactive")
    one.company.has("uuid:mara", active=True)
    one.refuses(MARA, "inactive")
    assert not one.user("mara").active


def test_switched_off_by_a_synchronisation(town):
    """Whom a synchronisation found missing is in again once the company knows them, without another run."""
    one = town()
    for number in range(6):
        one.company.has(f"uuid:{number}", username=f"colleague{number}")
    one.sync()
    mara = one.company.people.pop("uuid:mara")
    assert one.sync().code == "done"
    assert not one.user("mara").active
    one.company.people["uuid:mara"] = mara
    assert set(one.arrives(MARA).record.changes) == {"active"}


@pytest.mark.parametrize(("there", "account"), [(MARA_BY_HAND, "sales"), (MARA_HERE, "jit")])
def test_users_of_others_whom_the_company_does_not_know(town, there, account):
    """They stay what they are: the next resolver decides, here jit."""
    one = town(resolvers="ldap jit")
    one.company.people.clear()
    one.scene.people([there])
    arrival = one.arrives(MARA)
    assert (arrival.record.code, arrival.record.resolver) == ("signed_in", "jit")
    assert one.account("mara") == there.but(subject="NameID:id-mara")


def test_strangers(town):
    """Whom neither the company nor this application knows isn't found; with jit behind, jit makes them."""
    one = town()
    one.company.people.clear()
    one.refuses(MARA, "not_found")
    one.restart(resolvers="ldap jit")
    assert one.arrives(MARA).record.resolver == "jit"
    assert one.account("mara") == MARA_HERE


def test_users_of_jit_whom_the_company_knows(town):
    """A user of jit isn't taken over by a sign-in, and the operator is told what does that."""
    one = town(resolvers="ldap jit")
    one.scene.people([MARA_HERE])
    before = one.scene.picture()
    assert "sync.adopt" in one.refuses(MARA, "managed_elsewhere").detail
    assert one.scene.picture().rows == before.rows


def test_users_made_by_hand_whom_the_company_knows(town):
    """An administrator's user is signed in and left alone; with update_existing it follows the company."""
    one = town()
    one.scene.people([MARA_BY_HAND])
    assert one.arrives(MARA).record.outcome == "unchanged"
    assert one.account("mara") == MARA_BY_HAND.but(subject="NameID:id-mara")
    one.restart(resolver__ldap__update_existing="yes")
    assert one.arrives(MARA).record.outcome == "updated"
    assert one.account("mara").email == "mara@corp.test"
    assert one.account("mara").managed_by == "local"


def test_an_address_is_asserted(town):
    """With match = email the asserted address finds, and the username is the company's."""
    one = town(match="email")
    assert one.arrives(MARA.but(email="mara@corp.test").without("username")).user["username"] == "mara"


def test_nobody_is_pinned_at_the_identity_provider(town):
    """With link.source = off people are still pinned at the company, and renamed with it."""
    one = town(link__source="off")
    user_id = one.arrives(MARA).user["id"]
    one.company.has("uuid:mara", username="mara.berg")
    assert one.arrives(MARA.but(username="mara.berg")).user["id"] == user_id
    assert one.scene.ask("SELECT idp, subject FROM saml_wsgi_links") == [(OWNER, "uuid:mara")]


def test_who_may_not_sign_in(town):
    """Whoever isn't in an allowed group is refused, and neither made nor changed."""
    one = town(allow__groups="Owners")
    one.refuses(MARA, "not_allowed")
    assert not one.scene.picture().rows
    one.company.has("uuid:mara", groups=("Staff", "Owners"))
    one.arrives(MARA)
    one.company.has("uuid:mara", groups=("Staff",), last_name="Berg")
    one.refuses(MARA, "not_allowed")
    assert one.user("mara").last_name == "Lindqvist"


def test_two_of_them(town):
    """Where the company knows two people of a name, nobody comes in."""
    one = town()
    one.company.has("uuid:other", username="MARA")
    one.refuses(MARA, "ambiguous")


def test_what_cannot_be_used(town):
    """A person whose data can't be used is refused; their user stays as it is."""
    one = town()
    one.arrives(MARA)
    before = one.scene.picture()
    one.company.has("uuid:mara", first_name="x" * 300)
    one.refuses(MARA, "attribute_unusable")
    assert one.scene.picture().rows == before.rows


@pytest.mark.parametrize("options", [{}, {"link__source": "off"}, {"resolvers": "ldap jit"}], ids=str)
def test_first_sign_ins_at_once(town, options):
    """Eight first sign-ins of one person at once: all get in, and there is one whole user."""
    one = town(**options)
    answers = at_once(one.scene.app, [prepared(one.scene, MARA) for _ in range(8)])
    assert answers == [("303 See Other", 1)] * 8
    (account,) = one.scene.picture().accounts.values()
    assert account in (MARA_KEPT, MARA_KEPT.but(subject=""))
