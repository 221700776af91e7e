"""What a synchronisation does to the tables, step by step."""

import json
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select, update

from saml_wsgi import database
from saml_wsgi.database.tables import arriving, groups, links, sync, users
from saml_wsgi.directories.arrival.moving import move
from saml_wsgi.directories.arrival.statements import Database, Writing
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Profile
from saml_wsgi.names import key
from saml_wsgi.testing.clock import FakeClock

SOURCE = "ldap:staff"
NOW = 1_800_000_000
#: When what is brought was read.
READ = NOW - 60


class Bringing:
    """A synchronisation, but for its lease and its reading."""

    def __init__(self, url):
        self.url = url
        self.engine = database.connect(url)
        self.generation = 1

    def run(self, statement, values=None):
        with self.engine.begin() as connection:
            return connection.execute(statement, values or {})

    def new(self, user_id, username, *, names=(), subject="", **values):
        """Make somebody whom nobody sees yet."""
        kept = {"email": "", "first_name": "", "last_name": "", "display_name": "", **values}
        row = {"id": user_id, "username": username, "username_key": key(username), **kept}
        row |= {"email_key": key(kept["email"]), "active": True, "managed_by": SOURCE}
        row |= {"created": READ, "updated": READ, "generation": self.generation}
        self.run(insert(users), row)
        for name in names:
            self.run(insert(groups), {"user_id": user_id, "name": name})
        self.pinned(user_id, subject or f"uid:{user_id}")

    def pinned(self, user_id, subject, *, state="active", digest="0f"):
        kept = {"state": state, "since": READ, "confirmed": READ, "digest": digest}
        self.run(
            insert(links), {"idp": SOURCE, "subject": subject, "user_id": user_id, "created": READ, **kept}
        )

    def change(self, user_id, *, names=None, state=None, digest="ab", **values):
        """Note what is to become of somebody."""
        for name in ("username", "email"):
            if name in values:
                values[f"{name}_key"] = key(values[name])
        (updated,) = self.run(select(users.c.updated).where(users.c.id == user_id)).scalars()
        row = {"user_id": user_id, "generation": self.generation, "source": SOURCE, "moment": READ}
        row |= {"state": state, "digest": digest, "updated": updated}
        self.run(insert(arriving), row | values | ({} if names is None else {"groups": json.dumps(names)}))

    def flip(self):
        self.run(update(sync).values(generation=self.generation))

    def settle(self):
        """Move all that counts already."""
        with Writing(Database(self.url)) as writing:
            if self.engine.dialect.name == "postgresql":
                writing.execute("LOCK TABLE saml_wsgi_users IN SHARE ROW EXCLUSIVE MODE")
            found = writing.execute(
                "SELECT user_id FROM saml_wsgi_arriving WHERE generation <= ?", (self.generation,)
            ).fetchall()
            move(Database(self.url), writing, [row[0] for row in found], self.generation, NOW)

    def waiting(self):
        """The rows that are neither settled nor dropped, by user."""
        with self.engine.begin() as connection:
            return {row["user_id"]: dict(row) for row in connection.execute(select(arriving)).mappings()}

    def digest(self, subject):
        (found,) = self.run(select(links.c.digest).where(links.c.subject == subject)).scalars()
        return found


@contextmanager
def changing_nothing(*look):
    """What is looked at is the same before and after."""
    before = [one() for one in look]
    yield
    assert [one() for one in look] == before


class Stories:
    """Provide the fixture ``url``: of an empty database. What the stories are about."""

    @pytest.fixture
    def bringing(self, url):
        return Bringing(url)

    @pytest.fixture
    def directory(self, url):
        return SQLDirectory(url, clock=FakeClock(time=NOW))

    @pytest.fixture
    def links(self, url):
        return SQLLinks(url, clock=FakeClock(time=NOW))

    @pytest.fixture
    def ada(self, directory, bringing):
        """A user of the source's."""
        ada = directory.create(
            Profile(username="Ada", email="Ada@one.test", employee_id="17", groups=("a", "b")),
            managed_by=SOURCE,
        )
        bringing.pinned(ada.id, "uid:ada")
        return ada

    @pytest.fixture
    def bob(self, directory, bringing):
        bob = directory.create(Profile(username="bob", email="bob@one.test"), managed_by=SOURCE)
        bringing.pinned(bob.id, "uid:bob")
        return bob
