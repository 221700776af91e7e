"""All servers of a directory, and the connections to them: fail-over, reuse, one deadline."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from saml_wsgi.directories.ldap.connection import Connection, Lost, WrongPassword
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.reader import IDLE, Reader
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.errors import SourceUnavailable
from saml_wsgi.events import our_logger

logger = our_logger("saml_wsgi.ldap")

#: Seconds for which a server that didn't answer is asked last.
_DOWN: Final = 30.0
#: Seconds for which a refused password isn't tried again: each try counts towards a lock.
_REFUSED: Final = 30.0


class Client:
    """The directory. Safe for threads, and after a fork: a child opens connections of its own."""

    def __init__(self, access: Access, *, ignore_references: bool = False) -> None:
        self.access = access
        self._ignore_references = ignore_references
        self._down: dict[Server, float] = {}
        self._refused: tuple[float, str] | None = None
        self._idle: list[Connection] = []
        self._inherited: list[list[Connection]] = []
        self._lock = threading.Lock()
        _clients.add(self)
        weakref.finalize(self, _close_all, self._idle, self._inherited)

    @contextlib.contextmanager
    def look_up(self) -> Iterator[Session]:
        """What one look-up is made with: it ends at ``timeout``, however many questions it has.

        Raises:
            SourceUnavailable: No server answers.
        """
        session = Session(self, time.monotonic() + self.access.timeout)
        try:
            yield session
        finally:
            session.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """What a whole population is read with: one server, however long it takes.

        Raises:
            SourceUnavailable: No server answers.
        """
        first = self._new(math.inf, set())
        server, address = first.server, first.address
        reader = Reader(
            first,
            connect=lambda until: self.connected(server, until, address=address),
            failed=lambda error: self.failed(server, error),
            timeout=self.access.timeout,
        )
        try:
            yield reader
        finally:
            reader.release()

    def alone(self, server: Server) -> Client:
        """A client of one of the servers."""
        access = replace(self.access, servers=(server,))
        return Client(access, ignore_references=self._ignore_references)

    def checked_out(self, until: float, tried: set[Server]) -> Connection:
        """A connection: one that is open already, or a new one to the first server that can be reached.

        Args:
            tried: Servers that failed in this look-up; extended.
        """
        while (kept := self._kept()) is not None:
            if not kept.is_stale and kept.server not in tried:
                return kept
            kept.close()
        return self._new(until, tried)

    def _new(self, until: float, tried: set[Server]) -> Connection:
        failures: list[str] = []
        now = time.monotonic()
        order = sorted(self.access.servers, key=lambda server: self._down.get(server, 0.0) > now)
        for server in order:
            if server in tried:
                continue
            try:
                return self.connected(server, until)
            except Lost as error:
                tried.add(server)
                failures.append(error.detail)
        raise SourceUnavailable("; ".join(failures) or "no server answered")

    def connected(self, server: Server, until: float, *, address: str = "") -> Connection:
        """A new connection to one of the servers; see :class:`Connection`.

        Raises:
            Lost: It can't be reached, isn't believed, or doesn't let us in now.
            WrongPassword: It refuses the name or the password that asks, or did so a moment ago.
        """
        self._respect_refusal()
        ready = min(until, time.monotonic() + self.access.connect_timeout)
        ignored = self._ignore_references
        try:
            made = Connection(server, self.access, until=ready, ignore_references=ignored, address=address)
        except WrongPassword as error:
            self._refused = (time.monotonic() + _REFUSED, error.detail)
            raise
        except Lost as error:
            self.failed(server, error)
            raise
        self._down.pop(server, None)
        self._refused = None
        return made

    def failed(self, server: Server, error: Lost) -> None:
        """Note that a server is better asked last for a while."""
        if self._down.get(server, 0.0) < time.monotonic():
            logger.warning("%s doesn't answer: %s", server, error.detail)
        self._down[server] = time.monotonic() + _DOWN

    def checked_in(self, connection: Connection) -> None:
        """Keep an open connection for the next one who asks, unless there are enough."""
        with self._lock:
            if len(self._idle) < self.access.idle:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """End all connections that nobody uses; new ones can be made afterwards."""
        while (kept := self._kept(aged=True)) is not None:
            kept.close()

    def _kept(self, *, aged: bool = False) -> Connection | None:
        oldest = time.monotonic() - IDLE
        while True:
            with self._lock:
                if not self._idle:
                    return None
                kept = self._idle.pop()  # the newest first, so that the others age
            if aged or kept.used >= oldest:
                return kept
            kept.close()

    def _respect_refusal(self) -> None:
        refused = self._refused
        if refused is not None and time.monotonic() < refused[0]:
            raise WrongPassword(f"{refused[1]} (not tried again for {_REFUSED:.0f} s)")

    def after_fork(self) -> None:
        """In a child: the connections are the parent's, whose TLS would break if both spoke."""
        self._lock = threading.Lock()
        self._inherited.append(self._idle.copy())
        self._idle.clear()


class Session:
    """One look-up's questions, over one connection as long as that holds."""

    def __init__(self, client: Client, until: float) -> None:
        self._client = client
        self._until = until
        self._tried: set[Server] = set()
        self._connection: Connection | None = None

    def search(
        self, base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int
    ) -> list[Entry]:
        """See :class:`~saml_wsgi.directories.ldap.entries.Searcher`; a server that is lost is replaced."""
        return self._asked(
            lambda connection, until: connection.search(
                base, scope, wanted, attributes, most=most, until=until
            )
        )

    def release(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._client.checked_in(self._connection)
            self._connection = None

    def _asked(self, ask: Callable[[Connection, float], list[Entry]]) -> list[Entry]:
        is_new = False
        while True:
            if self._connection is None:
                before = time.monotonic()
                self._connection = self._client.checked_out(self._until, self._tried)
                is_new = self._connection.used >= before
            connection = self._connection
            # A server that keeps silent leaves the others their share of the time.
            others = len(self._client.access.servers) - len(self._tried)
            now = time.monotonic()
            until = now + (self._until - now) / max(others, 1)
            try:
                return ask(connection, until)
            except Lost as error:
                connection.close()
                self._connection = None
                # A connection that was kept may have ended meanwhile: that says nothing of the server.
                if is_new or time.monotonic() >= until:
                    self._tried.add(connection.server)
                    self._client.failed(connection.server, error)
                if time.monotonic() >= self._until or len(self._tried) == len(self._client.access.servers):
                    raise
            except BaseException:
                # The rest of the answer may still be on its way.
                connection.close()
                self._connection = None
                raise


def _close_all(idle: list[Connection], inherited: list[list[Connection]]) -> None:
    """Nobody asks any more. Closing says nothing to the server, so a parent that goes on isn't disturbed."""
    for connection in (*idle, *(kept for one in inherited for kept in one)):
        connection.close()
    idle.clear()
    inherited.clear()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
