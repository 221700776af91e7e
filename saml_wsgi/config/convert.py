"""From what an operator wrote to a typed value: what every kind of option has in common.

A converter is called with the value and the :class:`Place` it stands at. It takes text, as an ini
file has it, and typed values, as Python code has them. It raises :class:`Unfit`, and nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol

from saml_wsgi.errors import Problems


class Unfit(Exception):
    """A value that an option can't take.

    Args:
        reason: What is wrong, as a sentence. Never holds the value of a secret.
        cure: What to write instead, as a sentence.
    """

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(reason, cure)
        self.reason = reason
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
        key: The option, as an operator writes it.
        here: The folder that relative paths are relative to; None where there is none (in code).
        secret: Whether the value may be a reference (``env:``, ``file:``) and must not be shown.
    """

    key: str
    here: str | None = None
    secret: bool = False
    problems: Problems = field(default_factory=Problems, compare=False)

    def warn(self, reason: str, cure: str = "") -> None:
        """Note something about this value that starts all the same."""
        self.problems.warn(self.key, reason, cure)


class Converter(Protocol):
    """Makes a typed value of one option."""

    @property
    def kind(self) -> str:
        """What may be written, in a few words, for the reference page."""

    def __call__(self, value: object, place: Place, /) -> Any:
        """The typed value.

        Raises:
            Unfit: The value can't be taken.
        """


#: What no option holds: control characters other than tab and newlines, and halves of surrogate pairs.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INLINE_COMMENT: Final = re.compile(r"(?:^|\s)[;#]")
_SHOWN_LENGTH: Final = 60

NO_INLINE_COMMENTS: Final = (
    "An ini file has no comments at the end of a line: what follows the value is part of it. "
    "Put the comment on a line of its own, beginning with # or ;."
)


