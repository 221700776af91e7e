"""What stands in for users and links that can't be opened, so that plug-ins can be tried all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes, Link, Listed, Profile, Standing, User


class Unopened:
    """Every kind of directory, and of links, of which every call raises DirectoryUnavailable."""

    def find(self, field: str, value: str, /) -> Sequence[User]:
        del field, value
        self._refuse()

    def get(self, user_id: str, /) -> User | None:
        del user_id
        self._refuse()

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        del profile, managed_by, link
        self._refuse()

    def update(self, user: User, changes: Changes, /) -> User:
        del user, changes
        self._refuse()

    def saw(self, user_id: str, moment: int, /) -> None:
        del user_id, moment
        self._refuse()

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        del names
        self._refuse()

    def everybody(self, /, *, after: str = "", limit: int = 1000) -> Sequence[Listed]:
        del after, limit
        self._refuse()

    def remove(self, user_id: str, /) -> bool:
        del user_id
        self._refuse()

    def follow(self, idp: str, subject: str, /) -> str | None:
        del idp, subject
        self._refuse()

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        del idp, subject, user_id
        self._refuse()

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        del idp, user_id
        self._refuse()

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        del source, user_id
        self._refuse()

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        del source, subject, state, moment
        self._refuse()

    def listed(self, /, *, user_id: str | None = None) -> Sequence[Link]:
        del user_id
        self._refuse()

    def unpin(self, idp: str, subject: str, /) -> bool:
        del idp, subject
        self._refuse()

    def repin(self, idp: str, subject: str, user_id: str, /) -> None:
        del idp, subject, user_id
        self._refuse()

    def _refuse(self) -> Never:
        raise DirectoryUnavailable("it couldn't be opened")
