"""A lock that outlives a fork."""

from __future__ import annotations

import os
import threading


class ForkSafeLock:
    """A lock that is open in a forked child, whoever held it in the parent (gunicorn's preloading)."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._renew()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
