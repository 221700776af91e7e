"""After any course of events, here and at the source, the users are the source's people."""

from __future__ import annotations

import pytest

from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Profile
from saml_wsgi.testing.clock import FakeClock
from tests.unit.sync.courses import Course
from tests.unit.sync.world import KEEPER

ANY = 10_000


@pytest.mark.parametrize("seed", range(4))
def test_any_course_of_events(world, seed):
    """After each complete run everybody is as the source has them, or told of; and the next one is idle."""
    course = Course(world, seed)
    for _ in range(8):
        course.at_the_source(course.chance.randrange(6))
        course.here(course.chance.randrange(4))
        world.source.page_size = course.chance.choice([1, 3, 100])
        before, rows = course.before(), world.snapshot()
        assert world.done(full=True, dry_run=True, max_removals=ANY).counts["read"] == len(world.source)
        assert world.snapshot() == rows
        course.check(before, world.done(full=True, max_removals=ANY))
        world.done(full=True, max_removals=ANY)
        rows = world.snapshot()
        world.done(full=True, max_removals=ANY)
        assert world.snapshot() == rows


@pytest.mark.parametrize("seed", range(12))
def test_any_course_of_events_among_people(world, seed):
    """Whatever others write between a run's transactions, nobody is switched off wrongly."""
    course = Course(world, seed)
    world.done(full=True)
    for _ in range(6):
        course.at_the_source(course.chance.randrange(6))
        course.here(course.chance.randrange(3))
        world.source.page_size = course.chance.choice([1, 3, 100])
        assert course.run_among_people(course.chance.choice([0.05, 0.2, 0.5])).done
        before = course.before()
        course.check(before, world.done(full=True, max_removals=ANY))


def test_who_left_and_was_switched_on_here(crowd):
    """Whoever left, and was switched on here, is switched off by the next complete run."""
    crowd.source.remove("uid:3")
    crowd.done()
    crowd.write("user3", active=True)
    report = crowd.done()
    assert (report.counts["deactivated"], report.counts["missing"]) == (1, 1)
    assert crowd.user("user3").active is False
    assert crowd.done().counts["deactivated"] == 0


def test_links_that_were_exchanged_meanwhile(crowd):
    """Two links are exchanged while a run is under way: nobody gets what was found out about the other."""
    one, other = crowd.user("user3"), crowd.user("user4")

    def exchange(step, *_):
        if step == "reading":
            crowd.links.repin("ldap:corp", "uid:3", other.id)
            crowd.links.repin("ldap:corp", "uid:4", one.id)

    crowd.source.change("uid:3", active=False)
    crowd.clock.advance(60)
    report = crowd.synchronisation().run(progress=exchange)
    assert report.done
    assert (crowd.user("user3").active, crowd.user("user4").active) == (True, True)
    crowd.done()
    users = {user.id: user for user in crowd.everybody()}
    assert (users[one.id].active, users[other.id].active) == (True, False)


def test_a_host_whose_clock_is_slow(crowd):
    """Who comes in for the first time while a run reads isn't missed, though that host's clock is slow."""
    elsewhere = SQLDirectory(crowd.url, clock=FakeClock(crowd.clock.time() + 60 - 45))

    def make(step, done, _):
        if step == "reading":
            link = (KEEPER, "uid:late")
            elsewhere.create(Profile(username="late"), managed_by=KEEPER, link=link)

    crowd.clock.advance(60)
    assert crowd.synchronisation().run(progress=make).done
    assert crowd.user("late").active is True
    crowd.source.put("uid:late", username="late")
    assert crowd.done().kind == "full"
    assert crowd.user("late").active is True
