"""The contract suites of sources and of what they said: each catches the mistake that it is there for."""

import inspect
from dataclasses import replace

import pytest

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.errors import SourceUnavailable
from saml_wsgi.model import Profile, Standing
from saml_wsgi.testing.contracts import PopulationContract, StandingsContract
from saml_wsgi.testing.population import MemberInMemory, PopulationInMemory


def filled(population):
    population.put("uid:ada", username="ada", email="ada@example.com", groups=("b", "a"), active=True)
    population.put("uid:grace", username="grace")
    population.put("uid:gone", username="gone", active=False)
    population.spoil("uid:odd")
    return population


class TestPopulationInMemory(PopulationContract):
    @pytest.fixture
    def population(self):
        return filled(PopulationInMemory(page_size=2))


class TestPopulationThatTellsChanges(PopulationContract):
    @pytest.fixture
    def population(self):
        return filled(PopulationInMemory(page_size=2, tells_changes=True))


def breaks(suite, test, **fixtures):
    """Whether that test of the suite fails for the implementation."""
    method = getattr(suite, test)
    wanted = {name: fixtures[name] for name in inspect.signature(method).parameters if name in fixtures}
    try:
        method(**wanted)
    except (AssertionError, pytest.fail.Exception):
        return True
    return False


class Reads(PopulationInMemory):
    """Reads people as :meth:`told` has it."""

    def told(self, members):
        return members

    def changed(self, since):
        return self.told(super().changed(since))


class Nobody(Reads):
    def told(self, members):
        return []


class Twice(Reads):
    def told(self, members):
        return [*members, members[0]]


class Other(MemberInMemory):
    """Somebody whose digest is everybody's."""

    @property
    def digest(self):
        return b"same"


class OneDigest(Reads):
    def told(self, members):
        return [Other(member.said, member.subject) for member in members]


class Anonymous(Reads):
    def told(self, members):
        return [MemberInMemory(member.said, "") for member in members]


class NamesOthers(Reads):
    def told(self, members):
        return [MemberInMemory(member.said, f"{member.subject}-") for member in members]


class Counts(Reads):
    """Everybody has another digest each time."""

    count = 0

    def told(self, members):
        self.count += 1
        return [
            MemberInMemory(replace(member.said, first_name=str(self.count)), member.subject)
            if isinstance(member.said, Profile)
            else member
            for member in members
        ]


class SpeaksOfMore(PopulationInMemory):
    def __init__(self):
        super().__init__(fields=("username",))


class SpeaksOfNonsense(PopulationInMemory):
    def __init__(self):
        super().__init__(fields=("username", "shoe_size"))


class Nameless(Reads):
    def told(self, members):
        return [
            MemberInMemory(replace(member.said, username=None), member.subject)
            if isinstance(member.said, Profile)
            else member
            for member in members
        ]


class LooksUpNobody(PopulationInMemory):
    def look_up(self, keys, /):
        return None


class LooksUpAnybody(PopulationInMemory):
    def look_up(self, keys, /):
        return next(iter(self)).profile()


class ForgetsGroups(PopulationInMemory):
    def look_up(self, keys, /):
        found = super().look_up(keys)
        return found and replace(found, groups=None)


class TrustsAnyCursor(PopulationInMemory):
    """Whatever the cursor, nothing has changed since."""

    def read(self, since, /):
        reading = super().read("")
        if since:
            reading.complete, reading._members = False, []
        return reading


class SaysThatItIsAll(PopulationInMemory):
    """Tells changes, and calls them everybody."""

    def __init__(self):
        super().__init__(tells_changes=True)

    def read(self, since, /):
        reading = super().read(since)
        reading.complete = True
        return reading


class SaysThatItIsSome(PopulationInMemory):
    def read(self, since, /):
        reading = super().read(since)
        reading.complete = False
        return reading


class NewEachTime(PopulationInMemory):
    def read(self, since, /):
        self.fingerprint += "!"
        return super().read(since)


