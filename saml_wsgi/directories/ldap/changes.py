"""What changed in a directory since it was last read, where that can be proved; else everybody is read.

No server tells who went away to somebody who may only read: what was deleted is hidden from them, and
whoever was moved is simply somewhere else. So before changes are read, the identifiers of all who are
there are, and nothing else of them. If these are the ones of the last reading and of those who came since,
then nobody went away, and who changed is known. If not, or if any group changed, everybody is read.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Generic

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry
from saml_wsgi.directories.ldap.people import People
from saml_wsgi.directories.ldap.positions import Numbers, Place, States, Unproved
from saml_wsgi.directories.ldap.reader import Reader
from saml_wsgi.errors import Refused

_SIZE: Final = 16
_ROLL: Final = re.compile(r"[0-9]{1,12}:[0-9a-f]{32}")
#: Beyond this many, reading everybody costs little more, and memory stays flat.
_MOST: Final = 10_000
_DAY: Final = 86_400
#: Days of ``shadowExpire`` that are asked for one by one: it has no order there (RFC 2307, 3).
_DAYS: Final = 40
#: Seconds by which the clocks of two machines may differ that read one after the other.
_SKEW: Final = 300
#: Between 1601, from which Windows counts in units of 100 ns, and 1970.
_EPOCH: Final = 11_644_473_600


@dataclass(frozen=True, slots=True)
class Plan:
    """How a population is to be read.

    Attributes:
        complete: Whether everybody is to be read.
        why: Why everybody is; ``""``: no reason is needed.
        extra_filter: What those fit, besides, who may have changed; ``""`` where everybody is read.
    """

    complete: bool
    why: str
    extra_filter: str
    _tally: _Tally | None

    def saw(self, page: Iterable[Entry]) -> None:
        """To be told of each page of people as it is read."""
        if self._tally is not None:
            self._tally.saw(page)

    @property
    def cursor(self) -> str:
        """Where another reading can begin, once the last page was seen; ``""``: it can't."""
        return "" if self._tally is None else self._tally.cursor


def begin(reader: Reader, people: People, since: str, *, preset: str, size: int, page_timeout: float) -> Plan:
    """Find out how a population is to be read: to be asked before anything of it is, of the same server.

    Args:
        since: The cursor of an earlier reading of the same people, or ``""``.
        preset: Its name; JumpCloud's directory shows no changes.
        size: How many entries a page has.
        page_timeout: Seconds for each page.

    Raises:
        SourceUnavailable: The directory doesn't answer, or only in part.
    """
    if preset == "active_directory":
        return _Survey(Numbers, reader, people, size, page_timeout).plan(since)
    if preset == "openldap":
        return _Survey(States, reader, people, size, page_timeout).plan(since)
    return Plan(complete=True, why="", extra_filter="", _tally=None)


class _Roll:
    """A set of entries in a few bytes, the same for the same ones in any order."""

    def __init__(self, written: str = "0:0") -> None:
        count, _, total = written.partition(":")
        self._count, self._total = int(count), int(total, 16)

    def add(self, mark: int) -> None:
        self._count += 1
        self._total = (self._total + mark) % (1 << 8 * _SIZE)

    def __str__(self) -> str:
        return f"{self._count}:{self._total:0{2 * _SIZE}x}"


class _Tally:
    """A cursor while its reading goes on.

    Args:
        place: What is known of it before.
        people: Who is there, if that is known already; else all count who are seen.
        due: Those who have to be seen.
    """

    def __init__(
        self,
        people: People,
        place: dict[str, Any],
        *,
        by_name: bool,
        there: str = "",
        due: set[int] | None = None,
    ) -> None:
        self._key = people.key
        self._by_name = by_name
        self._place: dict[str, Any] | None = place
        self._there = there
        self._roll = _Roll()
        self._due = due or set()

    def saw(self, page: Iterable[Entry]) -> None:
        if self._place is None or (self._there and not self._due):
            return
        for entry in page:
            mark = _mark(entry, self._key, by_name=self._by_name)
            if mark is None:
                self._place = None
                return
            if self._there:
                self._due.discard(mark)
            else:
                self._roll.add(mark)

    @property
    def cursor(self) -> str:
        if self._place is None or self._due:
            return ""  # who changed and wasn't shown comes with everybody
        return json.dumps(self._place | {"people": self._there or str(self._roll)}, separators=(",", ":"))


