"""The users of a configured directory, whichever it is, as the commands work with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import click

from saml_wsgi.cli.listing import day, moment, visible
from saml_wsgi.cli.report import count
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.interfaces import AdministeredDirectory, AdministeredLinks, Directory
from saml_wsgi.model import FIELDS, Link, Listed, User
from saml_wsgi.names import is_readable, key
from saml_wsgi.resolvers.transformation import LONGEST

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts

#: What is told of a user, in order.
COLUMNS: Final = ("id", *FIELDS, "groups", "active", "managed_by", "created", "seen")
#: Who makes the users that an administrator makes.
LOCAL: Final = "local"

_PAGE: Final = 1000
#: What people are recognised by.
_IDENTIFYING: Final = frozenset({"username", "email", "employee_id"})


def directory(parts: Parts, *methods: str) -> AdministeredDirectory:
    """The configured directory, if it can do that; else the command ends and says so."""
    _must_have(parts.directory, "directory", "AdministeredDirectory", methods)
    return cast("AdministeredDirectory", parts.directory)


def links(parts: Parts, *methods: str) -> AdministeredLinks:
    """Likewise, the links."""
    if isinstance(parts.links, Unopened):
        raise click.ClickException("There are no links: link.source is off, and nothing keeps any.")
    _must_have(parts.links, "links", "AdministeredLinks", methods)
    return cast("AdministeredLinks", parts.links)


def links_of(parts: Parts, user: User) -> Sequence[Link]:
    """Who the user is at which identity provider, as far as that is kept and can be listed."""
    listed = getattr(parts.links, "listed", None)
    if listed is None or isinstance(parts.links, Unopened):
        return ()
    found: Sequence[Link] = listed(user_id=user.id)
    return found


def _must_have(what: object, noun: str, protocol: str, methods: Sequence[str]) -> None:
    missing = [name for name in methods if not callable(getattr(what, name, None))]
    if missing:
        raise click.ClickException(
            f"The {noun} of this configuration ({type(what).__name__}) can't do this: it has no method "
            f"{' and no '.join(missing)} (saml_wsgi.interfaces.{protocol})."
        )


def by_username(parts: Parts, username: str) -> User:
    """The one user of that name; else the command ends and says so."""
    found = parts.directory.find("username", username)
    if not found:
        raise click.ClickException(f"There is no user {visible(username)}.")
    if len(found) > 1:
        ids = ", ".join(user.id for user in found)
        raise click.ClickException(f"There are {len(found)} users {visible(username)} (ids: {ids}).")
    return found[0]


def all_by_username(parts: Parts, usernames: Sequence[str]) -> list[User]:
    """Each of them, once; all must be there before anything is done to one."""
    return list({user.id: user for user in (by_username(parts, name) for name in usernames)}.values())


def warn_of_twins(parts: Parts, fields: Mapping[str, Any], own_id: str) -> None:
    """Tell if somebody else has the value that a sign-in looks for."""
    match = parts.settings.match
    others = twins(parts.directory, match, fields.get(match), own_id)
    if others:
        click.echo(f"Warning: {ambiguous(match, others)}", err=True)


def twins(people: Directory, match: str, value: str | None, own_id: str | None) -> list[str]:
    """The usernames of others with that value in the field that a sign-in looks at."""
    if not value or match == "username":
        return []
    return [user.username for user in people.find(match, value) if user.id != own_id]


def ambiguous(match: str, others: Sequence[str]) -> str:
    """What becomes of people whom a sign-in can't tell from each other."""
    also = visible(", ".join(others))
    return f"{also} has the same {match}. By match = {match} neither can sign in (ambiguous)."


def everybody(people: AdministeredDirectory) -> Iterator[Listed]:
    """All users, a page at a time."""
    after = ""
    while page := people.everybody(after=after, limit=_PAGE):
        yield from page
        if page[-1].user.id == after:
            raise click.ClickException("The directory's list doesn't go on: everybody(after=…) is broken.")
        after = page[-1].user.id


def row(listed: Listed) -> Mapping[str, Any]:
    """A user as a row of :data:`COLUMNS`."""
    user = listed.user
    return {
        "id": user.id,
        **{name: user.value(name) for name in FIELDS},
        "groups": user.groups,
        "active": user.active,
        "managed_by": user.managed_by,
        "created": moment(listed.created),
        "seen": day(user.seen),
    }


def end_sessions(parts: Parts, user: User) -> str:
    """End all sessions of the user, and say how many. What was written before stays written."""
    if getattr(parts.store, "single_process", False):
        return f"sessions end within {parts.settings.session.recheck} s (store.url = memory:)"
    try:
        ended = parts.sessions.end_all(user.id)
    except StoreUnavailable as error:
        raise click.ClickException(
            f"{visible(user.username)}: that is written, but the store doesn't answer ({error.detail}), so "
            f"sessions go on until they are checked again (within {parts.settings.session.recheck} s)."
        ) from error
    return f"{count(ended, 'session')} ended"


def unusable(name: str, value: str) -> str | None:
    """Why this can't be the field's value (or a group's name), or None. The same rules as at a sign-in."""
    if name in {"username", "group"} and not value.strip():
        return "it is empty"
    if len(value) > LONGEST:
        return f"it has {len(value)} characters, and {LONGEST} are possible"
    if not value.isprintable():
        return "it has a character that can't be seen"
    if value != value.strip():
        return "it begins or ends with a space"
    if name in _IDENTIFYING and not is_readable(value):
        return "it mixes letters that look alike (Latin, Greek, Cyrillic), or has some that can't be seen"
    return None


def usable(name: str, value: str) -> str:
    """The value, or the command ends and says why not."""
    why = unusable(name, value)
    if why is not None:
        raise click.BadParameter(f"{why}.")
    return value


def merged(present: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted groups, once each, spelt as they are present already."""
    spelt = {key(name): name for name in (*wanted[::-1], *present)}
    return tuple(sorted({spelt[key(name)] for name in wanted}))
