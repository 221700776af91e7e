"""What is to become of users who are there is noted where nobody sees it yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from saml_wsgi.directories.arrival.applying import Applying, Pace
from saml_wsgi.directories.arrival.statements import Database
from saml_wsgi.directories.arrival.values import ChangedUser
from saml_wsgi.model import FIELDS
from saml_wsgi.names import key

#: A row of what arrives; in the order of :meth:`Noting.name`.
NOTE: Final = """
    INSERT INTO saml_wsgi_arriving (
        user_id, generation, source, moment, username, email, first_name, last_name, display_name,
        employee_id, username_key, email_key, active, managed_by, "groups", state, digest, subject, updated
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ANNOUNCED: Final = "SELECT user_id FROM saml_wsgi_arriving WHERE user_id {among}"
NAMES_TO_BE: Final = "SELECT username_key FROM saml_wsgi_arriving WHERE username_key {among}"
_LINKS_OF: Final = "SELECT subject, user_id FROM saml_wsgi_links WHERE idp = ? AND user_id {among}"
_LINKS_TO: Final = "SELECT subject, user_id FROM saml_wsgi_links WHERE idp = ? AND subject {among}"


@dataclass(frozen=True, slots=True)
class Brought:
    """One run, as whatever it writes has to know it.

    Attributes:
        source: ``ldap:<name>``.
        generation: What it writes will be seen with.
        now: Dates the rows; seconds since the epoch.
    """

    database: Database
    pace: Pace
    source: str
    generation: int
    now: int


class Noting:
    """The changes of one run.

    Attributes:
        renames: Whether any of them is about a username.
    """

    def __init__(self, run: Brought) -> None:
        self.renames = False
        self._run = run

    def add(self, people: Iterable[ChangedUser]) -> Sequence[str]:
        """See :meth:`saml_wsgi.directories.arrival.arrivals.Arrivals.add_changes`."""
        left: list[str] = []

        def write(applying: Applying, batch: list[ChangedUser]) -> None:
            lost = self._lost(applying, batch)
            kept = [person for person in batch if person.user_id not in lost]
            applying.execute_each(NOTE, [self._row(person) for person in kept])
            left.extend(person.subject for person in batch if person.user_id in lost)
            self.renames = self.renames or any("username" in person.values for person in kept)

        def unique(batch: list[ChangedUser]) -> list[ChangedUser]:
            first = {person.user_id: person for person in reversed(batch)}
            left.extend(person.subject for person in batch if first[person.user_id] is not person)
            return [person for person in batch if first[person.user_id] is person]

        # Their groups are one value, however many: they become rows when they are settled.
        self._run.pace.apply(
            people,
            write,
            what="changes",
            prepare=unique,
            rows=lambda person: 1 + len(person.groups or ()) // 16,
        )
        return tuple(left)

    def _lost(self, applying: Applying, batch: list[ChangedUser]) -> set[str]:
        """The ids of those that can't be noted."""
        ids = self._run.database.values([person.user_id for person in batch])
        lost = {row[0] for row in applying.execute(_ANNOUNCED, (ids,))}
        lost |= self._pinned_elsewhere(applying, batch)
        names = [
            (person.user_id, key(person.values["username"]))
            for person in batch
            if "username" in person.values
        ]
        if names:
            keys = self._run.database.values([name for _, name in names])
            taken = {row[0] for row in applying.execute(NAMES_TO_BE, (keys,))}
            for user_id, name in names:
                if user_id in lost:
                    continue
                if name in taken:
                    lost.add(user_id)
                taken.add(name)
        return lost

    def _pinned_elsewhere(self, applying: Applying, batch: list[ChangedUser]) -> set[str]:
        """The ids of those whose link was moved or removed since they were compared: not this source's."""
        of = self._run.database.values([person.user_id for person in batch])
        subject_of = {
            user_id: subject for subject, user_id in applying.execute(_LINKS_OF, (self._run.source, of))
        }
        pins = [person.subject for person in batch if person.pinned]
        user_of: dict[str, str] = {}
        if pins:
            to = self._run.database.values(pins)
            user_of = dict(map(tuple, applying.execute(_LINKS_TO, (self._run.source, to))))
        return {
            person.user_id
            for person in batch
            if subject_of.get(person.user_id, person.subject if person.pinned else None) != person.subject
            or user_of.get(person.subject, person.user_id) != person.user_id
        }

    def name(self, user_id: str, username: str, username_key: str) -> tuple[Any, ...]:
        """A row that brings a username, and nothing else."""
        begins = (user_id, self._run.generation, self._run.source, self._run.now)
        return (*begins, username, *([None] * 5), username_key, *([None] * 8))

    def _row(self, person: ChangedUser) -> tuple[Any, ...]:
        values = person.values
        return (
            *(person.user_id, self._run.generation, self._run.source, self._run.now),
            *(values.get(name) for name in FIELDS),
            *(key(values[name]) if name in values else None for name in ("username", "email")),
            *(person.active, person.managed_by),
            None if person.groups is None else json.dumps(sorted(set(person.groups))),
            *(person.state, person.digest, person.subject if person.pinned else None, person.updated),
        )
