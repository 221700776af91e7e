"""The users in a table of the application: its columns by name, and companions for what it has none for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.exc import DataError, IntegrityError

from saml_wsgi.database import Prepared, answering, connect, rows
from saml_wsgi.database.tables import companion_groups, companions, holds
from saml_wsgi.directories.companions import Companions, Row
from saml_wsgi.directories.links import check_link
from saml_wsgi.directories.overlay import known_groups
from saml_wsgi.directories.sql import check_groups
from saml_wsgi.directories.table_check import examine
from saml_wsgi.directories.table_links import TableLinks
from saml_wsgi.directories.table_rows import asked, listed_from, people_of, same
from saml_wsgi.directories.table_shape import NAMED, can_be_text
from saml_wsgi.errors import (
    ConfigurationError,
    DirectoryConflict,
    DirectoryUnavailable,
    Problem,
    Refused,
)
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import FIELDS, Changes, Listed, Profile, User
from saml_wsgi.names import composed, key

#: How the drivers call a violated UNIQUE or PRIMARY KEY.
_TAKEN: Final = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_KNOWN: Final = select(literal(1)).where(companion_groups.c.name_key == bindparam("wanted")).limit(1)


class TableDirectory:
    """An AdministeredDirectory with Attendance and GroupRegister, over a table that isn't ours.

    Only columns that are named are read or written. Groups, who manages a user, when it was last seen
    and, without a column for it, whether it is active are kept in tables of ours in the same database,
    which must be there (:func:`saml_wsgi.database.prepare`). They count for a row as long as it is about
    the same person (see :mod:`saml_wsgi.directories.companions`): the same employee number where the
    table has one, or else the same username.

    Usernames and e-mail addresses match by :func:`saml_wsgi.names.key` among the rows that the database
    finds: those whose value in lower case is one of several spellings of what is looked for
    (``case = ignore``), or those with the very value (``exact``). SQLite turns only ASCII letters to
    lower case. So that none is missed, what is written with ``ignore`` is written composed
    (:func:`saml_wsgi.names.composed`). A row without a username is nobody.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
        table: See :func:`saml_wsgi.directories.table_check.examine`, also for the next four.
        clock: Dates the rows of ours.

    Attributes:
        fields: Those of ``model.FIELDS`` that the table has columns for. Others are always empty, and a
            change of them is no change.
        exact: Whether usernames and e-mail addresses are compared letter by letter.
        links: The links to these users; others don't notice that an id came back for somebody else.
        warnings: What the operator should know of the table.

    Raises:
        ConfigurationError: The table isn't what the configuration says; with every problem there is.
    """

    def __init__(
        self,
        url: str,
        table: str,
        columns: Mapping[str, str],
        *,
        case: str = "ignore",
        writable: bool = False,
        match: Collection[str] = (),
        clock: Clock = time,
    ) -> None:
        shape = examine(url, table, columns, case=case, writable=writable, match=match)
        self._shape = shape
        self._clock = clock
        self._writes = connect(url, option="directory.url")
        self._companions = Companions(self._writes, shape)
        self.links = TableLinks(url, self._companions, clock=clock)
        self.fields: tuple[str, ...] = tuple(name for name in FIELDS if name in shape.fields)
        self.exact: bool = shape.exact
        self.warnings: tuple[Problem, ...] = shape.warnings
        people = people_of(shape)
        self._get_statement = people.where(shape.id == bindparam("wanted", type_=shape.id.type))
        self._find_statements = {name: people.where(shape.matches(name)) for name in self.fields}
        self._beyond_ascii = people.where(shape.beyond_ascii("username", self._writes.dialect.name))
        self._get = Prepared(self._writes, self._get_statement)
        self._find = {
            name: Prepared(self._writes, statement.order_by(shape.id))
            for name, statement in self._find_statements.items()
        }
        page = select(shape.id).order_by(shape.id).limit(bindparam("at_most"))
        behind = page.where(shape.id > bindparam("behind", type_=shape.id.type))
        self._first_page, self._later_page = (
            Prepared(self._writes, people.where(shape.id.in_(ids)).order_by(shape.id))
            for ids in (page, behind)
        )
        self._known = Prepared(self._writes, _KNOWN)

    # -- reading --

    def find(self, field: str, value: str, /) -> Sequence[User]:
        """See :meth:`saml_wsgi.interfaces.Directory.find`; a field without a column matches nobody.

        Raises:
            ValueError: It is no field.
        """
        if field not in FIELDS:
            raise ValueError(f"{field!r} is none of {FIELDS}")
        if field not in self._find or not value or not can_be_text(value):
            return ()
        with answering(DirectoryUnavailable):
            found = listed_from(self._shape, rows(self._writes, self._find[field], asked(value)))
        return tuple(
            listed.user for listed in found if same(self._shape, field, listed.user.value(field), value)
        )

    def get(self, user_id: str, /) -> User | None:
        """See :meth:`saml_wsgi.interfaces.Directory.get`."""
        wanted = self._shape.key(user_id)
        if wanted is None:
            return None
        with answering(DirectoryUnavailable):
            found = listed_from(self._shape, rows(self._writes, self._get, {"wanted": wanted}))
        # A collation may find another id.
        return next((listed.user for listed in found if listed.user.id == user_id), None)

    def known_groups(self, names: Sequence[str], /) -> frozenset[str]:
        """See :meth:`saml_wsgi.interfaces.GroupRegister.known_groups`: those that somebody is a member of."""
        return known_groups(self._writes, self._known, names)

    def everybody(self, /, *, after: str = "", limit: int = 1000) -> Sequence[Listed]:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.everybody`."""
        behind = self._shape.key(after)
        if after and behind is None:
            return ()
        statement = self._later_page if after else self._first_page
        with answering(DirectoryUnavailable):
            return listed_from(
                self._shape, rows(self._writes, statement, {"behind": behind, "at_most": limit})
            )

    # -- writing --

    def create(self, profile: Profile, /, *, managed_by: str, link: tuple[str, str] | None = None) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.create`.

        What the profile doesn't say is what the database's defaults say.

        Raises:
            Refused: There is no username (``missing_attribute``), or a value can't be kept
                (``attribute_unusable``).
            ConfigurationError: No user can be made in that table.
        """
        if self._shape.obstacles:
            raise ConfigurationError(*self._shape.obstacles)
        values = {name: self._kept(name, value) for name in self.fields if (value := profile.value(name))}
        if not key(values.get("username", "")).strip():
            raise Refused("missing_attribute", "a user needs a username")
        groups = frozenset(profile.groups or ())
        self._check(values, groups)
        if not holds(companions.c.managed_by, managed_by):
            raise Refused("attribute_unusable", f"managed_by can't be kept ({len(managed_by)} characters)")
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            self._claim(connection, values["username"], None)
            row = self._insert(connection, values)
            if link is not None:
                check_link(*link, row.id)
            self._companions.settle(connection, row)
            ours = {"active": True, "managed_by": managed_by, "created": int(self._clock.time())}
            self._companions.write(connection, row.id, ours)
            self._companions.join(connection, row.id, groups)
            if link is not None and not self.links.pin_within(connection, *link, row.id):
                raise DirectoryConflict("the subject is pinned to another user")
            return self._one(connection, row.id)

    def update(self, user: User, changes: Changes, /) -> User:
        """See :meth:`saml_wsgi.interfaces.WritableDirectory.update`.

        What isn't named in the changes stays as it is in the database, whatever ``user`` says; fields
        that the table has no column for are left out.

        Raises:
            Refused: The username would be empty (``missing_attribute``), or a value can't be kept.
            ValueError: Something is named that isn't a field, ``groups`` or ``active``.
        """
        values: dict[str, Any] = dict(changes.values)
        if unknown := sorted(values.keys() - {*FIELDS, "groups", "active"}):
            raise ValueError(f"{unknown[0]!r} can't be changed")
        groups = frozenset(values.pop("groups")) if "groups" in values else None
        active = values.pop("active", None)
        values = {name: self._kept(name, value) for name, value in values.items() if name in self.fields}
        if "username" in values and not key(values["username"]).strip():
            raise Refused("missing_attribute", "a user needs a username")
        self._check(values, groups or ())
        written: dict[str, Any] = {
            self._shape.fields[name].name: self._stored(name, value) for name, value in values.items()
        }
        if active is not None and self._shape.active is not None:
            written[self._shape.active.name] = self._flag(active=active)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            row = self._companions.row(connection, user.id, lock=bool(written))
            if row is None:
                raise DirectoryConflict("the user is gone")
            if values or groups is not None or active is not None:
                self._companions.settle(connection, row)
            if "username" in values:
                self._claim(connection, values["username"], row)
            if written:
                row = self._write(connection, row, written)
            if active is not None and self._shape.active is None:
                self._companions.write(connection, row.id, {"active": bool(active)})
            if groups is not None:
                self._companions.join(connection, row.id, groups)
            return self._one(connection, row.id)

    def saw(self, user_id: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Attendance.saw`. An earlier moment changes nothing."""
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            row = self._companions.row(connection, user_id)
            if row is not None:
                self._companions.settle(connection, row)
                self._companions.saw(connection, row.id, moment)

    def remove(self, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.AdministeredDirectory.remove`.

        Raises:
            DirectoryConflict: Other rows of the application need this one.
        """
        wanted = self._shape.key(user_id)
        if wanted is None or not holds(companions.c.user_id, user_id):
            return False
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            removed = self._companions.row(connection, user_id, lock=True) is not None
            if removed:
                try:
                    connection.execute(delete(self._shape.table).where(self._shape.id == wanted))
                except IntegrityError as error:
                    raise DirectoryConflict(f"the user can't be deleted: {_said(error)}") from error
            self._companions.remove(connection, user_id)
        return removed

    # -- parts of these --

    def _one(self, connection: Connection, user_id: str) -> User:
        found = listed_from(
            self._shape, connection.execute(self._get_statement, {"wanted": self._shape.key(user_id)})
        )
        if not found:
            raise DirectoryConflict("the user is gone")
        return found[0].user

    def _check(self, values: Mapping[str, str], groups: Collection[str]) -> None:
        for name, value in values.items():
            if not self._shape.holds(name, value):
                raise Refused(
                    "attribute_unusable", f"{name} can't be kept in the table ({len(value)} characters)"
                )
        check_groups(groups)

    def _kept(self, field: str, value: str) -> str:
        return composed(value) if field in NAMED and not self.exact else value

    def _stored(self, field: str, value: str) -> str | None:
        """Nothing is NULL where it may be: a UNIQUE column has room for one empty text only."""
        return None if not value and self._shape.fields[field].nullable else value

    def _flag(self, *, active: Any) -> bool | int:
        assert self._shape.active is not None
        return bool(active) if self._shape.active.type.python_type is bool else int(bool(active))

    def _claim(self, connection: Connection, username: str, row: Row | None) -> None:
        """Make sure that the name is nobody else's, until the transaction ends.

        Whatever index the table has: ``Ada`` and ``ada`` are one name, which a plain one doesn't know.
        """
        if row is not None and row.username == username:
            return
        name = username if self._shape.exact else key(username)
        if connection.dialect.name == "postgresql":
            digest = hashlib.sha256(f"{self._shape.table.fullname}:{name}".encode()).digest()
            lock = int.from_bytes(digest[:8], "big", signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(lock)))
        # Which spellings of other alphabets a database takes for one depends on its locale: all are compared.
        alike = self._find_statements["username"] if username.isascii() or self.exact else self._beyond_ascii
        for listed in listed_from(self._shape, connection.execute(alike, asked(username))):
            other = row is None or listed.user.id != row.id
            if other and same(self._shape, "username", listed.user.username, username):
                raise DirectoryConflict("the username is taken")

    def _insert(self, connection: Connection, values: Mapping[str, str]) -> Row:
        shape = self._shape
        written: dict[str, Any] = {shape.fields[name].name: value for name, value in values.items()}
        for name in self.fields:
            column = shape.fields[name]
            if name not in values and not column.nullable and not column.server_default:
                written[column.name] = ""
        if shape.active is not None:
            written[shape.active.name] = self._flag(active=True)
        if not shape.makes_id:
            written[shape.id.name] = shape.new_id()
        try:
            made = connection.execute(insert(shape.table).values(**written).returning(shape.id_text)).scalar()
        except (IntegrityError, DataError) as error:
            raise _refusal(error) from error
        row = None if made is None else self._companions.row(connection, made)
        if row is None:
            raise DirectoryUnavailable("the new row isn't in the table")
        return row

    def _write(self, connection: Connection, row: Row, written: Mapping[str, Any]) -> Row:
        """Write to the table, and have the companion know the row by what is there now."""
        shape = self._shape
        name = shape.fields["username"].name
        if shape.id.name == name and written.get(name, row.username) != row.username:
            raise DirectoryConflict("the username is the table's key, which never changes")
        try:
            connection.execute(update(shape.table).where(shape.id == shape.key(row.id)).values(**written))
        except (IntegrityError, DataError) as error:
            raise _refusal(error) from error
        now = self._companions.row(connection, row.id)
        if now is None:
            raise DirectoryConflict("the user is gone")
        self._companions.write(connection, now.id, {"identity": now.identities[0]})
        return now


def _said(error: IntegrityError | DataError) -> str:
    """The first line of what the database said; on PostgreSQL, values are in the next."""
    return str(error.orig).partition("\n")[0]


def _refusal(error: IntegrityError | DataError) -> DirectoryConflict | Refused:
    kind = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    if kind in _TAKEN:
        return DirectoryConflict(f"another user has such a value: {_said(error)}")
    return Refused("attribute_unusable", f"the table refused the user: {_said(error)}")
