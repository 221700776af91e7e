"""The schema's version: made once, checked at the start, brought up to date as a whole."""

import os
import sqlite3
import stat
import subprocess
import sys

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from saml_wsgi import database
from saml_wsgi.database.migrations import MIGRATIONS
from saml_wsgi.database.tables import metadata
from saml_wsgi.errors import ConfigurationError

NEWEST = 1 + len(MIGRATIONS)


def add_colour(connection):
    connection.execute(text("ALTER TABLE saml_wsgi_users ADD COLUMN colour VARCHAR"))


def add_shade(connection):
    # Only works after add_colour.
    connection.execute(text("UPDATE saml_wsgi_users SET colour = 'red'"))
    connection.execute(text("ALTER TABLE saml_wsgi_users ADD COLUMN shade VARCHAR"))


def fail(connection):
    connection.execute(text("CREATE TABLE half (way INTEGER)"))
    connection.execute(text("SELECT * FROM no_such_table"))


def names(url, table):
    with database.reading(database.connect(url)).connect() as connection:
        return {row.name for row in connection.execute(text(f"SELECT name FROM {table}"))}


def columns(url):
    return names(url, "pragma_table_info('saml_wsgi_users')")


def test_create_makes_every_table(url):
    """After create all tables are there, and the version is the newest."""
    assert database.create(url) == NEWEST
    assert names(url, "sqlite_master") >= set(metadata.tables)


def test_create_twice_is_harmless(url):
    """A second create changes nothing."""
    database.create(url)
    with database.connect(url).begin() as connection:
        connection.execute(text("INSERT INTO saml_wsgi_state VALUES ('key', 'value', 1)"))
    assert database.create(url) == NEWEST
    with database.reading(database.connect(url)).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM saml_wsgi_state")).scalar() == 1


