"""The resolver ``ldap``: who left or is switched off at the source, who is back, and outages."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import SourceUnavailable
from saml_wsgi.model import Standing
from saml_wsgi.resolvers import AttributeMap
from saml_wsgi.resolvers.access import Access
from tests.unit.resolvers.conftest import IDP
from tests.unit.resolvers.kept_people import NOW, OWNER, Office


@pytest.fixture
def office():
    """Makes a resolver and everything around it."""
    return Office


# -- gone, switched off, and back --


@pytest.mark.parametrize("is_everybody", [False, True])
def test_a_stranger(office, asserted, is_everybody):
    """Somebody whom neither the source nor this application knows is left to the next resolver."""
    one = office()
    one.company.is_everybody = is_everybody
    assert one.resolver.resolve(asserted("eve")) is None
    assert one.people.users == {}


@pytest.mark.parametrize("managed_by", ["local", f"jit:{IDP}", "ldap:other"])
def test_a_stranger_with_a_user_of_others(office, asserted, managed_by):
    """Users whom the source never kept stay what they are, and the next resolver is asked."""
    one = office()
    user = one.add("eve", subject="", managed_by=managed_by)
    assert one.resolver.resolve(asserted("eve")) is None
    assert one.people.users[user.id] == user


@pytest.mark.parametrize("is_everybody", [False, True])
def test_somebody_who_left(office, asserted, is_everybody):
    """A user of the source whom it doesn't know any more is switched off, and refused."""
    one = office()
    one.company.is_everybody = is_everybody
    user = one.add("eve", subject="uuid:2")
    answer = one.resolver.resolve(asserted("eve"))
    assert (answer.code, one.people.users[user.id].active) == ("inactive", False)
    assert one.standing("uuid:2") == Standing("missing", NOW, NOW)
    # A crash between the two must not look like an administrator's doing.
    assert one.people.order == ["note missing", "update"]
    assert user.id in answer.detail


def test_somebody_who_is_switched_off_there(office, asserted):
    """Likewise, found by the link although the source tells no name; the reason is told."""
    one = office()
    user = one.add("old")
    one.company.has("uuid:1", active=False)
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.code, one.people.users[user.id].active) == ("inactive", False)
    assert "locked" in answer.detail
    assert one.standing() == Standing("inactive", NOW, NOW)
    assert one.people.order == ["note inactive", "update"]


def test_an_unpinned_user_who_is_switched_off_there(office, asserted):
    """A user of the source without a link is found by name, pinned and switched off."""
    one = office()
    user = one.add(subject="")
    one.company.has("uuid:1", active=False)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"
    assert not one.people.users[user.id].active
    assert one.standing().state == "inactive"


def test_switched_off_there_and_unknown_here(office, asserted):
    """Nobody is made who is switched off, and no other resolver is asked."""
    one = office()
    one.company.has("uuid:1", active=False)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"
    assert one.people.users == {}


@pytest.mark.parametrize(
    ("subject", "managed_by"), [("", "local"), ("", f"jit:{IDP}"), ("uuid:former", OWNER)]
)
def test_switched_off_there_and_somebody_elses_here(office, asserted, subject, managed_by):
    """Users of others, and of a former person of that name, aren't switched off with somebody else."""
    one = office()
    user = one.add(subject=subject, managed_by=managed_by)
    one.company.has("uuid:1", active=False)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"
    assert (one.people.users[user.id], one.people.writes) == (user, 0)


def test_nobody_is_switched_off_by_a_stranger(office, asserted):
    """Somebody who is another subject at the identity provider doesn't make a user missing."""
    one = office()
    user = one.add("eve", subject="uuid:2", idp_subject="NameID:eve")
    answer = one.make(mapping=AttributeMap(username=("uid",))).resolve(asserted("mallory", uid="eve"))
    assert (answer.code, one.people.users[user.id].active) == ("link_conflict", True)


def test_renamed_at_the_identity_provider_only(office, asserted):
    """Who is called something else there hasn't left: the source is asked by our names, too."""
    one = office(mapping=AttributeMap(username=("uid",)))
    user = one.add(idp_subject="NameID:n1")
    answer = one.resolver.resolve(asserted("n1", uid="ada.new"))
    assert (answer.user.id, answer.user.active) == (user.id, True)
    assert one.company.asked == [{"username": "ada.new"}, {"username": "ada"}]


def test_renamed_and_the_name_given_to_somebody_else(office, asserted):
    """Where our name is somebody else's there, nobody is signed in and nobody switched off."""
    one = office(mapping=AttributeMap(username=("uid",)))
    user = one.add(subject="uuid:renamed", idp_subject="NameID:n1")
    assert one.resolver.resolve(asserted("n1", uid="ada.new")).code == "link_conflict"
    assert one.people.users[user.id].active


@pytest.mark.parametrize("state", ["inactive", "missing"])
def test_back_again(office, asserted, state):
    """Whom the source switched off is switched on when it says so; the state is kept last."""
    one = office()
    user = one.add(active=False, state=state)
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.user.id, answer.user.active, answer.outcome) == (user.id, True, "updated")
    assert answer.changes.values["active"] is True
    assert one.people.order == ["update", "note active"]
    assert one.standing() == Standing("active", NOW, NOW)


@pytest.mark.parametrize("state", ["active", ""])
def test_an_administrator_here_switched_them_off(office, asserted, state):
    """Whom somebody here switched off stays so, whatever the source says, now and later."""
    one = office()
    user = one.add(active=False, state=state)
    answer = one.resolver.resolve(asserted("ada"))
    assert (answer.code, one.people.users[user.id]) == ("inactive", user)
    assert "though to the source corp they are" in answer.detail


