"""The users in tables of ours: ``saml_wsgi_users`` and ``saml_wsgi_groups``."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, bindparam, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from saml_wsgi.database import Prepared, Transaction, answering, connect, insert_into, rows
from saml_wsgi.database.tables import groups, holds, links, users
from saml_wsgi.directories.links import check_link
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import FIELDS, Changes, Listed, Profile, User
from saml_wsgi.names import key

#: Which column is asked for a field's value.
_ASKED: Final = {
    **{name: users.c[name] for name in FIELDS},
    "username": users.c.username_key,
    "email": users.c.email_key,
}
# One statement, so that a user and its groups are of the same moment.
_PEOPLE: Final = select(
    users.c.id,
    *(users.c[name] for name in FIELDS),
    users.c.active,
    users.c.managed_by,
    users.c.seen,
    users.c.created,
    groups.c.name.label("group_name"),
).outerjoin(groups, groups.c.user_id == users.c.id)
_GET: Final = _PEOPLE.where(users.c.id == bindparam("wanted"))
_FIND: Final[Mapping[str, Select[Any]]] = {
    name: _PEOPLE.where(column == bindparam("wanted")).order_by(users.c.username_key)
    for name, column in _ASKED.items()
}
_PAGE: Final = _PEOPLE.where(
    users.c.id.in_(
        select(users.c.id)
        .where(users.c.id > bindparam("behind"))
        .order_by(users.c.id)
        .limit(bindparam("at_most"))
    )
).order_by(users.c.id)
_SAW: Final = (
    update(users)
    .where(users.c.id == bindparam("wanted"), users.c.seen < bindparam("moment"))
    .values(seen=bindparam("moment"))
)
_KNOWN: Final = select(literal(1)).where(groups.c.name_key == bindparam("wanted")).limit(1)
_GROUPS_OF: Final = select(groups.c.name).where(groups.c.user_id == bindparam("wanted"))
_LEAVE: Final = delete(groups).where(
    groups.c.user_id == bindparam("member"), groups.c.name == bindparam("left")
)


class SQLDirectory:
    """An AdministeredDirectory with Attendance and GroupRegister.

    The tables must be there (:func:`saml_wsgi.database.prepare`). Matching by username, e-mail address
    and employee number is answered by an index; by a person's names it isn't, since they should match nobody.

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
        self._get = Prepared(self._writes, _GET)
        self._find = {name: Prepared(self._writes, statement) for name, statement in _FIND.items()}
        self._page = Prepared(self._writes, _PAGE)
        self._known = Prepared(self._writes, _KNOWN)
        self._saw = Prepared(self._writes, _SAW)
        self._insert = insert_into(self._writes, users).on_conflict_do_nothing()
        self._link = insert_into(self._writes, links).on_conflict_do_nothing()

    def find(self, field: str, value: str, /) -> Sequence[User]:
        """See :meth:`saml_wsgi.interfaces.Directory.find`. ValueError for an unknown field."""
        if field not in _ASKED:
            raise ValueError(f"{field!r} is none of {FIELDS}")
        wanted = key(value) if field in ("username", "email") else value
        if not wanted or not holds(_ASKED[field], wanted):
            return ()
        with answering(DirectoryUnavailable):
            return _users(rows(self._writes, self._find[field], {"wanted": wanted}))

    def get(self, user_id: str, /) -> User | None:
        """See :meth:`saml_wsgi.interfaces.Directory.get`."""
        if not holds(users.c.id, user_id):
            return None
        with answering(DirectoryUnavailable):
            found = _users(rows(self._writes, self._get, {"wanted": user_id}))
        return found[0] if found else None

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.create`.

        Raises:
            Refused: There is no username (``missing_attribute``), or a value can't be kept.
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
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            if connection.execute(self._insert, values).rowcount != 1:
                raise DirectoryConflict("the username is taken")
            _join(connection, user_id, members)
            if link is not None:
                pin = {"idp": link[0], "subject": link[1], "user_id": user_id, "created": now}
                if connection.execute(self._link, pin).rowcount != 1:
                    raise DirectoryConflict("the subject is pinned to another user")
            created = _one(connection, user_id)
        assert created is not None
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
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            if changes:
                values["updated"] = int(self._clock.time())
                # First of all, since it locks the row: two updates of one user follow each other.
                _write(connection, user.id, values)
            if members is not None:
                present = frozenset(connection.execute(_GROUPS_OF, {"wanted": user.id}).scalars())
                _leave(connection, user.id, present - members)
                _join(connection, user.id, members - present)
            updated = _one(connection, user.id)
        if updated is None:
            raise DirectoryConflict("the user is gone")
        return updated

    def saw(self, user_id: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Attendance.saw`. An earlier moment changes nothing."""
        if not holds(users.c.id, user_id):
            return
        with answering(DirectoryUnavailable), Transaction(self._writes) as transaction:
            transaction.run(self._saw, {"wanted": user_id, "moment": moment})

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        """See :meth:`saml_wsgi.interfaces.GroupRegister.known_groups`: those that somebody is a member of."""
        return known_groups(self._writes, self._known, names)

    def everybody(self, /, *, after: str = "", limit: int = 1000) -> Sequence[Listed]:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.everybody`."""
        if not holds(users.c.id, after):
            return ()
        with answering(DirectoryUnavailable):
            return _people(rows(self._writes, self._page, {"behind": after, "at_most": limit}))

    def remove(self, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.remove`."""
        if not holds(users.c.id, user_id):
            return False
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            # The memberships end by their foreign key.
            removed = connection.execute(delete(users).where(users.c.id == user_id)).rowcount == 1
            if removed:
                connection.execute(delete(links).where(links.c.user_id == user_id))
        return removed


def known_groups(engine: Engine, statement: Prepared, names: Sequence[str]) -> frozenset[str]:
    """Those of the names whose key a statement (parameter ``wanted``) finds a row for."""
    with answering(DirectoryUnavailable):
        return frozenset(
            name
            for name in names
            if holds(groups.c.name, name) and rows(engine, statement, {"wanted": key(name)})
        )


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


def _write(connection: Connection, user_id: str, values: Mapping[str, Any]) -> None:
    try:
        written = connection.execute(update(users).where(users.c.id == user_id).values(**values)).rowcount
    except IntegrityError as error:
        raise DirectoryConflict("the username is taken") from error
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
    found = _users(connection.execute(_GET, {"wanted": user_id}))
    return found[0] if found else None


def _users(found: Iterable[Any]) -> Sequence[User]:
    return tuple(listed.user for listed in _people(found))


def _people(found: Iterable[Any]) -> Sequence[Listed]:
    """The users of a join with their groups (:data:`_PEOPLE`): one row a group, or one with none."""
    people: dict[str, tuple[Any, list[str]]] = {}
    for row in found:
        _, names = people.setdefault(row[0], (row, []))
        if row[-1] is not None:
            names.append(row[-1])
    return tuple(
        Listed(
            User(
                id=row[0],
                groups=tuple(sorted(names)),
                active=bool(row[-5]),
                managed_by=row[-4],
                seen=row[-3],
                **dict(zip(FIELDS, row[1:-5], strict=True)),
            ),
            created=row[-2],
        )
        for row, names in people.values()
    )
