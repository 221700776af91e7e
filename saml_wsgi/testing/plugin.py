"""pytest fixtures for applications that saml_wsgi protects.

pytest loads this module in every run of every project that has saml_wsgi installed, so it imports
nothing but pytest; whatever a fixture needs is imported when a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from saml_wsgi import SAMLMiddleware
    from saml_wsgi.testing.browser import Browser
    from saml_wsgi.testing.clock import FakeClock
    from saml_wsgi.testing.idp import JumpCloudIdP


@pytest.fixture
def saml_clock() -> FakeClock:
    """A clock that begins now and stands still: ``saml_clock.advance(3600)`` is an hour later."""
    from saml_wsgi.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def saml_idp(saml_clock: FakeClock) -> JumpCloudIdP:
    """A JumpCloud-shaped identity provider at ``https://sso.example.test``, on the fixture's clock.

    It knows the sample people (:data:`saml_wsgi.testing.people.PEOPLE`) and one application,
    ``wiki``, at ``https://wiki.example.test`` with the default prefix ``/saml``. Change either
    with ``saml_idp.change_app("wiki", sign="both")`` and
    ``saml_idp.change_person("mara", state="suspended")``.
    """
    from saml_wsgi.testing.idp import JumpCloudIdP
    from saml_wsgi.testing.knobs import App
    from saml_wsgi.testing.people import PEOPLE

    wiki = App.for_service("wiki", "https://wiki.example.test", label="Wiki")
    return JumpCloudIdP("https://sso.example.test", apps=[wiki], people=PEOPLE, clock=saml_clock)


@pytest.fixture
def saml_browser(saml_clock: FakeClock) -> Callable[..., Browser]:
    """Makes scripted browsers: each has cookies of its own, all share the fixture's clock.

    ``saml_browser({"https://wiki.example.test": app, "https://sso.example.test": saml_idp})`` talks to
    WSGI applications in this process; ``saml_browser()`` talks HTTP, to the loopback only.
    """
    from saml_wsgi.testing.browser import Browser
    from saml_wsgi.testing.transports import Application, Transport, WSGITransport

    def make(where: Transport | dict[str, Application] | None = None) -> Browser:
        transport = WSGITransport(where) if isinstance(where, dict) else where
        return Browser(transport, clock=saml_clock)

    return make


@pytest.fixture
def saml_protect(
    saml_idp: JumpCloudIdP, saml_clock: FakeClock, tmp_path: Path
) -> Callable[..., SAMLMiddleware]:
    """Wraps your application for ``https://wiki.example.test``, with ``saml_idp`` and a database of its own.

    ``saml_protect(app, {"public": "/healthz"})`` adds options, in the form that an ini has them.
    """
    from saml_wsgi import from_options

    def wrap(app: WSGIApplication, options: dict[str, object] | None = None) -> SAMLMiddleware:
        usual: dict[str, object] = {
            "base_url": "https://wiki.example.test",
            "idp.metadata": saml_idp.metadata("wiki"),
            "session.secret": "for-tests-only-7Qk2ZtYw0sVb4NcX9mLr",
            "store.url": f"sqlite:///{tmp_path}/saml_wsgi.db",
        }
        return from_options(app, usual | (options or {}), here=str(tmp_path), clock=saml_clock)

    return wrap
