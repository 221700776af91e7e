"""``saml-wsgi logins``: the newest sign-ins, and all that is known of one."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.model import SignInRecord

SIGNED_IN = {
    "code": "signed_in",
    "idp": "JumpCloud",
    "arrived": ("NameID", "email"),
    "steps": (("read", 210), ("verified", 1900), ("resolved", 12_345)),
    "user": "7",
    "resolver": "jit",
    "outcome": "updated",
    "origins": {"email": "saml:email", "last_name": "saml:lastname"},
    "changes": {"last_name": "…"},
    "left": {"groups": "2 of them: outside groups.managed"},
    "configuration": "0123456789ab",
}


@pytest.fixture
def logins(configured):
    """Runs the command on a configuration, as the shell would."""

    def run(*arguments, options=""):
        result = CliRunner().invoke(main, ["logins", configured(options).ini, *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def happened(configured):
    """Keeps a record of a sign-in that arrived so many seconds ago."""
    parts = configured("").parts()

    def keep(reference, ago=0, **values):
        record = SignInRecord(reference, parts.clock.time() - ago, **(SIGNED_IN | values))
        parts.journal.write(record)
        return record

    return keep


def test_the_list_begins_with_the_newest(logins, happened):
    """A line each, newest first: when, by which reference, how it ended, who."""
    happened("AAAAAAAAAA", ago=7200)
    happened("BBBBBBBBBB", ago=60, code="not_found", user="", outcome="")
    happened("CCCCCCCCCC")
    result = logins()
    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["time", "reference", "code", "user", "outcome", "resolver", "idp"]
    assert [line.split()[2] for line in lines] == ["CCCCCCCCCC", "BBBBBBBBBB", "AAAAAAAAAA"]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  C{10}  signed_in  7 +updated +jit +JumpCloud", lines[0]
    )


def test_the_list_may_be_short(logins, happened):
    """`--limit` says how many."""
    for number in range(3):
        happened(f"AAAAAAAAA{number + 2}", ago=number)
    assert len(logins("--limit", "2").stdout.splitlines()) == 3
    assert logins("--limit", "0").exit_code == 2


@pytest.mark.parametrize("reference", ["ABCDEFGH23", "abcde fgh23"])
def test_one_in_full(logins, happened, reference):
    """All that is known of one sign-in, field by field, however its reference was read out."""
    happened("OTHER22222")
    happened("ABCDEFGH23", detail="the detail")
    text = logins(reference).stdout
    for line in (
        "reference          ABCDEFGH23",
        "code               signed_in",
        "detail             the detail",
        "arrived            NameID, email",
        "steps              read 0.2 ms, verified 1.9 ms, resolved 12.3 ms",
        "configuration      0123456789ab",
        "last_name  written: …; from saml:lastname",
        "email      from saml:email",
        "groups     left alone: 2 of them: outside groups.managed",
    ):
        assert line in text.splitlines()
    assert "OTHER22222" not in text


def test_what_is_not_known_is_not_shown(logins, happened):
    """A refusal has no line for a user, nor for anything else that it lacks."""
    empty = dict.fromkeys(("user", "outcome", "resolver", "idp", "configuration"), "")
    nothing = {"arrived": (), "steps": (), "origins": {}, "changes": {}, "left": {}}
    happened("ABCDEFGH23", code="ambiguous", detail="2 users match", **empty, **nothing)
    names = [line.split("  ")[0] for line in logins("ABCDEFGH23").stdout.splitlines()]
    assert names == ["reference", "time", "code", "detail"]


def test_json(logins, happened):
    """Programs get every field: of one sign-in, or of each in a list."""
    record = happened("ABCDEFGH23")
    one = json.loads(logins("ABCDEFGH23", "--json").stdout)
    assert one["reference"] == "ABCDEFGH23"
    assert one["at"] == record.at
    assert one["steps"] == [["read", 210], ["verified", 1900], ["resolved", 12_345]]
    assert one["changes"] == {"last_name": "…"}
    assert json.loads(logins("--json").stdout) == [one]


def test_an_unknown_reference(logins, happened):
    """There is a sentence on where else to look, and the status 1."""
    happened("ABCDEFGH23")
    for arguments in (("OTHER22222",), ("OTHER22222", "--json"), ("\udcff",)):
        result = logins(*arguments)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert "There is no sign-in record with the reference" in result.stderr
        assert "its reference is in the log" in result.stderr
        assert "kept for 30 days" in result.stderr


def test_nobody_signed_in_yet(logins):
    """An empty list is told as such."""
    result = logins()
    assert result.exit_code == 1
    assert "There is no sign-in record yet." in result.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("records.keep = 0\n", "records.keep is 0"),
        ("store.url = memory:\ndirectory.url = sqlite:///users.db\n", "only the server's own process"),
    ],
)
def test_where_there_can_be_none(logins, options, why):
    """If no record can be found here at all, that is said instead."""
    result = logins(options=options)
    assert result.exit_code == 1
    assert why in result.stderr


def test_a_store_that_does_not_answer(logins, happened, tmp_path):
    """An outage of the store is one sentence."""
    happened("ABCDEFGH23")
    import sqlite3

    with sqlite3.connect(tmp_path / "saml_wsgi.db") as database:
        database.execute("DROP TABLE saml_wsgi_tags")
    database.close()
    result = logins()
    assert result.exit_code == 1
    assert "no such table" in result.stderr or "doesn't answer" in result.stderr


def test_nothing_commands_the_terminal(logins, happened):
    """Names from outside are shown, and can't move the cursor or hide text."""
    happened("ABCDEFGH23", arrived=("a\x1b[2Jb", "\x9b31m"), detail="\u202eevil", user="\r7")
    for result in (logins("ABCDEFGH23"), logins(), logins("--json"), logins("\x1b[2J")):
        assert not re.search("[\x1b\x9b\r\u202e]", result.output)
