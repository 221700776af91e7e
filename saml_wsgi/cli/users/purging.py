"""``saml-wsgi users purge``: users whom the directory doesn't know any more."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from saml_wsgi.cli.listing import day, visible
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import directory, end_sessions
from saml_wsgi.cli.report import count
from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.kinds import Duration
from saml_wsgi.model import User

if TYPE_CHECKING:
    from saml_wsgi.directories.arrival.values import Gone
    from saml_wsgi.wiring import Parts

_DAY: Final = 86400
#: So many are named before it asks.
_SHOWN: Final = 50
_BUSY: Final = 3


def _span(_: click.Context, __: click.Parameter, value: str) -> int:
    try:
        return Duration(_DAY, 36500 * _DAY)(value, Place("--missing"))
    except Unfit as unfit:
        raise click.BadParameter(f"{unfit.reason} {unfit.cure}") from unfit


@click.command(short_help="Delete users who left the directory long ago.")
@INI
@click.option(
    "--missing",
    metavar="SPAN",
    required=True,
    callback=_span,
    help="Whom no synchronisation has found there for so long, at least 1d; for example 90d.",
)
@click.option("--dry-run", is_flag=True, help="Only say who it would be.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def purge(ini: str, missing: int, dry_run: bool, yes: bool) -> None:
    """Delete users who were synchronised, and whom the directory hasn't known for so long.

    Their groups, links and sessions go with them. Left alone are people who are switched off there but
    still known, users whom an administrator has enabled here, and users whom somebody else manages.

    Ends with 3, and deletes nobody (any more), while a synchronisation is under way.
    """
    with opened(ini) as parts:
        from saml_wsgi import synchronising

        directory(parts, "remove")
        missed = synchronising.missed(parts, before=int(time.time()) - missing)
        _name(missed if dry_run else missed[:_SHOWN])
        if dry_run:
            click.echo(f"{count(len(missed), 'user')} would be deleted.")
            return
        if not missed:
            click.echo("Nobody has been missing for so long.")
            return
        if len(missed) > _SHOWN:
            click.echo(f"… and {len(missed) - _SHOWN} more")
        if not yes:
            click.confirm(f"Delete {count(len(missed), 'user')}?", abort=True)
        _delete(parts, missed)


def _name(missed: Sequence[Gone]) -> None:
    for each in missed:
        click.echo(
            f"{visible(each.username or each.user_id)}: not at {visible(each.source)} since {day(each.since)}"
        )


def _delete(parts: Parts, missed: Sequence[Gone]) -> None:
    from saml_wsgi import synchronising
    from saml_wsgi.directories.arrival.values import Busy, LostLease

    deleted = 0
    try:
        for each, removed in synchronising.remove(parts, missed):
            name = visible(each.username or each.user_id)
            if not removed:
                click.echo(f"{name} is there again, or was gone already.")
                continue
            ended = end_sessions(parts, User(each.user_id, each.username))
            click.echo(f"{name} is deleted, {ended}.")
            deleted += 1
    except (Busy, LostLease) as other:
        click.echo(f"A synchronisation is under way: {visible(other.detail)}. Try again later.", err=True)
        sys.exit(_BUSY)
    click.echo(f"{count(deleted, 'user')} deleted.")
