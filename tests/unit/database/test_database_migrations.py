"""A database of an earlier release, brought up to date."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event, text

from saml_wsgi import database
from saml_wsgi.database.migrations import MIGRATIONS
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import ConfigurationError
from tests.unit.database import version_one


@pytest.fixture
def old(url, tmp_path):
    """The URL of a database that release 0.1 made and used."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.executescript((version_one.HERE / "version_1.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return url


def test_nobody_starts_on_an_old_database(old):
    """An old database is told of, with the command that brings it up to date, and isn't touched."""
    with pytest.raises(ConfigurationError, match="saml-wsgi database upgrade"):
        database.prepare(old)
    assert version_one.version(old) == 1


def test_upgrading_from_version_1(old):
    """Users, groups, links and state are there as before, with what version 2 has more."""
    assert database.upgrade(old)[0] == 1
    database.require_current(old)
    version_one.check_people(old)


def test_names_are_compared_anew(old, tmp_path):
    """Version 1 took ß for ss; after the upgrade, a user is found under the name that is written."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute(
            "UPDATE saml_wsgi_users SET username = 'Weiß', username_key = 'weiss', email = 'w@straße.test', "
            "email_key = 'w@strasse.test' WHERE username_key = 'grace'"
        )
    database.upgrade(old)
    directory = SQLDirectory(old)
    assert [user.username for user in directory.find("username", "weiß")] == ["Weiß"]
    assert [user.username for user in directory.find("email", "W@STRASSE.test")] == []


def test_an_upgraded_database_is_as_a_new_one(old, tmp_path):
    """Tables, columns, defaults, keys and indices are the same, whichever way they came."""
    new = f"sqlite:///{tmp_path}/new.db"
    database.create(new)
    database.upgrade(old)
    assert version_one.schema(old) == version_one.schema(new)
    database.disconnect(new)


def test_an_upgrade_that_fails_leaves_version_1(old):
    """If its last statement fails, the database is as it was, and can be upgraded later."""
    before = version_one.schema(old)
    engine = database.connect(old)

    def interrupt(connection, _cursor, statement, *_):
        if statement.startswith("CREATE INDEX ix_saml_wsgi_arriving_employee_id"):  # the last of all
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(engine, "after_cursor_execute", interrupt)
    with pytest.raises(ConfigurationError, match="the_disk_that_failed"):
        database.upgrade(old)
    event.remove(engine, "after_cursor_execute", interrupt)
    assert version_one.schema(old) == before
    assert version_one.version(old) == 1
    assert database.upgrade(old) == (1, 1 + len(MIGRATIONS))
    version_one.check_people(old)


@pytest.mark.parametrize("field", ["username_key", "email_key", "employee_id"])
def test_people_are_matched_by_an_index(url, field):
    """Whoever identifies people by one of these fields doesn't read the whole table."""
    database.create(url)
    with database.reading(database.connect(url)).connect() as connection:
        plan = connection.execute(
            text(f"EXPLAIN QUERY PLAN SELECT id FROM saml_wsgi_users WHERE {field} = 'x'")
        ).all()
    assert all(step[-1].startswith("SEARCH") for step in plan)
