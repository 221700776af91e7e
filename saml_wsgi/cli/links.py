"""``saml-wsgi links``: who at the identity provider is which user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from saml_wsgi.cli import listing
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import by_username, end_sessions
from saml_wsgi.cli.people import links as of
from saml_wsgi.cli.subjects import coming, kept
from saml_wsgi.model import Link

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts

_COLUMNS: Final = ("idp", "subject", "user_id", "username", "created")
_BRIEF: Final = ("username", "subject", "idp", "created")

_IDP = click.option("--idp", metavar="NAME", help="The identity provider.  [default: the configured one]")


@click.group()
def links() -> None:
    """Who at the identity provider is which user, for good (link.source).

    FILE is a PasteDeploy ini; #section names its filter section. A SUBJECT is written as `links list` shows
    it: NameID:VALUE, or attr:NAME:VALUE for the value of an attribute.
    """


@links.command("list")
@INI
@click.option("--user", "username", metavar="USERNAME", help="Only the links of this user.")
@click.option("--idp", metavar="NAME", help="Only those to this identity provider.")
@listing.forms
def list_(ini: str, username: str | None, idp: str | None, form: str | None) -> None:
    """List links. One without a username leads to a user who is gone."""
    with opened(ini) as parts:
        pins = of(parts, "listed")
        user_id = by_username(parts, username).id if username is not None else None
        found = [link for link in pins.listed(user_id=user_id) if idp in (None, link.idp)]
        listing.show(form, _COLUMNS, _rows(parts, found), brief=_BRIEF)


def _rows(parts: Parts, found: Sequence[Link]) -> Iterator[Mapping[str, Any]]:
    for link in found:
        user = parts.directory.get(link.user_id)
        yield {
            "idp": link.idp,
            "subject": link.subject,
            "user_id": link.user_id,
            "username": None if user is None else user.username,
            "created": listing.moment(link.created),
        }


@links.command()
@INI
@click.argument("subject")
@_IDP
def remove(ini: str, subject: str, idp: str | None) -> None:
    """Remove a link. The next sign-in that matches the user makes another one."""
    with opened(ini) as parts:
        where = parts.provider.idp_name if idp is None else idp
        pins = of(parts, "follow", "unpin")
        pinned = kept(parts, pins, where, subject)
        if pinned is None or not pins.unpin(where, pinned):
            raise click.ClickException(f"There is no link of {_named(subject, where)}: see `links list`.")
        click.echo(f"{_named(pinned, where)} is nobody here any more.")


@links.command()
@INI
@click.argument("subject")
@click.argument("username")
@_IDP
def move(ini: str, subject: str, username: str, idp: str | None) -> None:
    """Make SUBJECT the user USERNAME from now on, whoever it was before.

    Links of both that stand against it are removed, and the sessions of whoever it was before end. A SUBJECT
    that never signed in can be given a user, too.
    """
    with opened(ini) as parts:
        where = parts.provider.idp_name if idp is None else idp
        pins = of(parts, "repin", "follow")
        user = by_username(parts, username)
        subject = kept(parts, pins, where, subject) or coming(parts, subject)
        before = pins.follow(where, subject)
        if before == user.id:
            click.echo(f"{_named(subject, where)} is {listing.visible(user.username)} already.")
            return
        pins.repin(where, subject, user.id)
        click.echo(f"{_named(subject, where)} is {listing.visible(user.username)} now.")
        previous = parts.directory.get(before) if before is not None else None
        if previous is not None:
            click.echo(f"It was {listing.visible(previous.username)}: {end_sessions(parts, previous)}.")


def _named(subject: str, idp: str) -> str:
    return f"{listing.visible(subject)} at {listing.visible(idp)}"
