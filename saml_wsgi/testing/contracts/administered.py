"""The obligations of what a directory may offer beside its users: attendance, groups, administration."""

from __future__ import annotations

from typing import Final, Protocol

import pytest

from saml_wsgi.interfaces import AdministeredDirectory, Attendance, GroupRegister, WritableDirectory
from saml_wsgi.model import Changes, Listed, Profile, User
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY, at_once
from saml_wsgi.testing.contracts.writable import IDP, WritableDirectoryContract

_NOON: Final = 1_800_000_000


class AttendedDirectory(WritableDirectory, Attendance, Protocol):
    """What an AttendanceContract needs."""


class GroupedDirectory(WritableDirectory, GroupRegister, Protocol):
    """What a GroupRegisterContract needs."""


class AttendanceContract:
    """Provide the fixture ``directory``: an empty, writable directory that keeps when users were seen."""

    @pytest.fixture
    def directory(self) -> AttendedDirectory:
        raise NotImplementedError("an AttendanceContract needs the fixture directory")

    def _seen(self, directory: AttendedDirectory, user: User) -> int:
        found = directory.get(user.id)
        assert found is not None
        assert [other.seen for other in directory.find("username", user.username)] == [found.seen]
        return found.seen

    def test_has_the_shape_of_attendance(self, directory: AttendedDirectory) -> None:
        """It has every method of the protocol."""
        assert isinstance(directory, Attendance)

    def test_a_new_user_was_never_seen(self, directory: AttendedDirectory) -> None:
        """Somebody who was only created hasn't signed in."""
        user = directory.create(Profile(username="ada"), managed_by="local")
        assert user.seen == 0
        assert self._seen(directory, user) == 0

    def test_a_user_was_seen(self, directory: AttendedDirectory) -> None:
        """When a user signed in last is exact to a day, and nobody else was seen."""
        ada = directory.create(Profile(username="ada"), managed_by="local")
        grace = directory.create(Profile(username="grace"), managed_by="local")
        for moment in (_NOON, _NOON + 100 * 86_400):
            directory.saw(ada.id, moment)
            assert abs(self._seen(directory, ada) - moment) < 86_400
        assert self._seen(directory, grace) == 0

    def test_a_late_note_changes_nothing(self, directory: AttendedDirectory) -> None:
        """A note that arrives late doesn't turn back the clock."""
        ada = directory.create(Profile(username="ada"), managed_by="local")
        directory.saw(ada.id, _NOON + 10 * 86_400)
        directory.saw(ada.id, _NOON)
        assert self._seen(directory, ada) > _NOON + 8 * 86_400

    def test_nothing_else_changes(self, directory: AttendedDirectory) -> None:
        """Being seen makes no other user of anybody."""
        ada = directory.create(Profile(username="ada", groups=("staff",)), managed_by="jit:x")
        directory.saw(ada.id, _NOON)
        assert directory.get(ada.id) == ada
        directory.update(ada, Changes({"active": False, "groups": ("left",)}))
        assert self._seen(directory, ada) > 0

    def test_nobody_is_made_by_being_seen(self, directory: AttendedDirectory) -> None:
        """Ids that nobody has, of whatever shape, are nothing to note."""
        for user_id in ("", "0", "no such id", *UNFRIENDLY):
            directory.saw(user_id, _NOON)
            assert directory.get(user_id) is None

    def test_seen_by_many_threads(self, directory: AttendedDirectory) -> None:
        """Of several notes at once the latest counts."""
        ada = directory.create(Profile(username="ada"), managed_by="local")
        at_once(8, lambda number: directory.saw(ada.id, _NOON + number * 10 * 86_400))
        assert self._seen(directory, ada) > _NOON + 68 * 86_400


class GroupRegisterContract:
    """Provide the fixture ``directory``: an empty, writable directory that knows its groups."""

    @pytest.fixture
    def directory(self) -> GroupedDirectory:
        raise NotImplementedError("a GroupRegisterContract needs the fixture directory")

    def test_has_the_shape_of_a_group_register(self, directory: GroupedDirectory) -> None:
        """It has every method of the protocol."""
        assert isinstance(directory, GroupRegister)

    def test_no_group_is_known_at_first(self, directory: GroupedDirectory) -> None:
        """Without groups none is known, and no names are none."""
        assert directory.known_groups(["staff"]) == frozenset()
        assert directory.known_groups([]) == frozenset()

    def test_groups_of_users_are_known(self, directory: GroupedDirectory) -> None:
        """Of the names, those that somebody is a member of are returned."""
        directory.create(Profile(username="ada", groups=("staff", "B\u00fcro")), managed_by="local")
        directory.create(Profile(username="grace", groups=("staff",)), managed_by="local")
        assert directory.known_groups(["staff", "strangers", "B\u00fcro"]) == {"staff", "B\u00fcro"}

    def test_groups_are_known_by_key(self, directory: GroupedDirectory) -> None:
        """Letter case and Unicode forms don't make another group; the name comes back as it was asked."""
        directory.create(Profile(username="ada", groups=("Staff", "B\u00fcro")), managed_by="local")
        asked = ["STAFF", "\uff33taff", "Bu\u0308ro"]
        assert directory.known_groups(asked) == frozenset(asked)

    def test_a_group_that_was_joined_later_is_known(self, directory: GroupedDirectory) -> None:
        """What an update brings is known from then on."""
        ada = directory.create(Profile(username="ada"), managed_by="local")
        directory.update(ada, Changes({"groups": ("new",)}))
        assert directory.known_groups(["new"]) == {"new"}

    def test_unfriendly_names_are_unknown(self, directory: GroupedDirectory) -> None:
        """Patterns and what can't be stored are no groups."""
        directory.create(Profile(username="ada", groups=("staff",)), managed_by="local")
        assert directory.known_groups(["", "%", "st*", *UNFRIENDLY]) == frozenset()


