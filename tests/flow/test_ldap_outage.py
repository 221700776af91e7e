"""The directory that keeps the people doesn't answer: nobody comes in, or those whom it confirmed."""

from __future__ import annotations

import pytest

from tests.flow.situations_company import MARA_THERE, Town
from tests.flow.situations_people import JOSE, MARA, MARA_HERE

HOUR = 3600
LAST_KNOWN = {"resolver__ldap__source_down": "use_last_known", "resolver__ldap__max_age": "8 h"}


@pytest.fixture
def town(scene):
    """Makes an application whose people a company keeps, Mara among them, who was here already."""

    def make(**options):
        made = Town(scene, **options)
        made.company.has("uuid:mara", **MARA_THERE)
        assert made.arrives(MARA).user is not None
        return made

    return make


def test_nobody_comes_in(town):
    """By default everybody is asked to try again, and jit isn't asked; it's over when the company answers."""
    one = town(resolvers="ldap jit")
    before = one.scene.picture()
    one.company.down = True
    for says in (MARA, JOSE):
        arrival = one.arrives(says)
        assert (arrival.record.code, arrival.page.status) == ("source_unavailable", 503)
    assert one.scene.picture().rows == before.rows
    one.company.down = False
    assert one.arrives(MARA).user is not None


def test_the_last_known(town):
    """Who was confirmed within max_age comes in as they were, and doesn't prolong it by that."""
    one = town(**LAST_KNOWN)
    one.company.down = True
    for _ in range(8):
        one.scene.clock.advance(HOUR - 1)
        arrival = one.arrives(MARA)
        assert (arrival.user["email"], arrival.record.outcome) == ("mara@corp.test", "unchanged")
    one.scene.clock.advance(HOUR)
    assert "max_age is over" in one.refuses(MARA, "source_unavailable").detail


def test_strangers_and_users_of_others(town):
    """Nobody else comes in during an outage: neither strangers nor users whom jit or somebody made."""
    one = town(resolvers="ldap jit", **LAST_KNOWN)
    one.scene.people([MARA_HERE.but(username="jose", subject="NameID:id-jose")])
    one.company.down = True
    one.refuses(JOSE, "source_unavailable")
    one.refuses(JOSE.but(username="anna", name_id="id-anna"), "source_unavailable")


def test_who_was_removed_before_the_outage(town):
    """Whom the company didn't know any more doesn't come in because it doesn't answer."""
    one = town(**LAST_KNOWN)
    one.company.people.clear()
    one.refuses(MARA, "inactive")
    one.company.down = True
    one.refuses(MARA, "source_unavailable")


def test_a_complete_synchronisation_confirms_everybody(town):
    """The time counts from the last complete run, also from one that found nothing to write."""
    one = town(**LAST_KNOWN)
    one.sync()
    for _ in range(3):
        one.scene.clock.advance(6 * HOUR)
        assert one.sync().code == "done"
    one.company.down = True
    one.scene.clock.advance(8 * HOUR - 10)
    assert one.arrives(MARA).user is not None
    one.scene.clock.advance(20)
    one.refuses(MARA, "source_unavailable")


def test_whoever_has_the_name_at_the_identity_provider(town):
    """Another person there who is called like a user here isn't signed in as that one."""
    one = town(**LAST_KNOWN)
    one.company.down = True
    one.refuses(MARA.but(name_id="id-newcomer"), "link_conflict")


def test_switched_off_by_hand(town):
    """Who was switched off by hand isn't let in by an outage."""
    one = town(**LAST_KNOWN)
    one.scene.run("UPDATE saml_wsgi_users SET active = 0")
    one.company.down = True
    one.refuses(MARA, "source_unavailable")
