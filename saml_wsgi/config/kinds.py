"""The kinds of options that aren't about files, addresses or secrets: text, choices, spans, names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from saml_wsgi.config.convert import Place, Unfit, line, plain_items, shown, text, word


@dataclass(frozen=True, slots=True)
class Text:
    """Free text. On one line unless ``lines``; then the lines are joined by a space."""

    longest: int = 1024
    lines: bool = False
    kind: str = "text"

    def __call__(self, value: object, _: Place, /) -> str:
        if self.lines:
            value = " ".join(text(value).split())
        return line(value, longest=self.longest)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words, whatever their letter case.

    Attributes:
        aliases: Other ways to say one of them, for what YAML-minded people and Python write.
    """

    words: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return " or ".join(f"`{choice}`" for choice in self.words)

    def __call__(self, value: object, _: Place, /) -> str:
        if isinstance(value, bool):
            value = "yes" if value else "no"
        content = word(value)
        found = self.aliases.get(content.lower(), content.lower())
        if found not in self.words:
            near = difflib.get_close_matches(found, self.words, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise Unfit(f"it is {shown(content)}.", f"{meant}Write {' or '.join(self.words)}.")
        return found


_BOOLEANS: Final = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}

#: ``auto``, or a boolean in any of its spellings.
AUTO_YES_NO: Final = Choice(
    ("auto", "yes", "no"), {word: "yes" if meaning else "no" for word, meaning in _BOOLEANS.items()}
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""

    kind: str = "`yes` or `no`"

    def __call__(self, value: object, _: Place, /) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and value in {0, 1}:
            return value == 1
        content = word(value)
        try:
            return _BOOLEANS[content.lower()]
        except KeyError:
            raise Unfit(
                f"it is {shown(content)}, which is neither yes nor no.",
                "Write yes or no (true, false, on, off, 1 and 0 do as well).",
            ) from None


_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_UNITS: Final = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), _MINUTE),
    **dict.fromkeys(("h", "hour", "hours"), _HOUR),
    **dict.fromkeys(("d", "day", "days"), _DAY),
}
_LONGEST_SPAN: Final = 10**9
# Nine digits: more can't be meant, and int() must never be given a megabyte of them.
_QUANTITY: Final = re.compile(r"([0-9]{1,9})\s*([A-Za-z]*)")


