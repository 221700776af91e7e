"""What a run is going to do, while it doesn't do it yet: in a file of its own, so that memory stays flat.

The file is SQLite's own kind of private one: it is made with mode 600 where temporary files are kept,
has no name any more as soon as it is open, and ends with the process, however that ends.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from saml_wsgi.directories.arrival.values import ChangedUser, Kept, NewDigest, NewUser, Stray
from saml_wsgi.sync.decision import Decision, printable
from saml_wsgi.sync.refusal import SyncRefused

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8000;
-- Who was read. The marks are 64 bits of a keyed hash: of a million people two share one in one of thirty
-- million runs, and then the second one is told as ambiguous.
CREATE TABLE seen (mark INTEGER PRIMARY KEY, digest INTEGER NOT NULL, page INTEGER NOT NULL);
CREATE TABLE twice (subject TEXT PRIMARY KEY) WITHOUT ROWID;
-- Who has no subject, and whose name wasn't read.
CREATE TABLE stray (id TEXT PRIMARY KEY, username TEXT NOT NULL, updated INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE plan (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The key of the username that the person is to have, where it wasn't theirs.
    name TEXT,
    -- Who is to give up that name.
    holder TEXT,
    -- Whose present name becomes free by it.
    frees TEXT,
    effects TEXT NOT NULL,
    person TEXT NOT NULL,
    body BLOB NOT NULL
);
"""
_KEEP: Final = "INSERT INTO plan VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_NEW, _CHANGE, _DIGEST = "new", "change", "digest"
#: More than this in one question aren't answered by every SQLite.
_ASKED: Final = 900
#: Of people who wait for each other's names, one behind the other.
_LONGEST_CHAIN: Final = 100


class Dropped(NamedTuple):
    """Something that was planned and isn't done.

    Attributes:
        effects: What it would have counted as.
    """

    subject: str
    person: str
    effects: tuple[str, ...]


