"""A source in memory beside tables of ours, and what a test asks of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import text

from saml_wsgi.database import connect
from saml_wsgi.directories.arrival.history import History
from saml_wsgi.directories.arrival.standing import LocalPopulation
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Changes, Profile, User
from saml_wsgi.sync.report import Report
from saml_wsgi.sync.run import Synchronisation
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.population import PopulationInMemory

KEEPER = "ldap:corp"


@dataclass
class World:
    url: str
    clock: FakeClock
    source: PopulationInMemory = field(default_factory=PopulationInMemory)

    def __post_init__(self) -> None:
        self.directory = SQLDirectory(self.url, clock=self.clock)
        self.links = SQLLinks(self.url, clock=self.clock)
        self.local = LocalPopulation(self.url)
        self.history = History(self.url)

    def synchronisation(self, **options) -> Synchronisation:
        return Synchronisation(self.source, "corp", self.url, clock=self.clock, **options)

    def sync(self, *, full=False, dry_run=False, max_removals=None, **options) -> Report:
        """One run, a minute after the one before."""
        self.clock.advance(60)
        found = self.synchronisation(**options)
        return found.run(full=full, dry_run=dry_run, max_removals=max_removals)

    def done(self, **options) -> Report:
        """One run that has to come to its end."""
        report = self.sync(**options)
        assert report.done, report
        return report

    def user(self, username: str) -> User | None:
        found = self.directory.find("username", username)
        assert len(found) < 2
        return found[0] if found else None

    def make(self, username: str, managed_by: str = "local", **fields) -> User:
        return self.directory.create(Profile(username=username, **fields), managed_by=managed_by)

    def write(self, username: str, **values) -> User:
        user = self.user(username)
        assert user is not None
        return self.directory.update(user, Changes(values))

    def state(self, subject: str) -> str:
        return self.local.known(KEEPER, [subject])[subject].state

    def snapshot(self) -> list[list[tuple]]:
        """Every row that is about people."""
        with connect(self.url, option="url").connect() as connection:
            return [
                [
                    tuple(row)
                    for row in connection.execute(text(f"SELECT * FROM saml_wsgi_{table} ORDER BY 1, 2"))
                ]
                for table in ("users", "groups", "links", "arriving")
            ]

    def everybody(self) -> list[User]:
        return [listed.user for listed in self.directory.everybody()]

    def fill(self) -> World:
        """Twenty people, synchronised."""
        for number in range(20):
            self.source.put(
                f"uid:{number}",
                username=f"user{number}",
                email=f"user{number}@example.test",
                display_name=f"User {number}",
                groups=("Staff",),
            )
        self.done()
        return self
