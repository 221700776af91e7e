"""A database of version 2, brought up to date."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event, text

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import ConfigurationError
from saml_wsgi.model import Changes, Standing, User
from saml_wsgi.stores.sql import SQLStore
from saml_wsgi.testing.clock import FakeClock
from tests.unit.database import version_one

ADA = User(
    id="cd16afaf0e9c47acb34a07dd83eb213a",
    username="Ada",
    email="Ada@Example.com",
    first_name="Ada",
    last_name="Lovelace",
    display_name="Ada Lovelace",
    employee_id="17",
    groups=("Analysts", "B\u00fcro K\u00f6ln", "staff"),
    managed_by="jit:jumpcloud",
)
GRACE = User(id="4c1a2192808240339c1ce95040e296be", username="grace", groups=("Staff",), active=False)


@pytest.fixture
def old(url, tmp_path):
    """The URL of a database as version 2 left it."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.executescript((version_one.HERE / "version_2.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return url


def only(url, question):
    with database.reading(database.connect(url)).connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def test_nobody_starts_on_version_2(old):
    """Version 2 is told of with the command that brings it up to date, and isn't touched."""
    with pytest.raises(ConfigurationError, match="saml-wsgi database upgrade"):
        database.prepare(old)
    assert version_one.version(old) == 2


def test_upgrading_from_version_2(old):
    """Everybody is there as before, nobody waits for a synchronisation, and everything works for them."""
    assert database.upgrade(old)[0] == 2
    database.require_current(old)
    directory, links = SQLDirectory(old), SQLLinks(old)
    assert directory.get(ADA.id) == ADA
    assert directory.get(ADA.id).seen == 1_800_000_500
    assert list(directory.find("employee_id", "17")) == [ADA]
    assert [entry.user for entry in directory.everybody()] == [GRACE, ADA]
    assert directory.known_groups(["STAFF", "nobody"]) == {"STAFF"}
    assert directory.update(ADA, Changes({"first_name": "Augusta"})).first_name == "Augusta"
    assert links.follow("jumpcloud", "NameID:s-1") == ADA.id
    assert links.standing("jumpcloud", ADA.id) == Standing()
    assert only(old, "SELECT * FROM saml_wsgi_companion_groups") == [("4", "Wheel", "wheel")]
    assert SQLStore(old, clock=FakeClock(time=1_800_000_001)).get("session:1") == b"\x00\xffvalue"


def test_an_upgraded_version_2_is_as_a_new_database(old, tmp_path):
    """Tables, columns, defaults, keys and indices are the same, whichever way they came."""
    new = f"sqlite:///{tmp_path}/new.db"
    database.create(new)
    database.upgrade(old)
    assert version_one.schema(old) == version_one.schema(new)
    database.disconnect(new)


@pytest.mark.parametrize("made", ["created", "upgraded"])
def test_whoever_synchronises_finds_the_lease(request, url, made):
    """A database has the one row of the lease, which nobody holds, however the database came to be."""
    if made == "upgraded":
        database.upgrade(request.getfixturevalue("old"))
    else:
        database.create(url)
        database.create(url)
    found = only(url, "SELECT id, holder, fence, until, generation, begun FROM saml_wsgi_sync")
    assert found == [(1, "", 0, 0, 0, 0)]


@pytest.mark.parametrize("statement", ["INSERT INTO saml_wsgi_sync", "CREATE TABLE saml_wsgi_arriving"])
def test_an_upgrade_that_fails_leaves_version_2(old, statement):
    """If one of its statements fails, the database is as it was, and can be upgraded later."""
    before = version_one.schema(old)
    engine = database.connect(old)

    def interrupt(connection, _cursor, said, *_):
        if statement in said:
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(engine, "after_cursor_execute", interrupt)
    with pytest.raises(ConfigurationError, match="the_disk_that_failed"):
        database.upgrade(old)
    event.remove(engine, "after_cursor_execute", interrupt)
    assert version_one.schema(old) == before
    assert version_one.version(old) == 2
    assert database.upgrade(old)[0] == 2
    assert SQLDirectory(old).get(ADA.id) == ADA
