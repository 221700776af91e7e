"""The application's database fails: whoever signs in is told to try again, and nothing is half done."""

import os
import signal
import sqlite3

import pytest
from sqlalchemy import event

from saml_wsgi import database
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes, Profile
from tests.unit.directories.own_table import FEW, Application

IDP = "https://idp.example/saml"
GRACE = Profile(username="grace", groups=("a", "b"))
TABLES = ["accounts", "saml_wsgi_companions", "saml_wsgi_companion_groups", "saml_wsgi_links"]
WRITES = {
    "create": lambda directory, ada: directory.create(GRACE, managed_by="x", link=(IDP, "s-2")),
    "update": lambda directory, ada: directory.update(ada, Changes({"email": "x", "groups": ()})),
    "saw": lambda directory, ada: directory.saw(ada.id, 1_800_000_000),
    "remove": lambda directory, ada: directory.remove(ada.id),
    "pin": lambda directory, ada: directory.links.pin("other", "s-3", ada.id),
    "repin": lambda directory, ada: directory.links.repin(IDP, "s-3", ada.id),
    "unpin": lambda directory, ada: directory.links.unpin(IDP, "s-1"),
}
READS = {
    "find": lambda directory, ada: directory.find("username", "ada"),
    "get": lambda directory, ada: directory.get(ada.id),
    "everybody": lambda directory, ada: directory.everybody(),
    "known_groups": lambda directory, ada: directory.known_groups(["a"]),
    "follow": lambda directory, ada: directory.links.follow(IDP, "s-1"),
    "listed": lambda directory, ada: directory.links.listed(),
}
CALLS = WRITES | READS


@pytest.fixture
def application(url):
    return Application(url).make_table()


@pytest.fixture
def directory(application):
    return application.directory(FEW, writable=True)


@pytest.fixture
def ada(directory):
    return directory.create(Profile(username="ada", groups=("a",)), managed_by="x", link=(IDP, "s-1"))


def unharmed(application, directory, ada):
    assert directory.get(ada.id) == ada
    assert directory.links.follow(IDP, "s-1") == ada.id
    assert [len(application.sql(f"SELECT * FROM {table}")) for table in TABLES] == [1, 1, 1, 1]


@pytest.mark.parametrize("call", WRITES)
def test_locked(application, directory, ada, tmp_path, call):
    """While another process keeps the database locked, writes are refused, and reads go on."""
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DirectoryUnavailable, match="locked"):
        WRITES[call](directory, ada)
    assert directory.get(ada.id) == ada
    holder.close()
    unharmed(application, directory, ada)
    WRITES[call](directory, ada)


@pytest.mark.parametrize("call", CALLS)
def test_deleted(directory, ada, tmp_path, call):
    """A database that was deleted is refused, even by connections that still have it open."""
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(DirectoryUnavailable, match="no file"):
        CALLS[call](directory, ada)


@pytest.mark.parametrize("call", [call for call in CALLS if call not in {"known_groups", "unpin"}])
def test_the_table_is_gone(application, directory, ada, call):
    """A table that the application dropped is refused; nobody is taken for nobody."""
    application.sql("DROP TABLE {name}")
    with pytest.raises(DirectoryUnavailable, match="no such table"):
        CALLS[call](directory, ada)


@pytest.mark.parametrize("table", TABLES)
def test_a_fault_at_any_statement_of_create(application, directory, ada, table):
    """Whichever of create's statements fails, nothing of the new user is there."""

    def interrupt(connection, _cursor, statement, *_):
        if statement.startswith(f"INSERT INTO {table} "):
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(application.engine, "after_cursor_execute", interrupt)
    with pytest.raises(DirectoryUnavailable, match="the_disk_that_failed"):
        directory.create(GRACE, managed_by="x", link=(IDP, "s-2"))
    event.remove(application.engine, "after_cursor_execute", interrupt)
    unharmed(application, directory, ada)
    directory.create(GRACE, managed_by="x", link=(IDP, "s-2"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    "statement", ["UPDATE accounts", "UPDATE saml_wsgi_companions", "INSERT INTO saml_wsgi_companion_groups"]
)
def test_killed_in_the_middle_of_update(application, directory, ada, url, statement):
    """A process that is killed after any of update's statements leaves the old user, whole."""
    changes = Changes({"username": "countess", "groups": ("b",), "active": False})
    child = os.fork()
    if not child:
        try:

            @event.listens_for(database.connect(url), "after_cursor_execute")
            def die(_connection, _cursor, done, *_):
                if done.startswith(statement):
                    os.kill(os.getpid(), signal.SIGKILL)

            directory.update(ada, changes)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    unharmed(application, directory, ada)
    assert directory.update(ada, changes).username == "countess"
