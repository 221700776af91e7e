"""The obligations of :class:`saml_wsgi.interfaces.Store`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

import pytest

from saml_wsgi.interfaces import Clock, Store
from saml_wsgi.model import Entry
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts.crowd import at_once


class _PassingClock(FakeClock):
    """For stores that look at a clock of their own: time is let pass rather than set."""

    def advance(self, seconds: float) -> None:
        time.sleep(seconds)
        super().advance(seconds)


class StoreContract:
    """Provide the fixture ``make_store``: a callable that takes a clock and returns a store.

    A store that can't be told the time ignores the clock and sets :attr:`takes_clock` to False; the
    tests of the ttl then let a few real seconds pass. If ``make_store`` is called more than once in a
    test, the stores share their content, unless they have ``single_process``.
    """

    #: Whether the store tells the time by the clock it is given.
    takes_clock: ClassVar[bool] = True

    #: How many threads meet at one key.
    threads: ClassVar[int] = 32

    @pytest.fixture
    def make_store(self) -> Callable[[Clock], Store]:
        raise NotImplementedError("a StoreContract needs the fixture make_store")

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock() if self.takes_clock else _PassingClock()

    @pytest.fixture
    def store(self, make_store: Callable[[Clock], Store], clock: FakeClock) -> Store:
        return make_store(clock)

    # -- shape --

    def test_has_the_shape_of_a_store(self, store: Store) -> None:
        """It has every method of the protocol."""
        assert isinstance(store, Store)

    def test_single_process_is_a_boolean(self, store: Store) -> None:
        """Whether it is single_process is said with True or False, or not at all."""
        assert getattr(store, "single_process", False) in (True, False)

    def test_ping_of_a_healthy_store_returns(self, store: Store) -> None:
        """A store that answers has nothing to say to ping."""
        store.ping()

    # -- add --

    def test_add_stores_what_is_absent(self, store: Store) -> None:
        """The first add of a key returns True, and the value is there."""
        assert store.add("key", b"first", 60) is True
        assert store.get("key") == b"first"

    def test_add_leaves_what_is_present(self, store: Store) -> None:
        """The second add of a key returns False and changes nothing."""
        store.add("key", b"first", 60)
        assert store.add("key", b"second", 60) is False
        assert store.get("key") == b"first"

    def test_add_does_not_prolong(self, store: Store, clock: FakeClock) -> None:
        """An add that comes too late doesn't lengthen the life of what is present."""
        store.add("key", b"first", 2)
        store.add("key", b"second", 60)
        clock.advance(3)
        assert store.get("key") is None

    def test_add_leaves_what_was_put(self, store: Store) -> None:
        """A key is present for add, whichever call stored it."""
        store.put("key", b"first", 60)
        assert store.add("key", b"second", 60) is False

    def test_add_stores_again_after_the_ttl(self, store: Store, clock: FakeClock) -> None:
        """What has outlived its ttl is absent for add."""
        store.add("key", b"first", 1)
        clock.advance(2)
        assert store.add("key", b"second", 60) is True
        assert store.get("key") == b"second"

    def test_add_stores_again_after_pop(self, store: Store) -> None:
        """What was removed is absent for add."""
        store.add("key", b"first", 60)
        store.pop("key")
        assert store.add("key", b"second", 60) is True

    def test_add_of_many_threads_succeeds_once(self, store: Store) -> None:
        """Of many threads that add one key at once, one is told True, and its value is there."""
        told = at_once(self.threads, lambda number: store.add("key", b"%d" % number, 60))
        assert sorted(told) == [False] * (self.threads - 1) + [True]
        assert store.get("key") == b"%d" % told.index(True)

    def test_add_of_many_threads_succeeds_once_after_the_ttl(self, store: Store, clock: FakeClock) -> None:
        """Of many threads that add a key that has expired, one is told True."""
        store.add("key", b"before", 1)
        clock.advance(2)
        told = at_once(self.threads, lambda number: store.add("key", b"%d" % number, 60))
        assert sorted(told) == [False] * (self.threads - 1) + [True]
        assert store.get("key") == b"%d" % told.index(True)

    def test_add_of_different_keys_succeeds_for_all(self, store: Store) -> None:
        """Threads that add different keys don't get in each other's way."""
        assert all(at_once(self.threads, lambda number: store.add(f"key-{number}", b"v", 60)))

    def test_add_of_several_keys_is_all_or_nothing(self, store: Store) -> None:
        """With further keys all of them are stored, or none if one is present."""
        assert store.add("one", b"v", 60, also=["two", "three"]) is True
        assert [store.get(key) for key in ("one", "two", "three")] == [b"v"] * 3
        assert store.add("four", b"w", 60, also=["two"]) is False
        assert store.add("one", b"w", 60, also=["four"]) is False
        assert store.get("four") is None
        assert store.get("two") == b"v"

    def test_add_of_several_keys_succeeds_once(self, store: Store) -> None:
        """Of many threads that add overlapping keys at once, in any order, one is told True."""
        keys = ["a", "b", "c"]
        told = at_once(
            self.threads,
            lambda number: store.add(keys[number % 3], b"v", 60, also=keys[::-1] if number % 2 else keys),
        )
        assert sorted(told) == [False] * (self.threads - 1) + [True]

    # -- get --

    def test_get_of_an_absent_key_is_none(self, store: Store) -> None:
        """An absent key has no value, which isn't an empty value."""
        assert store.get("key") is None

    def test_get_within_the_ttl(self, store: Store, clock: FakeClock) -> None:
        """A value is there until its ttl has passed."""
        store.put("key", b"value", 4)
        clock.advance(2)
        assert store.get("key") == b"value"

    def test_get_after_the_ttl_is_none(self, store: Store, clock: FakeClock) -> None:
        """A value is gone once its ttl has passed."""
        store.put("key", b"value", 1)
        clock.advance(2)
        assert store.get("key") is None

    @pytest.mark.parametrize("value", [b"", b"\0\xff\0", bytes(range(256)) * 1024])
    def test_get_returns_the_bytes_that_were_stored(self, store: Store, value: bytes) -> None:
        """Values are bytes and come back as they were: empty, not text, or 256 KiB."""
        store.put("key", value, 60)
        found = store.get("key")
        assert type(found) is bytes
        assert found == value

    def test_keys_are_compared_exactly(self, store: Store) -> None:
        """Keys that differ in letter case, white space or a wildcard are different keys."""
        keys = ["key", "KEY", "key ", "k%", "k_y", "key:*"]
        for number, key in enumerate(keys):
            assert store.add(key, b"%d" % number, 60) is True
        assert [store.get(key) for key in keys] == [b"%d" % number for number in range(len(keys))]

    def test_keys_and_tags_of_two_hundred_characters(self, store: Store) -> None:
        """A key or a tag may have 200 characters, the last of which counts."""
        stem = "k" * 199
        store.put(f"{stem}1", b"one", 60, tags=[f"{stem}a"])
        store.put(f"{stem}2", b"two", 60, tags=[f"{stem}b"])
        assert store.get(f"{stem}1") == b"one"
        assert list(store.tagged(f"{stem}b")) == [f"{stem}2"]

    def test_a_ttl_of_ten_years(self, store: Store, clock: FakeClock) -> None:
        """A ttl may be long."""
        store.put("key", b"value", 10 * 365 * 86_400)
        clock.advance(1)
        assert store.get("key") == b"value"

    # -- put --

    def test_put_stores_over_what_was_there(self, store: Store) -> None:
        """The last value put is the value."""
        store.put("key", b"first", 60)
        store.put("key", b"second", 60)
        assert store.get("key") == b"second"

    def test_put_begins_a_new_ttl(self, store: Store, clock: FakeClock) -> None:
        """The last put decides how long the value lives."""
        store.put("long", b"first", 1)
        store.put("long", b"second", 60)
        store.put("short", b"first", 60)
        store.put("short", b"second", 1)
        clock.advance(2)
        assert store.get("long") == b"second"
        assert store.get("short") is None

    # -- put_all --

    def test_put_all_stores_each_of_them(self, store: Store, clock: FakeClock) -> None:
        """Every entry is there with its own value, ttl and tags."""
        store.put_all([Entry("one", b"1", 2, ("a", "both")), Entry("two", b"2", 60, ("both",))])
        assert [store.get(key) for key in ("one", "two")] == [b"1", b"2"]
        assert sorted(store.tagged("both")) == ["one", "two"]
        assert list(store.tagged("a")) == ["one"]
        clock.advance(3)
        assert [store.get(key) for key in ("one", "two")] == [None, b"2"]

    def test_put_all_of_nothing(self, store: Store) -> None:
        """No entries are nothing to do."""
        store.put_all([])

    def test_put_all_stores_over_what_was_there(self, store: Store) -> None:
        """As with put, the last value counts, and an entry is under its own tags only."""
        store.put("key", b"first", 60, tags=["old"])
        store.put_all([Entry("other", b"v", 60), Entry("key", b"second", 60, ("new",))])
        assert store.get("key") == b"second"
        assert [list(store.tagged(tag)) for tag in ("old", "new")] == [[], ["key"]]

    def test_put_all_with_one_key_twice(self, store: Store) -> None:
        """Entries are put in their order."""
        store.put_all([Entry("key", b"first", 60, ("old",)), Entry("key", b"second", 60, ("new",))])
        assert store.get("key") == b"second"
        assert [list(store.tagged(tag)) for tag in ("old", "new")] == [[], ["key"]]

    def test_put_all_by_many_threads(self, store: Store) -> None:
        """Threads that put overlapping entries at once, in any order, all succeed; each key has one value."""
        keys = [f"key-{number}" for number in range(6)]
        at_once(
            8,
            lambda number: store.put_all(
                [
                    Entry(key, b"%d" % number, 60, (f"tag-{number}",))
                    for key in (keys if number % 2 else keys[::-1])
                ]
            ),
        )
        for key in keys:
            value = store.get(key)
            assert value is not None
            tags = [number for number in range(8) if key in store.tagged(f"tag-{number}")]
            assert tags == [int(value)]

    # -- replace --

    def test_replace_of_an_absent_key_stores_nothing(self, store: Store) -> None:
        """Replacing what isn't there returns False, and it still isn't there."""
        assert store.replace("key", b"value", 60) is False
        assert store.get("key") is None

    def test_replace_of_a_present_key(self, store: Store, clock: FakeClock) -> None:
        """Replacing what is there returns True and stores the new value with the new ttl."""
        store.put("key", b"first", 2)
        assert store.replace("key", b"second", 60) is True
        clock.advance(3)
        assert store.get("key") == b"second"

    def test_replace_can_shorten(self, store: Store, clock: FakeClock) -> None:
        """A replaced value lives by its own ttl, also where that is the shorter one."""
        store.put("key", b"first", 60)
        store.replace("key", b"second", 1)
        clock.advance(2)
        assert store.get("key") is None

    def test_replace_does_not_revive_what_expired(self, store: Store, clock: FakeClock) -> None:
        """What has outlived its ttl can't be replaced."""
        store.put("key", b"first", 1)
        clock.advance(2)
        assert store.replace("key", b"second", 60) is False
        assert store.get("key") is None

    def test_replace_does_not_revive_what_was_popped(self, store: Store) -> None:
        """A session that was ended isn't brought back by a late write."""
        store.put("key", b"first", 60)
        store.pop("key")
        assert store.replace("key", b"second", 60) is False
        assert store.get("key") is None

    def test_replace_and_pop_at_once_leave_nothing(self, store: Store) -> None:
        """However writes and the end of a session interleave, it has ended afterwards."""
        store.put("key", b"first", 60)
        at_once(
            self.threads,
            lambda number: store.replace("key", b"late", 60) if number else store.pop("key"),
        )
        assert store.get("key") is None

    # -- pop --

    def test_pop_returns_the_value_and_removes_it(self, store: Store) -> None:
        """The value comes out once."""
        store.put("key", b"value", 60)
        assert store.pop("key") == b"value"
        assert store.pop("key") is None
        assert store.get("key") is None

    def test_pop_of_an_absent_key_is_none(self, store: Store) -> None:
        """Nothing comes out where nothing is."""
        assert store.pop("key") is None

    def test_pop_after_the_ttl_is_none(self, store: Store, clock: FakeClock) -> None:
        """What has outlived its ttl doesn't come out."""
        store.put("key", b"value", 1)
        clock.advance(2)
        assert store.pop("key") is None

    def test_pop_of_many_threads_gives_the_value_once(self, store: Store) -> None:
        """Of many threads that remove one key at once, one gets the value."""
        store.put("key", b"value", 60)
        got = at_once(self.threads, lambda _: store.pop("key"))
        assert [value for value in got if value is not None] == [b"value"]

    # -- tags --

    def test_tagged_finds_what_was_filed(self, store: Store) -> None:
        """All keys under a tag are found by it, and no others."""
        store.put("one", b"v", 60, tags=["user:ada", "idp:x"])
        store.put("two", b"v", 60, tags=["user:ada"])
        store.put("three", b"v", 60, tags=["user:grace"])
        assert sorted(store.tagged("user:ada")) == ["one", "two"]
        assert list(store.tagged("idp:x")) == ["one"]

    def test_tagged_with_an_unknown_tag_finds_nothing(self, store: Store) -> None:
        """A tag that nothing is filed under has no keys; keys aren't tags, and wildcards aren't either."""
        store.put("key", b"v", 60, tags=["user:ada"])
        for tag in ("key", "user:%", "user:*", "user", "USER:ADA"):
            assert list(store.tagged(tag)) == []

    def test_tagged_names_a_key_once(self, store: Store) -> None:
        """A tag given twice is one tag."""
        store.put("key", b"v", 60, tags=["tag", "tag"])
        assert list(store.tagged("tag")) == ["key"]

    def test_tagged_leaves_out_what_expired(self, store: Store, clock: FakeClock) -> None:
        """What has outlived its ttl isn't under its tags any more."""
        store.put("short", b"v", 1, tags=["tag"])
        store.put("long", b"v", 60, tags=["tag"])
        clock.advance(2)
        assert list(store.tagged("tag")) == ["long"]

    def test_tagged_leaves_out_what_was_popped(self, store: Store) -> None:
        """What was removed isn't under its tags any more."""
        store.put("key", b"v", 60, tags=["tag"])
        store.pop("key")
        assert list(store.tagged("tag")) == []

    def test_tags_stay_when_a_value_is_replaced(self, store: Store, clock: FakeClock) -> None:
        """A replaced value is found under the tags of the first, as long as it lives."""
        store.put("key", b"first", 2, tags=["tag"])
        store.replace("key", b"second", 60)
        clock.advance(3)
        assert list(store.tagged("tag")) == ["key"]

    def test_put_files_under_its_own_tags_only(self, store: Store) -> None:
        """What is put over something is under the new tags and not under the old ones."""
        store.put("key", b"first", 60, tags=["old", "both"])
        store.put("key", b"second", 60, tags=["both", "new"])
        assert [list(store.tagged(tag)) for tag in ("old", "both", "new")] == [[], ["key"], ["key"]]

    def test_a_new_entry_has_no_tags_of_an_earlier_one(self, store: Store, clock: FakeClock) -> None:
        """A key that is stored again, after a pop or its ttl, isn't under its earlier tags."""
        store.put("popped", b"v", 60, tags=["tag"])
        store.put("expired", b"v", 1, tags=["tag"])
        store.pop("popped")
        clock.advance(2)
        store.add("popped", b"v", 60)
        store.add("expired", b"v", 60)
        assert list(store.tagged("tag")) == []

    # -- sharing --

    def test_what_one_stores_another_sees(
        self, store: Store, make_store: Callable[[Clock], Store], clock: FakeClock
    ) -> None:
        """Two stores over the same content see each other's writes at once; ``single_process`` ones don't."""
        other = make_store(clock)
        store.put("key", b"value", 60, tags=["tag"])
        if getattr(store, "single_process", False):
            assert other.get("key") is None
            return
        assert other.get("key") == b"value"
        assert list(other.tagged("tag")) == ["key"]
        assert other.pop("key") == b"value"
        assert store.get("key") is None
        assert store.add("once", b"v", 60) is True
        assert other.add("once", b"v", 60) is False
