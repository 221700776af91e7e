"""A directory with thousands of people, and groups as awkward as any real ones."""

from __future__ import annotations

from base64 import b64encode

from tests.real.openldap import GROUPS, PEOPLE, tree

#: Names of people that have to be written in more than one way.
AWKWARD = ("plus+sign", "com, ma", 'quo"te', "back\\slash", "hash#", " lead", "Ünïcode", "semi;colon", "a=b")
_SPECIAL = '\\,+"<>;='


def crowd(count: int) -> str:
    """:func:`tree`, and ``count`` more people ``p0`` to ``p<count-1>`` beside the awkward ones.

    Everybody is in ``All``; ``Team n`` has every tenth; ``Team 4`` leads to ``Level 7``,
    and that, as far as groups are followed, to ``Level 0``.
    """
    people = [f"p{number}" for number in range(count)]
    entries = [_person(name) for name in people]
    entries += [_person(name) for name in AWKWARD]
    everybody = [name_of(name) for name in (*people, *AWKWARD)]
    entries += [
        _group("All", everybody),
        *(_group(f"Team {number}", everybody[number::10]) for number in range(10)),
        # Written by somebody who doesn't mind the letter case, the spaces, or the way of escaping.
        _group("Upper", [f"UID = {name.upper()} , OU=People, DC=example,DC=test" for name in people[:5]]),
        _group("Escaped", [f"uid=com\\2c ma,{PEOPLE}", f"uid=plus\\2Bsign,{PEOPLE}", name_of("a=b")]),
        _group("Lists (é), ≠ #1", [name_of("Ünïcode"), name_of("p1")]),
        _group("Unique", [name_of("p2"), f"cn=Team 3,{GROUPS}"], kind="groupOfUniqueNames"),
        _group("Level 7", [name_of("p3"), f"cn=Team 4,{GROUPS}"]),
        *(_group(f"Level {number}", [f"cn=Level {number + 1},{GROUPS}"]) for number in range(7)),
        _group("Ring A", [f"cn=Ring B,{GROUPS}", f"cn=Ring A,{GROUPS}", name_of("p5")]),
        _group("Ring B", [f"cn=Ring C,{GROUPS}"]),
        _group("Ring C", [f"cn=Ring A,{GROUPS}", name_of("p6")]),
        _group("Nobody here", [f"uid=gone,{PEOPLE}"]),
        _posix("unix even", people[::2]),
        _posix("unix odd", [*people[1::2], "com, ma", "P4"]),
        *(_deep(number) for number in range(12)),
    ]
    return f"{tree()}\n" + "\n\n".join(entries) + "\n"


def name_of(uid: str) -> str:
    """The distinguished name of somebody, escaped in one of the ways there are (RFC 4514)."""
    escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in uid)
    escaped = f"\\{escaped}" if escaped.startswith((" ", "#")) else escaped
    return f"uid={escaped},{PEOPLE}"


def _person(uid: str) -> str:
    number = int(uid[1:]) if uid[1:].isdigit() else 0
    lines = [
        _line("dn", name_of(uid)),
        "objectClass: inetOrgPerson",
        "objectClass: shadowAccount",
        _line("uid", uid),
        f"cn: Person {number}",
        f"sn: Sørensen {number}",
        _line("mail", f"{uid.strip()}@example.test"),
        f"memberOf: cn=All,{GROUPS}",
    ]
    if number % 3:
        lines.append(f"givenName: Pia{number}")
    if number % 7 == 1:
        lines += [_line("uid", f"also {number}"), f"employeeNumber: {number}"]
    if number % 50 == 2:
        lines.append("shadowExpire: 1")
    if number % 50 == 3:
        lines.append("pwdAccountLockedTime: 000001010000Z")
    if number % 50 == 4:
        lines.append(_line("memberOf", f"cn=Lists (é)\\, ≠ #1,{GROUPS}"))
    if number % 100 == 5:
        lines.append(_line("givenName", "line\nbreak"))
    return "\n".join(lines)


def _group(name: str, members: list[str], *, kind: str = "groupOfNames") -> str:
    escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in name)
    attribute = "member" if kind == "groupOfNames" else "uniqueMember"
    lines = [_line("dn", f"cn={escaped},{GROUPS}"), f"objectClass: {kind}", _line("cn", name)]
    return "\n".join([*lines, *(_line(attribute, member) for member in members)])


def _deep(number: int) -> str:
    """Deeper than anybody follows."""
    member = f"cn=Deep {number + 1},{GROUPS}" if number < 11 else name_of("p7")
    return _group(f"Deep {number}", [member])


def _posix(name: str, members: list[str]) -> str:
    lines = [f"dn: cn={name},{GROUPS}", "objectClass: posixGroup", f"cn: {name}", "gidNumber: 7"]
    return "\n".join([*lines, *(_line("memberUid", member) for member in members)])


def _line(attribute: str, value: str) -> str:
    return f"{attribute}:: {b64encode(value.encode()).decode()}"
