"""The contract suites: each catches the mistake that it is there for."""

import inspect
import threading
from dataclasses import replace

import pytest

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryConflict, SourceUnavailable
from saml_wsgi.model import Assertion, Changes, Denied, Profile, Resolution, User
from saml_wsgi.names import key
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts import (
    AdministeredDirectoryContract,
    AdministeredLinksContract,
    AttendanceContract,
    DirectoryContract,
    GroupRegisterContract,
    LinksContract,
    ResolverContract,
    StoreContract,
    WritableDirectoryContract,
)
from saml_wsgi.testing.contracts.directory import ADA, PEOPLE


def breaks(suite, test, **fixtures):
    """Whether that test of the suite fails for the implementation."""
    method = getattr(suite, test)
    wanted = {name: fixtures[name] for name in inspect.signature(method).parameters if name in fixtures}
    try:
        method(**wanted)
    except (AssertionError, pytest.fail.Exception):  # the latter: nothing was raised
        return True
    return False


# -- stores --


class ForgetsToExpire(MemoryStore):
    def _live(self, key, now):
        return self._entries.get(key)


class RacyAdd(MemoryStore):
    """Looks first and writes then, with room for everybody in between."""

    def __init__(self, **options):
        super().__init__(**options)
        self.meeting = threading.Barrier(StoreContract.threads)

    def add(self, key, value, ttl, /, *, also=()):
        absent = self.get(key) is None
        if threading.current_thread() is not threading.main_thread():
            self.meeting.wait()
        if absent:
            self.put(key, value, ttl)
        return absent


class RacyPop(RacyAdd):
    def pop(self, key, /):
        value = self.get(key)
        if threading.current_thread() is not threading.main_thread():
            self.meeting.wait()
        super().pop(key)
        return value


class RevivingReplace(MemoryStore):
    def replace(self, key, value, ttl, /):
        self.put(key, value, ttl)
        return True


class LosesTags(MemoryStore):
    def replace(self, key, value, ttl, /):
        present = self.get(key) is not None
        if present:
            self.put(key, value, ttl)
        return present


class KeepsTags(MemoryStore):
    def _drop(self, key):
        self._entries.pop(key, None)


class FoldsKeys(MemoryStore):
    def get(self, key, /):
        return super().get(key.lower())

    def add(self, key, value, ttl, /, *, also=()):
        return super().add(key.lower(), value, ttl, also=[name.lower() for name in also])


class AddProlongs(MemoryStore):
    def add(self, key, value, ttl, /, *, also=()):
        before = self.get(key)
        if before is None:
            return super().add(key, value, ttl)
        self.put(key, before, ttl)
        return False


class AddsOneByOne(MemoryStore):
    def add(self, key, value, ttl, /, *, also=()):
        # All of them are tried, whatever becomes of the first.
        added = [super(AddsOneByOne, self).add(name, value, ttl) for name in (key, *also)]
        return all(added)


class PutsWithoutTags(MemoryStore):
    def put_all(self, entries, /):
        super().put_all([replace(entry, tags=()) for entry in entries])


class PutsWhatIsAbsent(MemoryStore):
    def put_all(self, entries, /):
        super().put_all([entry for entry in entries if self.get(entry.key) is None])


class PutsTheFirst(MemoryStore):
    def put_all(self, entries, /):
        super().put_all(list(reversed(entries)))


@pytest.mark.parametrize(
    ("store", "test"),
    [
        (PutsWithoutTags, "test_put_all_stores_each_of_them"),
        (PutsWhatIsAbsent, "test_put_all_stores_over_what_was_there"),
        (PutsTheFirst, "test_put_all_with_one_key_twice"),
        (AddsOneByOne, "test_add_of_several_keys_is_all_or_nothing"),
        (ForgetsToExpire, "test_get_after_the_ttl_is_none"),
        (ForgetsToExpire, "test_pop_after_the_ttl_is_none"),
        (ForgetsToExpire, "test_add_stores_again_after_the_ttl"),
        (ForgetsToExpire, "test_replace_does_not_revive_what_expired"),
        (ForgetsToExpire, "test_tagged_leaves_out_what_expired"),
        (RacyAdd, "test_add_of_many_threads_succeeds_once"),
        (RacyPop, "test_pop_of_many_threads_gives_the_value_once"),
        (RevivingReplace, "test_replace_of_an_absent_key_stores_nothing"),
        (RevivingReplace, "test_replace_does_not_revive_what_was_popped"),
        (LosesTags, "test_tags_stay_when_a_value_is_replaced"),
        (KeepsTags, "test_put_files_under_its_own_tags_only"),
        (KeepsTags, "test_a_new_entry_has_no_tags_of_an_earlier_one"),
        (FoldsKeys, "test_keys_are_compared_exactly"),
        (AddProlongs, "test_add_does_not_prolong"),
    ],
)
def test_a_broken_store_is_caught(store, test):
    """The store contract fails for a store with that mistake, and holds without it."""
    suite = StoreContract()
    clock = FakeClock()
    assert breaks(suite, test, store=store(clock=clock), clock=clock)
    assert not breaks(suite, test, store=MemoryStore(clock=clock), clock=clock)


