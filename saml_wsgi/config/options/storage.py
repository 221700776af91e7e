"""Where users, sessions and records are kept, and for how long."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.kinds import Choice, Duration, Flag
from saml_wsgi.config.plugged import Use
from saml_wsgi.config.urls import DatabaseName, DatabaseUrl
from saml_wsgi.model import FIELDS

_DAY: Final = 24 * 60 * 60

#: What a table of the application's own may have columns for.
COLUMNS: Final = ("id", *FIELDS, "active")

_COLUMN: Final = DatabaseName("name of a column")

GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "Where things are kept",
        "A relative SQLite path begins at the folder of the ini file. Users are kept in tables of ours, or "
        "in a table that the application has already: then `directory.table` and "
        "`directory.columns.<column>` say where, and what it has no columns for (groups, links, …) is kept "
        "beside it, in tables of ours.",
        (
            Option(
                "store.url",
                DatabaseUrl(memory=True),
                None,
                "Where sessions, and what was used once, are kept. `memory:` is for one process, and "
                "forgets.",
                without="`saml_wsgi.db` beside the ini file; in code it is required",
                secret=True,
            ),
            Option(
                "directory.url",
                DatabaseUrl(),
                None,
                "Where users and links are kept.",
                without="`store.url`, unless that is `memory:`",
                secret=True,
            ),
            Option(
                "directory.use",
                Use(),
                None,
                "What the users' directory is: `sql` (tables of ours), `table` (a table of the "
                "application's own), the name of an entry point, or `module:attribute`.",
                without="`sql`; `table` where `directory.table` is written",
            ),
            Option(
                "directory.table",
                DatabaseName("name of a table, `SCHEMA.NAME` on PostgreSQL"),
                None,
                "The application's own table of users, which is there already.",
            ),
            *(
                Option(
                    f"directory.columns.{column}",
                    _COLUMN,
                    None,
                    "The column of that table with this value, for `id` (which identifies a user for good), "
                    f"{', '.join(f'`{name}`' for name in FIELDS)} and `active`. `username` is required.",
                    without="for `id` the primary key, else none",
                    family="directory.columns.<column>",
                )
                for column in COLUMNS
            ),
            Option(
                "directory.case",
                Choice(("ignore", "exact")),
                "ignore",
                "How user names and e-mail addresses of that table are compared: `ignore`, `Ada` and `ada` "
                "are one person, and two rows are refused as ambiguous; `exact`, letter by letter.",
            ),
        ),
        open=(
            (
                "directory.option.<name>",
                "as the directory says",
                "as the directory says",
                "An option of a directory from elsewhere.",
            ),
        ),
    ),
    Group(
        "Sign-in records",
        "What `saml-wsgi logins` shows: each verified attempt, by the reference that stood on the person's "
        "page.",
        (
            Option(
                "records.keep",
                Duration(0, 3650 * _DAY),
                30 * _DAY,
                "For how long records are kept, in the store. `0`: none are.",
            ),
            Option(
                "records.values",
                Flag(),
                False,
                "Whether records hold the values that were written to users; else only which fields were.",
            ),
        ),
    ),
)
