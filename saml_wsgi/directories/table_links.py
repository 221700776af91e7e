"""Links to users in a table of the application, whose ids may come back for somebody else."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from saml_wsgi.database import answering
from saml_wsgi.database.tables import links
from saml_wsgi.directories.companions import Companions
from saml_wsgi.directories.links import SQLLinks, check_link
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import Link, Standing


class TableLinks(SQLLinks):
    """AdministeredLinks and Standings that count as long as the row of that id is about the same person.

    A link to a row that was deleted goes on leading to its id, where nobody is: who was deleted isn't
    made again without a word. Once the application gives the id to somebody else, or renames the user,
    the link leads nowhere, and is free to be made anew.
    """

    def __init__(self, url: str, people: Companions, *, clock: Clock = time) -> None:
        super().__init__(url, clock=clock)
        self._people = people

    def follow(self, idp: str, subject: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.follow`."""
        user_id = super().follow(idp, subject)
        return None if user_id is None or self._people.is_bound(user_id) is False else user_id

    def pin(self, idp: str, subject: str, user_id: str, /) -> bool:
        """See :meth:`saml_wsgi.interfaces.Links.pin`. False for a user that isn't there."""
        check_link(idp, subject, user_id)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            row = self._people.row(connection, user_id)
            if row is None:
                return False
            self._people.settle(connection, row)
            return self.pin_within(connection, idp, subject, user_id)

    def pin_within(self, connection: Connection, idp: str, subject: str, user_id: str) -> bool:
        """See :class:`SQLLinks`; a subject that is pinned to a row of somebody else is free."""
        named = (links.c.idp == idp, links.c.subject == subject)
        former = connection.execute(select(links.c.user_id).where(*named)).scalar()
        if former is not None and former != user_id:
            row = self._people.row(connection, former)
            if row is not None and not self._people.belongs(connection, row):
                connection.execute(delete(links).where(*named, links.c.user_id == former))
        return super().pin_within(connection, idp, subject, user_id)

    def subject_of(self, idp: str, user_id: str, /) -> str | None:
        """See :meth:`saml_wsgi.interfaces.Links.subject_of`."""
        subject = super().subject_of(idp, user_id)
        return None if subject is None or self._people.is_bound(user_id) is False else subject

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        """See :meth:`saml_wsgi.interfaces.Standings.standing`."""
        kept = super().standing(source, user_id)
        return None if kept is None or self._people.is_bound(user_id) is False else kept

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Standings.note`."""
        if self.follow(source, subject) is not None:
            super().note(source, subject, state, moment)

    def listed(self, /, *, user_id: str | None = None) -> Sequence[Link]:
        """See :meth:`saml_wsgi.interfaces.AdministeredLinks.listed`; those that lead somewhere."""
        found = super().listed(user_id=user_id)
        if user_id is not None:
            return found if self._people.is_bound(user_id) is not False else ()
        strangers = self._people.strangers()
        return tuple(link for link in found if link.user_id not in strangers)

    def repin(self, idp: str, subject: str, user_id: str, /) -> None:
        """See :meth:`saml_wsgi.interfaces.AdministeredLinks.repin`.

        Raises:
            DirectoryConflict: There is no such user, or either was pinned at the same moment.
        """
        check_link(idp, subject, user_id)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            row = self._people.row(connection, user_id)
            if row is None:
                raise DirectoryConflict("there is no such user")
            self._people.settle(connection, row)
            self.repin_within(connection, idp, subject, user_id)
