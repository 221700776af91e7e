"""What a run has come to so far, for its report and for the limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from types import MappingProxyType

from saml_wsgi.sync.decision import Decision, printable
from saml_wsgi.sync.report import COUNTED, MOST_TOLD, Told
from saml_wsgi.sync.staging import Dropped


class Tally:
    """Counts all, and names the first :data:`MOST_TOLD`.

    Attributes:
        effects: How often each effect occurs; see :class:`saml_wsgi.sync.decision.Decision`.
        more: How many people weren't named.
    """

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.more = 0
        self._told: list[Told] = []
        self._planned: list[Told] = []

    def add(self, decisions: Iterable[Decision]) -> None:
        """Count what is decided, and tell what is to be told of it."""
        for decision in decisions:
            self.effects.update(decision.effects)
            if decision.reason:
                self.tell(decision.person, decision.reason)

    def take_back(self, dropped: Iterable[Dropped], reason: str = "") -> int:
        """Somebody is left as they are after all; how many.

        Args:
            reason: ``""``: they are told of, and counted, already.
        """
        count = 0
        for subject, person, effects in dropped:
            count += 1
            self.effects.subtract(effects)
            if reason:
                self.effects["unusable"] += 1
                self.tell(person or subject, reason)
        return count

    def tell(self, person: str, reason: str) -> None:
        """Name somebody."""
        self._note(self._told, person, reason)

    def plan(self, planned: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        """Name what would be done, for a dry run."""
        for person, effects in planned:
            what = [effect for effect in effects if effect in COUNTED and effect != "unchanged"]
            if what:
                self._note(self._planned, person, ", ".join(what))

    @property
    def counts(self) -> MappingProxyType[str, int]:
        """By :data:`COUNTED`."""
        return MappingProxyType({name: self.effects[name] for name in COUNTED})

    @property
    def told(self) -> tuple[Told, ...]:
        """Who was named, and why."""
        return tuple(self._told)

    @property
    def planned(self) -> tuple[Told, ...]:
        """With whom what would be done."""
        return tuple(self._planned)

    def _note(self, lines: list[Told], person: str, reason: str) -> None:
        if len(lines) < MOST_TOLD:
            lines.append(Told(printable(person), printable(reason)))
        else:
            self.more += 1
