"""``saml-wsgi users add``, ``set`` and ``delete``."""

from __future__ import annotations

from typing import Any

import click

from saml_wsgi.cli.listing import visible
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.people import (
    LOCAL,
    all_by_username,
    by_username,
    directory,
    end_sessions,
    links,
    links_of,
    merged,
    warn_of_twins,
)
from saml_wsgi.cli.report import count
from saml_wsgi.cli.users import fields
from saml_wsgi.model import Changes, Profile, User
from saml_wsgi.names import key


@click.command(short_help="Make a user.")
@INI
@click.argument("username", callback=fields.username)
@fields.fields
@fields.groups("A group to be in; as often as needed.")
def add(ini: str, username: str, groups: tuple[str, ...], **values: Any) -> None:
    """Make a user, whom no sign-in changes unless update_existing is on."""
    with opened(ini) as parts:
        people = directory(parts, "create")
        if parts.directory.find("username", username):
            raise click.ClickException(f"There is a user {visible(username)} already: see `users set`.")
        profile = Profile(username=username, groups=merged((), groups), **fields.given(values))
        user = people.create(profile, managed_by=LOCAL)
        warn_of_twins(parts, values, user.id)
        click.echo(f"{visible(user.username)} is there now (id {user.id}).")


@click.command("set", short_help="Change a user's fields and groups.")
@INI
@click.argument("username")
@click.option("--username", "renamed", callback=fields.username, help="Another username.")
@fields.fields
@fields.groups("The groups to be in, all of them; as often as needed.")
@click.option("--no-group", is_flag=True, help="To be in no group.")
def change(
    ini: str,
    username: str,
    renamed: str | None,
    groups: tuple[str, ...],
    no_group: bool,
    **values: Any,
) -> None:
    """Change a user. What isn't named stays; an empty text ("") clears a field."""
    if groups and no_group:
        raise click.UsageError("--group and --no-group contradict each other.")
    wanted: dict[str, Any] = fields.given({**values, "username": renamed})
    if not (wanted or groups or no_group):
        raise click.UsageError("There is nothing to change: name a field or a group.")
    with opened(ini) as parts:
        people = directory(parts, "update")
        user = by_username(parts, username)
        if groups or no_group:
            wanted["groups"] = merged(user.groups, groups)
        changed = {name: value for name, value in wanted.items() if getattr(user, name) != value}
        if not changed:
            click.echo(f"{visible(user.username)} is so already.")
            return
        people.update(user, Changes(changed))
        warn_of_twins(parts, changed, user.id)
        click.echo(f"{visible(user.username)}: changed {', '.join(changed)}.")
    if user.managed_by != LOCAL:
        click.echo(
            f"Warning: {visible(user.username)} is managed by {visible(user.managed_by)}, "
            "so the next sign-in or synchronisation may change it again.",
            err=True,
        )


@click.command(short_help="Delete users, links and sessions.")
@INI
@click.argument("usernames", metavar="USERNAME…", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(ini: str, usernames: tuple[str, ...], yes: bool) -> None:
    """Delete users with their groups and links, and end their sessions.

    Under `jit` whoever is deleted is made anew at the next sign-in: `disable` keeps people out.
    """
    with opened(ini) as parts:
        people = directory(parts, "remove")
        found = all_by_username(parts, usernames)
        if not yes:
            for user in found:
                click.echo(f"{_described(user)}, {count(len(links_of(parts, user)), 'link')}")
            click.confirm(f"Delete {count(len(found), 'user')}?", abort=True)
        for user in found:
            there = people.remove(user.id)
            # Our directories did this at once; one from elsewhere may know nothing of our links.
            for link in links_of(parts, user):
                links(parts, "unpin").unpin(link.idp, link.subject)
            ended = end_sessions(parts, user)
            done = "is deleted" if there else "was gone already"
            click.echo(f"{visible(user.username)} {done}, {ended}.")


def _described(user: User) -> str:
    more = ", ".join(
        part for part in (user.display_name, user.email) if part and key(part) != key(user.username)
    )
    return visible(f"{user.username} ({more})" if more else user.username)
