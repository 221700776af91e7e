"""Whether an application's own table is what the configuration says of it, asked at the start."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Inspector,
    Integer,
    MetaData,
    Table,
    Uuid,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.types import NullType

from saml_wsgi.database import connect, reading, reason
from saml_wsgi.directories.table_shape import NAMED, SPELLINGS, Shape, is_text, plain
from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.model import FIELDS

_TABLE: Final = "directory.table"
_COLUMNS: Final = "directory.columns"
# As an operator writes it, or as PostgreSQL tells of it: lower((login)::text).
_INDEXED_LOWER: Final = r'\s*lower\s*\(\s*\(?["`\[]?{}["`\]]?\s*\)?(::[a-z ]+)?\s*\)'


def examine(
    url: str,
    table: str,
    columns: Mapping[str, str],
    *,
    case: str = "ignore",
    writable: bool = False,
    match: Collection[str] = (),
) -> Shape:
    """Compare the table with what the configuration says of it. Writes nothing, and makes no file.

    Args:
        table: The table's name, behind its schema's and a dot where it isn't in the usual one. A view
            will do where nothing is written.
        columns: The column for each of ``model.FIELDS``, ``id`` and ``active``. Only the username must
            have one; ``id`` is the primary key unless it is named.
        case: ``ignore`` or ``exact``: how usernames and e-mail addresses are compared.
        writable: Whether users will be made here.
        match: The fields that people will be looked up by, beside their usernames.

    Raises:
        ConfigurationError: With every problem there is.
    """
    engine = connect(url, option="directory.url")
    problems = Problems()
    path = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and not path.exists():
        problems.add("directory.url", f"there is no file {path}.", "Name the application's database.")
        problems.raise_if_fatal()
    # As a transaction on PostgreSQL, where the planner is told something for its length.
    source = reading(engine) if engine.dialect.name == "sqlite" else engine
    try:
        with source.connect() as connection, warnings.catch_warnings():
            # Of indices and types that SQLAlchemy doesn't know; those that matter are looked at here.
            warnings.simplefilter("ignore", SAWarning)
            return _Examination(connection, problems, columns, case).of(table, writable=writable, match=match)
    except SQLAlchemyError as error:
        problems.add(
            "directory.url",
            f"the database can't be used ({reason(error)}).",
            "Check that it is there, sound, and open to this process.",
        )
        raise ConfigurationError(*problems.fatal) from error


class _Examination:
    def __init__(
        self, connection: Connection, problems: Problems, columns: Mapping[str, str], case: str
    ) -> None:
        self._connection = connection
        self._problems = problems
        self._wanted = columns
        self._case = case
        self._sqlite = connection.dialect.name == "sqlite"
        self._inspector: Inspector = inspect(connection)
        self._obstacles: list[Problem] = []

    def of(self, name: str, *, writable: bool, match: Collection[str]) -> Shape:
        schema, own = self._locate(name)
        self._problems.raise_if_fatal()
        found = self._inspector.get_columns(own, schema)
        described = {column["name"]: column for column in found}
        table = Table(own, MetaData(), *map(_column, found), schema=schema)
        is_view = own in self._inspector.get_view_names(schema)
        if is_view:
            self._obstacles.append(
                Problem(_TABLE, f"{name} is a view, in which no user can be made.", "Name a table.")
            )
        mapped = self._mapped(table, is_view=is_view)
        key = self._key(table, is_view=is_view)
        if self._case not in {"ignore", "exact"}:
            self._problems.add("directory.case", f"{self._case!r} isn't known.", "Use ignore or exact.")
        for field in match:
            if field not in mapped and field != "username":
                self._problems.add(
                    f"{_COLUMNS}.{field}", "people are matched by it, and it has no column.", "Name one."
                )
        self._problems.raise_if_fatal()
        assert key is not None
        active = mapped.pop("active", None)
        makes_id = self._makes_id(table, key, described[key.name], tuple(mapped.values()))
        self._note_what_creating_lacks(table, described, {*mapped.values(), active, key})
        if writable:
            for obstacle in self._obstacles:
                self._problems.add(obstacle.key, obstacle.reason, obstacle.cure)
            self._problems.raise_if_fatal()
        exact = self._case == "exact"
        shape = Shape(table, key, mapped, active, exact, makes_id, tuple(self._obstacles), ())
        self._warn(shape, {"username", *match}, is_view=is_view)
        return replace(shape, warnings=self._problems.warnings)

    def _locate(self, name: str) -> tuple[str | None, str]:
        schema, dot, own = name.rpartition(".")
        for place in ((None, name), (schema, own)) if dot else ((None, name),):
            if (not place[0] or self._inspector.has_schema(place[0])) and self._inspector.has_table(
                place[1], place[0]
            ):
                return place
        there = [*self._inspector.get_table_names(), *self._inspector.get_view_names()]
        near = difflib.get_close_matches(name, there, n=1)
        cure = f"Did you mean {near[0]}?" if near else "Check the name, and its schema where it has one."
        self._problems.add(_TABLE, f"there is no table {name!r}.", cure)
        return None, name

    def _mapped(self, table: Table, *, is_view: bool) -> dict[str, Column[Any]]:
        """The columns of the fields, and of ``active``, as far as they are usable."""
        mapped = {}
        for option, name in self._wanted.items():
            if option not in {*FIELDS, "id", "active"}:
                self._problems.add(
                    f"{_COLUMNS}.{option}", "it is no field of a user.", f"Use one of {', '.join(FIELDS)}."
                )
                continue
            column = table.c.get(name)
            if column is None:
                near = difflib.get_close_matches(name, table.c.keys(), n=1)
                cure = f"Did you mean {near[0]}?" if near else f"It has {', '.join(table.c.keys())}."
                self._problems.add(
                    f"{_COLUMNS}.{option}", f"the table {table.name} has no column {name!r}.", cure
                )
            elif option == "active":
                if not isinstance(plain(column.type), (Boolean, Integer, *self._untold(is_view=is_view))):
                    self._refuse_type(option, column, "BOOLEAN, or INTEGER with 1 for active ones")
                mapped[option] = column
            elif option != "id":
                if not is_text(column.type) and not isinstance(column.type, self._untold(is_view=is_view)):
                    self._refuse_type(option, column, "text")
                mapped[option] = column
        if "username" not in self._wanted:
            self._problems.add(f"{_COLUMNS}.username", "it isn't set.", "Name the column of the usernames.")
        return mapped

    def _untold(self, *, is_view: bool) -> tuple[type[NullType], ...]:
        """SQLite doesn't say of what type a view's expressions are."""
        return (NullType,) if is_view and self._sqlite else ()

    def _refuse_type(self, option: str, column: Column[Any], expected: str) -> None:
        told = not isinstance(column.type, NullType)
        kind = column.type.compile(self._connection.dialect) if told else "no type"
        self._problems.add(
            f"{_COLUMNS}.{option}",
            f"the column {column.name} is of type {kind}.",
            f"It must be {expected}; a view can turn it into that.",
        )

    def _key(self, table: Table, *, is_view: bool) -> Column[Any] | None:
        primary = self._inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"]
        named = self._wanted.get("id")
        if named is None:
            if len(primary) != 1:
                what = "no primary key" if not primary else f"a primary key of {len(primary)} columns"
                cure = "Name the column that identifies a user for good."
                self._problems.add(f"{_COLUMNS}.id", f"the table {table.name} has {what}.", cure)
                return None
            named = primary[0]
        key = table.c.get(named)
        if key is None:
            return None
        if not is_view and primary != [named] and not self._is_unique(table, key, lower=False):
            self._problems.add(
                f"{_COLUMNS}.id", f"several rows can have the same {named}.", "Name the primary key."
            )
        if not (isinstance(plain(key.type), (Integer, Uuid)) or is_text(key.type)):
            self._refuse_type("id", key, "text, INTEGER or UUID")
        return key

    def _makes_id(
        self,
        table: Table,
        key: Column[Any],
        described: Mapping[str, Any],
        mapped: Sequence[Column[Any]],
    ) -> bool:
        if described.get("default") or described.get("identity") or described.get("computed"):
            return True
        if any(column is key for column in mapped):
            return True
        kind = plain(key.type)
        if not isinstance(kind, Integer):
            length = getattr(kind, "length", None)
            if length is not None and length < 32:
                self._obstacles.append(
                    Problem(
                        f"{_COLUMNS}.id",
                        f"nothing makes a value for {key.name}, and a random one of 32 letters doesn't fit.",
                        "Give the column a default in the database.",
                    )
                )
            return False
        # Only a column that is declared with this very word is SQLite's own row number.
        if self._sqlite:
            declared = self._connection.execute(
                text("SELECT upper(type) FROM pragma_table_info(:name) WHERE name = :id AND pk = 1"),
                {"name": table.name, "id": key.name},
            ).scalar()
            if declared == "INTEGER":
                return True
        self._obstacles.append(
            Problem(
                f"{_COLUMNS}.id",
                f"nothing makes a value for {key.name} when a user is made.",
                "Give the column a default in the database.",
            )
        )
        return False

    def _note_what_creating_lacks(
        self, table: Table, described: Mapping[str, Mapping[str, Any]], known: set[Column[Any] | None]
    ) -> None:
        for name, column in described.items():
            given = column.get("default") or column.get("identity") or column.get("computed")
            if table.c[name] not in known and not column["nullable"] and given is None:
                self._obstacles.append(
                    Problem(
                        _TABLE,
                        f"the column {name} needs a value, and no user that is made here would have one.",
                        f"Give it a default in the database, or let it be NULL, or name it in {_COLUMNS}.",
                    )
                )
        options: dict[str, list[str]] = {}
        for option, name in self._wanted.items():
            if option != "id":
                options.setdefault(name, []).append(option)
        for name, several in options.items():
            if len(several) > 1:
                self._obstacles.append(
                    Problem(
                        f"{_COLUMNS}.{several[1]}",
                        f"the column {name} is the {several[0]} already, and a user has both.",
                        "Name another column, or none.",
                    )
                )

    def _warn(self, shape: Shape, asked: Collection[str], *, is_view: bool) -> None:
        table, username = shape.table, shape.fields["username"]
        if not is_view and not self._is_unique(table, username, lower=True):
            self._problems.warn(
                f"{_COLUMNS}.username",
                f"two rows can have the same {username.name}, and then neither of them can sign in.",
                f"Make a unique index on {username.name}.",
            )
        for field in FIELDS:
            if field in asked and field in shape.fields and not self._is_indexed(shape, field):
                column = shape.fields[field].name
                lower = field in NAMED and not shape.exact
                self._problems.warn(
                    "directory.case" if lower else f"{_COLUMNS}.{field}",
                    f"looking somebody up by {field} reads the whole table: no index serves "
                    f"{f'lower({column})' if lower else column}.",
                    f"Make an index on {f'lower({column})' if lower else column}"
                    f"{', or set directory.case = exact' if lower else ''}.",
                )

    def _is_unique(self, table: Table, column: Column[Any], *, lower: bool) -> bool:
        """Whether no two rows have the same value, in lower case if need be; or none that we can tell."""
        place = (table.name, table.schema)
        if self._inspector.get_pk_constraint(*place)["constrained_columns"] == [column.name]:
            return True
        of = self._unique_on_sqlite(table) if self._sqlite else self._unique_on_postgresql(table)
        return any(
            name == column.name or (lower and expression is not None and _is_lower(expression, column.name))
            for name, expression in of
        )

    def _unique_on_postgresql(self, table: Table) -> Iterator[tuple[str | None, str | None]]:
        """The column, or else the expression, of each unique index of one that holds for all rows."""
        for index in self._inspector.get_indexes(table.name, table.schema):
            names = index["column_names"]
            if index["unique"] and len(names) == 1 and not index["dialect_options"].get("postgresql_where"):
                yield names[0], index["expressions"][0] if "expressions" in index else None

    def _unique_on_sqlite(self, table: Table) -> Iterator[tuple[str | None, str | None]]:
        """The same; SQLAlchemy overlooks some of them here."""
        found = self._connection.execute(
            text(
                "SELECT parts.name, made.sql"
                " FROM pragma_index_list(:name) AS list"
                " JOIN pragma_index_info(list.name) AS parts"
                " LEFT JOIN sqlite_master AS made ON made.type = 'index' AND made.name = list.name"
                ' WHERE list."unique" AND NOT list.partial'
                " AND (SELECT count(*) FROM pragma_index_info(list.name)) = 1"
            ),
            {"name": table.name},
        )
        for name, sql in found:
            # Between the first bracket, which no name of an index or table here has, and the last.
            yield name, sql.partition("(")[2].rpartition(")")[0] if name is None else None

    def _is_indexed(self, shape: Shape, field: str) -> bool:
        """Whether the database needn't read everything; it is asked how it would go about it."""
        statement = select(shape.id).where(shape.matches(field))
        values = dict.fromkeys((*SPELLINGS, "wanted"), "x")
        names = statement.compile(dialect=self._connection.dialect).params
        statement = statement.params({name: values[name] for name in names if name in values})
        sql = str(statement.compile(dialect=self._connection.dialect, compile_kwargs={"literal_binds": True}))
        if self._sqlite:
            plan = [row[-1] for row in self._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
            return not any(step.startswith("SCAN") for step in plan)
        # Small tables would be read as a whole, whatever indices they have.
        self._connection.execute(text("SET LOCAL enable_seqscan = off"))
        explained = self._connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {sql}").scalars()
        return not any("Seq Scan" in step for step in explained)


def _column(described: Mapping[str, Any]) -> Column[Any]:
    default = described.get("default")
    return Column(
        described["name"],
        described["type"],
        nullable=described["nullable"],
        server_default=None if default is None else text(default),
    )


def _is_lower(expression: str, column: str) -> bool:
    return re.match(_INDEXED_LOWER.format(re.escape(column)), expression, re.IGNORECASE) is not None
