"""Whatever fails, and whenever: nobody is lost, and what is seen is the old state or the new one."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from saml_wsgi.database import prepare
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.model import Profile
from saml_wsgi.sync.run import Synchronisation
from saml_wsgi.testing.clock import FakeClock

KEEPER = "ldap:corp"


def prepare_changes(world):
    """A bit of everything, for the next run."""
    world.source.put("uid:new", username="new", groups=("Staff",))
    world.source.change("uid:3", email="new@example.test", groups=("Finance",))
    world.source.change("uid:5", username="user6")
    world.source.change("uid:6", username="user5")
    world.source.change("uid:7", active=False)
    world.source.remove("uid:8")


def seen(world):
    """What an application sees of everybody."""
    return {
        (user.username, user.email, user.groups, user.active, user.id if user.username != "new" else "")
        for user in world.everybody()
    }


def expected(world, tmp_path):
    """What is to be seen once a run has come to its end: taken from a copy."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(world.url.removeprefix("sqlite:///"))) as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    prepare(f"sqlite:///{copy}")
    beside = type(world)(f"sqlite:///{copy}", FakeClock(world.clock.time()), world.source)
    beside.done()
    return beside


@pytest.mark.parametrize("told", [0, 5, 10, 15, 19])
def test_a_source_that_fails_on_any_page(crowd, told):
    """However far the source got before it failed, nothing is changed."""
    prepare_changes(crowd)
    before = crowd.snapshot()
    crowd.source.page_size, crowd.source.fails_after = 1, told
    report = crowd.sync()
    assert report.code == ("incomplete" if told else "unavailable")
    assert f"behind {told}" in report.detail
    assert crowd.snapshot() == before
    crowd.source.fails_after = None
    assert crowd.done().counts["missing"] == 1


def test_a_source_that_is_down(crowd):
    """A source that doesn't answer changes nothing."""
    before = crowd.snapshot()
    crowd.source.down = True
    assert crowd.sync().code == "unavailable"
    assert crowd.snapshot() == before


def test_a_source_that_is_broken(crowd, caplog):
    """An error that nobody foresaw changes nothing, is logged with its traceback, and frees the lease."""
    before = crowd.snapshot()
    crowd.source.read = lambda since: iter(())
    report = crowd.sync()
    assert (report.code, report.detail) == ("internal_error", "AttributeError")
    assert any(record.exc_info for record in caplog.records)
    assert crowd.snapshot() == before
    del crowd.source.read
    assert crowd.done()


def test_tables_that_are_not_there(tmp_path, world):
    """A database without our tables is told as what it is."""
    (tmp_path / "empty.db").touch()
    url = f"sqlite:///{tmp_path}/empty.db"
    report = Synchronisation(world.source, "corp", url).run()
    assert report.code == "directory_unavailable"
    assert "no such table" in report.detail


def test_a_second_run_says_who_is_busy(crowd):
    """While one run reads, another one of any host changes nothing and names the first."""
    reports = []

    def meanwhile(step, *_):
        if step == "reading" and not reports:
            reports.append(crowd.synchronisation().run())

    crowd.source.change("uid:3", email="new@example.test")
    first = crowd.synchronisation().run(progress=meanwhile)
    assert first.done
    assert reports[0].code == "busy"
    assert "process" in reports[0].detail
    assert "since" in reports[0].detail
    assert len(crowd.history.last(100)) == 2


@pytest.mark.parametrize("step", ["reading", "writing"])
def test_a_run_that_lost_its_lease_changes_nothing(crowd, tmp_path, step):
    """Somebody takes over, since their clock says that the lease is over: the first run writes no more."""
    prepare_changes(crowd)
    old, new = seen(crowd), seen(expected(crowd, tmp_path))
    crowd.source.page_size = 5
    later = FakeClock(crowd.clock.time() + 120)
    taken = []

    def meanwhile(now, *_):
        if now == step and not taken:
            taken.append(Lease(crowd.url, "corp", holder="another host", clock=later).__enter__())

    report = crowd.synchronisation().run(progress=meanwhile)
    assert (report.code, report.applied) == ("lost_lease", False)
    assert seen(crowd) == old
    taken[0].__exit__(None, None, None)
    assert crowd.done()
    assert seen(crowd) == new


