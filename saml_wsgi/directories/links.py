"""Which subject of which identity provider is which user, for good: the table ``saml_wsgi_links``."""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import bindparam, select

from saml_wsgi.database import Prepared, answering, connect, insert_into, rows
from saml_wsgi.database.tables import holds, links
from saml_wsgi.errors import DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Clock

_FOLLOW: Final = select(links.c.user_id).where(
    links.c.idp == bindparam("issuer"), links.c.subject == bindparam("named")
)
_SUBJECT_OF: Final = select(links.c.subject).where(
    links.c.idp == bindparam("issuer"), links.c.user_id == bindparam("linked")
)


class SQLLinks:
    """Links in a database, for users of ours and of an application's own table.

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
        row = {"idp": idp, "subject": subject, "user_id": user_id, "created": int(self._clock.time())}
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
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


def check_link(idp: str, subject: str, user_id: str) -> None:
    """Refuse a link that can't be kept; an empty subject would be everybody's who has none.

    Raises:
        Refused: With ``attribute_unusable``.
    """
    for column, value in ((links.c.idp, idp), (links.c.subject, subject), (links.c.user_id, user_id)):
        if not value or not holds(column, value):
            what = f"a link can't have this {column.name} ({len(value)} characters)"
            raise Refused("attribute_unusable", what)
