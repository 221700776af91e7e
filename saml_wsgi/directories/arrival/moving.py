"""What arrived is moved to where it stays: some users at a time, and what readers see doesn't change by it.

What :mod:`saml_wsgi.directories.sql` shows of a user whose row still waits is what is written here.
"""

from __future__ import annotations

import json
from typing import Final

from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.arrival.values import INACTIVE, MISSING
from saml_wsgi.model import FIELDS
from saml_wsgi.names import key

_TEXTS: Final = (*FIELDS, "username_key", "email_key", "managed_by")

_PIN: Final = """
    INSERT INTO saml_wsgi_links (idp, subject, user_id, created)
    SELECT a.source, a.subject, a.user_id, a.moment
    FROM saml_wsgi_arriving AS a JOIN saml_wsgi_users AS u ON u.id = a.user_id
    WHERE a.subject IS NOT NULL AND a.user_id {among}
    ON CONFLICT DO NOTHING
"""
# About users who are gone, or aren't the source's (any more).
_NOBODY: Final = """
    DELETE FROM saml_wsgi_arriving WHERE user_id {among} AND NOT EXISTS (
        SELECT 1 FROM saml_wsgi_links AS l JOIN saml_wsgi_users AS u ON u.id = l.user_id
        WHERE l.idp = saml_wsgi_arriving.source AND l.user_id = saml_wsgi_arriving.user_id
        AND l.subject = COALESCE(saml_wsgi_arriving.subject, l.subject)
    )
"""
_GROUPS_TO_BE: Final = """
    SELECT user_id, "groups" FROM saml_wsgi_arriving WHERE "groups" IS NOT NULL AND user_id {among}
"""
_GROUPS: Final = "SELECT user_id, name FROM saml_wsgi_groups WHERE user_id {among}"
_LEAVE: Final = "DELETE FROM saml_wsgi_groups WHERE user_id = ? AND name = ?"
_JOIN: Final = """
    INSERT INTO saml_wsgi_groups (user_id, name, name_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
# Whom somebody here switched off stays so: the source brings back only whom it had switched off itself.
_STAY_INACTIVE: Final = """
    UPDATE saml_wsgi_arriving SET active = NULL WHERE active AND user_id {among} AND EXISTS (
        SELECT 1 FROM saml_wsgi_links AS l WHERE l.idp = saml_wsgi_arriving.source
        AND l.user_id = saml_wsgi_arriving.user_id AND l.state NOT IN (?, ?)
    )
"""
# Who holds a name that arrives for another one, and has another name waiting, steps aside. The word is that
# of values.placeholder.
_STEP_ASIDE: Final = """
    UPDATE saml_wsgi_users SET username_key = 'WAITS ' || id WHERE id IN (
        SELECT u.id FROM saml_wsgi_arriving AS a
        JOIN saml_wsgi_users AS u ON u.username_key = a.username_key AND u.id <> a.user_id
        JOIN saml_wsgi_arriving AS b ON b.user_id = u.id AND b.username_key <> u.username_key
        WHERE a.user_id {among} AND b.generation <= ?
    )
"""
# Can't be as long as everybody asks the arriving rows before taking a name; it must not stop all others then.
_RENOUNCE: Final = """
    UPDATE saml_wsgi_arriving SET username = NULL, username_key = NULL, digest = ''
    WHERE user_id {among} AND (
        EXISTS (
            SELECT 1 FROM saml_wsgi_users AS u
            WHERE u.username_key = saml_wsgi_arriving.username_key AND u.id <> saml_wsgi_arriving.user_id
        ) OR EXISTS (
            SELECT 1 FROM saml_wsgi_arriving AS c
            WHERE c.username_key = saml_wsgi_arriving.username_key AND c.user_id < saml_wsgi_arriving.user_id
        )
    )
"""
# Their next comparison gives them a name.
_NAMELESS: Final = """
    UPDATE saml_wsgi_users SET username = username_key
    WHERE id {among} AND username_key = 'WAITS ' || id AND EXISTS (
        SELECT 1 FROM saml_wsgi_arriving AS a WHERE a.user_id = saml_wsgi_users.id AND a.username_key IS NULL
    )
"""
# Before the users, since it compares when they were written.
_SAID: Final = """
    UPDATE saml_wsgi_links SET
        since = CASE WHEN a.state <> saml_wsgi_links.state THEN a.moment ELSE saml_wsgi_links.since END,
        state = COALESCE(a.state, saml_wsgi_links.state),
        confirmed = a.moment,
        digest = CASE
            WHEN a.digest IS NULL THEN saml_wsgi_links.digest
            WHEN a.updated IS NULL OR a.updated = u.updated THEN a.digest
            ELSE '' END
    FROM saml_wsgi_arriving AS a JOIN saml_wsgi_users AS u ON u.id = a.user_id
    WHERE saml_wsgi_links.idp = a.source AND saml_wsgi_links.user_id = a.user_id AND a.user_id {among}
"""
_MOVE: Final = f"""
    UPDATE saml_wsgi_users SET
        {", ".join(f"{name} = COALESCE(a.{name}, saml_wsgi_users.{name})" for name in (*_TEXTS, "active"))},
        updated = CASE WHEN saml_wsgi_users.updated < CAST(? AS BIGINT) THEN CAST(? AS BIGINT)
                       ELSE saml_wsgi_users.updated + 1 END
    FROM saml_wsgi_arriving AS a
    WHERE a.user_id = saml_wsgi_users.id AND a.user_id {{among}}
    AND ({" OR ".join(f'a."{name}" IS NOT NULL' for name in (*_TEXTS, "active", "groups"))})
"""  # noqa: S608 - only names of columns
_DONE: Final = "DELETE FROM saml_wsgi_arriving WHERE user_id {among}"


def move(database: Database, writing: Writing, ids: list[str], generation: int, now: int) -> None:
    """Settle these users, whose rows are of this generation or an earlier one.

    Args:
        now: Dates them; seconds since the epoch.

    Raises:
        SQLAlchemyError: The database doesn't answer.
    """
    among = database.values(ids)
    writing.execute(_PIN, (among,))
    writing.execute(_NOBODY, (among,))
    _move_groups(writing, among)
    writing.execute(_STAY_INACTIVE, (among, INACTIVE, MISSING))
    writing.execute(_STEP_ASIDE, (among, generation))
    writing.execute(_RENOUNCE, (among,))
    writing.execute(_NAMELESS, (among,))
    writing.execute(_SAID, (among,))
    writing.execute(_MOVE, (now, now, among))
    writing.execute(_DONE, (among,))


def _move_groups(writing: Writing, among: object) -> None:
    wanted = {user_id: set(json.loads(names)) for user_id, names in writing.execute(_GROUPS_TO_BE, (among,))}
    if not wanted:
        return
    present: dict[str, set[str]] = {}
    for user_id, name in writing.execute(_GROUPS, (among,)):
        present.setdefault(user_id, set()).add(name)
    leave = [(user_id, name) for user_id in wanted for name in present.get(user_id, set()) - wanted[user_id]]
    join = [
        (user_id, name, key(name))
        for user_id, names in wanted.items()
        for name in sorted(names - present.get(user_id, set()))
    ]
    writing.execute_each(_LEAVE, leave)
    writing.execute_each(_JOIN, join)
