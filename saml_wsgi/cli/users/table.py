"""A CSV file of users, read and checked as a whole before anything is written."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from saml_wsgi.cli.listing import parted, unguarded, visible
from saml_wsgi.cli.people import unusable
from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.kinds import Flag
from saml_wsgi.model import FIELDS
from saml_wsgi.names import key

#: What may be written, and what only `users list` says.
_WRITTEN: Final = (*FIELDS, "groups", "active")
_SAID: Final = frozenset({"id", "managed_by", "created", "seen"})

_FLAG: Final = Flag()


@dataclass(frozen=True, slots=True)
class Line:
    """One user of the file.

    Attributes:
        number: The line of the file that it begins at.
        fields: The fields that the file has columns for.
        groups: None where it has no column for them.
        active: None where it says nothing.
    """

    number: int
    fields: Mapping[str, str]
    groups: tuple[str, ...] | None
    active: bool | None

    @property
    def username(self) -> str:
        return self.fields["username"]


@dataclass(slots=True)
class Table:
    """What a file says, and everything that is wrong with it.

    Attributes:
        problems: By line; complete.
        passed_over: Columns that can't be written.
    """

    lines: list[Line] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    passed_over: tuple[str, ...] = ()


def read(content: bytes) -> Table:
    """Read a file: UTF-8 with or without a byte order mark; commas, semicolons or tabs between the cells."""
    table = Table()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        table.problems.append(
            (number, "it isn't UTF-8. Save the file as UTF-8 (in a spreadsheet: CSV UTF-8).")
        )
        return table
    records = _records(text, table.problems)
    number, head = next(records, (1, []))
    columns = _columns(number, head, table)
    if columns:
        _read_lines(records, columns, table)
    return table


def _records(text: str, problems: list[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that aren't empty, each with the line that it begins at."""
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append((number, f"the table can't be read from here on: {error}."))
            return
        if any(cell.strip() for cell in cells):
            yield number, cells


def _columns(number: int, head: Sequence[str], table: Table) -> Sequence[str | None]:
    """The name of each column, None for one to pass over. Nothing if the head can't be used."""
    names = ["_".join(cell.strip().lower().replace("-", " ").split()) for cell in head]
    wrong = []
    for name, written in zip(names, head, strict=True):
        if name not in (*_WRITTEN, *_SAID):
            close = difflib.get_close_matches(name, _WRITTEN, 1)
            cure = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(_WRITTEN)}."
            wrong.append(f"there is no column {visible(written)!r}. {cure}")
    wrong += [f"the column {name} is there twice." for name in _WRITTEN if names.count(name) > 1]
    if "username" not in names:
        wrong.append("there is no column username. The first line names the columns.")
    table.problems += [(number, text) for text in wrong]
    table.passed_over = tuple(name for name in names if name in _SAID)
    return [] if wrong else [name if name in _WRITTEN else None for name in names]


def _read_lines(
    records: Iterator[tuple[int, list[str]]], columns: Sequence[str | None], table: Table
) -> None:
    seen: dict[str, int] = {}
    for number, cells in records:
        if len(cells) != len(columns):
            table.problems.append((number, f"it has {len(cells)} cells instead of {len(columns)}."))
            continue
        values = {name: cell for name, cell in zip(columns, cells, strict=True) if name is not None}
        line, problems = _line(number, values)
        earlier = seen.setdefault(key(line.username), number) if line.username else number
        if earlier != number:
            problems.append(f"the user {visible(line.username)} is in line {earlier} already.")
        table.problems += [(number, text) for text in problems]
        table.lines.append(line)


def _line(number: int, values: Mapping[str, str]) -> tuple[Line, list[str]]:
    problems = []
    fields = {name: unguarded(values[name].strip()) for name in FIELDS if name in values}
    for name, value in fields.items():
        if why := unusable(name, value):
            problems.append(f"{name}: {why}.")
    groups = None
    if "groups" in values:
        groups = tuple(dict.fromkeys(parted(unguarded(values["groups"]))))
        problems += [
            f"the group {visible(name)!r}: {why}." for name in groups if (why := unusable("group", name))
        ]
    active = None
    if values.get("active", "").strip():
        try:
            active = _FLAG(values["active"].strip(), Place("active"))
        except Unfit as unfit:
            problems.append(f"active: {unfit.reason}")
    return Line(number, fields, groups, active), problems
