"""People to sign in, and two places to keep them: one in memory, one in SQLite."""

from __future__ import annotations

import importlib.util
import itertools
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from saml_wsgi import names
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.model import FIELDS, Assertion, Changes, Profile, User

IDP = "jumpcloud"


@pytest.fixture
def asserted():
    """Makes an assertion: a NameID, and attributes with one value or several."""

    def make(
        name_id: str = "ada", *, transient: bool = False, idp: str = IDP, **attributes: Any
    ) -> Assertion:
        return Assertion(
            idp=idp,
            issuer="https://idp.test",
            id="_1",
            name_id=name_id,
            name_id_format="",
            attributes={
                name: (value,) if isinstance(value, str) else tuple(value)
                for name, value in attributes.items()
            },
            session_index="_s",
            authn_instant=0,
            session_not_on_or_after=None,
            expires=60,
            transient=transient,
        )

    return make


@dataclass
class People:
    """A directory and its links in memory, which counts what it is asked to do."""

    users: dict[str, User] = field(default_factory=dict)
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    reads: int = 0
    follows: int = 0
    writes: int = 0
    down: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._ids = itertools.count(1)

    def find(self, field: str, value: str, /) -> list[User]:
        self._read()
        with self._lock:
            if field in {"username", "email"}:
                return [u for u in self.users.values() if names.key(u.value(field)) == names.key(value)]
            return [user for user in self.users.values() if user.value(field) == value]

    def get(self, user_id: str, /) -> User | None:
        self._read()
        return self.users.get(user_id)

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        with self._lock:
            self.writes += 1
            taken = any(names.key(u.username) == names.key(profile.username) for u in self.users.values())
            if taken or link in self.links:
                raise DirectoryConflict("the username or the link exists")
            user = User(
                str(next(self._ids)),
                **{name: profile.value(name) or "" for name in FIELDS},
                groups=profile.groups or (),
                managed_by=managed_by,
            )
            self.users[user.id] = user
            if link is not None:
                self.links[link] = user.id
            return user

    def update(self, user: User, changes: Changes, /) -> User:
        with self._lock:
            self.writes += 1
            new = replace(self.users[user.id], **changes.values)
            if any(
                names.key(u.username) == names.key(new.username)
                for u in self.users.values()
                if u.id != user.id
            ):
                raise DirectoryConflict("another user has that username")
            self.users[user.id] = new
            return new

    def follow(self, idp: str, subject: str, /) -> str | None:
        self.follows += 1
        return self.links.get((idp, subject))

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        with self._lock:
            self.writes += 1
            if (idp, subject) in self.links:
                return self.links[idp, subject] == user_id
            if any(link[0] == idp and linked == user_id for link, linked in self.links.items()):
                return False
            self.links[idp, subject] = user_id
            return True

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        with self._lock:
            return next(
                (link[1] for link, linked in self.links.items() if link[0] == idp and linked == user_id), None
            )

    def _read(self) -> None:
        self.reads += 1
        if self.down:
            raise DirectoryUnavailable("down")


@pytest.fixture
def people():
    """A directory and links in memory; ``people.add(...)`` is the administrator."""
    return People()


@dataclass
class Place:
    """A directory and its links, wherever they are kept."""

    directory: Any
    links: Any

    def add(
        self, username: str, *, managed_by: str = f"jit:{IDP}", active: bool = True, **fields: Any
    ) -> User:
        """What an administrator, or an earlier sign-in, made."""
        user = self.directory.create(Profile(username=username, **fields), managed_by=managed_by)
        return user if active else self.directory.update(user, Changes({"active": False}))

    def find(self, username: str) -> User | None:
        found = self.directory.find("username", username)
        assert len(found) < 2
        return found[0] if found else None


def _in_memory(_folder):
    people = People()
    return Place(people, people)


def _in_sqlite(folder):
    from saml_wsgi.database import create
    from saml_wsgi.directories.links import SQLLinks
    from saml_wsgi.directories.sql import SQLDirectory

    url = f"sqlite:///{folder / 'users.db'}"
    create(url)
    return Place(SQLDirectory(url), SQLLinks(url))


_PLACES = [pytest.param(_in_memory, id="memory")]
if importlib.util.find_spec("saml_wsgi.directories.sql"):
    _PLACES.append(pytest.param(_in_sqlite, id="sqlite"))


@pytest.fixture(params=_PLACES)
def place(request, tmp_path):
    """Each place where users are kept."""
    return request.param(tmp_path)