class RealTime(StoreContract):
    takes_clock = False


def test_a_store_without_a_clock_gets_real_seconds(monkeypatch):
    """For a store that looks at a clock of its own, the suite lets time pass rather than set it."""
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    clock = RealTime.clock._get_wrapped_function()(RealTime())
    clock.advance(2)
    assert slept == [2]


# -- directories --


class ListDirectory:
    """The least that can be a directory: a list."""

    def __init__(self, people):
        self.people = [replace(person, groups=tuple(sorted(set(person.groups)))) for person in people]

    def find(self, field, value, /):
        fold = key if field in ("username", "email") else str
        return [person for person in self.people if value and fold(person.value(field)) == fold(value)]

    def get(self, user_id, /):
        return next((person for person in self.people if person.id == user_id), None)


class TestListDirectory(DirectoryContract):
    @pytest.fixture
    def make_directory(self):
        return ListDirectory


class HidesInactive(ListDirectory):
    def find(self, field, value, /):
        return [person for person in super().find(field, value) if person.active]


class HidesAmbiguity(ListDirectory):
    def find(self, field, value, /):
        return super().find(field, value)[:1]


class MatchesExactly(ListDirectory):
    def find(self, field, value, /):
        return [person for person in self.people if value and person.value(field) == value]


class MatchesEmpty(ListDirectory):
    def find(self, field, value, /):
        return [person for person in self.people if key(person.value(field)) == key(value)]


class MatchesPatterns(ListDirectory):
    def find(self, field, value, /):
        return self.people if value == "%" else super().find(field, value)


@pytest.mark.parametrize(
    ("directory", "test", "arguments"),
    [
        (HidesInactive, "test_find_shows_inactive_users", {}),
        (HidesAmbiguity, "test_find_shows_every_match", {}),
        (MatchesExactly, "test_usernames_match_by_key", {"name": "ADA"}),
        (MatchesExactly, "test_usernames_match_beyond_ascii", {"name": "JOE\u0301N"}),
        (MatchesExactly, "test_emails_match_by_key", {}),
        (MatchesEmpty, "test_an_empty_value_matches_nobody", {}),
        (MatchesEmpty, "test_other_fields_match_exactly", {}),
        (MatchesPatterns, "test_unfriendly_values_match_nobody", {}),
    ],
)
def test_a_broken_directory_is_caught(directory, test, arguments):
    """The directory contract fails for a directory with that mistake."""
    assert breaks(DirectoryContract(), test, people=directory(PEOPLE), make_directory=directory, **arguments)


class ListWritable(ListDirectory):
    """A directory that writes as one would without thinking: no lock, no look at what is stored."""

    def __init__(self):
        super().__init__([])

    def create(self, profile, /, *, managed_by, link=None):
        if self.find("username", profile.username):
            raise DirectoryConflict
        user = replace(ADA, id=f"{len(self.people)}", username=profile.username, managed_by=managed_by)
        self.people.append(user)
        return user

    def update(self, user, changes, /):
        updated = replace(user, **changes.values)
        self.people = [person for person in self.people if person.id != user.id] + [updated]
        return updated


@pytest.mark.parametrize(
    "test",
    [
        "test_update_works_on_what_is_stored",
        "test_update_to_a_taken_username",
        "test_update_of_a_user_who_is_gone",
    ],
)
def test_a_broken_writable_directory_is_caught(test):
    """The contract fails for a directory that overwrites, revives, or knows no conflicts."""
    directory = ListWritable()
    ada = replace(ADA, id="ada")
    grace = User(id="grace", username="grace")
    directory.people = [ada, grace]
    assert breaks(WritableDirectoryContract(), test, directory=directory, ada=ada, grace=grace)


def test_a_directory_that_forgets_links_is_caught():
    """The contract fails for a directory that pins nothing when it creates a user."""
    assert breaks(WritableDirectoryContract(), "test_create_of_a_pinned_subject", directory=ListWritable())


# -- what a directory may offer beside --


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path}/state.db"
    database.create(url)
    yield url
    database.disconnect(url)


class NeverSees(SQLDirectory):
    def saw(self, user_id, moment, /):
        pass


class SeesTheLast(SQLDirectory):
    def saw(self, user_id, moment, /):
        with database.connect(self.url).begin() as connection:
            connection.exec_driver_sql("UPDATE saml_wsgi_users SET seen = ? WHERE id = ?", (moment, user_id))


