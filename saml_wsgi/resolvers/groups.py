"""Which groups somebody is in: what the assertion says, in the application's names, within limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Problems
from saml_wsgi.resolvers.distinguished import DistinguishedName, parse
from saml_wsgi.resolvers.transformation import check_length, compiled

#: Of so many groups a record tells why they were left; somebody may be in thousands.
MOST_LEFT: Final = 100

_DN: Final = "dn:"


class AssertedGroup(NamedTuple):
    """One group of the assertion: as it was said, and as ``attributes.groups.…`` changed it."""

    said: str
    text: str


@dataclass(frozen=True, slots=True)
class MappedGroups:
    """What the assertion says, in the application's terms.

    Attributes:
        names: The groups, sorted, each once.
        keyed: The same by :func:`saml_wsgi.names.key`.
        left: Why something that was asserted is in none of them.
        said: Every name under which a group was asserted, before and after it was changed.
    """

    names: tuple[str, ...] = ()
    keyed: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)
    said: frozenset[str] = frozenset()


class _Pattern(NamedTuple):
    pattern: re.Pattern[str]
    right: tuple[str, ...]


class _Lines(NamedTuple):
    """The lines of ``groups.map``, read."""

    exact: Mapping[str, Sequence[str]]
    literal: Mapping[str, Sequence[str]]
    dns: Mapping[object, Sequence[str]]
    patterns: Sequence[_Pattern]


@dataclass(frozen=True, slots=True)
class GroupRules:
    r"""How groups are named and written (``groups.*``). Names are compared by :func:`saml_wsgi.names.key`.

    Attributes:
        separator: What stands between groups within one value; ``""``: a value is one group. A group whose
            name holds it counts as several: nobody who names groups may use it.
        map: Lines of what is asserted and what it is called here. The left side is a name, ``/a regular
            expression/`` that matches a whole name, or ``dn:`` and a distinguished name. The right side
            is a name, or several with ``|`` between them; behind a regular expression ``\1`` is its
            first group. All lines that match count.
        unmapped: What becomes of a group that no line matches: ``keep`` or ``drop``.
        dn: What a distinguished name is called: ``whole``, or ``cn``, the value of its first RDN.
            Lines that begin with ``dn:`` always look at all of it.
        default: Groups of everybody who signs in.
        managed: Names, or patterns with ``*``. Inside, memberships follow the assertion exactly; outside
            they are neither added nor removed.
        create: Whether groups that nobody made may be joined.
        privileged: Groups that come only from a line of ``map`` that names what was asserted exactly:
            by its name, letter for letter, or as ``dn:``. What was cut out of a distinguished name, was
            replaced or matches a regular expression doesn't open them.

    Raises:
        ConfigurationError: Something can't be meant; the problems' keys are those of the options.
    """

    separator: str = ""
    map: tuple[tuple[str, str], ...] = ()
    unmapped: str = "keep"
    dn: str = "whole"
    default: tuple[str, ...] = ()
    managed: tuple[str, ...] = ("*",)
    create: bool = True
    privileged: tuple[str, ...] = ()
    _lines: _Lines = field(init=False, repr=False, compare=False)
    _globs: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)
    _privileged: frozenset[str] = field(init=False, repr=False, compare=False)
    _named: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = Problems()
        for option, value, known in (
            ("groups.unmapped", self.unmapped, ("keep", "drop")),
            ("groups.dn", self.dn, ("whole", "cn")),
        ):
            if value not in known:
                problems.add(option, f"It is {value!r}.", f"Write {' or '.join(known)}.")
        for option, listed in (
            ("groups.default", self.default),
            ("groups.managed", self.managed),
            ("groups.privileged", self.privileged),
        ):
            if not all(name.strip() for name in listed):
                problems.add(option, "A name is empty.", "Write a group's name.")
        for name in (name for name in self.privileged if "*" in name):
            reason = f"{name!r} is a pattern, and would protect no group."
            problems.add("groups.privileged", reason, "Write each group's name.")
        privileged = frozenset(names.key(name) for name in self.privileged)
        for name in self.default:
            if names.key(name) in privileged:
                reason = f"{name} is privileged, and everybody would be in it."
                problems.add("groups.default", reason, "Take it out of one of the two lists.")
        lines = _read(self.map, problems)
        problems.raise_if_fatal()
        globs = tuple(tuple(names.key(pattern).split("*")) for pattern in self.managed)
        # What a line or a list names exactly is known; a backreference could be anything.
        known_names = [*self.default, *(name for name in self.managed if "*" not in name)]
        for rights in (*lines.exact.values(), *lines.dns.values()):
            known_names.extend(rights)
        for line in lines.patterns:
            known_names.extend(right for right in line.right if "\\" not in right)
        object.__setattr__(self, "_lines", lines)
        object.__setattr__(self, "_globs", globs)
        object.__setattr__(self, "_privileged", privileged)
        object.__setattr__(self, "_named", frozenset(map(names.key, known_names)))

    # -- what the assertion says --

    def mapped(self, asserted: Iterable[AssertedGroup]) -> MappedGroups:
        """What was asserted, under the names that it has here.

        Raises:
            Refused: ``attribute_unusable``, if a regular expression makes a name of more than 256
                characters.
        """
        found: dict[str, str] = {}
        left: dict[str, str] = {}
        said: set[str] = set()
        for group in sorted(set(asserted)):
            if not group.text:
                said.add(group.said)
                continue
            dn = parse(group.text) if "=" in group.text else None
            name = (dn.first.strip() or group.text) if dn is not None and self.dn == "cn" else group.text
            said.update((group.said, group.text, name))
            rights = self._rights(group, name, dn) if self.map else ()
            for right, exact in rights:
                if right:
                    self._join(right, found, left, exact=exact)
            if rights:
                continue
            if self.unmapped == "keep":
                self._join(name, found, left, exact=False)
            else:
                left.setdefault(name, "no line of groups.map matches it")
        left = {name: why for name, why in left.items() if names.key(name) not in found}
        return MappedGroups(tuple(sorted(found.values())), found, left, frozenset(said))

    def _rights(
        self, group: AssertedGroup, name: str, dn: DistinguishedName | None
    ) -> list[tuple[str, bool]]:
        """The right sides of all lines that match, and whether the line names what was asserted exactly.

        A right side is ``""`` where a line matches and makes no group of it.
        """
        key = names.key(name)
        literal = self._lines.literal.get(group.said, ())
        found = [(right, right in literal) for right in self._lines.exact.get(key, ())]
        if dn is not None:
            same = group.said == group.text or _same(parse(group.said), dn)
            found.extend((right, same) for right in self._lines.dns.get(dn.key, ()))
        for pattern, rights in self._lines.patterns:
            match = pattern.fullmatch(name)
            if match is not None:
                for right in rights:
                    expanded = match.expand(right).strip()
                    check_length(expanded, "groups.map")
                    found.append((expanded, False))
        return found

    def _join(self, name: str, found: dict[str, str], left: dict[str, str], *, exact: bool) -> None:
        key = names.key(name)
        if key in self._privileged and not exact:
            left.setdefault(name, "privileged, and no line of groups.map names what was asserted exactly")
        else:
            found.setdefault(key, name)

    # -- what the user becomes --

    def memberships(
        self,
        current: Sequence[str],
        asserted: MappedGroups | None,
        known: Callable[[Sequence[str]], Iterable[str]] | None = None,
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """The groups that the user is to be in, sorted, and why others that were asserted are left.

        The same tuple as ``current`` if nothing changes, so that nothing is written.

        Args:
            asserted: None: the assertion doesn't say. Nothing is removed then.
            known: Which of some names are groups already; asked only of groups that the user would
                join and that no option names. None: nobody can say.
        """
        have = {names.key(group): group for group in current}
        wanted = {names.key(group): group for group in self.default}
        left: dict[str, str] = {}
        if asserted is not None:
            left.update(asserted.left)
            for key, group in asserted.keyed.items():
                if self._manages(key):
                    wanted.setdefault(key, group)
                elif key not in have and key not in wanted:
                    left[group] = "outside groups.managed"
        joined = {key: group for key, group in wanted.items() if key not in have}
        for key in self._unknown(joined, known):
            left[joined.pop(key)] = "there is no such group, and groups.create is off"
        gone = {key for key in have if asserted is not None and key not in wanted and self._manages(key)}
        if not joined and not gone:
            return tuple(current), bounded(left)
        kept = [group for group in current if names.key(group) not in gone]
        return tuple(sorted((*kept, *joined.values()))), bounded(left)

    def manages(self, group: str) -> bool:
        """Whether memberships of the group follow the assertion."""
        return self._manages(names.key(group))

    def _manages(self, key: str) -> bool:
        return _EVERYTHING in self._globs or any(_fits(glob, key) for glob in self._globs)

    def _unknown(
        self, joined: Mapping[str, str], known: Callable[[Sequence[str]], Iterable[str]] | None
    ) -> list[str]:
        if self.create:
            return []
        asked = [key for key in joined if key not in self._named]
        if not asked or known is None:
            return asked
        there = {names.key(group) for group in known([joined[key] for key in asked])}
        return [key for key in asked if key not in there]


def bounded(left: dict[str, str]) -> dict[str, str]:
    """The first :data:`MOST_LEFT` reasons, and how many more there are."""
    if len(left) <= MOST_LEFT:
        return left
    some = dict(sorted(left.items())[:MOST_LEFT])
    some["…"] = f"and {len(left) - MOST_LEFT} more"
    return some


def _read(lines: Sequence[tuple[str, str]], problems: Problems) -> _Lines:
    exact: dict[str, list[str]] = {}
    literal: dict[str, list[str]] = {}
    dns: dict[object, list[str]] = {}
    patterns: list[_Pattern] = []
    for left, right in lines:
        what = f"{left} -> {right}"
        rights = tuple(part.strip() for part in right.split("|"))
        if not left.strip() or not all(rights):
            problems.add("groups.map", f"{what}: a side is empty.", "Write asserted name -> name here.")
        elif len(left) > 2 and left.startswith("/") and left.endswith("/"):
            try:
                patterns.append(_Pattern(compiled(left[1:-1], rights), rights))
            except ValueError as error:
                problems.add("groups.map", f"{what}: {error}.", "Correct it.")
        elif left.lower().startswith(_DN):
            dn = parse(left[len(_DN) :].strip())
            if dn is None:
                reason = f"{what}: what follows dn: is no distinguished name."
                problems.add("groups.map", reason, "Write one such as dn:cn=staff,ou=groups.")
            else:
                dns.setdefault(dn.key, []).extend(rights)
        else:
            exact.setdefault(names.key(left.strip()), []).extend(rights)
            literal.setdefault(left.strip(), []).extend(rights)
    return _Lines(exact, literal, dns, patterns)


def _fits(glob: tuple[str, ...], key: str) -> bool:
    """Whether the key is the pattern, whose texts between the stars these are. Linear in the key."""
    first, *rest = glob
    if not rest:
        return key == first
    last = rest.pop()
    if len(key) < len(first) + len(last) or not key.startswith(first) or not key.endswith(last):
        return False
    position, end = len(first), len(key) - len(last)
    for text in rest:
        position = key.find(text, position, end)
        if position < 0:
            return False
        position += len(text)
    return True


def _same(one: DistinguishedName | None, other: DistinguishedName) -> bool:
    return one is not None and one.key == other.key


#: The pattern ``*``, taken apart.
_EVERYTHING: Final = ("", "")

#: Groups as they are asserted.
AS_ASSERTED: Final = GroupRules()
