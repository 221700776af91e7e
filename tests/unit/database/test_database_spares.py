"""SQLite connections at hand: whose they are, to which file, and what is left on them."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import DBAPIError

from saml_wsgi import database
from saml_wsgi.database import Prepared, Transaction, rows
from saml_wsgi.database.engines import lend
from saml_wsgi.database.tables import state
from tests.unit.database.test_database_after_fork import in_a_child

_ALL = select(state.c.key).order_by(state.c.key)
_ONE = insert(state).values(key=bindparam("name"), value=b"v", expires=1)


@pytest.fixture
def engine(url):
    database.create(url)
    return database.connect(url)


def keys(engine):
    return [key for (key,) in rows(engine, Prepared(engine, _ALL), {})]


def add(engine, key):
    with Transaction(engine) as transaction:
        transaction.run(Prepared(engine, _ONE), {"name": key})


def test_one_connection_for_one_after_the_other(engine):
    """What was given back is lent again: nothing is opened twice."""
    first = lend(engine)
    first.close()
    second = lend(engine)
    assert second.driver_connection is first.driver_connection
    second.close()


def test_nobody_shares_a_connection(engine):
    """A connection that is in use isn't lent to anybody else."""
    one, other = lend(engine), lend(engine)
    assert one.driver_connection is not other.driver_connection
    one.close()
    other.close()


def test_many_threads(engine):
    """Whatever many threads write at once is there, once."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: add(engine, f"{number:03}"), range(80)))
        found = list(threads.map(lambda _: keys(engine), range(16)))
    assert found == [[f"{number:03}" for number in range(80)]] * 16


def test_what_is_given_back_has_no_transaction(engine):
    """Whoever leaves a transaction open leaves nothing of it."""
    lent = lend(engine)
    lent.cursor().execute("BEGIN IMMEDIATE")
    lent.cursor().execute("INSERT INTO saml_wsgi_state VALUES ('half', 'v', 1)")
    lent.close()
    add(engine, "whole")
    assert keys(engine) == ["whole"]


def test_an_exchanged_file(engine, url, tmp_path):
    """Behind a file that was exchanged, the new one is read and written; a deleted one is an error."""
    add(engine, "old")
    path = tmp_path / engine.url.database
    os.rename(path, f"{path}.old")  # noqa: PTH104 - what a backup tool does
    for end in ("-wal", "-shm"):
        if os.path.exists(f"{path}{end}"):  # noqa: PTH110
            os.remove(f"{path}{end}")  # noqa: PTH107
    with pytest.raises(DBAPIError, match="there is no file"):
        keys(engine)
    database.create(url)
    assert keys(engine) == []
    add(engine, "new")
    assert keys(engine) == ["new"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_has_connections_of_its_own(engine):
    """What the parent keeps, and what it lent before the fork, isn't used by a child."""
    add(engine, "parent")
    under_way = lend(engine)
    kept = lend(engine)
    kept.close()

    def check():
        under_way.close()
        mine = lend(engine)
        assert mine.driver_connection not in {kept.driver_connection, under_way.driver_connection}
        mine.close()
        add(engine, "child")

    in_a_child(check)
    under_way.close()
    assert keys(engine) == ["child", "parent"]


def test_disconnecting_closes_them(engine, url):
    """After disconnect() no connection is left open, and what was made from the engine goes on."""
    lent = lend(engine)
    lent.close()
    database.disconnect(url)
    with pytest.raises(Exception, match="closed"):
        lent.driver_connection.execute("SELECT 1")
    assert keys(engine) == []
    database.disconnect(url)


def test_a_read_waits_where_it_has_to(url, tmp_path):
    """Without a write-ahead log a read waits for the writer's commit, as patiently as everything else."""
    database.create(url)
    database.disconnect(url)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    engine = database.connect(url)
    add(engine, "first")
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(keys, engine)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.2)
        holder.execute("COMMIT")
        assert asked.result(timeout=30) == ["first"]
    holder.close()
