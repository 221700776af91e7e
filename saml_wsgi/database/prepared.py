"""Statements that run at every request: compiled once, then run on the driver's own cursor.

SQLAlchemy writes the SQL; its own execution, and its pool, cost several times what SQLite needs for the
statement itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

from saml_wsgi.database.engines import lend
from saml_wsgi.database.file_connection import is_busy


class Prepared:
    """A statement in one database's SQL.

    Values go in and come out as the driver has them: text, whole numbers, bytes; a Boolean is a number
    on SQLite.
    """

    __slots__ = ("_fixed", "_order", "sql")

    def __init__(self, engine: Engine, statement: ClauseElement) -> None:
        compiled: Any = statement.compile(dialect=engine.dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        self._order = compiled.positiontup  # None where parameters have names
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver wants them."""
        given = {**self._fixed, **values} if self._fixed else values
        return given if self._order is None else [given[name] for name in self._order]

    def within(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run it in a transaction of SQLAlchemy's own; the driver's cursor.

        Raises:
            SQLAlchemyError: As the connection itself would.
        """
        driver: Any = connection.connection
        try:
            return driver.cursor().execute(self.sql, self.arguments(values))
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError(None, None, error) from error


def rows(engine: Engine, statement: Prepared, values: Mapping[str, Any]) -> Sequence[Any]:
    """What a single SELECT finds, as tuples. Waits for no writer on SQLite.

    Raises:
        SQLAlchemyError: As the engine itself would.
    """
    errors = engine.dialect.loaded_dbapi.Error
    try:
        pooled = lend(engine)
        try:
            return _fetched(pooled, statement, values)
        except errors as error:
            if not is_busy(error):
                raise
            # Beside a recovery, or without a write-ahead log: then SQLite waits.
            opened: Any = pooled.driver_connection
            opened.wait(in_sqlite=True)
            return _fetched(pooled, statement, values)
        finally:
            # Back to the pool, which ends whatever transaction there is.
            pooled.close()
    except errors as error:
        raise DBAPIError(None, None, error) from error


def _fetched(pooled: Any, statement: Prepared, values: Mapping[str, Any]) -> Sequence[Any]:
    cursor = pooled.cursor()
    cursor.execute(statement.sql, statement.arguments(values))
    found: Sequence[Any] = cursor.fetchall()
    return found


class Transaction:
    """All of its statements, or none. On SQLite it waits for other writers first.

    Raises:
        SQLAlchemyError: As the engine itself would; then nothing was written.
    """

    __slots__ = ("_cursor", "_engine", "_errors", "_pooled")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._errors = engine.dialect.loaded_dbapi.Error

    def __enter__(self) -> Self:
        try:
            self._pooled = lend(self._engine)
            try:
                self._cursor: Any = self._pooled.cursor()
                if self._engine.dialect.name == "sqlite":
                    opened: Any = self._pooled.driver_connection
                    opened.begin()
            except BaseException:
                self._pooled.close()
                raise
        except self._errors as error:
            raise DBAPIError(None, None, error) from error
        return self

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> Any:
        """Run a statement; the driver's cursor, which has ``rowcount`` and the rows."""
        try:
            self._cursor.execute(statement.sql, statement.arguments(values))
        except self._errors as error:
            raise DBAPIError(None, None, error) from error
        return self._cursor

    def run_each(self, statement: Prepared, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each."""
        arguments = [statement.arguments(one) for one in values]
        if not arguments:
            return
        try:
            self._cursor.executemany(statement.sql, arguments)
        except self._errors as error:
            raise DBAPIError(None, None, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._pooled.commit()
            else:
                self._pooled.rollback()
        except self._errors as failure:
            raise DBAPIError(None, None, failure) from failure
        finally:
            # A transaction that is still open is rolled back by the pool.
            self._pooled.close()
