"""How the text of a field is made: composed from attributes, cut, replaced, written in small letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from re import _parser  # type: ignore[attr-defined]  # how else would one look at a pattern?
from typing import Any, Final, NamedTuple

from saml_wsgi.errors import Problems, Refused

#: The longest value of a field, a group's name or a subject, in characters. SAML Core 8.3.7 and 8.3.8
#: allow no more in an identifier; what is longer is refused, never cut (cut names can be equal).
LONGEST: Final = 256

_REPEATS: Final = frozenset({_parser.MAX_REPEAT, _parser.MIN_REPEAT})
_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")


class _Piece(NamedTuple):
    literal: str
    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """Text with names in braces, such as ``{firstname} {lastname}``; doubled braces are literal.

    Raises:
        ValueError: A brace stands alone, or nothing stands between two. Its text says where.
    """

    text: str
    _pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces, end = [], 0
        for found in _PIECE.finditer(self.text):
            before = self.text[end : found.start()]
            end = found.end()
            brace = found.group()
            if found[1] is not None:
                pieces.append(_Piece(before, found[1].strip()))
            elif len(brace) == 2:
                pieces.append(_Piece(before + brace[0], ""))
            else:
                raise ValueError(f"the {brace} at character {found.start() + 1} has no other half")
        pieces.append(_Piece(self.text[end:], ""))
        object.__setattr__(self, "_pieces", tuple(pieces))

    @property
    def names(self) -> tuple[str, ...]:
        """The names in braces, in order."""
        return tuple(piece.name for piece in self._pieces if piece.name)

    def fill(self, value: Callable[[str], str | None]) -> str | None:
        """The text with each name's value in its place; None if any of them has none."""
        parts: list[str] = []
        for literal, name in self._pieces:
            parts.append(literal)
            if name:
                put = value(name)
                if not put:
                    return None
                parts.append(put)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class TextChange:
    r"""What is done to the text of one field (``attributes.<field>.…``), in this order.

    Attributes:
        format: Composes the text where no candidate has a value: ``{firstname} {lastname}``.
        cut_domain: Drops the last ``@`` and what follows, and a ``DOMAIN\`` in front.
        replace: Patterns of :mod:`re`, and what stands for each match (``\1`` is its first group).
        lower: Writes small letters.

    Raises:
        ConfigurationError: A pattern, a replacement or the format can't be read. The problems' keys are
            the attribute's own names: ``replace``, ``format``.
    """

    replace: tuple[tuple[str, str], ...] = ()
    lower: bool = False
    cut_domain: bool = False
    format: str = ""
    template: Template | None = field(init=False, repr=False, compare=False, default=None)
    _patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        problems = Problems()
        patterns: list[re.Pattern[str]] = []
        for pattern, replacement in self.replace:
            try:
                patterns.append(compiled(pattern, (replacement,)))
            except ValueError as error:
                problems.add("replace", f"{pattern!r} -> {replacement!r}: {error}.", "Correct it.")
        try:
            template = Template(self.format) if self.format else None
        except ValueError as error:
            template = None
            problems.add("format", f"{error}.", "Write {name}, and {{ for a brace that is meant.")
        problems.raise_if_fatal()
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "_patterns", tuple(patterns))

    def apply(self, text: str, source: str) -> str:
        """The text as changed; white space at its ends isn't stripped yet.

        Raises:
            Refused: ``attribute_unusable``, if it is longer than 256 characters, before, after, or on
                the way.
        """
        check_length(text, source)
        if self.cut_domain:
            text = text.rpartition("@")[0] if "@" in text else text
            text = text.partition("\\")[2] if "\\" in text else text
        for pattern, (_, replacement) in zip(self._patterns, self.replace, strict=True):
            text = pattern.sub(replacement, text)
            check_length(text, source)
        if self.lower:
            text = text.lower()
            check_length(text, source)
        return text


#: What is taken as it arrived.
UNCHANGED: Final = TextChange()


def compiled(pattern: str, replacements: Sequence[str]) -> re.Pattern[str]:
    """The pattern, which can be replaced by each of the texts.

    Raises:
        ValueError: It is no regular expression, or a replacement names a group that it doesn't have.
    """
    try:
        made = re.compile(pattern)
        if _repeats(_parser.parse(pattern), within=False):
            raise ValueError("it repeats what is itself repeated, which can take minutes to match")
        for replacement in replacements:
            made.sub(replacement, "")
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"it can't be read as a regular expression ({error})") from None
    return made


def _repeats(parsed: Any, *, within: bool) -> bool:
    """Whether something is repeated without end inside a repetition without end: ``(a+)+``."""
    for operation, argument in parsed:
        endless = operation in _REPEATS and argument[1] is _parser.MAXREPEAT
        if endless and within:
            return True
        for part in argument if isinstance(argument, tuple) else (argument,):
            inner = part if isinstance(part, list) else [part]
            for piece in inner:
                if isinstance(piece, _parser.SubPattern) and _repeats(piece, within=within or endless):
                    return True
    return False


def check_length(text: str, source: str) -> None:
    """Raise Refused (``attribute_unusable``) if the text is longer than :data:`LONGEST`."""
    if len(text) > LONGEST:
        detail = (
            f"a value of {source} has {len(text)} characters, and {LONGEST} are the most that are accepted"
        )
        raise Refused("attribute_unusable", detail)
