"""How far a directory has come, and what of it changed later than it had come to when it was last read.

Both kinds of servers number what they do, and show with each entry at which number it last changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self, TypeVar

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.connection import Lost
from saml_wsgi.directories.ldap.entries import BASE, Entry, Searcher
from saml_wsgi.errors import SourceUnavailable

_NUMBER: Final = re.compile(rb"[0-9]{1,19}")
_DATABASE: Final = re.compile(r"[0-9a-f]{32}")
#: draft-chu-ldap-csn: when, how many before it in the same moment, whose, and which part of a change.
_CSN: Final = re.compile(r"(?P<time>[0-9]{14})\.[0-9]{6}Z#[0-9a-f]{6}#(?P<server>[0-9a-f]{3})#[0-9a-f]{6}")
_UNREADABLE: Final = "the last reading left a position that can't be read"


class Unproved(Exception):
    """What changed can't be told from what didn't; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where an Active Directory stood when it was asked: all that it does afterwards has a greater number.

    Each domain controller counts what is written into its own database. The numbers mean nothing to
    another one, nor to the same one once its database was restored, which then has another
    ``invocationId`` (MS-ADTS 3.1.1.1.9; ``uSNChanged``: MS-ADTS 3.1.1.1.8).

    Attributes:
        stamp: The attribute with the position at which an entry last changed.
        born: The attribute that says when an entry came to be.
        identity: The attribute that identifies an entry for good, whatever it is.
        by_name: Whether references to an entry stay as they are when its name changes.
    """

    database: str
    number: int

    stamp: ClassVar[str] = "uSNChanged"
    born: ClassVar[str] = "uSNCreated"
    identity: ClassVar[str] = "objectGUID"
    by_name: ClassVar[bool] = False

    @classmethod
    def asked(cls, ask: Searcher, bases: Sequence[str]) -> Self:  # noqa: ARG003 - it counts for all of them
        """Where the directory stands now.

        Args:
            bases: What of it is going to be read.

        Raises:
            SourceUnavailable: It doesn't answer.
            Unproved: It doesn't say.
        """
        root = _shown(ask, "", "highestCommittedUSN", "dsServiceName")
        settings = root.texts("dsServiceName")
        if len(settings) != 1:
            raise Unproved("the server doesn't say which domain controller it is (dsServiceName)")
        database = _shown(ask, settings[0], "invocationId").values("invocationId")
        if len(database) != 1 or len(database[0]) != 16:
            raise Unproved(f"who asks can't read invocationId of {ascii(settings[0])[:200]}")
        return cls(database[0].hex(), _number(root, "highestCommittedUSN"))

    @classmethod
    def read(cls, written: object) -> Self:
        """The position that :attr:`written` is.

        Raises:
            Unproved: It is none.
        """
        match written:
            case [str(database), int(number)] if _DATABASE.fullmatch(database):
                return cls(database, number)
        raise Unproved(_UNREADABLE)

    @property
    def written(self) -> list[str | int]:
        """The position, for JSON."""
        return [self.database, self.number]

    def check(self, now: Self) -> None:
        """Whether the directory came from here to there.

        Raises:
            Unproved: It is another one, or it went back.
        """
        if now.database != self.database:
            raise Unproved("another domain controller answers than last time, or its database was restored")
        if now.number < self.number:
            raise Unproved("the domain controller went back to an earlier state")

    def later(self, now: Self) -> str:  # noqa: ARG002 - one number needs no other
        """The filter that fits whatever changed after this position."""
        return f"({self.stamp}>={self.number + 1})"

    def is_before(self, entry: Entry) -> bool:
        """Whether an entry changed after this position.

        Raises:
            Unproved: It doesn't show that.
        """
        return _number(entry, self.stamp) > self.number

    def is_before_birth(self, entry: Entry) -> bool:
        """Whether an entry that changed after this position wasn't there at it."""
        return _number(entry, self.born) > self.number


