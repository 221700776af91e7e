"""Whose member a person is: memberOf, a search for members, nested groups, primary groups."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.entries import BASE, SUBTREE, Entry, Searcher
from saml_wsgi.errors import Refused, SourceUnavailable

#: A person with more groups than this is refused by the resolver anyway.
MOST: Final = 10_000
#: Groups are followed through so many others, less one.
DEEPEST: Final = 10
#: In what a group names its members (RFC 4519, 2.17 and 2.40).
MEMBERS: Final = ("member", "uniqueMember")
_AT_ONCE: Final = 50
#: MS-ADTS 3.1.1.3.4.4.3: LDAP_MATCHING_RULE_TRANSITIVE_EVAL.
_IN_CHAIN: Final = "member:1.2.840.113556.1.4.1941:"
_RANGE: Final = re.compile(
    r"(?P<name>[^;]+);range=(?P<first>[0-9]{1,9})-(?P<last>[0-9]{1,9}|\*)", re.IGNORECASE
)


class TooManyGroups(SourceUnavailable):
    """Somebody is in more groups, or in deeper ones, than are followed: nobody is told a part of them."""


@dataclass(frozen=True, slots=True)
class Membership:
    """How a person's groups are found.

    Attributes:
        way: One of :data:`~saml_wsgi.directories.ldap.presets.GROUP_WAYS`.
        base: Where groups are; others don't count.
        wanted: The filter that a group fits.
        name: The attribute that names a group, or ``dn``.
        nested: Whether groups of groups count, by walking (``member``).
        primary: Whether ``primaryGroupID`` names one more.
        domain: The upper end of the directory: a chain (``in_chain``) may lead through any group below it.
    """

    way: str
    base: str
    wanted: str
    name: str = "cn"
    nested: bool = False
    primary: bool = False
    domain: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a person's entry is asked for."""
        needed = ("primaryGroupID", "objectSid") if self.primary else ()
        return (*needed, "memberOf") if self.way == "memberOf" else needed

    @property
    def group_attributes(self) -> tuple[str, ...]:
        """What a group's entry is asked for, to be named."""
        return ("cn" if self.name == "dn" else self.name,)

    def of(self, person: Entry, uid: str, ask: Searcher) -> tuple[str, ...] | None:
        """The names of a person's groups, sorted; None if nobody is to know.

        Args:
            uid: The value of the person's username, for ``memberUid``.

        Raises:
            SourceUnavailable: The directory doesn't say all of them.
            TooManyGroups: There are too many.
            Refused: ``attribute_unusable``: one has a name that can't be used.
        """
        if self.way == "none":
            return None
        return self.beside(self.primary_groups(person, ask), person, uid, ask)

    def beside(self, primary: list[Entry], person: Entry, uid: str, ask: Searcher) -> tuple[str, ...]:
        """As :meth:`of`, where it is known which groups are the person's by ``primaryGroupID``."""
        if self.way == "memberOf":
            found = self.in_entry(person, ask)
            found |= {self.named(group) for group in primary}
        else:
            found = {self.named(group) for group in self._groups(person, uid, primary, ask)}
        if len(found) > MOST:
            raise too_many(person)
        return tuple(sorted(found))

    def in_entry(self, person: Entry, ask: Searcher | None = None) -> set[str]:
        """The names of the groups that a person's entry names (``memberOf``).

        Args:
            ask: None: the entry :func:`is_partial` in no attribute.
        """
        found: set[str] = set()
        count = 0
        for values in portions(person, "memberOf", ask):
            count += len(values)
            if count > MOST:
                raise too_many(person)
            for value in values:
                name = _name_in(value, self.base, self.name)
                if name is None:
                    detail = f"memberOf of {person.shown} has what names no group"
                    raise Refused("attribute_unusable", detail)
                if name:
                    found.add(name)
        return found

    def primary_groups(self, person: Entry, ask: Searcher) -> list[Entry]:
        """The group whose security identifier is the person's, with another end (MS-DTYP 2.4.2)."""
        if not self.primary:
            return []
        sid, numbers = person.values("objectSid"), person.texts("primaryGroupID")
        if not sid or not numbers:
            return []
        if len(sid[0]) < 12 or not re.fullmatch("[0-9]{1,10}", numbers[0]) or int(numbers[0]) >= 2**32:
            detail = f"objectSid or primaryGroupID of {person.shown} can't be read"
            raise Refused("attribute_unusable", detail)
        wanted = sid[0][:-4] + struct.pack("<I", int(numbers[0]))
        return self._search(escaping.equals("objectSid", wanted), ask)

    def named(self, group: Entry) -> str:
        """The name of a group.

        Raises:
            Refused: ``attribute_unusable``: it has none. It may be one that is denied.
        """
        if self.name == "dn":
            return group.dn
        found = group.texts(self.name)
        if len(found) > 1:
            parts = escaping.parts(group.dn)
            if parts and parts[0].kind == self.name.lower():
                return parts[0].value
        if not found or not found[0]:
            raise Refused("attribute_unusable", f"the group {group.shown} has no {self.name}")
        return min(found)

    def _groups(self, person: Entry, uid: str, primary: list[Entry], ask: Searcher) -> list[Entry]:
        if self.way == "memberUid":
            return [*(self._search(escaping.equals("memberUid", uid), ask) if uid else ()), *primary]
        if self.way == "in_chain":
            within = escaping.either([escaping.equals(_IN_CHAIN, e.dn) for e in (person, *primary)])
            return [*self._search(within, ask), *primary]
        return self._walked(person, primary, ask)

    def _walked(self, person: Entry, primary: list[Entry], ask: Searcher) -> list[Entry]:
        """Groups that name the person, then those that name these: each once, so that loops end."""
        found = {escaping.identity(group.dn): group for group in primary}
        asked = [person.dn]
        if self.nested:
            asked += (group.dn for group in primary)
        for _ in range(DEEPEST if self.nested else 1):
            fresh: list[str] = []
            for start in range(0, len(asked), _AT_ONCE):
                batch = asked[start : start + _AT_ONCE]
                wanted = [escaping.equals(attribute, dn) for dn in batch for attribute in MEMBERS]
                for group in self._search(escaping.either(wanted), ask):
                    key = escaping.identity(group.dn)
                    if key not in found:
                        found[key] = group
                        fresh.append(group.dn)
            asked = fresh
            if len(found) > MOST:
                raise too_many(person)
            if not asked:
                return list(found.values())
        if self.nested:
            raise too_deep(person)
        return list(found.values())

    def _search(self, members: str, ask: Searcher) -> list[Entry]:
        found = ask.search(self.base, SUBTREE, f"(&{self.wanted}{members})", self.group_attributes, most=MOST)
        if len(found) > MOST:
            raise TooManyGroups(f"somebody has more than {MOST} groups")
        return found