class _Survey(Generic[Place]):
    """What is asked before a reading."""

    def __init__(
        self, kind: type[Place], reader: Reader, people: People, size: int, page_timeout: float
    ) -> None:
        self._kind: type[Place] = kind
        self._reader = reader
        self._people = people
        self._size = size
        self._page_timeout = page_timeout
        self._began = int(time.time())
        self._groups = _groups(kind, people)

    def plan(self, since: str) -> Plan:
        why = ""
        try:
            if since:
                return self._changes(since)
        except (Unproved, Refused) as error:
            why = _said(error)
        tally: _Tally | None = None
        try:
            position = self._position()
            self._try_people()
            tally = self._tally(position, self._roll_of_groups())
        except (Unproved, Refused) as error:
            why = _said(error)
        return Plan(complete=True, why=why, extra_filter="", _tally=tally)

    def _changes(self, since: str) -> Plan:
        place = _read(since)
        before = self._kind.read(place["at"])
        changed = _expired(self._people.state, place["when"], self._began)
        now = self._position()
        before.check(now)
        changed.append(before.later(now))
        there: str = place["people"]
        due: set[int] = set()
        # Where nothing at all was written there is nothing to look for.
        if now != before:
            if self._roll_of_groups(before) != place["groups"]:
                raise Unproved("groups came, went, or have other names or places")
            there, due = self._roll_of_people(before, there)
        tally = self._tally(now, place["groups"], there=there, due=due)
        return Plan(complete=False, why="", extra_filter=escaping.either(changed), _tally=tally)

    def _position(self) -> Place:
        return self._kind.asked(self._reader, [self._people.base, *(base for base, _ in self._groups)])

    def _tally(self, position: Place, groups: str, *, there: str = "", due: set[int] | None = None) -> _Tally:
        place = {"at": position.written, "when": self._began, "groups": groups}
        return _Tally(self._people, place, by_name=self._kind.by_name, there=there, due=due)

    def _try_people(self) -> None:
        """Whether somebody shows what changes are told by: else the next reading would try in vain."""
        needed = (self._people.key, self._kind.stamp, self._kind.born)
        found = self._reader.search(self._people.base, SUBTREE, self._people.wanted, needed, most=1)
        for attribute in needed:
            if not all(entry.values(attribute) for entry in found):
                raise Unproved(f"who asks can't read {attribute} of everybody")

    def _roll_of_groups(self, before: Place | None = None) -> str:
        """Which groups there are; none of them may have changed."""
        roll = _Roll()
        needed = (self._kind.identity, self._kind.stamp)
        for base, wanted in self._groups:
            for entry in self._read(base, wanted, needed):
                # A group's name and place may say whether it counts, and how it is called.
                mark = _mark(entry, self._kind.identity, by_name=True)
                if mark is None:
                    raise Unproved(f"who asks can't read {self._kind.identity} of {entry.shown}")
                if before is not None and before.is_before(entry):
                    raise Unproved(f"a group changed: {entry.shown}")
                roll.add(mark)
        return str(roll)

    def _roll_of_people(self, before: Place, known: str) -> tuple[str, set[int]]:
        """Who is there, and who of them changed."""
        roll, former = _Roll(), _Roll()
        due: set[int] = set()
        needed = (self._people.key, self._kind.stamp, self._kind.born)
        for entry in self._read(self._people.base, self._people.wanted, needed):
            mark = _mark(entry, self._people.key, by_name=self._kind.by_name)
            if mark is None:
                raise Unproved(f"who asks can't read {self._people.key} of {entry.shown}")
            roll.add(mark)
            if not before.is_before(entry):
                former.add(mark)
                continue
            if len(due) == _MOST:
                raise Unproved(f"more than {_MOST} people changed")
            due.add(mark)
            if not before.is_before_birth(entry):
                former.add(mark)
        if str(former) != known:
            raise Unproved("people went, came back, or have another name or place")
        return str(roll), due

    def _read(self, base: str, wanted: str, attributes: Sequence[str]) -> Iterator[Entry]:
        for page in self._reader.pages(
            base, SUBTREE, wanted, attributes, size=self._size, page_timeout=self._page_timeout
        ):
            yield from page


def _groups(kind: type[Numbers | States], people: People) -> list[tuple[str, str]]:
    """Where all groups are through which somebody may be a member of one, and what fits them."""
    membership = people.membership
    if membership.way == "none":
        return []
    if kind is Numbers:
        return [(membership.domain or membership.base, "(objectClass=group)")]
    if membership.way == "memberOf":
        # It may name what isn't a group anywhere else.
        return [(membership.base, f"(!{people.wanted})")]
    return [(membership.base, membership.wanted)]


def _expired(state: Sequence[str], since: int, until: int) -> list[str]:
    """Filters for those whose account came to its end meanwhile: nobody needs to write that down."""
    found: list[str] = []
    first, last = min(since, until) - _SKEW, until + _SKEW
    if "accountExpires" in state:
        low, high = ((moment + _EPOCH) * 10_000_000 for moment in (first, last))
        found.append(f"(&(accountExpires>={low})(accountExpires<={high}))")
    if "shadowExpire" in state:
        days = range(first // _DAY, last // _DAY + 1)
        if len(days) > _DAYS:
            raise Unproved(f"the last reading is more than {_DAYS} days ago")
        found += [f"(shadowExpire={day})" for day in days]
    return found


def _mark(entry: Entry, attribute: str, *, by_name: bool) -> int | None:
    """What stands for an entry in a roll; None: it has nothing that identifies it."""
    values = entry.values(attribute)
    if len(values) == 1:
        text = values[0]
    else:
        text = b"".join(b"%d:%b" % (len(value), value) for value in sorted(values))
    if not text:
        return None
    if by_name:
        text += b"\0" + entry.dn.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_SIZE).digest(), "big")


def _read(since: str) -> dict[str, Any]:
    try:
        place = json.loads(since)
    except ValueError:
        place = None
    match place:
        case {"at": list(), "when": int(), "groups": str(groups), "people": str(people)} if _ROLL.fullmatch(
            groups
        ) and _ROLL.fullmatch(people):
            return dict(place)
    raise Unproved("the last reading left a place that can't be read")


def _said(error: Unproved | Refused) -> str:
    return error.detail if isinstance(error, Refused) else str(error)
