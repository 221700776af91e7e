"""One synchronisation at a time."""

import sqlite3
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.values import Busy, LostLease
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts.crowd import at_once

NOW = 1_800_000_000


@pytest.fixture
def clock():
    return FakeClock(time=NOW)


@pytest.fixture
def lease(patient, clock):
    return lambda **options: Lease(patient, "ldap:staff", clock=clock, **options)


def test_somebody_else_is_told_who_and_since_when(lease, clock):
    """Whoever comes second is told who synchronises what, since when, and until when at least."""
    with lease(holder="first"):
        clock.advance(10)
        with pytest.raises(Busy) as busy, lease():
            pass
    assert busy.value.holder == "first, ldap:staff, since 2027-01-15 08:00:00 UTC"
    assert busy.value.until == NOW + 60


def test_only_one_of_many(lease):
    """Of several who begin at the same moment exactly one gets it."""
    all_tried = threading.Barrier(6)

    def take(_):
        try:
            with lease() as held:
                all_tried.wait(30)
                return held.fence
        except Busy:
            all_tried.wait(30)
            return 0

    assert sorted(at_once(6, take)) == [0, 0, 0, 0, 0, 1]


def test_given_back_at_the_end(lease):
    """Once a run ends, however it ends, the next one begins at once, with a larger number."""
    with pytest.raises(RuntimeError, match="fails"), lease() as first:
        raise RuntimeError("it fails")
    with lease() as second:
        assert second.fence == first.fence + 1


def test_given_up_for_dead(lease, clock):
    """A lease that wasn't renewed is another one's when it ends, and its former holder hears of it."""
    with lease(ttl=60) as first:
        clock.advance(60)
        with lease() as second:
            assert second.fence == first.fence + 1
            with pytest.raises(LostLease):
                first.renew()
            with pytest.raises(LostLease):
                first.renew()
            second.renew()
    with lease():
        pass


def test_the_former_holder_does_not_end_the_new_one(lease, clock):
    """Whoever lost it can't give it back."""
    first = lease()
    first.__enter__()
    clock.advance(60)
    with lease():
        first.__exit__(None, None, None)
        with pytest.raises(Busy), lease():
            pass


def test_renewed(lease, clock):
    """As long as it is renewed in time it is held, however long."""
    with lease(ttl=60) as held:
        for _ in range(5):
            clock.advance(59)
            held.renew()
            with pytest.raises(Busy), lease():
                pass


def test_renewing_costs_nothing_until_it_is_time(lease, patient, clock):
    """Renewing asks the database only when a third of the time is over."""
    with lease(ttl=60) as held, database.connect(patient).begin():
        clock.advance(19)
        held.renew()


def test_renewed_by_itself(patient):
    """While a slow source keeps the run waiting, a thread renews it."""

    class Listening(FakeClock):
        asked = threading.Event()

        def time(self):
            if threading.current_thread().name == "saml_wsgi lease":
                self.asked.set()
            return super().time()

    with Lease(patient, "ldap:staff", ttl=0.05, clock=Listening(time=NOW)):
        assert Listening.asked.wait(30)


def test_what_the_thread_hears(patient, clock):
    """Once the thread heard that somebody else took over, the run hears it at its next page."""
    with Lease(patient, "ldap:staff", ttl=0.05, clock=clock) as first:
        with database.connect(patient).begin() as connection:
            connection.execute(text("UPDATE saml_wsgi_sync SET fence = fence + 1"))
        first._thread.join(30)
        with pytest.raises(LostLease):
            first.renew()


def test_a_clock_that_was_set_back(lease, clock):
    """A lease that seems to end in years is nobody's."""
    held = lease()
    held.__enter__()
    clock.set(NOW - 86_400)
    with lease() as other:
        assert other.fence == held.fence + 1
    held.__exit__(None, None, None)


def test_a_database_that_is_locked(url, tmp_path):
    """Where somebody else writes for too long, nobody begins; what was begun ends all the same."""
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DirectoryUnavailable), Lease(url, "ldap:staff"):
        pass
    other.execute("ROLLBACK")
    with Lease(url, "ldap:staff"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("ttl", [0, -1, 601])
def test_how_long(patient, ttl):
    """Nobody holds it for no time, or for more than ten minutes unrenewed."""
    with pytest.raises(ValueError, match="seconds"):
        Lease(patient, "ldap:staff", ttl=ttl)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(holder=st.text(st.characters(codec=None), max_size=400))
def test_any_holder(lease, holder):
    """Whatever a host or an operator is called, it can be kept."""
    with lease(holder=holder) as held:
        assert len(held.holder.encode()) <= 200
        assert held.holder.endswith(" UTC")
        held.renew()
