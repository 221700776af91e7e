"""Which subject of which identity provider is which user, for good: the table ``saml_wsgi_links``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from saml_wsgi.database import Prepared, answering, connect, insert_into, rows
from saml_wsgi.database.tables import arriving, holds, links, sync_sources, users
from saml_wsgi.directories.arrival.settling import Settling
from saml_wsgi.directories.overlay import REACHED
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.interfaces import Clock
from saml_wsgi.model import Link, Standing

# Whoever is pinned to somebody whom a synchronisation makes, but whom nobody sees yet, is nobody.
_SEEN: Final = ~exists().where(users.c.id == links.c.user_id, users.c.generation > REACHED)
_NAMED: Final = and_(links.c.idp == bindparam("issuer"), links.c.subject == bindparam("named"))
_OF_USER: Final = and_(links.c.idp == bindparam("issuer"), links.c.user_id == bindparam("linked"))
_FOLLOW: Final = select(links.c.user_id).where(_NAMED, _SEEN)
_UNSEEN: Final = select(links.c.user_id).where(_NAMED, ~_SEEN)
_SUBJECT_OF: Final = select(links.c.subject).where(_OF_USER, _SEEN)
_LISTED: Final = (
    select(links.c.idp, links.c.subject, links.c.user_id, links.c.created)
    .where(_SEEN)
    .order_by(links.c.idp, links.c.subject)
)
_OF_ONE: Final = _LISTED.where(links.c.user_id == bindparam("linked"))
_STATE: Final = func.coalesce(arriving.c.state, links.c.state)
_CONFIRMED: Final = func.coalesce(arriving.c.moment, links.c.confirmed)
# When everybody was last read: an unchanged run confirms everybody, and writes nothing of them.
_FULL_AT: Final = (
    select(sync_sources.c.full_at)
    .where(sync_sources.c.source == links.c.idp)
    .correlate(links)
    .scalar_subquery()
)
_STANDING: Final = (
    select(
        _STATE,
        case((links.c.state != _STATE, arriving.c.moment), else_=links.c.since),
        case((and_(_STATE == "active", _FULL_AT > _CONFIRMED), _FULL_AT), else_=_CONFIRMED),
    )
    .select_from(
        links.outerjoin(
            arriving,
            and_(
                arriving.c.user_id == links.c.user_id,
                arriving.c.source == links.c.idp,
                arriving.c.generation <= REACHED,
            ),
        )
    )
    .where(_OF_USER, _SEEN)
)
_PINNED: Final = (
    select(links.c.user_id, links.c.state, links.c.confirmed, arriving.c.user_id)
    .select_from(links.outerjoin(arriving, arriving.c.user_id == links.c.user_id))
    .where(_NAMED, _SEEN)
)
_NOTE: Final = (
    update(links)
    .where(_NAMED)
    .values(
        since=case((links.c.state != bindparam("said"), bindparam("moment")), else_=links.c.since),
        state=bindparam("said"),
        confirmed=case(
            (links.c.confirmed < bindparam("moment"), bindparam("moment")), else_=links.c.confirmed
        ),
    )
)
#: What a source can say of somebody.
_STATES: Final = frozenset({"active", "inactive", "missing"})
_AN_HOUR: Final = 3600


class SQLLinks:
    """AdministeredLinks and Standings in a database.

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
        self._standing = Prepared(self._writes, _STANDING)
        self._pinned = Prepared(self._writes, _PINNED)
        self._insert = insert_into(self._writes, links).on_conflict_do_nothing()
        self._settling = Settling(url, clock=clock)

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
            DirectoryUnavailable: The database doesn't answer, or a synchronisation is about to make a user
                for this subject; nothing was written.
        """
        check_link(idp, subject, user_id)
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            return self.pin_within(connection, idp, subject, user_id)

    def pin_within(self, connection: Connection, idp: str, subject: str, user_id: str) -> bool:
        """Pin in a transaction that is under way; for links that :func:`check_link` let pass."""
        row = {"idp": idp, "subject": subject, "user_id": user_id, "created": int(self._clock.time())}
        if connection.execute(self._insert, row).rowcount == 1:
            return True
        refuse_unseen(connection, idp, subject)
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
            pinned = connection.execute(_FOLLOW, {"issuer": idp, "named": subject}).scalar()
            if pinned is None:
                return False
            self._settling.part(connection, idp, pinned)
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
            refuse_unseen(connection, idp, subject)
            pinned = connection.execute(_FOLLOW, {"issuer": idp, "named": subject}).scalar()
            for parted in sorted({user_id, pinned or user_id}):
                self._settling.part(connection, idp, parted)
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

    def standing(self, source: str, user_id: str, /) -> Standing | None:
        """See :meth:`saml_wsgi.interfaces.Standings.standing`.

        Raises:
            DirectoryUnavailable: The database doesn't answer.
        """
        if not holds(links.c.idp, source) or not holds(links.c.user_id, user_id):
            return None
        with answering(DirectoryUnavailable):
            found = rows(self._writes, self._standing, {"issuer": source, "linked": user_id})
        return Standing(*found[0]) if found else None

    def note(self, source: str, subject: str, state: str, moment: int, /) -> None:
        """See :meth:`saml_wsgi.interfaces.Standings.note`. Writes if it is news, or an hour later.

        Raises:
            ValueError: A source says ``active``, ``inactive`` or ``missing``.
            DirectoryUnavailable: The database doesn't answer; nothing was written.
        """
        if state not in _STATES:
            raise ValueError(f"{state!r} is none of {sorted(_STATES)}")
        if not holds(links.c.idp, source) or not holds(links.c.subject, subject):
            return
        named = {"issuer": source, "named": subject}
        with answering(DirectoryUnavailable):
            found = rows(self._writes, self._pinned, named)
        if not found:
            return
        user_id, last, confirmed, waiting = found[0]
        if waiting is None and last == state and moment - confirmed < _AN_HOUR:
            return
        with answering(DirectoryUnavailable), self._writes.begin() as connection:
            self._settling.settle(connection, user_id)
            if state != "active":
                self._settling.switched_off(connection, user_id)
            connection.execute(_NOTE, {**named, "said": state, "moment": moment})


def refuse_unseen(connection: Connection, idp: str, subject: str) -> None:
    """Refuse to pin somebody anew whom a synchronisation is just about to make.

    Raises:
        DirectoryUnavailable: There is such a user, and nobody sees them yet.
    """
    if connection.execute(_UNSEEN, {"issuer": idp, "named": subject}).first() is not None:
        raise DirectoryUnavailable("a synchronisation is about to make this user")


def check_link(idp: str, subject: str, user_id: str) -> None:
    """Refuse a link that can't be kept; an empty subject would be everybody's who has none.

    Raises:
        Refused: With ``attribute_unusable``.
    """
    for column, value in ((links.c.idp, idp), (links.c.subject, subject), (links.c.user_id, user_id)):
        if not value or not holds(column, value):
            what = f"a link can't have this {column.name} ({len(value)} characters)"
            raise Refused("attribute_unusable", what)
