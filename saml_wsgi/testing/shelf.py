"""What a server keeps for a browser that holds only a random name for it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Things by a random name: each for a limited time, and at most so many.

    Args:
        time: The time in seconds.
        lifetime: How long a thing is kept, in seconds.
        limit: How many are kept; the oldest gives way.

    Safe to use from several threads.
    """

    def __init__(self, time: Callable[[], float], lifetime: float, limit: int = 10_000) -> None:
        self._time = time
        self._lifetime = lifetime
        self._limit = limit
        self._things: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, thing: T) -> str:
        """Keep it, under a new name of 256 random bits."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            self._things[name] = (self._time() + self._lifetime, thing)
            while len(self._things) > self._limit:
                self._things.popitem(last=False)
        return name

    def get(self, name: str) -> T | None:
        """What is kept under the name, or None."""
        with self._lock:
            until, thing = self._things.get(name, (0.0, None))
            return thing if self._time() < until else None

    def drop(self, name: str) -> None:
        """Forget it."""
        with self._lock:
            self._things.pop(name, None)
