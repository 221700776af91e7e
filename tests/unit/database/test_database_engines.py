"""The engines: which URLs they take, one a URL, and what a connection promises."""

import os
import sqlite3
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from saml_wsgi import database
from saml_wsgi.errors import ConfigurationError


def pragma(engine, name):
    with database.reading(engine).connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_one_engine_a_url(url):
    """Whoever asks for a URL in this process gets the same engine, however the URL is written."""
    engine = database.connect(url)
    assert database.connect(url) is engine
    assert database.connect(url.replace("sqlite:", "sqlite+pysqlite:")) is engine


def test_more_slashes_are_the_same_file(tmp_path):
    """A path that begins with two slashes is the file that it is with one."""
    assert database.connect(f"sqlite:////{tmp_path}/a.db") is database.connect(f"sqlite:///{tmp_path}/a.db")


def test_a_pipe_is_no_database(tmp_path):
    """A pipe or a device is refused at once: SQLite would wait for it, or damage it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="isn't a file"):
        database.connect(f"sqlite:///{tmp_path}/pipe")


def test_one_engine_a_url_for_many_threads(url):
    """Threads that ask for a URL at once get the same engine."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: database.connect(url), range(32)))) == 1


def test_a_relative_path_is_the_same_file_from_anywhere(url, tmp_path, monkeypatch):
    """A relative path is taken from the folder in which it was first read."""
    monkeypatch.chdir(tmp_path)
    assert database.connect("sqlite:///state.db") is database.connect(url)


def test_disconnect_forgets_the_engine(url):
    """After disconnect, the URL has a new engine."""
    engine = database.connect(url)
    database.disconnect(url)
    assert database.connect(url) is not engine


def test_disconnect_of_nothing(url):
    """What was never connected can be disconnected."""
    database.disconnect(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "can't be read"),
        ("not a url", "can't be read"),
        ("postgresql://host:port/db", "can't be read"),
        ("mysql://host/db", "'mysql' isn't supported"),
        ("sqlite+aiosqlite:///x.db", "'sqlite+aiosqlite' isn't supported"),
        ("postgresql+psycopg2://host/db", "'postgresql+psycopg2' isn't supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://relative/x.db", "three slashes"),
        ("sqlite:////no/such/folder/x.db", "/no/such/folder isn't there"),
        ("sqlite:////", "is a folder"),
        ("sqlite:///x.db?mode=memory", "no parameter 'mode'"),
        ("sqlite:///x.db?timeout=soon", "timeout must be"),
        ("sqlite:///x.db?timeout=-1", "timeout must be"),
        ("sqlite:///x.db?timeout=nan", "timeout must be"),
        ("sqlite:///x.db?timeout=61", "timeout must be"),
        ("sqlite:///x.db?timeout=1&timeout=2", "timeout must be"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url, says):
    """Each unusable URL is a problem of the option it stands in, with a reason and a cure."""
    with pytest.raises(ConfigurationError) as caught:
        database.connect(url, option="directory.url")
    (problem,) = caught.value.problems
    assert problem.key == "directory.url"
    assert says in problem.reason
    assert problem.cure


