"""The obligations of :class:`saml_wsgi.interfaces.Population`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from saml_wsgi.errors import Ambiguous, Refused
from saml_wsgi.interfaces import Member, Population, Reading
from saml_wsgi.model import FIELDS, Profile
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY


def _members(reading: Reading) -> list[Member]:
    return [member for page in reading for member in page]


def _said(member: Member) -> Profile | str:
    """What is said of somebody; the code if it can't be used."""
    try:
        return replace(member.profile(), origins={})
    except Refused as error:
        return error.code


class PopulationContract:
    """Provide the fixture ``population``: with one person at least who can be used and isn't switched off.

    It must stay as it is while a test runs. Where people aren't looked up by their usernames, override
    :meth:`keys`.
    """

    @pytest.fixture
    def population(self) -> Population:
        raise NotImplementedError("a PopulationContract needs the fixture population")

    def keys(self, profile: Profile) -> Mapping[str, str]:
        """What the person is looked up by."""
        return {"username": profile.username or ""}

    def test_has_the_shape_of_a_population(self, population: Population) -> None:
        """It has every method of the protocol."""
        assert isinstance(population, Population)

    def test_says_which_fields_it_speaks_of(self, population: Population) -> None:
        """It names fields that there are, each once, and the username is one of them."""
        fields = list(population.fields)
        assert "username" in fields
        assert len(set(fields)) == len(fields)
        assert set(fields) <= set(FIELDS)

    def test_its_fingerprint_stays(self, population: Population) -> None:
        """As long as its options are the same, so is what it is known by."""
        fingerprint = population.fingerprint
        assert isinstance(fingerprint, str)
        _members(population.read(""))
        assert population.fingerprint == fingerprint

    def test_without_a_cursor_everybody_is_read(self, population: Population) -> None:
        """A reading from the beginning is complete, and tells afterwards where the next one can begin."""
        reading = population.read("")
        assert _members(reading)
        assert reading.complete is True
        assert isinstance(reading.cursor, str)

    def test_everybody_is_read_once(self, population: Population) -> None:
        """No two of those who are read are called the same, and everybody is called something."""
        subjects = [member.subject for member in _members(population.read(""))]
        assert all(subjects)
        assert len(set(subjects)) == len(subjects)

    def test_nothing_changes_of_itself(self, population: Population) -> None:
        """Two readings of the same people tell the same subjects, with the same digests and profiles."""
        first, second = (
            {member.subject: (member.digest, _said(member)) for member in _members(population.read(""))}
            for _ in range(2)
        )
        assert first == second

    def test_a_digest_stands_for_what_is_said(self, population: Population) -> None:
        """Everybody has a digest, and nobody of whom something else is said has the same one."""
        digests: dict[bytes, tuple[str, Profile | str]] = {}
        for member in _members(population.read("")):
            assert member.digest
            said = (member.subject, _said(member))
            assert digests.setdefault(member.digest, said)[1] == said[1]

    def test_a_member_can_be_asked_again(self, population: Population) -> None:
        """What is said of somebody is the same however often one asks, also when the reading is over."""
        for member in _members(population.read("")):
            assert _said(member) == _said(member)

    def test_profiles_are_about_their_member(self, population: Population) -> None:
        """A profile names its subject, says nothing of fields that aren't spoken of, and has a username."""
        told = [_said(member) for member in _members(population.read(""))]
        assert any(isinstance(profile, Profile) and profile.active is not False for profile in told)
        for member, profile in zip(_members(population.read("")), told, strict=True):
            if isinstance(profile, str):
                assert profile in {"attribute_unusable", "missing_attribute"}
                continue
            assert profile.subject == member.subject
            assert all(profile.value(name) is None for name in FIELDS if name not in population.fields)
            if profile.active is not False:
                assert profile.username

    def test_a_sign_in_learns_the_same(self, population: Population) -> None:
        """Whoever is looked up is the person who is read: the same subject, fields, groups and state."""
        looked_up = 0
        for member in _members(population.read("")):
            said = _said(member)
            if isinstance(said, Profile) and said.active is not False:
                try:
                    found = population.look_up(self.keys(said))
                except Ambiguous:
                    continue  # two of one name, whom a synchronisation leaves alone
                assert found is not None
                assert replace(found, origins={}) == said
                looked_up += 1
        assert looked_up

    def test_unfriendly_names_are_nobodys(self, population: Population) -> None:
        """What is no name, or looks like a pattern, finds nobody and harms nothing."""
        for name in UNFRIENDLY:
            try:
                assert population.look_up({"username": name}) is None
            except Refused as error:
                assert error.code == "attribute_unusable"  # noqa: PT017 - it may as well find nobody

    def test_changes_are_a_part_of_everybody(self, population: Population) -> None:
        """A reading behind a cursor tells everybody, or some of them, as they are."""
        first = population.read("")
        everybody = {member.subject: member.digest for member in _members(first)}
        later = population.read(first.cursor)
        told = {member.subject: member.digest for member in _members(later)}
        assert told.items() <= everybody.items()
        assert not later.complete or told == everybody
        assert isinstance(later.why, str)

    def test_a_cursor_that_proves_nothing(self, population: Population) -> None:
        """Behind a cursor that isn't one of its own everybody is read."""
        everybody = {member.subject for member in _members(population.read(""))}
        for cursor in ("nonsense", "-1", "0\0", "x" * 10_000):
            reading = population.read(cursor)
            assert {member.subject for member in _members(reading)} == everybody
            assert reading.complete is True
