"""Several threads that do something at the same moment, and values that come from unfriendly hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

#: What no user is called, and what must not confuse whoever looks for it.
UNFRIENDLY: Final = (
    "ada\0",
    "\ud800",
    "%",
    "_da",
    "ada*",
    "*)(uid=*",
    "ada' OR '1'='1",
    "ada\\",
    "ada\u202e",
    "x" * 100_000,
)


def at_once(threads: int, call: Callable[[int], T]) -> Sequence[T]:
    """What each thread got from ``call(number)``; they set out together."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
