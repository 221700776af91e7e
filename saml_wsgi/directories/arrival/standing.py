"""What is here of a source's people: what a synchronisation compares with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from saml_wsgi.directories.arrival.statements import Database, askable
from saml_wsgi.directories.arrival.values import GONE, MISSING, Counts, Kept, Owner, Progress, Stray
from saml_wsgi.model import FIELDS, User

_PAGE: Final = 1000
_PROGRESS: Final = "SELECT cursor, full_at, finished FROM saml_wsgi_sync_sources WHERE source = ?"
# Two questions, since the second is about few, and must not cost by all users.
_LINKED: Final = """
    SELECT (SELECT count(*) FROM saml_wsgi_links WHERE idp = ? AND state NOT IN (?, ?)) + (
        SELECT count(*) FROM saml_wsgi_links AS l JOIN saml_wsgi_users AS u ON u.id = l.user_id
        WHERE l.idp = ? AND l.state IN (?, ?) AND u.active AND u.managed_by = l.idp
    )
"""
_STRAYS: Final = """
    SELECT u.id, u.username, u.updated FROM saml_wsgi_users AS u
    WHERE u.managed_by = ? AND u.active AND u.id > ?
    AND NOT EXISTS (SELECT 1 FROM saml_wsgi_links AS l WHERE l.idp = ? AND l.user_id = u.id)
    ORDER BY u.id LIMIT ?
"""
_ACTIVE: Final = "SELECT count(*) FROM saml_wsgi_users WHERE managed_by = ? AND active"
_KEPT: Final = """
    SELECT l.subject, l.user_id, l.digest, l.state, u.active, u.managed_by, u.updated, l.created
    FROM saml_wsgi_links AS l JOIN saml_wsgi_users AS u ON u.id = l.user_id
    WHERE l.idp = ?
"""
_KNOWN: Final = _KEPT + " AND l.subject {among}"
_BEHIND: Final = _KEPT + " AND l.subject > ? ORDER BY l.subject LIMIT ?"
_OWNERS: Final = """
    SELECT u.username_key, u.id, u.active, u.managed_by, u.updated, l.subject
    FROM saml_wsgi_users AS u LEFT JOIN saml_wsgi_links AS l ON l.idp = ? AND l.user_id = u.id
    WHERE u.username_key {among}
"""
_USERS: Final = (
    f"SELECT id, {', '.join(FIELDS)}, active, managed_by, seen FROM saml_wsgi_users WHERE id {{among}}"  # noqa: S608 - only names of columns
)
_GROUPS: Final = "SELECT user_id, name FROM saml_wsgi_groups WHERE user_id {among}"


class LocalPopulation:
    """The users here, as a run sees them. Reads only; waits for no writer on SQLite.

    What an earlier run left half-way must be settled first (``Arrivals.recover``): rows are read as they are.
    Every method raises DirectoryUnavailable if the database doesn't answer. None of them refuses a value:
    what no column can hold is simply nobody's.

    Args:
        url: ``directory.url``.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def progress(self, source: str) -> Progress:
        """Up to where the source was synchronised."""
        found = self._database.fetch(_PROGRESS, (source,))
        return Progress(*found[0]) if found else Progress()

    def counts(self, source: str) -> Counts:
        """How many there are of the source."""
        linked = self._database.fetch(_LINKED, (source, MISSING, GONE, source, MISSING, GONE))[0][0]
        return Counts(linked, self._database.fetch(_ACTIVE, (source,))[0][0])

    def known(self, source: str, subjects: Collection[str]) -> Mapping[str, Kept]:
        """By subject, the users who are pinned to one of these. Meant for a page: one query."""
        asked = self._database.values(askable(subjects))
        return {row[0]: _kept(row) for row in self._database.fetch(_KNOWN, (source, asked))}

    def by_username(self, source: str, keys: Collection[str]) -> Mapping[str, Owner]:
        """By :func:`saml_wsgi.names.key` of the username, whoever has one of these, whoever manages them."""
        asked = self._database.values(askable(keys))
        return {
            key: Owner(user_id, bool(active), managed_by, updated, subject)
            for key, user_id, active, managed_by, updated, subject in self._database.fetch(
                _OWNERS, (source, asked)
            )
        }

    def users(self, ids: Collection[str]) -> Mapping[str, User]:
        """By id, these users whole, with their groups."""
        asked = self._database.values(askable(ids))
        names: dict[str, list[str]] = {}
        for user_id, name in self._database.fetch(_GROUPS, (asked,)):
            names.setdefault(user_id, []).append(name)
        return {
            row[0]: User(
                id=row[0],
                groups=tuple(sorted(names.get(row[0], ()))),
                active=bool(row[-3]),
                managed_by=row[-2],
                seen=row[-1],
                **dict(zip(FIELDS, row[1:-3], strict=True)),
            )
            for row in self._database.fetch(_USERS, (asked,))
        }

    def strays(self, source: str) -> Iterator[Sequence[Stray]]:
        """Active users whom the source manages and who are pinned to none of its subjects, by pages."""
        last = ""
        while page := self._database.fetch(_STRAYS, (source, last, source, _PAGE)):
            yield tuple(Stray._make(row) for row in page)
            last = page[-1][0]

    def subjects(self, source: str) -> Iterator[Sequence[tuple[str, Kept]]]:
        """Everybody who is pinned to a subject of the source, a page at a time, in no order that Python knows
        (PostgreSQL sorts by its own rules): look each up where you keep who was read. Memory stays flat.
        """
        last = ""
        while page := self._database.fetch(_BEHIND, (source, last, _PAGE)):
            yield tuple((row[0], _kept(row)) for row in page)
            last = page[-1][0]


def _kept(row: Sequence[object]) -> Kept:
    _, user_id, digest, state, active, managed_by, updated, created = row
    return Kept._make((user_id, digest, state, bool(active), managed_by, updated, created))
