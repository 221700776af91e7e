"""Values in filters (RFC 4515) and in distinguished names (RFC 4514), both ways."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from saml_wsgi import names

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.-_=,+ ")
_SPECIAL: Final = frozenset('"+,;<>\\=#')
_HEX: Final = re.compile(r"(?:\\[0-9A-Fa-f]{2})+")
#: An unescaped comma, semicolon (RFC 4514, 2.4 allows none, LDAPv2 did) or plus ends a value.
_UNIT: Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+|\\.|[^\\])", re.DOTALL)
#: Whatever may be written in more than one way; without it, letter case is all that can differ.
_AWKWARD: Final = re.compile(r"[^ !$-*,\-./0-9:=?@A-Z\[\]^_`a-z{|}~]|  | [,=]|[,=] |^ | $")
_SEPARATING: Final = re.compile(r'[\\,+;<>"#]')


def filter_value(value: str | bytes) -> str:
    """The value for a filter: it means itself, whatever it holds (RFC 4515, section 3).

    Raises:
        UnicodeEncodeError: Text that has no UTF-8.
    """
    content = value.encode() if isinstance(value, str) else value
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in content)


def equals(attribute: str, value: str | bytes) -> str:
    """The filter that asks for a value."""
    return f"({attribute}={filter_value(value)})"


def either(filters: list[str]) -> str:
    """The filter for which one of some is enough."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def name_value(value: str) -> str:
    """The value for a distinguished name (RFC 4514, section 2.4)."""
    escaped = "".join(
        f"\\{character}" if character in _SPECIAL else "\\00" if character == "\x00" else character
        for character in value
    )
    if escaped.endswith(" "):
        escaped = f"{escaped[:-1]}\\ "
    return f"\\{escaped}" if escaped.startswith(" ") and len(escaped) > 1 else escaped


class Part(NamedTuple):
    """The first attribute of a relative distinguished name: its type in lower case, the value as meant."""

    kind: str
    value: str


def parts(name: str) -> tuple[Part, ...] | None:
    """The parts of a distinguished name, the entry's own first; None if it isn't one."""
    found = _relative_names(name)
    return None if found is None else tuple(several[0] for several in found)


def identity(name: str) -> str:
    """The form in which two ways to write one distinguished name are the same text (RFC 4517, 4.2.15).

    Letter case, compatibility forms and spaces beyond one don't count (as in RFC 4518), nor does the way
    in which something is escaped, nor the order of what stands beside a plus.
    """
    if not _AWKWARD.search(name):
        return name.lower()
    found = _relative_names(name)
    if found is None:
        return f"\x00{name}"  # the same as itself
    return ",".join("+".join(sorted(map(_identity, several))) for several in found)


def _identity(part: Part) -> str:
    value = " ".join(word for word in names.key(part.value).split(" ") if word)
    escaped = _SEPARATING.sub(r"\\\g<0>", value)
    return f"{part.kind}={escaped}"


def _relative_names(name: str) -> list[list[Part]] | None:
    found: list[list[Part]] = []
    pieces: list[str] = []
    is_further = False  # behind a plus
    for unit in [*_UNIT.findall(name), ","]:
        if unit not in {",", "+"}:
            pieces.append(unit)
            continue
        part = _part(pieces)
        if part is None:
            return None
        if is_further:
            found[-1].append(part)
        else:
            found.append([part])
        is_further = unit == "+"
        pieces = []
    return found


def _part(pieces: list[str]) -> Part | None:
    if "=" not in pieces:
        return None
    middle = pieces.index("=")
    kind = "".join(pieces[:middle]).strip().lower()
    value = pieces[middle + 1 :]
    while value and value[0] == " ":
        value.pop(0)
    while value and value[-1] == " ":
        value.pop()
    try:
        return Part(kind, "".join(map(_meant, value))) if kind else None
    except UnicodeDecodeError:
        return None


def _meant(unit: str) -> str:
    if _HEX.fullmatch(unit):
        return bytes.fromhex(unit.replace("\\", "")).decode()
    return unit.removeprefix("\\")


def is_below(name: str, base: str) -> bool:
    """Whether a distinguished name is another one or below it."""
    lower, upper = parts(name), parts(base)
    if lower is None or upper is None or len(lower) < len(upper):
        return False
    return _keys(lower[len(lower) - len(upper) :]) == _keys(upper)


def _keys(found: tuple[Part, ...]) -> list[tuple[str, str]]:
    return [(part.kind, names.key(part.value)) for part in found]
