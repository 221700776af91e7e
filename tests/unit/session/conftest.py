"""Sessions over a store that a test can watch, spoil and switch off."""

from __future__ import annotations

from typing import Any

import pytest

from saml_wsgi.errors import DirectoryUnavailable, StoreUnavailable
from saml_wsgi.events import Events
from saml_wsgi.model import Assertion, Resolution, User
from saml_wsgi.session.manager import Lifetimes, Sessions
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.testing.clock import FakeClock

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
NOW = 1_800_000_000

MARA = User(
    "7", "mara", "mara@example.test", "Mara", "Lindqvist", "Mara L.", groups=("a", "b"), managed_by="jit:jc"
)


class WatchedStore:
    """A store that counts its calls, fails when told to, and lets a test act in the middle of one."""

    def __init__(self, clock: FakeClock) -> None:
        self.inner = MemoryStore(clock=clock)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.down = False
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            if self.down:
                raise StoreUnavailable("gone")
            if name in self.before:
                self.before.pop(name)()
            answer = getattr(self.inner, name)(*args, **kwargs)
            if name in self.after:
                self.after.pop(name)()
            return answer

        return call

    def asked(self, name: str) -> int:
        return sum(call[0] == name for call in self.calls)


class OneUser:
    """A directory with one user in it."""

    def __init__(self, user: User | None) -> None:
        self.user, self.asked, self.down = user, 0, False

    def get(self, user_id: str, /) -> User | None:
        self.asked += 1
        if self.down:
            raise DirectoryUnavailable("gone")
        return self.user if self.user and self.user.id == user_id else None


class Office:
    """Sessions, and everything around them that a test turns."""

    def __init__(
        self, *, user: User | None = MARA, store: WatchedStore | None = None, **lifetimes: int
    ) -> None:
        self.clock = FakeClock(NOW)
        self.store = store or WatchedStore(self.clock)
        self.directory = OneUser(user)
        self.happened: list[Any] = []
        self.keys = Keys(SECRET, context="wiki")
        self.lifetimes = Lifetimes(**lifetimes)
        self.sessions = self.process()

    def process(self, **changes: Any) -> Sessions:
        """Another process that shares the store."""
        return Sessions(
            changes.get("store", self.store),
            changes.get("keys", self.keys),
            clock=self.clock,
            lifetimes=self.lifetimes,
            events=Events([self.happened.append]),
            directory=changes.get("directory", self.directory),
            present=lambda session, cookie: {"who": session.user.username, "cookie": cookie},
            readmit=changes.get("readmit", lambda session: None),
        )

    def sign_in(
        self,
        *,
        in_directory: bool = True,
        user: User = MARA,
        sessions: Sessions | None = None,
        beside: Any = None,
        **changes: Any,
    ) -> tuple[str, Any]:
        assertion = Assertion(
            **{
                "idp": "jc",
                "issuer": "JumpCloud",
                "id": "_a",
                "name_id": "mara",
                "name_id_format": "f",
                "attributes": {"groups": ("x", "y")},
                "session_index": "_s",
                "authn_instant": NOW,
                "session_not_on_or_after": None,
                "expires": NOW + 60,
                **changes,
            }
        )
        resolution = Resolution(user, origins={"email": "saml:mail"}, in_directory=in_directory)
        return (sessions or self.sessions).start(resolution, assertion, beside=beside)


@pytest.fixture
def office():
    """Makes sessions with a frozen clock; options are lifetimes."""
    return Office
