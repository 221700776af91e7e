"""A run while it is under way: what its report will say, kept in the history from its beginning on."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from saml_wsgi.directories.arrival.history import History
from saml_wsgi.directories.arrival.values import Busy, LostLease, Run
from saml_wsgi.errors import DirectoryUnavailable, SourceUnavailable
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock
from saml_wsgi.sync.refusal import DONE, INTERNAL, INTERRUPTED, SyncRefused
from saml_wsgi.sync.report import Report
from saml_wsgi.sync.tally import Tally

logger: Final = our_logger("saml_wsgi.sync")


class Draft:
    """What becomes a :class:`Report`.

    Attributes:
        source: The source's name.
        kind: See :class:`Report`; so are ``why`` and ``applied``.
        tally: Who was counted and told.
        cursor: Where the next run may begin to read changes, as it is kept; ``""``: it reads everybody.
    """

    def __init__(self, source: str, clock: Clock, *, dry_run: bool) -> None:
        self.source = source
        self.started = int(clock.time())
        self.kind = ""
        self.why = ""
        self.applied = False
        self.cursor = ""
        self.tally = Tally()
        self._clock = clock
        self._dry_run = dry_run
        self._id = uuid.uuid4().hex
        self._code, self._detail = DONE, ""
        self._took: dict[str, float] = {}
        self._recorded: History | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """How long something takes."""
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            self._took[name] = round(self._clock.monotonic() - begun, 3)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whatever ends the run meanwhile is what its report says; only being told to stop goes on."""
        try:
            yield
        except SyncRefused as refused:
            self._end(refused.code, refused.detail)
        except Busy as busy:
            until = datetime.fromtimestamp(busy.until, UTC).strftime("%H:%M:%S UTC")
            self._end("busy", f"{busy.holder}; it is theirs until {until} at least")
        except LostLease as lost:
            self._end("lost_lease", lost.detail)
        except SourceUnavailable as down:
            self._end("incomplete" if self.tally.effects["read"] else "unavailable", down.detail)
        except DirectoryUnavailable as down:
            self._end("directory_unavailable", down.detail)
        except Exception as error:  # the report is what is left of a run that nobody watches
            logger.exception("the synchronisation of %s failed", self.source)
            self._end(INTERNAL, type(error).__name__)
        except BaseException:
            self._end(INTERRUPTED, "the process was told to stop")
            raise
        finally:
            self._record_end()

    def record(self, history: History) -> None:
        """Keep in the history that the run began. A dry run leaves no trace.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        if not self._dry_run:
            history.begin(Run(self._id, self.source, self.started))
            self._recorded = history

    def report(self) -> Report:
        """What is known so far."""
        return Report(
            code=self._code,
            source=self.source,
            kind=self.kind,
            why=self.why,
            started=self.started,
            finished=max(self.started, int(self._clock.time())),
            dry_run=self._dry_run,
            applied=self.applied,
            counts=self.tally.counts,
            told=self.tally.told,
            planned=self.tally.planned,
            more=self.tally.more,
            detail=self._detail,
            took=MappingProxyType(self._took),
        )

    def _end(self, code: str, detail: str) -> None:
        self._code, self._detail = code, detail

    def _record_end(self) -> None:
        report = self.report()
        if not self._dry_run or not report.done:
            logger.log(*_line(report))
        if self._recorded is None:
            return
        run = Run(self._id, self.source, self.started, max(1, report.finished), report.as_json())
        try:
            self._recorded.end(run)
        except DirectoryUnavailable as down:
            # What was done counts, not what is told of it.
            logger.warning("the end of the run %s isn't kept: %s", self._id, down.detail)


def _line(report: Report) -> tuple[int, str, str, str, str]:
    counts = " ".join(f"{name}={count}" for name, count in report.counts.items() if count)
    level = logging.INFO if report.done else logging.WARNING
    return level, "synchronisation of %s: %s %s", report.source, report.code, report.detail or counts
