"""A process that runs until it is told to stop, and stops only between two pieces of work."""

from __future__ import annotations

import signal
import time
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
#: In seconds: Windows wakes nobody up who waits without an end.
_LOOK: Final = 0.5


class Stopping:
    """Notes SIGINT (Ctrl-C) and SIGTERM while in it; a second one ends the process as usual.

    In the main thread only, since signals are its business.

    Attributes:
        asked: Whether one came.
    """

    def __init__(self) -> None:
        self.asked = False
        # An Event's lock isn't reentrant, and a handler may interrupt the very wait() that holds it.
        self._arrived: SimpleQueue[int] = SimpleQueue()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until somebody asks to stop; whether somebody did."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            try:
                self._arrived.get(timeout=min(left, _LOOK))
            except Empty:
                continue
        return self.asked

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.asked = True
        self._arrived.put(number)
        signal.signal(number, self._before[number] or signal.SIG_DFL)
