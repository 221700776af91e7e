"""Plays situations through the real middleware, with the test identity provider and the scripted browser.

What is in the database afterwards is compared with what was there before, row by row: what a situation
doesn't mention must not have changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import NullPool, create_engine, text

from saml_wsgi import database, wiring
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import FIELDS, Changes, Event, Profile, SignInRecord
from saml_wsgi.testing.browser import Browser, Page, SignInFailed
from saml_wsgi.testing.people import Person
from saml_wsgi.testing.transports import WSGITransport
from tests.flow.situations import IDP, Account, Comes, Says, Situation

WIKI: Final = "https://wiki.example.test"
SSO: Final = "https://sso.example.test"
REFERENCE: Final = "Saml-Wsgi-Reference"

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_USUAL: Final = {
    "base_url": WIKI,
    "session.secret": "for-tests-only-7Qk2ZtYw0sVb4NcX9mLr",
    "attributes.username": "username",
}


@dataclass(frozen=True)
class Arrival:
    """How a sign-in ended.

    Attributes:
        user: What the application was told, or None.
        page: What the person sees.
        record: What the operator finds by the reference in the answer's header: a stored record, or a line
            of the log where the message didn't verify.
    """

    user: Mapping[str, Any] | None
    page: Page
    record: SignInRecord


@dataclass(frozen=True)
class Picture:
    """All users of the database: as they are written, and as accounts, by id."""

    rows: Mapping[str, tuple[object, ...]]
    accounts: Mapping[str, Account]

    @classmethod
    def of(cls, url: str) -> Picture:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            users = connection.execute(text("SELECT * FROM saml_wsgi_users")).mappings().all()
            groups = connection.execute(text("SELECT user_id, name FROM saml_wsgi_groups")).all()
            found = connection.execute(text("SELECT * FROM saml_wsgi_links")).mappings()
            links = [link for link in found if link["idp"] == IDP]
        members: dict[str, set[str]] = {}
        for user_id, name in groups:
            members.setdefault(user_id, set()).add(name)
        subjects = {link["user_id"]: link["subject"] for link in links}
        accounts = {
            user["id"]: Account(
                **{name: user[name] for name in FIELDS},
                groups=tuple(sorted(members.get(user["id"], ()))),
                active=bool(user["active"]),
                managed_by=user["managed_by"],
                subject=subjects.get(user["id"], ""),
            )
            for user in users
        }
        # Everything that is written of a user but the day of the last sign-in.
        rows = {
            user["id"]: (
                *(value for name, value in user.items() if name != "seen"),
                frozenset(members.get(user["id"], ())),
            )
            for user in users
        }
        pinned = {f"link {link['subject']}": (link["user_id"],) for link in links}
        return cls(rows | pinned, accounts)

    def new_since(self, before: Picture) -> set[str]:
        return {name for name, row in self.rows.items() if before.rows.get(name) != row}


class Scene:
    """An application behind the middleware, its database, and the identity provider.

    Args:
        url: Where users are kept; by default in one SQLite file with everything else.
    """

    def __init__(
        self, idp: Any, clock: Any, folder: Path, application: Callable[..., Any], url: str = ""
    ) -> None:
        self.idp = idp
        self.clock = clock
        self.folder = folder
        self.file = folder / "wiki.db"
        self.url = url or f"sqlite:///{self.file}"
        self.beside = {"store.url": f"sqlite:///{folder}/store.db", "directory.url": url} if url else {}
        self.application = application
        self.options: Mapping[str, object] = _NOTHING
        self.events: list[Event] = []
        self.parts: Any = None
        self.app: Any = None

    def start(self, options: Mapping[str, object] = _NOTHING) -> None:
        """Start the application with these options beside the usual ones."""
        usual = {**_USUAL, "idp.metadata": self.idp.metadata("wiki"), "store.url": self.url}
        self.options = {**usual, **self.beside, **options}
        self.parts = wiring.start(
            self.options, here=str(self.folder), clock=self.clock, observers=[self.events.append]
        )
        self.app = wiring.assemble(self.application, self.parts)

    def people(self, accounts: Sequence[Account]) -> None:
        """Put these users into the database."""
        database.create(self.url)
        directory, links = SQLDirectory(self.url, clock=self.clock), SQLLinks(self.url, clock=self.clock)
        for account in accounts:
            profile = Profile(**{name: getattr(account, name) for name in FIELDS})
            profile = dataclasses.replace(profile, groups=account.groups)
            user = directory.create(profile, managed_by=account.managed_by)
            if not account.active:
                directory.update(user, Changes({"active": False}))
            if account.subject:
                assert links.pin(IDP, account.subject, user.id)

    def arrange(self, says: Says) -> None:
        """Have the identity provider say this of the person who is called ``visitor`` there."""
        several = [(name, value) for name, value in says.attributes.items() if isinstance(value, tuple)]
        assert len(several) <= 1, "the test identity provider has one attribute with several values"
        name, values = several[0] if several else ("", ())
        single = [
            (name, value)
            for name, given in says.attributes.items()
            if not isinstance(given, tuple)
            for value in ([given] if isinstance(given, str) else given)
        ]
        self.idp.add_person(Person(username="visitor", groups=values, custom={"the name id": says.name_id}))
        self.idp.change_app(
            "wiki",
            attributes=(),
            constant_attributes=tuple(single),
            group_attribute=name,
            nameid_field="the name id",
            nameid_format=says.name_id_format,
            empty_fields="sent",
        )

    def browser(self) -> Browser:
        return Browser(WSGITransport({WIKI: self.app, SSO: self.idp}), clock=self.clock)

    def arrive(self, says: Says) -> Arrival:
        """A person signs in with a new browser."""
        self.arrange(says)
        browser = self.browser()
        try:
            page = browser.sign_in(f"{WIKI}/", "visitor")
            user = page.json()["user"]
        except SignInFailed as failure:
            page, user = failure.page, None
        kept = [value for seen in browser.history for value in seen.all("Set-Cookie")]
        sessions = sum(value.startswith(self.app._session_cookie) for value in kept)
        assert sessions == (0 if user is None else 1), "refused, and with a session"
        answer = next(seen for seen in reversed(browser.history) if seen.url == f"{WIKI}/saml/acs")
        reference = answer.header(REFERENCE)
        assert reference, f"the answer has no {REFERENCE}: {answer.headers}"
        record = self.parts.journal.read(reference)
        if record is None:
            # What was refused before anybody vouched for it is in the log alone.
            event = next(event for event in reversed(self.events) if event.reference == reference)
            assert "response_refused" in page.text, event
            record = SignInRecord(reference, 0, event.code, event.private)
        return Arrival(user, page, record)

    def run(self, *statements: str) -> None:
        """Run SQL in the database of users, as somebody else."""
        with create_engine(self.url, poolclass=NullPool).begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def ask(self, statement: str) -> Sequence[Any]:
        """The rows that a statement gives."""
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            return connection.exec_driver_sql(statement).all()

    def picture(self) -> Picture:
        return Picture.of(self.url)

    def play(self, row: Situation) -> None:
        """Play a situation, and compare."""
        self.people(row.there)
        self.start(row.options)
        for says in row.earlier:
            before = self.arrive(says)
            assert before.user is not None, before.record
        self.run(*filter(None, map(str.strip, row.meanwhile.split(";"))))
        self.clock.advance(60)
        before = self.picture()
        arrival = self.arrive(row.says)
        compare(row.comes, arrival, before, self.picture())


def compare(comes: Comes, arrival: Arrival, before: Picture, after: Picture) -> None:
    """Assert that this, and only this, is what came of it."""
    record = arrival.record
    assert record.code == comes.code, record
    assert record.outcome == comes.outcome, record
    assert arrival.page.status == comes.status
    for word in comes.named:
        assert word in record.detail, record
    assert comes.shown in arrival.page.words
    assert comes.left <= set(record.left), record
    if comes.wrote is not None:
        assert set(record.changes) == comes.wrote, record
    for name, origin in comes.origins.items():
        assert record.origins.get(name) == origin, record
    changed = after.new_since(before)
    assert before.rows.keys() <= after.rows.keys(), "something was deleted"
    if comes.account is None:
        assert arrival.user is None
        allowed = {f"link {comes.pinned}"} if comes.pinned else set()
        assert changed == allowed, f"nobody was signed in, yet {changed} changed"
        return
    assert arrival.user is not None
    user_id = arrival.user["id"]
    assert after.accounts[user_id] == comes.account
    assert (user_id not in before.accounts) == (comes.outcome == "created")
    allowed = {f"link {comes.account.subject}"} | (set() if comes.outcome == "unchanged" else {user_id})
    assert changed <= allowed, f"{changed - allowed} changed, too"
    for name in FIELDS:
        assert arrival.user[name] == getattr(comes.account, name)
    assert tuple(arrival.user["groups"]) == comes.account.groups
