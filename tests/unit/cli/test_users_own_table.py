"""The commands on the application's own table: what it has no columns for is kept beside it."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main

OPTIONS = """
resolvers = existing
directory.url = sqlite:///own.db
directory.table = staff
directory.columns.username = login
directory.columns.email = mail
"""


@pytest.fixture
def own(configured, tmp_path):
    """A table that was there before."""
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        connection.execute("CREATE TABLE staff (login TEXT PRIMARY KEY, mail TEXT, phone TEXT)")
        connection.execute("INSERT INTO staff VALUES ('mara', 'm@example.test', '1'), ('jose', NULL, '2')")
        connection.commit()
    wiki = configured(OPTIONS)
    assert CliRunner().invoke(main, ["database", "create", wiki.ini]).exit_code == 0
    return wiki


def staff(wiki):
    with contextlib.closing(sqlite3.connect(wiki.folder / "own.db")) as connection:
        return sorted(connection.execute("SELECT login, mail, phone FROM staff"))


def test_people_of_the_table_are_listed(own):
    """Everybody in it, with what we keep beside it."""
    assert own.users("set", "mara", "--group", "editors").exit_code == 0
    users = {user["username"]: user for user in own.listed()}
    assert users.keys() == {"mara", "jose"}
    assert (users["mara"]["email"], users["mara"]["groups"]) == ("m@example.test", ["editors"])
    assert staff(own) == [("jose", None, "2"), ("mara", "m@example.test", "1")]


def test_people_of_the_table_are_kept_out(own):
    """Without a column of its own, being active is kept by us: the table stays untouched."""
    before = staff(own)
    cookie, _ = own.parts().sessions.admit(own.user("mara"), lifetime=3600)
    assert "mara is disabled, 1 session ended." in own.users("disable", "mara").output
    assert own.user("mara").active is False
    assert own.parts().sessions.recognise(cookie) is None
    assert own.users("enable", "mara").exit_code == 0
    assert own.user("mara").active is True
    assert staff(own) == before


def test_a_table_of_users_is_imported_into_it(own):
    """Made and changed in the table itself; columns of which we know nothing stay."""
    result = own.users("import", "-", stdin="username,email\nmara,new@example.test\nlena,l@example.test\n")
    assert result.exit_code == 0, result.output
    assert staff(own) == [
        ("jose", None, "2"),
        ("lena", "l@example.test", None),
        ("mara", "new@example.test", "1"),
    ]


def test_whoever_is_deleted_is_gone_from_the_table(own):
    """The row, and what we kept beside it."""
    own.parts().links.pin("sso", "a:1", own.user("mara").id)
    assert own.users("delete", "mara", "--yes").exit_code == 0
    assert staff(own) == [("jose", None, "2")]
    assert own.listed(group="links") == []
