"""An application's own table: which of its columns are what, and what they can hold."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    CHAR,
    Column,
    ColumnElement,
    Enum,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import TypeEngine

from saml_wsgi.errors import Problem

#: What is compared as a name is, by names.key().
NAMED: Final = frozenset({"username", "email"})

_LARGEST_KEY: Final = 2**63

#: The parameters of :meth:`Shape.matches` where letter case is ignored.
SPELLINGS: Final = tuple(f"spelling_{number}" for number in range(5))


@dataclass(frozen=True, slots=True)
class Shape:
    """An application's table, and which of its columns are what.

    Attributes:
        id: The column that identifies a user for good.
        fields: The column of each field that the table has one for.
        active: The column that says who may sign in, or None.
        exact: Whether usernames and e-mail addresses are compared as they are.
        makes_id: Whether the database gives a new row its id.
        obstacles: Why no user can be made in this table; empty if one can.
        warnings: What should be known, and doesn't keep anybody from starting.
    """

    table: Table
    id: Column[Any]
    fields: Mapping[str, Column[Any]]
    active: Column[Any] | None
    exact: bool
    makes_id: bool
    obstacles: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def id_text(self) -> ColumnElement[str]:
        """The id as text, as a part of a statement."""
        return cast(self.id, Text)

    def key(self, user_id: str) -> Any:
        """The value of the id's column for an id as text; None if no row can have that id."""
        kind = plain(self.id.type)
        if isinstance(kind, Integer):
            if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", user_id) is None:
                return None
            number = int(user_id)
            return number if -_LARGEST_KEY <= number < _LARGEST_KEY else None
        if isinstance(kind, Uuid):
            try:
                found = uuid.UUID(user_id)
            except ValueError:
                return None
            return found if str(found) == user_id else None
        return user_id if user_id and can_be_text(user_id) else None

    def new_id(self) -> Any:
        """An id for a new row where the database makes none: random, and as long as fits."""
        made = uuid.uuid4()
        kind = plain(self.id.type)
        if isinstance(kind, Uuid):
            return made
        length = getattr(kind, "length", None)
        return made.hex if length is not None and length < 36 else str(made)

    def value_of(self, field: str) -> ColumnElement[Any]:
        """The field as a part of a SELECT statement."""
        column = self.fields.get(field)
        if column is None:
            return literal("").label(field)
        # PostgreSQL fills CHAR up with blanks, which a cast takes off.
        return cast(column, Text).label(field) if isinstance(plain(column.type), CHAR) else column

    def matches(self, field: str) -> ColumnElement[bool]:
        """The rows that may be meant; its parameters are ``wanted`` or :data:`SPELLINGS`."""
        column = self.fields[field]
        if field in NAMED and not self.exact:
            return func.lower(column).in_([func.lower(bindparam(name, type_=Text)) for name in SPELLINGS])
        return column == bindparam("wanted", type_=column.type)

    def beyond_ascii(self, field: str, dialect: str) -> ColumnElement[bool]:
        """The rows whose value holds a letter that ASCII hasn't: it is longer in bytes than in letters."""
        text = cast(self.fields[field], Text)
        in_bytes = func.length(cast(text, LargeBinary)) if dialect == "sqlite" else func.octet_length(text)
        return func.length(text) != in_bytes

    def holds(self, field: str, value: str) -> bool:
        """Whether the field's column can hold the value."""
        length = getattr(plain(self.fields[field].type), "length", None)
        return can_be_text(value) and (length is None or len(value) <= length)


def can_be_text(value: str) -> bool:
    """Whether databases take it: no NUL, no half of a surrogate pair, not longer than any name."""
    return (
        len(value) <= 4096 and "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
    )


def plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type that a domain is of."""
    return plain(kind.data_type) if isinstance(kind, DOMAIN) else kind


def is_text(kind: TypeEngine[Any]) -> bool:
    """Whether it holds any text."""
    inner = plain(kind)
    return isinstance(inner, String) and not isinstance(inner, Enum)
