"""One synchronisation at a time, across processes and hosts."""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from saml_wsgi.database import answering
from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.arrival.values import Busy, LostLease
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock

logger = our_logger("saml_wsgi.directories.arrival.lease")

#: Nobody's lease is that far ahead: a clock was set back.
_LONGEST: Final = 600.0
_HOLDER_BYTES: Final = 200
_ROW: Final = """
    INSERT INTO saml_wsgi_sync (id, holder, fence, until, generation) VALUES (1, '', 0, 0, 0)
    ON CONFLICT DO NOTHING
"""
_TAKE: Final = "UPDATE saml_wsgi_sync SET holder = ?, fence = fence + 1, until = ? WHERE id = 1"
_LOOK: Final = "SELECT holder, fence, until FROM saml_wsgi_sync WHERE id = 1"
_EXTEND: Final = "UPDATE saml_wsgi_sync SET until = ? WHERE id = 1 AND fence = ? AND holder = ?"
_SERVER_TIME: Final = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


class Lease:
    """The right to synchronise: a context manager, and while in it a thread renews it.

    Whoever is killed holds it until it ends by itself. Whoever takes it gets a new :attr:`fence`, and each
    transaction that writes checks it: one that was given up for dead can't write any more.

    Args:
        url: ``directory.url``.
        source: What is synchronised, for whoever finds it busy.
        holder: Who synchronises; ``""``: this host and process.
        ttl: Seconds for which it is held without being renewed, at most 600.
        clock: Tells the time on SQLite, which is of one host; on PostgreSQL the server does.

    Attributes:
        fence: The number of this holding, larger than all before; 0 before it is entered.
        holder: Who synchronises what, since when.

    Raises on entering:
        Busy: Somebody else holds it.
        DirectoryUnavailable: The database doesn't answer.
    """

    def __init__(
        self, url: str, source: str, *, holder: str = "", ttl: float = 60.0, clock: Clock = time
    ) -> None:
        if not 0 < ttl <= _LONGEST:
            raise ValueError(f"a lease is held for at most {_LONGEST:.0f} seconds")
        self._database = Database(url)
        self._who = f"{holder or f'{socket.gethostname()}, process {os.getpid()}'}, {source}"
        self._ttl = ttl
        self._clock = clock
        self._ended = threading.Event()
        self._lost = False
        self.fence = 0
        self.holder = ""

    def __enter__(self) -> Self:
        with answering(DirectoryUnavailable), Writing(self._database) as writing:
            writing.execute(_ROW)
            lock = " FOR UPDATE" if self._database.postgresql else ""
            other, fence, until = writing.execute(_LOOK + lock).fetchone()
            now = self._now(writing)
            if now < until <= now + int(_LONGEST * 1000):
                raise Busy(other, until // 1000)
            since = datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            behind = f", since {since}"
            self.holder = _cut(self._who, _HOLDER_BYTES - len(behind)) + behind
            writing.execute(_TAKE, (self.holder, now + int(self._ttl * 1000)))
        self.fence = fence + 1
        self._lost = False
        self._renewed = self._clock.monotonic()
        self._ended.clear()
        self._thread = threading.Thread(target=self._keep, name="saml_wsgi lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        try:
            self._extend(release=True)
        except (LostLease, DirectoryUnavailable) as failure:
            # It ends by itself, or has ended; what the run came to counts.
            logger.info("The lease couldn't be given back: %s", failure)

    def renew(self) -> None:
        """Make sure of it now and then, cheaply (no query unless it is time to): after each page.

        Raises:
            LostLease: Somebody else has it.
            DirectoryUnavailable: The database doesn't answer.
        """
        if self._lost:
            raise LostLease("another synchronisation took over")
        if self._clock.monotonic() - self._renewed >= self._ttl / 3:
            self._extend()

    def _keep(self) -> None:
        # A page of a slow source may take as long as the lease; then nobody calls renew.
        while not self._ended.wait(self._ttl / 3):
            try:
                self._extend()
            except LostLease:
                return
            except DirectoryUnavailable as failure:
                logger.warning("The lease couldn't be renewed: %s", failure)

    def _extend(self, *, release: bool = False) -> None:
        with answering(DirectoryUnavailable), Writing(self._database) as writing:
            until = 0 if release else self._now(writing) + int(self._ttl * 1000)
            if writing.execute(_EXTEND, (until, self.fence, self.holder)).rowcount != 1:
                self._lost = True
                raise LostLease("another synchronisation took over")
        self._renewed = self._clock.monotonic()

    def _now(self, writing: Writing) -> int:
        if self._database.postgresql:
            now: int = writing.execute(_SERVER_TIME).fetchone()[0]
            return now
        return int(self._clock.time() * 1000)


def _cut(text: str, size: int) -> str:
    """As much of it as fits into so many bytes, of what a database can keep."""
    kept = "".join(filter(str.isprintable, text)).encode(errors="replace")
    return kept[:size].decode(errors="ignore")
