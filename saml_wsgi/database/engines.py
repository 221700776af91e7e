"""Engines: one a URL and process, with time-outs, and with transactions that mean the same everywhere."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    QueuePool,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from saml_wsgi.database.file_connection import FileConnection
from saml_wsgi.database.spares import Lent, Spares
from saml_wsgi.errors import ConfigurationError, Problem, Unavailable

#: How long a call waits for another writer, for a connection, for an answer; in seconds.
PATIENCE: Final = 5.0

_LONGEST_PATIENCE: Final = 60.0
_OLDEST_SQLITE: Final = (3, 35, 0)  # the first with RETURNING
_READS: Final = "saml_wsgi_reads"
_SPARES: Final = "saml_wsgi_spares"

_SQLITE_FORM: Final = "Write sqlite:////folder/file.db."

# libpq's names. What the URL says itself goes first.
_POSTGRESQL_DEFAULTS: Final[Mapping[str, str | int]] = {
    "application_name": "saml_wsgi",
    "connect_timeout": int(PATIENCE),
    # A server that vanished without a word, in milliseconds.
    "tcp_user_timeout": int(2 * PATIENCE * 1000),
    # The second frees the rows that a client locked and then stopped.
    "options": f"-c statement_timeout={int(PATIENCE * 1000)} -c idle_in_transaction_session_timeout=10000",
}

_engines: dict[str, Engine] = {}
_lock = threading.Lock()
_inherited: list[Any] = []


def connect(url: str, *, option: str = "store.url") -> Engine:
    """The engine of that URL: the same one whenever this process asks.

    Nothing is opened yet, and no file is made: see :func:`saml_wsgi.database.prepare`.

    ``sqlite:///FILE`` takes ``?timeout=SECONDS``: how long to wait for another writer (default 5, at
    most 60). A transaction of the engine is a writing one from its first moment (``BEGIN
    IMMEDIATE``), so that it never has to give up half-way; :func:`reading` gives the other kind.
    ``postgresql+psycopg://…`` takes libpq's parameters.

    Args:
        option: The option the URL comes from, for the error.

    Raises:
        ConfigurationError: The URL can't be read, names a database that isn't supported, a driver
            that isn't installed, or a folder that isn't there. Never shows the URL's password.
    """
    target = _target(url, option)
    name = target.render_as_string(hide_password=False)
    with _lock:
        engine = _engines.get(name)
        if engine is None:
            make = _sqlite if target.get_backend_name() == "sqlite" else _postgresql
            engine = _engines[name] = make(target, option)
    return engine


def disconnect(url: str) -> None:
    """Close this process's connections: at the end of a tool or a test, before a file is moved."""
    target = _target(url, "store.url")
    with _lock:
        engine = _engines.pop(target.render_as_string(hide_password=False), None)
    if engine is not None:
        engine.dispose()


def lend(engine: Engine) -> PoolProxiedConnection | Lent:
    """One of the engine's connections for statements on the driver's own cursor; to be closed after use.

    Raises:
        Exception: What the driver, or SQLAlchemy, raises where it can't be had.
    """
    spares = _spares(engine)
    return engine.raw_connection() if spares is None else spares.lend()


def reading(engine: Engine) -> Engine:
    """The same engine for single SELECT statements: no transaction around them, no lock for writing."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(**{_READS: True})


def insert_into(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which both databases have but SQLAlchemy's common one lacks.

    The result's ``rowcount`` says whether there was a conflict.
    """
    insert = postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
    # Without it SQLAlchemy forgets the count of an INSERT on PostgreSQL.
    return insert.execution_options(preserve_rowcount=True)


def reason(error: SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(said).__name__}: {' '.join(str(said).split())}"


@contextmanager
def answering(unavailable: type[Unavailable]) -> Iterator[None]:
    """Whatever the database raises meanwhile (locked, full, gone, damaged) becomes that error."""
    try:
        yield
    except SQLAlchemyError as error:
        raise unavailable(reason(error)) from error


def _target(url: str, option: str) -> URL:
    """The URL in the one form under which its engine is kept."""
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):
        # Neither the text nor the cause is shown: both may hold a password.
        raise _refusal(option, "the URL can't be read.", _SQLITE_FORM) from None
    if target.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite_target(target, option)
    if target.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return target.set(drivername="postgresql+psycopg")
    raise _refusal(
        option,
        f"{target.drivername!r} isn't supported.",
        "Use sqlite:////folder/file.db or postgresql+psycopg://user@host/database.",
    )


