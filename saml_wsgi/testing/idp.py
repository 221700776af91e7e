"""An identity provider of JumpCloud's shape, that signs: for tests, and for the demonstration."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from saml_wsgi.testing import metadata, responses, signer
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.people import PEOPLE, Person
from saml_wsgi.testing.requests import AuthnRequest
from saml_wsgi.testing.responses import Element, Occasion, PostedForm

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from saml_wsgi.interfaces import Clock
    from saml_wsgi.testing.web import Web

#: Changes a message, in place or by returning another root.
Tamper = Callable[[Element], Element | None]

_REMEMBERED = 100


class JumpCloudIdP:
    """The identity provider: a WSGI application, and a maker of messages without HTTP.

    Args:
        base_url: Scheme and host (and port) at which it is served; no path.
        apps: The applications that may ask it.
        people: Who has an account.
        key: Signs for every application that has no key of its own. By default one that is made
            once in a process.
        clock: The time; :class:`saml_wsgi.testing.clock.FakeClock` in tests.

    As WSGI application it serves ``/`` (a portal with a tile for each application), ``/login``,
    ``/logout``, ``/saml2/<app>`` and ``/metadata/<app>.xml``. Applications and people may be changed
    while it serves. Passwords stand in memory as they are: this is no place for real ones.

    Attributes:
        received: The latest requests that passed the checks, at most 100.
        sent: The latest answers that went out over HTTP, at most 100.
    """

    def __init__(
        self,
        base_url: str = "https://sso.example.test",
        *,
        apps: Iterable[App] = (),
        people: Iterable[Person] = PEOPLE,
        key: SigningKey | None = None,
        clock: Clock = time,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError(f"base_url: {base_url!r} is no http or https URL without a path")
        self.base_url = f"{parts.scheme}://{parts.netloc}"
        self.clock = clock
        self._key = key
        self._lock = threading.Lock()
        self._apps = {app.name: app for app in apps}
        self._people = {person.username: person for person in people}
        self.received: deque[AuthnRequest] = deque(maxlen=_REMEMBERED)
        self.sent: deque[PostedForm] = deque(maxlen=_REMEMBERED)

    # -- who and what is known --

    @property
    def apps(self) -> tuple[App, ...]:
        return tuple(self._apps.values())

    @property
    def people(self) -> tuple[Person, ...]:
        return tuple(self._people.values())

    def app(self, name: str) -> App:
        """The application of that name, or LookupError."""
        return self._apps[name]

    def person(self, username: str) -> Person:
        """The person of that username, or LookupError."""
        return self._people[username]

    def add_app(self, app: App) -> App:
        """Add an application, or replace the one of its name."""
        with self._lock:  # readers see the old dictionary or the new one, never a change under way
            self._apps = {**self._apps, app.name: app}
        return app

    def change_app(self, name: str, **changes: Any) -> App:
        """Turn knobs: any field of :class:`App` or :class:`~saml_wsgi.testing.knobs.Shape`."""
        with self._lock:
            app = self._apps[name].changed(**changes)
            self._apps = {**self._apps, name: app}
        return app

    def add_person(self, person: Person) -> Person:
        """Add a person, or replace the one of that username."""
        with self._lock:
            self._people = {**self._people, person.username: person}
        return person

    def change_person(self, username: str, **changes: Any) -> Person:
        """Change fields of a person, ``state`` among them."""
        with self._lock:
            person = dataclasses.replace(self._people[username], **changes)
            self._people = {**self._people, username: person}
        return person

    def may_use(self, person: Person, app: App) -> bool:
        """Whether the person is active and the application is assigned to them."""
        bound = not app.bound_groups or set(app.bound_groups) & set(person.groups)
        return person.state == "active" and bool(bound)

    # -- what an administrator takes from here to the application --

    def key(self, app: App | str) -> SigningKey:
        """What signs for the application."""
        return self._app(app).key or self._common_key

    def sso_url(self, app: App | str) -> str:
        return f"{self.base_url}/saml2/{self._app(app).name}"

    def metadata_url(self, app: App | str) -> str:
        return f"{self.base_url}/metadata/{self._app(app).name}.xml"

    def metadata(self, app: App | str) -> str:
        """The application's metadata as JumpCloud exports it."""
        return metadata.exported(self._app(app), self.key(app), self.sso_url(app))

    # -- messages without HTTP --

    def response(
        self,
        app: App | str,
        user: Person | str,
        *,
        in_response_to: str | None = None,
        relay_state: str | None = None,
        acs_url: str = "",
        now: float | None = None,
        authenticated: float | None = None,
        name_id_format: str = "",
        tamper: Tamper | None = None,
        tamper_signed: Tamper | None = None,
        **changes: Any,
    ) -> PostedForm:
        """Make and sign an answer about the person, whatever their state.

        Args:
            app: The application, or its name.
            user: The person, or their username.
            in_response_to: The request's ID. None: nobody asked (IdP-initiated).
            relay_state: Sent along. None: the application's default where nobody asked, else none.
            acs_url: Where it goes, registered or not; the application's default by default.
            now: When it is made, in seconds since the epoch; the clock's time by default.
            authenticated: AuthnInstant; now by default.
            name_id_format: The NameID's Format instead of the application's.
            tamper: Changes the tree before it is signed: messages that JumpCloud would never make.
            tamper_signed: Changes the tree after it was signed: attacks against your application.
            **changes: Knobs for this one answer, as in :meth:`change_app`.
        """
        app = self._app(app).changed(**changes)
        person = self.person(user) if isinstance(user, str) else user
        now = self.clock.time() if now is None else now
        occasion = Occasion(
            acs_url=acs_url or app.acs_url,
            now=now,
            authenticated=now if authenticated is None else authenticated,
            in_response_to=in_response_to,
            name_id_format=name_id_format,
        )
        tree = responses.success(app, person, occasion)
        return self._posted(app, occasion, self._signed(app, tree, tamper, tamper_signed), relay_state)

    def error_response(
        self,
        app: App | str,
        *status: str,
        message: str = "",
        in_response_to: str | None = None,
        relay_state: str | None = None,
        acs_url: str = "",
        now: float | None = None,
        tamper: Tamper | None = None,
        tamper_signed: Tamper | None = None,
        **changes: Any,
    ) -> PostedForm:
        """Make an answer with a status and no assertion; JumpCloud was never seen to send one.

        Args:
            app: The application, or its name.
            status: Names below ``urn:oasis:names:tc:SAML:2.0:status:``, outermost first;
                ``Responder``, ``AuthnFailed`` by default.
            message: A StatusMessage.

        The others are those of :meth:`response`. Signed as the Response would be, so not at all
        where only assertions are signed.
        """
        app = self._app(app).changed(**changes)
        now = self.clock.time() if now is None else now
        occasion = Occasion(acs_url or app.acs_url, now, now, in_response_to)
        tree = responses.failure(app, occasion, status or ("Responder", "AuthnFailed"), message)
        return self._posted(app, occasion, self._signed(app, tree, tamper, tamper_signed), relay_state)

    # -- over HTTP --

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._web(environ, start_response)

    @cached_property
    def _web(self) -> Web:
        from saml_wsgi.testing.web import Web  # messages alone don't need WebOb

        return Web(self)

    @cached_property
    def _common_key(self) -> SigningKey:
        return self._key or SigningKey.cached()

    def _app(self, app: App | str) -> App:
        return self.app(app) if isinstance(app, str) else app

    def _signed(self, app: App, tree: Element, before: Tamper | None, after: Tamper | None) -> Element:
        if before is not None:
            tree = _changed(tree, before)
        signer.sign(tree, app, self.key(app))
        return tree if after is None else _changed(tree, after)

    @staticmethod
    def _posted(app: App, occasion: Occasion, tree: Element, relay_state: str | None) -> PostedForm:
        if relay_state is None and occasion.in_response_to is None:
            relay_state = app.default_relay_state
        return PostedForm.carrying(occasion.acs_url, responses.serialised(tree, app), relay_state)


def _changed(tree: Element, tamper: Tamper) -> Element:
    other = tamper(tree)
    return tree if other is None else other
