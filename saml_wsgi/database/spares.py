"""SQLite connections at hand for what runs at every request.

SQLAlchemy's pool costs a multiple of a look-up by key. A connection to a file needs less: it is open, and
the file is still the one that it opened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import PoolProxiedConnection

#: Connections that are kept open while nobody needs them; as many as SQLAlchemy's pool keeps.
_KEPT: Final = 8


class Lent:
    """A connection of :class:`Spares`, as SQLAlchemy's pool would give it: to be closed after use."""

    __slots__ = ("_home", "_opened", "commit", "cursor", "driver_connection", "rollback")

    def __init__(self, opened: PoolProxiedConnection, home: deque[Lent]) -> None:
        connection: Any = opened.dbapi_connection
        self.driver_connection = connection
        self._opened = opened  # closes the connection with its end
        # Not the Spares: what was lent before a fork goes back to what a child leaves alone.
        self._home = home
        self.cursor = connection.cursor
        self.commit = connection.commit
        self.rollback = connection.rollback

    def close(self) -> None:
        """Give it back, without a transaction; unless there are enough."""
        connection = self.driver_connection
        if connection.in_transaction:
            connection.rollback()
        if len(self._home) < _KEPT:
            self._home.append(self)
        else:
            self.end()

    def end(self) -> None:
        """Close the connection for good."""
        self._opened.close()


class Spares:
    """The connections of one engine. Safe for threads: a deque gives each to one of them only.

    Args:
        open_one: Opens a connection that is nobody else's.
        identity: Which file is there now, or None.
    """

    def __init__(
        self, open_one: Callable[[], PoolProxiedConnection], identity: Callable[[], tuple[int, int] | None]
    ) -> None:
        self._open_one = open_one
        self._identity = identity
        self._kept: deque[Lent] = deque()

    def lend(self) -> Lent:
        """A connection to the file that is there now.

        Raises:
            Exception: It can't be opened; as SQLAlchemy's pool has it.
        """
        file = self._identity()
        while (lent := self._next()) is not None:
            if lent.driver_connection.file == file:
                return lent
            # Whoever writes on into a deleted file promises what nobody else will ever see.
            lent.end()
        return Lent(self._open_one(), self._kept)

    def close(self) -> None:
        """Close those that nobody uses."""
        while (lent := self._next()) is not None:
            lent.end()

    def abandon(self) -> object:
        """In a child process: forget what the parent opened. The result is to be kept, lest it be closed."""
        inherited, self._kept = self._kept, deque()
        return inherited

    def _next(self) -> Lent | None:
        try:
            return self._kept.pop()
        except IndexError:
            return None