def duration_text(seconds: int) -> str:
    """A number of seconds in the largest unit that leaves no fraction: ``90 s``, ``5 min``, ``8 h``."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@dataclass(frozen=True, slots=True)
class Duration:
    """A time span in whole seconds: ``90``, ``90 s``, ``5 min``, ``8 h``, ``30 d``."""

    shortest: int
    longest: int

    @property
    def kind(self) -> str:
        return f"{duration_text(self.shortest)} to {duration_text(self.longest)}"

    def __call__(self, value: object, _: Place, /) -> int:
        seconds = self._seconds(value)
        if not self.shortest <= seconds <= self.longest:
            raise Unfit(f"it is {duration_text(seconds)}.", f"Write a time span of {self.kind}.")
        return seconds

    @staticmethod
    def _seconds(value: object) -> int:
        if isinstance(value, timedelta):
            value = value.total_seconds()
        if isinstance(value, int | float) and not isinstance(value, bool):
            # NaN and the infinities are outside of every range.
            if not -_LONGEST_SPAN < value < _LONGEST_SPAN or value != int(value):
                raise Unfit(
                    "it isn't a whole number of seconds, of a length that can be meant.", "Write seconds."
                )
            return int(value)
        content = word(value)
        found = _QUANTITY.fullmatch(content)
        if found is None or found[2].lower() not in _UNITS:
            raise Unfit(
                f"it is {shown(content)}, which isn't a time span.",
                "Write a whole number and a unit: 90 s, 5 min, 8 h or 30 d; without a unit it is seconds.",
            )
        return int(found[1]) * _UNITS[found[2].lower()]


_SIZES: Final = {
    **dict.fromkeys(("", "b", "byte", "bytes"), 1),
    **dict.fromkeys(("k", "kb", "kib"), 1024),
    **dict.fromkeys(("m", "mb", "mib"), 1024 * 1024),
}


def size_text(count: int) -> str:
    """A number of bytes in the largest unit that leaves no fraction: ``256 KiB``."""
    for unit, factor in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if count and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} bytes"


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes: ``262144``, ``256 KiB``, ``1 MiB``."""

    least: int
    most: int

    @property
    def kind(self) -> str:
        return f"{size_text(self.least)} to {size_text(self.most)}"

    def __call__(self, value: object, _: Place, /) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            count = value
        else:
            content = word(value)
            found = _QUANTITY.fullmatch(content)
            if found is None or found[2].lower() not in _SIZES:
                raise Unfit(
                    f"it is {shown(content)}, which isn't a size.",
                    "Write a whole number and a unit: 256 KiB or 1 MiB; without a unit it is bytes.",
                )
            count = int(found[1]) * _SIZES[found[2].lower()]
        if not self.least <= count <= self.most:
            raise Unfit(f"it is {_digits(count)} bytes.", f"Write a size of {self.kind}.")
        return count


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number of things: ``5000``."""

    least: int
    most: int

    @property
    def kind(self) -> str:
        return f"{self.least} to {self.most}"

    def __call__(self, value: object, _: Place, /) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            count = value
        else:
            content = word(value)
            if re.fullmatch(r"[0-9]{1,9}", content) is None:
                raise Unfit(f"it is {shown(content)}, which isn't a whole number.", f"Write {self.kind}.")
            count = int(content)
        if not self.least <= count <= self.most:
            raise Unfit(f"it is {_digits(count)}.", f"Write a whole number, {self.kind}.")
        return count


def _digits(number: int) -> str:
    # str() of an int refuses to print more than some thousand digits.
    return str(number) if abs(number) < 10**18 else "far too many"


@dataclass(frozen=True, slots=True)
class Lines:
    """A list whose entries somebody else understands; kept as written, without the empty ones."""

    kind: str = "list"
    most: int = 256

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        if isinstance(value, str) and "\n" not in value.strip():
            value = [value]  # an entry may hold a space
        return plain_items(value, most=self.most)


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words out of a few."""

    words: tuple[str, ...]

    @property
    def kind(self) -> str:
        return "list of " + ", ".join(f"`{choice}`" for choice in self.words)

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(entry.lower() for entry in plain_items(value)))
        for entry in found:
            if entry not in self.words:
                raise Unfit(f"it has {shown(entry)}.", f"Write one or more of {', '.join(self.words)}.")
        if not found:
            raise Unfit("it is an empty list.", f"Write one or more of {', '.join(self.words)}.")
        return found


#: Of WSGI (PEP 3333), and of what tells our own endpoints who is asking; without HTTP_ in front.
_NEEDED: Final = re.compile(
    r"REQUEST_METHOD|SCRIPT_NAME|PATH_INFO|QUERY_STRING|REQUEST_URI|CONTENT_.*|SERVER_.*|GATEWAY_INTERFACE|HOST|COOKIE|"
    r"ORIGIN|ACCEPT|SEC_FETCH_.*|SEC_PURPOSE|ACCESS_CONTROL_REQUEST_.*|TRANSFER_ENCODING"
)
_OURS: Final = re.compile(r"(?:wsgi|saml_wsgi)\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """A list of names of headers or environ keys, made the keys that a request's environ has (PEP 3333).

    Header names have no letter case: ``X-Employee``, ``x-employee`` and ``http_x_employee`` are
    ``HTTP_X_EMPLOYEE``. Keys with a dot are kept as written. What WSGI itself, or this middleware, needs
    can't be removed.
    """

    kind: str = "list of names"

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = plain_items(value)
        for entry in found:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", entry):
                raise Unfit(f"it has {shown(entry)}.", "Write names such as X-Employee or HTTP_X_EMPLOYEE.")
        return tuple(dict.fromkeys(map(self._environ_key, found)))

    @staticmethod
    def _environ_key(entry: str) -> str:
        name = entry.upper().replace("-", "_")
        key = name if name.startswith(("HTTP_", "REMOTE_")) else f"HTTP_{name}"
        if "." in entry and not name.startswith("HTTP_"):
            key = entry
        if _NEEDED.fullmatch(name.removeprefix("HTTP_")) or _OURS.match(entry):
            raise Unfit(
                f"it has {shown(entry)}, which is needed to answer requests.", "Remove it from the list."
            )
        return key


_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


@dataclass(frozen=True, slots=True)
class Uris:
    """A list of URIs (RFC 3986), compared as text by whoever receives them."""

    kind: str = "list of URIs"

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(plain_items(value)))
        for entry in found:
            if not _URI.fullmatch(entry) or len(entry) > 512:
                raise Unfit(f"it has {shown(entry)}, which isn't a URI.", "Write URIs, one a line.")
        return found
