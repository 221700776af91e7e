"""How far a run is, on a terminal."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self, TextIO

import click

_LABELS: Final = {"reading": "read", "writing": "written", "settling": "settled"}


class Bars:
    """A bar for each step of a run; a :class:`saml_wsgi.sync.run.Progress`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._open = ExitStack()
        self._step = ""
        self._bar: Any = None

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """See :class:`saml_wsgi.sync.run.Progress`. Where nobody knows of how many, only the number grows."""
        if step != self._step:
            self._begin(step, total)
        self._bar.update(done - self._bar.pos)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def _begin(self, step: str, total: int) -> None:
        self._open.close()
        self._step = step
        label = f"{_LABELS.get(step, step):<8}"
        bar = (
            click.progressbar(length=total, label=label, show_pos=True, file=self._stream)
            if total
            else click.progressbar(itertools.count(), label=label, show_pos=True, file=self._stream)
        )
        self._bar = self._open.enter_context(bar)
