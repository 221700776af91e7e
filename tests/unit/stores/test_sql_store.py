"""The store in a database: the contract, and how it removes what has expired."""

import logging
import os
import subprocess
import sys

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.stores.sql import SQLStore
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts import StoreContract


class TestSQLStore(StoreContract):
    @pytest.fixture
    def make_store(self, patient):
        return lambda clock: SQLStore(patient, clock=clock)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(url, clock):
    return SQLStore(url, clock=clock)


def count(url, table="saml_wsgi_state"):
    with database.reading(database.connect(url)).connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def fill(url, clock, rows):
    """Entries with a tag each that expire in ten seconds."""
    until = int(clock.time() * 1000) + 10_000
    with database.connect(url).begin() as connection:
        for number in range(rows):
            row = {"key": f"old-{number}", "until": until}
            connection.execute(text("INSERT INTO saml_wsgi_state VALUES (:key, 'v', :until)"), row)
            connection.execute(text("INSERT INTO saml_wsgi_tags VALUES ('tag', :key)"), row)


def test_outlives_the_process_of_the_object(url, clock, store):
    """What one object stored another one finds: nothing is kept in the object."""
    store.put("key", b"value", 60, tags=["tag"])
    database.disconnect(url)
    again = SQLStore(url, clock=clock)
    assert again.get("key") == b"value"
    assert again.tagged("tag") == ["key"]


def test_a_ttl_is_kept_to_the_fraction_of_a_second(store, clock):
    """A ttl that began within a second isn't cut short at the next full one."""
    clock.advance(0.9)
    store.add("key", b"v", 1)
    clock.advance(0.5)
    assert store.get("key") == b"v"
    clock.advance(0.5)
    assert store.get("key") is None


def test_what_expired_is_removed_by_later_writes(url, store, clock):
    """A write removes rows that have expired, and their tags."""
    fill(url, clock, 20)
    clock.advance(11)
    store.add("new", b"v", 60)
    assert (count(url), count(url, "saml_wsgi_tags")) == (1, 0)


def test_one_sweep_a_minute(url, store, clock):
    """Between two sweeps a minute passes."""
    store.add("first", b"v", 3600)
    fill(url, clock, 20)
    clock.advance(30)
    store.add("second", b"v", 3600)
    assert count(url) == 22
    clock.advance(31)
    store.put("third", b"v", 3600)
    assert count(url) == 3


def test_a_sweep_is_small_and_goes_on_with_the_next_write(url, store, clock):
    """No write pays for more than 500 rows; what is left isn't left for a minute."""
    fill(url, clock, 700)
    clock.advance(11)
    store.add("first", b"v", 60)
    assert count(url) == 201
    store.add("second", b"v", 60)
    assert count(url) == 2


def test_a_sweep_leaves_what_is_alive(url, store, clock):
    """Only what has expired is removed."""
    store.put("alive", b"v", 60, tags=["tag"])
    fill(url, clock, 5)
    clock.advance(59)
    store._sweep_due = 0
    store.add("new", b"v", 60)
    assert store.get("alive") == b"v"
    assert store.tagged("tag") == ["alive"]


def test_a_sweep_that_fails_harms_no_write(url, store, clock, caplog):
    """What was asked for is done; that old rows couldn't be removed is for the log."""
    fill(url, clock, 5)
    with database.connect(url).begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER keep BEFORE DELETE ON saml_wsgi_state "
                "BEGIN SELECT RAISE(ABORT, 'nothing is deleted here'); END"
            )
        )
    clock.advance(11)
    with caplog.at_level(logging.WARNING, "saml_wsgi.stores.sql"):
        assert store.add("new", b"v", 60) is True
    assert store.get("new") == b"v"
    assert "nothing is deleted here" in caplog.text


ADD = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from saml_wsgi.stores.sql import SQLStore

store = SQLStore(sys.argv[1])
store.ping()
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(8) as pool:
    for key in range(20):
        barrier = threading.Barrier(8)
        def add(_):
            barrier.wait()
            return store.add(f"key-{key}", b"v", 60)
        print(sum(pool.map(add, range(8))))
"""


def test_add_by_four_processes_with_eight_threads_each(patient):
    """Of 32 threads in four processes that add one key, exactly one is told True; twenty times."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, patient], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [child.communicate()[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * 4
    assert [sum(map(int, each)) for each in zip(*told, strict=True)] == [1] * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_add_by_forked_processes(patient):
    """A store that was used before its process forked works in every child: one True among them."""
    store = SQLStore(patient)
    store.put("before", b"v", 60)
    go, told = os.pipe(), os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            try:
                os.close(go[1])
                os.read(go[0], 1)  # ends for all of them when the parent closes its end
                for key in range(20):
                    if store.add(f"key-{key}", b"v", 60):
                        os.write(told[1], b"%d\n" % key)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    os.close(go[1])
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    os.close(told[1])
    with os.fdopen(told[0], "rb") as reader:
        assert sorted(map(int, reader.read().split())) == list(range(20))
    os.close(go[0])
    assert store.get("before") == b"v"
