"""A configuration, opened for an administrator; whatever fails is told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from saml_wsgi.cli.inifile import load
from saml_wsgi.cli.report import refusing
from saml_wsgi.errors import (
    CODES,
    ConfigurationError,
    DirectoryConflict,
    DirectoryUnavailable,
    Refused,
    SamlWsgiError,
    StoreUnavailable,
    Unavailable,
)

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts

#: The first argument of every command that works on a configuration.
INI = click.argument("ini", metavar="FILE[#section]")


@contextmanager
def opened(ini: str) -> Iterator[Parts]:
    """The parts of what ``FILE[#section]`` configures. What fails ends the command with 1, and is told.

    Its warnings aren't: `saml-wsgi check` and the server's log have them, and cron would mail them daily.
    """
    with refusing(), explaining():
        section = load(ini)
        from saml_wsgi import wiring

        yield wiring.start(
            section.options, here=section.here, global_conf=section.global_conf, log_warnings=False
        )


@contextmanager
def explaining() -> Iterator[None]:
    """What a directory or a store raises ends the command with 1 and one sentence."""
    try:
        yield
    except ConfigurationError:
        raise  # has problems of its own to show
    except SamlWsgiError as error:
        raise click.ClickException(sentence(error)) from error


def sentence(error: SamlWsgiError) -> str:
    """What went wrong, for an operator."""
    why = f": {error.detail.rstrip('.')}." if error.detail else "."
    if isinstance(error, DirectoryUnavailable):
        return f"The directory of users doesn't answer{why}"
    if isinstance(error, StoreUnavailable):
        return f"The store (store.url) doesn't answer{why}"
    if isinstance(error, Unavailable):
        return f"Something that is needed doesn't answer{why}"
    if isinstance(error, DirectoryConflict):
        return f"That can't be written{why}"
    if isinstance(error, Refused):
        return f"That is refused ({error.code}){why}"
    return f"{CODES[error.code].text.rstrip('.')}{why}"
