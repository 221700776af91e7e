"""What a synchronisation brings: before one moment nobody sees any of it, and after it everybody all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from saml_wsgi.database import answering
from saml_wsgi.directories.arrival.applying import Applying, Pace
from saml_wsgi.directories.arrival.clearing import clear, take_back
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.making import Making
from saml_wsgi.directories.arrival.moving import move
from saml_wsgi.directories.arrival.noting import Brought, Noting
from saml_wsgi.directories.arrival.statements import Database
from saml_wsgi.directories.arrival.values import ChangedUser, NewDigest, NewUser
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.interfaces import Clock

_REACHED: Final = "SELECT generation, begun FROM saml_wsgi_sync WHERE id = 1"
_BEGIN: Final = "UPDATE saml_wsgi_sync SET begun = ? WHERE id = 1"
_FLIP: Final = "UPDATE saml_wsgi_sync SET generation = ?, begun = ? WHERE id = 1"
_PROGRESS: Final = """
    INSERT INTO saml_wsgi_sync_sources (source, cursor, full_at, finished) VALUES (?, ?, ?, ?)
    ON CONFLICT (source) DO UPDATE SET
        cursor = excluded.cursor,
        full_at = CASE WHEN excluded.full_at > 0 THEN excluded.full_at
                       ELSE saml_wsgi_sync_sources.full_at END,
        finished = excluded.finished
"""
_DIGEST: Final = """
    UPDATE saml_wsgi_links SET digest = ?
    WHERE idp = ? AND subject = ? AND user_id = ? AND digest = ?
    AND (SELECT updated FROM saml_wsgi_users WHERE id = saml_wsgi_links.user_id) = ?
"""
_WAITING: Final = "SELECT count(*) FROM saml_wsgi_arriving WHERE generation <= ?"
_NEXT: Final = """
    SELECT user_id, length(groups) FROM saml_wsgi_arriving WHERE generation <= ? AND user_id > ?
    ORDER BY user_id LIMIT 1000
