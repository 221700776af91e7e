"""``saml-wsgi users disable``, ``enable`` and ``unlink``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from saml_wsgi.cli.listing import day, visible
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import all_by_username, by_username, directory, end_sessions, everybody, links
from saml_wsgi.cli.report import count
from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.kinds import Duration, Flag, duration_text
from saml_wsgi.interfaces import Attendance
from saml_wsgi.model import Changes, Listed

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts

_DAY: Final = 86400
#: What the synchronisation with LDAP switches on and off.
_SYNCHRONISED: Final = "ldap:"
#: What signing in makes and changes.
_PROVISIONED: Final = "jit:"
#: From so many users on, switching off more than half of those who may sign in has to be meant.
_FEW: Final = 10
_FLAG: Final = Flag()


def _span(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else Duration(_DAY, 36500 * _DAY)(value, Place("--unseen"))
    except Unfit as unfit:
        raise click.BadParameter(f"{unfit.reason} {unfit.cure}") from unfit


@click.command(short_help="Keep users out, and end their sessions.")
@INI
@click.argument("usernames", metavar="[USERNAME…]", nargs=-1)
@click.option(
    "--unseen",
    metavar="SPAN",
    callback=_span,
    help="Everybody who didn't sign in for so long, for example 90d. For somebody who never did, the time "
    "since the record was made counts. Users managed by LDAP are left to the synchronisation.",
)
@click.option("--dry-run", is_flag=True, help="Only say who it would be.")
@click.option("--yes", is_flag=True, help="Do it, even if --unseen is more than half of all.")
def disable(ini: str, usernames: tuple[str, ...], unseen: int | None, dry_run: bool, yes: bool) -> None:
    """Keep users out, and end their sessions. Their records stay."""
    if bool(usernames) is (unseen is not None):
        raise click.UsageError("Name users, or say --unseen.")
    with opened(ini) as parts:
        people = directory(parts, "update")
        if unseen is None:
            listed = [Listed(user) for user in all_by_username(parts, usernames)]
        else:
            listed = _unseen(parts, unseen, sure=yes or dry_run)
        if dry_run:
            for each in listed:
                click.echo(_since(each) if unseen is not None else visible(each.user.username))
            click.echo(f"{count(len(listed), 'user')} would be disabled.")
            return
        for each in listed:
            if each.user.active:
                people.update(each.user, Changes({"active": False}))
            # In any case: whoever was switched off in another way may have one still.
            ended = end_sessions(parts, each.user)
            before = "is disabled" if each.user.active else "was disabled already"
            click.echo(f"{visible(each.user.username)} {before}, {ended}.")
        if unseen is not None:
            click.echo(f"{count(len(listed), 'user')} disabled.")
        _warn(parts, listed)


def _warn(parts: Parts, disabled: Sequence[Listed]) -> None:
    """Tell who may come back without anybody here deciding it."""
    owners = {each.user.managed_by for each in disabled}
    if any(owner.startswith(_PROVISIONED) for owner in owners) and any(
        _is_on(resolver.options.get("reactivate")) for resolver in parts.settings.resolvers
    ):
        click.echo(
            "Warning: a resolver has reactivate = yes, so users managed by jit are enabled by signing in.",
            err=True,
        )
    already = {each.user.managed_by for each in disabled if not each.user.active}
    for owner in sorted(owner for owner in already if owner.startswith(_SYNCHRONISED)):
        click.echo(
            f"Warning: whom {visible(owner)} had switched off before comes back when it says so.", err=True
        )


def _is_on(value: object) -> bool:
    try:
        return value is not None and _FLAG(value, Place("reactivate"))
    except Unfit:
        return False  # a resolver from elsewhere, where it means something else


def _unseen(parts: Parts, span: int, *, sure: bool) -> list[Listed]:
    """Those who may sign in and didn't for so many seconds."""
    if not isinstance(parts.directory, Attendance):
        raise click.ClickException(
            f"The directory of this configuration ({type(parts.directory).__name__}) doesn't keep when "
            "people sign in (saml_wsgi.interfaces.Attendance), so nobody can be said to be unseen."
        )
    since, active, unseen = time.time() - span, 0, []
    for listed in everybody(directory(parts, "everybody")):
        user = listed.user
        if not user.active or user.managed_by.startswith(_SYNCHRONISED):
            continue
        active += 1
        # Whoever never came, and of whom nobody knows since when, isn't counted as unseen.
        last = user.seen or listed.created
        if last and last < since:
            unseen.append(listed)
    if len(unseen) * 2 > active > _FEW and not sure:
        raise click.ClickException(
            f"{len(unseen)} of {active} users who may sign in didn't for {duration_text(span)}: that is more "
            "than half, so nobody was disabled. Look at --dry-run; if it is meant, add --yes."
        )
    return unseen


def _since(listed: Listed) -> str:
    seen = day(listed.user.seen)
    last = f"last seen {seen}" if seen else f"never seen, there since {day(listed.created)}"
    return f"{visible(listed.user.username)}: {last}"


@click.command()
@INI
@click.argument("usernames", metavar="USERNAME…", nargs=-1, required=True)
def enable(ini: str, usernames: tuple[str, ...]) -> None:
    """Let disabled users sign in again."""
    with opened(ini) as parts:
        people = directory(parts, "update")
        for user in all_by_username(parts, usernames):
            name = visible(user.username)
            if user.active:
                click.echo(f"{name} was enabled already.")
                continue
            people.update(user, Changes({"active": True}))
            click.echo(f"{name} is enabled.")
            if user.managed_by.startswith(_SYNCHRONISED):
                click.echo(
                    f"Warning: {name} is managed by {visible(user.managed_by)}, "
                    "so the next synchronisation may disable it again.",
                    err=True,
                )


@click.command(short_help="Forget who at the identity provider a user is.")
@INI
@click.argument("username")
@click.option("--idp", metavar="NAME", help="Only its link to this identity provider (idp.name).")
def unlink(ini: str, username: str, idp: str | None) -> None:
    """Forget who at the identity provider a user is. The next sign-in that matches says it anew.

    For a person whose identity there was made anew, and for nothing else: until that sign-in, whoever has
    the user's name there is the user here. `links move` leaves no such gap.
    """
    with opened(ini) as parts:
        pins = links(parts, "listed", "unpin")
        user = by_username(parts, username)
        removed = [
            link
            for link in pins.listed(user_id=user.id)
            if idp in (None, link.idp) and pins.unpin(link.idp, link.subject)
        ]
        for link in removed:
            click.echo(
                f"{visible(user.username)} isn't {visible(link.subject)} at {visible(link.idp)} any more."
            )
        if not removed:
            where = f" at {visible(idp)}" if idp else ""
            click.echo(f"{visible(user.username)} has no link{where}.")
