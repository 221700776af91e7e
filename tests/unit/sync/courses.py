"""Any course of events: a source and an office that change at random, and what a run must make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest.mock import patch

from saml_wsgi.directories.arrival.applying import Applying, Pace
from saml_wsgi.directories.arrival.arrivals import Arrivals
from saml_wsgi.directories.arrival.values import ACTIVE, INACTIVE, MISSING
from saml_wsgi.model import FIELDS, Profile, User
from saml_wsgi.names import key
from saml_wsgi.sync.report import Report
from tests.unit.sync.events_by_chance import Events
from tests.unit.sync.world import KEEPER


class Before(NamedTuple):
    """What is here before a run."""

    users: dict[str, User]
    subjects: dict[str, str]
    states: dict[str, str]


class Course(Events):
    """Events, and runs between and among them."""

    # -- while a run is under way --

    def run_among_people(self, often: float) -> Report:
        """A complete run, while others write between its transactions, and the source changes.

        Whoever was active before, is the source's, and never was switched off by anybody, is active when
        what the run brought is seen; and no two users have one name.
        """
        before = {user.id: user for user in self.world.everybody()}
        steady = self._active_there()
        self.touched.clear()
        busy = False

        def meanwhile(*_: object) -> None:
            nonlocal busy
            if busy:
                return
            busy = True
            self.world.clock.advance(self.chance.choice([0, 0, 1]))
            if self.chance.random() < often:
                self.chance.choice([self.here, self.here, self.here, self.at_the_source])()
                steady.intersection_update(self._active_there())
            busy = False

        def flipped() -> None:
            now = {user.id: user for user in self.world.everybody()}
            assert len({key(user.username) for user in now.values()}) == len(now)
            for subject, user_id in self.linked():
                user = now.get(user_id)
                if (
                    subject in steady
                    and user_id in before
                    and user_id not in self.touched
                    and user is not None
                ):
                    assert user.active or user.managed_by != KEEPER or not before[user_id].active, user

        self.world.clock.advance(60)
        with _watched(meanwhile, flipped):
            return self.world.synchronisation().run(full=True, max_removals=10_000, progress=meanwhile)

    # -- what must be --

    def before(self) -> Before:
        """To be kept before a run in which nothing else happens."""
        links = dict(self.linked())
        kept = self.world.local.known(KEEPER, links.keys())
        return Before(
            {user.id: user for user in self.world.everybody()},
            links,
            {user_id: kept[subject].state for subject, user_id in links.items() if subject in kept},
        )

    def check(self, before: Before, report: Report) -> None:
        """After a complete run in which nothing else happened: the users are the source's people."""
        now = {user.id: user for user in self.world.everybody()}
        assert before.users.keys() <= now.keys()
        assert self.world.snapshot()[3] == []
        linked = dict(self.linked())
        keys = Counter(key(user.username) for user in now.values())
        assert not [name for name, count in keys.items() if count > 1]
        assert {subject: linked.get(subject) for subject in before.subjects} == before.subjects
        told = {one.person: one.reason for one in report.told}
        owned = set()
        for member in self.world.source:
            user = now.get(linked.get(member.subject, ""))
            if user is not None:
                owned.add(user.id)
            self._check_member(member, user, before, told, now)
        for user in now.values():
            if user.id in owned:
                continue
            was = before.users[user.id]
            gone = user.managed_by == KEEPER and user.id in linked.values()
            assert user == (replace(was, active=False) if gone else was), (user, was)

    def _check_member(
        self, member: Any, user: User | None, before: Before, told: dict[str, str], now: dict[str, User]
    ) -> None:
        was = before.users.get(user.id) if user is not None else None
        if not isinstance(member.said, Profile):
            assert user == was
            return
        said = member.said
        name = said.username or ""
        others = {key(one.username) for one in now.values() if user is None or one.id != user.id}
        reason = told.get(name) or told.get(was.username if was is not None else "") or ""
        if user is not None and user.managed_by != KEEPER:
            assert user == was
            return
        if user is None:
            assert said.active is False or key(name) in others, (member, told)
            return
        state = before.states.get(user.id, "")
        if said.active is False:
            assert was is not None
            assert user == replace(was, active=False)
            return
        stays_off = was is not None and not was.active and state not in (INACTIVE, MISSING)
        if key(name) in others:
            assert reason, (member, user, told)
            assert user == was
            return
        expected = User(
            id=user.id,
            **{field: said.value(field) or "" for field in FIELDS},
            groups=tuple(sorted(said.groups or ())),
            active=not stays_off,
            managed_by=KEEPER,
            seen=user.seen,
        )
        assert user == expected, (user, expected, told)
        assert self.world.state(member.subject) == ACTIVE


@contextmanager
def _watched(between: Callable[[], None], flipped: Callable[[], None]) -> Iterator[None]:
    """Call one before each transaction of a run, and the other when it has just been seen."""

    def once(pace: Pace) -> Applying:
        between()
        return _once(pace)

    def flip(arrivals: Arrivals, *args: Any, **named: Any) -> None:
        _flip(arrivals, *args, **named)
        flipped()

    _once, _flip = Pace.once, Arrivals.flip
    with patch.object(Pace, "once", once), patch.object(Arrivals, "flip", flip):
        yield
