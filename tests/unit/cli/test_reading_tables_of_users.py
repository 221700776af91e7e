"""A CSV file of users is understood as a whole, or every problem in it is named with its line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.cli.users.table import read


def lines(text: str, encoding: str = "utf-8"):
    table = read(text.encode(encoding))
    assert table.problems == []
    return table.lines


def problems(text: str | bytes) -> dict[int, str]:
    return dict(read(text if isinstance(text, bytes) else text.encode()).problems)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_save_is_read(separator, ending, encoding):
    """Commas, semicolons or tabs; either end of line; with and without a byte order mark."""
    rows = [["Username", "First Name", "groups"], ["josé", "José", '"editors;staff"'], ["", "", ""]]
    (line,) = lines(ending.join(separator.join(row) for row in rows), encoding)
    assert line.fields == {"username": "josé", "first_name": "José"}
    assert line.groups == ("editors", "staff")
    assert (line.number, line.active) == (2, None)


def test_an_absent_column_is_not_an_empty_one():
    """No column: nothing is said. An empty cell: a field, or the groups, are said to be empty."""
    (without,) = lines("username\nmara\n")
    assert (without.fields, without.groups) == ({"username": "mara"}, None)
    (empty,) = lines("username,email,groups,active\nmara,,,\n")
    assert (empty.fields["email"], empty.groups, empty.active) == ("", (), None)


@pytest.mark.parametrize(("text", "active"), [("yes", True), ("No", False), ("0", False), ("TRUE", True)])
def test_active_is_a_flag(text, active):
    """Yes and no in the spellings that an ini takes."""
    (line,) = lines(f"username,active\nmara,{text}\n")
    assert line.active is active


def test_guards_against_formulas_are_taken_off():
    """An apostrophe in front of a formula isn't part of the name; any other one is."""
    (line,) = lines("username,last_name,groups\n'+mara,'t Hooft,'=a;'b\n")
    assert (line.username, line.fields["last_name"]) == ("+mara", "'t Hooft")
    assert line.groups == ("=a", "'b")


def test_what_only_lists_say_is_passed_over():
    """The columns that `users list` adds are no problem, and are told."""
    table = read(b"id,username,managed_by,created,seen\n1,mara,jit:x,,\n")
    assert table.problems == []
    assert table.passed_over == ("id", "managed_by", "created", "seen")


def test_every_problem_is_told_with_its_line():
    """All problems of all lines, not the first; a cell with several lines counts as what it is."""
    text = (
        "username,email,active,groups\n"
        "mara,m@example.test,yes,\n"
        '"jo\nse",,,\n'
        "MARA,,,\n"
        "a,b\n"
        f"x,{'e' * 257},perhaps,{'g' * 257}\n"
        ",,,staff\n"
        "\n"
        "p\u0430ul,,,\n"
    )
    found = read(text.encode()).problems
    assert [number for number, _ in found] == [3, 5, 6, 7, 7, 7, 8, 10]
    said = [reason for _, reason in found]
    for reason, part in zip(
        said,
        [
            "can't be seen",
            "line 2 already",
            "2 cells",
            "257 char",
            "257 char",
            "neither yes",
            "empty",
            "alike",
        ],
        strict=True,
    ):
        assert part in reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("usernme,email\nmara,\n", "Did you mean username?"),
        ("email\nx\n", "no column username"),
        ("username,username\nx,y\n", "twice"),
        ("username,phone\nx,y\n", "There are: username"),
        ("", "no column username"),
    ],
)
def test_a_head_that_cannot_be_used_is_told_at_once(text, said):
    """Without columns that are known, no line is looked at."""
    found = read(text.encode())
    assert any(said in reason for _, reason in found.problems)
    assert not found.lines


def test_what_is_no_utf_8_is_told_with_its_line():
    """Not a traceback, and no guess: the line, and how to save it."""
    assert "UTF-8" in problems("username\nmara\njosé\n".encode("latin-1"))[3]
    assert problems("username\nmara\n".encode("utf-16"))


def test_a_broken_quotation_is_told_with_its_line():
    """A table that can't be read to its end isn't read at all."""
    assert "can't be read" in problems('username\nmara\n"jose\n')[3]


@given(st.binary() | st.text(alphabet='username,;"\n\r\t\0=').map(str.encode))
def test_any_file_is_a_table_or_has_problems(content):
    """Nothing that somebody may hand us ends in a traceback."""
    table = read(content)
    assert table.problems or all(line.username for line in table.lines)


TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=30)


@given(st.lists(TEXT, max_size=4), TEXT)
def test_what_was_exported_is_imported(groups, name):
    """A list written as CSV by us, read again, says the same."""
    from saml_wsgi.cli.listing import guarded, joined

    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["username", "last_name", "groups"])
    writer.writerow(["mara", guarded(name), guarded(joined(groups))])
    (line,) = lines(buffer.getvalue())
    assert line.fields["last_name"] == name
    assert line.groups == tuple(dict.fromkeys(groups))
