"""Small and large changes to messages, of bytes and of trees, as chance has it.

Everything is drawn from one ``random.Random``, so that a seed tells the whole story again.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from lxml import etree

#: What has confused parsers, canonicalisation and text before.
TOKENS = (
    b"<!---->",
    b"<!--x-->",
    b"<?x y?>",
    b"<![CDATA[x]]>",
    b"]]>",
    b"<!DOCTYPE x>",
    b"&amp;",
    b"&#65;",
    b"&#x0;",
    b"&#xd;",
    b"&x;",
    b"&lt;",
    b"<x/>",
    b"<x>",
    b"</x>",
    b"xmlns=''",
    b' xmlns:x="urn:x"',
    b' xmlns="urn:oasis:names:tc:SAML:2.0:assertion"',
    b' ID="_x"',
    b' xml:id="_x"',
    b' xml:space="preserve"',
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xe2\x80\x8b",
    b"\r\n",
    b"\t",
    b"  ",
    b"'",
    b'"',
    b"=",
    b":",
    b"#",
    b"admin",
    b"2.0",
    b"1.1",
    b"-1",
    b"99999999999999999999",
    b"2099-01-01T00:00:00Z",
    b"9999-99-99T99:99:99Z",
    b"0000-01-01T00:00:00+99:99",
)
TEXTS = (
    "",
    " ",
    "admin",
    "admin@evil.test",
    "\u200b",
    "a\nb",
    "x" * 9_000,
    "true",
    "-1",
    "2099-01-01T00:00:00Z",
    "#",
    "_x",
)

Bytes = Callable[[bytes, random.Random], bytes]


def _span(data: bytes, chance: random.Random, longest: int = 200) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randrange(longest))


def flip(data: bytes, chance: random.Random) -> bytes:
    """One bit."""
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] + data[end:]


def insert(data: bytes, chance: random.Random) -> bytes:
    place, _ = _span(data, chance)
    return data[:place] + chance.choice(TOKENS) + data[place:]


def insert_in_text(data: bytes, chance: random.Random) -> bytes:
    """A token just behind or before a tag, where names and values stand."""
    places = [place for place, byte in enumerate(data) if byte in b"<>"]
    if not places:
        return insert(data, chance)
    place = chance.choice(places)
    place += data[place] == ord(">")
    return data[:place] + chance.choice(TOKENS) + data[place:]


def overwrite(data: bytes, chance: random.Random) -> bytes:
    token = chance.choice(TOKENS)
    place, _ = _span(data, chance)
    return data[:place] + token + data[place + len(token) :]


def exchange(data: bytes, chance: random.Random) -> bytes:
    """Two spans change places."""
    (a, b), (c, d) = sorted((_span(data, chance), _span(data, chance)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def digit(data: bytes, chance: random.Random) -> bytes:
    """Another digit somewhere: times, versions, algorithms, identifiers."""
    places = [place for place, byte in enumerate(data) if byte in b"0123456789"]
    if not places:
        return data
    place = chance.choice(places)
    return data[:place] + chance.choice(b"0123456789").to_bytes() + data[place + 1 :]


BYTES: tuple[Bytes, ...] = (
    flip,
    cut,
    repeat,
    insert,
    insert_in_text,
    insert_in_text,
    overwrite,
    exchange,
    truncate,
    digit,
    digit,
)


# -- trees ------------------------------------------------------------------------------------------


def _any(tree: Any, chance: random.Random) -> Any:
    return chance.choice([element for element in tree.iter() if isinstance(element.tag, str)])


def _copy(element: Any) -> Any:
    made = copy.deepcopy(element)
    made.tail = None
    return made


def _put(tree: Any, element: Any, chance: random.Random) -> None:
    parent = _any(tree, chance)
    parent.insert(chance.randrange(len(parent) + 1), element)


def remove(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    if element is not tree:
        element.getparent().remove(element)


def duplicate(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    if element is not tree:
        element.getparent().insert(chance.randrange(9), _copy(element))


def move(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    if element is not tree:
        element.getparent().remove(element)
        _put(tree, element, chance)


def graft(tree: Any, other: Any, chance: random.Random) -> None:
    """An element of another message, somewhere."""
    _put(tree, _copy(_any(other, chance)), chance)


def replace_by_other(tree: Any, other: Any, chance: random.Random) -> None:
    """The element of that name in another message, in place of ours."""
    element = _any(tree, chance)
    theirs = list(other.iter(element.tag))
    if element is not tree and theirs:
        element.getparent().replace(element, _copy(chance.choice(theirs)))


def wrap(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    if element is tree:
        return
    tag = chance.choice([_any(tree, chance).tag, "x", "{urn:x}x"])
    wrapper = etree.Element(tag)
    element.getparent().replace(element, wrapper)
    wrapper.append(element)


def rename(tree: Any, _other: Any, chance: random.Random) -> None:
    _any(tree, chance).tag = chance.choice([_any(tree, chance).tag, "x", "{urn:x}Assertion"])


def text(tree: Any, _other: Any, chance: random.Random) -> None:
    _any(tree, chance).text = chance.choice([*TEXTS, _any(tree, chance).text])


def tail(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    if element is not tree:
        element.tail = chance.choice(TEXTS)


def attribute(tree: Any, _other: Any, chance: random.Random) -> None:
    element = _any(tree, chance)
    names = [
        *element.attrib,
        "ID",
        "Id",
        "InResponseTo",
        "Destination",
        "{http://www.w3.org/XML/1998/namespace}id",
    ]
    name = chance.choice(names)
    others = [value for one in tree.iter() if isinstance(one.tag, str) for value in one.attrib.values()]
    choice = chance.randrange(3)
    if choice == 0:
        element.attrib.pop(name, None)
    else:
        element.set(name, chance.choice(others) if choice == 1 and others else chance.choice(TEXTS))


def node(tree: Any, _other: Any, chance: random.Random) -> None:
    """A comment, an instruction or a reference in the middle of a text."""
    element = _any(tree, chance)
    made = chance.choice([etree.Comment("x"), etree.ProcessingInstruction("x"), etree.Element("x")])
    whole = element.text or ""
    middle = chance.randrange(len(whole) + 1)
    element.text, made.tail = whole[:middle], whole[middle:]
    element.insert(0, made)


TREES = (
    remove,
    duplicate,
    move,
    graft,
    replace_by_other,
    wrap,
    rename,
    text,
    tail,
    attribute,
    attribute,
    node,
)


def mutate(message: bytes, other: bytes, chance: random.Random) -> bytes:
    """The message after one to four changes, in its tree, in its bytes, or in both."""
    if chance.random() < 0.6:
        tree, theirs = etree.fromstring(message), etree.fromstring(other)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            try:
                chance.choice(TREES)(tree, theirs, chance)
            except (ValueError, AssertionError):  # lxml builds no such tree
                continue
        message = etree.tostring(tree)
        if chance.random() < 0.9:
            return message
    for _ in range(chance.choice((1, 1, 2, 4))):
        message = chance.choice(BYTES)(message, chance)
    return message
