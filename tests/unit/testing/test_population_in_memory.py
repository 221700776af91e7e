"""The people in memory keep what a population promises, so that tests with them mean something."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Ambiguous, SourceUnavailable
from saml_wsgi.testing.contracts.population import PopulationContract
from saml_wsgi.testing.population import PopulationInMemory


def people(**options):
    found = PopulationInMemory(page_size=2, **options)
    found.put("uid:mara", username="mara", email="mara@example.test", groups=("Staff", "Finance"))
    found.put("uid:jose", username="José", email="jose@example.test", groups=())
    found.put("uid:petra", username="petra", active=False)
    found.spoil("uid:odd", "missing_attribute", "it has no uid")
    return found


class TestPeopleInMemory(PopulationContract):
    @pytest.fixture
    def population(self):
        return people()


class TestPeopleInMemoryWhoTellChanges(PopulationContract):
    @pytest.fixture
    def population(self):
        return people(tells_changes=True)


def test_changes_are_told_behind_a_cursor():
    """Where it tells changes, a reading tells whom the test changed since, and not who is gone."""
    population = people(tells_changes=True)
    reading = population.read("")
    assert sum(len(page) for page in reading) == 4
    population.change("uid:mara", email="new@example.test")
    population.remove("uid:jose")
    later = population.read(reading.cursor)
    assert [[member.subject for member in page] for page in later] == [["uid:mara"]]
    assert later.complete is False


def test_it_fails_where_a_test_wants_it():
    """It tells only so many people, or doesn't answer at all."""
    population = people()
    population.fails_after = 2
    pages = iter(population.read(""))
    assert len(next(pages)) == 2
    with pytest.raises(SourceUnavailable):
        next(pages)
    population.down = True
    with pytest.raises(SourceUnavailable):
        population.read("")
    with pytest.raises(SourceUnavailable):
        population.look_up({"username": "mara"})


def test_two_people_of_one_name_are_ambiguous():
    """A look-up that fits two people says so."""
    population = people()
    population.put("uid:other", username="MARA")
    with pytest.raises(Ambiguous):
        population.look_up({"username": "mara"})
    assert population.look_up({}) is None
