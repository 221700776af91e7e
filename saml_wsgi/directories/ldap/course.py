"""The course that a reading takes: on, and to an end."""

from __future__ import annotations

from typing import Final

from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.servers import Server
from saml_wsgi.errors import SourceUnavailable

#: Servers may send pages without entries (RFC 2696, 3), but not for ever.
_EMPTY_PAGES: Final = 1000


class Course:
    """How far a reading has come. A server that begins anew, or never ends, isn't followed for ever.

    Attributes:
        count: Of the entries.
    """

    def __init__(self, server: Server) -> None:
        self.count = 0
        self._server = server
        # Hashes, since a server may have pages of one entry each, and names as long as it likes.
        self._begun: set[int] = set()
        self._is_begin = True
        self._empty = 0

    @property
    def is_new(self) -> bool:
        """Whether nothing came yet, not even an empty page."""
        return not self.count and not self._empty

    def add(self, found: list[Entry], *, page_ends: bool) -> None:
        """Raises: SourceUnavailable: A page's first entry came again, or too many pages have none."""
        begun = self._begun
        if begun and not begun.isdisjoint([hash(entry.dn) for entry in found]):
            raise SourceUnavailable(f"{self._server} tells the same people again and again")
        if found and self._is_begin:
            begun.add(hash(found[0].dn))
            self._empty = 0
        self._is_begin = page_ends
        self.count += len(found)
        if page_ends and not found:
            self._empty += 1
            if self._empty > _EMPTY_PAGES:
                raise SourceUnavailable(f"{self._server} has nothing but empty pages")
