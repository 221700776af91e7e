"""Rows for people (a table), for spreadsheets (CSV) and for programs (JSON), one after the other.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and names of people and
groups come from outside. So a CSV of ours has an apostrophe in front of it, which spreadsheets take as "this
is text" and ``saml-wsgi users import`` takes away again (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Final, TypeVar

import click

#: What separates the names of several groups in one cell.
SEPARATOR: Final = ";"

#: Where a spreadsheet may see a cell begin, whatever it takes for the separator, and what is a formula there.
_BEGINNING: Final = r"(?:\A|(?<=[;,\t\r\n]))"
_FORMULA: Final = r"(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_UNGUARDED: Final = re.compile(_BEGINNING + _FORMULA)
_GUARDED: Final = re.compile(_BEGINNING + "'" + _FORMULA)

_WIDEST: Final = 48
_LOOKED_AT: Final = 500

Row = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])


def forms(command: F) -> F:
    """The options ``--csv`` and ``--json``: the argument ``form``."""
    as_json = click.option("--json", "form", flag_value="json", help="As JSON, for programs.")
    as_csv = click.option(
        "--csv",
        "form",
        flag_value="csv",
        help="As CSV (UTF-8). An apostrophe stands in front of what a spreadsheet would take for a formula.",
    )
    return as_csv(as_json(command))


def show(form: str | None, columns: Sequence[str], rows: Iterable[Row], *, brief: Sequence[str] = ()) -> None:
    """Print the rows as they come.

    Args:
        form: ``csv``, ``json``, or None for a table.
        columns: What CSV and JSON have.
        brief: What the table has; the columns, unless given.
    """
    if form == "json":
        for piece in _json(columns, rows):
            click.echo(piece.encode(errors="replace"), nl=False)
    elif form == "csv":
        for line in _csv(columns, rows):
            click.echo(line.encode(errors="replace"), nl=False)
    else:
        for line in _table(brief or columns, rows):
            say(line)


def say(text: str) -> None:
    """Print a line, also where the terminal can't show every name."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    click.echo(text)


def guarded(text: str) -> str:
    """The text, so that no spreadsheet takes it, or a part of it, for a formula."""
    return _UNGUARDED.sub("'", text)


def unguarded(text: str) -> str:
    """What :func:`guarded` made this of."""
    return _GUARDED.sub("", text)


def joined(names: Iterable[str]) -> str:
    """Names in one cell. A semicolon in a name has a backslash in front of it."""
    return SEPARATOR.join(re.sub(r"(\\*)(;|\Z)", _escape, name) for name in names)


def parted(cell: str) -> tuple[str, ...]:
    """The names that :func:`joined` put into a cell."""
    names = [""]
    for text, slashes, end in re.findall(r"([^;\\]*(?:\\+[^;\\]+)*)(\\*)(;|\Z)", cell):
        names[-1] += text + "\\" * (len(slashes) // 2)
        if end and len(slashes) % 2:
            names[-1] += end
        elif end:
            names.append("")
        elif len(slashes) % 2:
            names[-1] += "\\"
    return tuple(name.strip() for name in names if name.strip())


def _escape(found: re.Match[str]) -> str:
    # Backslashes elsewhere are what they are: DOMAIN\group.
    return found[1] * 2 + ("\\;" if found[2] else "")


def moment(seconds: int) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC; None for 0."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


def day(seconds: int) -> str | None:
    """The day of a moment, in UTC; None for 0."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d") if seconds else None


def visible(text: str) -> str:
    """The text for a terminal: whatever would command it, or can't be seen, is written out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON that a terminal can be shown, too: what would command it, or can't be seen, is escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    if written.isprintable():
        return written
    shown = (each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in written)
    return "".join(shown)


def _json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + as_json({name: row[name] for name in columns})
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for cells in chain([list(columns)], ([_cell(row[name]) for name in columns] for row in rows)):
        writer.writerow([guarded(cell) for cell in cells])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> str:
    return joined(value) if isinstance(value, tuple) else text(value)


def _table(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Columns as wide as the first few hundred rows need; what is wider later stands out."""
    lines = ([visible(text(row[name])) for name in columns] for row in rows)
    first = list(islice(lines, _LOOKED_AT))
    if not first:
        return
    head = [name.replace("_", " ") for name in columns]
    widths = [min(_WIDEST, max(map(_width, column))) for column in zip(head, *first, strict=True)]
    for cells in chain([head], first, lines):
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join(padded).rstrip()


def text(value: Any) -> str:
    """A value of a row for a person's eyes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def _width(text: str) -> int:
    """How many columns of a terminal the text takes (UAX #11)."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(1 for each in text if unicodedata.combining(each))
