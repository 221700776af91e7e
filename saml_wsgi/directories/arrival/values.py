"""What a synchronisation and our tables tell each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Column

from saml_wsgi.database.tables import groups, holds, links, users
from saml_wsgi.errors import Refused, SamlWsgiError
from saml_wsgi.model import FIELDS
from saml_wsgi.names import key

ACTIVE: Final = "active"
INACTIVE: Final = "inactive"
MISSING: Final = "missing"
#: Not there any more, and somebody here had switched the user off before that: whoever is back stays so.
GONE: Final = "gone"

# Every column of text holds as much.
_ALWAYS_HELD: Final = 1024
_COLUMNS: Final[Mapping[str, Column[Any]]] = {name: users.c[name] for name in FIELDS}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


# A tuple, since there may be a million of them: a frozen dataclass takes five times as long to make.
class NewUser(NamedTuple):
    """Somebody whom the source knows, who is active there, and who has no user here.

    Attributes:
        subject: What identifies the person for good at the source; the user is pinned to it.
        digest: What the link keeps, in hexadecimal: see ``saml_wsgi_links.digest``.
        groups: Names of groups, each once.
    """

    subject: str
    digest: str
    username: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    employee_id: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """What is to become of a user who is there.

    Attributes:
        user_id: The user.
        subject: What identifies the person for good at the source.
        updated: :attr:`Kept.updated` or :attr:`Owner.updated`, as it was compared: if somebody else writes
            the user meanwhile, the link gets no digest and the next run compares field by field.
        state: What the source says: :data:`ACTIVE`, :data:`INACTIVE`, :data:`MISSING` or :data:`GONE`.
        digest: What the link is to keep, in hexadecimal; ``""``: the next run compares field by field.
        values: New values of ``model.FIELDS``; what isn't named stays as it is.
        groups: The names of all groups from now on, or None: they stay.
        active: None: stays. True reactivates: only if, at that moment, the link still says that the source
            had switched the user off. False deactivates.
        pinned: The user has no link to this source yet and gets one.
        managed_by: Who manages the user from now on (adoption), or None.
    """

    user_id: str
    subject: str
    updated: int
    state: str = ACTIVE
    digest: str = ""
    values: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    groups: tuple[str, ...] | None = None
    active: bool | None = None
    pinned: bool = False
    managed_by: str | None = None


class Kept(NamedTuple):
    """A user who is pinned to a subject of the source, and what the source last said.

    Attributes:
        state: :data:`ACTIVE`, :data:`INACTIVE`, :data:`MISSING`, :data:`GONE`, or ``""``: it was never asked.
        digest: In hexadecimal; ``""``: to be compared field by field.
        active: Whether the user is active here.
        updated: When the user was last written; for :class:`ChangedUser` and :class:`NewDigest`.
        created: When they were pinned to the subject.
    """

    user_id: str
    digest: str
    state: str
    active: bool
    managed_by: str
    updated: int
    created: int = 0


class Owner(NamedTuple):
    """A user who has a username.

    Attributes:
        subject: The subject of the source that the user is pinned to, or None.
    """

    user_id: str
    active: bool
    managed_by: str
    updated: int
    subject: str | None


class Stray(NamedTuple):
    """An active user whom the source manages, and who is pinned to none of its subjects: a link was removed.

    Attributes:
        updated: As :attr:`Kept.updated`.
    """

    user_id: str
    username: str
    updated: int


class NewDigest(NamedTuple):
    """Somebody who is as the source says, under another digest than the link keeps.

    Attributes:
        kept: As it was compared: if the user or the link is another one now, nothing is written.
    """

    subject: str
    digest: str
    kept: Kept


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of a source.

    Attributes:
        linked: Users who are pinned to a subject of it and whom it didn't miss when last read, or who were
            switched on here since.
        active: Users who are active here and managed by it.
    """

    linked: int
    active: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to where a source was synchronised. Moments are seconds since the epoch, 0: never.

    Attributes:
        cursor: Where a reading of changes can begin, or ``""``.
        full_at: When everybody was last read.
        finished: When a run last came to its end.
    """

    cursor: str = ""
    full_at: int = 0
    finished: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a synchronisation, for the history.

    Attributes:
        finished: In seconds since the epoch; 0: it is under way, or was killed.
        report: JSON.
    """

    id: str
    source: str
    started: int
    finished: int = 0
    report: str = "{}"


@dataclass(frozen=True, slots=True)
class Gone:
    """A user whom the source doesn't know any more, and who is inactive for that reason.

    Attributes:
        since: Since when, in seconds since the epoch.
    """

    user_id: str
    username: str
    source: str
    subject: str
    since: int


class Busy(SamlWsgiError):
    """Somebody else synchronises.

    Attributes:
        holder: Who, and since when, for the operator.
        until: When their lease ends unless they renew it, in seconds since the epoch.
    """

    def __init__(self, holder: str, until: int) -> None:
        super().__init__(holder)
        self.holder = holder
        self.until = until


class LostLease(SamlWsgiError):
    """Somebody else took over, since the lease wasn't renewed in time. Nothing may be written any more."""


def placeholder(user_id: str) -> str:
    """What stands for the key of a username while its owner waits for it. No name's key has capitals."""
    return f"WAITS {user_id}"


def check_kept(values: Iterable[tuple[str, str]], names: Iterable[str], subject: str) -> None:
    """Refuse what can't be kept in the tables, before it is planned to.

    Args:
        values: Fields and their values.
        names: Groups.
        subject: What the user would be pinned to.

    Raises:
        Refused: ``attribute_unusable``: NUL, half of a surrogate pair, too long, a username or subject that
            is empty; names what it is, never the value.
    """
    for name, value in values:
        if name == "username" and not key(value).strip():
            raise Refused("missing_attribute", "a user needs a username")
        if not _held(_COLUMNS[name], value):
            raise Refused("attribute_unusable", f"{name} can't be kept ({len(value)} characters)")
        if not value.isascii() and name in ("username", "email") and not holds(_key_of(name), key(value)):
            raise Refused("attribute_unusable", f"{name} can't be kept ({len(value)} characters)")
    for name in names:
        if not _held(groups.c.name, name) or not (name.isascii() or holds(groups.c.name_key, key(name))):
            raise Refused("attribute_unusable", f"a group can't be kept ({len(name)} characters)")
    if not subject or not _held(links.c.subject, subject):
        raise Refused("attribute_unusable", f"the subject can't be kept ({len(subject)} characters)")


def _key_of(name: str) -> Column[Any]:
    return users.c.username_key if name == "username" else users.c.email_key


def _held(column: Column[Any], value: str) -> bool:
    if len(value) <= _ALWAYS_HELD and value.isascii():
        return "\0" not in value
    return holds(column, value)
