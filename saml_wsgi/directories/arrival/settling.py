"""What others who write owe to a synchronisation: its names stay free, and what it brought comes first.

Whoever writes a user writes them as they are at that moment. So if something has arrived for the user and
waits to be moved (see :mod:`saml_wsgi.directories.overlay`), it is moved in the writer's own transaction.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, literal, null, select, text, update

from saml_wsgi.database import Prepared, answering
from saml_wsgi.database.tables import arriving, links, sync, users
from saml_wsgi.directories.arrival.moving import move
from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.arrival.values import ACTIVE
from saml_wsgi.directories.overlay import REACHED
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.interfaces import Clock

_VISIBLE: Final = arriving.c.generation <= sync.c.generation
_WAITING: Final = (
    select(case((_VISIBLE, 1), else_=0), sync.c.generation, arriving.c.username_key)
    .join(sync, sync.c.id == 1)
    .where(arriving.c.user_id == bindparam("wanted"))
)
# Who is to have a name, or is to be made, by a synchronisation that is under way or waits to be settled.
_CLAIMED: Final = (
    select(case((users.c.generation > REACHED, 1), else_=0))
    .select_from(arriving.outerjoin(users, users.c.id == arriving.c.user_id))
    .where(arriving.c.username_key == bindparam("wanted"), arriving.c.user_id != bindparam("but"))
)
_HOLDER: Final = (
    select(
        users.c.id,
        users.c.generation > sync.c.generation,
        (_VISIBLE & arriving.c.username_key.is_not(None) & (arriving.c.username_key != users.c.username_key)),
    )
    .select_from(users.join(sync, sync.c.id == 1).outerjoin(arriving, arriving.c.user_id == users.c.id))
    .where(users.c.username_key == bindparam("wanted"))
)
# Whose name somebody else gets as soon as they have another one, which a synchronisation brings both.
_HEIR: Final = arriving.alias()
_PROMISED: Final = (
    select(literal(1))
    .select_from(
        users.join(arriving, arriving.c.user_id == users.c.id).join(
            _HEIR, (_HEIR.c.username_key == users.c.username_key) & (_HEIR.c.user_id != users.c.id)
        )
    )
    .where(users.c.id == bindparam("wanted"), arriving.c.username_key.is_not(None))
    .limit(1)
)
_FORGET_DIGEST: Final = (
    update(links)
    .where(links.c.user_id == bindparam("wanted"), links.c.digest != literal(""))
    .values(digest=literal(""))
)
_COMING: Final = "a synchronisation is about to make this user"
_ALONE: Final = text("LOCK TABLE saml_wsgi_users IN SHARE ROW EXCLUSIVE MODE")
_PASSING_ON: Final = (
    "a synchronisation is about to give the user's name to somebody else: try again when it is through, or"
    " run it again if it was killed"
)


class Taken(DirectoryConflict):
    """A username is another row's; whether it is still another user's has to be looked at."""


class Crossing(Exception):
    """To move what arrived, other users have to be written, too, whom somebody else may be writing who
    waits for this one: it has to be begun again by :meth:`Settling.alone`.
    """


class Settling:
    """What SQLDirectory and SQLLinks do for it. Where a connection is given, a transaction is under way.

    Args:
        url: ``directory.url``.
        clock: Dates the rows.
    """

    def __init__(self, url: str, *, clock: Clock = time) -> None:
        self._database = Database(url)
        self._clock = clock
        engine = self._database.engine
        self._waiting = Prepared(engine, _WAITING)
        self._claimed = Prepared(engine, _CLAIMED)
        self._forget_digest = Prepared(engine, _FORGET_DIGEST)

    def alone(self, connection: Connection) -> None:
        """First of all in a transaction: nobody else writes users in it. SQLite has it so in any case."""
        if self._database.postgresql:
            connection.execute(_ALONE)

    def written(
        self, connection: Connection, user_id: str, names: Collection[str], *, alone: bool = False
    ) -> None:
        """A user was just written, in these columns (``groups`` among them), by somebody else.

        What was written goes before what a synchronisation found earlier. Whatever else has arrived for
        the user is moved; and the next run compares the user field by field.

        Args:
            alone: It was begun by :meth:`alone`.

        Raises:
            Crossing: It wasn't, and has to be.
        """
        # Behind the write, which locks the user: nobody else notes or moves anything meanwhile.
        for visible, generation, name in self._waiting.within(connection, {"wanted": user_id}).fetchall():
            if visible and name is not None and self._database.postgresql and not alone:
                raise Crossing
            columns = [name for name in names if name in arriving.c and name != "updated"]
            # Whom the source had switched off is told by both, or by neither.
            columns += ["state"] if "active" in columns else []
            self._give_way(connection, user_id, columns)
            if visible:
                self._move(connection, user_id, generation)
        self._forget_digest.within(connection, {"wanted": user_id})

    def settle(self, connection: Connection, user_id: str) -> None:
        """Move what has arrived for a user. Behind nothing but questions, and :meth:`alone`."""
        for visible, generation, _ in self._waiting.within(connection, {"wanted": user_id}).fetchall():
            if visible:
                self.alone(connection)
                self._move(connection, user_id, generation)

    def switched_off(self, connection: Connection, user_id: str) -> None:
        """Whom the source has switched off isn't active by what it said earlier and nobody sees yet."""
        connection.execute(
            update(arriving)
            .where(arriving.c.user_id == user_id, arriving.c.state == ACTIVE)
            .values(active=null(), state=null(), digest="")
        )

    def part(self, connection: Connection, source: str, user_id: str) -> None:
        """A user's link to a source is about to end: what the source brought before stays, and no more.

        Raises:
            DirectoryUnavailable: A synchronisation is about to give the user's name to somebody else. Without
                another name of their own both would have it.
        """
        # First of all: a synchronisation notes nothing meanwhile by a link that is about to end.
        self.alone(connection)
        self.settle(connection, user_id)
        if connection.execute(_PROMISED, {"wanted": user_id}).first() is not None:
            raise DirectoryUnavailable(_PASSING_ON)
        noted = (arriving.c.user_id == user_id, arriving.c.source == source)
        connection.execute(delete(arriving).where(*noted))

    def forget(self, connection: Connection, user_id: str) -> None:
        """Nothing is to become of a user any more."""
        connection.execute(delete(arriving).where(arriving.c.user_id == user_id))

    def refuse_claimed(self, connection: Connection, username_key: str, *, but: str) -> None:
        """Refuse a username that a synchronisation brings to somebody else.

        Asked behind the write: then a synchronisation either sees that, or is seen here.

        Raises:
            DirectoryConflict: It is another user's.
            DirectoryUnavailable: It is a user's whom nobody sees yet.
        """
        claims = self._claimed.within(connection, {"wanted": username_key, "but": but}).fetchall()
        if any(unseen for (unseen,) in claims):
            raise DirectoryUnavailable(_COMING)
        if claims:
            raise DirectoryConflict("the username is taken")

    def vacate(self, username_key: str) -> None:
        """Make a username free that its row has only because what arrived wasn't moved yet.

        Raises:
            DirectoryConflict: It is another user's.
            DirectoryUnavailable: It is a user's whom nobody sees yet; or the database doesn't answer.
        """
        with answering(DirectoryUnavailable), self._database.engine.begin() as connection:
            holder = connection.execute(_HOLDER, {"wanted": username_key}).first()
            if holder is None:
                return
            user_id, unseen, renamed = holder
            if unseen:
                raise DirectoryUnavailable(_COMING)
            if not renamed:
                raise Taken("the username is taken")
            self.settle(connection, user_id)

    def _give_way(self, connection: Connection, user_id: str, columns: Collection[str]) -> None:
        if columns:
            values = dict.fromkeys(columns)
            connection.execute(update(arriving).where(arriving.c.user_id == user_id).values(values))

    def _move(self, connection: Connection, user_id: str, generation: int) -> None:
        writing = _Joined(self._database, connection)
        move(self._database, writing, [user_id], generation, int(self._clock.time()))


class _Joined(Writing):
    """Statements in a transaction that somebody else began and will end."""

    __slots__ = ()

    def __init__(self, database: Database, connection: Connection) -> None:
        super().__init__(database)
        driver: Any = connection.connection
        self._cursor = driver.cursor()
