"""The schema's version: made, checked, brought up to date. Each in one transaction, whoever else tries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, inspect, select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from saml_wsgi.database.engines import PATIENCE, connect, reading, reason
from saml_wsgi.database.migrations import MIGRATIONS, Migration
from saml_wsgi.database.tables import metadata, schema, sync
from saml_wsgi.errors import ConfigurationError, Problem

# Any number, as long as it stays: those who create or upgrade on PostgreSQL queue up for it.
_ADVISORY_LOCK: Final = 7_305_811_460_934_225


def create(url: str, *, option: str = "store.url", migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Make what is missing: the file (mode 0600), the tables. Returns the schema's version.

    Harmless where everything is there, and when several processes do it at once.

    Raises:
        ConfigurationError: It can't be made, or what is there has another version.
    """
    engine = connect(url, option=option)
    current = _current(migrations)
    with _explained(option):
        if engine.dialect.name == "sqlite":
            _make_file(engine, option)
        with engine.begin() as connection:
            _queue_up(connection)
            version = _version(connection)
            if version is None:
                metadata.create_all(connection)
                connection.execute(insert(schema).values(version=current))
                # Nobody holds it, and nothing was ever brought: whoever synchronises finds it there.
                connection.execute(insert(sync).values(id=1, holder="", fence=0, until=0, generation=0))
                version = current
    _refuse_other(version, current, option)
    return version


def upgrade(
    url: str, *, option: str = "store.url", migrations: Sequence[Migration] = MIGRATIONS
) -> tuple[int, int]:
    """Bring the schema up to date, wholly or not at all. Returns the versions before and after.

    Raises:
        ConfigurationError: There are no tables, they are of a newer release, or a step failed.
    """
    engine = connect(url, option=option)
    current = _current(migrations)
    with _explained(option), engine.begin() as connection:
        _queue_up(connection)
        before = _version(connection)
        if before is None or before > current:
            _refuse_other(before, current, option)
        else:
            for migration in migrations[before - 1 :]:
                migration(connection)
            connection.execute(update(schema).values(version=current))
    return before or current, current


def require_current(
    url: str, *, option: str = "store.url", migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Check that the schema is of the version that this release works with.

    Raises:
        ConfigurationError: It isn't, or the database can't be reached; names the cure.
    """
    engine = connect(url, option=option)
    _refuse_other(_look(engine, option), _current(migrations), option)


def prepare(url: str, *, option: str = "store.url", migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """What starting needs: a SQLite database that isn't there is made, any other must be current.

    Raises:
        ConfigurationError: As :func:`create` and :func:`require_current`.
    """
    engine = connect(url, option=option)
    version = _look(engine, option)
    if version is None and engine.dialect.name == "sqlite":
        version = create(url, option=option, migrations=migrations)
    _refuse_other(version, _current(migrations), option)


def examine(url: str, *, option: str = "store.url", migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Find what :func:`prepare` would find, and write nothing: for ``saml-wsgi check``.

    Raises:
        ConfigurationError: Starting would fail.
    """
    engine = connect(url, option=option)
    version = _look(engine, option)
    path = Path(engine.url.database or "")
    if engine.dialect.name != "sqlite" or version is not None or path.exists():
        _refuse_other(version, _current(migrations), option)
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(
            Problem(
                option,
                f"{path} can't be made: its folder can't be written to.",
                "Let this process write into that folder, or name another one.",
            )
        )


def _current(migrations: Sequence[Migration]) -> int:
    return 1 + len(migrations)


def _look(engine: Engine, option: str) -> int | None:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None
    with _explained(option), reading(engine).connect() as connection:
        return _version(connection)


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.name):
        return None
    return connection.execute(select(func.max(schema.c.version))).scalar()


def _refuse_other(version: int | None, current: int, option: str) -> None:
    if version is None:
        raise ConfigurationError(
            Problem(
                option, "the database has no tables of saml_wsgi.", "Run: saml-wsgi database create FILE.ini"
            )
        )
    if version < current:
        raise ConfigurationError(
            Problem(
                option,
                f"the database has schema version {version}, and this release needs {current}.",
                "Run: saml-wsgi database upgrade FILE.ini",
            )
        )
    if version > current:
        raise ConfigurationError(
            Problem(
                option,
                f"the database has schema version {version}, newer than the {current} this release knows.",
                "Install the release that upgraded it, or a later one.",
            )
        )


def _make_file(engine: Engine, option: str) -> None:
    """Only SQLite's own files are made beside it later, and it gives them the mode of this one."""
    path = Path(engine.url.database or "")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(
            Problem(
                option,
                f"{path} can't be made: {error.strerror}.",
                "Let this process write into that folder, or name another one.",
            )
        ) from error
    mode = _journal_mode(engine)
    if mode != "wal":
        raise ConfigurationError(
            Problem(
                option,
                f"SQLite can't share {path} among processes there (journal mode {mode!r}, not 'wal').",
                "Put it on a local disk.",
            )
        )


def _journal_mode(engine: Engine) -> str:
    """Turn to WAL, which stays in the file. Of two who do it at once SQLite tells one "locked", unwaited."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with reading(engine).connect() as connection:
                return str(connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar())
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _queue_up(connection: Connection) -> None:
    # On SQLite the transaction itself is the queue.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


@contextmanager
def _explained(option: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise ConfigurationError(
            Problem(
                option,
                f"the database can't be used ({reason(error)}).",
                "Check that it is there, sound, and open to this process for reading and writing.",
            )
        ) from error