def test_an_administrators_no_outlives_the_sources(office, asserted):
    """Whom somebody here switched off isn't switched on when the source goes to and fro."""
    one = office()
    one.add(active=False)
    one.company.has("uuid:1", active=False)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"
    one.company.has("uuid:1", active=True)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"


def test_switched_on_here_though_off_there(office, asserted):
    """What an administrator switched on against the source is switched off again."""
    one = office()
    user = one.add(state="inactive")
    one.company.has("uuid:1", active=False)
    assert one.resolver.resolve(asserted("ada")).code == "inactive"
    assert not one.people.users[user.id].active
    assert one.standing().since == NOW - 9000


# -- its last word --


def test_its_word_is_kept_once_an_hour(office, asserted):
    """Saying the same again is written at most once an hour; something new at once."""
    one = office()
    one.resolver.resolve(asserted("ada"))
    one.people.writes = one.people.notes = 0
    for seconds, notes in ((60, 0), (3539, 0), (1, 1), (60, 1)):
        one.clock.advance(seconds)
        assert one.resolver.resolve(asserted("ada")).outcome == "unchanged"
        assert one.people.notes == notes
    assert one.people.writes == 0
    assert one.standing() == Standing("active", NOW, NOW + 3600)
    one.company.has("uuid:1", active=False)
    one.resolver.resolve(asserted("ada"))
    assert one.standing() == Standing("inactive", NOW + 3660, NOW + 3660)


def test_an_outage_refuses(office, asserted):
    """By default nobody is signed in while the source is down, whoever is here; nothing is written."""
    one = office()
    one.add(idp_subject="NameID:ada", state="active")
    one.company.down = True
    for name in ("ada", "eve"):
        with pytest.raises(SourceUnavailable):
            one.resolver.resolve(asserted(name))
    assert (one.people.writes, one.people.notes) == (0, 0)


def test_the_last_known(office, asserted, caplog):
    """Its last word counts for max_age, and no second longer, however often it is used."""
    one = office(max_age=7200)
    one.resolver.resolve(asserted("ada"))
    one.company.down = True
    one.people.writes = one.people.notes = 0
    for _ in range(4):
        one.clock.advance(1800)
        answer = one.resolver.resolve(asserted("ada"))
        assert (answer.user.username, answer.outcome) == ("ada", "unchanged")
    one.clock.advance(1)
    with pytest.raises(SourceUnavailable, match="7201 seconds ago"):
        one.resolver.resolve(asserted("ada"))
    assert (one.people.writes, one.people.notes) == (0, 0)
    assert "doesn't answer (connection refused)" in caplog.text


@pytest.mark.parametrize(
    "there",
    [
        {"state": "inactive"},
        {"state": "missing"},
        {"state": ""},
        {"active": False},
        {"subject": ""},
        {"subject": "", "managed_by": "local"},
        {"subject": "", "managed_by": f"jit:{IDP}"},
    ],
)
def test_whom_the_last_known_does_not_let_in(office, asserted, there):
    """Only a user of the source who is active by its last word is signed in during an outage."""
    one = office(max_age=360_000)
    one.add(**there)
    one.company.down = True
    with pytest.raises(SourceUnavailable):
        one.resolver.resolve(asserted("ada"))


def test_the_last_known_of_strangers(office, asserted):
    """Whoever is unknown here may be anybody: no other resolver is asked while the source is down."""
    one = office(max_age=360_000)
    one.company.down = True
    with pytest.raises(SourceUnavailable):
        one.resolver.resolve(asserted("eve"))


def test_the_last_known_and_who_it_is(office, asserted):
    """Another subject of the identity provider isn't signed in by name; one that is new isn't pinned."""
    one = office(max_age=360_000, mapping=AttributeMap(username=("uid",)))
    user = one.add()
    one.company.down = True
    assert one.resolver.resolve(asserted("n1", uid="ada")).user.id == user.id
    assert (IDP, "NameID:n1") not in one.people.links
    one.people.pin(IDP, "NameID:n2", user.id)
    assert one.resolver.resolve(asserted("n1", uid="ada")).code == "link_conflict"
    assert one.resolver.resolve(asserted("n2", uid="ada")).user.id == user.id


def test_the_last_known_and_who_may(office, asserted):
    """Who may not sign in may not during an outage."""
    one = office(max_age=360_000, access=Access(allow_groups=("IT",)))
    one.add(groups=("Staff",))
    one.company.down = True
    assert one.resolver.resolve(asserted("ada")).code == "not_allowed"


def test_a_last_word_from_the_future(office, asserted):
    """A moment that hasn't come yet confirms nobody, however wrong a clock was; hosts may differ a little."""
    one = office(max_age=3600)
    one.add()
    one.company.down = True
    one.people.standings[OWNER, "uuid:1"] = Standing("active", 0, NOW + 3000)
    assert one.resolver.resolve(asserted("ada")).user.username == "ada"
    one.people.standings[OWNER, "uuid:1"] = Standing("active", 0, NOW + 90_000)
    with pytest.raises(SourceUnavailable):
        one.resolver.resolve(asserted("ada"))


def test_a_directory_that_is_down_is_no_outage_of_the_source(office, asserted):
    """The last known helps against an outage of the source alone."""
    one = office(max_age=360_000)
    one.add()
    one.people.down = True
    with pytest.raises(Exception, match="down") as failure:
        one.resolver.resolve(asserted("ada"))
    assert failure.value.code == "directory_unavailable"