@pytest.mark.parametrize(
    ("population", "test"),
    [
        (Nobody, "test_without_a_cursor_everybody_is_read"),
        (SaysThatItIsSome, "test_without_a_cursor_everybody_is_read"),
        (Twice, "test_everybody_is_read_once"),
        (Anonymous, "test_everybody_is_read_once"),
        (OneDigest, "test_a_digest_stands_for_what_is_said"),
        (Counts, "test_nothing_changes_of_itself"),
        (NamesOthers, "test_profiles_are_about_their_member"),
        (SpeaksOfMore, "test_profiles_are_about_their_member"),
        (Nameless, "test_profiles_are_about_their_member"),
        (SpeaksOfNonsense, "test_says_which_fields_it_speaks_of"),
        (NewEachTime, "test_its_fingerprint_stays"),
        (LooksUpNobody, "test_a_sign_in_learns_the_same"),
        (LooksUpAnybody, "test_a_sign_in_learns_the_same"),
        (LooksUpAnybody, "test_unfriendly_names_are_nobodys"),
        (ForgetsGroups, "test_a_sign_in_learns_the_same"),
        (TrustsAnyCursor, "test_a_cursor_that_proves_nothing"),
        (SaysThatItIsAll, "test_changes_are_a_part_of_everybody"),
    ],
)
def test_a_broken_population_is_caught(population, test):
    """The suite fails for a source with that mistake."""
    assert breaks(PopulationContract(), test, population=filled(population()))


def test_a_population_that_is_down_is_no_pass():
    """A source that doesn't answer passes nothing: what it raises comes out of the suite."""
    population = filled(PopulationInMemory())
    population.down = True
    with pytest.raises(SourceUnavailable):
        breaks(PopulationContract(), "test_everybody_is_read_once", population=population)


# -- what a source said --


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/state.db"
    database.create(url)
    yield url
    database.disconnect(url)


class NotesNothing(SQLLinks):
    def note(self, source, subject, state, moment, /):
        pass


class NotesForAll(SQLLinks):
    def note(self, source, subject, state, moment, /):
        for link in self.listed():
            super().note(link.idp, link.subject, state, moment)


class SinceTheLastWord(SQLLinks):
    def standing(self, source, user_id, /):
        found = super().standing(source, user_id)
        return found and Standing(found.state, found.confirmed, found.confirmed)


class ConfirmedOnce(SQLLinks):
    def standing(self, source, user_id, /):
        found = super().standing(source, user_id)
        return found and Standing(found.state, found.since, found.since)


class PinsWhatIsNoted(SQLLinks):
    def note(self, source, subject, state, moment, /):
        if subject == "nobody":
            self.pin(source, subject, "user-9")
        super().note(source, subject, state, moment)


class NeverNone(SQLLinks):
    def standing(self, source, user_id, /):
        return super().standing(source, user_id) or Standing()


@pytest.mark.parametrize(
    ("links", "test", "arguments"),
    [
        (NotesNothing, "test_what_a_source_says_is_kept", {"state": "missing"}),
        (NotesNothing, "test_a_change_is_kept_at_once", {}),
        (NotesForAll, "test_others_are_left_alone", {}),
        (NotesForAll, "test_nobody_is_pinned_by_a_note", {}),
        (SinceTheLastWord, "test_since_changes_with_the_state_only", {}),
        (ConfirmedOnce, "test_confirmed_is_exact_to_an_hour", {}),
        (PinsWhatIsNoted, "test_nobody_is_pinned_by_a_note", {}),
        (NeverNone, "test_a_user_without_a_subject_has_no_standing", {}),
    ],
)
def test_broken_standings_are_caught(url, links, test, arguments):
    """The suite fails for links with that mistake, and holds without it."""

    def broken(kind):
        try:
            return breaks(StandingsContract(), test, links=kind(url), **arguments)
        finally:
            with database.connect(url).begin() as connection:
                connection.exec_driver_sql("DELETE FROM saml_wsgi_links")

    assert broken(links)
    assert not broken(SQLLinks)
