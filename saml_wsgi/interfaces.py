"""The seams, and what whoever implements one promises.

They are protocols: nothing needs to be imported from here to implement one. An object's shape is
checked when it is wired, and ``saml_wsgi.testing.contracts`` has a suite for each, which any
implementation can run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from saml_wsgi.model import (
    Assertion,
    Changes,
    Denied,
    Entry,
    Event,
    Link,
    Listed,
    Profile,
    Resolution,
    Standing,
    User,
)


@runtime_checkable
class Resolver(Protocol):
    """Decides which user of the application a verified assertion is about."""

    def resolve(self, assertion: Assertion, /) -> Resolution | User | Denied | None:
        """Sign the person in (Resolution or User), refuse (Denied), or have no opinion (None).

        Called only after every check of the protocol passed, from several threads at once.

        Raises:
            Unavailable: What is needed doesn't answer. The person is told to try again; nobody is
                signed in, and no other resolver is asked.
        """


@runtime_checkable
class Source(Protocol):
    """Something that knows people, such as an LDAP directory."""

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        """The one person with these values, or None.

        Raises:
            SourceUnavailable: It doesn't answer, or answers partially.
            Ambiguous: It knows several.
        """


class Member(Protocol):
    """A person of a population as they were read. Understanding them costs, so it is done where needed.

    Attributes:
        subject: What identifies them for good at the source, such as ``entryUUID:…``.
        digest: The same bytes mean the same :meth:`profile`, as long as the source's options are the same.
    """

    @property
    def subject(self) -> str: ...
    @property
    def digest(self) -> bytes: ...

    def profile(self) -> Profile:
        """What the source says of them: ``active`` False where they are switched off, and the subject.

        Raises:
            Refused: ``attribute_unusable``, ``missing_attribute``: what it says can't be used.
        """


class Reading(Protocol):
    """A population being read, once, page by page: memory doesn't grow with it.

    Attributes:
        complete: Whether everybody is read. Else only those who may have changed, and nobody is missing.
        why: Why everybody is read although a cursor was given, for the operator; ``""``: no reason needed.
        cursor: Known when the last page was read: where a later reading of changes can begin, or ``""``.
    """

    @property
    def complete(self) -> bool: ...
    @property
    def why(self) -> str: ...
    @property
    def cursor(self) -> str: ...

    def __iter__(self) -> Iterator[Sequence[Member]]:
        """The pages.

        Raises:
            SourceUnavailable: The source doesn't answer, or tells only a part. What was read is worth
                nothing then.
        """


@runtime_checkable
class Population(Source, Protocol):
    """A source that can be read as a whole: what a synchronisation needs.

    Attributes:
        fields: Those of ``model.FIELDS`` that it speaks of. Where one of these isn't said (None), it is
            empty there; all others are left alone.
        fingerprint: Changes when its options do: what was read with other ones must be read again.
    """

    @property
    def fields(self) -> Collection[str]: ...
    @property
    def fingerprint(self) -> str: ...

    def read(self, since: str, /) -> Reading:
        """Begin to read: what changed since a cursor, where that can be proved; else everybody.

        Args:
            since: The cursor of an earlier reading, or ``""``.
        """


@runtime_checkable
class Directory(Protocol):
    """Where the application's users are kept. Safe to call from several threads at once.

    A directory that can't keep all of ``model.FIELDS`` says in an attribute ``fields`` which ones it can:
    the others are left alone. An attribute ``links`` (a :class:`Links`) replaces ours.
    """

    def find(self, field: str, value: str, /) -> Sequence[User]:
        """All users whose field (one of ``model.FIELDS``) matches: none, one, or several.

        Usernames and e-mail addresses match by :func:`saml_wsgi.names.key`, inactive users too.
        An empty value matches nobody: it would be everybody who lacks one.

        Raises:
            DirectoryUnavailable: It doesn't answer.
        """

    def get(self, user_id: str, /) -> User | None:
        """The user of that id, or None. Asked on the request path (``session.recheck``)."""


@runtime_checkable
class WritableDirectory(Directory, Protocol):
    """A directory whose users we may write."""

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        """Make a user, and pin it to ``link`` (idp, subject) in the same transaction.

        Raises:
            DirectoryConflict: The username, or the link, exists. Nothing was written.
        """

    def update(self, user: User, changes: Changes, /) -> User:
        """Write the changes and return the user as it is now; all of them or none.

        Raises:
            DirectoryConflict: A new value is another user's, or the user is gone.
        """


@runtime_checkable
class Attendance(Protocol):
    """A directory that keeps when its users last signed in; an optional part of one."""

    def saw(self, user_id: str, moment: int, /) -> None:
        """Note that the user signed in. Called once a day for each user at most."""


@runtime_checkable
class GroupRegister(Protocol):
    """A directory that knows which groups there are; an optional part of one (``groups.create = no``)."""

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        """Those of the names that are groups already."""


@runtime_checkable
class AdministeredDirectory(WritableDirectory, Protocol):
    """A directory that administrators work with: ``saml-wsgi users``."""

    def everybody(self, /, *, after: str = "", limit: int = 1000) -> Sequence[Listed]:
        """Users in the order of their ids, beginning behind the id ``after``: a page of a long list."""

    def remove(self, user_id: str, /) -> bool:
        """Delete the user with all memberships and links, at once. False if there is no such user."""


@runtime_checkable
class Links(Protocol):
    """Which subject of which identity provider is which user, for good."""

    def follow(self, idp: str, subject: str, /) -> str | None:
        """The id of the user that is pinned to this subject, or None."""

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        """Pin them to each other.

        True if they are pinned now (by this call or an earlier one); False, and nothing written, if
        the subject is another user's or the user has another subject at this identity provider.
        """

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        """The subject of this identity provider that the user is pinned to, or None.

        Asked where somebody brings no subject: a user who has one isn't theirs.
        """


@runtime_checkable
class Standings(Links, Protocol):
    """Links that keep what a source last said of its subjects; an optional part of them.

    There the "identity provider" is the source: ``ldap:<name of the source>``, as in ``managed_by``.
    """

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        """What the source last said of the user, or None if the user is pinned to none of its subjects."""

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        """Keep what the source says now. ``since`` changes with the state only; nothing if not pinned."""


@runtime_checkable
class AdministeredLinks(Links, Protocol):
    """Links that administrators work with: ``saml-wsgi links``."""

    def listed(self, /, *, user_id: str | None = None) -> Sequence[Link]:
        """All links, or those of one user, by identity provider and subject."""

    def unpin(self, idp: str, subject: str, /) -> bool:
        """Remove a link; the next sign-in pins anew. False if there was none."""

    def repin(self, idp: str, subject: str, user_id: str, /) -> None:
        """Pin the subject to this user, whatever either was pinned to at this identity provider."""


@runtime_checkable
class Store(Protocol):
    """Short-lived state that every process that serves the application shares.

    Keys and tags are ASCII text of at most 200 characters, values are bytes, ``ttl`` is in whole
    seconds and positive. What has outlived its ttl is as good as absent, at once. Every call raises
    StoreUnavailable, within seconds, if it can't keep its promise; then the outcome is unknown to the
    caller, who must not sign anybody in. Safe to call from several threads at once.

    An implementation whose content other processes don't see has an attribute ``single_process``
    that is True; a server with several processes then refuses to serve.
    """

    def add(self, key: str, value: bytes, ttl: int, /, *, also: Sequence[str] = ()) -> bool:
        """Store it under the key, and under each of ``also``, if all of them are absent.

        Atomic: True for exactly one caller; False stores nothing.
        """

    def get(self, key: str, /) -> bytes | None:
        """The value, or None."""

    def put(self, key: str, value: bytes, ttl: int, /, *, tags: Sequence[str] = ()) -> None:
        """Store it, whatever was there, and file it under the tags."""

    def put_all(self, entries: Sequence[Entry], /) -> None:
        """Put all of them, or none: what is stored together costs one transaction."""

    def replace(self, key: str, value: bytes, ttl: int, /) -> bool:
        """Store it only if the key is present (tags stay): a late write can't revive what was ended."""

    def pop(self, key: str, /) -> bytes | None:
        """Remove it. Atomic: the value to exactly one caller, None to the others."""

    def tagged(self, tag: str, /) -> Sequence[str]:
        """The keys that are filed under the tag and present."""

    def ping(self) -> None:
        """Prove that the store answers."""


class Observer(Protocol):
    """Is told what happened: metrics, audit trails. Must be quick; what it raises is logged and dropped."""

    def __call__(self, event: Event, /) -> None: ...


class Clock(Protocol):
    """The time. The standard library's module :mod:`time` is one; tests bring their own."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
