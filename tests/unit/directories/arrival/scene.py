"""A synchronisation without its source: what it brings, and what is seen of it."""

from contextlib import contextmanager

from sqlalchemy import delete, insert, select, text, update

from saml_wsgi import database
from saml_wsgi.database import Transaction
from saml_wsgi.database.tables import metadata, sync
from saml_wsgi.directories.arrival.arrivals import Arrivals
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.standing import LocalPopulation
from saml_wsgi.directories.arrival.statements import Writing
from saml_wsgi.directories.arrival.values import INACTIVE, MISSING, ChangedUser, NewUser
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.testing.clock import FakeClock

SOURCE = "ldap:staff"
NOW = 1_800_000_000


class Scene:
    """Runs of one source over one database."""

    def __init__(self, url):
        self.url = url
        self.clock = FakeClock(time=NOW)
        self.directory = SQLDirectory(url, clock=self.clock)
        self.links = SQLLinks(url, clock=self.clock)
        self.local = LocalPopulation(url)

    def rows(self, statement):
        with database.reading(database.connect(self.url)).connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def seen(self):
        """What everybody sees of everybody."""
        return {
            (user.username, user.email, user.groups, user.active, user.managed_by)
            for user in (entry.user for entry in self.directory.everybody(limit=10_000))
        }

    def id(self, username):
        (user,) = self.directory.find("username", username)
        return user.id

    def user(self, username):
        (user,) = self.directory.find("username", username)
        return user

    @contextmanager
    def run(self, **lease):
        """A run that recovered and began."""
        with self.leased(**lease) as arrivals:
            arrivals.recover()
            arrivals.begin()
            yield arrivals

    @contextmanager
    def leased(self, **lease):
        with Lease(self.url, SOURCE, clock=self.clock, **lease) as held:
            yield Arrivals(self.url, held, SOURCE, clock=self.clock)

    def bring(self, changes=(), new=()):
        """A whole run; the subjects of those who were left out."""
        with self.run() as arrivals:
            left = [*arrivals.add_changes(changes), *arrivals.add_new(new), *arrivals.contested()]
            arrivals.flip("", full=True, now=int(self.clock.time()))
            arrivals.settle()
        return left

    def kept(self, subject):
        return self.local.known(SOURCE, [subject])[subject]

    def change(self, subject, **what):
        kept = self.kept(subject)
        return ChangedUser(kept.user_id, subject, kept.updated, **{"digest": "d2", **what})

    def expire(self):
        """The lease ends, as if time had passed; on PostgreSQL it is the server's."""
        with database.connect(self.url).begin() as connection:
            connection.execute(update(sync).values(until=0))

    def tables(self):
        """All rows of all tables."""
        with database.connect(self.url).begin() as connection:
            return {
                table: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in metadata.sorted_tables
            }

    def restore(self, tables):
        """All as it was once."""
        with database.connect(self.url).begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for table, kept in tables.items():
                if kept:
                    connection.execute(insert(table), kept)

    def leftovers(self):
        """What no run leaves behind when it is done."""
        generation, begun = self.rows("SELECT generation, begun FROM saml_wsgi_sync")[0]
        return [
            *([("begun", begun)] if begun != generation else []),
            *self.rows("SELECT user_id FROM saml_wsgi_arriving"),
            *self.rows(f"SELECT id FROM saml_wsgi_users WHERE generation > {generation}"),
            *self.rows("SELECT id FROM saml_wsgi_users WHERE username_key LIKE 'WAITS%'"),
            *self.rows(
                "SELECT user_id FROM saml_wsgi_links WHERE user_id NOT IN (SELECT id FROM saml_wsgi_users)"
            ),
        ]


def new(number, **what):
    """Somebody new."""
    values = {"email": f"u{number}@one.test", "groups": ("all", f"g{number % 7}"), **what}
    return NewUser(f"uid:{number}", "d1", values.pop("username", f"u{number}"), **values)


def some(count):
    return [new(number) for number in range(count)]


def story(scene):
    """A run with everything in it, over the users ``u0`` to ``u29``: its changes, and whom it makes."""
    swap = scene.change("uid:0", values={"username": "u1"}), scene.change("uid:1", values={"username": "u0"})
    local = scene.directory.find("username", "local")[0]
    changes = [
        *swap,
        scene.change("uid:2", values={"username": "moved"}),
        scene.change("uid:3", state=INACTIVE, active=False),
        scene.change("uid:4", state=MISSING, active=False),
        scene.change("uid:5", groups=()),
        scene.change("uid:6", groups=("all", "other"), values={"email": "", "first_name": "F"}),
        ChangedUser(
            local.id,
            "uid:local",
            scene.local.by_username(SOURCE, ["local"])["local"].updated,
            digest="d2",
            pinned=True,
            managed_by=SOURCE,
        ),
        *(scene.change(f"uid:{number}", values={"email": f"n{number}@two.test"}) for number in range(7, 30)),
    ]
    # One of them has the name that another one gives up.
    people = [new(100, username="u2"), *(new(number) for number in range(101, 140))]
    return changes, people


def before_each_statement(monkeypatch, call):
    """``call(n)`` before the n-th of the statements and commits from here on, counted from 1."""
    count = 0

    def counted(method):
        def wrapped(self, *arguments):
            nonlocal count
            count += 1
            call(count)
            return method(self, *arguments)

        return wrapped

    for name in ("execute", "execute_each"):
        monkeypatch.setattr(Writing, name, counted(getattr(Writing, name)))
    monkeypatch.setattr(Transaction, "__exit__", counted(Transaction.__exit__))
