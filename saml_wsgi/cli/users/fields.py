"""The options that name a user's fields and groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from saml_wsgi.cli.people import usable
from saml_wsgi.model import FIELDS

_OPTIONAL: Final = tuple(name for name in FIELDS if name != "username")

F = TypeVar("F", bound=Callable[..., Any])


def fields(command: F) -> F:
    """``--email``, ``--first-name``, …: one option a field; absent ones are None."""
    for name in reversed(_OPTIONAL):
        command = click.option(f"--{name.replace('_', '-')}", name, callback=_checked)(command)
    return command


def groups(help_text: str) -> Callable[[F], F]:
    """``--group NAME``, as often as needed."""
    return click.option("--group", "groups", multiple=True, metavar="NAME", help=help_text, callback=_groups)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Those of the fields that were named."""
    return {name: values[name] for name in FIELDS if values.get(name) is not None}


def username(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """A username that can be one."""
    return value if value is None else usable("username", value)


def _checked(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    return value if value is None else usable(parameter.name or "", value)


def _groups(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(usable("group", name) for name in names)
