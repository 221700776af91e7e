"""What a server writes (RFC 4511 in BER, X.690), read in one pass; strict about every length.

All of it comes from outside. Nothing is read beyond the part that says how long it is, nothing is left
over, and nothing is believed to be text but names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from saml_wsgi.directories.ldap.ber import LONG, Malformed, content, sized, unknown
from saml_wsgi.directories.ldap.entries import Entry

#: Operations by their tags (RFC 4511, appendix B).
BIND_RESPONSE: Final = 0x61
SEARCH_ENTRY: Final = 0x64
SEARCH_DONE: Final = 0x65
SEARCH_REFERENCE: Final = 0x73
EXTENDED_RESPONSE: Final = 0x78

_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_ENUMERATED: Final = 0x0A
_BOOLEAN: Final = 0x01
_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_CONTROLS: Final = 0xA0
_SHOWN: Final = 100

#: Where the content of an entry is: the buffer, and the indices at which it begins and ends.
Span: TypeAlias = tuple[bytes, int, int]


class Message(NamedTuple):
    """One message in a buffer: its number, its operation's tag, and where that and its controls are."""

    number: int
    kind: int
    start: int
    stop: int
    end: int


class Result(NamedTuple):
    """An LDAPResult (RFC 4511, 4.1.9); ``controls``: the values of what came with it, by OID."""

    code: int
    message: str
    controls: Mapping[str, bytes]


def frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the content of the message that begins there begins, and where it ends, be it there or not.

    Returns:
        None: too little is there to know.

    Raises:
        Malformed: No message begins there.
    """
    there = len(data) - at
    if there < 1:
        return None
    if data[at] != _SEQUENCE:
        raise Malformed("what answers isn't an LDAP server")
    if there < 2 or (data[at + 1] > LONG and there < 2 + data[at + 1] - LONG):
        return None
    size, start = sized(data, at + 1)
    return start, start + size


def message(data: bytes, at: int, end: int) -> Message:
    """The message that begins at one index and ends before another one, as :func:`frame` has it.

    Raises:
        Malformed: It isn't one.
    """
    start, stop = content(data, *content(data, at, end, _SEQUENCE), _INTEGER)
    if not 1 <= stop - start <= 5:
        raise Malformed("a message has no number")
    number = int.from_bytes(data[start:stop], "big", signed=True)
    if stop >= end:
        raise Malformed("a message has no operation")
    kind = data[stop]
    start, stop = content(data, stop, end, kind)
    return Message(number, kind, start, stop, end)


def scan(data: bytes, at: int, number: int, found: list[Span]) -> int:
    """Find the entries that begin there and are complete, up to the first thing that is something else.

    Args:
        number: Of the request that they answer.
        found: Extended by where they are.

    Returns:
        The index behind the last of them.

    Raises:
        Malformed: A message isn't one.
    """
    there = len(data)
    written = number.to_bytes(number.bit_length() // 8 + 1, "big")
    usual = bytes((_INTEGER, len(written), *written, SEARCH_ENTRY))
    while (framed := frame(data, at)) is not None and framed[1] <= there:
        start, end = framed
        if data.startswith(usual, start, end - 1):
            size, start = sized(data, start + len(usual))
            stop = start + size
            if stop > end:
                raise Malformed("an entry is longer than its message")
        else:
            one = message(data, at, end)
            if one.kind != SEARCH_ENTRY or one.number != number:
                break
            start, stop = one.start, one.stop
        if stop != end:
            _controls(data, stop, end)
        found.append((data, start, stop))
        at = end
    return at


def entries(spans: Iterable[Span]) -> list[Entry]:
    """The entries that are there.

    Raises:
        Malformed: One isn't an entry.
    """
    known: dict[bytes, str] = {}
    return [entry(span, known) for span in spans]


def entry(span: Span, known: dict[bytes, str]) -> Entry:
    """A SearchResultEntry (RFC 4511, 4.5.2).

    Args:
        known: Names of attributes as they were written, and in lower case; extended.

    Raises:
        Malformed: It isn't one.
    """
    data, start, stop = span
    at, behind = content(data, start, stop, _OCTETS)
    dn = _name(data[at:behind])
    at, edge = content(data, behind, stop, _SEQUENCE)
    if edge != stop:
        unknown(data, edge, stop)
    try:
        attributes = _attributes(data, at, edge, known)
    except IndexError:
        raise Malformed("an entry ends early") from None
    return Entry(dn, attributes, data[start:stop])


def _attributes(  # noqa: C901, PLR0912 - in one piece: calls for each part would take as long again
    data: bytes, at: int, edge: int, known: dict[bytes, str]
) -> dict[str, tuple[bytes, ...]]:
    """PartialAttributeList ::= SEQUENCE OF SEQUENCE { type, vals SET OF value }.

    Each of these parts has to end within the one that it is in, so that nothing beyond is ever read.
    """
    found: dict[str, tuple[bytes, ...]] = {}
    while at < edge:
        size = data[at + 1]
        if data[at] != _SEQUENCE:
            raise Malformed("an entry has what isn't an attribute")
        start = at + 2
        if size >= LONG:
            size, start = sized(data, at + 1)
        behind = start + size
        if behind > edge:
            raise Malformed("an attribute is longer than its entry")

        size = data[start + 1]
        if data[start] != _OCTETS:
            raise Malformed("an attribute has no name")
        start += 2
        if size >= LONG:
            size, start = sized(data, start - 1)
        at = start + size
        written = data[start:at]
        name = known.get(written) or _new(written, known)
        if name in found:
            raise Malformed(f"an entry has {ascii(name)[:_SHOWN]} twice")

        size = data[at + 1]
        if data[at] != _SET:
            raise Malformed("an attribute has no values")
        start = at + 2
        if size >= LONG:
            size, start = sized(data, at + 1)
        last = start + size
        if last > behind:  # and so if the name is too long: the values are behind it
            raise Malformed("values are longer than their attribute")
        # Most have one short value, which is all that there is: told by its length.
        if size > 1 and data[start] == _OCTETS and data[start + 1] == size - 2 < LONG:
            found[name] = (data[start + 2 : last],)
        else:
            found[name] = _values(data, start, last)
        if last != behind:
            unknown(data, last, behind)
        at = behind
    return found


def _new(written: bytes, known: dict[bytes, str]) -> str:
    """A name that wasn't met yet, in lower case."""
    if not written.isascii() or not written:
        raise Malformed("an attribute has no name in ASCII")
    name = known[written] = written.decode("ascii").lower()
    return name


