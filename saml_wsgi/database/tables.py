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
    Text,
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
    # A user whom a synchronisation makes is nobody before sync.generation has come to this number.
    Column("generation", BigInteger, nullable=False, server_default="0"),
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
    # The four of them only where idp is a source of people (ldap:<name>): what it last said of them.
    Column("state", String(16), nullable=False, server_default=""),
    Column("since", BigInteger, nullable=False, server_default="0"),
    Column("confirmed", BigInteger, nullable=False, server_default="0"),
    # Of what a synchronisation last brought here; "": it has to be compared field by field.
    Column("digest", String(64), nullable=False, server_default=""),
    UniqueConstraint("idp", "user_id", name="saml_wsgi_links_one_subject"),
)


#: One row (id 1): who synchronises, and up to which generation what it brought is there.
sync: Final = Table(
    "saml_wsgi_sync",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(200), nullable=False),
    # Grows with each holder: one that was given up for dead must not write any more.
    Column("fence", BigInteger, nullable=False),
    # Milliseconds since the epoch; on PostgreSQL by the server's clock.
    Column("until", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    # Larger than generation while a run writes, and where one was killed: there is something to clear away.
    Column("begun", BigInteger, nullable=False, server_default="0"),
)

#: Each source that was synchronised.
sync_sources: Final = Table(
    "saml_wsgi_sync_sources",
    metadata,
    Column("source", String(1024), primary_key=True),
    Column("cursor", Text, nullable=False),
    # When everybody was last read, and when a run last came to its end; 0: never.
    Column("full_at", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
)

sync_runs: Final = Table(
    "saml_wsgi_sync_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source", String(1024), nullable=False),
    Column("started", BigInteger, nullable=False, index=True),
    # 0: under way, or killed.
    Column("finished", BigInteger, nullable=False),
    # JSON: what was read and changed, and why it was refused.
    Column("report", Text, nullable=False),
)

#: What is to become of users who are there: NULL leaves a value as it is. A row counts from the moment
#: when sync.generation has come to its own; what it says is then moved to the users, a batch at a time.
arriving: Final = Table(
    "saml_wsgi_arriving",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("username", String(1024)),
    Column("username_key", String(2048), index=True),
    Column("email", String(1024)),
    Column("email_key", String(2048), index=True),
    Column("first_name", String(1024)),
    Column("last_name", String(1024)),
    Column("display_name", String(2048)),
    Column("employee_id", String(1024), index=True),
    Column("active", Boolean),
    Column("managed_by", String(2048)),
    # JSON: the names of all groups.
    Column("groups", Text),
    # What becomes of the link to the source, with the row: its state, from when on, and its digest.
    Column("source", String(1024), nullable=False),
    Column("moment", BigInteger, nullable=False),
    Column("state", String(16)),
    Column("digest", String(64)),
    # The link is made first, where it isn't there yet. A user without one is somebody else's by now:
    # then the row is removed and nothing is changed.
    Column("subject", String(1536)),
    # users.updated when the source was compared: if it is another one now, the digest becomes "".
    Column("updated", BigInteger),
)


def holds(column: Column[Any], text: str) -> bool:
    """Whether the text can be kept in that column: no NUL, no half of a surrogate pair, not too long."""
    length = column.type.length if isinstance(column.type, String) else None
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return "\0" not in text and (length is None or size <= length)