def _sqlite_target(target: URL, option: str) -> URL:
    if target.host or target.username or target.password or target.port:
        raise _refusal(option, "a SQLite URL has three slashes before the path, or four.", _SQLITE_FORM)
    if not target.database or target.database == ":memory:" or "\0" in target.database:
        raise _refusal(
            option,
            "the URL names no file, and what one connection keeps in memory no other one sees.",
            f"{_SQLITE_FORM} For tests there is store.url = memory:",
        )
    unknown = sorted(set(target.query) - {"timeout"})
    if unknown:
        raise _refusal(option, f"SQLite takes no parameter {unknown[0]!r} here.", "It takes timeout=SECONDS.")
    _timeout(target, option)
    path = str(Path(target.database).absolute())
    # pathlib keeps two slashes at the beginning, which mean the same as one wherever we run.
    return target.set(drivername="sqlite", database=path[1:] if path.startswith("//") else path)


def _timeout(target: URL, option: str) -> float:
    text = target.query.get("timeout", str(PATIENCE))
    try:
        seconds = float(text) if isinstance(text, str) else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_PATIENCE:
        raise _refusal(option, "timeout must be a number of seconds from 0 to 60.", "Leave it out for 5.")
    return seconds


def _path(target: URL, option: str) -> Path:
    """Where the file is, or is to be."""
    path = Path(target.database or "")
    if path.is_dir():
        raise _refusal(option, f"{path} is a folder.", "Name a file in it.")
    if path.exists() and not path.is_file():
        raise _refusal(option, f"{path} isn't a file, but a pipe or a device.", "Name a file.")
    if not path.parent.is_dir():
        raise _refusal(option, f"the folder {path.parent} isn't there.", "Make it, or name another one.")
    return path


def _sqlite(target: URL, option: str) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise _refusal(
            option,
            f"this Python comes with SQLite {sqlite3.sqlite_version}, and 3.35 is needed.",
            "Use a newer Python, or PostgreSQL.",
        )
    path = _path(target, option)
    timeout = _timeout(target, option)
    # mode=rw: a file that was deleted must not come back empty, in a mode of the umask's choice.
    uri = f"file:{quote(str(path))}?mode=rw"

    def open_file() -> FileConnection:
        # Looked at before it is opened: if it is exchanged in between, the next checkout notices.
        file = _identity(path)
        if file is None:
            raise sqlite3.OperationalError(f"there is no file {path}")
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=timeout,
            isolation_level=None,  # the driver begins nothing of its own accord; _begin does
            check_same_thread=False,  # the pool hands it to one thread at a time
            factory=FileConnection,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            # Under WAL a power cut can lose the last transactions, but never harms the file.
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        connection.file = file
        connection.patience = timeout
        return connection

    def same_file(connection: Any, _record: object, _proxy: object) -> None:
        # Whoever writes on into a deleted file promises what nobody else will ever see.
        if connection.file != _identity(path):
            raise DisconnectionError("the database file was exchanged")

    def taken_out() -> PoolProxiedConnection:
        """A connection out of the pool, which it doesn't go back to."""
        taken = engine.raw_connection()
        taken.detach()
        return taken

    spares = Spares(taken_out, lambda: _identity(path))
    engine = create_engine(
        target,
        creator=open_file,
        poolclass=QueuePool,
        pool_use_lifo=True,  # the connection that was used last still has the pages at hand
        pool_size=8,
        max_overflow=56,  # waiting for a connection helps nobody where a connection is a file
        pool_timeout=PATIENCE,
        hide_parameters=True,
        execution_options={_SPARES: spares},
    )
    event.listen(engine, "checkout", same_file)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "engine_disposed", lambda _engine: spares.close())
    return engine


def _begin(connection: Connection) -> None:
    opened: Any = connection.connection.driver_connection
    if _READS in connection.get_execution_options():
        opened.wait(in_sqlite=True)
        return
    try:
        opened.begin()
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            "BEGIN IMMEDIATE", None, error, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - on the request path; Path.stat costs twice as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgresql(target: URL, option: str) -> Engine:
    defaults = {key: value for key, value in _POSTGRESQL_DEFAULTS.items() if key not in target.query}
    try:
        return create_engine(
            target,
            connect_args=defaults,
            isolation_level="READ COMMITTED",  # what the statements here are written for
            pool_size=5,
            max_overflow=10,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ImportError as error:
        raise _refusal(
            option, f"the driver isn't installed ({error}).", "Run: pip install 'saml_wsgi[postgresql]'"
        ) from error


def _refusal(option: str, what: str, cure: str) -> ConfigurationError:
    return ConfigurationError(Problem(option, what, cure))


def _after_fork() -> None:
    """In a child: leave the parent's connections alone and begin with new ones."""
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()
    for engine in _engines.values():
        # Kept, so that nobody closes them here: what a close says and unlocks is the parent's business.
        _inherited.append(engine.pool)
        if (spares := _spares(engine)) is not None:
            _inherited.append(spares.abandon())
        engine.dispose(close=False)


def _spares(engine: Engine) -> Spares | None:
    found: Spares | None = engine.get_execution_options().get(_SPARES)
    return found


os.register_at_fork(after_in_child=_after_fork)
