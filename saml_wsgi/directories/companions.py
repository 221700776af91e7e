"""What a table of the application has no columns for, and whom it is about.

Rows of that table come and go without our knowing, and its ids can come back: SQLite gives the number of
a deleted last row to the next one. So a companion says whom it is about, and counts for a row only if
that is still the same one; whatever somebody else left behind (groups, a switch-off, links) counts for
nobody, and is cleared away when the row is next written to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from saml_wsgi.database import Prepared, answering, insert_into, rows
from saml_wsgi.database.tables import companion_groups, companions, holds, links
from saml_wsgi.directories.table_shape import Shape
from saml_wsgi.errors import DirectoryUnavailable, Refused
from saml_wsgi.names import key

_OF: Final = companions.c.user_id == bindparam("whose")
_IDENTITY: Final = select(companions.c.identity).where(_OF).with_for_update()
_GROUPS: Final = select(companion_groups.c.name).where(companion_groups.c.user_id == bindparam("whose"))
_SEEN: Final = (
    update(companions).where(_OF, companions.c.seen < bindparam("moment")).values(seen=bindparam("moment"))
)
_UNTOUCHED: Final[Mapping[str, Any]] = {"active": True, "managed_by": "local", "seen": 0, "created": 0}


@dataclass(frozen=True, slots=True)
class Row:
    """Who a row of the application's table is."""

    id: str
    username: str
    employee_id: str

    @property
    def identities(self) -> tuple[str, ...]:
        """What a companion of this row says; the first is what a new one would."""
        return identities(self.username, self.employee_id)


def identities(username: str, employee_id: str) -> tuple[str, ...]:
    """Digests of what tells a person from the next one who has the same id, the best first.

    An employee number is for good; a username is what there is without one.
    """
    numbered = (_digest("employee_id", employee_id),) if employee_id else ()
    return (*numbered, _digest("username", key(username)))


def _digest(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode("utf-8", "surrogatepass")).hexdigest()


class Companions:
    """The companions of one table's rows."""

    def __init__(self, engine: Engine, shape: Shape) -> None:
        self._engine = engine
        self._shape = shape
        row = select(shape.id_text, shape.value_of("username"), shape.value_of("employee_id"))
        self._row = row.where(shape.id == bindparam("wanted", type_=shape.id.type))
        with_companion = row.add_columns(companions.c.identity).outerjoin(
            companions, companions.c.user_id == shape.id_text
        )
        self._bound = Prepared(
            engine, with_companion.where(shape.id == bindparam("wanted", type_=shape.id.type))
        )
        self._linked = Prepared(engine, with_companion.where(shape.id_text.in_(select(links.c.user_id))))
        self._insert: sqlite.Insert | postgresql.Insert = insert_into(
            engine, companions
        ).on_conflict_do_nothing()

    def row(self, connection: Connection, user_id: str, *, lock: bool = False) -> Row | None:
        """The row of that id; None if there is none. A lock needs the right to write to that table."""
        wanted = self._shape.key(user_id)
        if wanted is None:
            return None
        statement = self._row.with_for_update() if lock else self._row
        found = connection.execute(statement, {"wanted": wanted}).first()
        if found is None or found[0] != user_id or not found[1]:
            return None
        return Row(user_id, found[1], found[2] or "")

    def is_bound(self, user_id: str) -> bool | None:
        """Whether what we keep under the id is about the row that has it; None if there is no such row."""
        wanted = self._shape.key(user_id)
        if wanted is None:
            return None
        with answering(DirectoryUnavailable):
            found = rows(self._engine, self._bound, {"wanted": wanted})
        if not found or found[0][0] != user_id or not found[0][1]:
            return None
        return found[0][3] in identities(found[0][1] or "", found[0][2] or "")

    def strangers(self) -> frozenset[str]:
        """The ids with links that are about somebody else than the row. Reads the whole table."""
        with answering(DirectoryUnavailable):
            found = rows(self._engine, self._linked, {})
        return frozenset(row[0] for row in found if row[3] not in identities(row[1] or "", row[2] or ""))

    def belongs(self, connection: Connection, row: Row) -> bool:
        """Whether what we keep under the row's id is about the row."""
        kept = connection.execute(select(companions.c.identity).where(_OF), {"whose": row.id}).scalar()
        return kept in row.identities

    def settle(self, connection: Connection, row: Row) -> None:
        """Give the row a companion, and clear away what was about somebody else. Locks it."""
        check_id(row.id)
        now = row.identities
        values = {"user_id": row.id, "identity": now[0], **_UNTOUCHED}
        if connection.execute(self._insert, values).rowcount == 1:
            connection.execute(delete(links).where(links.c.user_id == row.id))
            return
        kept = connection.execute(_IDENTITY, {"whose": row.id}).scalar_one()
        if kept == now[0]:
            return
        if kept in now:
            self.write(connection, row.id, {"identity": now[0]})
            return
        connection.execute(delete(links).where(links.c.user_id == row.id))
        connection.execute(delete(companion_groups).where(companion_groups.c.user_id == row.id))
        self.write(connection, row.id, {"identity": now[0], **_UNTOUCHED})

    def write(self, connection: Connection, user_id: str, values: Mapping[str, Any]) -> None:
        """Write to a companion that is settled."""
        connection.execute(update(companions).where(companions.c.user_id == user_id).values(**values))

    def join(self, connection: Connection, user_id: str, names: Collection[str]) -> None:
        """Make these the groups."""
        present = frozenset(connection.execute(_GROUPS, {"whose": user_id}).scalars())
        for name in sorted(present.difference(names)):
            connection.execute(
                delete(companion_groups).where(
                    companion_groups.c.user_id == user_id, companion_groups.c.name == name
                )
            )
        if new := [{"user_id": user_id, "name": name} for name in sorted(frozenset(names) - present)]:
            connection.execute(insert(companion_groups), new)

    def saw(self, connection: Connection, user_id: str, moment: int) -> None:
        """Note when the user was seen; an earlier moment changes nothing."""
        connection.execute(_SEEN, {"whose": user_id, "moment": moment})

    def remove(self, connection: Connection, user_id: str) -> None:
        """Forget all that is kept under the id, links included."""
        for table in (companions, links):
            _forget(connection, table, user_id)


def _forget(connection: Connection, table: Table, user_id: str) -> None:
    connection.execute(delete(table).where(table.c.user_id == user_id))


def check_id(user_id: str) -> None:
    """Refuse an id that no table of ours can hold.

    Raises:
        Refused: With ``attribute_unusable``.
    """
    if not holds(companions.c.user_id, user_id):
        raise Refused("attribute_unusable", f"the table's id is too long ({len(user_id)} characters)")