def _values(data: bytes, at: int, last: int) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while at < last:
        size = data[at + 1]
        if data[at] != _OCTETS:
            raise Malformed("an attribute has what isn't a value")
        at += 2
        if size >= LONG:
            size, at = sized(data, at - 1)
        behind = at + size
        if behind > last:
            raise Malformed("a value is longer than its attribute")
        found.append(data[at:behind])
        at = behind
    return tuple(found)


def reference(data: bytes, start: int, stop: int) -> list[str]:
    """The addresses of a SearchResultReference (RFC 4511, 4.5.3).

    Raises:
        Malformed: It isn't one, or has none.
    """
    found: list[str] = []
    while start < stop:
        at, start = content(data, start, stop, _OCTETS)
        found.append(data[at:start].decode("utf-8", "replace"))
    if not found:
        raise Malformed("a reference says nothing")
    return found


def result(data: bytes, said: Message) -> Result:
    """The result that a message has, whichever operation it ends.

    Raises:
        Malformed: It has none.
    """
    at, behind = content(data, said.start, said.stop, _ENUMERATED)
    if not 1 <= behind - at <= 4:
        raise Malformed("a result has no code")
    code = int.from_bytes(data[at:behind], "big", signed=True)
    _, behind = content(data, behind, said.stop, _OCTETS)  # matchedDN
    at, behind = content(data, behind, said.stop, _OCTETS)
    text = data[at:behind].decode("utf-8", "replace")
    unknown(data, behind, said.stop)  # referrals: nobody follows them
    return Result(code, text, _controls(data, said.stop, said.end))


def cookie(value: bytes) -> bytes:
    """What the next page is asked for with; none: this was the last one (RFC 2696, 2).

    Raises:
        Malformed: The value isn't one of this control.
    """
    at, stop = content(value, 0, len(value), _SEQUENCE)
    _, at = content(value, at, stop, _INTEGER)
    at, behind = content(value, at, stop, _OCTETS)
    if behind != stop or stop != len(value):
        raise Malformed("the control of paged results has more than a cookie")
    return value[at:behind]


def _controls(data: bytes, at: int, end: int) -> dict[str, bytes]:
    """Values by OID; a message may end in things that nobody knows yet (RFC 4511, 4)."""
    found: dict[str, bytes] = {}
    while at < end:
        is_list = data[at] == _CONTROLS
        at, behind = content(data, at, end, data[at])
        while is_list and at < behind:
            inside, at = content(data, at, behind, _SEQUENCE)
            start, stop = content(data, inside, at, _OCTETS)
            oid = data[start:stop].decode("ascii", "replace")
            if stop < at and data[stop] == _BOOLEAN:
                _, stop = content(data, stop, at, _BOOLEAN)
            if stop < at:
                start, stop = content(data, stop, at, _OCTETS)
                found[oid] = data[start:stop]
            unknown(data, stop, at)
        at = behind
    return found


def _name(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError:
        # Against RFC 4514; Active Directory has been seen to do it. ldap3 reads it so, too.
        return written.decode("latin-1")
