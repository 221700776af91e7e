"""What a run wrote and nobody is to see is removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from saml_wsgi.directories.arrival.applying import Applying, Pace
from saml_wsgi.directories.arrival.statements import Database

_PAGE: Final = 1000
_NOTED: Final = """
    SELECT user_id FROM saml_wsgi_arriving WHERE generation > ? AND user_id > ? ORDER BY user_id LIMIT ?
"""
_MADE: Final = "SELECT id FROM saml_wsgi_users WHERE generation > ? AND id > ? ORDER BY id LIMIT ?"
_FORGET: Final = "DELETE FROM saml_wsgi_arriving WHERE generation > ? AND user_id {among}"
_UNPIN: Final = """
    DELETE FROM saml_wsgi_links WHERE user_id {among}
    AND (SELECT generation FROM saml_wsgi_users WHERE id = saml_wsgi_links.user_id) > ?
"""
_UNMAKE: Final = "DELETE FROM saml_wsgi_users WHERE generation > ? AND id {among}"
# Somebody is to get a name whose owner keeps it.
_CONTESTED: Final = """
    SELECT a.user_id, COALESCE(a.subject, l.subject, '')
    FROM saml_wsgi_arriving AS a
    JOIN saml_wsgi_users AS u ON u.username_key = a.username_key AND u.id <> a.user_id
    LEFT JOIN saml_wsgi_arriving AS b
        ON b.user_id = u.id AND b.generation = a.generation AND b.username_key <> u.username_key
    LEFT JOIN saml_wsgi_links AS l ON l.idp = ? AND l.user_id = a.user_id
    WHERE a.generation = ? AND b.user_id IS NULL
    LIMIT ?
"""


def clear(database: Database, pace: Pace, generation: int) -> None:
    """Remove all that is of a later generation. Raises as :class:`Applying` does."""

    def forget(applying: Applying, ids: list[str]) -> None:
        applying.execute(_FORGET, (generation, database.values(ids)))

    def unmake(applying: Applying, ids: list[str]) -> None:
        _unmake(database, applying, ids, generation)

    for statement, write in ((_NOTED, forget), (_MADE, unmake)):
        pace.apply(_ids(database, statement, generation), write, what="clear", prepare=list, rows=lambda _: 4)


def take_back(database: Database, pace: Pace, source: str, generation: int) -> Sequence[str]:
    """Leave out who would get a name that its owner keeps, until nobody does; the subjects."""
    left: list[str] = []

    def write(applying: Applying, ids: list[str]) -> None:
        # Before the flip no earlier generation's rows are there, so that all of a later one are this run's.
        applying.execute(_FORGET, (generation - 1, database.values(ids)))
        _unmake(database, applying, ids, generation - 1)

    # Each who is left out keeps a name in turn.
    while found := database.fetch(_CONTESTED, (source, generation, _PAGE)):
        left.extend(subject for _, subject in found)
        pace.apply([row[0] for row in found], write, what="clear", prepare=list, rows=lambda _: 4)
    return tuple(left)


def _unmake(database: Database, applying: Applying, ids: list[str], generation: int) -> None:
    """Remove those of them who are new. Their memberships end by their foreign key."""
    applying.execute(_UNPIN, (database.values(ids), generation))
    applying.execute(_UNMAKE, (generation, database.values(ids)))


def _ids(database: Database, statement: str, generation: int) -> Iterator[str]:
    last = ""
    while page := database.fetch(statement, (generation, last, _PAGE)):
        yield from (row[0] for row in page)
        last = page[-1][0]
