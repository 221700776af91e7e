"""The transactions of whoever holds the lease: fenced, short, and with pauses in which others write."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from saml_wsgi.database import answering
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.arrival.values import LostLease
from saml_wsgi.errors import DirectoryUnavailable

T = TypeVar("T")
P = TypeVar("P")

#: For how many seconds a transaction aims to keep others from writing, and how long they are let in then.
#: Whoever waits on SQLite asks each millisecond: see database/engines.
_HOLD: Final = 0.010
_PAUSE: Final = 0.003
_FIRST: Final = 200
_FEWEST: Final = 20
_MOST: Final = 8000
_SECURE: Final = "SELECT 1 FROM saml_wsgi_sync WHERE id = 1 AND fence = ? AND holder = ?"
_NO_CHECKPOINT: Final = "PRAGMA wal_autocheckpoint = 0"
_CACHE: Final = "PRAGMA cache_size = -16384"
_CHECKPOINT: Final = ("PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_autocheckpoint = 1000")
#: So many rows that what is known of the tables isn't true any more.
_MANY: Final = 1000
_TAKE_STOCK: Final = "ANALYZE saml_wsgi_users, saml_wsgi_groups, saml_wsgi_links, saml_wsgi_arriving"
# Everything here is asked for by keys, a few at a time. Plans that go through whole tables, or are compiled,
# look good while a table is small or not known yet, and take a multiple of the time.
_BY_KEYS: Final = "SELECT " + ", ".join(
    f"set_config('{name}', 'off', TRUE)"
    for name in ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)
_ALONE: Final = "LOCK TABLE saml_wsgi_users IN SHARE ROW EXCLUSIVE MODE"


class Applying(Writing):
    """A transaction that only the holder of the lease can begin; nobody else writes users meanwhile.

    Raises:
        LostLease: Somebody else took over.
        DirectoryUnavailable: The database doesn't answer, or is full; nothing was written.
    """

    __slots__ = ("_lease",)

    def __init__(self, database: Database, lease: Lease) -> None:
        super().__init__(database)
        self._lease = lease

    def __enter__(self) -> Self:
        with answering(DirectoryUnavailable):
            super().__enter__()
            try:
                self._secure()
            except BaseException as error:
                super().__exit__(type(error), error, error.__traceback__)
                raise
        return self

    def _secure(self) -> None:
        # The row stays locked, so that nobody can take over before this is written wholly.
        asked = self.execute(_SECURE + self._database.share, (self._lease.fence, self._lease.holder))
        if asked.fetchone() is None:
            raise LostLease("another synchronisation took over")
        # Moving the write-ahead log into the file keeps nobody waiting, but would make this seem long: later.
        if self._database.postgresql:
            self.execute(_BY_KEYS)
            self.execute(_ALONE)
        else:
            self.execute(_NO_CHECKPOINT)
            self.execute(_CACHE)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with answering(DirectoryUnavailable):
            super().__exit__(kind, error, traceback)


class Pace:
    """Cuts work into transactions that are short on this machine today.

    Args:
        database: Where.
        lease: Whose transactions they are.
    """

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        # How many rows, by what is done with them: it costs more to move a row than to add one.
        self._sizes: dict[str, int] = {}
        self._ended = 0.0
        self._written = 0

    def once(self) -> Applying:
        """A transaction of its own, for what is quick and has to be done at once."""
        return Applying(self._database, self._lease)

    def apply(
        self,
        items: Iterable[T],
        write: Callable[[Applying, P], object],
        *,
        what: str,
        prepare: Callable[[list[T]], P],
        rows: Callable[[T], int],
    ) -> None:
        """Write all of the items, some of them a transaction.

        Args:
            items: Taken as they come; memory holds a transaction's worth.
            what: Names what is done: each is as quick as it is.
            write: Called within the transaction, with what was prepared.
            prepare: Called before the transaction: the longer it takes, the longer others can write.
            rows: About how many rows an item takes.
        """
        for batch in self._cut(items, what, rows):
            prepared = prepare(batch)
            time.sleep(max(0.0, self._ended + _PAUSE - time.monotonic()))
            with _uninterrupted(), answering(DirectoryUnavailable), self.once() as applying:
                began = time.monotonic()
                write(applying, prepared)
            self._ended = time.monotonic()
            self._written += len(batch)
            self._checkpoint()
            self._lease.renew()
            # It grows carefully: what comes next may be more work than what went before.
            factor = min(1.25, _HOLD / max(self._ended - began, 1e-6))
            self._sizes[what] = max(_FEWEST, min(_MOST, int(self._size(what) * factor) + 1))

    def _size(self, what: str) -> int:
        return self._sizes.get(what, _FIRST)

    def take_stock(self) -> None:
        """PostgreSQL plans by what it knows of tables: if much was written, it looks. Nobody has to wait."""
        if self._database.postgresql and self._written > _MANY:
            # Else it does so by itself, later.
            with suppress(SQLAlchemyError), Writing(self._database) as writing:
                writing.execute(_TAKE_STOCK)
        self._written = 0

    def _checkpoint(self) -> None:
        """What SQLite does by itself behind a commit, here. Before long others would have to do it."""
        if not self._database.postgresql:
            for statement in _CHECKPOINT:
                self._database.fetch(statement)

    def _cut(self, items: Iterable[T], what: str, rows: Callable[[T], int]) -> Iterator[list[T]]:
        batch: list[T] = []
        filled = 0
        for item in items:
            more = rows(item)
            if batch and filled + more > self._size(what):
                yield batch
                batch, filled = [], 0
            batch.append(item)
            filled += more
        if batch:
            yield batch


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Garbage isn't collected meanwhile: where there are many objects, that alone takes 30 ms and more."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