class SeesEverybody(SQLDirectory):
    def saw(self, user_id, moment, /):
        for listed in self.everybody():
            super().saw(listed.user.id, moment)


class KnowsEveryGroup(SQLDirectory):
    def known_groups(self, names, /):
        return frozenset(names)


class KnowsGroupsExactly(SQLDirectory):
    def known_groups(self, names, /):
        there = {group for listed in self.everybody() for group in listed.user.groups}
        return frozenset(there.intersection(names))


class HasOnePage(SQLDirectory):
    def everybody(self, /, *, after="", limit=1000):
        return super().everybody(after=after)


class SwitchesOff(SQLDirectory):
    def remove(self, user_id, /):
        user = self.get(user_id)
        return user is not None and not self.update(user, Changes({"active": False})).active


class LeavesLinks(SQLDirectory):
    def remove(self, user_id, /):
        with database.connect(self.url).begin() as connection:
            done = connection.exec_driver_sql("DELETE FROM saml_wsgi_users WHERE id = ?", (user_id,))
        return done.rowcount == 1


@pytest.mark.parametrize(
    ("suite", "directory", "test"),
    [
        (AttendanceContract, NeverSees, "test_a_user_was_seen"),
        (AttendanceContract, SeesEverybody, "test_a_user_was_seen"),
        (AttendanceContract, SeesTheLast, "test_a_late_note_changes_nothing"),
        (GroupRegisterContract, KnowsEveryGroup, "test_no_group_is_known_at_first"),
        (GroupRegisterContract, KnowsEveryGroup, "test_unfriendly_names_are_unknown"),
        (GroupRegisterContract, KnowsGroupsExactly, "test_groups_are_known_by_key"),
        (AdministeredDirectoryContract, HasOnePage, "test_pages_are_the_whole_list"),
        (AdministeredDirectoryContract, SwitchesOff, "test_a_user_who_is_removed_is_gone"),
        (AdministeredDirectoryContract, LeavesLinks, "test_a_subject_is_free_after_its_user"),
    ],
)
def test_what_a_directory_offers_wrongly_is_caught(url, suite, directory, test):
    """The suite fails for a directory with that mistake, and holds without it."""

    def broken(kind):
        tried = kind(url)
        tried.url = url
        try:
            people = {
                name: tried.create(as_profile(user), managed_by="local")
                for name, user in (("ada", ADA), ("grace", PEOPLE[1]))
                if name in inspect.signature(getattr(suite, test)).parameters
            }
            return breaks(suite(), test, directory=tried, limit=2, **people)
        except DirectoryConflict:
            return True
        finally:
            with database.connect(url).begin() as connection:
                for table in ("users", "links"):
                    connection.exec_driver_sql(f"DELETE FROM saml_wsgi_{table}")

    assert broken(directory)
    assert not broken(SQLDirectory)


def as_profile(user):
    return Profile(username=user.username, email=user.email, groups=user.groups)


# -- links --


class DictLinks:
    """Links without the rule that a user has one subject at an identity provider."""

    def __init__(self):
        self.pinned = {}

    def follow(self, idp, subject, /):
        return self.pinned.get((idp, subject))

    def pin(self, idp, subject, user_id, /):
        return self.pinned.setdefault((idp, subject), user_id) == user_id

    def subject_of(self, idp, user_id, /):
        found = (key[1] for key, pinned in self.pinned.items() if key[0] == idp and pinned == user_id)
        return next(found, None)


class LastPinWins(DictLinks):
    def pin(self, idp, subject, user_id, /):
        self.pinned[idp, subject] = user_id
        return True


class OneIdP(DictLinks):
    def follow(self, idp, subject, /):
        return self.pinned.get(subject)

    def pin(self, idp, subject, user_id, /):
        return self.pinned.setdefault(subject, user_id) == user_id


class OneWay(DictLinks):
    def subject_of(self, idp, user_id, /):
        return None


@pytest.mark.parametrize(
    ("links", "test"),
    [
        (DictLinks, "test_a_second_subject_for_one_user_is_refused"),
        (DictLinks, "test_many_subjects_pinned_to_one_user_at_once"),
        (LastPinWins, "test_a_subject_of_another_user_is_refused"),
        (LastPinWins, "test_one_subject_pinned_to_many_users_at_once"),
        (OneIdP, "test_identity_providers_are_apart"),
        (OneWay, "test_a_pinned_user_has_its_subject"),
        (LastPinWins, "test_a_refused_pin_changes_no_subject"),
    ],
)
def test_broken_links_are_caught(links, test):
    """The links contract fails for links with that mistake."""
    assert breaks(LinksContract(), test, links=links())


class ListsEverything(SQLLinks):
    def listed(self, /, *, user_id=None):
        return super().listed()


