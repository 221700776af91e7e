"""The store in a database: SQLite for the processes of one host, PostgreSQL for many hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from saml_wsgi.database import (
    Prepared,
    Transaction,
    answering,
    connect,
    insert_into,
    reading,
    reason,
    rows,
)
from saml_wsgi.database.tables import schema, state, tags
from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import Entry
from saml_wsgi.stores import check

logger = our_logger("saml_wsgi.stores.sql")

_SWEEP_EVERY: Final = 60.0
_SWEEP_AT_MOST: Final = 500

_LIVE: Final = state.c.expires > bindparam("now")
_GET: Final = select(state.c.value).where(state.c.key == bindparam("name"), _LIVE)
_REPLACE: Final = (
    update(state)
    .where(state.c.key == bindparam("name"), _LIVE)
    .values(value=bindparam("content"), expires=bindparam("until"))
)
_POP: Final = delete(state).where(state.c.key == bindparam("name")).returning(state.c.value, state.c.expires)
_DROP_EXPIRED: Final = delete(state).where(
    state.c.key == bindparam("name"), state.c.expires <= bindparam("now")
)
_TAGGED: Final = (
    select(tags.c.key)
    .join(state, state.c.key == tags.c.key)
    .where(tags.c.tag == bindparam("label"), _LIVE)
    .order_by(tags.c.key)
)
_UNTAG: Final = delete(tags).where(tags.c.key == bindparam("name"))
# On PostgreSQL two processes that sweep at once take different rows.
_SWEEP: Final = delete(state).where(
    state.c.key.in_(
        select(state.c.key)
        .where(state.c.expires <= bindparam("now"))
        .order_by(state.c.expires)
        .limit(_SWEEP_AT_MOST)
        .with_for_update(skip_locked=True)
    )
)
_PING: Final = select(schema.c.version)


class _PresentError(Exception):
    """Rolls a transaction back: one of the keys is there already."""


class SQLStore:
    """Keeps its entries in the tables ``saml_wsgi_state`` and ``saml_wsgi_tags``.

    The tables must be there (:func:`saml_wsgi.database.prepare`). What has expired is never returned,
    and removed by later calls of ``add`` and ``put``, a few hundred rows at a time.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
        clock: Tells the time. Hosts that share a database need clocks that agree.

    Raises:
        ConfigurationError: The URL isn't usable.
    """

    def __init__(self, url: str, *, clock: Clock = time) -> None:
        self._clock = clock
        engine = self._engine = connect(url)
        insert = insert_into(engine, state).values(
            key=bindparam("name"), value=bindparam("content"), expires=bindparam("until")
        )
        upsert = insert.on_conflict_do_update(
            index_elements=[state.c.key],
            set_={"value": insert.excluded.value, "expires": insert.excluded.expires},
        )
        self._insert = Prepared(engine, insert.on_conflict_do_nothing())
        self._put = Prepared(engine, upsert)
        self._tag = Prepared(engine, insert_into(engine, tags))
        self._get = Prepared(engine, _GET)
        self._replace = Prepared(engine, _REPLACE)
        self._pop = Prepared(engine, _POP)
        self._drop_expired = Prepared(engine, _DROP_EXPIRED)
        self._tagged = Prepared(engine, _TAGGED)
        self._untag = Prepared(engine, _UNTAG)
        self._sweep_due = clock.monotonic()

    def add(self, key: str, value: bytes, ttl: int, /, *, also: Sequence[str] = ()) -> bool:
        check(key, *also, ttl=ttl)
        now = self._now()
        with answering(StoreUnavailable):
            try:
                with Transaction(self._engine) as transaction:
                    # In one order for everybody, so that two who add the same keys don't wait crosswise.
                    for name in sorted({key, *also}):
                        self._add(transaction, name, value, now, ttl)
            except _PresentError:
                return False
        self._sweep_if_due(now)
        return True

    def _add(self, transaction: Transaction, key: str, value: bytes, now: int, ttl: int) -> None:
        entry = {"name": key, "content": value, "until": now + ttl * 1000}
        added = transaction.run(self._insert, entry).rowcount == 1
        # Present, or only not swept yet? Whoever deletes the expired row may add the new one; on
        # PostgreSQL a second one waits here and then finds nothing to delete.
        if not added and transaction.run(self._drop_expired, {"name": key, "now": now}).rowcount == 1:
            added = transaction.run(self._insert, entry).rowcount == 1
        if not added:
            raise _PresentError

    def get(self, key: str, /) -> bytes | None:
        check(key)
        with answering(StoreUnavailable):
            found = rows(self._engine, self._get, {"name": key, "now": self._now()})
        return found[0][0] if found else None

    def put(self, key: str, value: bytes, ttl: int, /, *, tags: Sequence[str] = ()) -> None:
        self.put_all((Entry(key, value, ttl, tuple(tags)),))

    def put_all(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            check(entry.key, *entry.tags, ttl=entry.ttl)
        # The last of a key counts; in one order for everybody, so that two never wait crosswise.
        last = {entry.key: entry for entry in entries}
        ordered = [last[key] for key in sorted(last)]
        if not ordered:
            return
        now = self._now()
        with answering(StoreUnavailable), Transaction(self._engine) as transaction:
            for entry in ordered:
                row = {"name": entry.key, "content": entry.value, "until": now + entry.ttl * 1000}
                # Nearly always it is new; only what was there can have other tags.
                if transaction.run(self._insert, row).rowcount != 1:
                    transaction.run(self._put, row)
                    transaction.run(self._untag, {"name": entry.key})
            filed = [{"tag": tag, "key": entry.key} for entry in ordered for tag in sorted(set(entry.tags))]
            transaction.run_each(self._tag, filed)
        self._sweep_if_due(now)

    def replace(self, key: str, value: bytes, ttl: int, /) -> bool:
        check(key, ttl=ttl)
        now = self._now()
        entry = {"name": key, "content": value, "until": now + ttl * 1000, "now": now}
        with answering(StoreUnavailable), Transaction(self._engine) as transaction:
            replaced: bool = transaction.run(self._replace, entry).rowcount == 1
        return replaced

    def pop(self, key: str, /) -> bytes | None:
        check(key)
        now = self._now()
        with answering(StoreUnavailable), Transaction(self._engine) as transaction:
            row = transaction.run(self._pop, {"name": key}).fetchone()
        return row[0] if row is not None and row[1] > now else None

    def tagged(self, tag: str, /) -> Sequence[str]:
        check(tag)
        with answering(StoreUnavailable):
            found = rows(self._engine, self._tagged, {"label": tag, "now": self._now()})
        return [key for (key,) in found]

    def ping(self) -> None:
        """Read from the database; a table that isn't there is as bad as no answer."""
        with answering(StoreUnavailable), reading(self._engine).connect() as connection:
            connection.execute(_PING).first()

    def _now(self) -> int:
        return int(self._clock.time() * 1000)

    def _sweep_if_due(self, now: int) -> None:
        # No lock, since a fork could leave it locked: two threads that sweep at once do no harm.
        if self._clock.monotonic() < self._sweep_due:
            return
        self._sweep_due = self._clock.monotonic() + _SWEEP_EVERY
        try:
            with self._engine.begin() as connection:
                swept = connection.execute(_SWEEP, {"now": now}).rowcount
        except SQLAlchemyError as error:
            # What the caller asked for is done and stays done.
            logger.warning("expired entries could not be removed: %s", reason(error))
        else:
            if swept >= _SWEEP_AT_MOST:
                self._sweep_due = self._clock.monotonic()
