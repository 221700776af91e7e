r"""Distinguished names as text (RFC 4514): when two of them are the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from saml_wsgi import names

_TYPE: Final = re.compile(r" *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= *")
# RFC 4514, section 3 (string): these and NUL stand for themselves only behind a backslash.
_VALUE: Final = re.compile(r'(?:[^\\",+;<>\x00]|\\(?:[0-9A-Fa-f]{2}|[ "#+,;<=>\\]))*')
_UNIT: Final = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\.|[^\\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """A distinguished name, read.

    Attributes:
        key: Equal for equal names: letter case, spaces around ``,``, ``+`` and ``=``, the way in which
            characters are escaped, and the order within a multi-valued RDN make no difference.
        first: The value of the first RDN's first attribute, unescaped.
    """

    key: tuple[frozenset[tuple[str, str]], ...]
    first: str


def parse(text: str) -> DistinguishedName | None:
    """The distinguished name that the text is; None if it isn't one, or is empty."""
    rdns: list[frozenset[tuple[str, str]]] = []
    pairs: list[tuple[str, str]] = []
    first: str | None = None
    position = 0
    while True:
        kind = _TYPE.match(text, position)
        if kind is None:
            return None
        written = _VALUE.match(text, kind.end())
        assert written is not None  # it may be empty
        value = _unescaped(written.group())
        if value is None:
            return None
        first = value if first is None else first
        pairs.append((kind[1].lower(), names.key(value)))
        position = written.end()
        following = text[position : position + 1]
        if following not in {"", ",", "+"}:
            return None
        if following != "+":
            rdns.append(frozenset(pairs))
            pairs = []
        if not following:
            return DistinguishedName(tuple(rdns), first)
        position += 1


def _unescaped(written: str) -> str | None:
    """The value that is meant; None if its bytes aren't UTF-8."""
    parts: list[str] = []
    length = 0  # behind this, there are only spaces that aren't escaped
    for unit in _UNIT.findall(written):
        if unit[0] != "\\":
            parts.append(unit)
            length = length if unit == " " else len(parts)
            continue
        if len(unit) == 2:
            parts.append(unit[1])
        else:
            try:
                parts.append(bytes.fromhex(unit.replace("\\", "")).decode())
            except UnicodeDecodeError:
                return None
        length = len(parts)
    return "".join(parts[:length])
