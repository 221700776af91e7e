"""A synchronisation: the source's people become the users here, all at once or not at all."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Final, Protocol, TypeVar

from saml_wsgi.directories.arrival.arrivals import Arrivals
from saml_wsgi.directories.arrival.history import History
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.standing import LocalPopulation
from saml_wsgi.directories.arrival.values import ChangedUser, LostLease, NewUser
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.interfaces import Clock, Population, Reading
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.identification import keeper
from saml_wsgi.resolvers.policy import Place, Policy, Register
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.sync import limits
from saml_wsgi.sync.comparison import Comparison
from saml_wsgi.sync.decision import Judge
from saml_wsgi.sync.draft import Draft
from saml_wsgi.sync.fingerprint import fingerprint
from saml_wsgi.sync.limits import Limit
from saml_wsgi.sync.report import Report
from saml_wsgi.sync.staging import Staging

_DAY: Final = 86_400
_COLLIDED: Final = "conflict: somebody else got the username, or the user, while this run was under way"

_Written = TypeVar("_Written", ChangedUser, NewUser)


class Progress(Protocol):
    """Is told how far a run has come, often; must be quick."""

    def __call__(self, step: str, done: int, total: int, /) -> None:
        """``reading``, ``writing`` or ``settling``; so many people, of so many (0: nobody knows)."""


def _unwatched(step: str, done: int, total: int, /) -> None:
    del step, done, total


class Synchronisation:
    """Runs, one at a time across processes and hosts.

    Args:
        population: The source.
        source: Its name.
        url: ``directory.url``: tables of ours.
        rules: How groups are named and written (its ``groups``).
        policy: What is written, as by the resolver that searches the same source at a sign-in.
        limit: What one run may take away.
        adopt: Whose users become the source's, where it has their username: ``local``, ``jit``.
        full_every: Seconds after which everybody is read again; 0: each time.
        keep: For how many seconds runs are remembered.
        clock: The time.

    Raises:
        ConfigurationError: The URL isn't usable.
    """

    def __init__(
        self,
        population: Population,
        source: str,
        url: str,
        *,
        rules: Rules | None = None,
        policy: Policy | None = None,
        limit: Limit | None = None,
        adopt: Collection[str] = (),
        full_every: int = _DAY,
        keep: int = 90 * _DAY,
        clock: Clock = time,
    ) -> None:
        rules = rules or Rules()
        policy = replace(policy or Policy(), owner="ldap", authoritative=True, reactivate=False)
        self._population = population
        self._source = source
        self._url = url
        self._limit = limit or Limit()
        self._full_every = full_every
        self._keep = keep
        self._clock = clock
        self._local = LocalPopulation(url)
        self._history = History(url)
        self._rules_print = fingerprint(population, rules, policy, adopt)
        place = Place() if rules.groups.create else Place(FIELDS, _known_groups(SQLDirectory(url)))
        self._judge = Judge(source, population.fields, self._rules_print, rules, policy, adopt, place)

    def run(
        self,
        *,
        full: bool = False,
        dry_run: bool = False,
        max_removals: int | None = None,
        progress: Progress = _unwatched,
    ) -> Report:
        """Read everything, compare it, and only then write it. Whatever goes wrong is told by the report.

        Args:
            full: Read everybody, even if only changes could be read.
            dry_run: Write nothing (but what a killed run left half-way); tell what would be done.
            max_removals: In place of the limit, this once.
            progress: Is told how far it is.
        """
        draft = Draft(self._source, self._clock, dry_run=dry_run)
        limit = self._limit if max_removals is None else Limit(number=max_removals)
        with draft.told(), Lease(self._url, self._source, clock=self._clock) as lease, Staging() as staging:
            draft.record(self._history)
            arrivals = Arrivals(self._url, lease, keeper(self._source), clock=self._clock)
            arrivals.recover()
            comparison = Comparison(self._local, self._judge, staging, draft.tally, draft.started)
            with draft.step("reading"):
                reading = self._begin_to_read(draft, full=full)
                if reading.complete:
                    comparison.count()
                for page in reading:
                    comparison.page(page)
                    lease.renew()
                    progress("reading", draft.tally.effects["read"], 0)
            with draft.step("comparing"):
                if reading.complete:
                    comparison.find_missing()
                comparison.settle_names()
                if dry_run:
                    # Before the limits: who is meant is what an operator wants to see where they don't hold.
                    draft.tally.plan(staging.planned())
                limits.check(draft.tally.effects, limit, comparison.count_active)
            if not dry_run:
                self._write(draft, arrivals, staging, reading, progress, comparison.undecided)
        return draft.report()

    def _begin_to_read(self, draft: Draft, *, full: bool) -> Reading:
        """Everybody, or what changed since the last run."""
        kept = self._local.progress(keeper(self._source))
        rules_print, _, cursor = kept.cursor.partition(" ")
        age = int(self._clock.time()) - kept.full_at
        why = ""
        if full:
            why = "it was asked for"
        elif not kept.full_at:
            why = "it is the first time"
        elif not 0 <= age < self._full_every:
            why = "the last time is long enough ago"
        elif cursor and rules_print != self._rules_print:
            why = "the configuration changed"
        reading = self._population.read("" if why else cursor)
        draft.kind = "full" if reading.complete else "incremental"
        if reading.complete:
            draft.why = why or reading.why
        else:
            draft.cursor = kept.cursor
        return reading

    def _write(
        self,
        draft: Draft,
        arrivals: Arrivals,
        staging: Staging,
        reading: Reading,
        progress: Progress,
        undecided: int,
    ) -> None:
        """What is planned: first where nobody sees it, then in one moment for everybody, then to stay."""
        with draft.step("writing"):
            total = staging.count()
            if total:
                arrivals.begin()
                try:
                    left = self._add(arrivals, staging, progress, total)
                except BaseException:
                    with suppress(DirectoryUnavailable, LostLease):  # or the next run does it
                        arrivals.drop()
                    raise
                undecided += draft.tally.take_back(staging.drop(left), _COLLIDED)
            if not undecided and reading.cursor:
                draft.cursor = f"{self._rules_print} {reading.cursor}"
            # Whom this run couldn't do justice the next one must read again: it begins where this one did.
            arrivals.flip(draft.cursor, full=reading.complete, now=int(self._clock.time()))
            draft.applied = True
        with draft.step("settling"):
            arrivals.settle(lambda done, of: progress("settling", done, of))
            arrivals.digests(staging.digests())
            self._history.forget(draft.started - self._keep)

    @staticmethod
    def _add(arrivals: Arrivals, staging: Staging, progress: Progress, total: int) -> Sequence[str]:
        """Write what nobody sees yet; the subjects of those for whom it was too late."""
        done = itertools.count(1)

        def watched(people: Iterable[_Written]) -> Iterator[_Written]:
            for person in people:
                progress("writing", next(done), total)
                yield person

        return (
            *arrivals.add_changes(watched(staging.changes())),
            *arrivals.add_new(watched(staging.new_users())),
            *arrivals.contested(),
        )


def _known_groups(directory: SQLDirectory) -> Register:
    """Which groups there are, each asked for once."""

    @lru_cache(maxsize=10_000)
    def is_known(name: str) -> bool:
        return bool(directory.known_groups((name,)))

    return lambda wanted: [name for name in wanted if is_known(name)]
