"""The obligations of :class:`saml_wsgi.interfaces.Standings`."""

from __future__ import annotations

import pytest

from saml_wsgi.interfaces import Standings
from saml_wsgi.model import Standing
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY, at_once
from saml_wsgi.testing.contracts.links import LinksContract

SOURCE = "ldap:staff"
OTHER_SOURCE = "ldap:guests"
_NOON = 1_800_000_000
_HOUR = 3600


class StandingsContract(LinksContract):
    """Provide the fixture ``links``: as for LinksContract, with what sources say of their subjects."""

    @pytest.fixture
    def links(self) -> Standings:
        raise NotImplementedError("a StandingsContract needs the fixture links")

    def _standing(self, links: Standings, number: int = 1) -> Standing:
        found = links.standing(SOURCE, self.user_id(number))
        assert found is not None
        return found

    def test_has_the_shape_of_standings(self, links: Standings) -> None:
        """It has every method of the protocol."""
        assert isinstance(links, Standings)

    def test_a_user_without_a_subject_has_no_standing(self, links: Standings) -> None:
        """Of a user who is pinned to no subject of the source, it says nothing."""
        links.pin(OTHER_SOURCE, "ada", self.user_id(1))
        assert links.standing(SOURCE, self.user_id(1)) is None

    def test_a_source_that_was_never_asked(self, links: Standings) -> None:
        """A subject that was only pinned has no state, and no moment at which it was confirmed."""
        links.pin(SOURCE, "ada", self.user_id(1))
        assert self._standing(links) == Standing()

    @pytest.mark.parametrize("state", ["active", "inactive", "missing"])
    def test_what_a_source_says_is_kept(self, links: Standings, state: str) -> None:
        """The state is kept, with the moment since when it is so."""
        links.pin(SOURCE, "ada", self.user_id(1))
        links.note(SOURCE, "ada", state, _NOON)
        assert self._standing(links) == Standing(state, _NOON, _NOON)

    def test_since_changes_with_the_state_only(self, links: Standings) -> None:
        """However often a source says the same, it has been so since it said it first."""
        links.pin(SOURCE, "ada", self.user_id(1))
        links.note(SOURCE, "ada", "active", _NOON)
        links.note(SOURCE, "ada", "active", _NOON + 5 * _HOUR)
        assert self._standing(links).since == _NOON
        links.note(SOURCE, "ada", "missing", _NOON + 6 * _HOUR)
        assert self._standing(links).since == _NOON + 6 * _HOUR
        links.note(SOURCE, "ada", "active", _NOON + 7 * _HOUR)
        assert self._standing(links).since == _NOON + 7 * _HOUR

    def test_confirmed_is_exact_to_an_hour(self, links: Standings) -> None:
        """When the source last said so is known to the hour, and never lies ahead."""
        links.pin(SOURCE, "ada", self.user_id(1))
        for minutes in (0, 10, 70, 75, 200, 900):
            moment = _NOON + minutes * 60
            links.note(SOURCE, "ada", "active", moment)
            assert moment - _HOUR < self._standing(links).confirmed <= moment

    def test_a_change_is_kept_at_once(self, links: Standings) -> None:
        """Another state counts at once, however short a time after the last word."""
        links.pin(SOURCE, "ada", self.user_id(1))
        links.note(SOURCE, "ada", "active", _NOON)
        links.note(SOURCE, "ada", "inactive", _NOON + 1)
        assert self._standing(links) == Standing("inactive", _NOON + 1, _NOON + 1)

    def test_others_are_left_alone(self, links: Standings) -> None:
        """What is noted of one subject is said of no other one, and of no other source's."""
        links.pin(SOURCE, "ada", self.user_id(1))
        links.pin(SOURCE, "grace", self.user_id(2))
        links.pin(OTHER_SOURCE, "ada", self.user_id(1))
        links.note(SOURCE, "ada", "inactive", _NOON)
        assert self._standing(links, 2) == Standing()
        assert links.standing(OTHER_SOURCE, self.user_id(1)) == Standing()

    def test_nobody_is_pinned_by_a_note(self, links: Standings) -> None:
        """A subject that isn't pinned, or can't be, is nothing to note."""
        links.pin(SOURCE, "ada", self.user_id(1))
        for subject in ("", "nobody", *UNFRIENDLY):
            links.note(SOURCE, subject, "inactive", _NOON)
            links.note(subject, "ada", "inactive", _NOON)
            assert links.follow(SOURCE, subject) is None
            assert links.standing(SOURCE, subject) is None
            assert links.standing(subject, self.user_id(1)) is None
        assert self._standing(links) == Standing()

    def test_a_note_pins_nobody_to_another_one(self, links: Standings) -> None:
        """Whatever is noted, subjects and users stay pinned as they were."""
        links.pin(SOURCE, "ada", self.user_id(1))
        links.note(SOURCE, "ada", "missing", _NOON)
        assert links.follow(SOURCE, "ada") == self.user_id(1)
        assert links.pin(SOURCE, "ada", self.user_id(1)) is True
        assert self._standing(links).state == "missing"

    def test_noted_by_many_threads(self, links: Standings) -> None:
        """Threads that note the same at once leave one state, since one of the moments."""
        links.pin(SOURCE, "ada", self.user_id(1))
        at_once(self.threads, lambda number: links.note(SOURCE, "ada", "inactive", _NOON + number))
        standing = self._standing(links)
        assert standing.state == "inactive"
        assert _NOON <= standing.since <= standing.confirmed < _NOON + self.threads
