"""What is measured: a middleware on SQLite, the test identity provider, and one person who signs in."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from typing import Any
from urllib.parse import urlencode

from saml_wsgi import from_options
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.people import PEOPLE

WIKI = "https://wiki.example.test"
SECRET = "dPq0zXvB81nWmTtYkLr5sGhJcEaUoI72fQ9"


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def start_response(*_: Any) -> None:
    pass


class Subject:
    """A middleware around the bare application, and what is needed to sign in."""

    def __init__(self, groups: int = 3, **options: object) -> None:
        wiki = App.for_service("wiki", WIKI)
        self.idp = JumpCloudIdP("https://sso.example.test", apps=[wiki], people=PEOPLE)
        self.idp.change_person("mara", groups=tuple(f"group number {i:04}" for i in range(groups)))
        folder = tempfile.mkdtemp(prefix="saml_wsgi-benchmark-")
        chosen = {
            "base_url": WIKI,
            "idp.metadata": self.idp.metadata("wiki"),
            "session.secret": SECRET,
            "store.url": f"sqlite:///{folder}/benchmark.db",
            "idp.request_binding": "redirect",
            "public": "/public",
        }
        self.app = from_options(bare, chosen | options)

    def pending(self) -> tuple[str, str]:
        """A pending request's id, and the cookie that holds it."""
        request = self.app.provider.request("/").pending
        _, cookie = self.app._cookies.set_pending(self.app.provider.pending.pack(request), 0)
        return request.id, cookie.partition(";")[0]

    def answer(self) -> dict[str, Any]:
        """The environ of a POST that carries a fresh response."""
        request_id, cookie = self.pending()
        form = self.idp.response("wiki", "mara", in_response_to=request_id)
        body = urlencode(form.fields).encode()
        return {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/saml/acs",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_COOKIE": cookie,
            "wsgi.input": io.BytesIO(body),
        }

    def session_cookie(self) -> str:
        """The cookie of somebody who signed in."""
        headers: list[tuple[str, str]] = []
        self.app(self.answer(), lambda _status, found: headers.extend(found))
        return next(value for _, value in headers if value.startswith("__Host-")).partition(";")[0]

    def forget(self) -> None:
        """Let the process forget whom it verified, so that the next request is a cold one."""
        self.app.sessions._known.clear()

    def never_ask(self) -> None:
        """Let a verified session stay warm for the whole run."""
        sessions = self.app.sessions
        sessions._lifetimes = dataclasses.replace(sessions._lifetimes, cache=3600)


def environ(cookie: str = "", path: str = "/page") -> dict[str, Any]:
    """A browser's request as a server hands it on."""
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "wiki.example.test",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "wiki.example.test",
        "HTTP_USER_AGENT": "Mozilla/5.0",
        "HTTP_ACCEPT": "text/html",
        "HTTP_ACCEPT_LANGUAGE": "en",
        "HTTP_ACCEPT_ENCODING": "gzip",
        "HTTP_SEC_FETCH_MODE": "navigate",
        "HTTP_SEC_FETCH_DEST": "document",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": None,
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if cookie:
        made["HTTP_COOKIE"] = cookie
    return made
