"""Users whom a source doesn't know any more: deleted only when an operator says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from saml_wsgi.directories.arrival.statements import Database
from saml_wsgi.directories.arrival.values import GONE, MISSING, Gone
from saml_wsgi.directories.sql import SQLDirectory

_LISTED: Final = """
    SELECT u.id, u.username, l.idp, l.subject, l.since
    FROM saml_wsgi_links AS l JOIN saml_wsgi_users AS u ON u.id = l.user_id AND u.managed_by = l.idp
    WHERE l.state IN (?, ?) AND NOT u.active
"""
_PAGE: Final = _LISTED + " AND l.since < ? AND u.id > ? AND (l.idp = ? OR ? = '') ORDER BY u.id LIMIT ?"
_ONE: Final = _LISTED + " AND u.id = ? AND l.idp = ? AND l.subject = ? AND l.since = ?"
_ARRIVING: Final = "SELECT 1 FROM saml_wsgi_arriving WHERE user_id = ?"


class Purge:
    """Everybody whom the source missed since before a moment, and who is inactive and managed by it.

    Hold a :class:`~saml_wsgi.directories.arrival.lease.Lease` meanwhile: no synchronisation brings anybody
    back in between. Every method raises DirectoryUnavailable.

    Args:
        url: ``directory.url``.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def listed(
        self, before: int, *, source: str | None = None, after: str = "", limit: int = 1000
    ) -> Sequence[Gone]:
        """A page of them, in the order of their ids, beginning behind the id ``after``.

        Args:
            before: Seconds since the epoch.
            source: ``ldap:<name>``; None: of all sources.
        """
        asked = (MISSING, GONE, before, after, source or "", source or "", limit)
        return tuple(Gone(*row) for row in self._database.fetch(_PAGE, asked))

    def remove(self, directory: SQLDirectory, gone: Gone) -> bool:
        """Delete the user, with all memberships and links; False if they came back, or are gone already.

        Whatever an unfinished synchronisation has in store for the user comes first: then this waits for it.
        """
        asked = (MISSING, GONE, gone.user_id, gone.source, gone.subject, gone.since)
        if not self._database.fetch(_ONE, asked) or self._database.fetch(_ARRIVING, (gone.user_id,)):
            return False
        return directory.remove(gone.user_id)
