"""An option of a plug-in, from text to the type that its annotation promises."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, Union, get_args, get_origin

from saml_wsgi.config.convert import Converter, Place, Unfit, items, plain_items, shown, text, word
from saml_wsgi.config.kinds import Duration, Flag
from saml_wsgi.config.secrets import secret_text

_MOST: Final = 1000
_SPAN: Final = Duration(0, 10**9)
# Eighteen digits: more can't be meant, and int() must never be given a megabyte of them.
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class _Text:
    kind: str = "text"

    def __call__(self, value: object, _: Place, /) -> str:
        return text("\n".join(value) if isinstance(value, tuple) else value)


@dataclass(frozen=True, slots=True)
class _Secret:
    kind: str = "`env:NAME`, `file:PATH` or text"

    def __call__(self, value: object, place: Place, /) -> str:
        return secret_text(value, place)


@dataclass(frozen=True, slots=True)
class _Integer:
    kind: str = "a whole number"

    def __call__(self, value: object, _: Place, /) -> int:
        content = word(value)
        if not _INTEGER.fullmatch(content):
            raise Unfit(f"it is {shown(content)}, which isn't a whole number.", "Write a whole number.")
        return int(content)


@dataclass(frozen=True, slots=True)
class _Number:
    kind: str = "a number"

    def __call__(self, value: object, _: Place, /) -> float:
        content = word(value)
        if not _NUMBER.fullmatch(content) or not math.isfinite(float(content)):
            raise Unfit(f"it is {shown(content)}, which isn't a number.", "Write a number such as 0.5.")
        return float(content)


@dataclass(frozen=True, slots=True)
class _Span:
    kind: str = "a time span"

    def __call__(self, value: object, place: Place, /) -> timedelta:
        return timedelta(seconds=_SPAN(value, place))


@dataclass(frozen=True, slots=True)
class _Several:
    entry: Converter
    collect: Callable[[Iterable[Any]], Collection[Any]]

    @property
    def kind(self) -> str:
        return f"a list, each entry {self.entry.kind}"

    def __call__(self, value: object, place: Place, /) -> Collection[Any]:
        entries = items(value, most=_MOST) if isinstance(value, tuple) else plain_items(value, most=_MOST)
        return self.collect(self.entry(entry, place) for entry in entries)


_SINGLE: Final[dict[Any, Converter]] = {
    str: _Text(),
    int: _Integer(),
    float: _Number(),
    bool: Flag(),
    timedelta: _Span(),
    Any: _Text(),
    object: _Text(),
}
_MANY: Final[dict[Any, Callable[[Iterable[Any]], Collection[Any]]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    Collection: tuple,
    Iterable: tuple,
}


def converter(annotation: Any) -> Converter | None:
    """What makes a value of the annotated type of text; None if no text of an ini can be one.

    ``str``, ``int``, ``float``, ``bool``, ``timedelta``, and lists, tuples, sequences and sets of these,
    each also optional (``X | None``). A list is written as everywhere: an entry a line, or with white
    space between them.
    """
    if annotation in _SINGLE:
        return _SINGLE[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _Secret() if arguments == (str, "secret") else converter(arguments[0])
    if origin in {Union, types.UnionType}:
        left = [argument for argument in arguments if argument is not type(None)]
        return converter(left[0]) if len(left) == 1 else None
    collect = _MANY.get(origin or annotation)
    if collect is None:
        return None
    if collect is tuple and origin is tuple and (len(arguments) != 2 or arguments[1] is not ...):
        return None  # of a fixed length
    entry = _SINGLE.get(arguments[0]) if arguments else _SINGLE[str]
    return None if entry is None else _Several(entry, collect)
