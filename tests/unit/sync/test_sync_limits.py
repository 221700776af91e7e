"""A run that would take away too much changes nothing and says so."""

from __future__ import annotations

import json

import pytest

from saml_wsgi.sync.limits import Limit
from saml_wsgi.sync.refusal import CURES, SyncRefused

TWENTY = range(20)


def take_away(world, what, numbers):
    """Let the source say something worse of some people."""
    for number in numbers:
        subject = f"uid:{number}"
        if what == "missing":
            world.source.remove(subject)
        elif what == "unusable":
            world.source.spoil(subject)
        else:
            change = {"inactive": {"active": False}, "groups": {"groups": ()}, "email": {"email": None}}
            world.source.change(subject, **change[what])


LOSSES = pytest.mark.parametrize(
    ("what", "code"),
    [
        ("missing", "too_many_removals"),
        ("inactive", "too_many_removals"),
        ("groups", "too_many_group_losses"),
        ("email", "too_many_emptied"),
        ("unusable", "too_many_unusable"),
    ],
)


@LOSSES
def test_five_are_always_possible_and_six_of_twenty_are_not(crowd, what, code):
    """Five people may lose something in any directory; the sixth of twenty stops all of it."""
    take_away(crowd, what, range(5))
    crowd.done()
    before = crowd.snapshot()
    take_away(crowd, what, range(5, 11))
    crowd.source.put("uid:new", username="new")
    crowd.source.change("uid:19", email="new@example.test")
    report = crowd.sync()
    assert (report.code, report.applied) == (code, False)
    assert "6 of" in report.detail
    assert report.cure == CURES[code]
    assert crowd.snapshot() == before


@LOSSES
def test_the_operator_lets_one_run_pass(crowd, what, code):
    """``--max-removals 6`` is for one run and for six people."""
    take_away(crowd, what, range(6))
    assert crowd.sync(max_removals=5).code == code
    assert crowd.sync(max_removals=6).done
    crowd.source.put("uid:new", username="new")
    assert crowd.done().counts["created"] == 1


def test_a_share_of_many(world):
    """Five of each hundred active users whom the source keeps, whoever else there is."""
    for number in range(200):
        world.source.put(f"uid:{number}", username=f"user{number}")
        world.make(f"local{number}")
    world.done()
    for number in range(11):
        world.source.remove(f"uid:{number}")
    report = world.sync()
    assert report.code == "too_many_removals"
    assert report.detail == "11 of 200 users would be switched off, and 10 are the limit"
    assert world.done(limit=Limit(percent=6)).counts["missing"] == 11


def test_missing_and_switched_off_count_together(crowd):
    """Three who are gone and three who are switched off are six."""
    take_away(crowd, "missing", range(3))
    take_away(crowd, "inactive", range(3, 6))
    assert crowd.sync().code == "too_many_removals"


def test_a_number_counts_exactly(crowd):
    """``sync.max_removals = 0`` lets nobody be switched off."""
    take_away(crowd, "missing", [3])
    assert crowd.sync(limit=Limit(number=0)).code == "too_many_removals"
    assert crowd.user("user3").active


@pytest.mark.parametrize("options", [{}, {"max_removals": 1000}])
def test_an_empty_source_changes_nothing(crowd, options):
    """Nobody there is never taken at its word, whatever the operator allows."""
    before = crowd.snapshot()
    take_away(crowd, "missing", TWENTY)
    report = crowd.sync(**options)
    assert report.code == "empty"
    assert crowd.snapshot() == before


def test_an_empty_source_is_refused_at_the_first_run_too(world):
    """A first run that reads nobody says so."""
    assert world.sync().code == "empty"


def test_a_source_that_nobody_can_understand_is_refused(world):
    """If not one person can be understood, the mapping is wrong, and the first run says so."""
    for number in range(3):
        world.source.spoil(f"uid:{number}")
    assert world.sync().code == "too_many_unusable"


def test_whoever_stays_unusable_is_counted_once(crowd):
    """Four who can't be understood, and four more later, are no eight."""
    take_away(crowd, "unusable", range(4))
    crowd.done()
    take_away(crowd, "unusable", range(4, 8))
    for number in range(4):
        crowd.source.spoil(f"uid:{number}", "missing_attribute", "another reason")
    report = crowd.done()
    assert report.counts["unusable"] == 8


def test_the_limits_hold_for_a_reading_of_changes(crowd):
    """Six who are switched off stop an incremental run, too, and it is told again until it is cured."""
    crowd.source.tells_changes = True
    crowd.done()
    take_away(crowd, "inactive", range(6))
    for _ in range(2):
        report = crowd.sync()
        assert (report.code, report.kind) == ("too_many_removals", "incremental")
    assert crowd.sync(max_removals=6).counts["deactivated"] == 6


def test_a_refused_run_is_in_the_history(crowd):
    """What was refused is kept with its code, and doesn't count as a run that came to its end."""
    finished = crowd.history.last_finished("ldap:corp")
    take_away(crowd, "missing", range(6))
    report = crowd.sync()
    kept = crowd.history.last(1)[0]
    assert json.loads(kept.report)["code"] == report.code == "too_many_removals"
    assert kept.finished == report.finished
    assert crowd.history.last_finished("ldap:corp") == finished


def test_a_dry_run_tells_the_refusal_and_leaves_no_trace(crowd):
    """``--dry-run`` says what a run would be refused for, and writes nothing, not even that."""
    before, runs = crowd.snapshot(), crowd.history.last(100)
    take_away(crowd, "missing", range(6))
    assert crowd.sync(dry_run=True).code == "too_many_removals"
    assert crowd.snapshot() == before
    assert crowd.history.last(100) == runs


def test_users_who_are_switched_off_already_lose_nothing(crowd):
    """Who is inactive here and goes away there isn't counted as a removal."""
    for number in range(8):
        crowd.write(f"user{number}", active=False)
    take_away(crowd, "missing", range(8))
    report = crowd.done()
    assert (report.counts["deactivated"], report.counts["missing"]) == (0, 0)
    assert {crowd.state(f"uid:{number}") for number in range(8)} == {"gone"}


def test_a_refusal_has_a_code_that_is_known():
    """A code that nobody documented can't be raised."""
    with pytest.raises(ValueError, match="unknown code"):
        SyncRefused("whatever", "")


def test_nobody_loses_everybody(world):
    """In the smallest directory, too, a run doesn't switch off all there are, unless it is told to."""
    for number in range(3):
        world.source.put(f"uid:{number}", username=f"user{number}")
    world.done()
    before = world.snapshot()
    for number in range(3):
        world.source.remove(f"uid:{number}")
    world.source.put("uid:new", username="new")
    report = world.sync()
    assert (report.code, report.detail) == ("too_many_removals", "all 3 users would be switched off")
    assert world.snapshot() == before
    assert world.done(max_removals=3).counts["missing"] == 3
