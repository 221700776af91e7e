"""The further obligations of :class:`saml_wsgi.interfaces.WritableDirectory`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from saml_wsgi.errors import DirectoryConflict
from saml_wsgi.interfaces import WritableDirectory
from saml_wsgi.model import FIELDS, Changes, Profile, User
from saml_wsgi.testing.contracts.crowd import at_once
from saml_wsgi.testing.contracts.directory import ADA, GRACE, DirectoryContract

IDP: Final = "https://idp.example/saml"
MANAGER: Final = f"jit:{IDP}"


def _profile(user: User) -> Profile:
    values: dict[str, Any] = {name: user.value(name) for name in FIELDS}
    return Profile(groups=user.groups, **values)


class WritableDirectoryContract(DirectoryContract):
    """Provide the fixture ``directory``: a writable directory without users.

    It keeps every field and the groups.
    """

    @pytest.fixture
    def directory(self) -> WritableDirectory:
        raise NotImplementedError("a WritableDirectoryContract needs the fixture directory")

    @pytest.fixture
    def make_directory(self, directory: WritableDirectory) -> Callable[[Sequence[User]], WritableDirectory]:
        def make(people: Sequence[User]) -> WritableDirectory:
            for person in people:
                user = directory.create(_profile(person), managed_by=person.managed_by)
                if not person.active:
                    directory.update(user, Changes({"active": False}))
            return directory

        return make

    @pytest.fixture
    def ada(self, directory: WritableDirectory) -> User:
        return directory.create(_profile(ADA), managed_by=MANAGER)

    @pytest.fixture
    def grace(self, directory: WritableDirectory) -> User:
        return directory.create(_profile(GRACE), managed_by=MANAGER)

    def test_has_the_shape_of_a_writable_directory(self, directory: WritableDirectory) -> None:
        """It has every method of the protocol."""
        assert isinstance(directory, WritableDirectory)

    # -- create --

    def test_create_returns_the_user(self, directory: WritableDirectory, ada: User) -> None:
        """A new user has an id, what the profile says, is active, and is there."""
        assert ada.id
        assert ada == replace(ADA, id=ada.id, managed_by=MANAGER)
        assert directory.get(ada.id) == ada
        assert list(directory.find("username", "Ada")) == [ada]

    def test_create_from_a_username_alone(self, directory: WritableDirectory) -> None:
        """What a profile doesn't say is empty."""
        user = directory.create(Profile(username="ada"), managed_by="local")
        assert user == User(id=user.id, username="ada", managed_by="local")
        assert directory.get(user.id) == user

    def test_ids_are_never_shared(self, ada: User, grace: User) -> None:
        """Each user has an id of its own."""
        assert ada.id != grace.id

    @pytest.mark.parametrize("name", ["Ada", "ADA", "\uff41da"])
    def test_create_of_a_taken_username(self, directory: WritableDirectory, ada: User, name: str) -> None:
        """A username that is taken, in whatever form, is a conflict, and its owner is left alone."""
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username=name, groups=("admins",)), managed_by="local")
        assert list(directory.find("username", name)) == [ada]

    def test_create_of_a_pinned_subject(self, directory: WritableDirectory) -> None:
        """A subject that is pinned already is a conflict, and no user is left behind."""
        directory.create(_profile(ADA), managed_by=MANAGER, link=(IDP, "s-1"))
        with pytest.raises(DirectoryConflict):
            directory.create(_profile(GRACE), managed_by=MANAGER, link=(IDP, "s-1"))
        assert list(directory.find("username", GRACE.username)) == []

    @pytest.mark.usefixtures("ada")
    def test_nothing_is_left_of_a_conflict(self, directory: WritableDirectory) -> None:
        """A subject whose user couldn't be made isn't pinned: it can be used for another one."""
        with pytest.raises(DirectoryConflict):
            directory.create(_profile(ADA), managed_by=MANAGER, link=(IDP, "s-1"))
        directory.create(_profile(GRACE), managed_by=MANAGER, link=(IDP, "s-1"))

    def test_create_of_one_person_by_many_threads(self, directory: WritableDirectory) -> None:
        """Two sign-ins of one new person at once make one user; the others are told of a conflict."""

        def create(_: int) -> User | None:
            try:
                return directory.create(_profile(ADA), managed_by=MANAGER, link=(IDP, "s-1"))
            except DirectoryConflict:
                return None

        made = [user for user in at_once(8, create) if user is not None]
        assert len(made) == 1
        assert list(directory.find("username", "Ada")) == made

    # -- update --

    def test_update_writes_what_is_named(self, directory: WritableDirectory, ada: User) -> None:
        """Named values are written, the others stay, and the user is returned as it is now."""
        updated = directory.update(ada, Changes({"email": "a@example.org", "last_name": ""}))
        assert updated == replace(ada, email="a@example.org", last_name="")
        assert directory.get(ada.id) == updated
        assert list(directory.find("email", "a@example.org")) == [updated]
        assert list(directory.find("email", ada.email)) == []

    def test_update_without_changes(self, directory: WritableDirectory, ada: User) -> None:
        """No changes change nothing."""
        assert directory.update(ada, Changes()) == ada

    def test_update_works_on_what_is_stored(self, directory: WritableDirectory, ada: User) -> None:
        """A user read some time ago doesn't bring back values that were changed since."""
        directory.update(ada, Changes({"email": "new@example.com", "groups": ("new",)}))
        updated = directory.update(ada, Changes({"first_name": "Augusta"}))
        assert updated == replace(ada, email="new@example.com", first_name="Augusta", groups=("new",))

    @pytest.mark.parametrize("groups", [(), ("staff",), ("new", "staff"), ("x", "y", "x")])
    def test_update_replaces_groups(
        self, directory: WritableDirectory, ada: User, groups: tuple[str, ...]
    ) -> None:
        """The groups are those that are named, no matter which were there."""
        assert directory.update(ada, Changes({"groups": groups})).groups == tuple(sorted(set(groups)))
        found = directory.get(ada.id)
        assert found is not None
        assert found.groups == tuple(sorted(set(groups)))

    def test_update_of_one_leaves_the_others(
        self, directory: WritableDirectory, ada: User, grace: User
    ) -> None:
        """Another user is never touched."""
        directory.update(ada, Changes({"first_name": "Augusta", "groups": (), "active": False}))
        assert directory.get(grace.id) == grace

    def test_update_switches_off_and_on(self, directory: WritableDirectory, ada: User) -> None:
        """A user can be switched off, and on again."""
        assert directory.update(ada, Changes({"active": False})).active is False
        assert directory.update(ada, Changes({"active": True})) == ada

    def test_update_of_the_username(self, directory: WritableDirectory, ada: User) -> None:
        """Under a new name the user is the same one, and the old name is free."""
        renamed = directory.update(ada, Changes({"username": "countess"}))
        assert renamed == replace(ada, username="countess")
        assert list(directory.find("username", "countess")) == [renamed]
        assert directory.create(Profile(username="Ada"), managed_by="local").id != ada.id

    def test_update_of_the_usernames_letter_case(self, directory: WritableDirectory, ada: User) -> None:
        """One's own name in other letters isn't a conflict."""
        assert directory.update(ada, Changes({"username": "ADA"})).username == "ADA"

    def test_update_to_a_taken_username(self, directory: WritableDirectory, ada: User, grace: User) -> None:
        """A name that is another user's is a conflict, and none of the changes is written."""
        with pytest.raises(DirectoryConflict):
            directory.update(
                ada, Changes({"username": grace.username, "email": "x@example.com", "groups": ()})
            )
        assert directory.get(ada.id) == ada
        assert directory.get(grace.id) == grace

    def test_update_to_a_taken_username_in_capitals(
        self, directory: WritableDirectory, ada: User, grace: User
    ) -> None:
        """Another user's name in other letters is a conflict too."""
        with pytest.raises(DirectoryConflict):
            directory.update(ada, Changes({"username": grace.username.upper()}))
        assert directory.get(ada.id) == ada

    def test_update_of_a_user_who_is_gone(self, directory: WritableDirectory) -> None:
        """Nobody is made by an update, whatever it names."""
        gone = User(id="no-such-id", username="gone")
        for changes in (Changes({"email": "x@example.com"}), Changes({"groups": ("a",)}), Changes()):
            with pytest.raises(DirectoryConflict):
                directory.update(gone, changes)
        assert list(directory.find("email", "x@example.com")) == []

    def test_update_by_many_threads(self, directory: WritableDirectory, ada: User) -> None:
        """Updates of one user at once end with one of them, whole."""
        at_once(
            8,
            lambda number: directory.update(
                ada, Changes({"first_name": f"{number}", "groups": (f"{number}-a", f"{number}-b")})
            ),
        )
        found = directory.get(ada.id)
        assert found is not None
        assert found.groups == (f"{found.first_name}-a", f"{found.first_name}-b")
