"""Users and links as they are, and writes that are only noted: what a dry run works on.

Over a :class:`Rehearsal` the resolvers do what they do at a sign-in. What they write shows in what they read
afterwards, so that a user who would be made is found again by the same rule; none of it is written anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Never, Self

from saml_wsgi import names
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Attendance, Directory, GroupRegister, Links, Standings
from saml_wsgi.model import FIELDS, Changes, Profile, Standing, User

_NAMES: Final = ("username", "email")
_CHANGEABLE: Final = frozenset({*FIELDS, "groups", "active"})


@dataclass(frozen=True, slots=True)
class Written:
    """Something that would have been written.

    Attributes:
        what: ``create``, ``update``, ``pin``, ``note`` or ``saw``.
        user_id: Of the user; of one who would be made it is made up.
        before: The user before, where there was one.
        after: The user afterwards, where the user was written.
        link: The identity provider and the subject that would be pinned to the user.
        state: Of ``note``: what would be kept as the last word of the source that keeps the user.
    """

    what: str
    user_id: str
    before: User | None = None
    after: User | None = None
    link: tuple[str, str] | None = None
    state: str = ""


class Rehearsal:
    """A WritableDirectory and Links over real ones, to which it never writes.

    It is an Attendance and a GroupRegister where the real directory is one, and Standings where the links
    are. It refuses what any directory refuses (a username or a subject that is another's, a user who is
    gone), but can't know what a particular table has no room for. Fields that the real one says it doesn't
    keep (an attribute ``fields``) stay empty.

    Args:
        directory: Where users are; only ``find``, ``get`` and ``known_groups`` are called.
        links: Only ``follow``, ``subject_of`` and ``standing`` are called.

    Attributes:
        written: What would have been written, in order.
    """

    def __new__(cls, directory: Directory, links: Links) -> Self:
        # What it can do is asked by its methods, so it has those of the real ones and no others.
        parts = [part for kind, part in _PARTS if isinstance(directory, kind)]
        if isinstance(links, Standings):
            parts.append(_Keeping)
        if cls is not Rehearsal or not parts:
            return super().__new__(cls)
        return super().__new__(type(cls.__name__, (*parts, cls), {}))

    def __init__(self, directory: Directory, links: Links) -> None:
        self._directory = directory
        self._links = links
        # An application's own table has columns for some.
        self.fields: tuple[str, ...] = tuple(getattr(directory, "fields", FIELDS))
        # And tells Mara from mara, if it is told to.
        self.exact: bool = getattr(directory, "exact", False) is True
        self._users: dict[str, User] = {}
        self._pinned: dict[tuple[str, str], str] = {}
        self._noted: dict[tuple[str, str], Standing] = {}
        self._made = 0
        self._lock = threading.RLock()
        self.written: list[Written] = []

    # -- the directory --

    def find(self, field: str, value: str, /) -> Sequence[User]:
        """See :meth:`saml_wsgi.interfaces.Directory.find`."""
        real = self._directory.find(field, value)
        if not self._users:
            return real
        if not value:
            return ()
        with self._lock:
            users = list(self._users.values())
        # Where the real one compares by a rule of its own, its verdict on what stays as it is counts.
        found = {user.id: user for user in real if user.id not in {one.id for one in users}}
        kept = {user.id: user.value(field) for user in real}
        for user in users:
            if kept.get(user.id) == user.value(field) or _is(field, user.value(field), value):
                found[user.id] = user
        return tuple(found.values())

    def get(self, user_id: str, /) -> User | None:
        """See :meth:`saml_wsgi.interfaces.Directory.get`."""
        return self._users.get(user_id) or self._directory.get(user_id)

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.create`.

        Raises:
            Refused: There is no username (``missing_attribute``).
        """
        with self._lock:
            return self._create(profile, managed_by, link)

    def _create(self, profile: Profile, managed_by: str, link: tuple[str, str] | None) -> User:
        self._require("create")
        values: dict[str, Any] = {name: profile.value(name) or "" for name in self.fields}
        username = values.get("username", "")
        if not names.key(username).strip():
            raise Refused("missing_attribute", "a user needs a username")
        if self.find("username", username):
            raise DirectoryConflict("the username is taken")
        if link is not None and self.follow(*link) is not None:
            raise DirectoryConflict("the subject is pinned to another user")
        self._made += 1
        groups = tuple(sorted(set(profile.groups or ())))
        user = User(f"(new {self._made})", groups=groups, managed_by=managed_by, **values)
        self._users[user.id] = user
        if link is not None:
            self._pinned[link] = user.id
        self.written.append(Written("create", user.id, after=user, link=link))
        return user

    def update(self, user: User, changes: Changes, /) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.update`.

        Raises:
            Refused: The username would be empty (``missing_attribute``).
            ValueError: Something is named that isn't a field, ``groups`` or ``active``.
        """
        values: dict[str, Any] = dict(changes.values)
        unknown = sorted(values.keys() - _CHANGEABLE)
        if unknown:
            raise ValueError(f"{unknown[0]!r} can't be changed")
        with self._lock:
            return self._update(user, values)

    def _update(self, user: User, values: dict[str, Any]) -> User:
        self._require("update")
        values = {name: value for name, value in values.items() if name in {*self.fields, "groups", "active"}}
        before = self.get(user.id)
        if before is None:
            raise DirectoryConflict("the user is gone")
        if "username" in values:
            self._check_username(user.id, str(values["username"]))
        if "groups" in values:
            values["groups"] = tuple(sorted(set(values["groups"])))
        if not values:
            return before
        after = replace(before, **values)
        self._users[user.id] = after
        self.written.append(Written("update", user.id, before, after))
        return after

    def _require(self, method: str) -> None:
        """Fail as the real one would, of which a resolver thinks that it can be written."""
        getattr(self._directory, method)

    def _check_username(self, user_id: str, username: str) -> None:
        if not names.key(username).strip():
            raise Refused("missing_attribute", "a user needs a username")
        if any(other.id != user_id for other in self.find("username", username)):
            raise DirectoryConflict("the username is taken")

    # -- the links --

    def follow(self, idp: str, subject: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.follow`."""
        return self._pinned.get((idp, subject)) or self._links.follow(idp, subject)

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.Links.pin`.

        Raises:
            Refused: One of them is empty (``attribute_unusable``).
        """
        if not (idp and subject and user_id):
            raise Refused("attribute_unusable", "a link needs an identity provider, a subject and a user")
        with self._lock:
            pinned = self.follow(idp, subject)
            if pinned is not None:
                return pinned == user_id
            if self.subject_of(idp, user_id) is not None:
                return False
            self._pinned[idp, subject] = user_id
            self.written.append(Written("pin", user_id, link=(idp, subject)))
            return True

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.subject_of`."""
        with self._lock:
            for (provider, subject), pinned in self._pinned.items():
                if provider == idp and pinned == user_id:
                    return subject
        return self._links.subject_of(idp, user_id)


class _Attending(Rehearsal):
    def saw(self, user_id: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Attendance.saw`."""
        del moment
        self.written.append(Written("saw", user_id))


class _Registering(Rehearsal):
    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        """See :meth:`saml_wsgi.interfaces.GroupRegister.known_groups`."""
        assert isinstance(self._directory, GroupRegister)
        joined = {group for user in self._users.values() for group in user.groups}
        return self._directory.known_groups(names) | joined.intersection(names)


class _Keeping(Rehearsal):
    def standing(self, source: str, user_id: str, /) -> Standing | None:
        """See :meth:`saml_wsgi.interfaces.Standings.standing`."""
        with self._lock:
            if self.subject_of(source, user_id) is None:
                return None
            noted = self._noted.get((source, user_id))
            return noted or self._really(source, user_id)

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Standings.note`."""
        with self._lock:
            user_id = self.follow(source, subject)
            if user_id is None:
                return
            before = self._noted.get((source, user_id)) or self._really(source, user_id)
            since = before.since if before.state == state else moment
            self._noted[source, user_id] = Standing(state, since, moment)
            self.written.append(Written("note", user_id, state=state))

    def _really(self, source: str, user_id: str) -> Standing:
        assert isinstance(self._links, Standings)
        # Who is only pinned here was never asked about.
        return self._links.standing(source, user_id) or Standing()


