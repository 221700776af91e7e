"""Whose doing it is that somebody is switched off, and users whose link was removed."""

from __future__ import annotations

import pytest

from saml_wsgi.directories.arrival.purge import Purge
from saml_wsgi.model import Changes
from saml_wsgi.resolvers.ldap import LDAPResolver
from tests.unit.sync.events_by_chance import assertion
from tests.unit.sync.world import KEEPER, World


def _away(world: World, way: str) -> None:
    if way == "missing":
        world.source.remove("uid:3")
    else:
        world.source.change("uid:3", active=False)


def _back(world: World) -> None:
    world.source.put("uid:3", username="user3", groups=("Staff",))


@pytest.mark.parametrize("way", ["inactive", "missing"])
@pytest.mark.parametrize("then", ["inactive", "missing"])
def test_an_administrators_word_outlasts_what_the_source_says(crowd, way, then):
    """Whom somebody here switched off stays so after leaving and coming back at the source, by any run."""
    crowd.write("user3", active=False)
    for there in (way, then):
        if there == "inactive":
            _back(crowd)
        if "uid:3" in {member.subject for member in crowd.source}:
            _away(crowd, there)
        crowd.done()
        crowd.done()
        assert not crowd.user("user3").active
    _back(crowd)
    report = crowd.done()
    assert not crowd.user("user3").active
    assert report.counts["left"] == 1
    crowd.done()
    assert not crowd.user("user3").active


def test_an_administrators_word_outlasts_sign_ins(crowd):
    """Likewise where a run finds that somebody left, and a sign-in that they are back."""
    resolver = LDAPResolver("corp", crowd.source, crowd.directory, crowd.links, clock=crowd.clock)
    crowd.write("user3", active=False)
    crowd.source.remove("uid:3")
    crowd.done()
    assert resolver.resolve(assertion("user3")).code == "inactive"
    _back(crowd)
    crowd.source.change("uid:3", active=False)
    assert resolver.resolve(assertion("user3")).code == "inactive"
    crowd.source.change("uid:3", active=True)
    assert resolver.resolve(assertion("user3")).code == "inactive"
    crowd.done()
    assert not crowd.user("user3").active


def test_an_administrators_word_before_the_source_was_asked(world):
    """Whom somebody here switched off before their first comparison isn't switched on by a later one."""
    user = world.make("mara", KEEPER)
    world.directory.update(user, Changes({"active": False}))
    world.source.put("uid:mara", username="mara", active=False)
    world.done()
    world.source.change("uid:mara", active=True)
    world.done()
    assert not world.user("mara").active


def test_switched_on_by_the_administrator_again(crowd):
    """An administrator's own word ends it: from then on the source's counts again."""
    crowd.write("user3", active=False)
    crowd.source.remove("uid:3")
    crowd.done()
    crowd.write("user3", active=True)
    assert crowd.done().counts["missing"] == 1
    assert not crowd.user("user3").active
    _back(crowd)
    assert crowd.done().counts["reactivated"] == 1
    assert crowd.user("user3").active


def test_who_was_switched_off_here_and_left_can_be_purged(crowd):
    """Whom somebody here switched off, and who left the source then, is found by a purge; a run of nothing
    new writes nothing.
    """
    crowd.write("user3", active=False)
    crowd.source.remove("uid:3")
    crowd.done()
    before = crowd.snapshot()
    crowd.done()
    assert crowd.snapshot() == before
    crowd.clock.advance(1)
    gone = Purge(crowd.url).listed(int(crowd.clock.time()))
    assert [one.username for one in gone] == ["user3"]
    assert Purge(crowd.url).remove(crowd.directory, gone[0])


# -- without a link --


def _unlink(world: World, subject: str) -> None:
    assert world.links.unpin(KEEPER, subject)


def test_who_leaves_without_a_link_is_switched_off(crowd):
    """A user of the source whose link was removed, and whom it doesn't know, is switched off, once."""
    _unlink(crowd, "uid:3")
    crowd.source.remove("uid:3")
    report = crowd.done()
    assert (report.counts["deactivated"], report.counts["missing"]) == (1, 1)
    assert not crowd.user("user3").active
    before = crowd.snapshot()
    assert crowd.done().counts["deactivated"] == 0
    assert crowd.snapshot() == before


def test_who_stays_without_a_link_is_pinned_again(crowd):
    """Where the source knows somebody of that name they are pinned anew, and stay."""
    _unlink(crowd, "uid:3")
    assert crowd.done().counts["deactivated"] == 0
    assert crowd.user("user3").active
    assert crowd.links.follow(KEEPER, "uid:3") == crowd.user("user3").id


def test_who_left_without_a_link_gives_their_user_to_nobody(crowd):
    """Whoever gets that name at the source later may be somebody else: an operator has to say who it is."""
    _unlink(crowd, "uid:3")
    crowd.source.remove("uid:3")
    crowd.done()
    crowd.source.put("uid:other", username="user3", groups=("Staff",))
    report = crowd.done()
    assert [told.reason.partition(":")[0] for told in report.told] == ["link_conflict"]
    assert not crowd.user("user3").active


def test_without_a_link_and_not_to_be_understood(crowd):
    """Whose name is there, though what is said of them can't be used, is left as they are."""
    _unlink(crowd, "uid:3")
    crowd.source.change("uid:3", email="\0")
    assert crowd.done().counts["unusable"] == 1
    assert crowd.user("user3").active


def test_too_many_without_a_link(crowd):
    """They count for the limit as all others do."""
    for number in range(6):
        _unlink(crowd, f"uid:{number}")
        crowd.source.remove(f"uid:{number}")
    before = crowd.snapshot()
    assert crowd.sync().code == "too_many_removals"
    assert crowd.snapshot() == before


def test_a_link_that_ends_while_people_are_read(crowd):
    """Who was read before their link was removed isn't missing."""

    def watch(step, done, _):
        if (step, done) == ("reading", 10):
            _unlink(crowd, "uid:3")

    crowd.source.page_size = 1
    report = crowd.synchronisation().run(progress=watch)
    assert (report.code, report.counts["deactivated"]) == ("done", 0)
    assert crowd.links.follow(KEEPER, "uid:3") is None
    assert crowd.user("user3").active


def test_others_without_a_link_are_left_alone(crowd):
    """Users whom an administrator, or signing in, made have no link to the source and stay."""
    for username, owner in (("a", "local"), ("b", "jit:idp"), ("c", "ldap:other")):
        crowd.make(username, owner)
    assert crowd.done().counts["deactivated"] == 0
    assert all(crowd.user(name).active for name in "abc")
