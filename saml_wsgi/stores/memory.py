"""The store for tests and for a server that is one process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import Entry
from saml_wsgi.stores import check

_SWEEP_EVERY: Final = 60.0


@dataclass(slots=True)
class _Kept:
    value: bytes
    expires: float
    tags: tuple[str, ...] = ()


class MemoryStore:
    """Keeps everything in this process; what it holds ends with the process.

    Args:
        clock: Tells the time.
        max_entries: How many keys fit. A full store drops what has expired and refuses what is new
            (StoreUnavailable); it never ends a session that is alive to make room.
    """

    single_process = True

    def __init__(self, *, clock: Clock = time, max_entries: int = 100_000) -> None:
        if max_entries < 1:
            raise ValueError("max_entries must be positive")
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[str, _Kept] = {}
        self._tags: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._sweep_due = -math.inf
        # Nothing expires before: saves a full store from looking through everything at each call.
        self._earliest = math.inf

    def add(self, key: str, value: bytes, ttl: int, /, *, also: Sequence[str] = ()) -> bool:
        check(key, *also, ttl=ttl)
        keys = {key, *also}
        with self._lock:
            now = self._clock.time()
            if any(self._live(name, now) is not None for name in keys):
                return False
            self._make_room(keys, now)
            for name in keys:
                self._store(name, _Kept(value, now + ttl))
            return True

    def get(self, key: str, /) -> bytes | None:
        check(key)
        with self._lock:
            entry = self._live(key, self._clock.time())
            return None if entry is None else entry.value

    def put(self, key: str, value: bytes, ttl: int, /, *, tags: Sequence[str] = ()) -> None:
        self.put_all((Entry(key, value, ttl, tuple(tags)),))

    def put_all(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            check(entry.key, *entry.tags, ttl=entry.ttl)
        with self._lock:
            now = self._clock.time()
            self._make_room({entry.key for entry in entries}, now)
            for entry in entries:
                self._store(entry.key, _Kept(entry.value, now + entry.ttl, entry.tags))

    def replace(self, key: str, value: bytes, ttl: int, /) -> bool:
        check(key, ttl=ttl)
        with self._lock:
            now = self._clock.time()
            entry = self._live(key, now)
            if entry is None:
                return False
            self._store(key, _Kept(value, now + ttl, entry.tags))
            return True

    def pop(self, key: str, /) -> bytes | None:
        check(key)
        with self._lock:
            entry = self._live(key, self._clock.time())
            if entry is None:
                return None
            self._drop(key)
            return entry.value

    def tagged(self, tag: str, /) -> Sequence[str]:
        check(tag)
        with self._lock:
            now = self._clock.time()
            return sorted(key for key in self._tags.get(tag, ()) if self._live(key, now) is not None)

    def ping(self) -> None:
        """Nothing can be wrong with the connection to this process."""

    def _live(self, key: str, now: float) -> _Kept | None:
        entry = self._entries.get(key)
        return entry if entry is not None and entry.expires > now else None

    def _make_room(self, keys: set[str], now: float) -> None:
        """Room for all of these keys, or StoreUnavailable and nothing done."""
        if self._clock.monotonic() >= self._sweep_due:
            self._sweep(now)
        if self._fits(keys):
            return
        if self._earliest <= now:
            self._sweep(now)
        if not self._fits(keys):
            raise StoreUnavailable(f"the memory store is full ({self._max_entries} entries)")

    def _fits(self, keys: set[str]) -> bool:
        new = sum(key not in self._entries for key in keys)
        return not new or len(self._entries) + new <= self._max_entries

    def _store(self, key: str, entry: _Kept) -> None:
        self._drop(key)
        self._entries[key] = entry
        self._earliest = min(self._earliest, entry.expires)
        for tag in entry.tags:
            self._tags.setdefault(tag, set()).add(key)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        for tag in entry.tags:
            keys = self._tags.get(tag)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._tags[tag]

    def _sweep(self, now: float) -> None:
        self._sweep_due = self._clock.monotonic() + _SWEEP_EVERY
        for key in [key for key, entry in self._entries.items() if entry.expires <= now]:
            self._drop(key)
        self._earliest = min((entry.expires for entry in self._entries.values()), default=math.inf)
