"""Watches the SQL of a SQLite database: what is run, and what happens at the n-th statement."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event

from saml_wsgi import database

#: What holds people, and not sessions, records or messages that were used.
PEOPLE = ("saml_wsgi_users", "saml_wsgi_groups", "saml_wsgi_links", "people")


@contextlib.contextmanager
def each_statement(url: str, told: Callable[[str], None]) -> Iterator[None]:
    """``told`` gets each statement of this process just before SQLite runs it, COMMIT among them."""
    engine = database.connect(url)

    def watch(connection: Any, _record: object) -> None:
        connection.set_trace_callback(told)

    event.listen(engine, "connect", watch)
    engine.dispose()  # whatever is run from now on is run on new connections
    try:
        yield
    finally:
        event.remove(engine, "connect", watch)
        engine.dispose()


@contextlib.contextmanager
def statements(url: str) -> Iterator[list[str]]:
    """The statements that were run meanwhile, in order."""
    seen: list[str] = []
    with each_statement(url, lambda statement: seen.append(" ".join(statement.split()))):
        yield seen


def about(seen: list[str], table: str) -> list[str]:
    """Those that read or write the table."""
    return [statement for statement in seen if table in statement]


def reads(seen: list[str], table: str) -> list[str]:
    """Those that look for rows of the table, whatever else they look at beside it."""
    return [statement for statement in seen if statement.startswith(f"SELECT {table}.")]


def writes(seen: list[str]) -> list[str]:
    """Those that write people."""
    return [
        statement
        for statement in seen
        if statement.startswith(("INSERT", "UPDATE", "DELETE"))
        and any(table in statement.split("(")[0].split(" WHERE ")[0] for table in PEOPLE)
    ]


def assert_sound(file: Path) -> None:
    """SQLite finds nothing wrong with its file, and no row refers to one that isn't there."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
