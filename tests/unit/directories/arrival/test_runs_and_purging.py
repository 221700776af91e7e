"""The history of runs, and the deletion of people whom a source doesn't know any more."""

import sqlite3

import pytest

from saml_wsgi.directories.arrival.history import History
from saml_wsgi.directories.arrival.purge import Purge
from saml_wsgi.directories.arrival.values import INACTIVE, MISSING, Gone, Run
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes
from tests.unit.directories.arrival.scene import NOW, SOURCE, Scene, some


@pytest.fixture
def scene(patient):
    return Scene(patient)


@pytest.fixture
def history(patient):
    return History(patient)


@pytest.fixture
def staff(scene):
    """Of six, two are missing since an hour ago, one since now, one is switched off, and two are there."""
    scene.bring(new=some(6))
    scene.bring([scene.change(f"uid:{number}", state=MISSING, active=False) for number in (0, 1)])
    scene.clock.advance(3600)
    scene.bring([scene.change("uid:2", state=MISSING, active=False)])
    scene.bring([scene.change("uid:3", state=INACTIVE, active=False)])
    return scene


def test_runs(history):
    """The latest runs come first, with what is known of how they ended."""
    runs = [Run(f"r{number}", f"ldap:{number % 2}", NOW + number) for number in range(5)]
    for run in runs:
        history.begin(run)
    ended = Run("r3", "ldap:1", NOW + 3, NOW + 9, '{"code": "done"}')
    history.end(ended)
    assert history.last() == (runs[4], ended, runs[2], runs[1], runs[0])
    assert history.last(2) == (runs[4], ended)
    assert history.last(5, source="ldap:1") == (ended, runs[1])


def test_old_runs_are_forgotten(history):
    """Records of runs before a moment are removed, all others stay."""
    for number in range(4):
        history.begin(Run(f"r{number}", SOURCE, NOW + number))
    assert history.forget(NOW + 2) == 2
    assert [run.id for run in history.last()] == ["r3", "r2"]


def test_when_a_run_last_finished(history, scene):
    """A source that was never synchronised has no such moment; a run that comes to its end sets it."""
    assert history.last_finished(SOURCE) == 0
    scene.bring(new=some(1))
    assert history.last_finished(SOURCE) == NOW


def test_a_history_that_cannot_be_written(url, tmp_path):
    """A database that doesn't answer is said to be unavailable."""
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DirectoryUnavailable):
        History(url).begin(Run("r", SOURCE, NOW))
    other.close()


def test_who_is_missing(staff, patient):
    """Listed are those who are missing since before the moment, with since when; no others."""
    purge = Purge(patient)
    wanted = sorted((Gone(staff.id(f"u{n}"), f"u{n}", SOURCE, f"uid:{n}", NOW) for n in (0, 1)), key=str)
    found = purge.listed(NOW + 3600)
    assert sorted(found, key=str) == wanted
    assert [gone.user_id for gone in found] == sorted(gone.user_id for gone in wanted)
    assert len(purge.listed(NOW + 3601)) == 3
    assert purge.listed(NOW) == ()
    assert purge.listed(NOW + 3600, source=SOURCE) == found
    assert purge.listed(NOW + 3600, source="ldap:other") == ()
    assert purge.listed(NOW + 3600, limit=1) == found[:1]
    assert purge.listed(NOW + 3600, after=found[0].user_id) == found[1:]


def test_who_is_kept_by_somebody_else(staff, patient):
    """Whom an administrator switched on again is deleted by nobody."""
    staff.directory.update(staff.user("u0"), Changes({"active": True}))
    assert [gone.username for gone in Purge(patient).listed(NOW + 3600)] == ["u1"]


def test_removed(staff, patient):
    """Whoever is removed is gone with their links, and can't be removed twice."""
    purge = Purge(patient)
    (gone, other) = purge.listed(NOW + 3600)
    assert purge.remove(staff.directory, gone) is True
    assert staff.directory.get(gone.user_id) is None
    assert staff.links.follow(SOURCE, gone.subject) is None
    assert purge.remove(staff.directory, gone) is False
    assert purge.listed(NOW + 3600) == (other,)


@pytest.mark.parametrize("settled", [True, False])
def test_who_came_back(staff, patient, settled):
    """Whoever came back since they were listed stays, also before that is settled."""
    purge = Purge(patient)
    (gone, _) = purge.listed(NOW + 3600)
    with staff.run() as arrivals:
        arrivals.add_changes([staff.change(gone.subject, active=True)])
        arrivals.flip("", full=True, now=NOW)
        if settled:
            arrivals.settle()
        assert purge.remove(staff.directory, gone) is False
        arrivals.settle()
    assert staff.user(gone.username).active is True
