"""Whose member a person is: memberOf, a search for members, nested groups, primary groups."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from saml_wsgi import names
from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.entries import BASE, SUBTREE, Entry, Searcher
from saml_wsgi.errors import Refused, SourceUnavailable

#: A person with more groups than this is refused by the resolver anyway.
MOST: Final = 10_000
_DEEPEST: Final = 10
_AT_ONCE: Final = 50
#: MS-ADTS 3.1.1.3.4.4.3: LDAP_MATCHING_RULE_TRANSITIVE_EVAL.
_IN_CHAIN: Final = "member:1.2.840.113556.1.4.1941:"
_RANGE: Final = re.compile(
    r"(?P<name>[^;]+);range=(?P<first>[0-9]{1,9})-(?P<last>[0-9]{1,9}|\*)", re.IGNORECASE
)


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
    """

    way: str
    base: str
    wanted: str
    name: str = "cn"
    nested: bool = False
    primary: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a person's entry is asked for."""
        needed = ("primaryGroupID", "objectSid") if self.primary else ()
        return (*needed, "memberOf") if self.way == "memberOf" else needed

    def of(self, person: Entry, uid: str, ask: Searcher) -> tuple[str, ...] | None:
        """The names of a person's groups, sorted; None if nobody is to know.

        Args:
            uid: The value of the person's username, for ``memberUid``.

        Raises:
            SourceUnavailable: The directory doesn't say all of them.
            Refused: ``attribute_unusable``: one has a name that can't be used.
        """
        if self.way == "none":
            return None
        if self.way == "memberOf":
            found = set(self._names_in(person, ask))
            found |= {self._named(group) for group in self._primary(person, ask)}
        else:
            found = {self._named(group) for group in self._groups(person, uid, ask)}
        if len(found) > MOST:
            raise SourceUnavailable(f"{person.shown} has more than {MOST} groups")
        return tuple(sorted(found))

    def _groups(self, person: Entry, uid: str, ask: Searcher) -> list[Entry]:
        if self.way == "memberUid":
            return self._search(escaping.equals("memberUid", uid), ask) if uid else []
        if self.way == "in_chain":
            primary = self._primary(person, ask)
            within = escaping.either([escaping.equals(_IN_CHAIN, e.dn) for e in (person, *primary)])
            return [*self._search(within, ask), *primary]
        return self._walked(person, ask)

    def _walked(self, person: Entry, ask: Searcher) -> list[Entry]:
        """Groups that name the person, then those that name these: each once, so that loops end."""
        found: dict[str, Entry] = {}
        asked = [person.dn]
        for _ in range(_DEEPEST if self.nested else 1):
            fresh: list[str] = []
            for start in range(0, len(asked), _AT_ONCE):
                batch = asked[start : start + _AT_ONCE]
                wanted = [
                    escaping.equals(attribute, dn) for dn in batch for attribute in ("member", "uniqueMember")
                ]
                for group in self._search(escaping.either(wanted), ask):
                    if names.key(group.dn) not in found:
                        found[names.key(group.dn)] = group
                        fresh.append(group.dn)
            asked = fresh
            if len(found) > MOST:
                raise SourceUnavailable(f"{person.shown} has more than {MOST} groups")
            if not asked:
                return list(found.values())
        if self.nested:
            raise SourceUnavailable(f"groups of {person.shown} are nested more than {_DEEPEST} deep")
        return list(found.values())

    def _search(self, members: str, ask: Searcher) -> list[Entry]:
        attributes = ["cn" if self.name == "dn" else self.name]
        found = ask.search(self.base, SUBTREE, f"(&{self.wanted}{members})", attributes, most=MOST)
        if len(found) > MOST:
            raise SourceUnavailable(f"somebody has more than {MOST} groups")
        return found

    def _primary(self, person: Entry, ask: Searcher) -> list[Entry]:
        """The group whose security identifier is the person's, with another end (MS-DTYP 2.4.2)."""
        sid, numbers = person.values("objectSid"), person.texts("primaryGroupID")
        if not self.primary or not sid or not numbers:
            return []
        if len(sid[0]) < 12 or not re.fullmatch("[0-9]{1,10}", numbers[0]) or int(numbers[0]) >= 2**32:
            raise SourceUnavailable(f"objectSid or primaryGroupID of {person.shown} can't be read")
        wanted = sid[0][:-4] + struct.pack("<I", int(numbers[0]))
        return self._search(escaping.equals("objectSid", wanted), ask)

    def _names_in(self, person: Entry, ask: Searcher) -> list[str]:
        found: list[str] = []
        for text in _all_values(person, "memberOf", ask):
            if not escaping.is_below(text, self.base):
                continue
            found.append(text if self.name == "dn" else self._first(text))
        return found

    def _first(self, dn: str) -> str:
        parts = escaping.parts(dn)
        if parts is None or not parts[0].value:
            raise Refused("attribute_unusable", f"{ascii(dn)[:200]} doesn't name a group")
        return parts[0].value

    def _named(self, group: Entry) -> str:
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


def _all_values(person: Entry, attribute: str, ask: Searcher) -> list[str]:
    """All values, also where the server tells them in portions (MS-ADTS 3.1.1.3.1.3.3)."""
    found = person.texts(attribute)
    entry = person
    while len(found) <= MOST:
        portion = next(
            (
                (match, name)
                for name in entry.attributes
                if (match := _RANGE.fullmatch(name)) and match["name"].lower() == attribute.lower()
            ),
            None,
        )
        if portion is None:
            return found
        match, name = portion
        values = entry.texts(name)
        found += values
        if match["last"] == "*":
            return found
        following = int(match["last"]) + 1
        if following != len(found):
            break
        answers = ask.search(person.dn, BASE, "(objectClass=*)", [f"{attribute};range={following}-*"], most=1)
        if len(answers) != 1 or not answers[0].attributes:
            break
        entry = answers[0]
    raise SourceUnavailable(f"not all values of {attribute} of {person.shown} can be read")
