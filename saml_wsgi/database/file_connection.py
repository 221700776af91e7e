"""One connection to a SQLite file, and how it waits."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

#: How often a writer on SQLite looks whether it is its turn, in seconds.
_POLL: Final = 0.001
_PRIMARY: Final = 0xFF  # of SQLite's extended error codes, the part that says what it is


class FileConnection(sqlite3.Connection):
    """A connection that remembers which file it opened, and waits for its turn to write.

    Attributes:
        file: Which file that is.
        patience: How long it waits, in seconds.
    """

    file: tuple[int, int]
    patience: float
    _is_wal = False
    _waits = True

    def wait(self, *, in_sqlite: bool) -> None:
        """Let SQLite itself wait for locks, or tell at once that there is one."""
        if self._waits is not in_sqlite:
            self.execute(f"PRAGMA busy_timeout = {self.patience * 1000 * in_sqlite:.0f}").close()
            self._waits = in_sqlite

    def begin(self) -> None:
        """Begin a transaction that writes, within a millisecond or two of the moment when nobody else does.

        SQLite itself asks every 100 ms in the end: behind a synchronisation, which pauses for a few
        milliseconds between its transactions, somebody who signs in would wait for long.

        Raises:
            sqlite3.OperationalError: ``database is locked``: somebody wrote for as long as patience lasts.
        """
        self.wait(in_sqlite=False)
        deadline = 0.0
        while True:
            try:
                self.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                now = time.monotonic()
                deadline = deadline or now + self.patience
                if now >= deadline:
                    raise
                time.sleep(min(_POLL, deadline - now))
            else:
                break
        if not self._is_wal:
            # The log may have come after this connection. Without it, whoever commits waits for readers.
            self._is_wal = self.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            self.wait(in_sqlite=not self._is_wal)


def is_busy(error: Exception) -> bool:
    """Whether SQLite says that somebody else has a lock."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY
