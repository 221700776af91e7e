"""The steps from each version of the schema to the next, written down as they were then.

A step names no table of :mod:`saml_wsgi.database.tables`: those are of the newest version.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from sqlalchemy import Connection, text

from saml_wsgi.names import key

#: Takes the schema from one version to the next. Foreign keys are enforced meanwhile: on SQLite, a
#: table that others refer to must not be dropped, or their rows go with it.
Migration: TypeAlias = Callable[[Connection], None]

_TO_2: Final = (
    "ALTER TABLE saml_wsgi_users ADD COLUMN employee_id VARCHAR(1024) DEFAULT '' NOT NULL",
    "ALTER TABLE saml_wsgi_users ADD COLUMN seen BIGINT DEFAULT '0' NOT NULL",
    "CREATE INDEX ix_saml_wsgi_users_employee_id ON saml_wsgi_users (employee_id)",
    "CREATE INDEX ix_saml_wsgi_links_user_id ON saml_wsgi_links (user_id)",
    """
    CREATE TABLE saml_wsgi_companions (
        user_id VARCHAR(256) NOT NULL,
        identity VARCHAR(64) NOT NULL,
        active BOOLEAN NOT NULL,
        managed_by VARCHAR(2048) NOT NULL,
        seen BIGINT NOT NULL,
        created BIGINT NOT NULL,
        PRIMARY KEY (user_id)
    )
    """,
    """
    CREATE TABLE saml_wsgi_companion_groups (
        user_id VARCHAR(256) NOT NULL,
        name VARCHAR(1024) NOT NULL,
        name_key VARCHAR(2048) DEFAULT '' NOT NULL,
        PRIMARY KEY (user_id, name),
        FOREIGN KEY(user_id) REFERENCES saml_wsgi_companions (user_id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_saml_wsgi_companion_groups_name_key ON saml_wsgi_companion_groups (name_key)",
    "ALTER TABLE saml_wsgi_groups ADD COLUMN name_key VARCHAR(2048) DEFAULT '' NOT NULL",
)
_KEYS_OF_GROUPS: Final = (
    """
    UPDATE saml_wsgi_groups SET name_key = (
        SELECT found.name_key FROM saml_wsgi_group_keys AS found WHERE found.name = saml_wsgi_groups.name
    )
    """,
    "DROP TABLE saml_wsgi_group_keys",
    "CREATE INDEX ix_saml_wsgi_groups_name_key ON saml_wsgi_groups (name_key)",
)


def _to_2(connection: Connection) -> None:
    """Employee numbers, when users were last seen, which groups there are, companions of other tables."""
    for statement in _TO_2:
        connection.execute(text(statement))
    # Nobody noted it before: else everybody would seem never to have come, and be switched off as unused.
    connection.execute(text("UPDATE saml_wsgi_users SET seen = :now"), {"now": int(time.time())})
    _compare_names_anew(connection)
    # Only Python knows the keys, and there are far fewer groups than memberships.
    connection.execute(
        text("CREATE TEMPORARY TABLE saml_wsgi_group_keys (name VARCHAR PRIMARY KEY, name_key VARCHAR)")
    )
    names = connection.execute(text("SELECT DISTINCT name FROM saml_wsgi_groups")).scalars()
    keys = [{"name": name, "name_key": key(name)} for name in names]
    if keys:
        connection.execute(text("INSERT INTO saml_wsgi_group_keys VALUES (:name, :name_key)"), keys)
    for statement in _KEYS_OF_GROUPS:
        connection.execute(text(statement))


def _compare_names_anew(connection: Connection) -> None:
    """Version 1 took ``straße`` for ``strasse``. What is finer now can't be equal where it wasn't."""
    people = connection.execute(
        text("SELECT id, username, email, username_key, email_key FROM saml_wsgi_users")
    )
    changed = [
        {"id": id_, "username": key(username), "email": key(email)}
        for id_, username, email, *keys in people
        if [key(username), key(email)] != keys
    ]
    if changed:
        statement = "UPDATE saml_wsgi_users SET username_key = :username, email_key = :email WHERE id = :id"
        connection.execute(text(statement), changed)


_TO_3: Final = (
    "ALTER TABLE saml_wsgi_users ADD COLUMN generation BIGINT DEFAULT '0' NOT NULL",
    "ALTER TABLE saml_wsgi_links ADD COLUMN state VARCHAR(16) DEFAULT '' NOT NULL",
    "ALTER TABLE saml_wsgi_links ADD COLUMN since BIGINT DEFAULT '0' NOT NULL",
    "ALTER TABLE saml_wsgi_links ADD COLUMN confirmed BIGINT DEFAULT '0' NOT NULL",
    "ALTER TABLE saml_wsgi_links ADD COLUMN digest VARCHAR(64) DEFAULT '' NOT NULL",
    """
    CREATE TABLE saml_wsgi_sync (
        id INTEGER NOT NULL,
        holder VARCHAR(200) NOT NULL,
        fence BIGINT NOT NULL,
        until BIGINT NOT NULL,
        generation BIGINT NOT NULL,
        begun BIGINT DEFAULT '0' NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "INSERT INTO saml_wsgi_sync (id, holder, fence, until, generation) VALUES (1, '', 0, 0, 0)",
    """
    CREATE TABLE saml_wsgi_sync_sources (
        source VARCHAR(1024) NOT NULL,
        cursor TEXT NOT NULL,
        full_at BIGINT NOT NULL,
        finished BIGINT NOT NULL,
        PRIMARY KEY (source)
    )
    """,
    """
    CREATE TABLE saml_wsgi_sync_runs (
        id VARCHAR(64) NOT NULL,
        source VARCHAR(1024) NOT NULL,
        started BIGINT NOT NULL,
        finished BIGINT NOT NULL,
        report TEXT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX ix_saml_wsgi_sync_runs_started ON saml_wsgi_sync_runs (started)",
    """
    CREATE TABLE saml_wsgi_arriving (
        user_id VARCHAR(64) NOT NULL,
        generation BIGINT NOT NULL,
        username VARCHAR(1024),
        username_key VARCHAR(2048),
        email VARCHAR(1024),
        email_key VARCHAR(2048),
        first_name VARCHAR(1024),
        last_name VARCHAR(1024),
        display_name VARCHAR(2048),
        employee_id VARCHAR(1024),
        active BOOLEAN,
        managed_by VARCHAR(2048),
        groups TEXT,
        source VARCHAR(1024) NOT NULL,
        moment BIGINT NOT NULL,
        state VARCHAR(16),
        digest VARCHAR(64),
        subject VARCHAR(1536),
        updated BIGINT,
        PRIMARY KEY (user_id)
    )
    """,
    "CREATE INDEX ix_saml_wsgi_arriving_username_key ON saml_wsgi_arriving (username_key)",
    "CREATE INDEX ix_saml_wsgi_arriving_email_key ON saml_wsgi_arriving (email_key)",
    "CREATE INDEX ix_saml_wsgi_arriving_employee_id ON saml_wsgi_arriving (employee_id)",
)


def _to_3(connection: Connection) -> None:
    """What a synchronisation keeps: its lease and history, what its sources said, what is arriving."""
    for statement in _TO_3:
        connection.execute(text(statement))


#: The first leads from version 1 to version 2. Only ever appended to.
MIGRATIONS: Final[tuple[Migration, ...]] = (_to_2, _to_3)