class Staging:
    """A context manager; every method raises SyncRefused (``no_room``) where the file can't grow."""

    def __init__(self) -> None:
        self._page = 0

    def __enter__(self) -> Self:
        with _room():
            # No name: private and on disk, once it doesn't fit the cache.
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.executescript(_TABLES)
            self._file.execute("BEGIN")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    # -- who was read --

    def see(self, people: Sequence[tuple[str, bytes]]) -> set[str]:
        """Note who was read: pairs of subject and digest, each subject once.

        Returns:
            Who was on an earlier page. Those who had another digest there are contested now.
        """
        self._page += 1
        marks = sorted((hash(subject), hash(digest), self._page) for subject, digest in people)
        with _room():
            before = self._file.total_changes
            self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", marks)
            if self._file.total_changes - before == len(people):
                return set()
            earlier = self._earlier([mark for mark, _, _ in marks])
        again = {subject: digest for subject, digest in people if hash(subject) in earlier}
        self.contest(subject for subject, digest in again.items() if earlier[hash(subject)] != hash(digest))
        return set(again)

    def contest(self, subjects: Iterable[str]) -> None:
        """These are several people to the source: whatever is planned for them is not to be done."""
        with _room():
            rows = [(printable(subject),) for subject in subjects]
            self._file.executemany("INSERT OR IGNORE INTO twice VALUES (?)", rows)

    def several(self) -> Iterator[str]:
        """The subjects that are contested."""
        with _room():
            for (subject,) in self._file.execute("SELECT subject FROM twice"):
                yield subject

    def unseen(self, subjects: Collection[str]) -> set[str]:
        """Those who weren't read."""
        found: set[int] = set()
        marks = [hash(subject) for subject in subjects]
        with _room():
            for chunk in _chunks(marks):
                asked = f"SELECT mark FROM seen WHERE mark IN ({_holes(chunk)})"  # noqa: S608 - only ? in it
                found.update(mark for (mark,) in self._file.execute(asked, chunk))
        return {subject for subject in subjects if hash(subject) not in found}

    def stray(self, strays: Iterable[Stray]) -> None:
        """Keep users who have no subject, until their name is read."""
        with _room():
            self._file.executemany("INSERT INTO stray VALUES (?, ?, ?)", strays)

    def meet(self, ids: Iterable[str]) -> None:
        """Somebody with the name of each of these users was read."""
        with _room():
            self._file.executemany("DELETE FROM stray WHERE id = ?", [(user_id,) for user_id in ids])

    def strays(self) -> Iterator[Stray]:
        """Those of them whose name wasn't read."""
        with _room():
            for row in self._file.execute("SELECT id, username, updated FROM stray"):
                yield Stray(*row)

    def _earlier(self, marks: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for chunk in _chunks(marks):
            asked = f"SELECT mark, digest FROM seen WHERE page <> ? AND mark IN ({_holes(chunk)})"  # noqa: S608 - only ? in it
            found.update(self._file.execute(asked, (self._page, *chunk)).fetchall())
        return found

    # -- what is to be done --

    def plan(self, decisions: Iterable[Decision]) -> None:
        """Keep what is to be written of each."""
        rows = [_row(decision) for decision in decisions if decision.write is not None]
        if rows:
            with _room():
                self._file.executemany(_KEEP, rows)

    def drop_several(self) -> Iterator[Dropped]:
        """Take back what concerns subjects that are contested."""
        self._drop("several", "subject IN (SELECT subject FROM twice)")
        yield from self._dropped("several")

    def drop_ambiguous(self) -> Iterator[Dropped]:
        """Take back what needs a username that several people want."""
        names = "SELECT name FROM plan WHERE name IS NOT NULL GROUP BY name HAVING count(*) > 1"
        self._drop("ambiguous", f"name IN ({names})")
        yield from self._dropped("ambiguous")

    def drop_taken(self) -> Iterator[Dropped]:
        """Take back what needs a username that its owner doesn't give up."""
        waits = "holder IS NOT NULL"
        given_up = f"SELECT frees FROM plan WHERE frees IS NOT NULL AND kind = '{_CHANGE}'"  # noqa: S608 - texts from here
        for _ in range(_LONGEST_CHAIN):
            # Who isn't renamed after all keeps a name for which somebody else may have waited.
            if not self._drop("taken", f"{waits} AND holder NOT IN ({given_up})"):
                break
        else:
            self._drop("taken", waits)
        yield from self._dropped("taken")

    def drop(self, subjects: Iterable[str]) -> Iterator[Dropped]:
        """Take back what turned out to be impossible when it was written."""
        for chunk in _chunks(list(subjects)):
            self._drop("late", f"subject IN ({_holes(chunk)})", chunk)
        yield from self._dropped("late")

    def _drop(self, why: str, which: str, values: Sequence[Any] = ()) -> int:
        done = f"kind IN ('{_NEW}', '{_CHANGE}', '{_DIGEST}')"
        with _room():
            dropping = f"UPDATE plan SET kind = ? WHERE {done} AND ({which})"  # noqa: S608 - texts from here
            return self._file.execute(dropping, (why, *values)).rowcount

    def _dropped(self, why: str) -> Iterator[Dropped]:
        for subject, person, effects in self._rows("subject, person, effects", why):
            yield Dropped(subject, person, tuple(effects.split()))

    # -- doing it --

    def new_users(self) -> Iterator[NewUser]:
        """Whom to make, in the order of their names, in which a database takes them fastest."""
        for (body,) in self._rows("body", _NEW, "name"):
            yield NewUser(*marshal.loads(body))  # noqa: S302 - written below, and nobody else has the file

    def changes(self) -> Iterator[ChangedUser]:
        """Whom to change."""
        for (body,) in self._rows("body", _CHANGE):
            yield ChangedUser(*marshal.loads(body))  # noqa: S302 - likewise

    def digests(self) -> Iterator[NewDigest]:
        """Of whom only the digest is new."""
        for (body,) in self._rows("body", _DIGEST):
            subject, digest, kept = marshal.loads(body)  # noqa: S302 - likewise
            yield NewDigest(subject, digest, Kept(*kept))

    def planned(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Who is changed or made, and as what it counts."""
        for kind in (_CHANGE, _NEW):
            for person, effects in self._rows("person, effects", kind):
                yield person, tuple(effects.split())

    def count(self) -> int:
        """How many users are to be written."""
        with _room():
            counted = "SELECT count(*) FROM plan WHERE kind IN (?, ?)"
            found: int = self._file.execute(counted, (_NEW, _CHANGE)).fetchone()[0]
        return found

    def _rows(self, columns: str, kind: str, order: str = "rowid") -> Iterator[tuple[Any, ...]]:
        with _room():
            chosen = f"SELECT {columns} FROM plan WHERE kind = ? ORDER BY {order}"  # noqa: S608 - texts from here
            # Not "yield from": a generator that is given up would close the cursor of a closed file.
            for row in self._file.execute(chosen, (kind,)):  # noqa: UP028 - see above
                yield row


def _row(decision: Decision) -> tuple[Any, ...]:
    write = decision.write
    kind: str
    body: tuple[Any, ...]
    if isinstance(write, NewUser):
        kind, body = _NEW, (*write,)
    elif isinstance(write, ChangedUser):
        kind, body = _CHANGE, tuple(_plain(getattr(write, name)) for name in ChangedUser.__slots__)
    else:
        assert write is not None
        kind, body = _DIGEST, (write.subject, write.digest, (*write.kept,))
    return (
        decision.subject,
        kind,
        decision.name,
        decision.holder,
        decision.frees,
        " ".join(decision.effects),
        decision.person,
        marshal.dumps(body),
    )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(values), _ASKED):
        yield values[first : first + _ASKED]


def _holes(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SyncRefused("no_room", f"the temporary file of the run: {error}") from error
