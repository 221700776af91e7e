"""The values that the stages hand each other. All frozen: a stage can trust what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

#: The single-valued fields of a person, in the order in which they are shown.
FIELDS: Final = ("username", "email", "first_name", "last_name", "display_name", "employee_id")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request for a sign-in that this browser made and that isn't answered yet.

    Attributes:
        id: The AuthnRequest's ID, which the response must name in ``InResponseTo``.
        target: The page first asked for: path and query below ``base_url``, beginning with ``/``.
        idp: A fingerprint of the identity provider's name (``idp.name``).
        created: When, in seconds since the epoch.
        browser: A fingerprint of the text that only the browser that asked has.
    """

    id: str
    target: str
    idp: str
    created: int
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who the identity provider says this is. Exists only after every check passed.

    Attributes:
        idp: The identity provider's name (``idp.name``), the first part of every key.
        issuer: Its entity id, as asserted.
        id: The assertion's ID, unique at that identity provider.
        name_id: The text of the NameID, stripped of XML white space.
        name_id_format: Its Format as asserted, or ``""``.
        attributes: Values by attribute name; the values of repeated attributes are joined in order.
        session_index: The identity provider's handle of its session, or ``""``.
        authn_instant: When the person authenticated there, in seconds since the epoch.
        session_not_on_or_after: When their session must end, or None.
        expires: When the assertion stops being valid (capped), in seconds since the epoch.
        transient: Whether the NameID changes at each sign-in, so that it must identify nobody.
    """

    idp: str
    issuer: str
    id: str
    name_id: str
    name_id_format: str
    attributes: Mapping[str, tuple[str, ...]]
    session_index: str
    authn_instant: int
    session_not_on_or_after: int | None
    expires: int
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person, in the application's terms. None: not said; ``""``: said to be empty.

    Attributes:
        active: Whether the person may use the account at all; False refuses the sign-in.
        origins: For each field that has a value, where it came from, for example ``saml:email``.
        subject: What identifies the person for good where this comes from, such as
            ``entryUUID:…``; ``""``: nothing does.
    """

    username: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    employee_id: str | None = None
    groups: tuple[str, ...] | None = None
    origins: Mapping[str, str] = field(default_factory=_nothing)
    active: bool | None = None
    subject: str = ""

    def value(self, name: str) -> str | None:
        """The value of one of :data:`FIELDS`."""
        value: str | None = getattr(self, name)
        return value


@dataclass(frozen=True, slots=True)
class User:
    """A user of the application.

    Attributes:
        id: Identifies the user for good in its directory; opaque.
        groups: Names of groups, sorted.
        active: Whether the user may sign in.
        managed_by: Who writes this record: ``jit:<idp.name>``, ``local`` (an administrator or the
            application), …
        seen: When the user last signed in, exact to a day; in seconds since the epoch, 0: never.
    """

    id: str
    username: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    employee_id: str = ""
    groups: tuple[str, ...] = ()
    active: bool = True
    managed_by: str = "local"
    seen: int = field(default=0, compare=False)

    def value(self, name: str) -> str:
        """The value of one of :data:`FIELDS`."""
        value: str = getattr(self, name)
        return value


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write to a user: new values by name (:data:`FIELDS`, ``groups``, ``active``)."""

    values: Mapping[str, str | bool | tuple[str, ...]] = field(default_factory=_nothing)

    def __bool__(self) -> bool:
        return bool(self.values)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A resolver's yes: this is the user, and this is what was done to get there.

    Attributes:
        outcome: ``created``, ``updated`` or ``unchanged``.
        changes: What was written.
        origins: For each field, where its value came from.
        left: For each field (or group) that was asserted and not written, why it was left alone.
        resolver: The name of the resolver that decided.
        in_directory: Whether the configured directory knows the user. If so, a session ends within
            ``session.recheck`` after the user is switched off or removed there.
    """

    user: User
    outcome: str = "unchanged"
    changes: Changes = field(default_factory=Changes)
    origins: Mapping[str, str] = field(default_factory=_nothing)
    left: Mapping[str, str] = field(default_factory=_nothing)
    resolver: str = ""
    in_directory: bool = True


