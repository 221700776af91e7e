"""Parts that say what they are and how long (X.690), as far as LDAP has them (RFC 4511, 5.1)."""

from __future__ import annotations

from typing import Final

#: A length of so much or more says in how many bytes the length itself is.
LONG: Final = 0x80


class Malformed(ValueError):
    """What came isn't what RFC 4511 says; the text has nothing that a log mustn't have."""


def content(data: bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    """Where the content of what has this tag and begins there begins and ends; all before ``end``."""
    if at + 2 > end or data[at] != kind:
        raise Malformed(f"there is no {kind:#04x} where one has to be")
    size, start = sized(data, at + 1)
    stop = start + size
    if stop > end:
        raise Malformed("a part is longer than the whole")
    return start, stop


def sized(data: bytes, at: int) -> tuple[int, int]:
    """A length in its definite form, and where what has it begins (X.690, 8.1.3; RFC 4511, 5.1)."""
    size = data[at]
    at += 1
    if size < LONG:
        return size, at
    behind = at + size - LONG
    if not at < behind <= at + 8 or behind > len(data):
        raise Malformed("a length isn't one")
    return int.from_bytes(data[at:behind], "big"), behind


def unknown(data: bytes, at: int, end: int) -> None:
    """Skip what nobody knows yet (RFC 4511, 4); it has to end where it says, too.

    Raises:
        Malformed: It doesn't.
    """
    while at < end:
        _, at = content(data, at, end, data[at])


def part(kind: int, inside: bytes) -> bytes:
    """A tag, the length of what it has, and that."""
    size = len(inside)
    if size < LONG:
        return bytes((kind, size)) + inside
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((kind, LONG + len(length))) + length + inside
