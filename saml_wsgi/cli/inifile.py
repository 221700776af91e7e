"""A filter section of an ini, as PasteDeploy hands it to us: inheritance, ``get``, ``set`` and all.

What configparser and PasteDeploy say about a broken file quotes lines of it, which may hold secrets:
so everything is told in words of our own.
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, Final

import click
from paste.deploy import loadwsgi

from saml_wsgi.errors import ConfigurationError, Problem

_FACTORY: Final = "saml_wsgi.paste:filter_factory"
_OURS: Final = frozenset(
    {"egg:saml_wsgi", "egg:saml_wsgi#main", "egg:saml-wsgi", "egg:saml-wsgi#main", f"call:{_FACTORY}"}
)
_PREFIXES: Final = ("filter:", "filter-app:")


@dataclass(frozen=True, slots=True)
class IniSection:
    """A filter section, resolved.

    Attributes:
        path: The ini file, absolute.
        section: The section's header, for example ``filter:saml``.
        options: What our factory would get as keyword arguments.
        global_conf: What it would get as its first argument: ``[DEFAULT]``, ``here``, ``__file__``.
        here: The folder that relative paths begin at.
    """

    path: str
    section: str
    options: Mapping[str, str] = field(repr=False)
    global_conf: Mapping[str, str] = field(repr=False)
    here: str

    def __str__(self) -> str:
        return f"{self.path} [{self.section}]"


def load(spec: str) -> IniSection:
    """The section that ``FILE#SECTION`` names; without a name, the only one in the file that is ours.

    Raises:
        click.UsageError: There is no such file or section, or several could be meant.
        ConfigurationError: The file can't be read as an ini, or the section can't be resolved.
    """
    name, _, wanted = spec.partition("#")
    path = Path(name).absolute()
    if not path.is_file():
        raise click.UsageError(f"There is no file {name}.")
    with _explained(path):
        loader = loadwsgi.ConfigLoader(str(path))
        ours = [section for section in loader.parser.sections() if _is_ours(loader, section)]
        section = _choose(ours, wanted, path)
        kind, _, title = section.partition(":")
        if kind == "filter-app":
            context = loader.get_context(loadwsgi.APP, title.strip()).filter_context
        else:
            context = loader.get_context(loadwsgi.FILTER, title.strip())
        # A filter may have a filter in front of it (filter-with); ours is inside.
        context = getattr(context, "next_context", context)
    return IniSection(
        path=str(path),
        section=section,
        options=dict(context.local_conf),
        global_conf=dict(context.global_conf),
        here=context.global_conf.get("here", str(path.parent)),
    )


def _choose(ours: list[str], wanted: str, path: Path) -> str:
    known = ", ".join(f"#{section.partition(':')[2].strip()}" for section in ours)
    if wanted:
        found = [section for section in ours if wanted in {section, section.partition(":")[2].strip()}]
        if len(found) == 1:
            return found[0]
        if found:
            raise click.UsageError(
                f"{path} has {' and '.join(f'[{section}]' for section in found)}. Rename one."
            )
        there = f"It has: {known}." if ours else _NONE
        raise click.UsageError(f"{path} has no filter section {wanted!r} that uses egg:saml_wsgi. {there}")
    if not ours:
        raise click.UsageError(f"{path}: {_NONE}")
    if len(ours) > 1:
        raise click.UsageError(
            f"{path} has several sections that use egg:saml_wsgi. Add one of them: {known}."
        )
    return ours[0]


_NONE: Final = "No section has use = egg:saml_wsgi."


def _is_ours(loader: loadwsgi.ConfigLoader, section: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a section leads to our factory, followed without importing anything."""
    if not section.startswith(_PREFIXES) or section in seen:
        return False
    parser = loader.parser
    if parser.get(section, "paste.filter_factory", raw=True, fallback="").strip() == _FACTORY:
        return True
    use = parser.get(section, "use", fallback="").strip()
    if use in _OURS:
        return True
    if use.startswith("config:"):
        file, _, name = use.removeprefix("config:").partition("#")
        other = Path(loader.filename).parent / file
        if not other.is_file():
            return False
        loader, use, seen = loadwsgi.ConfigLoader(str(other)), name or "main", frozenset()
    parent = f"filter:{use}"
    headers = {
        ":".join(part.strip() for part in name.split(":", 1)): name for name in loader.parser.sections()
    }
    return parent in headers and _is_ours(loader, headers[parent], seen | {section})


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever is wrong with the file, without quoting it."""
    try:
        yield
    except (configparser.Error, UnicodeDecodeError, ImportError, LookupError, OSError) as error:
        words = next((words for kind, words in _WORDS if isinstance(error, kind)), _not_an_ini)
        raise ConfigurationError(Problem(str(path), *words(error))) from None


def _not_an_ini(error: Any) -> tuple[str, str]:
    return f"it can't be read ({type(error).__name__}).", "Is it a PasteDeploy ini?"


def _lines(error: configparser.ParsingError) -> tuple[str, str]:
    lines = ", ".join(str(number) for number, _ in error.errors)
    return f"it can't be read at line {lines}.", "Write key = value; a value's further lines are indented."


_DOUBLE: Final = "Double each % that is only a %."
#: The first that fits, so the special ones stand before the general ones.
_WORDS: Final[tuple[tuple[type[Exception], Callable[[Any], tuple[str, str]]], ...]] = (
    (
        configparser.MissingSectionHeaderError,
        lambda error: (f"line {error.lineno} stands before any [section].", "Begin with [filter:saml]."),
    ),
    (configparser.ParsingError, _lines),
    (
        configparser.DuplicateSectionError,
        lambda error: (f"[{error.section}] is there twice.", "Make them one."),
    ),
    (
        configparser.DuplicateOptionError,
        lambda error: (f"[{error.section}] has {error.option} twice.", "Remove one."),
    ),
    (
        configparser.InterpolationMissingOptionError,
        lambda error: (
            f"{error.option} in [{error.section}] refers to something in %(…)s that isn't there.",
            f"Define it in [DEFAULT]. {_DOUBLE}",
        ),
    ),
    (
        configparser.InterpolationError,
        lambda error: (f"{error.option} in [{error.section}] has a % that means nothing.", _DOUBLE),
    ),
    (
        UnicodeDecodeError,
        lambda _: ("it isn't text in this system's encoding.", "Save it as UTF-8, and use a UTF-8 locale."),
    ),
    (
        PackageNotFoundError,
        lambda error: (f"the package {error.name} isn't installed.", "Install it, or correct its name."),
    ),
    (
        ImportError,
        lambda error: (f"something can't be imported: {error}.", "Install it, or correct its name."),
    ),
    # PasteDeploy follows `get x = y` without looking whether y is there.
    (
        KeyError,
        lambda _: ("a line `get … = …` names something that isn't in [DEFAULT].", "Define it there."),
    ),
    (LookupError, lambda error: (f"PasteDeploy says: {error}.", "Correct the section.")),
    (
        OSError,
        lambda error: (
            f"a file can't be read: {error.strerror}.",
            "Check it, and what its use = lines name.",
        ),
    ),
)
