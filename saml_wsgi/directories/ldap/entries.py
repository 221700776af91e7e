"""What a directory answers, as bytes: nothing is believed to be text before it is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from saml_wsgi.errors import Refused, SourceUnavailable

#: What no name and no group has: control characters.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_SHOWN: Final = 100

BASE: Final = "BASE"
SUBTREE: Final = "SUBTREE"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its name, and its attributes by lower-case name."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]

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


def read(response: Sequence[Mapping[str, Any]]) -> tuple[list[Entry], list[str]]:
    """The entries, and the places where more may be (search continuation references, RFC 4511, 4.5.3).

    Raises:
        SourceUnavailable: It has something else, or an attribute twice.
    """
    entries: list[Entry] = []
    elsewhere: list[str] = []
    for item in response:
        if item["type"] == "searchResRef":
            elsewhere += map(str, item["uri"])
            continue
        if item["type"] != "searchResEntry":
            raise SourceUnavailable("the directory answers what isn't an entry")
        attributes: dict[str, tuple[bytes, ...]] = {}
        for name, values in item["raw_attributes"].items():
            key = str(name).lower()
            if key in attributes:
                raise SourceUnavailable(f"the directory answers {ascii(key)[:_SHOWN]} twice")
            attributes[key] = tuple(bytes(value) for value in values)
        entries.append(Entry(str(item["dn"]), attributes))
    return entries, elsewhere