@pytest.mark.parametrize("step", ["reading", "writing", "settling"])
def test_a_run_that_is_told_to_stop(crowd, tmp_path, step):
    """Ctrl-C ends a run with the old state or the new one, keeps that it was so, and the next one goes on."""
    prepare_changes(crowd)
    old, new = seen(crowd), seen(expected(crowd, tmp_path))

    def stop(now, done, total):
        if now == step and (now != "writing" or done == total):  # the changes are written by then
            raise KeyboardInterrupt

    crowd.clock.advance(60)
    rows = crowd.snapshot()
    with pytest.raises(KeyboardInterrupt):
        crowd.synchronisation().run(progress=stop)
    assert seen(crowd) == (new if step == "settling" else old)
    assert (crowd.snapshot() == rows) == (step != "settling")
    assert '"code":"interrupted"' in crowd.history.last(1)[0].report
    assert crowd.done()
    assert seen(crowd) == new


def test_somebody_who_signs_in_for_the_first_time_meanwhile(crowd):
    """Who is made by a sign-in while a run is under way is not missed, whichever page they were on."""

    def make(number):
        crowd.directory.create(
            Profile(username=f"late{number}"), managed_by=KEEPER, link=(KEEPER, f"uid:late{number}")
        )

    def meanwhile(step, done, _):
        if step == "reading" and done == 22:
            make(1)  # read already: the run doesn't know that they are here
            make(2)  # not there when the run read

    crowd.source.put("uid:late1", username="late1")
    crowd.source.put("uid:late1b", username="late1b")
    crowd.source.page_size = 11
    crowd.source.remove("uid:3")
    crowd.source.put("uid:more", username="more")
    crowd.clock.advance(60)
    report = crowd.synchronisation().run(progress=meanwhile)
    assert report.done
    assert crowd.user("late1").active
    assert crowd.user("late2").active
    assert crowd.user("user3").active is False
    crowd.source.put("uid:late2", username="late2", email="late2@example.test")
    assert crowd.done().kind == "full"
    assert crowd.user("late2").email == "late2@example.test"
    assert {told.person for told in report.told} == {"late1"}


def test_somebody_whom_an_administrator_edits_meanwhile(crowd):
    """An edit while a run is under way is kept or put right by the next run; never is it forgotten."""

    def meanwhile(step, *_):
        if step == "reading":
            crowd.clock.advance(1)
            crowd.write("user3", first_name="Edited")
            crowd.write("user4", active=False)

    crowd.source.change("uid:3", email="new@example.test")
    crowd.source.change("uid:4", email="new@example.test")
    crowd.clock.advance(60)
    assert crowd.synchronisation().run(progress=meanwhile).done
    assert crowd.user("user3").email == "new@example.test"
    assert crowd.user("user4").active is False
    crowd.done()
    assert crowd.user("user3").first_name == ""
    assert crowd.user("user4").active is False


def test_somebody_who_is_deleted_meanwhile(crowd):
    """An administrator deletes a user whose page was read: who is missing is noticed all the same."""

    def meanwhile(step, *_):
        if step == "reading":
            crowd.directory.remove(crowd.user("user3").id)

    crowd.source.remove("uid:4")
    crowd.clock.advance(60)
    report = crowd.synchronisation().run(progress=meanwhile)
    assert (report.code, report.counts["missing"]) == ("done", 1)
    assert crowd.user("user4").active is False
    assert crowd.done().counts["created"] == 1


def test_two_runs_at_once_over_many_threads(crowd):
    """Of several runs that begin at once one works and the others are busy, or they follow each other."""
    prepare_changes(crowd)
    reports = []
    gate = threading.Barrier(4)

    def begin():
        run = crowd.synchronisation()
        gate.wait()
        reports.append(run.run())

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {report.code for report in reports} <= {"done", "busy"}
    assert sum(report.counts["created"] for report in reports) == 1
    assert crowd.done().counts["unchanged"] == 20