_PARTS: Final[tuple[tuple[type, type[Rehearsal]], ...]] = (
    (Attendance, _Attending),
    (GroupRegister, _Registering),
)


class Nobody:
    """A directory and links with nobody in them: a database that isn't made yet. To be read only."""

    _users: Final[Mapping[str, User]] = {}
    _links: Final[Mapping[tuple[str, str], str]] = {}
    _standings: Final[Mapping[tuple[str, str], Standing]] = {}

    def find(self, field: str, value: str, /) -> Sequence[User]:
        del field, value
        return ()

    def get(self, user_id: str, /) -> User | None:
        return self._users.get(user_id)

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        del names
        return frozenset()

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        del profile, managed_by, link
        self._refuse()

    def update(self, user: User, changes: Changes, /) -> User:
        del user, changes
        self._refuse()

    def follow(self, idp: str, subject: str, /) -> str | None:
        return self._links.get((idp, subject))

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        return self._links.get((idp, user_id))

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        return self._standings.get((source, user_id))

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        del source, subject, state, moment
        self._refuse()

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        del idp, subject, user_id
        self._refuse()

    def _refuse(self) -> Never:
        raise DirectoryUnavailable("it isn't made yet")


def _is(field: str, value: str, wanted: str) -> bool:
    return names.key(value) == names.key(wanted) if field in _NAMES else value == wanted
