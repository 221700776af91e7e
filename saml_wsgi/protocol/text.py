"""The text of identities: whole, stripped of layout, and without characters that nobody can see.

A name that a person reads as one thing and a program as another is how accounts are confused, so
such a value is refused, never repaired.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from saml_wsgi.errors import Refused
from saml_wsgi.names import shows_all
from saml_wsgi.protocol.vocabulary import SAML, Element

#: SDP-G02 asks for 256 characters at least; attributes may hold more, for example a description.
_LONGEST_NAME_ID: Final = 256
_LONGEST_VALUE: Final = 8192

_SPACE: Final = " \t\r\n"
#: Control, format (zero-width, bidirectional), surrogate, line and paragraph separator.
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: Joiners that scripts of South Asia and Persia need inside words; refused in identifiers all the same.
_JOINERS: Final = {"\u200c", "\u200d"}
_IN_VALUES: Final = frozenset(_JOINERS | {"\n", "\r", "\t"})
_NOTHING: Final = frozenset[str]()


def strip(text: str | None) -> str:
    """Without XML's white space around it: pretty-printed messages have some."""
    return (text or "").strip(_SPACE)


def name_id(element: Element) -> str:
    """The NameID's text.

    Raises:
        Refused: ``name_id_refused`` if it is empty, too long, or has child elements or invisible
            characters.
    """
    value = strip(element.text)
    visible = shows_all(value) and not _has_invisible(value, _NOTHING)
    if len(element) or not value or len(value) > _LONGEST_NAME_ID or not visible:
        # Not its value: that is somebody's name, and logs are read by many.
        why = f"{len(value)} characters, {len(element)} children"
        raise Refused("name_id_refused", f"the NameID is empty, too long or has invisible parts ({why})")
    return value


def attributes(assertion: Element) -> dict[str, tuple[str, ...]]:
    """All attributes by name; the values of repeated ones are joined in document order.

    A value that is itself XML has no text that could be meant, so it is left out whole.

    Raises:
        Refused: ``attribute_refused`` for a name or value that is too long or has control characters.
    """
    found: dict[str, list[str]] = {}
    for attribute in assertion.iterfind(f"{SAML}AttributeStatement/{SAML}Attribute"):
        # As it is: "groups " is another attribute than "groups", and nobody asked for it.
        name = attribute.get("Name") or ""
        if not name or len(name) > _LONGEST_NAME_ID or _has_invisible(name, _NOTHING):
            raise Refused("attribute_refused", f"an attribute is called {name!a:.300}")
        values = [(value.text or "").strip(_SPACE) for value in attribute if not len(value)]
        # All at once: somebody in two hundred groups has two hundred values.
        longest = max(map(len, values), default=0)
        if longest > _LONGEST_VALUE or _has_invisible("".join(values), _IN_VALUES):
            raise Refused("attribute_refused", f"a value of the attribute {name!a}")
        found.setdefault(name, []).extend(values)
    return {name: tuple(values) for name, values in found.items()}


def _has_invisible(value: str, allowed: frozenset[str]) -> bool:
    if value.isascii() and value.isprintable():
        return False
    return any(
        unicodedata.category(character) in _INVISIBLE and character not in allowed for character in value
    )
