"""What a whole population is read with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from saml_wsgi.directories.ldap.connection import Connection, Lost
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.requests import Control

#: Seconds after which an idle connection isn't trusted any more: firewalls forget without a word.
IDLE: Final = 60.0


class Reader:
    """A reading's questions, all to one server: what another one would say may be older, or newer.

    For one thread. A connection that breaks while pages come ends the reading.

    Args:
        first: A connection to the server.
        connect: Makes another one to the very same, until an instant of ``time.monotonic``.
        failed: Is told of a server that is lost.
        timeout: Seconds for each search.

    Attributes:
        server: The one that is asked.
    """

    def __init__(
        self,
        first: Connection,
        *,
        connect: Callable[[float], Connection],
        failed: Callable[[Lost], None],
        timeout: float,
    ) -> None:
        self.server = first.server
        self._idle = [first]
        self._connect = connect
        self._failed = failed
        self._timeout = timeout

    def pages(
        self,
        base: str,
        scope: str,
        wanted: str,
        attributes: Sequence[str],
        *,
        size: int,
        page_timeout: float,
        controls: Sequence[Control] = (),
    ) -> Iterator[list[Entry]]:
        """Everything that a filter finds; see :meth:`Connection.pages`. Meanwhile, others may be asked.

        Raises:
            SourceUnavailable: The server doesn't answer, or tells only a part: what came is worth nothing.
        """
        connection = self._kept() or self._connect(time.monotonic() + page_timeout)
        try:
            yield from connection.pages(
                base, scope, wanted, attributes, size=size, page_timeout=page_timeout, controls=controls
            )
        except BaseException as error:
            # Whoever stops to listen leaves the rest of the answer on its way.
            connection.close()
            if isinstance(error, Lost):
                self._failed(error)
            raise
        self._idle.append(connection)

    def search(
        self, base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int
    ) -> list[Entry]:
        """See :class:`~saml_wsgi.directories.ldap.entries.Searcher`; each has all the time of a look-up.

        Raises:
            SourceUnavailable: The server doesn't answer, or tells only a part.
        """
        until = time.monotonic() + self._timeout
        while True:
            kept = self._kept()
            connection = kept or self._connect(until)
            try:
                found = connection.search(base, scope, wanted, attributes, most=most, until=until)
            except BaseException as error:
                connection.close()
                # One that was kept may have ended meanwhile: that says nothing of the server.
                if isinstance(error, Lost):
                    if kept is not None and time.monotonic() < until:
                        continue
                    self._failed(error)
                raise
            self._idle.append(connection)
            return found

    def release(self) -> None:
        """End the connections."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> Connection | None:
        while self._idle:
            kept = self._idle.pop()
            if not kept.is_stale and kept.used >= time.monotonic() - IDLE:
                return kept
            kept.close()
        return None
