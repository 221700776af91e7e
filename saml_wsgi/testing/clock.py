"""A clock that a test sets."""

from __future__ import annotations

import threading
import time as real


class FakeClock:
    """A :class:`saml_wsgi.interfaces.Clock` that stands still until it is told to move.

    Args:
        time: Seconds since the epoch at the start. The real time by default, in whole seconds, so
            that certificates made by the real time are valid.
        monotonic: Where the other hand starts.

    Safe to use from several threads.
    """

    def __init__(self, time: float | None = None, monotonic: float = 1000.0) -> None:
        self._lock = threading.Lock()
        self._time = float(int(real.time())) if time is None else float(time)
        self._monotonic = float(monotonic)

    def time(self) -> float:
        """Seconds since the epoch."""
        with self._lock:
            return self._time

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        with self._lock:
            return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass. ValueError for a negative number: monotonic time never goes back."""
        if seconds < 0:
            raise ValueError("time passes forwards; set() puts the wall clock back")
        with self._lock:
            self._time += seconds
            self._monotonic += seconds

    def set(self, time: float) -> None:
        """Put the wall clock somewhere else, as an administrator or NTP does; monotonic time stays."""
        with self._lock:
            self._time = float(time)
