"""What is true of every run, on every database."""

import os
import signal
import threading

import pytest

from saml_wsgi.directories.arrival.applying import Applying
from saml_wsgi.directories.arrival.arrivals import Arrivals
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.values import (
    ACTIVE,
    INACTIVE,
    MISSING,
    Counts,
    LostLease,
    NewDigest,
    Progress,
)
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.model import Profile, Standing
from saml_wsgi.testing.contracts.crowd import at_once
from tests.unit.directories.arrival.crossings import CrossingStories
from tests.unit.directories.arrival.scene import NOW, SOURCE, before_each_statement, new, some, story


class ArrivalStories(CrossingStories):
    """Provide the fixture ``url``: of an empty database."""

    # -- what is brought --

    def test_new_users(self, scene):
        """New users are there with groups, link, state and digest, all of them in one moment."""
        with scene.run() as arrivals:
            assert arrivals.add_new(iter(some(300))) == ()
            assert scene.seen() == set()
            arrivals.flip("c1", full=True, now=NOW)
            assert len(scene.seen()) == 300
            assert arrivals.settle() == 0
        user = scene.user("U17")
        assert (user.email, user.groups, user.active, user.managed_by) == (
            "u17@one.test",
            ("all", "g3"),
            True,
            SOURCE,
        )
        assert scene.directory.find("email", "U17@ONE.test") == (user,)
        assert scene.links.follow(SOURCE, "uid:17") == user.id
        assert scene.links.standing(SOURCE, user.id) == Standing(ACTIVE, NOW, NOW)
        assert scene.directory.known_groups(["ALL", "g6", "g7"]) == {"ALL", "g6"}
        assert scene.kept("uid:17")[:5] == (user.id, "d1", ACTIVE, True, SOURCE)
        assert scene.leftovers() == []

    def test_a_whole_run(self, staff):
        """Renamed, swapped, switched off, missing, adopted and new: after the run it is as it was brought."""
        changes, people = story(staff)
        ids = {number: staff.id(f"u{number}") for number in range(3)}
        assert staff.bring(changes, people) == []
        assert [staff.id(name) for name in ("u1", "u0", "moved")] == [ids[0], ids[1], ids[2]]
        assert staff.id("u2") == staff.links.follow(SOURCE, "uid:100")
        assert (staff.user("u3").active, staff.user("u4").active) == (False, False)
        assert staff.kept("uid:3").state == INACTIVE
        assert staff.links.standing(SOURCE, staff.id("u4")) == Standing(MISSING, NOW + 3600, NOW + 3600)
        assert staff.user("u5").groups == ()
        assert (staff.user("u6").groups, staff.user("u6").email) == (("all", "other"), "")
        assert staff.user("u6").first_name == "F"
        assert staff.user("local").managed_by == SOURCE
        assert staff.links.follow(SOURCE, "uid:local") == staff.id("local")
        assert staff.links.standing(SOURCE, staff.id("u7")) == Standing(ACTIVE, NOW, NOW + 3600)
        assert staff.kept("uid:7").digest == "d2"
        assert staff.local.counts(SOURCE) == Counts(70, 69)
        assert staff.leftovers() == []

    def test_readers_see_no_half(self, staff, monkeypatch):
        """Whoever reads, before whichever statement of a run, sees everything old or everything new."""
        changes, people = story(staff)
        old = staff.seen()
        views = []
        with staff.run() as arrivals:
            with monkeypatch.context() as patch:
                before_each_statement(patch, lambda _: views.append(staff.seen()))
                arrivals.add_changes(changes)
                arrivals.add_new(people)
                arrivals.contested()
                assert all(view == old for view in views)
                arrivals.flip("", full=True, now=NOW)
                del views[:]
                arrivals.settle()
            assert len(views) > 10
            assert all(view == views[0] != old for view in views)
            assert staff.seen() == views[0]

    def test_killed_before_any_statement(self, staff, monkeypatch):
        """Kill -9 before any statement leaves all as it was or as it is to be; the next run mends it."""
        changes, people = story(staff)
        old, tables = staff.seen(), staff.tables()

        def run_until(last):
            def die(number):
                if number == last:
                    os.kill(os.getpid(), signal.SIGKILL)

            with staff.run() as arrivals:
                before_each_statement(monkeypatch, die)
                arrivals.add_changes(changes)
                arrivals.add_new(people)
                arrivals.contested()
                arrivals.flip("", full=True, now=NOW)
                arrivals.settle()

        last, killed, new_view = 0, True, None
        while killed:
            last += 1
            killed = in_a_child(lambda: run_until(last)) == -signal.SIGKILL
            view = staff.seen()
            if view != old and new_view is None:
                new_view = view
            assert view in (old, new_view)
            # Whoever was killed holds the lease until it ends.
            staff.expire()
            with staff.leased() as arrivals:
                arrivals.recover()
            assert staff.seen() == view
            assert staff.leftovers() == []
            staff.restore(tables)
        assert last > 40
        assert new_view is not None

    def test_given_up_before_the_moment(self, staff):
        """A run that is given up leaves nothing, and the next one can bring the same."""
        changes, people = story(staff)
        old = staff.seen()
        with staff.run() as arrivals:
            arrivals.add_changes(changes)
            arrivals.add_new(people)
            arrivals.drop()
            assert (staff.seen(), staff.leftovers()) == (old, [])
            arrivals.drop()
        assert staff.bring(changes, people) == []

    def test_nothing_is_added_before_it_began(self, scene):
        """A run that didn't begin can't add: its generation would be the one that everybody sees."""
        with scene.leased() as arrivals:
            for add in (
                lambda: arrivals.add_new(some(1)),
                lambda: arrivals.add_changes([]),
                arrivals.contested,
            ):
                with pytest.raises(ValueError, match="begun"):
                    add()

    def test_a_run_that_changed_nothing(self, staff):
        """Without changes only the progress is kept; an incremental run leaves the moment of a full one."""
        (reached,) = staff.rows("SELECT generation FROM saml_wsgi_sync")
        with staff.leased() as arrivals:
            arrivals.flip("c2", full=False, now=NOW + 60)
        assert staff.local.progress(SOURCE) == Progress("c2", NOW, NOW + 60)
        with staff.leased() as arrivals:
            arrivals.flip("c3", full=True, now=NOW + 90)
        assert staff.local.progress(SOURCE) == Progress("c3", NOW + 90, NOW + 90)
        assert staff.rows("SELECT generation FROM saml_wsgi_sync") == [reached]
        assert staff.local.progress("ldap:other") == Progress()

    def test_transactions_are_bounded(self, scene, monkeypatch):
        """However much is given at once, a transaction has few rows: of people with many groups, few."""
        begun = []
        enter = Applying.__enter__
        monkeypatch.setattr(Applying, "__enter__", lambda self: begun.append(1) or enter(self))
        names = tuple(f"group {number}" for number in range(150))
        with scene.run() as arrivals:
            del begun[:]
            arrivals.add_new(new(number, groups=names) for number in range(8))
            # It begins with 200 rows and grows by a quarter at most.
            assert len(begun) >= 5

    # -- the lease --

    def test_somebody_else_took_over(self, staff):
        """Whoever lost the lease writes nothing any more, whatever they were doing."""
        changes, people = story(staff)
        with Lease(staff.url, SOURCE, clock=staff.clock) as lease:
            late = Arrivals(staff.url, lease, SOURCE, clock=staff.clock)
            late.begin()
            late.add_new(people[:1])
            staff.expire()
            assert staff.bring(new=[new(300)]) == []
            view = staff.seen()
            for call in (
                late.begin,
                lambda: late.add_changes(changes),
                lambda: late.add_new(people),
                lambda: late.digests([NewDigest("uid:7", "d9", staff.kept("uid:7"))]),
                lambda: late.flip("late", full=True, now=NOW),
                late.drop,
            ):
                with pytest.raises(LostLease):
                    call()
        assert (staff.seen(), staff.leftovers()) == (view, [])
        assert staff.kept("uid:7").digest == "d1"
        assert staff.local.progress(SOURCE).cursor == ""

    def test_a_name_that_is_about_to_be_taken(self, staff):
        """Between adding and the moment, nobody else gets the names that are being brought."""
        with staff.run() as arrivals:
            arrivals.add_changes([staff.change("uid:3", values={"username": "brought"})])
            arrivals.add_new([new(200)])
            with pytest.raises(DirectoryConflict):
                staff.directory.create(Profile(username="Brought"), managed_by="local")
            with pytest.raises(DirectoryUnavailable):
                staff.directory.create(Profile(username="u200"), managed_by="local")
            arrivals.flip("", full=True, now=NOW)
            arrivals.settle()
        assert staff.user("brought").managed_by == staff.user("u200").managed_by == SOURCE

    def test_those_who_sign_in_meanwhile(self, scene):
        """While a run writes, others make users, too: all of theirs and all of its are there."""
        ended = threading.Event()

        def call(number):
            if number == 0:
                try:
                    return scene.bring(new=some(400))
                finally:
                    ended.set()
            made = []
            while not ended.is_set() or len(made) < 5:
                name = f"own {number} {len(made)}"
                made.append(scene.directory.create(Profile(username=name, groups=("g",)), managed_by="local"))
            return made

        left, *made = at_once(4, call)
        assert left == []
        assert len(scene.directory.everybody(limit=10_000)) == 400 + sum(map(len, made))
        assert scene.leftovers() == []


def in_a_child(what):
    """The exit status of a process that does it: negative for a signal."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            what()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
