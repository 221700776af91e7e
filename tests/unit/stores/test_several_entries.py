"""Several entries at once: all of them are there, or none."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.model import Entry
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.stores.sql import SQLStore
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts.crowd import at_once


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=["memory", "sql"])
def store(request, url, clock):
    return MemoryStore(clock=clock) if request.param == "memory" else SQLStore(url, clock=clock)


def test_all_of_them_are_there(store, clock):
    """Each has its own value, life and tags."""
    store.put_all([Entry("one", b"1", 10, ("tag", "first")), Entry("two", b"2", 60, ("tag",))])
    assert (store.get("one"), store.get("two")) == (b"1", b"2")
    assert [list(store.tagged(tag)) for tag in ("tag", "first")] == [["one", "two"], ["one"]]
    clock.advance(11)
    assert (store.get("one"), store.get("two")) == (None, b"2")
    assert list(store.tagged("tag")) == ["two"]


def test_nothing_is_nothing(store):
    """No entries are stored without a complaint."""
    store.put_all([])
    store.ping()


def test_they_replace_what_was_there(store):
    """What was there has the new value, and only the new tags."""
    store.put("one", b"old", 60, tags=["old", "both"])
    store.put_all([Entry("two", b"2", 60, ("both",)), Entry("one", b"new", 60, ("both", "new"))])
    assert store.get("one") == b"new"
    assert [list(store.tagged(tag)) for tag in ("old", "both", "new")] == [[], ["one", "two"], ["one"]]


def test_the_last_of_a_key_counts(store):
    """A key that occurs twice has the later value, and its tags alone."""
    store.put_all([Entry("key", b"first", 60, ("first",)), Entry("key", b"last", 60, ("last",))])
    assert store.get("key") == b"last"
    assert [list(store.tagged(tag)) for tag in ("first", "last")] == [[], ["key"]]


@pytest.mark.parametrize(
    "wrong",
    [Entry("ü", b"v", 60), Entry("x" * 201, b"v", 60), Entry("k", b"v", 0), Entry("k", b"v", 60, ("\n",))],
)
def test_one_that_is_wrong_spoils_all(store, wrong):
    """A name or a ttl that can't be is refused before anything is stored."""
    with pytest.raises(ValueError, match="must be"):
        store.put_all([Entry("fine", b"v", 60), wrong])
    assert store.get("fine") is None


def test_a_full_memory_takes_none(clock):
    """Where there isn't room for all, none is stored; what expires meanwhile is room."""
    store = MemoryStore(clock=clock, max_entries=3)
    store.put_all([Entry("one", b"v", 5), Entry("two", b"v", 3600)])
    both = [Entry("three", b"v", 60), Entry("four", b"v", 60)]
    with pytest.raises(StoreUnavailable, match="full"):
        store.put_all(both)
    assert (store.get("three"), store.get("four")) == (None, None)
    store.put_all([Entry("one", b"new", 5), Entry("three", b"v", 5)])  # of which only one is new
    clock.advance(6)
    store.put_all(both)
    assert store.get("four") == b"v"


def test_a_locked_database_takes_none(url, tmp_path, clock):
    """While another process writes, all of them are refused; afterwards all of them are taken."""
    store = SQLStore(url, clock=clock)
    entries = [Entry("one", b"v", 60, ("tag",)), Entry("two", b"v", 60, ("tag",))]
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable):
        store.put_all(entries)
    holder.close()
    assert list(store.tagged("tag")) == []
    store.put_all(entries)
    assert list(store.tagged("tag")) == ["one", "two"]


def test_a_failure_in_the_middle_takes_all_back(url, tmp_path, clock):
    """What was written of a transaction that fails isn't there: no session without its record."""
    store = SQLStore(url, clock=clock)
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute(
            "CREATE TRIGGER no_second BEFORE INSERT ON saml_wsgi_state WHEN NEW.key = 'two'"
            " BEGIN SELECT RAISE(ABORT, 'no room for two'); END"
        )
    other.close()
    with pytest.raises(StoreUnavailable, match="no room for two"):
        store.put_all([Entry("one", b"v", 60, ("tag",)), Entry("two", b"v", 60, ("tag",))])
    assert store.get("one") is None
    assert list(store.tagged("tag")) == []


def test_crowds_that_put_the_same_keys(store):
    """Threads that put the same keys in different orders don't wait for each other for ever."""
    keys = ["a", "b", "c", "d"]

    def put(number):
        ordered = keys if number % 2 else keys[::-1]
        store.put_all([Entry(key, b"%d" % number, 60, (f"tag-{number}",)) for key in ordered])
        return number

    at_once(16, put)
    values = {store.get(key) for key in keys}
    assert len(values) == 1  # they are all of one call
    (winner,) = values
    assert list(store.tagged(f"tag-{int(winner)}")) == keys


@given(
    st.lists(st.builds(Entry, st.sampled_from("abc"), st.binary(max_size=4), st.just(60), st.just(("t",)))),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_one_after_the_other(store, entries):
    """Putting several at once leaves what putting them one by one would."""
    for key in "abc":
        store.pop(key)
    store.put_all(entries)
    expected = {entry.key: entry.value for entry in entries}
    assert {key: store.get(key) for key in "abc" if store.get(key) is not None} == expected
    assert sorted(store.tagged("t")) == sorted(expected)
