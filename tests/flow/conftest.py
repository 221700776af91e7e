"""A wiki behind the middleware, and the JumpCloud-shaped identity provider, in one process."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

import pytest

from saml_wsgi import SAMLMiddleware
from tests.flow.situations_scene import Scene

WIKI = "https://wiki.example.test"
SSO = "https://sso.example.test"


def wiki(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Says what it received, as JSON."""
    user = environ.get("saml_wsgi.user")
    seen = {
        "path": environ["PATH_INFO"],
        "query": environ.get("QUERY_STRING", ""),
        "method": environ["REQUEST_METHOD"],
        "remote_user": environ.get("REMOTE_USER"),
        "auth_type": environ.get("AUTH_TYPE"),
        "cookies": environ.get("HTTP_COOKIE"),
        "forged": sorted(name for name in environ if name.startswith("HTTP_X_")),
        "user": dataclasses.asdict(user) if user else None,
        "attributes": {
            name: list(values) for name, values in environ.get("saml_wsgi.attributes", {}).items()
        },
        "login_url": environ["saml_wsgi.login_url"],
        "logout_url": environ["saml_wsgi.logout_url"],
    }
    body = json.dumps(seen).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if environ["REQUEST_METHOD"] == "HEAD":
        body = b""
    start_response("200 OK", headers)
    return [body]


@pytest.fixture
def protect(saml_protect) -> Callable[..., SAMLMiddleware]:
    """Wraps an application, with options beside the usual ones: ``session__idle`` for ``session.idle``."""

    def wrap(app: Any = wiki, **options: object) -> SAMLMiddleware:
        # The application is validated too: what the middleware hands on must be WSGI.
        return saml_protect(validator(app), {key.replace("__", "."): value for key, value in options.items()})

    return wrap


@pytest.fixture
def browse(saml_browser, saml_idp) -> Callable[..., Any]:
    """A person's browser that reaches the wiki and the identity provider."""

    def open_browser(app: Any) -> Any:
        return saml_browser({WIKI: app, SSO: saml_idp})

    return open_browser


@pytest.fixture
def to_answer() -> Callable[..., Any]:
    """Goes from the challenge to the identity provider's page that carries the response."""

    def go(browser: Any, page: Any, username: str = "mara") -> Any:
        page = browser.follow(page)
        while True:
            fields = page.form().values if page.forms else {}
            if "SAMLRequest" in fields:
                page = browser.submit(page, follow=True)
            elif "password" in fields:
                values = {"username": username, "password": f"{username}-demo"}
                page = browser.submit(page, values, follow=True)
            else:
                return page

    return go


@pytest.fixture
def sign_in(to_answer) -> Callable[..., Any]:
    """Goes all the way from a page of the wiki to that page, signed in."""

    def go(browser: Any, url: str = f"{WIKI}/", username: str = "mara") -> Any:
        page = to_answer(browser, browser.get(url), username)
        return browser.submit(page, follow=True)

    return go


@pytest.fixture
def code_on() -> Callable[[Any], str]:
    """The code that a page of ours shows."""

    def read(page: Any) -> str:
        found = re.search(r"<dt>Code</dt>\s*<dd[^>]*>(?:<code>)?([a-z_]+)", page.text)
        return found[1] if found else ""

    return read


@pytest.fixture
def scene(saml_idp, saml_clock, tmp_path) -> Scene:
    """The wiki, its database and the identity provider, for a provisioning situation."""
    return Scene(saml_idp, saml_clock, tmp_path, validator(wiki))
