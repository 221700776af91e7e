"""People in memory: a source for tests of what synchronises, or searches at a sign-in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from saml_wsgi import names
from saml_wsgi.errors import Ambiguous, Refused, SourceUnavailable
from saml_wsgi.model import FIELDS, Profile


@dataclass(frozen=True, slots=True)
class MemberInMemory:
    """A :class:`saml_wsgi.interfaces.Member`."""

    said: Profile | Refused
    subject: str

    @property
    def digest(self) -> bytes:
        """Of all that is said."""
        said = str(self.said) if isinstance(self.said, Refused) else repr(self.said)
        content = f"{self.subject}\n{said}".encode(errors="backslashreplace")
        return blake2b(content, digest_size=16).digest()

    def profile(self) -> Profile:
        """What is said, or why it can't be used."""
        if isinstance(self.said, Refused):
            raise self.said
        return self.said


class PopulationInMemory:
    """A :class:`saml_wsgi.interfaces.Population` that a test changes between readings.

    ``put("uid:mara", username="mara", …)`` adds or replaces a person, ``remove`` takes one away. Where
    it ``tells_changes``, a reading with a cursor tells only whom :meth:`put` changed since; who was
    removed isn't told then, as in a directory.

    Args:
        fields: The fields that it speaks of.
        page_size: How many people a page has.

    Attributes:
        fails_after: So many people are told before it doesn't answer any more; None: all are.
        down: Whether it doesn't answer at all.
        twice: Who is told once more, behind all others.
        readings: The cursors of all readings so far.
    """

    def __init__(
        self, *, fields: Collection[str] = FIELDS, page_size: int = 100, tells_changes: bool = False
    ) -> None:
        self.fields: Collection[str] = tuple(fields)
        self.fingerprint = "in memory"
        self.page_size = page_size
        self.tells_changes = tells_changes
        self.fails_after: int | None = None
        self.down = False
        self.twice: tuple[MemberInMemory, ...] = ()
        self.readings: list[str] = []
        self._people: dict[str, MemberInMemory] = {}
        self._changed: dict[str, int] = {}
        self._now = 0

    def put(self, subject: str, **said: Any) -> MemberInMemory:
        """What is said of a person from now on: the arguments of :class:`saml_wsgi.model.Profile`."""
        profile = Profile(**said, subject=subject)
        if profile.groups is not None:
            profile = replace(profile, groups=tuple(sorted(profile.groups)))
        return self._keep(MemberInMemory(profile, subject))

    def spoil(self, subject: str, code: str = "attribute_unusable", detail: str = "") -> MemberInMemory:
        """What is said of a person can't be used from now on."""
        return self._keep(MemberInMemory(Refused(code, detail), subject))

    def change(self, subject: str, **said: Any) -> MemberInMemory:
        """Something of what is said of a person is another from now on."""
        profile = self._people[subject].profile()
        return self._keep(MemberInMemory(replace(profile, **said), subject))

    def remove(self, subject: str) -> None:
        """The person isn't there any more."""
        del self._people[subject]
        del self._changed[subject]

    def __iter__(self) -> Iterator[MemberInMemory]:
        return iter(self._people.values())

    def __len__(self) -> int:
        return len(self._people)

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        """See :meth:`saml_wsgi.interfaces.Source.look_up`: by the username, else by the address."""
        if self.down:
            raise SourceUnavailable("it was switched off")
        field = next((field for field in ("username", "email") if keys.get(field)), None)
        if field is None:
            return None
        found = [
            member.profile()
            for member in self._people.values()
            if isinstance(member.said, Profile)
            and names.key(member.said.value(field) or "") == names.key(keys[field])
        ]
        if len(found) > 1:
            raise Ambiguous(f"{len(found)} people have this {field}")
        return found[0] if found else None

    def read(self, since: str, /) -> ReadingInMemory:
        """See :meth:`saml_wsgi.interfaces.Population.read`."""
        self.readings.append(since)
        ours = since.isdecimal() and len(since) < 10 and int(since) <= self._now
        return ReadingInMemory(self, since if self.tells_changes and ours else "")

    def changed(self, since: str) -> list[MemberInMemory]:
        """Everybody, or whom a test changed since."""
        if not since:
            return list(self._people.values())
        return [member for subject, member in self._people.items() if self._changed[subject] > int(since)]

    @property
    def cursor(self) -> str:
        """Where a later reading of changes can begin."""
        return str(self._now) if self.tells_changes else ""

    def _keep(self, member: MemberInMemory) -> MemberInMemory:
        self._now += 1
        self._people[member.subject] = member
        self._changed[member.subject] = self._now
        return member


class ReadingInMemory:
    """A :class:`saml_wsgi.interfaces.Reading`."""

    def __init__(self, population: PopulationInMemory, since: str) -> None:
        if population.down:
            raise SourceUnavailable("it was switched off")
        self._population = population
        self._members = [*population.changed(since), *population.twice]
        self._next = population.cursor
        self.complete = not since
        self.why = ""
        self.cursor = ""

    def __iter__(self) -> Iterator[Sequence[MemberInMemory]]:
        told, size = 0, self._population.page_size
        while told < len(self._members):
            page = self._members[told : told + size]
            told += len(page)
            if self._population.fails_after is not None and told > self._population.fails_after:
                raise SourceUnavailable(f"the connection was lost behind {told - len(page)} people")
            yield page
        self.cursor = self._next
