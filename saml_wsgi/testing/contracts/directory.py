"""The obligations of :class:`saml_wsgi.interfaces.Directory`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pytest

from saml_wsgi.interfaces import Directory
from saml_wsgi.model import FIELDS, User
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY, at_once

ADA: Final = User(
    id="ada",
    username="Ada",
    email="Ada@Example.com",
    first_name="Ada",
    last_name="Lovelace",
    display_name="Ada Lovelace",
    employee_id="e-0017",
    groups=("analysts", "staff"),
)
GRACE: Final = User(
    id="grace",
    username="grace",
    email="grace@example.com",
    first_name="Grace",
    last_name="Hopper",
    display_name="Grace Hopper",
    employee_id="e-0170",
    groups=("staff",),
)
JOAN: Final = User(
    id="joan",
    username="Jo\u00e9n",
    email="joan@example.com",
    first_name="\u624d",
    last_name="Clarke",
    display_name="\U0001f511",
    employee_id="\u5de5-1",
    active=False,
)
PEOPLE: Final = (ADA, GRACE, JOAN)


def the_only(found: Sequence[User]) -> User:
    """The one user that was found; fails if there were none or several."""
    assert len(found) == 1, f"one user expected, found {found!r}"
    return found[0]


class DirectoryContract:
    """Provide the fixture ``make_directory``: a callable that takes users and returns a directory.

    The directory has these users and no others. It may give them other ids and another
    ``managed_by``.
    """

    #: The fields that this directory keeps.
    fields: ClassVar[Sequence[str]] = FIELDS

    #: Whether it keeps groups.
    keeps_groups: ClassVar[bool] = True

    #: Whether two users can have one e-mail address.
    shares_emails: ClassVar[bool] = True

    @pytest.fixture
    def make_directory(self) -> Callable[[Sequence[User]], Directory]:
        raise NotImplementedError("a DirectoryContract needs the fixture make_directory")

    @pytest.fixture
    def people(self, make_directory: Callable[[Sequence[User]], Directory]) -> Directory:
        """A directory with Ada, Grace and, switched off, Joan."""
        return make_directory(PEOPLE)

    def as_kept(self, user: User, found: User) -> User:
        """The user as this directory shows it: with its own id, without what it doesn't keep."""
        lacking: dict[str, Any] = {name: found.value(name) for name in FIELDS if name not in self.fields}
        if not self.keeps_groups:
            lacking["groups"] = found.groups
        return replace(user, id=found.id, managed_by=found.managed_by, **lacking)

    def test_has_the_shape_of_a_directory(self, people: Directory) -> None:
        """It has every method of the protocol."""
        assert isinstance(people, Directory)

    def test_find_by_each_field(self, people: Directory) -> None:
        """Every user is found by the value of every field, whole and alone."""
        for user in PEOPLE:
            for name in self.fields:
                found = the_only(people.find(name, user.value(name)))
                assert type(found) is User
                assert found == self.as_kept(user, found)

    def test_find_nobody(self, people: Directory) -> None:
        """A value that no user has finds none."""
        for name in self.fields:
            assert list(people.find(name, "nobody@example.org")) == []

    @pytest.mark.parametrize("name", ["Ada", "ada", "ADA", "\uff21da", "\U0001d400da"])
    def test_usernames_match_by_key(self, people: Directory, name: str) -> None:
        """Letter case and compatibility forms don't make another username."""
        assert [user.username for user in people.find("username", name)] == ["Ada"]

    @pytest.mark.parametrize("name", ["Jo\u00e9n", "JO\u00c9N", "Joe\u0301n", "JOE\u0301N"])
    def test_usernames_match_beyond_ascii(self, people: Directory, name: str) -> None:
        """Composed and decomposed letters, small and capital, are the same username."""
        assert [user.username for user in people.find("username", name)] == ["Jo\u00e9n"]

    def test_emails_match_by_key(self, people: Directory) -> None:
        """Letter case doesn't make another e-mail address."""
        if "email" in self.fields:
            assert [user.username for user in people.find("email", "ADA@EXAMPLE.COM")] == ["Ada"]

    def test_other_fields_match_exactly(self, people: Directory) -> None:
        """Names of people are compared as they are."""
        for name in set(self.fields) - {"username", "email"}:
            assert list(people.find(name, ADA.value(name).upper())) == []

    def test_find_shows_inactive_users(self, people: Directory) -> None:
        """Who is switched off is found, and seen to be switched off."""
        found = the_only(people.find("username", JOAN.username))
        assert found.active is False

    def test_find_shows_every_match(self, make_directory: Callable[[Sequence[User]], Directory]) -> None:
        """Where several users match, all of them are returned: whoever asks must see it."""
        if not self.shares_emails or "email" not in self.fields:
            pytest.skip("here no two users have one e-mail address")
        people = make_directory([ADA, replace(GRACE, email=ADA.email), JOAN])
        assert sorted(user.username for user in people.find("email", ADA.email)) == ["Ada", "grace"]

    def test_an_empty_value_matches_nobody(
        self, make_directory: Callable[[Sequence[User]], Directory]
    ) -> None:
        """Users who lack a value aren't found by its absence: nobody could tell them apart."""
        people = make_directory([User(id="plain", username="plain")])
        for name in self.fields:
            assert list(people.find(name, "")) == []

    def test_unfriendly_values_match_nobody(self, people: Directory) -> None:
        """Patterns, quotes and what can't be stored are looked for without harm, and found nowhere."""
        for name in self.fields:
            for value in UNFRIENDLY:
                assert list(people.find(name, value)) == []

    def test_get_by_id(self, people: Directory) -> None:
        """The id that a found user has leads to the same user."""
        for user in PEOPLE:
            found = the_only(people.find("username", user.username))
            assert people.get(found.id) == found

    def test_get_of_an_unknown_id(self, people: Directory) -> None:
        """An id that nobody has, of whatever shape, leads to nobody."""
        for user_id in ("", "0", "-1", "no such id", *UNFRIENDLY):
            assert people.get(user_id) is None

    def test_groups_are_sorted(self, make_directory: Callable[[Sequence[User]], Directory]) -> None:
        """Groups come as a sorted tuple, without repetition."""
        if not self.keeps_groups:
            pytest.skip("this directory keeps no groups")
        people = make_directory([replace(ADA, groups=("b", "\u00e4", "a", "B", "a"))])
        found = the_only(people.find("username", "Ada"))
        assert found.groups == ("B", "a", "b", "\u00e4")

    def test_many_threads_at_once(self, people: Directory) -> None:
        """It answers every thread as if there were no others."""
        found = at_once(16, lambda number: people.find("username", PEOPLE[number % 3].username)[0].username)
        assert list(found) == [PEOPLE[number % 3].username for number in range(16)]