def too_many(person: Entry) -> TooManyGroups:
    """What is said of somebody with more than :data:`MOST` groups."""
    return TooManyGroups(f"{person.shown} has more than {MOST} groups")


def too_deep(person: Entry) -> TooManyGroups:
    """What is said of somebody whose groups don't end within :data:`DEEPEST`."""
    return TooManyGroups(f"groups of {person.shown} are nested more than {DEEPEST} deep")


@functools.lru_cache(maxsize=20_000)
def _name_in(value: bytes, base: str, name: str) -> str | None:
    """The name of the group that a ``memberOf`` names; ``""``: it is none that counts; None: it's no name."""
    try:
        (dn,) = Entry("", {"memberof": (value,)}).texts("memberOf")
    except Refused:
        return None
    if not escaping.is_below(dn, base):
        return ""
    if name == "dn":
        return dn
    parts = escaping.parts(dn)
    return (parts[0].value or None) if parts else None


def is_partial(entry: Entry, attribute: str) -> bool:
    """Whether the server tells the values of an attribute in portions (MS-ADTS 3.1.1.3.1.3.3)."""
    return _portion(entry, attribute) is not None


def portions(entry: Entry, attribute: str, ask: Searcher | None) -> Iterator[Sequence[bytes]]:
    """All values, also where the server tells them in portions.

    Args:
        ask: None if the entry :func:`is_partial` in nothing.

    Raises:
        SourceUnavailable: It doesn't tell all of them.
    """
    values = entry.values(attribute)
    yield values
    dn, count = entry.dn, len(values)
    portion = _portion(entry, attribute)
    while portion is not None:
        match, values = portion
        if int(match["first"]) != count or (not values and match["last"] != "*"):
            break
        count += len(values)
        yield values
        if match["last"] == "*":
            return
        if int(match["last"]) + 1 != count or ask is None:
            break
        answers = ask.search(dn, BASE, "(objectClass=*)", [f"{attribute};range={count}-*"], most=1)
        portion = _portion(answers[0], attribute) if len(answers) == 1 else None
    else:
        if count == len(entry.values(attribute)):
            return
    raise SourceUnavailable(f"not all values of {attribute} of {entry.shown} can be read")


def _portion(entry: Entry, attribute: str) -> tuple[re.Match[str], tuple[bytes, ...]] | None:
    for name, values in entry.attributes.items():
        match = _RANGE.fullmatch(name) if ";" in name else None
        if match is not None and match["name"].lower() == attribute.lower():
            return match, values
    return None
