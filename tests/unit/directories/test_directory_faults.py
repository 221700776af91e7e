"""A database that can't be used: users and links say so, and nothing is half done."""

import sqlite3

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes, Profile

IDP = "https://idp.example/saml"


class Kept:
    def __init__(self, url):
        self.directory = SQLDirectory(url)
        self.links = SQLLinks(url)
        self.ada = self.directory.create(
            Profile(username="ada", groups=("a",)), managed_by="local", link=(IDP, "s-1")
        )

    def unharmed(self):
        assert self.directory.get(self.ada.id) == self.ada
        assert self.directory.find("username", "grace") == ()
        assert self.links.follow(IDP, "s-1") == self.ada.id
        assert self.links.follow(IDP, "s-2") is None


WRITES = {
    "create": lambda kept: kept.directory.create(
        Profile(username="grace", groups=("a", "b")), managed_by="local", link=(IDP, "s-2")
    ),
    "update": lambda kept: kept.directory.update(kept.ada, Changes({"email": "x", "groups": ()})),
    "pin": lambda kept: kept.links.pin(IDP, "s-3", "grace"),
    "saw": lambda kept: kept.directory.saw(kept.ada.id, 1_800_000_000),
    "remove": lambda kept: kept.directory.remove(kept.ada.id),
    "unpin": lambda kept: kept.links.unpin(IDP, "s-1"),
    "repin": lambda kept: kept.links.repin(IDP, "s-3", kept.ada.id),
    "note": lambda kept: kept.links.note(IDP, "s-1", "active", 1_800_000_000),
}
READS = {
    "find": lambda kept: kept.directory.find("username", "ada"),
    "get": lambda kept: kept.directory.get(kept.ada.id),
    "everybody": lambda kept: kept.directory.everybody(),
    "known_groups": lambda kept: kept.directory.known_groups(["a"]),
    "listed": lambda kept: kept.links.listed(),
    "follow": lambda kept: kept.links.follow(IDP, "s-1"),
    "subject_of": lambda kept: kept.links.subject_of(IDP, kept.ada.id),
    "standing": lambda kept: kept.links.standing(IDP, kept.ada.id),
}
CALLS = WRITES | READS


@pytest.fixture
def kept(url):
    return Kept(url)


def refused(kept, call):
    with pytest.raises(DirectoryUnavailable) as caught:
        CALLS[call](kept)
    assert isinstance(caught.value.__cause__, SQLAlchemyError)
    return caught.value.detail


@pytest.mark.parametrize("call", WRITES)
def test_locked(kept, tmp_path, call):
    """While another process keeps the database locked, writes are refused, and reads go on."""
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "locked" in refused(kept, call)
    kept.unharmed()
    holder.close()
    CALLS[call](kept)


@pytest.mark.parametrize("call", CALLS)
def test_deleted(kept, tmp_path, call):
    """A database that was deleted is refused, even by connections that still have it open."""
    for path in tmp_path.iterdir():
        path.unlink()
    assert "no file" in refused(kept, call)


@pytest.mark.parametrize("call", CALLS)
def test_corrupted(kept, url, tmp_path, call):
    """A file with damaged pages is refused."""
    database.disconnect(url)
    whole = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    kept.directory, kept.links = SQLDirectory(url), SQLLinks(url)
    refused(kept, call)


@pytest.mark.parametrize("call", CALLS)
def test_tables_gone(kept, url, call):
    """Tables that somebody dropped are refused."""
    with database.connect(url).begin() as connection:
        for table in ("groups", "users", "links"):
            connection.execute(text(f"DROP TABLE saml_wsgi_{table}"))
    assert "no such table" in refused(kept, call)


@pytest.mark.parametrize("table", ["saml_wsgi_users", "saml_wsgi_groups", "saml_wsgi_links"])
def test_a_fault_at_any_statement_of_create(kept, url, table):
    """Whichever of create's statements fails, nothing of the new user is there."""
    engine = database.connect(url)

    def interrupt(connection, _cursor, statement, *_):
        if statement.startswith(f"INSERT INTO {table}"):
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(engine, "after_cursor_execute", interrupt)
    assert "the_disk_that_failed" in refused(kept, "create")
    event.remove(engine, "after_cursor_execute", interrupt)
    kept.unharmed()
    CALLS["create"](kept)


def test_disk_full(kept, url):
    """When nothing more can be written, a user is created wholly or not at all, and reads go on."""
    engine = database.connect(url)

    def limit(connection, _record):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", limit)
    engine.dispose()
    many = Profile(username="grace", groups=tuple(f"{'g' * 900}-{number}" for number in range(100)))
    with pytest.raises(DirectoryUnavailable, match="full"):
        kept.directory.create(many, managed_by="local", link=(IDP, "s-2"))
    kept.unharmed()
    event.remove(engine, "connect", limit)
    engine.dispose()
    assert kept.directory.create(many, managed_by="local", link=(IDP, "s-2")).username == "grace"