def test_create_in_a_database_that_holds_other_tables(url, tmp_path):
    """The application's own tables in the same file are left alone."""
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    assert database.create(url) == NEWEST
    assert "theirs" in names(url, "sqlite_master")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_is_the_owners_alone(url, tmp_path, umask):
    """The database and what SQLite keeps beside it can be read and written by the owner only."""
    before = os.umask(umask)
    try:
        database.create(url)
        with database.connect(url).begin() as connection:
            connection.execute(text("INSERT INTO saml_wsgi_state VALUES ('key', 'value', 1)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


CREATE = """
import sys
from saml_wsgi import database
print("ready", flush=True)
sys.stdin.readline()
database.prepare(sys.argv[1])
print(database.create(sys.argv[1]))
"""


def test_create_by_several_processes_at_once(url):
    """Processes that start together on a new machine all find a database afterwards."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.communicate()[0] for child in children] == [f"{NEWEST}\n"] * 4
    assert database.create(url) == NEWEST


def test_create_is_patient_with_another_one(url):
    """SQLite may call a database locked that somebody else is just making; create then tries again."""
    engine = database.connect(url)
    refusals = [OperationalError("PRAGMA", {}, sqlite3.OperationalError("database is locked"))] * 2

    def refuse(_connection, _cursor, statement, *_):
        if "journal_mode" in statement and refusals:
            raise refusals.pop()

    event.listen(engine, "before_cursor_execute", refuse)
    assert database.create(url) == NEWEST
    assert refusals == []


def test_upgrade_runs_the_steps_in_order(url):
    """Every step from the version that is there to the newest is taken, in order."""
    database.create(url)
    assert database.upgrade(url, migrations=(*MIGRATIONS, add_colour, add_shade)) == (NEWEST, NEWEST + 2)
    assert {"colour", "shade"} <= columns(url)
    database.require_current(url, migrations=(*MIGRATIONS, add_colour, add_shade))


def test_upgrade_runs_no_step_twice(url):
    """What was upgraded once only takes the steps that came since."""
    database.create(url)
    assert database.upgrade(url, migrations=(*MIGRATIONS, add_colour)) == (NEWEST, NEWEST + 1)
    assert database.upgrade(url, migrations=(*MIGRATIONS, add_colour)) == (NEWEST + 1, NEWEST + 1)
    assert database.upgrade(url, migrations=(*MIGRATIONS, add_colour, add_shade)) == (NEWEST + 1, NEWEST + 2)


def test_upgrade_is_whole_or_not_at_all(url):
    """If a step fails, those before it are undone too, and the version stays."""
    database.create(url)
    with pytest.raises(ConfigurationError, match="no_such_table"):
        database.upgrade(url, migrations=(*MIGRATIONS, add_colour, fail))
    assert "colour" not in columns(url)
    assert "half" not in names(url, "sqlite_master")
    database.require_current(url)


def test_upgrade_without_tables_names_create(url, tmp_path):
    """There is nothing to upgrade before create."""
    (tmp_path / "state.db").touch()
    with pytest.raises(ConfigurationError, match=r"saml-wsgi database create FILE\.ini"):
        database.upgrade(url)


def test_upgrade_of_a_newer_schema_is_refused(url):
    """An older release never touches what a newer one made."""
    database.create(url)
    database.upgrade(url, migrations=(*MIGRATIONS, add_colour))
    with pytest.raises(ConfigurationError, match=f"newer than the {NEWEST} this release knows"):
        database.upgrade(url)


def test_require_current_is_silent_when_all_is_well(url):
    """A current schema is no problem."""
    database.create(url)
    database.require_current(url)


def test_require_current_without_a_file_names_create(url, tmp_path):
    """A missing database is a problem with a cure, and isn't made on the way."""
    with pytest.raises(ConfigurationError, match=r"saml-wsgi database create FILE\.ini"):
        database.require_current(url)
    assert list(tmp_path.iterdir()) == []


def test_require_current_of_an_old_schema_names_upgrade(url):
    """An old schema is a problem with a cure, of the option that was named."""
    database.create(url)
    with pytest.raises(ConfigurationError, match=r"saml-wsgi database upgrade FILE\.ini") as caught:
        database.require_current(url, option="directory.url", migrations=(*MIGRATIONS, add_colour))
    assert caught.value.problems[0].key == "directory.url"


def test_require_current_of_a_newer_schema_refuses(url):
    """A release doesn't start on a schema that it doesn't know."""
    database.create(url)
    database.upgrade(url, migrations=(*MIGRATIONS, add_colour))
    with pytest.raises(ConfigurationError, match="newer than"):
        database.require_current(url)


def test_create_over_an_old_schema_names_upgrade(url):
    """A create doesn't upgrade on the sly."""
    database.create(url)
    with pytest.raises(ConfigurationError, match="database upgrade"):
        database.create(url, migrations=(*MIGRATIONS, add_colour))
    assert "colour" not in columns(url)


def test_prepare_makes_a_sqlite_database(url):
    """Starting on SQLite needs no command first, and starting again finds what is there."""
    database.prepare(url)
    database.prepare(url)
    database.require_current(url)


def test_prepare_of_an_empty_file_makes_the_tables(url, tmp_path):
    """A file without our tables gets them."""
    (tmp_path / "state.db").touch()
    database.prepare(url)
    database.require_current(url)


def test_prepare_does_not_upgrade(url):
    """An upgrade is the operator's decision."""
    database.create(url)
    with pytest.raises(ConfigurationError, match="database upgrade"):
        database.prepare(url, migrations=(*MIGRATIONS, add_colour))


@pytest.mark.parametrize(
    "call", [database.create, database.upgrade, database.require_current, database.prepare]
)
def test_what_is_no_database_is_a_problem(url, tmp_path, call):
    """A file of another kind is named as a problem and left as it is."""
    (tmp_path / "state.db").write_bytes(b"certainly not SQLite" * 500)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        call(url)
    assert (tmp_path / "state.db").read_bytes() == b"certainly not SQLite" * 500


@pytest.mark.parametrize("call", [database.create, database.prepare])
def test_a_file_that_cannot_be_made_is_a_problem(url, tmp_path, call):
    """Where the file can't be made, the reason is named."""
    database.connect(url)
    tmp_path.rmdir()
    tmp_path.write_text("a file where the folder was")
    with pytest.raises(ConfigurationError, match=r"can't be made|isn't there"):
        call(url)


def test_a_locked_database_is_a_problem(url, tmp_path):
    """If somebody keeps the database locked, create says so after its patience, and can be repeated."""
    url = f"{url}?timeout=0.05"
    database.create(url)
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ConfigurationError, match="database is locked"):
        database.create(url)
    holder.close()
    assert database.create(url) == NEWEST
    database.disconnect(url)
