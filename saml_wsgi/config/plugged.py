"""What is plugged in, as an operator names it: resolvers, sources, a directory, and options of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Final, NamedTuple, TypeAlias

from saml_wsgi.config.convert import Place, Unfit, in_lines, plain_items, shown, text, word
from saml_wsgi.config.secrets import Secret

#: An option of a plug-in: text as an ini has it, or the entries of a list that code gave.
Texts: TypeAlias = str | tuple[str, ...]

_PLUGIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_USE: Final = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.]*)?", re.ASCII)


class Plugged(NamedTuple):
    """A resolver or a source as it was written: what it is called, what it is, and options of its own."""

    name: str
    use: str
    options: Mapping[str, Texts]


def is_plugin_name(name: str) -> bool:
    """Whether a resolver or a source may be called so."""
    return _PLUGIN_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class PluginNames:
    """The names of resolvers, in the order in which they are asked."""

    kind: str = "list of names"

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = plain_items(value, most=16)
        if not found:
            raise Unfit("it is an empty list: nobody could sign in.", "Name a resolver, for example jit.")
        for entry in found:
            if not is_plugin_name(entry):
                raise Unfit(
                    f"it has {shown(entry)}, which can't be a name.",
                    "A name is made of letters, digits, - and _. Write several on lines of their own, "
                    "or with a space between them.",
                )
        if len(set(found)) != len(found):
            raise Unfit("it names a resolver twice.", "Name each once.")
        return found


@dataclass(frozen=True, slots=True)
class SourceName:
    """The name of a source."""

    kind: str = "name of a source"

    def __call__(self, value: object, _: Place, /) -> str:
        content = word(value)
        if not is_plugin_name(content):
            raise Unfit(
                f"it is {shown(content)}, which can't be a name.",
                "Write NAME, as it stands in source.NAME.use.",
            )
        return content


@dataclass(frozen=True, slots=True)
class Use:
    """What a plug-in is: the name of an entry point, or ``module:attribute``."""

    kind: str = "entry point or `module:attribute`"

    def __call__(self, value: object, _: Place, /) -> str:
        content = word(value)
        if not _USE.fullmatch(content):
            raise Unfit(f"it is {shown(content)}.", "Write the name of an entry point, or module:attribute.")
        return content


def as_texts(value: object) -> Texts:
    """A plug-in's option as an ini would have it; what it means is the plug-in's business.

    Raises:
        Unfit: It is an object that no ini can hold.
    """
    if isinstance(value, list | tuple):
        return tuple(_as_text(entry) for entry in value)
    return _as_text(value)


def _as_text(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        # str() refuses very large numbers.
        return f"{value:d}" if abs(value) < 10**18 else hex(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, timedelta) and not value % timedelta(seconds=1):
        return f"{value // timedelta(seconds=1)} s"
    if isinstance(value, str | PurePath):
        content = text(value)
        # A list's only entry, on a line of its own, stays recognisable as such.
        return f"\n{content}" if in_lines(value) and not in_lines(content) else content
    raise Unfit(
        f"it is of the type {type(value).__name__}.",
        "Write text, a number, yes or no, or a list. For objects, compose SAMLMiddleware yourself.",
    )
