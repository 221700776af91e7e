"""Sign-in records in a store: found by their reference, listed by their age, and nobody's to forge."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.events import UnderReference
from saml_wsgi.journal import Journal
from saml_wsgi.model import SignInRecord
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.testing.clock import FakeClock

NOW = 1_800_000_000
DAY = 86_400
KEYS = Keys("hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N", context="wiki")

FULL = SignInRecord(
    reference="ABCDEFGH23",
    at=NOW + 0.25,
    code="signed_in",
    detail="fine",
    idp="jc",
    arrived=("NameID", "email"),
    steps=(("read", 200), ("verified", 900)),
    user="7",
    resolver="jit",
    outcome="updated",
    origins={"email": "saml:email"},
    changes={"email": "…"},
    left={"groups": "outside groups.managed"},
    configuration="0123456789ab",
)


class Shared(MemoryStore):
    """In memory, but as long-lived as a database."""

    single_process = False


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def store(clock):
    return Shared(clock=clock)


@pytest.fixture
def journal(store, clock):
    return Journal(store, KEYS, keep=30 * DAY, clock=clock)


def record(reference, at=NOW, **changes):
    return SignInRecord(**{"reference": reference, "at": at, "code": "signed_in", **changes})


def test_a_full_one_is_full():
    """The sample has something in every field, so that the next test forgets none."""
    assert all(getattr(FULL, field.name) for field in dataclasses.fields(SignInRecord))


@pytest.mark.parametrize(
    "kept", [FULL, record("ABCDEFGH23", at=0.0), record("ABCDEFGH23", detail="雪\ud800")]
)
def test_it_comes_back(journal, kept):
    """Whatever is in a record comes back, and nothing in it can be changed."""
    journal.write(kept)
    found = journal.read("ABCDEFGH23")
    assert found == kept
    with pytest.raises(TypeError):
        found.changes["x"] = "y"


@pytest.mark.parametrize("spoken", ["abcdefgh23", " ABCDE FGH23\n", "abcde fgh23"])
def test_as_people_read_it_out(journal, spoken):
    """Small letters and white space make no difference."""
    journal.write(FULL)
    assert journal.read(spoken) == FULL


@given(st.text())
def test_any_text_may_be_asked_for(text):
    """Whatever somebody types, there is a record or none."""
    journal = Journal(MemoryStore(), KEYS, keep=DAY, clock=FakeClock(NOW))
    assert journal.read(text) is None
    assert journal.read("\udcff") is None


def test_it_is_kept_for_so_long(journal, clock):
    """After `records.keep` it is gone, also from the list."""
    journal.write(FULL)
    clock.advance(30 * DAY - 1)
    assert journal.read(FULL.reference) == FULL
    assert list(journal.recent()) == [FULL]
    clock.advance(2)
    assert journal.read(FULL.reference) is None
    assert list(journal.recent()) == []


def test_none_is_kept(store, clock):
    """With `records.keep = 0` nothing is stored, and nothing is found."""
    journal = Journal(store, KEYS, keep=0, clock=clock)
    assert journal.entry(FULL) is None
    journal.write(FULL)
    assert store._entries == {}
    assert journal.read(FULL.reference) is None
    assert list(journal.recent()) == []


def test_memory_is_for_the_sessions(clock):
    """A store in memory, which is full some day, keeps records for a day at most."""
    journal = Journal(MemoryStore(clock=clock), KEYS, keep=30 * DAY, clock=clock)
    assert journal.entry(FULL).ttl == DAY
    assert Journal(MemoryStore(clock=clock), KEYS, keep=60, clock=clock).entry(FULL).ttl == 60


def test_the_newest_come_first(journal, clock):
    """The list has the newest first, over hours and days, and no more than asked for."""
    ages = [0, 1, 3599, 3600, 3601, 7200, DAY, 3 * DAY, 29 * DAY]
    made = [record(f"R{age}", at=NOW - age + 0.5) for age in ages]
    for one in (made[4], made[0], *made[5:], *made[1:4]):
        journal.write(one)
    assert list(journal.recent()) == made
    assert list(journal.recent(4)) == made[:4]
    assert list(journal.recent(0)) == list(journal.recent(-1)) == []


def test_a_host_whose_clock_is_ahead(journal, clock):
    """What another host wrote an hour from now is listed, too."""
    ahead = record("AHEAD", at=NOW + 3600)
    journal.write(ahead)
    assert list(journal.recent()) == [ahead]


def test_one_that_ends_while_it_is_listed(journal, store):
    """A record that is gone by the time it is read is left out."""
    journal.write(FULL)
    listed = store.tagged
    store.tagged = lambda tag: [*listed(tag), "login:gone"]
    assert list(journal.recent()) == [FULL]


def test_nobody_forges_one(journal, store, clock):
    """Who writes the store can't make up a record, nor put one in another's place."""
    journal.write(FULL)
    journal.write(record("OTHER"))
    key, other = journal.entry(FULL).key, journal.entry(record("OTHER")).key
    store.put(key, store.get(other), 60)
    assert journal.read(FULL.reference) is None
    data = store.get(other).partition(b".")[2]
    for forged in (
        b"",
        b"x." + data,
        Keys("another secret, long enough", context="wiki").seal("journal", data),
    ):
        store.put(other, forged, 60)
        assert journal.read("OTHER") is None
    store.put(other, KEYS.seal("record", data), 60)
    assert journal.read("OTHER") is None


def test_another_version_is_none(journal, store):
    """A record of a version that isn't known isn't guessed at."""
    journal.write(FULL)
    key = journal.entry(FULL).key
    data = json.loads(store.get(key).partition(b".")[2]) | {"v": 2, "more": 1}
    store.put(key, KEYS.seal("journal", json.dumps(data).encode()), 60)
    assert journal.read(FULL.reference) is None


def test_a_rotated_secret_still_reads(journal, store, clock):
    """Records outlive a change of `session.secret`, as long as the old one is a fallback."""
    journal.write(FULL)
    secret = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
    rotated = Keys("another secret, as long as the first", [secret], context="wiki")
    assert Journal(store, rotated, keep=DAY, clock=clock).read(FULL.reference) == FULL


@pytest.mark.parametrize("error", [StoreUnavailable("no route"), RuntimeError("somebody else's")])
def test_a_store_that_fails_is_logged(journal, store, caplog, error):
    """Writing raises nothing: the log says that there is no record, under the reference."""

    def fail(*_):
        raise error

    store.put_all = fail
    with UnderReference("ABCDEFGH23"):
        journal.write(FULL)
    (line,) = caplog.records
    assert line.levelno >= logging.WARNING
    assert "the sign-in record ABCDEFGH23 could not be kept" in line.getMessage()
    assert line.saml_reference == "ABCDEFGH23"


def test_reading_says_when_the_store_is_down(journal, store):
    """Who looks for a record is told that the store doesn't answer."""

    def fail(*_):
        raise StoreUnavailable("no route")

    store.get = store.tagged = fail
    for look in (lambda: journal.read("A"), journal.recent):
        with pytest.raises(StoreUnavailable):
            look()
