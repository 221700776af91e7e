"""A directory's people, read as a whole: what a synchronisation works from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from saml_wsgi.directories.ldap import changes
from saml_wsgi.directories.ldap import people as meaning
from saml_wsgi.directories.ldap.changes import Plan
from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry
from saml_wsgi.directories.ldap.group_reading import Found, GroupReading
from saml_wsgi.directories.ldap.membership import TooManyGroups
from saml_wsgi.directories.ldap.people import People, Said
from saml_wsgi.directories.ldap.presets import JUMPCLOUD
from saml_wsgi.directories.ldap.reader import Reader
from saml_wsgi.errors import Refused, SourceUnavailable
from saml_wsgi.model import Profile

#: JumpCloud's directory ends a search here without a word (observed in 2018).
JUMPCLOUD_CAP: Final = 10_000
#: So many ways to be switched off or not are kept for the next person.
_KEPT_STATES: Final = 10_000


class Person:
    """Somebody as they were read: a :class:`saml_wsgi.interfaces.Member`."""

    __slots__ = ("_entry", "_groups", "_people", "_said", "digest", "subject")

    def __init__(
        self, people: People, entry: Entry, subject: str, said: Said | Refused, groups: Found, digest: bytes
    ) -> None:
        self.subject = subject
        self.digest = digest
        self._people = people
        self._entry = entry
        self._said = said
        self._groups = groups

    def profile(self) -> Profile:
        """What the directory says of them, the same as :meth:`People.find` does.

        Raises:
            Refused: ``attribute_unusable``, ``missing_attribute``: it can't be used.
        """
        said, groups = self._said, self._groups
        if isinstance(said, Refused):
            raise Refused(said.code, said.detail)
        if said[0] is False:
            return meaning.switched_off(said, self.subject)
        known = self._people.described(self._entry)
        if "username" not in known:
            attributes = " or ".join(self._people.fields["username"]) or "username"
            raise Refused("missing_attribute", f"{self._entry.shown} has no {attributes}")
        if groups.refused is not None:
            raise Refused(groups.refused.code, groups.refused.detail)
        names = groups.names
        if groups.is_in_entry:
            try:
                names = tuple(sorted(self._people.membership.in_entry(self._entry)))
            except TooManyGroups as error:
                raise Refused("attribute_unusable", error.detail) from error
        return meaning.profile(known, said, names, self.subject)


class _States:
    """Whether people are switched off, all at the same moment; most share what says so."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._now = datetime.now(UTC)
        self._attributes = tuple(attribute.lower() for attribute in people.state_attributes)
        self._known: dict[tuple[tuple[bytes, ...] | None, ...], tuple[Said, bytes]] = {}

    def of(self, entry: Entry) -> tuple[Said | Refused, bytes]:
        """That, and bytes that are the same for the same."""
        key = tuple(map(entry.attributes.get, self._attributes))
        known = self._known.get(key)
        if known is not None:
            return known
        try:
            said = self._people.said_of(entry, self._now)
        except (Refused, SourceUnavailable) as error:
            # Of one person only: whether they may sign in can't be known, and nobody else is concerned.
            return Refused("attribute_unusable", error.detail), f"\2{error.detail}".encode()
        if len(self._known) >= _KEPT_STATES:
            self._known.clear()
        self._known[key] = known = said, f"\1{said}".encode()
        return known


class LDAPReading:
    """People being read: a :class:`saml_wsgi.interfaces.Reading`. The server is asked when that is needed.

    Args:
        preset: By which :mod:`~saml_wsgi.directories.ldap.changes` knows what can be proved.
        size: How many people are asked for at a time.
        page_timeout: Seconds for each page.
        since: The cursor of an earlier reading, or ``""``.
    """

    def __init__(
        self, client: Client, people: People, *, preset: str, size: int, page_timeout: float, since: str
    ) -> None:
        self._client = client
        self._people = people
        self._preset = preset
        self._size = size
        self._page_timeout = page_timeout
        self._since = since
        self._open = contextlib.ExitStack()
        self._begun: tuple[Reader, Plan] | None = None
        self._is_read = False
        self._cursor = ""

    @property
    def complete(self) -> bool:
        """See :class:`saml_wsgi.interfaces.Reading`. Raises SourceUnavailable, as reading does."""
        return self._begin()[1].complete

    @property
    def why(self) -> str:
        """See :class:`saml_wsgi.interfaces.Reading`. Raises SourceUnavailable, as reading does."""
        plan = self._begin()[1]
        return "the source's options changed" if self._since and not self._kept() else plan.why

    @property
    def cursor(self) -> str:
        """See :class:`saml_wsgi.interfaces.Reading`."""
        return self._cursor

    def close(self) -> None:
        """Stop reading. Needed only where somebody began and won't read all of it."""
        self._open.close()

    def __iter__(self) -> Iterator[Sequence[Person]]:
        """The pages.

        Raises:
            SourceUnavailable: The directory doesn't answer, tells only a part, or doesn't say who one is.
        """
        if self._is_read:
            raise RuntimeError("a reading is read once")
        self._is_read = True
        with self._open:
            yield from self._pages(*self._begin())

    def _pages(self, reader: Reader, plan: Plan) -> Iterator[Sequence[Person]]:
        people, count = self._people, 0
        wanted = f"(&{people.wanted}{plan.extra_filter})" if plan.extra_filter else people.wanted
        states = _States(people)
        groups = self._open.enter_context(
            contextlib.closing(
                GroupReading(
                    people, reader, few=not plan.complete, size=self._size, page_timeout=self._page_timeout
                )
            )
        )
        for page in reader.pages(
            people.base, SUBTREE, wanted, people.attributes, size=self._size, page_timeout=self._page_timeout
        ):
            count += len(page)
            plan.saw(page)
            yield [
                self._person(entry, states, found) for entry, found in zip(page, groups.of(page), strict=True)
            ]
        if self._preset == JUMPCLOUD and plan.complete and count == JUMPCLOUD_CAP:
            detail = f"exactly {count} people: JumpCloud ends a search there, and there may be more"
            raise SourceUnavailable(detail)
        if plan.cursor:
            self._cursor = f"{people.fingerprint} {plan.cursor}"

    def _person(self, entry: Entry, states: _States, groups: Found) -> Person:
        people = self._people
        try:
            subject = people.subject(entry)
        except Refused as error:
            raise SourceUnavailable(f"nobody can say who is missing: {error.detail}") from error
        if not subject:
            detail = f"nobody can say who is missing: {entry.shown} has no {people.key}, or doesn't show it"
            raise SourceUnavailable(f"{detail}; see key, and filter")
        said, mark = states.of(entry)
        digest = blake2b(entry.raw, digest_size=16)
        digest.update(mark + groups.mark)
        return Person(people, entry, subject, said, groups, digest.digest())

    def _begin(self) -> tuple[Reader, Plan]:
        if self._begun is None:
            try:
                reader = self._open.enter_context(self._client.reading())
                self._begun = (
                    reader,
                    changes.begin(
                        reader,
                        self._people,
                        self._kept(),
                        preset=self._preset,
                        size=self._size,
                        page_timeout=self._page_timeout,
                    ),
                )
            except BaseException:
                self._open.close()
                raise
        return self._begun

    def _kept(self) -> str:
        """Where to begin, if it was so with the same options."""
        fingerprint, _, cursor = self._since.partition(" ")
        return cursor if fingerprint == self._people.fingerprint else ""
