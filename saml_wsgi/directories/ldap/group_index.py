"""All groups of a directory and who is in them, read at once: a search for each person would take days."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry, Searcher
from saml_wsgi.directories.ldap.membership import (
    DEEPEST,
    MEMBERS,
    MOST,
    Membership,
    portions,
    too_deep,
    too_many,
)
from saml_wsgi.directories.ldap.reader import Reader
from saml_wsgi.errors import Refused, SourceUnavailable

#: So many values are looked for in one statement; SQLite has taken 999 from the beginning.
_AT_ONCE: Final = 500
#: KiB of the memberships that are kept in memory; the rest is in a file that nobody else can open.
_CACHE: Final = 16 * 1024
_PREPARED: Final = f"""
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -{_CACHE};
CREATE TABLE member (key BLOB NOT NULL, id INTEGER NOT NULL);
CREATE TABLE known (key BLOB NOT NULL PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
"""

Key = Callable[[bytes], "bytes | None"]


class GroupIndex:
    """Who is in which group, for ``member``, ``in_chain`` and ``memberUid``. Memory grows with the groups.

    Args:
        size: How many groups are read at a time.
        page_timeout: Seconds for each of these pages.

    Raises:
        SourceUnavailable: Not all of them can be read, or there's no room to keep them.
    """

    def __init__(self, membership: Membership, reader: Reader, *, size: int, page_timeout: float) -> None:
        self._membership = membership
        self._by_dn = membership.way != "memberUid"
        self._is_walked = membership.nested or membership.way == "in_chain"
        #: By id; None: it isn't counted, but may lead to others.
        self._names: list[str | None] = []
        self._unnamed: dict[int, Refused] = {}
        self._parents: dict[int, tuple[int, ...]] = {}
        # A name of nothing: SQLite keeps it in a file only where it grows, and removes that at once.
        self._kept = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            with _kept():
                self._kept.executescript(_PREPARED)
                self._kept.execute("BEGIN")
                self._read(reader, size, page_timeout)
                self._kept.execute("CREATE INDEX members ON member (key, id)")
                self._kept.execute("COMMIT")
                if self._is_walked:
                    self._find_parents()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Forget all of it."""
        self._kept.close()

    def direct(self, people: Sequence[tuple[str, str]]) -> list[tuple[int, ...]]:
        """The groups that name each of them, in order.

        Args:
            people: Distinguished names, and usernames.
        """
        keys = [_dn_key(dn) if self._by_dn else _uid_key(uid) or b"" for dn, uid in people]
        found: dict[bytes, list[int]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = [key for key in keys[start : start + _AT_ONCE] if key]
            for key, number in self._asked(
                "SELECT DISTINCT key, id FROM member WHERE key IN ({}) ORDER BY id", some
            ):
                found.setdefault(key, []).append(number)
        return [tuple(found.get(key, ())) for key in keys]

    def numbers(self, groups: Iterable[Entry]) -> tuple[int, ...]:
        """What stands for these groups; one that came later than the others is nobody's member."""
        found: list[int] = []
        for group in groups:
            known = list(self._asked("SELECT key, id FROM known WHERE key IN ({})", [_dn_key(group.dn)]))
            found.append(known[0][1] if known else self._added(group, is_counted=True))
        return tuple(found)

    def names(self, person: Entry, direct: tuple[int, ...], primary: tuple[int, ...]) -> tuple[str, ...]:
        """All groups of somebody who is in these, as :meth:`Membership.of` has them.

        Raises:
            TooManyGroups: There are too many.
            Refused: ``attribute_unusable``: one has a name that can't be used.
        """
        found = set(primary)
        fresh = set(direct)
        if self._is_walked:
            fresh.update(number for group in primary for number in self._parents.get(group, ()))
        depth = 0
        while fresh := fresh - found:
            depth += 1
            if depth == DEEPEST and self._membership.nested:
                raise too_deep(person)
            found |= fresh
            fresh = {number for group in fresh for number in self._parents.get(group, ())}
        counted = [number for number in found if self._names[number] is not None]
        if len(counted) > MOST:
            raise too_many(person)
        for number in counted:
            if number in self._unnamed:
                raise Refused(self._unnamed[number].code, self._unnamed[number].detail)
        return tuple(sorted({name for number in counted if (name := self._names[number]) is not None}))

    def _read(self, reader: Reader, size: int, page_timeout: float) -> None:
        kind = self._membership
        members = MEMBERS if kind.way == "member" else ("member",) if self._by_dn else ("memberUid",)
        wanted = [(kind.base, kind.wanted, (*kind.group_attributes, *members), True)]
        if kind.way == "in_chain":
            # What isn't counted may still be what somebody is a member through.
            inside = escaping.identity(kind.base) == escaping.identity(kind.domain)
            others = f"(&(objectClass=group)(!{kind.wanted}))" if inside else "(objectClass=group)"
            wanted.append((kind.domain, others, members, False))
        for base, which, attributes, is_counted in wanted:
            pages = reader.pages(base, SUBTREE, which, list(attributes), size=size, page_timeout=page_timeout)
            for page in pages:
                for group in page:
                    if is_counted or not self._is_known(group):
                        self._add(group, members, reader, is_counted=is_counted)

    def _add(self, group: Entry, members: Sequence[str], ask: Searcher, *, is_counted: bool) -> None:
        number = self._added(group, is_counted=is_counted)
        key: Key = _member_key if self._by_dn else _uid_member_key
        for attribute in members:
            for values in portions(group, attribute, ask):
                keys = filter(None, map(key, values))
                self._kept.executemany("INSERT INTO member VALUES (?, ?)", ((each, number) for each in keys))

    def _added(self, group: Entry, *, is_counted: bool) -> int:
        number = len(self._names)
        name: str | None = None
        if is_counted:
            try:
                name = self._membership.named(group)
            except Refused as error:
                name, self._unnamed[number] = "", error
        self._names.append(name)
        with _kept():
            self._kept.execute("INSERT OR IGNORE INTO known VALUES (?, ?)", (_dn_key(group.dn), number))
        return number

    def _is_known(self, group: Entry) -> bool:
        return any(
            True for _ in self._asked("SELECT key, id FROM known WHERE key IN ({})", [_dn_key(group.dn)])
        )

    def _find_parents(self) -> None:
        rows = self._kept.execute(
            "SELECT known.id, member.id FROM known JOIN member ON member.key = known.key"
            " WHERE known.id <> member.id ORDER BY known.id"
        )
        found: dict[int, set[int]] = {}
        for child, parent in rows:
            found.setdefault(child, set()).add(parent)
        self._parents = {child: tuple(parents) for child, parents in found.items()}

    def _asked(self, statement: str, keys: Sequence[bytes]) -> Iterator[Any]:
        with _kept():
            yield from self._kept.execute(statement.format(",".join("?" * len(keys))), keys)


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SourceUnavailable(f"the members of groups can't be kept for the reading: {error}") from error


def _hash(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()


def _dn_key(dn: str) -> bytes:
    return _hash(escaping.identity(dn).encode("utf-8", "surrogatepass"))


def _member_key(value: bytes) -> bytes | None:
    try:
        return _dn_key(value.decode())
    except UnicodeDecodeError:
        return None  # nobody's name


def _uid_key(uid: str) -> bytes | None:
    """As caseExactIA5Match compares (RFC 2307, 2.3; RFC 4518, 2.6.1)."""
    words = [word for word in uid.split(" ") if word]
    return _hash(" ".join(words).encode("utf-8", "surrogatepass")) if words else None


def _uid_member_key(value: bytes) -> bytes | None:
    try:
        return _uid_key(value.decode())
    except UnicodeDecodeError:
        return None
