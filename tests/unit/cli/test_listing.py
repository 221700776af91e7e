"""Tables, CSV and JSON: what a spreadsheet, a terminal or a program makes of what people are called."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.cli.listing import as_json, guarded, joined, parted, show, unguarded, visible

COLUMNS = ("username", "groups", "active", "seen")


def row(username="mara", groups=(), active=True, seen=None):
    return {"username": username, "groups": groups, "active": active, "seen": seen}


@given(st.text() | st.text(alphabet="'=+-@;,\t\r\n a"))
def test_a_guarded_text_comes_back(text):
    """Whatever stands in a cell is the same after an export and an import."""
    assert unguarded(guarded(text)) == text


@given(st.text(alphabet="'=+-@;,\t\r\n＝＋－＠ a"))
def test_no_part_of_a_guarded_text_is_a_formula(text):
    """Nothing that a spreadsheet may take for a cell begins like a formula, whatever separates its cells."""
    for part in re.split("[;,]", guarded(text)):
        assert not part.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize("text", ["Smith, -J", "o'hara", "a=b", "x@example.test", "'t Hooft", "a; -b"])
def test_what_is_no_formula_stays_as_it_is(text):
    """Most names are written as they are."""
    assert guarded(text) == text


NAMES = st.text(alphabet="\\;ab =", min_size=1).map(str.strip).filter(bool)


@given(st.lists(NAMES).map(tuple))
def test_joined_groups_come_apart_again(names):
    """A semicolon or a backslash in a group's name is neither lost nor taken for a separator."""
    assert parted(joined(names)) == names


@given(st.text())
def test_any_cell_comes_apart(cell):
    """Whatever somebody wrote into a cell of groups is read as names without spaces around them."""
    assert all(name and name == name.strip() for name in parted(cell))


def test_windows_groups_are_written_as_they_are():
    """A backslash that stands before no semicolon is only a backslash."""
    assert joined(["CORP\\staff", "editors"]) == "CORP\\staff;editors"
    assert parted("CORP\\staff; editors ;") == ("CORP\\staff", "editors")


def test_csv_is_read_back_by_any_reader(capsysbinary):
    """Every cell is quoted; flags are yes and no; what isn't known is empty."""
    show("csv", COLUMNS, [row('Ana "=1" Ruiz', ("=a", "b,c"), active=False)])
    text = capsysbinary.readouterr().out.decode()
    assert list(csv.reader(io.StringIO(text))) == [
        list(COLUMNS),
        ['Ana "=1" Ruiz', "'=a;b,c", "no", ""],
    ]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_json_is_a_list_of_objects(capsysbinary, number):
    """However many rows there are, it is one JSON value with the columns that were asked for."""
    show("json", COLUMNS, [row("José") | {"more": 1} for _ in range(number)])
    read = json.loads(capsysbinary.readouterr().out)
    assert read == [{"username": "José", "groups": [], "active": True, "seen": None}] * number


def test_a_table_commands_no_terminal(capsys):
    """What would move the cursor, or turn the writing round, is written out."""
    show(None, COLUMNS, [row("mara\x1b[2J\u202eevil\nroot")])
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith("mara\\x1b[2J\\u202eevil\\nroot")
    assert visible("josé 田中") == "josé 田中"


def test_columns_of_a_table_stand_below_each_other(capsys):
    """Also where letters are twice as wide; what is far too long stands out, but isn't cut."""
    show(None, ("username", "seen"), [row("田中", seen="x"), row("mara", seen="y"), row("m" * 90, seen="z")])
    _, first, second, third = capsys.readouterr().out.splitlines()
    assert first.index("x") + 2 == second.index("y")
    assert third == "m" * 90 + "  z"


def test_an_empty_table_is_nothing(capsys):
    """No heading stands over nothing."""
    show(None, COLUMNS, [])
    assert capsys.readouterr().out == ""


@given(st.text() | st.text(alphabet="\x9b\u202e\x7f\U000e0001\n a"))
def test_json_commands_no_terminal(text):
    """JSON says the same to a program, and a terminal is shown nothing that commands it or hides."""
    for indent in (None, 2):
        written = as_json({"name": text, "groups": [text]}, indent=indent)
        assert json.loads(written) == {"name": text, "groups": [text]}
        assert written.replace("\n", "").isprintable()