@dataclass(frozen=True, slots=True)
class States:
    """Where an OpenLDAP stood when it was asked (``contextCSN``); its methods are as those of Numbers.

    It shows that where the overlay ``syncprov`` is, or where the database is a replica. A date alone
    (``modifyTimestamp``) proves nothing: what another server changed earlier may arrive later.

    Attributes:
        last: The last change of each server whose changes come together there, by its number.
    """

    last: Mapping[str, str]

    stamp: ClassVar[str] = "entryCSN"
    born: ClassVar[str] = "createTimestamp"
    identity: ClassVar[str] = "entryUUID"
    by_name: ClassVar[bool] = True

    @classmethod
    def asked(cls, ask: Searcher, bases: Sequence[str]) -> Self:
        """Where the directory stands now."""
        contexts = [name for name in _shown(ask, "", "namingContexts").texts("namingContexts") if name]
        above = [name for name in contexts if all(escaping.is_below(base, name) for base in bases)]
        if not above:
            raise Unproved("people and groups aren't in one of the server's databases (namingContexts)")
        suffix = max(above, key=len)
        found = _shown(ask, suffix, "contextCSN").texts("contextCSN")
        if not found:
            who = "the overlay syncprov isn't there, or hidden from who asks"
            raise Unproved(f"{ascii(suffix)[:200]} has no contextCSN: {who}")
        return cls.read(found)

    @classmethod
    def read(cls, written: object) -> Self:
        """The position that :attr:`written` is."""
        last: dict[str, str] = {}
        for text in written if isinstance(written, list) else ():
            match = _CSN.fullmatch(text) if isinstance(text, str) else None
            if match is None or match["server"] in last:
                raise Unproved(_UNREADABLE)
            last[match["server"]] = match[0]
        if not last:
            raise Unproved(_UNREADABLE)
        return cls(MappingProxyType(last))

    @property
    def written(self) -> list[str]:
        """The position, for JSON."""
        return sorted(self.last.values())

    def check(self, now: Self) -> None:
        """Whether the directory came from here to there."""
        if now.last.keys() != self.last.keys():
            raise Unproved("changes of other servers come together there than last time")
        if any(now.last[server] < change for server, change in self.last.items()):
            raise Unproved("the directory went back to an earlier state")

    def later(self, now: Self) -> str:
        """The filter that fits whatever changed after this position, and some of what is older."""
        return f"({self.stamp}>={escaping.filter_value(self._first_left(now))})"

    def is_before(self, entry: Entry) -> bool:
        """Whether an entry changed after this position."""
        found = entry.values(self.stamp)
        match = _CSN.fullmatch(found[0].decode("ascii", "replace")) if len(found) == 1 else None
        if match is None:
            raise Unproved(f"who asks can't read {self.stamp} of {entry.shown}")
        return match[0] > self.last.get(match["server"], "")

    def is_before_birth(self, entry: Entry) -> bool:
        """Whether an entry that changed wasn't there. By dates: who asks has to see whether that holds."""
        latest = max(self.last.values())
        return any(born[:14] >= latest[:14] for born in entry.texts(self.born))

    def _first_left(self, now: Self) -> str:
        """The earliest position of a server that went on from it."""
        return min(
            [change for server, change in self.last.items() if now.last[server] != change]
            or self.last.values()
        )


Place = TypeVar("Place", Numbers, States)


def _shown(ask: Searcher, dn: str, *attributes: str) -> Entry:
    try:
        found = ask.search(dn, BASE, "(objectClass=*)", attributes, most=1)
    except Lost:
        raise
    except SourceUnavailable as error:
        raise Unproved(error.detail) from error
    if len(found) != 1:
        raise Unproved(f"who asks can't read {ascii(dn)[:200] if dn else 'what the server says of itself'}")
    return found[0]


def _number(entry: Entry, attribute: str) -> int:
    found = entry.values(attribute)
    if len(found) != 1 or not _NUMBER.fullmatch(found[0]):
        raise Unproved(f"who asks can't read {attribute} of {entry.shown if entry.dn else 'the server'}")
    return int(found[0])