@pytest.mark.parametrize(
    "url",
    [
        "oracle://ada:hunter2@host/db",
        "postgresql://ada:hunter2@host:port/db",
        "postgresql://ada:x@y:hunter2/db",
        "ada:hunter2@host",
        "sqlite://ada:hunter2@host/x.db",
    ],
)
def test_a_password_is_never_shown(url):
    """No error shows the password of a URL, and no traceback of it either."""
    with pytest.raises(ConfigurationError) as caught:
        database.connect(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@given(st.text())
def test_any_text_is_an_engine_or_a_problem(text):
    """Whatever stands in the option, it never ends in anything but a ConfigurationError."""
    try:
        database.connect(f"sqlite://{text}")
        database.disconnect(f"sqlite://{text}")
    except ConfigurationError:
        pass


def test_a_missing_driver_names_the_extra(monkeypatch):
    """Without PostgreSQL's driver, the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"saml_wsgi\[postgresql\]"):
        database.connect("postgresql://ada@nowhere.invalid/db")


def test_an_old_sqlite_is_refused(url, monkeypatch):
    """A SQLite without RETURNING doesn't start."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigurationError, match=r"3\.35 is needed"):
        database.connect(url)


def test_connections_are_set_up(url):
    """WAL, foreign keys, NORMAL synchronisation, and five seconds of patience."""
    database.create(url)
    engine = database.connect(url)
    assert pragma(engine, "journal_mode") == "wal"
    assert pragma(engine, "foreign_keys") == 1
    assert pragma(engine, "synchronous") == 1
    assert pragma(engine, "busy_timeout") == 5000


def test_the_url_sets_the_patience(url):
    """The URL's timeout is how long a connection waits for another one's writing."""
    database.create(f"{url}?timeout=0.25")
    assert pragma(database.connect(f"{url}?timeout=0.25"), "busy_timeout") == 250
    database.disconnect(f"{url}?timeout=0.25")


def test_connecting_makes_no_file(url, tmp_path):
    """A connection to a file that isn't there is an error, not an empty database."""
    with pytest.raises(OperationalError), database.connect(url).connect():
        pass
    assert list(tmp_path.iterdir()) == []


def test_paths_with_signs_that_mean_something_in_a_uri(tmp_path, monkeypatch):
    """A path may contain what would be a query, a fragment or an escape in a URI."""
    folder = tmp_path / "a#b %41 \u00fc?mode=memory"
    folder.mkdir()
    monkeypatch.chdir(folder)
    database.create("sqlite:///s.db")
    database.disconnect("sqlite:///s.db")
    assert [path.name for path in folder.iterdir()] == ["s.db"]
    assert list(tmp_path.iterdir()) == [folder]
    assert (folder / "s.db").stat().st_size > 0


def test_a_transaction_is_a_writing_one_from_its_start(url):
    """While a transaction is open nobody else begins one, so that no transaction fails half-way."""
    url = f"{url}?timeout=0"
    database.create(url)
    engine = database.connect(url)
    with (
        engine.begin(),
        pytest.raises(OperationalError, match="locked"),
        engine.begin(),
    ):
        pass
    database.disconnect(url)


def test_reading_waits_for_nobody(url):
    """A reader isn't held up by a writer, and sees what was there before."""
    database.create(url)
    engine = database.connect(url)
    with database.reading(engine).connect() as reader:
        before = reader.execute(text("SELECT version FROM saml_wsgi_schema")).scalar()
    with engine.begin() as writer:
        writer.execute(text("UPDATE saml_wsgi_schema SET version = 99"))
        with database.reading(engine).connect() as reader:
            assert reader.execute(text("SELECT version FROM saml_wsgi_schema")).scalar() == before


def test_what_fails_leaves_nothing(url):
    """A transaction that raises is undone, tables included."""
    database.create(url)
    engine = database.connect(url)

    def fail():
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE half (way INTEGER)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading(engine).connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT * FROM half"))


def test_an_exchanged_file_is_noticed(url, tmp_path):
    """When the file is exchanged, as after a restore, the next transaction works on the new one."""
    database.create(url)
    engine = database.connect(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE saml_wsgi_schema SET version = 7"))
    for path in tmp_path.iterdir():
        path.unlink()
    restored = tmp_path / "restored.db"
    with sqlite3.connect(restored) as other:
        other.execute("CREATE TABLE saml_wsgi_schema (version INTEGER)")
        other.execute("INSERT INTO saml_wsgi_schema VALUES (42)")
    other.close()
    restored.rename(tmp_path / "state.db")
    with database.reading(engine).connect() as connection:
        assert connection.execute(text("SELECT version FROM saml_wsgi_schema")).scalar() == 42


def test_reason_shows_neither_statement_nor_values(url):
    """What is told of a failure is what the database said, not what was asked of it."""
    database.create(url)
    with pytest.raises(OperationalError) as caught, database.connect(url).begin() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "hunter2"})
    assert database.reason(caught.value) == "OperationalError: no such table: nowhere"
    assert "hunter2" not in str(caught.value)
