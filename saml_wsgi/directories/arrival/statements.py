"""SQL that is run on the driver's own cursor, for many rows at once, in the words of both databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from saml_wsgi.database import Transaction, answering, connect
from saml_wsgi.database.engines import lend
from saml_wsgi.errors import DirectoryUnavailable


class Database:
    """One of the two, with the few words in which they differ.

    A statement has ``?`` for each parameter (and a question mark nowhere else), and ``{among}`` behind a
    column for ``IN`` the values of one parameter, which is made by :meth:`values`.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = connect(url, option="directory.url")
        self.postgresql = self.engine.dialect.name == "postgresql"
        self._among = "= ANY(?)" if self.postgresql else "IN (SELECT value FROM json_each(?))"
        self._errors = self.engine.dialect.loaded_dbapi.Error
        #: Behind a SELECT: the row stays as it is until the transaction ends. On SQLite all of them do.
        self.share = " FOR SHARE" if self.postgresql else ""

    def sql(self, text: str) -> str:
        """The statement as the driver wants it."""
        text = text.replace("{among}", self._among)
        return text.replace("?", "%s") if self.postgresql else text

    def values(self, given: Iterable[str]) -> Any:
        """The parameter of ``{among}``: values that are :func:`askable`."""
        return list(given) if self.postgresql else json.dumps(list(given))

    def execute(self, cursor: Any, text: str, values: Sequence[Any]) -> None:
        """Run a statement on one of the driver's cursors; raises the driver's errors."""
        if self.postgresql:
            # A plan that was made while a table was empty would be kept while a million rows come into it.
            cursor.execute(self.sql(text), values, prepare=False)
        else:
            cursor.execute(self.sql(text), values)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What the driver raises becomes what SQLAlchemy raises."""
        try:
            yield
        except self._errors as error:
            raise DBAPIError(None, None, error) from error

    def fetch(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a single SELECT finds. Waits for no writer on SQLite.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        with answering(DirectoryUnavailable), self.explained():
            pooled = lend(self.engine)
            try:
                cursor: Any = pooled.cursor()
                self.execute(cursor, text, values)
                return list(cursor.fetchall())
            finally:
                pooled.close()


class Writing(Transaction):
    """A transaction with such statements. Raises SQLAlchemyError."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine)
        self._database = database

    def execute(self, text: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; the driver's cursor."""
        with self._database.explained():
            self._database.execute(self._cursor, text, values)
        return self._cursor

    def execute_each(self, text: str, values: Sequence[Sequence[Any]]) -> int:
        """Run a statement once for each; how many rows it wrote in all."""
        if not values:
            return 0
        with self._database.explained():
            self._cursor.executemany(self._database.sql(text), values)
        written: int = self._cursor.rowcount
        return written


def askable(texts: Collection[str]) -> Collection[str]:
    """Those that a database can be asked for: without NUL and halves of surrogate pairs, which none keeps."""
    joined = "".join(texts)
    if joined.isascii() and "\0" not in joined:
        return texts
    return [text for text in texts if "\0" not in text and _is_sound(text)]


def _is_sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