@dataclass(frozen=True, slots=True)
class Denied:
    """A resolver's no.

    Attributes:
        code: A slug of :data:`saml_wsgi.errors.CODES`.
        detail: For the operator only.
        explanation: One more sentence for the person, safe to show.
    """

    code: str
    detail: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A user as an administrator sees it in a list.

    Attributes:
        created: When the record was made, in seconds since the epoch; 0: not known.
    """

    user: User
    created: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A subject of an identity provider that is pinned to a user.

    Attributes:
        subject: What identifies the person for good, as it is kept: ``<source>:<value>``.
        created: When it was pinned, in seconds since the epoch.
    """

    idp: str
    subject: str
    user_id: str
    created: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a source last said of somebody whom it knows; kept with the link to their user.

    Attributes:
        state: ``active``, ``inactive`` (switched off there), ``missing`` (not there any more), ``gone``
            (likewise, and the user had been switched off here before), or ``""``: it was never asked.
            Only whom it had switched off (``inactive``, ``missing``) is switched on when it says so.
        since: Since when it has been so, in seconds since the epoch.
        confirmed: When it last said so, exact to an hour; a complete synchronisation says it of everybody.
    """

    state: str = ""
    since: int = 0
    confirmed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to put into the store; see :class:`saml_wsgi.interfaces.Store`."""

    key: str
    value: bytes
    ttl: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignInRecord:
    """What happened when a verified assertion arrived, for the operator.

    Attributes:
        reference: The short text that stands on the page, in the header and in every log line.
        at: When the message arrived, in seconds since the epoch.
        code: ``signed_in``, or the slug of :data:`saml_wsgi.errors.CODES` under which it was refused.
        detail: Why, for the operator.
        idp: The identity provider's name.
        arrived: The names of what was asserted, never the values.
        steps: What was done, and how many microseconds after the arrival it was finished.
        user: The user's id, or ``""``.
        resolver: The resolver that decided, or ``""``.
        outcome: ``created``, ``updated``, ``unchanged``, or ``""``.
        origins: For each field, where its value came from.
        changes: What was written, by field. ``…`` stands for a value unless ``records.values`` is on.
        left: For each field that was asserted and not written, why.
        configuration: A fingerprint of the configuration, the same for equal ones.
    """

    reference: str
    at: float
    code: str
    detail: str = ""
    idp: str = ""
    arrived: tuple[str, ...] = ()
    steps: tuple[tuple[str, int], ...] = ()
    user: str = ""
    resolver: str = ""
    outcome: str = ""
    origins: Mapping[str, str] = field(default_factory=_nothing)
    changes: Mapping[str, str] = field(default_factory=_nothing)
    left: Mapping[str, str] = field(default_factory=_nothing)
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in, as the application sees it. Holds nothing that could be replayed.

    Attributes:
        key: The hash of what the browser holds: names the session in the store and in logs.
        user: The user as of the last check.
        attributes: As asserted at sign-in.
        created: When, in seconds since the epoch.
        expires: When it ends for good.
        seen: When it was last used, exact to the interval of touching.
        checked: When the user was last looked up again (``session.recheck``).
        origins: For each field of the user, where its value came from at sign-in.
        in_directory: See :class:`Resolution`.
        lost: Groups that the user left since the sign-in. That they were asserted then counts no more.
    """

    key: str
    user: User
    attributes: Mapping[str, tuple[str, ...]]
    idp: str
    name_id: str
    name_id_format: str
    session_index: str
    created: int
    expires: int
    seen: int
    checked: int
    origins: Mapping[str, str] = field(default_factory=_nothing)
    in_directory: bool = True
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for logs and metrics.

    Attributes:
        name: ``sign_in``, ``refused``, ``sign_out``, ``session_ended``, ``metadata``, …
        code: A slug of :data:`saml_wsgi.errors.CODES` where something was refused, else ``""``.
        reference: The short text that stands on the person's page too, or ``""``.
        fields: More about it. Never an assertion, a cookie, a key, or the value of an attribute.
        private: What the operator may read but nobody else, for example expected and received URLs.
    """

    name: str
    code: str = ""
    reference: str = ""
    fields: Mapping[str, Any] = field(default_factory=_nothing)
    private: str = ""
