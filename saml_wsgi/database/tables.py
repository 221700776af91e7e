"""The tables. Lengths are in bytes of UTF-8, and :func:`holds` is asked before anything is written.

They are chosen so that every index fits PostgreSQL's limit of about 2,700 bytes a row. Moments in
``created`` and ``updated`` are seconds since the epoch, in ``expires`` milliseconds.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata: Final = MetaData()

#: One row: the version of everything below.
schema: Final = Table(
    "saml_wsgi_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

state: Final = Table(
    "saml_wsgi_state",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
)

#: An entry's tags end with the entry, however it ends; that is the foreign key's work.
tags: Final = Table(
    "saml_wsgi_tags",
    metadata,
    Column("tag", String(200), primary_key=True),
    Column("key", ForeignKey(state.c.key, ondelete="CASCADE"), primary_key=True, index=True),
    sqlite_with_rowid=False,  # one tree less to write at each sign-in
)

users: Final = Table(
    "saml_wsgi_users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("username", String(1024), nullable=False),
    # names.key() of it. Compatibility forms can be many times longer than what they stand for.
    Column("username_key", String(2048), nullable=False, unique=True),
    Column("email", String(1024), nullable=False),
    Column("email_key", String(2048), nullable=False, index=True),
    Column("first_name", String(1024), nullable=False),
    Column("last_name", String(1024), nullable=False),
    Column("display_name", String(2048), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("managed_by", String(2048), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

groups: Final = Table(
    "saml_wsgi_groups",
    metadata,
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", String(1024), primary_key=True),
)

#: No foreign key to the users: they may be kept in a table of the application.
links: Final = Table(
    "saml_wsgi_links",
    metadata,
    Column("idp", String(1024), primary_key=True),
    # A value of 256 characters, behind the name of the attribute that it came from.
    Column("subject", String(1536), primary_key=True),
    Column("user_id", String(256), nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("idp", "user_id", name="saml_wsgi_links_one_subject"),
)


def holds(column: Column[Any], text: str) -> bool:
    """Whether the text can be kept in that column: no NUL, no half of a surrogate pair, not too long."""
    length = column.type.length if isinstance(column.type, String) else None
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return "\0" not in text and (length is None or size <= length)
