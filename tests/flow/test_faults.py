"""Directories that are locked, full, damaged, gone: try again, and nobody is half a user."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from saml_wsgi import database
from tests.flow.situations import created, updated
from tests.flow.situations_people import MARA, MARA_BY_HAND, MARA_HERE
from tests.flow.situations_posting import post, prepared
from tests.flow.situations_scene import compare
from tests.flow.situations_watch import assert_sound

_FORK = multiprocessing.get_context("fork")
_MANY_GROUPS = tuple(f"group {number:03} of those that fill a page of the file" for number in range(400))
TRY_AGAIN = ("503 Service Unavailable", 0)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process is in the middle of an exclusive transaction."""
    ready, done = _FORK.Event(), _FORK.Event()

    def hold():
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        ready.set()
        done.wait(60)
        connection.execute("ROLLBACK")
        os._exit(0)

    process = _FORK.Process(target=hold)
    process.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        done.set()
        process.join(60)


@contextmanager
def full(file: Path) -> Iterator[None]:
    """The file must not grow by another page: what a full disk says."""
    engine = database.connect(f"sqlite:///{file}?timeout=0.1")
    limit = [0]

    def restrict(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count = {limit[0] or 1_000_000}")

    with closing(sqlite3.connect(file)) as connection:
        (limit[0],) = connection.execute("PRAGMA page_count").fetchone()
    event.listen(engine, "checkout", restrict)
    try:
        yield
    finally:
        limit[0] = 0
        with engine.connect():  # a limit stays with its connection
            pass


def parts_of(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}*"))


@contextmanager
def moved(file: Path, *, instead: bytes | None = None, folder: bool = False) -> Iterator[None]:
    """The file isn't where it was, or something else is there."""
    away = file.parent / "away"
    away.mkdir()
    for part in parts_of(file):
        part.rename(away / part.name)
    if instead is not None:
        file.write_bytes(instead)
    if folder:
        file.mkdir()
    try:
        yield
    finally:
        if folder:
            file.rmdir()
        for part in parts_of(file):
            part.unlink()
        for part in sorted(away.iterdir()):
            part.rename(file.parent / part.name)
        away.rmdir()


def gone(file: Path):
    return moved(file)


def damaged(file: Path):
    return moved(file, instead=b"this is no database, whatever its name says. " * 200)


def emptied(file: Path):
    return moved(file, instead=b"")


def a_folder(file: Path):
    return moved(file, folder=True)


@contextmanager
def without_tables(file: Path) -> Iterator[None]:
    """Somebody renamed a table."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute("ALTER TABLE saml_wsgi_users RENAME TO elsewhere")
    yield
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute("ALTER TABLE elsewhere RENAME TO saml_wsgi_users")


FAULTS = (locked, full, gone, damaged, emptied, a_folder, without_tables)


@pytest.fixture
def users(scene):
    """Users in a file of their own, so that sessions and records still work."""
    scene.file = scene.folder / "users.db"
    scene.url = f"sqlite:///{scene.file}?timeout=0.1"
    return scene


def start(scene, **options):
    store = f"sqlite:///{scene.folder}/store.db?timeout=0.1"
    scene.start({"store.url": store, "directory.url": scene.url, **options})


@pytest.mark.parametrize("fault", FAULTS)
def test_first_sign_in(users, fault):
    """Nobody is made and nobody signed in: "try again", a record says why; and then it works, unrestarted."""
    start(users)
    says = MARA.but(memberOf=_MANY_GROUPS)
    before = users.picture()
    with fault(users.file):
        arrival = users.arrive(says)
        assert arrival.user is None
        assert (arrival.page.status, arrival.record.code) == (503, "directory_unavailable")
        assert arrival.record.detail
        assert "try again" in arrival.page.words.lower()
        assert arrival.record.detail not in arrival.page.text
    assert users.picture() == before
    assert not before.rows
    again = users.arrive(says)
    compare(created(MARA_HERE.but(groups=_MANY_GROUPS)), again, before, users.picture())
    assert_sound(users.file)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_change(users, fault):
    """Somebody whose data changed isn't signed in with half of the change, nor with the old."""
    start(users)
    users.arrive(MARA)
    before = users.picture()
    says = MARA.but(lastname="Berg", memberOf=_MANY_GROUPS)
    with fault(users.file):
        arrival = users.arrive(says)
        assert arrival.user is None
        assert (arrival.page.status, arrival.record.code) == (503, "directory_unavailable")
    assert users.picture() == before
    account = MARA_HERE.but(last_name="Berg", groups=_MANY_GROUPS)
    again = users.arrive(says)
    compare(updated(account, "last_name", "groups"), again, before, users.picture())


@pytest.mark.parametrize("fault", [gone, damaged, emptied, a_folder, without_tables])
def test_no_change(users, fault):
    """Somebody of whom nothing changed isn't signed in either, if the directory can't be read."""
    start(users)
    users.arrive(MARA)
    with fault(users.file):
        arrival = users.arrive(MARA)
        assert (arrival.user, arrival.record.code) == (None, "directory_unavailable")
    assert users.arrive(MARA).record.outcome == "unchanged"


def test_no_change_while_another_writes(users):
    """Reading waits for no writer: somebody of whom nothing changed gets in meanwhile."""
    start(users)
    users.arrive(MARA)
    with locked(users.file):
        assert users.arrive(MARA).record.outcome == "unchanged"


def test_a_day_that_can_not_be_noted(users):
    """When somebody signed in last is worth no refusal: it is noted at the next sign-in."""
    start(users)
    users.arrive(MARA)
    users.clock.advance(3 * 86400)
    with locked(users.file):
        user_id = users.arrive(MARA).user["id"]
    before = users.parts.directory.get(user_id).seen
    users.arrive(MARA)
    assert users.parts.directory.get(user_id).seen >= before + 2 * 86400


@pytest.mark.parametrize("fault", [locked, gone, damaged])
def test_existing_users_are_not_pinned_halfway(users, fault):
    """With the resolver existing, the pin of a first sign-in is there or nobody is signed in."""
    users.people([MARA_BY_HAND])
    start(users, resolvers="existing")
    before = users.picture()
    with fault(users.file):
        arrival = users.arrive(MARA)
        assert (arrival.user, arrival.record.code) == (None, "directory_unavailable")
    assert users.picture() == before
    assert users.arrive(MARA).user is not None


@pytest.mark.parametrize("fault", [gone, damaged])
def test_no_other_resolver_is_asked(users, fault):
    """A directory that doesn't answer ends the chain: jit doesn't make what existing couldn't look for."""
    start(users, resolvers="existing jit")
    with fault(users.file):
        assert users.arrive(MARA).record.code == "directory_unavailable"
    assert not users.picture().rows


@pytest.mark.parametrize("fault", [locked, gone, damaged, a_folder])
def test_a_store_that_does_not_work(users, fault):
    """What can't be noted as used isn't used: nobody is made, although the directory works."""
    start(users)
    ready = prepared(users, MARA)
    with fault(users.folder / "store.db"):
        assert post(users.app, ready) == TRY_AGAIN
        assert not users.picture().rows
    assert users.arrive(MARA).record.outcome == "created"


@pytest.mark.parametrize("fault", [locked, gone, damaged, a_folder])
def test_everything_in_one_file(scene, fault):
    """One file for all, and it doesn't work: try again, nobody is made, and then it works, unrestarted."""
    scene.url = f"{scene.url}?timeout=0.1"
    scene.start()
    ready = prepared(scene, MARA)
    with fault(scene.file):
        assert post(scene.app, ready) == TRY_AGAIN
    assert not scene.picture().rows
    assert scene.arrive(MARA).record.outcome == "created"
