"""The kinds of options that say who somebody is: names, groups, and the rules that make one of the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from saml_wsgi.config.convert import (
    NO_INLINE_COMMENTS,
    Place,
    Unfit,
    has_comment,
    in_lines,
    line,
    plain_items,
    shown,
    text,
)
from saml_wsgi.config.kinds import Lines
from saml_wsgi.resolvers.transformation import Template, compiled

_LONGEST: Final = 256


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

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        if value is False:
            value = "off"
        found = tuple(dict.fromkeys(plain_items(value)))
        if [entry.lower() for entry in found] == ["off"]:
            if not self.off:
                raise Unfit("it can't be off.", "Name the attribute, or NameID.")
            return ()
        if not found:
            raise Unfit("it is an empty list.", "Name an attribute, or NameID.")
        for entry in found:
            if len(entry) > 256:
                raise Unfit("it has a name of more than 256 characters.", "Write one name a line.")
            if entry.lower() == "nameid" and entry != "NameID":
                raise Unfit(f"it has {shown(entry)}.", "Write NameID, with these capital letters.")
        return found


@dataclass(frozen=True, slots=True)
class GroupNames:
    """A list of names of groups, or of patterns of them.

    A name may hold spaces, so that one line with spaces in it could be one group or several. Guessed
    wrongly, a ``deny.groups`` would deny nobody: it is asked for instead.
    """

    kind: str = "list of groups, one a line"

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        if isinstance(value, str):
            content = text(value)
            if len(content.split()) > 1 and not in_lines(value):
                plain_items(content)  # a comment behind it is the likelier mistake
                raise Unfit(
                    f"it is {shown(content)}, which may be one group or several.",
                    "Write each group on a line of its own, the first one, too, below the option.",
                )
        found = Lines(most=1000)(value, place)
        for entry in found:
            if len(entry) > _LONGEST:
                raise Unfit(f"it has a name of {len(entry)} characters.", f"At most {_LONGEST} are possible.")
        return tuple(dict.fromkeys(found))


_ARROW: Final = re.compile(r"\s->(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Arrows:
    """Lines of ``left -> right``, in their order.

    Attributes:
        patterns: Whether the left is a regular expression and the right what :func:`re.sub` puts in its
            place, which may be nothing. Otherwise somebody else understands both, and neither is empty.
    """

    kind: str
    patterns: bool = False
    most: int = 1000

    def __call__(self, value: object, place: Place, /) -> tuple[tuple[str, str], ...]:
        if isinstance(value, tuple | list) and value and all(_is_pair(entry) for entry in value):
            pairs = [(text(left), text(right)) for left, right in value]
        else:
            pairs = [self._split(entry) for entry in Lines(most=self.most)(value, place)]
        for left, right in pairs:
            if not left or not (right or self.patterns):
                raise Unfit(f"{shown(f'{left} -> {right}')} lacks a side.", f"Write {self.kind}.")
            if self.patterns:
                _check_pattern(left, right)
        return tuple(pairs)

    def _split(self, entry: str) -> tuple[str, str]:
        sides = _ARROW.split(f" {entry}")
        if len(sides) != 2:
            many = "several arrows" if len(sides) > 2 else "no arrow with a space before it"
            raise Unfit(f"{shown(entry)} has {many}.", f"Write {self.kind}.")
        return sides[0].strip(), sides[1].strip()


def _is_pair(entry: object) -> bool:
    return isinstance(entry, tuple | list) and len(entry) == 2


def _check_pattern(pattern: str, replacement: str) -> None:
    try:
        compiled(pattern, (replacement,))
    except ValueError as error:
        cure = r"Correct it; a replacement refers to a group in brackets as \1, and to a backslash as \\."
        raise Unfit(f"{shown(f'{pattern} -> {replacement}')}: {error}.", cure) from None


@dataclass(frozen=True, slots=True)
class Format:
    """Text with placeholders: ``{firstname} {lastname}``. Doubled braces are literal ones."""

    kind: str = "text with `{names}` in braces"

    def __call__(self, value: object, _: Place, /) -> str:
        content = line(value)
        if has_comment(content):
            raise Unfit(f"it is {shown(content)}.", NO_INLINE_COMMENTS)
        try:
            template = Template(content)
        except ValueError as error:
            raise Unfit(
                f"in {shown(content)}, {error}.",
                "Write names as {name}, and a brace that is meant as such twice.",
            ) from None
        if not template.names:
            raise Unfit(
                f"{shown(content)} names no attribute, so that everybody would have this value.",
                "Write names in braces, for example {firstname} {lastname}.",
            )
        return content


@dataclass(frozen=True, slots=True)
class Separator:
    """What stands between the parts of a separated value: a few characters that aren't white space."""

    kind: str = "one or a few characters, such as `;`"

    def __call__(self, value: object, _: Place, /) -> str:
        content = line(value, longest=_LONGEST)
        if len(content) > 8 or any(map(str.isspace, content)):
            cure = NO_INLINE_COMMENTS if has_comment(content[1:]) else "Write for example ; or a comma."
            raise Unfit(f"it is {shown(content)}.", cure)
        if content.isalnum():
            raise Unfit(
                f"it is {shown(content)}, which names are made of.", "Write for example ; or a comma."
            )
        return content


_DOMAIN: Final = re.compile(r"(?!-)[^\W_](?:[\w.-]*[^\W_])?")


@dataclass(frozen=True, slots=True)
class Domains:
    """The domains of e-mail addresses, each exactly: no patterns, no subdomains."""

    kind: str = "list of domains"

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = plain_items(value, most=1000)
        for entry in found:
            if len(entry) > 253 or ".." in entry or not _DOMAIN.fullmatch(entry):
                raise Unfit(
                    f"it has {shown(entry)}, which is no domain.",
                    "Write what stands behind the @ of an address, for example example.com; subdomains are "
                    "named one by one.",
                )
        return tuple(dict.fromkeys(entry.lower() for entry in found))
