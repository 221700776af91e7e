"""Who waits for another writer on SQLite: for how long, and how soon it is noticed that nobody writes."""

import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from saml_wsgi import database
from saml_wsgi.database import Transaction, file_connection


class Watch:
    """A clock that goes on only while somebody sleeps, and does something at one of these moments."""

    def __init__(self):
        self.now = 1000.0
        self.naps = []
        self.at = {}

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds
        self.at.get(len(self.naps), lambda: None)()


@pytest.fixture
def watch(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(file_connection, "time", watch)
    return watch


@pytest.fixture
def holder(url, tmp_path):
    """Somebody who writes, and doesn't end."""
    database.create(url)
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield holder
    holder.close()


def begin_as_engine(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE saml_wsgi_schema SET version = 99"))


def begin_as_transaction(engine):
    with Transaction(engine):
        pass


BEGINNINGS = pytest.mark.parametrize("begin", [begin_as_engine, begin_as_transaction])


@BEGINNINGS
def test_a_free_moment_is_noticed_at_the_next_look(url, holder, watch, begin):
    """Whoever waits looks every millisecond, however long it waited, and begins at once when it may."""
    watch.at[1500] = holder.close
    begin(database.connect(url))
    assert len(watch.naps) == 1500
    assert max(watch.naps) <= 0.001


@BEGINNINGS
def test_patience_has_an_end(url, holder, watch, begin):
    """After five seconds it is said that the database is locked."""
    with pytest.raises(DBAPIError, match="database is locked"):
        begin(database.connect(url))
    assert sum(watch.naps) == pytest.approx(5.0)


@BEGINNINGS
def test_the_url_says_how_patient_one_is(url, holder, watch, begin):
    """With a timeout of 0 nobody waits, with another one for as long as it says."""
    for timeout in (0, 0.25):
        watch.naps.clear()
        other = f"{url}?timeout={timeout}"
        with pytest.raises(DBAPIError, match="database is locked"):
            begin(database.connect(other))
        assert sum(watch.naps) == pytest.approx(timeout)
        database.disconnect(other)


def test_that_it_is_locked_is_an_operational_error(url, holder, watch):
    """The engine raises what SQLAlchemy raises of a locked database, which shows no values."""
    with pytest.raises(OperationalError) as caught:
        begin_as_engine(database.connect(url))
    assert database.reason(caught.value) == "OperationalError: database is locked"


@BEGINNINGS
def test_other_waits_stay_as_they_are(url, watch, begin):
    """After a beginning, whatever else SQLite has to wait for is waited for as before."""
    database.create(url)
    engine = database.connect(url)
    begin(engine)
    with database.reading(engine).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    assert watch.naps == []


@BEGINNINGS
def test_what_is_wrong_otherwise_is_not_waited_for(url, tmp_path, watch, begin):
    """A file that is no database is told of at once."""
    (tmp_path / "state.db").write_bytes(b"certainly not SQLite" * 500)
    with pytest.raises(DBAPIError, match="not a database"):
        begin(database.connect(url))
    assert watch.naps == []