class UnpinsEverywhere(SQLLinks):
    def unpin(self, idp, subject, /):
        named = [link for link in self.listed() if link.subject == subject]
        for link in named:
            super().unpin(link.idp, link.subject)
        return bool(named)


class UnpinsAnything(SQLLinks):
    def unpin(self, idp, subject, /):
        super().unpin(idp, subject)
        return True


class RepinsIfFree(SQLLinks):
    def repin(self, idp, subject, user_id, /):
        self.pin(idp, subject, user_id)


class RepinsEverywhere(SQLLinks):
    def repin(self, idp, subject, user_id, /):
        for link in self.listed():
            if link.user_id == user_id or link.subject == subject:
                self.unpin(link.idp, link.subject)
        self.pin(idp, subject, user_id)


@pytest.mark.parametrize(
    ("links", "test"),
    [
        (ListsEverything, "test_the_links_of_one_user_are_listed"),
        (UnpinsEverywhere, "test_a_link_that_is_removed_is_gone"),
        (UnpinsAnything, "test_nobody_is_parted_from_what_was_never_pinned"),
        (RepinsIfFree, "test_repin_takes_the_subject_from_its_user"),
        (RepinsIfFree, "test_repin_takes_the_user_from_its_subject"),
        (RepinsEverywhere, "test_repin_of_two_who_were_pinned_to_others"),
    ],
)
def test_broken_administration_of_links_is_caught(url, links, test):
    """The suite fails for links with that mistake, and holds without it."""

    def broken(kind):
        try:
            return breaks(AdministeredLinksContract(), test, links=kind(url))
        finally:
            with database.connect(url).begin() as connection:
                connection.exec_driver_sql("DELETE FROM saml_wsgi_links")

    assert broken(links)
    assert not broken(SQLLinks)


# -- resolvers --


class Answers:
    """A resolver that always says the same."""

    def __init__(self, answer):
        self.answer = answer

    def resolve(self, assertion, /):
        return self.answer


ANSWERS = {
    "user": ADA,
    "resolution": Resolution(ADA, outcome="created"),
    "denied": Denied("not_found"),
    "nothing": None,
}


class TestResolversThatAnswer(ResolverContract):
    @pytest.fixture(params=ANSWERS)
    def resolver(self, request):
        return Answers(ANSWERS[request.param])


class TestResolverThatIsDown(ResolverContract):
    """Unavailable is an allowed end for odd assertions, as long as the usual one is answered."""

    @pytest.fixture
    def resolver(self):
        class Down:
            def resolve(self, assertion: Assertion, /) -> User:
                if assertion.name_id != "ada@example.com" or not assertion.attributes.get("username"):
                    raise SourceUnavailable
                return ADA

        return Down()


class Writes:
    def resolve(self, assertion, /):
        assertion.attributes["username"] = ("changed",)
        return ADA


class Forgets:
    """Makes somebody new each time."""

    def __init__(self):
        self.count = 0

    def resolve(self, assertion, /):
        self.count += 1
        return replace(ADA, id=str(self.count))


class Crashes:
    def resolve(self, assertion, /):
        return replace(ADA, username=assertion.attributes["username"][0])


@pytest.mark.parametrize(
    ("resolver", "test"),
    [
        (Answers(Denied("no_such_code")), "test_answers_with_an_allowed_value"),
        (Answers("ada"), "test_answers_with_an_allowed_value"),
        (Answers(True), "test_answers_with_an_allowed_value"),
        (Answers(replace(ADA, id="")), "test_answers_with_an_allowed_value"),
        (Answers(replace(ADA, username="")), "test_answers_with_an_allowed_value"),
        (Answers(replace(ADA, groups=("b", "a"))), "test_answers_with_an_allowed_value"),
        (Answers(Resolution(ADA, outcome="maybe")), "test_answers_with_an_allowed_value"),
        (Writes(), "test_the_assertion_is_left_as_it_was"),
        (Forgets(), "test_the_same_person_is_the_same_user"),
        (Forgets(), "test_many_threads_at_once"),
    ],
)
def test_a_broken_resolver_is_caught(resolver, test):
    """The resolver contract fails for a resolver with that mistake."""
    suite = ResolverContract()
    make = ResolverContract.make_assertion._get_wrapped_function()(suite)
    assert breaks(suite, test, resolver=resolver, make_assertion=make)


def test_a_resolver_that_crashes_on_odd_input_is_caught():
    """What isn't an error of this package comes out of the suite as it is, and fails the test."""
    suite = ResolverContract()
    make = ResolverContract.make_assertion._get_wrapped_function()(suite)
    unusual = ResolverContract.unusual._get_wrapped_function()(suite, make)
    with pytest.raises(KeyError):
        suite.test_unusual_assertions_are_answered_too(Crashes(), unusual)
