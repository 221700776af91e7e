"""New users are made where nobody sees them yet."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from saml_wsgi.directories.arrival.applying import Applying
from saml_wsgi.directories.arrival.noting import NAMES_TO_BE, NOTE, Brought, Noting
from saml_wsgi.directories.arrival.values import ACTIVE, NewUser, placeholder
from saml_wsgi.names import key

_USER: Final = """
    INSERT INTO saml_wsgi_users (
        id, username, username_key, email, email_key, first_name, last_name, display_name, employee_id,
        active, managed_by, created, updated, generation
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_LINK: Final = """
    INSERT INTO saml_wsgi_links (idp, subject, user_id, created, state, since, confirmed, digest)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_GROUP: Final = """
    INSERT INTO saml_wsgi_groups (user_id, name, name_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
_MADE: Final = "SELECT id FROM saml_wsgi_users WHERE id {among}"
_PINNED: Final = "SELECT user_id FROM saml_wsgi_links WHERE idp = ? AND user_id {among}"
_UNMAKE: Final = "DELETE FROM saml_wsgi_users WHERE id = ?"
# Names whose owner gives them up in this very run.
_GIVEN_UP: Final = """
    SELECT u.username_key FROM saml_wsgi_users AS u JOIN saml_wsgi_arriving AS a ON a.user_id = u.id
    WHERE u.username_key {among} AND a.generation = ? AND a.username_key <> u.username_key
"""

#: How many rows are held at once. Each table takes its own in turn: a transaction that writes into few
#: indices has several times as many rows in the same time, and changes fewer pages for each.
_PORTION: Final = 12_000

_Row: TypeAlias = tuple[Any, ...]
_key_of_group = lru_cache(maxsize=8192)(key)


class Making:
    """The new users of one run.

    Args:
        noting: Its changes, which come first.
    """

    def __init__(self, run: Brought, noting: Noting) -> None:
        self._run = run
        self._noting = noting
        self._stamp = 0

    def add(self, people: Iterable[NewUser]) -> Sequence[str]:
        """See :meth:`saml_wsgi.directories.arrival.arrivals.Arrivals.add_new`."""
        left: list[str] = []
        for portion in _portions(people):
            left.extend(self._add(portion))
        return tuple(left)

    def _add(self, people: list[NewUser]) -> list[str]:
        users, links, groups = self._rows(people)
        lost: set[str] = set()

        def make(applying: Applying, rows: list[_Row]) -> None:
            lost.update(self._make(applying, rows))

        def pin(applying: Applying, rows: list[_Row]) -> None:
            lost.update(self._pin(applying, rows))

        def join(applying: Applying, rows: list[_Row]) -> None:
            applying.execute_each(_GROUP, rows)

        # Whoever is killed in between leaves users without links: they go like all that nobody saw.
        for what, rows, place, write in (
            ("users", users, 0, make),
            ("links", links, 2, pin),
            ("groups", groups, 0, join),
        ):
            kept = [row for row in rows if row[place] not in lost] if lost else rows
            self._run.pace.apply(kept, write, what=what, prepare=list, rows=_one)
        return [row[1] for row in links if row[2] in lost] if lost else []

    def _rows(self, people: list[NewUser]) -> tuple[list[_Row], list[_Row], list[_Row]]:
        """All that can be done before others have to wait: users, links, memberships."""
        source, now, generation = self._run.source, self._run.now, self._run.generation
        users: list[_Row] = []
        links: list[_Row] = []
        groups: list[_Row] = []
        for user_id, person in zip(self._ids(len(people)), people, strict=True):
            subject, digest, username, email, first, last, display, employee, names = person
            users.append(
                (
                    *(user_id, username, key(username), email, key(email), first, last, display, employee),
                    *(True, source, now, now, generation),
                )
            )
            links.append((source, subject, user_id, now, ACTIVE, now, now, digest))
            groups.extend([(user_id, name, _key_of_group(name)) for name in names])
        return users, links, groups

    def _ids(self, count: int) -> Iterator[str]:
        """Ids in the order in which they are made, as RFC 9562 has them (UUIDv7, 5.7): a moment, a counter,
        and what nobody guesses. New ones stand side by side in an index, which makes a million of them cheap.
        """
        self._stamp = max(self._stamp + 1, int(time.time() * 1000))
        noise = secrets.token_hex(8 * count)
        return (
            f"{self._stamp:012x}{place:04x}{noise[16 * place : 16 * place + 16]}" for place in range(count)
        )

    def _make(self, applying: Applying, rows: list[_Row]) -> set[str]:
        """The ids of those whose name somebody has."""
        if applying.execute_each(_USER, rows) == len(rows):
            return set()
        ids = self._run.database.values([row[0] for row in rows])
        made = {row[0] for row in applying.execute(_MADE, (ids,))}
        lost = [row for row in rows if row[0] not in made]
        return {row[0] for row in lost} - self._wait_for_names(applying, lost)

    def _pin(self, applying: Applying, rows: list[_Row]) -> set[str]:
        """The ids of those whose subject is somebody's. They aren't made after all."""
        if applying.execute_each(_LINK, rows) == len(rows):
            return set()
        ids = self._run.database.values([row[2] for row in rows])
        pinned = {row[0] for row in applying.execute(_PINNED, (self._run.source, ids))}
        lost = {row[2] for row in rows if row[2] not in pinned}
        applying.execute_each(_UNMAKE, [(user_id,) for user_id in lost])
        return lost

    def _wait_for_names(self, applying: Applying, rows: list[_Row]) -> set[str]:
        """Make those whose name another one gives up in this run: they get it when that one has gone on."""
        if not self._noting.renames or not rows:
            return set()
        keys = self._run.database.values([row[2] for row in rows])
        free = {row[0] for row in applying.execute(_GIVEN_UP, (keys, self._run.generation))}
        free -= {row[0] for row in applying.execute(NAMES_TO_BE, (keys,))}
        waiting = list({row[2]: row for row in reversed(rows) if row[2] in free}.values())
        applying.execute_each(_USER, [(*row[:2], placeholder(row[0]), *row[3:]) for row in waiting])
        applying.execute_each(NOTE, [self._noting.name(row[0], row[1], row[2]) for row in waiting])
        return {row[0] for row in waiting}


def _portions(people: Iterable[NewUser]) -> Iterator[list[NewUser]]:
    portion: list[NewUser] = []
    held = 0
    for person in people:
        portion.append(person)
        held += 2 + len(person.groups)
        if held >= _PORTION:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


def _one(_: _Row) -> int:
    return 1
