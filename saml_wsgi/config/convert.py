"""From what an operator wrote to a typed value: what every kind of option has in common.

A converter is called with the value and the :class:`Place` it stands at. It takes text, as an ini
file has it, and typed values, as Python code has them. It raises :class:`Unfit`, and nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
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


#: What no option holds: control characters other than tab and newlines, halves of surrogate pairs, and the
#: two further characters that XML 1.0 (2.2) has no way to write.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_INLINE_COMMENT: Final = re.compile(r"(?:^|\s)[;#]")
_SHOWN_LENGTH: Final = 60

NO_INLINE_COMMENTS: Final = (
    "An ini file has no comments at the end of a line: what follows the value is part of it. "
    "Put the comment on a line of its own, beginning with # or ;."
)


def shown(text: str) -> str:
    """The text for an operator's eyes: quoted, on one line, shortened. Not for secrets."""
    if "PRIVATE KEY" in text:
        return "a private key"  # by mistake: it has no business here, and none in a log
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
        raise Unfit(f"it is of the type {type(value).__name__}, not text.", "Write text.")
    if found := _CONTROL.search(value):
        raise Unfit(f"it has a character that can't be there: U+{ord(found.group()):04X}.", "Remove it.")
    return value.strip()


def line(value: object, *, longest: int = 1024) -> str:
    """Text on a single line."""
    content = text(value)
    if "\n" in content or "\r" in content:
        raise Unfit("it has several lines.", "Write it on one line.")
    if len(content) > longest:
        raise Unfit(f"it has {len(content)} characters.", f"At most {longest} are possible.")
    return content


def word(value: object, *, longest: int = 256) -> str:
    """Text on a single line that can have no comment behind it."""
    content = line(value, longest=longest)
    if has_comment(content) or ";" in content:
        raise Unfit(f"it is {shown(content)}.", NO_INLINE_COMMENTS)
    return content


def in_lines(value: object) -> bool:
    """Whether text has several lines, or begins on the line below its option."""
    return isinstance(value, str) and re.search(r"[\n\r]", value.rstrip()) is not None


def items(value: object, *, most: int = 64) -> tuple[str, ...]:
    """The entries of a list: one a line where there are several lines, else split at white space.

    What begins on the line below the option counts as lines, too: so one entry may hold a space. In
    code, a list or a tuple of texts.
    """
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        entries = [text(entry) for entry in value]
    else:
        content = text(value)
        entries = content.splitlines() if in_lines(value) else content.split()
    found = tuple(entry.strip() for entry in entries if entry.strip())
    if len(found) > most:
        raise Unfit(f"it is a list of {len(found)} entries.", f"At most {most} are possible.")
    return found


def plain_items(value: object, *, most: int = 64) -> tuple[str, ...]:
    """As :func:`items`, for entries that have no use for ``#`` and ``;``: a comment is recognised."""
    found = items(value, most=most)
    for entry in found:
        if has_comment(entry):
            raise Unfit(f"it has the entry {shown(entry)}.", NO_INLINE_COMMENTS)
    return found
