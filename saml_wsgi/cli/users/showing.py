"""``saml-wsgi users list`` and ``show``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from saml_wsgi.cli import listing
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import COLUMNS, by_username, directory, everybody, links_of, row
from saml_wsgi.interfaces import AdministeredDirectory
from saml_wsgi.model import Link, Listed

_BRIEF: Final = ("username", "email", "display_name", "groups", "active", "managed_by", "seen")


@click.command("list")
@INI
@click.option("--active/--inactive", "active", default=None, help="Only those who may sign in, or may not.")
@click.option(
    "--managed-by",
    metavar="WHO",
    help="Only those that WHO keeps: local, jit:NAME, ldap:NAME; without a name, all of the kind.",
)
@listing.forms
def list_(ini: str, active: bool | None, managed_by: str | None, form: str | None) -> None:
    """List users.

    What --csv prints, `users import` reads: several groups in one cell are separated by semicolons.
    """
    with opened(ini) as parts:
        people = directory(parts, "everybody")
        listing.show(form, COLUMNS, _rows(people, active, managed_by), brief=_BRIEF)


def _rows(
    people: AdministeredDirectory, active: bool | None, managed_by: str | None
) -> Iterator[Mapping[str, Any]]:
    for listed in everybody(people):
        user = listed.user
        if active is not None and user.active is not active:
            continue
        if managed_by is not None and managed_by not in (user.managed_by, user.managed_by.partition(":")[0]):
            continue
        yield row(listed)


@click.command(short_help="Show one user.")
@INI
@click.argument("username")
@listing.forms
def show(ini: str, username: str, form: str | None) -> None:
    """Show all that is kept of a user, and who at which identity provider it is."""
    with opened(ini) as parts:
        user = by_username(parts, username)
        pinned = links_of(parts, user)
    # When a record was made is told in lists alone.
    facts: dict[str, Any] = {name: value for name, value in row(Listed(user)).items() if name != "created"}
    if form is None:
        width = max(map(len, facts)) + 2
        facts["seen"] = facts["seen"] or "never"
        for name, value in [*facts.items(), *(("link", _link(link)) for link in pinned)]:
            listing.say(f"{name.replace('_', ' '):<{width}}{listing.visible(listing.text(value))}".rstrip())
        return
    if form == "json":
        facts["links"] = [
            {"idp": link.idp, "subject": link.subject, "created": listing.moment(link.created)}
            for link in pinned
        ]
        click.echo(listing.as_json(facts, indent=2).encode(errors="replace"))
    else:
        listing.show(form, list(facts), [facts])


def _link(link: Link) -> str:
    since = listing.day(link.created)
    return f"{link.subject} at {link.idp}" + (f" since {since}" if since else "")
