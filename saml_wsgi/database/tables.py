"""The tables. Lengths are in bytes of UTF-8, and :func:`holds` is asked before anything is written.

They are chosen so that every index fits PostgreSQL's limit of about 2,700 bytes a row. Moments in
``created`` and ``updated`` are seconds since the epoch, in ``expires`` milliseconds.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

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

from saml_wsgi.names import key

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

# Matching by username, e-mail address and employee number is answered by an index; people's names have
# none, which no operator should match by: two people can have one name.
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
    Column("employee_id", String(1024), nullable=False, server_default="", index=True),
    Column("active", Boolean, nullable=False),
    Column("managed_by", String(2048), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    # When the user last signed in; 0: never.
    Column("seen", BigInteger, nullable=False, server_default="0"),
)


class _Context(Protocol):
    def get_current_parameters(self) -> dict[str, Any]: ...


def _name_key(context: _Context) -> str:
    return key(context.get_current_parameters()["name"])


def _name_key_column() -> Column[str]:
    """names.key() of the name: whether a group is known is asked by it. Filled in by SQLAlchemy."""
    return Column("name_key", String(2048), nullable=False, server_default="", default=_name_key, index=True)


groups: Final = Table(
    "saml_wsgi_groups",
    metadata,
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", String(1024), primary_key=True),
    _name_key_column(),
)

#: What a table of the application has no columns for. No foreign key to it: it is another one's.
companions: Final = Table(
    "saml_wsgi_companions",
    metadata,
    # The application's primary key, as text.
    Column("user_id", String(256), primary_key=True),
    # Whom this row is about: ids can come back for somebody else. A digest; see directories/companions.py.
    Column("identity", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("managed_by", String(2048), nullable=False),
    Column("seen", BigInteger, nullable=False),
    # When we made the user; 0: the application did.
    Column("created", BigInteger, nullable=False),
)

companion_groups: Final = Table(
    "saml_wsgi_companion_groups",
    metadata,
    Column("user_id", ForeignKey(companions.c.user_id, ondelete="CASCADE"), primary_key=True),
    Column("name", String(1024), primary_key=True),
    _name_key_column(),
)

#: No foreign key to the users: they may be kept in a table of the application.
links: Final = Table(
    "saml_wsgi_links",
    metadata,
    Column("idp", String(1024), primary_key=True),
    # A value of 256 characters, behind the name of the attribute that it came from.
    Column("subject", String(1536), primary_key=True),
    Column("user_id", String(256), nullable=False, index=True),
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