def shown(text: str) -> str:
    """The text for an operator's eyes: quoted, on one line, shortened. Not for secrets."""
    return ascii(text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…")


def has_comment(content: str) -> bool:
    """Whether a part of the text looks like a comment, which an ini file made part of the value."""
    return _INLINE_COMMENT.search(content) is not None


def is_unset(value: object) -> bool:
    """Whether this means that nothing was written: None, or text without a character to see."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: object) -> str:
    """The value as text, stripped; a path object counts as text."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise Unfit(f"It is of the type {type(value).__name__}, not text.", "Write text.")
    if found := _CONTROL.search(value):
        raise Unfit(f"It has a character that can't be there: U+{ord(found.group()):04X}.", "Remove it.")
    return value.strip()


def line(value: object, *, longest: int = 1024) -> str:
    """Text on a single line."""
    content = text(value)
    if "\n" in content or "\r" in content:
        raise Unfit("It has several lines.", "Write it on one line.")
    if len(content) > longest:
        raise Unfit(f"It has {len(content)} characters.", f"At most {longest} are possible.")
    return content


def word(value: object, *, longest: int = 256) -> str:
    """Text on a single line that can have no comment behind it."""
    content = line(value, longest=longest)
    if has_comment(content) or ";" in content:
        raise Unfit(f"It is {shown(content)}.", NO_INLINE_COMMENTS)
    return content


def items(value: object, *, most: int = 64) -> tuple[str, ...]:
    """The entries of a list: one a line where there are several lines, else split at white space.

    In code, a list or a tuple of texts.
    """
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        entries = [text(entry) for entry in value]
    else:
        content = text(value)
        entries = content.splitlines() if "\n" in content or "\r" in content else content.split()
    found = tuple(entry.strip() for entry in entries if entry.strip())
    if len(found) > most:
        raise Unfit(f"It is a list of {len(found)} entries.", f"At most {most} are possible.")
    return found


def plain_items(value: object, *, most: int = 64) -> tuple[str, ...]:
    """As :func:`items`, for entries that have no use for ``#`` and ``;``: a comment is recognised."""
    found = items(value, most=most)
    for entry in found:
        if has_comment(entry):
            raise Unfit(f"It has the entry {shown(entry)}.", NO_INLINE_COMMENTS)
    return found


@dataclass(frozen=True, slots=True)
class Text:
    """Free text. On one line unless ``lines``; then the lines are joined by a space."""

    longest: int = 1024
    lines: bool = False
    kind: str = "text"

    def __call__(self, value: object, place: Place, /) -> str:
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

    def __call__(self, value: object, place: Place, /) -> str:
        if isinstance(value, bool):
            value = "yes" if value else "no"
        content = word(value)
        found = self.aliases.get(content.lower(), content.lower())
        if found not in self.words:
            raise Unfit(f"It is {shown(content)}.", f"Write {' or '.join(self.words)}.")
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

    def __call__(self, value: object, place: Place, /) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and value in {0, 1}:
            return value == 1
        content = word(value)
        try:
            return _BOOLEANS[content.lower()]
        except KeyError:
            raise Unfit(
                f"It is {shown(content)}, which is neither yes nor no.",
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

    def __call__(self, value: object, place: Place, /) -> int:
        seconds = self._seconds(value)
        if not self.shortest <= seconds <= self.longest:
            raise Unfit(f"It is {duration_text(seconds)}.", f"Write a time span of {self.kind}.")
        return seconds

    @staticmethod
    def _seconds(value: object) -> int:
        if isinstance(value, timedelta):
            value = value.total_seconds()
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value in {float("inf"), float("-inf")} or value != int(value if value == value else 0):  # noqa: PLR0124 (NaN)
                raise Unfit("It isn't a whole number of seconds.", "Write whole seconds.")
            if abs(value) >= 10**9:
                raise Unfit("It is longer than 30 years.", "Write a shorter time span.")
            return int(value)
        content = word(value)
        found = _QUANTITY.fullmatch(content)
        if found is None or found[2].lower() not in _UNITS:
            raise Unfit(
                f"It is {shown(content)}, which isn't a time span.",
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

    def __call__(self, value: object, place: Place, /) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            count = value
        else:
            content = word(value)
            found = _QUANTITY.fullmatch(content)
            if found is None or found[2].lower() not in _SIZES:
                raise Unfit(
                    f"It is {shown(content)}, which isn't a size.",
                    "Write a whole number and a unit: 256 KiB or 1 MiB; without a unit it is bytes.",
                )
            count = int(found[1]) * _SIZES[found[2].lower()]
        if not self.least <= count <= self.most:
            raise Unfit(f"It is {_digits(count)} bytes.", f"Write a size of {self.kind}.")
        return count


def _digits(number: int) -> str:
    # str() of an int refuses to print more than some thousand digits.
    return str(number) if abs(number) < 10**18 else "far too many"


@dataclass(frozen=True, slots=True)
class Lines:
    """A list whose entries somebody else understands; kept as written, without the empty ones."""

    kind: str = "list"
    most: int = 256

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
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

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(entry.lower() for entry in plain_items(value)))
        for entry in found:
            if entry not in self.words:
                raise Unfit(f"It has {shown(entry)}.", f"Write one or more of {', '.join(self.words)}.")
        if not found:
            raise Unfit("It is an empty list.", f"Write one or more of {', '.join(self.words)}.")
        return found


@dataclass(frozen=True, slots=True)
class AttributeNames:
    """An ordered list of attribute names; the first that has a value counts.

    Attributes:
        off: Whether ``off`` may be written to take the value from nowhere.
    """

    off: bool = True

    @property
    def kind(self) -> str:
        return "list of attribute names, `NameID` among them" + ("; or `off`" if self.off else "")

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        if value is False:
            value = "off"
        found = tuple(dict.fromkeys(plain_items(value)))
        if [entry.lower() for entry in found] == ["off"]:
            if not self.off:
                raise Unfit("It can't be off.", "Name the attribute, or NameID.")
            return ()
        if not found:
            raise Unfit("It is an empty list.", "Name an attribute, or NameID.")
        for entry in found:
            if len(entry) > 256:
                raise Unfit("It has a name of more than 256 characters.", "Write one name a line.")
            if entry.lower() == "nameid" and entry != "NameID":
                raise Unfit(f"It has {shown(entry)}.", "Write NameID, with these capital letters.")
        return found


_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


@dataclass(frozen=True, slots=True)
class Uris:
    """A list of URIs (RFC 3986), compared as text by whoever receives them."""

    kind: str = "list of URIs"

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(plain_items(value)))
        for entry in found:
            if not _URI.fullmatch(entry) or len(entry) > 512:
                raise Unfit(f"It has {shown(entry)}, which isn't a URI.", "Write URIs, one a line.")
        return found


_RESOLVER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class ResolverNames:
    """The names of resolvers, in the order in which they are asked."""

    kind: str = "list of names"

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        found = plain_items(value, most=16)
        if not found:
            raise Unfit("It is an empty list: nobody could sign in.", "Name a resolver, for example jit.")
        for entry in found:
            if not _RESOLVER_NAME.fullmatch(entry):
                raise Unfit(
                    f"It has {shown(entry)}, which can't be a name.",
                    "A name is made of letters, digits, - and _. Write several on lines of their own, "
                    "or with a space between them.",
                )
        if len(set(found)) != len(found):
            raise Unfit("It names a resolver twice.", "Name each once.")
        return found
