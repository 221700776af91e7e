"""The store in memory: the contract, and what is its own."""

import pytest

from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self):
        return lambda clock: MemoryStore(clock=clock)


@pytest.fixture
def clock():
    return FakeClock()


def full(clock, ttl):
    store = MemoryStore(clock=clock, max_entries=3)
    for number in range(3):
        store.put(f"live-{number}", b"v", ttl, tags=["tag"])
    return store


def test_says_that_it_serves_one_process():
    """A server with several processes can see that this store isn't for it."""
    assert MemoryStore().single_process is True


def test_a_full_store_refuses_what_is_new(clock):
    """When it is full, what is new is refused, and nobody who is signed in is thrown out."""
    store = full(clock, 3600)
    with pytest.raises(StoreUnavailable, match="full"):
        store.put("new", b"v", 60)
    with pytest.raises(StoreUnavailable, match="full"):
        store.add("new", b"v", 60)
    assert store.tagged("tag") == ["live-0", "live-1", "live-2"]
    assert store.get("new") is None


def test_a_full_store_goes_on_with_what_it_has(clock):
    """When it is full, what is present can still be written and ended."""
    store = full(clock, 3600)
    store.put("live-0", b"new", 60)
    assert store.replace("live-1", b"new", 60) is True
    assert store.pop("live-2") == b"v"
    assert store.add("now there is room", b"v", 60) is True


def test_a_full_store_makes_room_of_what_expired(clock):
    """What has expired takes no room from what is new."""
    store = full(clock, 10)
    clock.advance(11)
    assert store.add("new", b"v", 60) is True
    assert store.get("new") == b"v"


def test_a_full_store_makes_room_as_soon_as_one_expires(clock):
    """One entry that expired is room for one, however long the others live."""
    store = full(clock, 3600)
    store.put("live-1", b"v", 5)
    clock.advance(6)
    assert store.add("new", b"v", 60) is True
    with pytest.raises(StoreUnavailable):
        store.add("newer", b"v", 60)


def test_what_expired_is_forgotten_in_time(clock):
    """Entries and their tags don't pile up in a store that isn't full."""
    store = MemoryStore(clock=clock)
    for number in range(100):
        store.put(f"key-{number}", b"v", 10, tags=[f"tag-{number}"])
    clock.advance(61)
    store.put("new", b"v", 60)
    assert list(store._entries) == ["new"]
    assert store._tags == {}


def test_tags_that_nothing_is_under_are_forgotten(clock):
    """A tag takes memory only as long as something is filed under it."""
    store = MemoryStore(clock=clock)
    store.put("key", b"v", 60, tags=["one", "two"])
    store.put("key", b"v", 60, tags=["two"])
    store.pop("key")
    assert store._tags == {}


def test_a_store_for_nothing_is_refused():
    """max_entries must leave room for something."""
    with pytest.raises(ValueError, match="max_entries"):
        MemoryStore(max_entries=0)
