"""In which groups the people of a reading are, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.group_index import GroupIndex
from saml_wsgi.directories.ldap.membership import Membership, TooManyGroups, is_partial
from saml_wsgi.directories.ldap.people import People
from saml_wsgi.directories.ldap.reader import Reader
from saml_wsgi.errors import Refused

#: Beyond so many people it is quicker to read all groups than to search for those of each.
_FEW: Final = 100
#: So many names are kept for the next person who is in the very same groups.
_KEPT_NAMES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody's groups.

    Attributes:
        names: As :meth:`Membership.of` has them.
        mark: The same bytes mean the same groups.
        refused: Why nobody can be told.
        is_in_entry: Whether the entry says them; ``names`` is nothing then, and ``mark`` neither.
    """

    names: tuple[str, ...] | None
    mark: bytes = b""
    refused: Refused | None = None
    is_in_entry: bool = False


_UNSAID: Final = Found(None)
_IN_ENTRY: Final = Found(None, is_in_entry=True)


class GroupReading:
    """The groups of people, however they are kept.

    Args:
        few: Whether there may be few people: then groups are searched for each, as in a look-up.
        size: How many groups are read at a time, and ``page_timeout`` seconds for each such page.
    """

    def __init__(self, people: People, reader: Reader, *, few: bool, size: int, page_timeout: float) -> None:
        self._people = people
        self._membership: Membership = people.membership
        self._reader = reader
        self._left = _FEW if few else 0
        self._size = size
        self._page_timeout = page_timeout
        self._index: GroupIndex | None = None
        self._primaries: dict[tuple[bytes, tuple[bytes, ...]], list[Entry]] = {}
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...]], Found] = {}
        self._names = 0

    def close(self) -> None:
        """Forget all groups."""
        if self._index is not None:
            self._index.close()

    def of(self, page: Sequence[Entry]) -> list[Found]:
        """The groups of each of these people.

        Raises:
            SourceUnavailable: The server doesn't say them.
        """
        way = self._membership.way
        if way == "none":
            return [_UNSAID] * len(page)
        if way == "memberOf":
            return [self._in_entry(person) for person in page]
        usernames = [self._people.username(person) if way == "memberUid" else "" for person in page]
        self._left -= len(page)
        if self._left >= 0 and self._index is None:
            return [self._searched(person, uid) for person, uid in zip(page, usernames, strict=True)]
        if self._index is None:
            self._index = GroupIndex(
                self._membership, self._reader, size=self._size, page_timeout=self._page_timeout
            )
        direct = self._index.direct([(person.dn, uid) for person, uid in zip(page, usernames, strict=True)])
        index = self._index
        return [self._indexed(index, person, groups) for person, groups in zip(page, direct, strict=True)]

    def _in_entry(self, person: Entry) -> Found:
        if not self._membership.primary and not is_partial(person, "memberOf"):
            return _IN_ENTRY
        return self._searched(person, "")

    def _searched(self, person: Entry, uid: str) -> Found:
        try:
            return _found(self._membership.beside(self._primary(person), person, uid, self._reader))
        except (Refused, TooManyGroups) as error:
            return _unusable(error.detail)

    def _indexed(self, index: GroupIndex, person: Entry, direct: tuple[int, ...]) -> Found:
        try:
            key = direct, index.numbers(self._primary(person))
            known = self._known.get(key)
            if known is None:
                names = index.names(person, *key)
                self._names += len(names) + 1
                if self._names > _KEPT_NAMES:
                    self._known.clear()
                    self._names = len(names) + 1
                self._known[key] = known = _found(names)
        except (Refused, TooManyGroups) as error:
            return _unusable(error.detail)
        return known

    def _primary(self, person: Entry) -> list[Entry]:
        """As :meth:`Membership.primary_groups`; nearly everybody of a domain has the same one."""
        if not self._membership.primary:
            return []
        sid = person.values("objectSid")
        key = sid[0][:-4] if sid else b"", person.values("primaryGroupID")
        if key not in self._primaries:
            self._primaries[key] = self._membership.primary_groups(person, self._reader)
        return self._primaries[key]


def _found(names: tuple[str, ...]) -> Found:
    return Found(names, _mark("\0".join(names)))


def _unusable(detail: str) -> Found:
    return Found(None, _mark(f"\1{detail}"), Refused("attribute_unusable", detail))


def _mark(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
