"""Cases that are timed in a process of their own, in turn with the others."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.benchmarks.harness import Missing

_CHILD = Path(__file__).with_name("child.py")


class Elsewhere:
    """A case whose calls are timed by the child itself, so that talking to it isn't measured."""

    fresh = None

    def __init__(self, name: str, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self.name = name
        self.note = ""
        self._process = process
        self._errors = errors

    def told(self, task: Mapping[str, Any]) -> Missing | None:
        """Hand over what it needs; says why it can't do it, or None."""
        answer = json.loads(self._ask(json.dumps(task)))
        self.note = answer.get("note", "")
        return Missing(self.name, answer["missing"]) if "missing" in answer else None

    def time(self, count: int) -> float:
        """Seconds for one call, of so many."""
        return float(self._ask(str(count)))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(line, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(f"{self.name} ended:\n{self._errors.read()}")
        return answer


@contextmanager
def elsewhere(
    name: str, what: str, python: str, environ: Mapping[str, str], task: Mapping[str, Any]
) -> Iterator[Elsewhere | Missing]:
    """A case in a child that lives as long as the context, or why there is none.

    Args:
        name: Of the case.
        what: A function of ``tests/benchmarks/child.py``.
        python: The interpreter.
        environ: The child's whole environment.
        task: What the function needs.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                [python, "-I", _CHILD, what],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environ),
                text=True,
            )
        except OSError as error:
            yield Missing(name, str(error))
            return
        with process:  # ends its input, and waits until it has gone
            case = Elsewhere(name, process, errors)
            yield case.told({**task, "folder": folder}) or case