"""


class _Additions(NamedTuple):
    """What was begun."""

    generation: int
    noting: Noting
    making: Making


class Arrivals:
    """Writes what a run brings, in this order: :meth:`recover` (then read and compare), :meth:`begin`,
    :meth:`add_changes`, :meth:`add_new`, :meth:`contested`, :meth:`flip`, :meth:`settle`.

    All changes come before all new users, so that a new user can have a name that another one gives up.
    What is added is cut into transactions of about ten milliseconds with a pause behind each, however much is
    given at once; people may be given as a generator. Sorted by ``names.key(username)``, a million new users
    take a fraction of the time.

    Every method raises LostLease if somebody else took over (then nothing may be written any more), and
    DirectoryUnavailable if the database doesn't answer or is full: before the flip nothing has happened
    then, and :meth:`drop` or the next run's :meth:`recover` clears away.

    Args:
        url: ``directory.url``.
        lease: Entered.
        source: Whose people they are: ``ldap:<name>``. Their links have it as ``idp``.
        clock: Dates the rows.
    """

    def __init__(self, url: str, lease: Lease, source: str, *, clock: Clock = time) -> None:
        self._database = Database(url)
        self._pace = Pace(self._database, lease)
        self._source = source
        self._clock = clock
        self._adding: _Additions | None = None

    def recover(self) -> bool:
        """Clear away what a killed run wrote before its flip; settle what it didn't come to behind it.
        Whether there was anything. First of all, before anything is compared.
        """
        generation, begun = self._reached()
        if begun > generation:
            self._clear(generation)
        return self.settle() > 0 or begun > generation

    def begin(self) -> int:
        """From here on something is written that nobody sees. The generation it will be seen with."""
        with answering(DirectoryUnavailable), self._pace.once() as applying:
            generation: int = applying.execute(_REACHED).fetchone()[0] + 1
            applying.execute(_BEGIN, (generation,))
        now = int(self._clock.time())
        run = Brought(self._database, self._pace, self._source, generation, now)
        noting = Noting(run)
        self._adding = _Additions(generation, noting, Making(run, noting))
        return generation

    def add_changes(self, people: Iterable[ChangedUser]) -> Sequence[str]:
        """Note what is to become of users who are there; each user at most once a run. What they hold passed
        :func:`~saml_wsgi.directories.arrival.values.check_kept`.

        Returns:
            The subjects of those who are left out: another one of these gets the name, or the user or
            the subject was pinned to another one meanwhile.
        """
        return self._begun().noting.add(people)

    def add_new(self, people: Iterable[NewUser]) -> Sequence[str]:
        """Make users whom nobody sees yet. What they hold passed
        :func:`~saml_wsgi.directories.arrival.values.check_kept`.

        Returns:
            The subjects of those who are left out: somebody has the name, or the subject.
        """
        return self._begun().making.add(people)

    def contested(self) -> Sequence[str]:
        """Take back what can't be: a name that its owner doesn't give up after all. After the last of
        ``add_…``, before :meth:`flip`. Returns the subjects of those who are left out.
        """
        adding = self._begun()
        if not adding.noting.renames:
            return ()
        return take_back(self._database, self._pace, self._source, adding.generation)

    def digests(self, people: Iterable[NewDigest]) -> None:
        """Keep new digests of people who are as the source says. At any time; nobody sees them."""

        def prepare(batch: list[NewDigest]) -> list[tuple[str | int, ...]]:
            return [
                (one.digest, self._source, one.subject, one.kept.user_id, one.kept.digest, one.kept.updated)
                for one in batch
            ]

        def write(applying: Applying, rows: list[tuple[str | int, ...]]) -> None:
            applying.execute_each(_DIGEST, rows)

        self._pace.apply(people, write, what="digests", prepare=prepare, rows=lambda _: 1)

    def flip(self, cursor: str, *, full: bool, now: int) -> None:
        """In one moment everybody sees all of it. Also for a run that had nothing to begin: then it only
        keeps how far the source was read.

        Args:
            cursor: Of the reading.
            full: Everybody was read.
            now: Seconds since the epoch.
        """
        with answering(DirectoryUnavailable), self._pace.once() as applying:
            if self._adding is not None:
                generation = self._adding.generation
                applying.execute(_FLIP, (generation, generation))
            applying.execute(_PROGRESS, (self._source, cursor, now if full else 0, now))
        self._adding = None

    def settle(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Move what is seen already to where it stays; killed meanwhile, the next run goes on.

        Args:
            progress: Is told how many users are done, and of how many.

        Returns:
            How many users were settled.
        """
        self._pace.take_stock()
        generation, _ = self._reached()
        total: int = self._database.fetch(_WAITING, (generation,))[0][0]
        done = 0

        def write(applying: Applying, ids: list[str]) -> None:
            nonlocal done
            move(self._database, applying, ids, generation, int(self._clock.time()))
            done += len(ids)

        last = ""
        while found := self._database.fetch(_NEXT, (generation, last)):
            self._pace.apply(
                found,
                write,
                what="settle",
                prepare=lambda batch: [user_id for user_id, _ in batch],
                # A row of the users costs about four times as much as one of their groups.
                rows=lambda row: 4 + (row[1] or 0) // 16,
            )
            last = found[-1][0]
            if progress is not None:
                progress(done, max(done, total))
        return done

    def drop(self) -> None:
        """Clear away what was added: the run is given up. Nothing after the flip."""
        if self._adding is not None:
            self._clear(self._adding.generation - 1)
        self._adding = None

    def _clear(self, generation: int) -> None:
        clear(self._database, self._pace, generation)
        with answering(DirectoryUnavailable), self._pace.once() as applying:
            applying.execute(_BEGIN, (generation,))

    def _reached(self) -> tuple[int, int]:
        generation, begun = self._database.fetch(_REACHED)[0]
        return generation, begun

    def _begun(self) -> _Additions:
        if self._adding is None:
            raise ValueError("nothing was begun")
        return self._adding
