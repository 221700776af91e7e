"""The command line: ``saml-wsgi``, a module a command."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

#: Where each command is. It is imported when it is invoked, or listed by ``--help``, and not before.
COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "check": "saml_wsgi.cli.check:check",
        "database": "saml_wsgi.cli.database:database",
        "demo": "saml_wsgi.cli.demo:demo",
        "explain": "saml_wsgi.cli.explain:explain",
        "links": "saml_wsgi.cli.links:links",
        "logins": "saml_wsgi.cli.logins:logins",
        "metadata": "saml_wsgi.cli.metadata:metadata",
        "resolve": "saml_wsgi.cli.resolve:resolve",
        "sync": "saml_wsgi.cli.sync:sync",
        "users": "saml_wsgi.cli.users:users",
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="saml_wsgi", prog_name="saml-wsgi")
def main() -> None:
    """Sign people in to WSGI applications through JumpCloud (SAML 2.0)."""
