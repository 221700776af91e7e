"""Rows of an application's own table, with their companions, become users."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, null, select

from saml_wsgi.database.tables import companion_groups, companions
from saml_wsgi.directories.companions import identities
from saml_wsgi.directories.table_shape import NAMED, SPELLINGS, Shape
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import FIELDS, Listed, User
from saml_wsgi.names import key


def people_of(shape: Shape) -> Select[Any]:
    """Users with their companions and groups, in one statement, so that all is of the same moment."""
    return (
        select(
            shape.id_text,
            *(shape.value_of(name) for name in FIELDS),
            null().label("flag") if shape.active is None else shape.active,
            companions.c.identity,
            companions.c.active.label("ours_active"),
            companions.c.managed_by,
            companions.c.seen,
            companions.c.created,
            companion_groups.c.name.label("group_name"),
        )
        .select_from(shape.table)
        .outerjoin(companions, companions.c.user_id == shape.id_text)
        .outerjoin(companion_groups, companion_groups.c.user_id == companions.c.user_id)
    )


def listed_from(shape: Shape, found: Iterable[Any]) -> Sequence[Listed]:
    """The users of :func:`people_of`, of which there is a row for each group, or one with none.

    Raises:
        DirectoryUnavailable: Two people have one id, which a view can bring about.
    """
    people: dict[str, tuple[Any, list[str]]] = {}
    for row in found:
        first, names = people.setdefault(row[0], (row, []))
        if first[:-1] != row[:-1]:
            raise DirectoryUnavailable(f"several rows of the table have the id {row[0]}")
        if row[-1] is not None:
            names.append(row[-1])
    listed = (_listed(shape, row, names) for row, names in people.values())
    return tuple(one for one in listed if one.user.id and key(one.user.username).strip())


def _listed(shape: Shape, row: Any, groups: Iterable[str]) -> Listed:
    # SQLite keeps bytes in any column; they are no text.
    values = {
        name: value if isinstance(value, str) else "" for name, value in zip(FIELDS, row[1:-7], strict=True)
    }
    flag, identity, active, managed_by, seen, created, _ = row[-7:]
    ours = identity in identities(values["username"], values["employee_id"])
    if shape.active is not None:
        active = flag == 1
    elif not ours:
        active = True
    user = User(
        id=row[0] or "",
        **values,
        groups=tuple(sorted(groups)) if ours else (),
        active=bool(active),
        managed_by=managed_by if ours else "local",
        seen=seen if ours else 0,
    )
    return Listed(user, created=created if ours else 0)


def same(shape: Shape, field: str, found: str, wanted: str) -> bool:
    """Whether what the database found is what was looked for: its collation may think otherwise."""
    if field in NAMED and not shape.exact:
        return key(found) == key(wanted)
    return found == wanted


def asked(value: str) -> dict[str, str]:
    """The parameters of a look-up: the value, and the ways in which a table may have written it."""
    folded = key(value)
    composed = unicodedata.normalize("NFC", value)
    # A database that knows the small letters of ASCII alone finds no mixed case but the usual one: a title's.
    spellings = (value, composed, folded, folded.upper(), folded.title())
    return {"wanted": value, **dict(zip(SPELLINGS, spellings, strict=True))}
