"""A database that can't be used: every call says so, nothing is half done, and it recovers."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from saml_wsgi import database
from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.stores.sql import SQLStore

WRITES = {
    "add": lambda store: store.add("new", b"v", 60),
    "put": lambda store: store.put("new", b"v", 60, tags=["tag"]),
    "replace": lambda store: store.replace("key", b"new", 60),
    "pop": lambda store: store.pop("key"),
}
READS = {
    "get": lambda store: store.get("key"),
    "tagged": lambda store: store.tagged("tag"),
    "ping": lambda store: store.ping(),
}
CALLS = WRITES | READS


@pytest.fixture
def store(url):
    store = SQLStore(url)
    store.put("key", b"value", 3600, tags=["tag"])
    return store


def refused(store, call):
    with pytest.raises(StoreUnavailable) as caught:
        CALLS[call](store)
    assert isinstance(caught.value.__cause__, SQLAlchemyError)
    assert caught.value.detail
    return caught.value.detail


def unharmed(store):
    assert store.get("key") == b"value"
    assert store.get("new") is None
    assert store.tagged("tag") == ["key"]


@pytest.mark.parametrize("call", WRITES)
def test_locked(store, tmp_path, call):
    """While another process keeps the database locked, writes are refused after the time-out."""
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "locked" in refused(store, call)
    unharmed(store)
    holder.close()
    CALLS[call](store)


@pytest.mark.parametrize("call", WRITES)
def test_disk_full(store, url, call):
    """When nothing more can be written, writes are refused, and reads go on."""
    engine = database.connect(url)

    def limit(connection, _record):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)
    engine.dispose()
    for number in range(1000):
        try:
            store.put(f"filler-{number}", b"x" * 10_000, 60)
        except StoreUnavailable:
            break
    big = b"x" * 100_000
    full = {
        "add": lambda: store.add("new", big, 60),
        "put": lambda: store.put("new", big, 60, tags=["tag"]),
        "replace": lambda: store.replace("key", big, 60),
    }
    if call in full:
        with pytest.raises(StoreUnavailable, match="full"):
            full[call]()
        unharmed(store)
    event.remove(engine, "connect", limit)
    engine.dispose()
    CALLS[call](store)


@pytest.mark.parametrize("call", CALLS)
def test_deleted(store, tmp_path, call):
    """A database that was deleted is refused, even by connections that still have it open."""
    for path in tmp_path.iterdir():
        path.unlink()
    assert "no file" in refused(store, call)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", CALLS)
def test_folder_gone(store, tmp_path, call):
    """A folder that isn't mounted any more is refused, and the database is found again when it is."""
    elsewhere = tmp_path.with_name("elsewhere")
    tmp_path.rename(elsewhere)
    refused(store, call)
    elsewhere.rename(tmp_path)
    unharmed(store)
    CALLS[call](store)


@pytest.mark.parametrize("call", CALLS)
def test_no_database_at_all(store, url, tmp_path, call):
    """A file that is overwritten with something else is refused."""
    database.disconnect(url)
    (tmp_path / "state.db").write_bytes(b"certainly not SQLite" * 1000)
    assert "not a database" in refused(SQLStore(url), call)


@pytest.mark.parametrize("call", CALLS)
def test_corrupted(store, url, tmp_path, call):
    """A file with damaged pages is refused."""
    database.disconnect(url)
    whole = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    refused(SQLStore(url), call)


@pytest.mark.parametrize("call", CALLS)
def test_tables_gone(store, url, call):
    """Tables that somebody dropped are refused, by ping too."""
    with database.connect(url).begin() as connection:
        for table in ("tags", "state", "schema"):
            connection.execute(text(f"DROP TABLE saml_wsgi_{table}"))
    assert "no such table" in refused(store, call)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("call", WRITES)
def test_read_only(call):
    """Where the process may only read the file, writes are refused."""
    # Not in tmp_path, whose parents only their owner may enter.
    folder = Path(tempfile.mkdtemp())
    url = f"sqlite:///{folder}/state.db"
    store = SQLStore(url)
    database.create(url)
    store.put("key", b"value", 3600)
    database.disconnect(url)
    (folder / "state.db").chmod(0o444)
    folder.chmod(0o555)
    store = SQLStore(url)
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.seteuid(65534)  # root may write everywhere
            refused(store, call)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the child must never return into pytest
            os.write(2, repr(error).encode())
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    folder.chmod(0o755)
    database.disconnect(url)
    shutil.rmtree(folder)


def test_more_threads_than_connections(url):
    """Who gets no connection in time is told, as with any other fault."""
    store = SQLStore(url)
    engine = database.connect(url)
    engine.pool._timeout = 0
    taken = [engine.connect() for _ in range(64)]
    with pytest.raises(StoreUnavailable):
        store.get("key")
    for connection in taken:
        connection.close()
    assert store.get("key") is None
