"""``saml-wsgi database``: makes the tables, and brings them up to date."""

from __future__ import annotations

import click

from saml_wsgi.cli.inifile import load
from saml_wsgi.cli.report import refusing
from saml_wsgi.config.reading import database_urls
from saml_wsgi.config.urls import without_password
from saml_wsgi.errors import Problems


@click.group()
def database() -> None:
    """Create and upgrade the tables that store.url and directory.url name."""


@database.command()
@click.argument("ini", metavar="FILE[#section]")
def create(ini: str) -> None:
    """Make what is missing. Harmless where everything is there."""
    with refusing():
        for option, url in _databases(ini):
            from saml_wsgi import database as schema

            version = schema.create(url, option=option)
            click.echo(f"{without_password(url)}: version {version}")


@database.command()
@click.argument("ini", metavar="FILE[#section]")
def upgrade(ini: str) -> None:
    """Bring the tables up to date with this release. Make a backup first."""
    with refusing():
        for option, url in _databases(ini):
            from saml_wsgi import database as schema

            before, after = schema.upgrade(url, option=option)
            change = (
                f"is at version {after} already" if before == after else f"version {before} is now {after}"
            )
            click.echo(f"{without_password(url)}: {change}")


def _databases(ini: str) -> list[tuple[str, str]]:
    """The databases, with the option that names each. Nothing else of the configuration must be right."""
    section = load(ini)
    problems = Problems()
    found = database_urls(
        section.options, here=section.here, global_conf=section.global_conf, problems=problems
    )
    problems.raise_if_fatal()
    if not found:
        click.echo("store.url is memory:, and there is no directory.url: there is nothing to make.")
    return list(found.items())
