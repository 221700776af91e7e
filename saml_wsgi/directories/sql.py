"""The users in tables of ours: ``saml_wsgi_users`` and ``saml_wsgi_groups``."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from saml_wsgi.database import Prepared, Transaction, answering, connect, insert_into, rows
from saml_wsgi.database.tables import groups, holds, links, users
from saml_wsgi.directories.arrival.settling import Crossing, Settling, Taken
from saml_wsgi.directories.links import check_link, refuse_unseen
from saml_wsgi.directories.overlay import ASKED, FIND, GET, PAGE, REACHED, Register, listed, people
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import FIELDS, Changes, Listed, Profile, User
from saml_wsgi.names import key

_SAW: Final = (
    update(users)
    .where(
        users.c.id == bindparam("wanted"),
        users.c.seen < bindparam("moment"),
        users.c.generation <= REACHED,
    )
    .values(seen=bindparam("moment"))
)
# What is to be written is named by the parameters. ``updated`` is never the same twice: a synchronisation
# tells by it that somebody wrote since it compared the user.
_UPDATE: Final = (
    update(users)
    .where(users.c.id == bindparam("wanted"), users.c.generation <= REACHED)
    .values(updated=case((users.c.updated < bindparam("now"), bindparam("now")), else_=users.c.updated + 1))
)
_GROUPS_OF: Final = select(groups.c.name).where(groups.c.user_id == bindparam("wanted"))
_LEAVE: Final = delete(groups).where(
    groups.c.user_id == bindparam("member"), groups.c.name == bindparam("left")
)


class SQLDirectory:
    """An AdministeredDirectory with Attendance and GroupRegister, which can be synchronised.

    The tables must be there (:func:`saml_wsgi.database.prepare`). Matching by username, e-mail address
    and employee number is answered by an index; by a person's names it isn't, since they should match nobody.

    What a synchronisation brings is seen from one moment on, all of it, and before that nothing: see
    :mod:`saml_wsgi.directories.overlay`.

    What no column can hold (NUL, half of a surrogate pair, more than the column's bytes) is nobody's
    value when it is looked for, and refused (``attribute_unusable``) when it is to be written. An empty
    value matches nobody: it would be everybody who lacks one.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
        clock: Dates the rows.

    Raises:
        ConfigurationError: The URL isn't usable.
    """

    def __init__(self, url: str, *, clock: Clock = time) -> None:
        self._clock = clock
        self._writes = connect(url, option="directory.url")
        self._get = Prepared(self._writes, GET)
        self._find = {name: Prepared(self._writes, statement) for name, statement in FIND.items()}
        self._page = Prepared(self._writes, PAGE)
        self._register = Register(self._writes)
        self._settling = Settling(url, clock=clock)
        self._saw = Prepared(self._writes, _SAW)
        self._insert = insert_into(self._writes, users).on_conflict_do_nothing()
        self._link = insert_into(self._writes, links).on_conflict_do_nothing()

    def find(self, field: str, value: str, /) -> Sequence[User]:
        """See :meth:`saml_wsgi.interfaces.Directory.find`. ValueError for an unknown field."""
        if field not in ASKED:
            raise ValueError(f"{field!r} is none of {FIELDS}")
        wanted = key(value) if field in ("username", "email") else value
        if not wanted or not holds(ASKED[field], wanted):
            return ()
        with answering(DirectoryUnavailable):
            return people(rows(self._writes, self._find[field], {"wanted": wanted}))

    def get(self, user_id: str, /) -> User | None:
        """See :meth:`saml_wsgi.interfaces.Directory.get`."""
        if not holds(users.c.id, user_id):
            return None
        with answering(DirectoryUnavailable):
            found = people(rows(self._writes, self._get, {"wanted": user_id}))
        return found[0] if found else None

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.create`.

        Raises:
            Refused: There is no username (``missing_attribute``), or a value can't be kept.
            DirectoryUnavailable: A synchronisation is about to make this user, too.
        """
        now = int(self._clock.time())
        user_id = uuid.uuid4().hex
        values: dict[str, Any] = {name: profile.value(name) or "" for name in FIELDS}
        values.update(id=user_id, active=True, managed_by=managed_by, created=now, updated=now)
        _complete(values)
        members = frozenset(profile.groups or ())
        check_groups(members)
        if link is not None:
            check_link(*link, user_id)

        def write(connection: Connection, _: bool) -> User:
            return self._create(connection, values, members, link)

        return self._write(values["username_key"], write)

    def _create(
        self,
        connection: Connection,
        values: Mapping[str, Any],
        members: Collection[str],
        link: tuple[str, str] | None,
    ) -> User:
        user_id = values["id"]
        if connection.execute(self._insert, values).rowcount != 1:
            raise Taken("the username is taken")
        self._settling.refuse_claimed(connection, values["username_key"], but=user_id)
        _join(connection, user_id, members)
        if link is not None:
            pin = {"idp": link[0], "subject": link[1], "user_id": user_id, "created": values["created"]}
            if connection.execute(self._link, pin).rowcount != 1:
                refuse_unseen(connection, *link)
                raise DirectoryConflict("the subject is pinned to another user")
        created = _one(connection, user_id)
        if created is None:
            raise DirectoryUnavailable("the table saml_wsgi_sync has lost its row")
        return created

    def update(self, user: User, changes: Changes, /) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.update`.

        What isn't named in the changes stays as it is in the database, whatever ``user`` says.

        Raises:
            Refused: The username would be empty (``missing_attribute``), or a value can't be kept.
            ValueError: Something is named that isn't a field, ``groups`` or ``active``.
        """
        values: dict[str, Any] = dict(changes.values)
        unknown = sorted(values.keys() - {*FIELDS, "groups", "active"})
        if unknown:
            raise ValueError(f"{unknown[0]!r} can't be changed")
        members = frozenset(values.pop("groups")) if "groups" in values else None
        _complete(values)
        check_groups(members or ())
        if not holds(users.c.id, user.id):
            raise DirectoryConflict("the user is gone")

        def write(connection: Connection, alone: bool) -> User:
            return self._update(connection, user.id, values, members, alone=alone)

        return self._write(values.get("username_key", ""), write)

    def _update(
        self,
        connection: Connection,
        user_id: str,
        values: Mapping[str, Any],
        members: frozenset[str] | None,
        *,
        alone: bool,
    ) -> User:
        if values or members is not None:
            # First of all, since it locks the row: two updates of one user follow each other.
            _overwrite(connection, user_id, values, int(self._clock.time()))
            if "username_key" in values:
                self._settling.refuse_claimed(connection, values["username_key"], but=user_id)
            written = values.keys() if members is None else {*values, "groups"}
            self._settling.written(connection, user_id, written, alone=alone)
        if members is not None:
            present = frozenset(connection.execute(_GROUPS_OF, {"wanted": user_id}).scalars())
            _leave(connection, user_id, present - members)
            _join(connection, user_id, members - present)
        updated = _one(connection, user_id)
        if updated is None:
            raise DirectoryConflict("the user is gone")
        return updated

    def _write(self, username_key: str, write: Callable[[Connection, bool], User]) -> User:
        """In a transaction; begun again, where what a synchronisation brought is in the way."""
        alone = vacated = False
        while True:
            try:
                with answering(DirectoryUnavailable), self._writes.begin() as connection:
                    if alone:
                        self._settling.alone(connection)
                    return write(connection, alone)
            except Crossing:
                alone = True
            except Taken:
                # Perhaps by somebody who has another name by now, and whose row is yet to be settled.
                if vacated:
                    raise
                self._settling.vacate(username_key)
                vacated = True

    def saw(self, user_id: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Attendance.saw`. An earlier moment changes nothing."""
        if not holds(users.c.id, user_id):
            return
        with answering(DirectoryUnavailable), Transaction(self._writes) as transaction:
            transaction.run(self._saw, {"wanted": user_id, "moment": moment})

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        """See :meth:`saml_wsgi.interfaces.GroupRegister.known_groups`: those that somebody is a member of."""
        return self._register.known(names)

    def everybody(self, /, *, after: str = "", limit: int = 1000) -> Sequence[Listed]:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.everybody`."""
        if not holds(users.c.id, after):
            return ()
        with answering(DirectoryUnavailable):
            return listed(rows(self._writes, self._page, {"behind": after, "at_most": limit}))

    def remove(self, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.remove`."""
        if not holds(users.c.id, user_id):
            return False
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            # The memberships end by their foreign key.
            there = (users.c.id == user_id, users.c.generation <= REACHED)
            removed = connection.execute(delete(users).where(*there)).rowcount == 1
            if removed:
                self._settling.forget(connection, user_id)
                connection.execute(delete(links).where(links.c.user_id == user_id))
        return removed


def _complete(values: dict[str, Any]) -> None:
    """Add the keys that follow from the values, and refuse what can't be kept."""
    for name in ("username", "email"):
        if name in values:
            values[f"{name}_key"] = key(values[name])
    if "username" in values and not values["username_key"].strip():
        raise Refused("missing_attribute", "a user needs a username")
    for name, value in values.items():
        if isinstance(value, str) and not holds(users.c[name], value):
            raise Refused(
                "attribute_unusable", f"{name} can't be kept in the database ({len(value)} characters)"
            )


def check_groups(names: Collection[str]) -> None:
    """Refuse names of groups that can't be kept (``attribute_unusable``)."""
    for name in names:
        if not holds(groups.c.name, name):
            raise Refused(
                "attribute_unusable", f"a group can't be kept in the database ({len(name)} characters)"
            )


def _overwrite(connection: Connection, user_id: str, values: Mapping[str, Any], now: int) -> None:
    try:
        written = connection.execute(_UPDATE, {**values, "wanted": user_id, "now": now}).rowcount
    except IntegrityError as error:
        raise Taken("the username is taken") from error
    if written != 1:
        raise DirectoryConflict("the user is gone")


def _join(connection: Connection, user_id: str, names: Iterable[str]) -> None:
    rows = [{"user_id": user_id, "name": name} for name in sorted(names)]
    if rows:
        connection.execute(insert(groups), rows)


def _leave(connection: Connection, user_id: str, names: Iterable[str]) -> None:
    rows = [{"member": user_id, "left": name} for name in sorted(names)]
    if rows:
        connection.execute(_LEAVE, rows)


def _one(connection: Connection, user_id: str) -> User | None:
    found = people(connection.execute(GET, {"wanted": user_id}))
    return found[0] if found else None