class AdministeredDirectoryContract(WritableDirectoryContract):
    """Provide the fixture ``directory``: as for WritableDirectoryContract, with what administrators do."""

    @pytest.fixture
    def directory(self) -> AdministeredDirectory:
        raise NotImplementedError("an AdministeredDirectoryContract needs the fixture directory")

    def test_has_the_shape_of_an_administered_directory(self, directory: AdministeredDirectory) -> None:
        """It has every method of the protocol."""
        assert isinstance(directory, AdministeredDirectory)

    # -- everybody --

    def test_nobody_is_listed_at_first(self, directory: AdministeredDirectory) -> None:
        """An empty directory has an empty list."""
        assert list(directory.everybody()) == []

    def test_everybody_is_listed_whole(
        self, directory: AdministeredDirectory, ada: User, grace: User
    ) -> None:
        """Users are listed once each, with their groups, inactive ones too."""
        directory.update(grace, Changes({"active": False}))
        listed = list(directory.everybody())
        assert all(type(entry) is Listed for entry in listed)
        found = {entry.user.id: entry.user for entry in listed}
        assert len(listed) == len(found) == 2
        assert found[ada.id] == ada
        assert found[grace.id] == directory.get(grace.id)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
    def test_pages_are_the_whole_list(self, directory: AdministeredDirectory, limit: int) -> None:
        """Page by page, each user comes once, in the same order as in one list."""
        made = {
            directory.create(
                Profile(username=f"user-{number}", groups=("a", "b", "c")), managed_by="local"
            ).id
            for number in range(7)
        }
        found: list[str] = []
        while page := directory.everybody(after=found[-1] if found else "", limit=limit):
            assert len(page) <= limit
            assert all(entry.user.groups == ("a", "b", "c") for entry in page)
            found += [entry.user.id for entry in page]
        assert len(found) == 7
        assert set(found) == made
        assert found == [entry.user.id for entry in directory.everybody()]

    def test_nobody_is_behind_an_impossible_id(self, directory: AdministeredDirectory, ada: User) -> None:
        """An id that can't be one is no fault."""
        del ada
        for user_id in UNFRIENDLY:
            assert len(directory.everybody(after=user_id)) <= 1

    # -- remove --

    def test_a_user_who_is_removed_is_gone(
        self, directory: AdministeredDirectory, ada: User, grace: User
    ) -> None:
        """Once removed, nobody finds the user, who can't be removed again; others stay."""
        assert directory.remove(ada.id) is True
        assert directory.remove(ada.id) is False
        assert directory.get(ada.id) is None
        assert list(directory.find("username", ada.username)) == []
        assert [entry.user for entry in directory.everybody()] == [grace]

    def test_nobody_is_removed_by_an_unknown_id(self, directory: AdministeredDirectory, ada: User) -> None:
        """Ids that nobody has, of whatever shape, remove nobody."""
        for user_id in ("", "0", "no such id", *UNFRIENDLY):
            assert directory.remove(user_id) is False
        assert directory.get(ada.id) == ada

    def test_a_username_is_free_after_its_user(self, directory: AdministeredDirectory, ada: User) -> None:
        """Somebody new of the same name begins with nothing of the former one."""
        directory.update(ada, Changes({"active": False}))
        directory.remove(ada.id)
        user = directory.create(Profile(username=ada.username), managed_by="local")
        assert user == User(id=user.id, username=ada.username, managed_by="local")

    def test_a_subject_is_free_after_its_user(self, directory: AdministeredDirectory) -> None:
        """The links of a user who was removed are gone with the user."""
        ada = directory.create(Profile(username="ada"), managed_by="local", link=(IDP, "s-1"))
        directory.remove(ada.id)
        grace = directory.create(Profile(username="grace"), managed_by="local", link=(IDP, "s-1"))
        assert directory.get(grace.id) == grace
