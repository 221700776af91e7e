"""What a directory answers, as bytes: nothing is believed to be text before it is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from saml_wsgi.errors import Refused

#: What no name and no group has: control characters.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_SHOWN: Final = 100

BASE: Final = "BASE"
SUBTREE: Final = "SUBTREE"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its name, and its attributes by lower-case name.

    Attributes:
        raw: All of it, as the server wrote it (BER, RFC 4511, 4.5.2): the same bytes mean the same entry.
    """

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]
    raw: bytes = b""

    def values(self, attribute: str) -> tuple[bytes, ...]:
        """All values, none if it hasn't got the attribute."""
        return self.attributes.get(attribute.lower(), ())

    def texts(self, attribute: str) -> list[str]:
        """All values as text.

        Raises:
            Refused: ``attribute_unusable``: one isn't text in UTF-8, or has control characters.
        """
        return [self._text(attribute, value) for value in self.values(attribute)]

    def _text(self, attribute: str, value: bytes) -> str:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = "\x00"
        if _CONTROL.search(text):
            detail = f"{attribute} of {self.shown} has a value that isn't text"
            raise Refused("attribute_unusable", detail)
        return text.strip()

    @property
    def shown(self) -> str:
        """Its name, fit for a log."""
        return ascii(self.dn if len(self.dn) <= _SHOWN else f"{self.dn[:_SHOWN]}…")


class Searcher(Protocol):
    """Something to be searched, within the time that one look-up has."""

    def search(
        self, base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int
    ) -> list[Entry]:
        """The entries that a filter finds.

        Args:
            most: Beyond this many nobody needs to know how many there are: ``most + 1`` are enough.

        Raises:
            SourceUnavailable: It doesn't answer, or tells only a part.
        """
