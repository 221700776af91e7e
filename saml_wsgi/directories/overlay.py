"""Who is a user at this moment: the tables, with what a synchronisation brought laid over them.

A synchronisation brings everything in one moment, by making ``sync.generation`` larger; only then it moves
what is in ``saml_wsgi_arriving`` to the users, a few at a time. So a user counts from their generation on,
and so does a row of ``saml_wsgi_arriving``, whose values go before the user's own. Each question is one
statement, so that whatever it finds is of one moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    CompoundSelect,
    Engine,
    and_,
    bindparam,
    exists,
    func,
    literal,
    select,
    union_all,
)

from saml_wsgi.database import Prepared, answering, rows
from saml_wsgi.database.tables import arriving, groups, holds, sync, users
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import FIELDS, Listed, User
from saml_wsgi.names import key

#: Up to which generation everything is there.
REACHED: Final = select(sync.c.generation).where(sync.c.id == 1).scalar_subquery()

#: Which column is asked for a field's value.
ASKED: Final[Mapping[str, Column[Any]]] = {
    **{name: users.c[name] for name in FIELDS},
    "username": users.c.username_key,
    "email": users.c.email_key,
}
_THERE: Final = and_(sync.c.id == 1, users.c.generation <= sync.c.generation)
_ARRIVED: Final = and_(arriving.c.user_id == users.c.id, arriving.c.generation <= sync.c.generation)


_PERSON: Final = select(
    users.c.id,
    *(func.coalesce(arriving.c[name], users.c[name]) for name in (*FIELDS, "active", "managed_by")),
    users.c.seen,
    users.c.created,
    groups.c.name.label("group_name"),
    arriving.c.groups,
)
_MEMBERS: Final = groups.c.user_id == users.c.id
_PEOPLE: Final = _PERSON.select_from(
    users.join(sync, _THERE).outerjoin(arriving, _ARRIVED).outerjoin(groups, _MEMBERS)
)
_RENEWED: Final = _PERSON.select_from(
    arriving.join(users, users.c.id == arriving.c.user_id)
    .join(sync, and_(_THERE, arriving.c.generation <= sync.c.generation))
    .outerjoin(groups, _MEMBERS)
)


def _find(column: Column[Any]) -> CompoundSelect[Any]:
    """Whose value it was and stays, and whose it becomes: two look-ups in an index each, and nobody twice."""
    new = arriving.c[column.name]
    wanted = bindparam("wanted", type_=column.type)
    return union_all(_PEOPLE.where(column == wanted, new.is_(None)), _RENEWED.where(new == wanted))


#: A user by ``wanted``, their id.
GET: Final = _PEOPLE.where(users.c.id == bindparam("wanted"))
#: Users by ``wanted``, a field's value.
FIND: Final[Mapping[str, CompoundSelect[Any]]] = {name: _find(column) for name, column in ASKED.items()}
#: ``at_most`` users, beginning ``behind`` an id.
PAGE: Final = _PEOPLE.where(
    users.c.id.in_(
        select(users.c.id)
        .where(users.c.id > bindparam("behind"), users.c.generation <= REACHED)
        .order_by(users.c.id)
        .limit(bindparam("at_most"))
    )
).order_by(users.c.id)

#: Whether somebody is a member of a group whose key is ``wanted``, and stays one.
KNOWN: Final = (
    select(literal(1))
    .select_from(groups.join(users, _MEMBERS).join(sync, _THERE))
    .where(
        groups.c.name_key == bindparam("wanted"),
        ~exists().where(_ARRIVED, arriving.c.groups.is_not(None)).correlate(users, sync),
    )
    .limit(1)
)
#: The groups that are arriving, each list once. Nothing, but for the seconds in which they settle.
ARRIVING_GROUPS: Final = (
    select(arriving.c.groups)
    .join(users, users.c.id == arriving.c.user_id)
    .join(sync, and_(_THERE, arriving.c.generation <= sync.c.generation))
    .where(arriving.c.groups.is_not(None))
    .distinct()
)


def group_names(kept: str) -> list[str]:
    """What a row of ``saml_wsgi_arriving`` says of groups."""
    names: list[str] = json.loads(kept)
    return names


def listed(found: Iterable[Any]) -> list[Listed]:
    """The users of a join with their groups: one row a group, or one with none."""
    people: dict[str, tuple[Any, list[str]]] = {}
    for row in found:
        _, names = people.setdefault(row[0], (row, []))
        if row[-2] is not None:
            names.append(row[-2])
    return [
        Listed(
            User(
                id=row[0],
                groups=tuple(sorted(names if row[-1] is None else group_names(row[-1]))),
                active=bool(row[-6]),
                managed_by=row[-5],
                seen=row[-4],
                **dict(zip(FIELDS, row[1:-6], strict=True)),
            ),
            created=row[-3],
        )
        for row, names in people.values()
    ]


def people(found: Iterable[Any]) -> Sequence[User]:
    """The users alone, several of them in the order of their usernames."""
    found_users = [one.user for one in listed(found)]
    if len(found_users) > 1:
        found_users.sort(key=lambda user: key(user.username))
    return tuple(found_users)


class Register:
    """Which groups there are: those that somebody is a member of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known = Prepared(engine, KNOWN)
        self._arriving = Prepared(engine, ARRIVING_GROUPS)

    def known(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the names that are groups.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        with answering(DirectoryUnavailable):
            # First of all: what isn't there any more has become a membership, which is then found.
            lists = rows(self._engine, self._arriving, {})
        found = known_groups(self._engine, self._known, names)
        if not lists:
            return found
        keys = {key(name) for (kept,) in lists for name in group_names(kept)}
        return found.union(name for name in names if key(name) in keys)


def known_groups(engine: Engine, statement: Prepared, names: Sequence[str]) -> frozenset[str]:
    """Those of the names whose key a statement (parameter ``wanted``) finds a row for."""
    with answering(DirectoryUnavailable):
        return frozenset(
            name
            for name in names
            if holds(groups.c.name, name) and rows(engine, statement, {"wanted": key(name)})
        )
