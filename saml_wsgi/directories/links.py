"""Which subject of which identity provider is which user, for good: the table ``saml_wsgi_links``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from saml_wsgi.database import Prepared, answering, connect, insert_into, rows
from saml_wsgi.database.tables import holds, links
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import Link

_FOLLOW: Final = select(links.c.user_id).where(
    links.c.idp == bindparam("issuer"), links.c.subject == bindparam("named")
)
_SUBJECT_OF: Final = select(links.c.subject).where(
    links.c.idp == bindparam("issuer"), links.c.user_id == bindparam("linked")
)
_LISTED: Final = select(links.c.idp, links.c.subject, links.c.user_id, links.c.created).order_by(
    links.c.idp, links.c.subject
)
_OF_ONE: Final = _LISTED.where(links.c.user_id == bindparam("linked"))


class SQLLinks:
    """AdministeredLinks in a database.

    They belong to ids, whoever has them. Where an id can come back for somebody else, as in an
    application's own table, use :class:`saml_wsgi.directories.table_links.TableLinks`.

    Subjects are compared exactly, letter by letter. The table must be there
    (:func:`saml_wsgi.database.prepare`).

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
        clock: Dates the rows.

    Raises:
        ConfigurationError: The URL isn't usable.
    """

    def __init__(self, url: str, *, clock: Clock = time) -> None:
        self._clock = clock
        self._writes = connect(url, option="directory.url")
        self._follow = Prepared(self._writes, _FOLLOW)
        self._subject_of = Prepared(self._writes, _SUBJECT_OF)
        self._listed = Prepared(self._writes, _LISTED)
        self._of_one = Prepared(self._writes, _OF_ONE)
        self._insert = insert_into(self._writes, links).on_conflict_do_nothing()

    def follow(self, idp: str, subject: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.follow`.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        if not holds(links.c.idp, idp) or not holds(links.c.subject, subject):
            return None
        with answering(DirectoryUnavailable):
            found = rows(self._writes, self._follow, {"issuer": idp, "named": subject})
        return found[0][0] if found else None

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.Links.pin`.

        Raises:
            Refused: One of them is empty or can't be kept in the database (``attribute_unusable``).
            DirectoryUnavailable: The database doesn't answer; nothing was written.
        """
        check_link(idp, subject, user_id)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            return self.pin_within(connection, idp, subject, user_id)

    def pin_within(self, connection: Connection, idp: str, subject: str, user_id: str) -> bool:
        """Pin in a transaction that is under way; for links that :func:`check_link` let pass."""
        row = {"idp": idp, "subject": subject, "user_id": user_id, "created": int(self._clock.time())}
        if connection.execute(self._insert, row).rowcount == 1:
            return True
        # The subject is somebody's already, or the user has another subject: then this finds nothing.
        pinned = connection.execute(_FOLLOW, {"issuer": idp, "named": subject}).scalar()
        return pinned == user_id

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.subject_of`.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        if not holds(links.c.idp, idp) or not holds(links.c.user_id, user_id):
            return None
        with answering(DirectoryUnavailable):
            found = rows(self._writes, self._subject_of, {"issuer": idp, "linked": user_id})
        return found[0][0] if found else None

    def listed(self, /, *, user_id: str | None = None) -> Sequence[Link]:
        """See :meth:`saml_wsgi.interfaces.AdministeredLinks.listed`.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        if user_id is not None and not holds(links.c.user_id, user_id):
            return ()
        statement, values = (self._listed, {}) if user_id is None else (self._of_one, {"linked": user_id})
        with answering(DirectoryUnavailable):
            return tuple(Link(*row) for row in rows(self._writes, statement, values))

    def unpin(self, idp: str, subject: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.AdministeredLinks.unpin`.

        Raises:
            DirectoryUnavailable: The database doesn't answer; nothing was removed.
        """
        if not holds(links.c.idp, idp) or not holds(links.c.subject, subject):
            return False
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            condition = (links.c.idp == idp, links.c.subject == subject)
            return connection.execute(delete(links).where(*condition)).rowcount == 1

    def repin(self, idp: str, subject: str, user_id: str, /) -> None:
        """See :meth:`saml_wsgi.interfaces.AdministeredLinks.repin`.

        Raises:
            Refused: One of them is empty or can't be kept in the database (``attribute_unusable``).
            DirectoryConflict: Either was pinned to another one at the same moment. Nothing was written.
            DirectoryUnavailable: The database doesn't answer; nothing was written.
        """
        check_link(idp, subject, user_id)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            self.repin_within(connection, idp, subject, user_id)

    def repin_within(self, connection: Connection, idp: str, subject: str, user_id: str) -> None:
        """Pin anew in a transaction that is under way; for links that :func:`check_link` let pass."""
        either = or_(links.c.subject == subject, links.c.user_id == user_id)
        connection.execute(delete(links).where(links.c.idp == idp, either))
        row = {"idp": idp, "subject": subject, "user_id": user_id, "created": int(self._clock.time())}
        try:
            connection.execute(insert(links), row)
        except IntegrityError as error:
            raise DirectoryConflict("the subject or the user was pinned meanwhile") from error


def check_link(idp: str, subject: str, user_id: str) -> None:
    """Refuse a link that can't be kept; an empty subject would be everybody's who has none.

    Raises:
        Refused: With ``attribute_unusable``.
    """
    for column, value in ((links.c.idp, idp), (links.c.subject, subject), (links.c.user_id, user_id)):
        if not value or not holds(column, value):
            what = f"a link can't have this {column.name} ({len(value)} characters)"
            raise Refused("attribute_unusable", what)
