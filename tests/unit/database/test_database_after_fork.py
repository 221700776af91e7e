"""A server that connects before it forks: parent and children keep off each other's connections."""

import os
import threading

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.database import engines

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


def in_a_child(check):
    """Run the check in a forked child; what it raised is its exit status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            check()
            status = 0
        except BaseException as error:  # noqa: BLE001 - the child must never return into pytest
            os.write(2, repr(error).encode())
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def write(engine, key):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO saml_wsgi_state VALUES (:key, 'v', 1)"), {"key": key})


def keys(engine):
    with database.reading(engine).connect() as connection:
        return set(connection.execute(text("SELECT key FROM saml_wsgi_state")).scalars())


def test_a_child_uses_no_connection_of_its_parent(url):
    """The pool of a child begins empty, and the parent's goes on as before."""
    database.create(url)
    engine = database.connect(url)
    write(engine, "parent")
    held = engine.pool.checkedin()
    assert held > 0

    def check():
        assert database.connect(url) is engine
        assert engine.pool.checkedin() == 0
        write(engine, "child")

    in_a_child(check)
    assert engine.pool.checkedin() == held
    write(engine, "parent again")
    assert keys(engine) == {"parent", "child", "parent again"}


def test_what_was_made_from_the_engine_follows(url):
    """An engine for reading that was made before the fork has the child's connections too."""
    database.create(url)
    reads = database.reading(database.connect(url))
    write(reads, "before")

    def check():
        assert reads.pool.checkedin() == 0
        assert keys(reads) == {"before"}

    in_a_child(check)


def test_a_transaction_of_the_parent_is_its_own(url):
    """A child can't commit or undo what its parent has under way."""
    database.create(url)
    engine = database.connect(url)

    def check():
        assert keys(engine) == set()

    with engine.begin() as connection:
        connection.execute(text("INSERT INTO saml_wsgi_state VALUES ('parent', 'v', 1)"))
        in_a_child(check)
    assert keys(engine) == {"parent"}


def test_a_child_can_connect_although_another_thread_was_connecting(url):
    """A lock that was held by another thread at the fork doesn't stop the child."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with engines._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        in_a_child(lambda: database.create(url))
    finally:
        done.set()
        thread.join()
