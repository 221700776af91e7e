"""A source that keeps people, and standings, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from saml_wsgi import names
from saml_wsgi.errors import Ambiguous, SourceUnavailable
from saml_wsgi.interfaces import Population, Reading, Standings
from saml_wsgi.model import FIELDS, Changes, Profile, Standing
from saml_wsgi.resolvers import LDAPResolver
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.testing.clock import FakeClock
from tests.unit.resolvers.conftest import IDP, People

NAMES = ("username", "email")
NOW = 1_800_000_000
OWNER = "ldap:corp"

ADA = {"username": "ada", "email": "ada@x.test", "first_name": "Ada", "groups": ("Staff",)}


@dataclass
class Company:
    """A Population that is only ever asked for one person; everybody who isn't in it is unknown.

    Attributes:
        find_by: As an LDAP source's: the first field that is known finds, and no other.
        other_names: What else finds a person, by subject: a second value that the profile doesn't show.
        is_everybody: Whether it says of strangers that they are switched off, as JumpCloud's LDAP does.
    """

    people: dict[str, Profile] = field(default_factory=dict)
    fields: Collection[str] = FIELDS
    fingerprint: str = "1"
    find_by: tuple[str, ...] = NAMES
    other_names: dict[str, str] = field(default_factory=dict)
    is_everybody: bool = False
    down: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)

    def has(self, subject: str, **values: Any) -> None:
        """Somebody is there; a second time with the same subject: is like this now."""
        before = self.people.get(subject, Profile(subject=subject, active=True))
        self.people[subject] = replace(before, **values)

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        self.asked.append(dict(keys))
        if self.down:
            raise SourceUnavailable("connection refused")
        asked = next((one for one in self.find_by if keys.get(one)), None)
        found = [one for one in self.people.values() if asked and self._is(one, asked, keys[asked])]
        if len(found) > 1:
            raise Ambiguous("two of them")
        if not found:
            return Profile(active=False, origins={"active": "nobody has it"}) if self.is_everybody else None
        (person,) = found
        if person.active is False:
            return Profile(active=False, subject=person.subject, origins={"active": "locked"})
        return person

    def _is(self, person: Profile, asked: str, value: str) -> bool:
        known = {person.value(asked) or "", self.other_names.get(person.subject, "")}
        return names.key(value) in {names.key(one) for one in known}

    def read(self, since: str, /) -> Reading:
        raise AssertionError("nobody reads everybody at a sign-in")


@dataclass
class KeptPeople(People):
    """People, of whom a source's last word is kept, too; what was noted is counted."""

    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    notes: int = 0
    order: list[str] = field(default_factory=list)

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        subject = self.subject_of(source, user_id)
        return None if subject is None else self.standings.get((source, subject), Standing())

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        self.notes += 1
        if (source, subject) not in self.links:
            return
        before = self.standings.get((source, subject), Standing())
        since = before.since if before.state == state else moment
        self.standings[source, subject] = Standing(state, since, moment)
        self.order.append(f"note {state}")

    def update(self, user, changes, /):
        self.order.append("update")
        return super().update(user, changes)


class Office:
    """A resolver and everything around it."""

    def __init__(self, **options):
        self.clock = FakeClock(NOW)
        self.people, self.company = KeptPeople(), Company()
        self.company.has("uuid:1", **ADA)
        assert isinstance(self.people, Standings)
        assert isinstance(self.company, Population)
        self.resolver = self.make(**options)

    def make(self, *, links=True, max_age=None, policy=None, **rules) -> LDAPResolver:
        return LDAPResolver(
            "corp",
            self.company,
            self.people,
            self.people,
            self.people if links else None,
            Rules(**rules),
            policy,
            max_age=max_age,
            clock=self.clock,
        )

    def add(
        self, username="ada", subject="uuid:1", *, managed_by=OWNER, idp_subject="", state="active", **more
    ):
        """A user who is there already."""
        active = more.pop("active", True)
        user = self.people.create(Profile(username=username, **more), managed_by=managed_by)
        if subject:
            assert self.people.pin(OWNER, subject, user.id)
            self.people.standings[OWNER, subject] = Standing(state, NOW - 9000, NOW - 9000)
        if idp_subject:
            assert self.people.pin(IDP, idp_subject, user.id)
        if not active:
            self.people.update(user, Changes({"active": False}))
        self.people.writes = self.people.notes = 0
        self.people.order.clear()
        return self.people.users[user.id]

    def standing(self, subject="uuid:1"):
        return self.people.standings.get((OWNER, subject))
