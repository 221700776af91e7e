"""The runs of synchronisations, for ``saml-wsgi sync --history`` and for warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from saml_wsgi.database import answering
from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.arrival.values import Run
from saml_wsgi.errors import DirectoryUnavailable

_BEGIN: Final = """
    INSERT INTO saml_wsgi_sync_runs (id, source, started, finished, report) VALUES (?, ?, ?, ?, ?)
"""
_END: Final = "UPDATE saml_wsgi_sync_runs SET finished = ?, report = ? WHERE id = ?"
_LAST: Final = "SELECT id, source, started, finished, report FROM saml_wsgi_sync_runs"
_ORDER: Final = " ORDER BY started DESC, id DESC LIMIT ?"
_FINISHED: Final = "SELECT finished FROM saml_wsgi_sync_sources WHERE source = ?"
_FORGET: Final = "DELETE FROM saml_wsgi_sync_runs WHERE started < ?"


class History:
    """The table ``saml_wsgi_sync_runs``. Every method raises DirectoryUnavailable.

    Args:
        url: ``directory.url``.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def begin(self, run: Run) -> None:
        """Keep that a run began (``finished`` 0)."""
        self._write(_BEGIN, run.id, run.source, run.started, run.finished, run.report)

    def end(self, run: Run) -> None:
        """Keep how it ended."""
        self._write(_END, run.finished, run.report, run.id)

    def last(self, limit: int = 20, *, source: str | None = None) -> Sequence[Run]:
        """The latest runs, the newest first; of one source or of all."""
        if source is None:
            found = self._database.fetch(_LAST + _ORDER, (limit,))
        else:
            found = self._database.fetch(f"{_LAST} WHERE source = ?{_ORDER}", (source, limit))
        return tuple(Run(*row) for row in found)

    def last_finished(self, source: str) -> int:
        """When a run last brought everything that it was to, in seconds since the epoch; 0: never."""
        found = self._database.fetch(_FINISHED, (source,))
        return found[0][0] if found else 0

    def forget(self, before: int) -> int:
        """Remove the records of runs that began before that moment; how many."""
        return self._write(_FORGET, before)

    def _write(self, statement: str, *values: str | int) -> int:
        with answering(DirectoryUnavailable), Writing(self._database) as writing:
            written: int = writing.execute(statement, values).rowcount
        return written
