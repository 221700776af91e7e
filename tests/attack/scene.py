"""The wiki behind the middleware, a browser with a pending request, and somebody who tampers with the answer.

Everything is attacked as it stands in production: over WSGI, with the cookies that a browser would send.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import sqlite3
from functools import cached_property
from pathlib import Path
from typing import Any

from saml_wsgi import SAMLMiddleware, from_options
from saml_wsgi.testing.browser import Browser, Page
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.transports import WSGITransport
from tests.unit.protocol.tampering import after_signing

WIKI = "https://wiki.example.test"
SSO = "https://sso.example.test"
ACS = f"{WIKI}/saml/acs"
ENTITY_ID = f"{WIKI}/saml/metadata"
SECRET = "attack-suite-only-4Fq8WnZr1TbYxKcV"
SIGNING = ("response", "assertion", "both")

#: What tells two answers to refused messages apart, and nothing else may.
_REFERENCE = re.compile(rb"\b[23456789ABCDEFGHJKLMNPQRSTUVWXYZ]{10}\b")


class Log(logging.Handler):
    """Everything that our loggers say, at every level, as an operator's file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.lines: list[str] = []
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def clear(self) -> None:
        self.lines.clear()
        self.records.clear()


class Service:
    """One protected application and its identity provider; scenes are cheap, this isn't.

    Args:
        folder: For its database.
        options: As an ini has them, over the usual ones; ``with_key``: with a key to decrypt with.

    Attributes:
        seen: The environ that the application was given last.
    """

    def __init__(self, folder: Path, **options: object) -> None:
        self.clock = FakeClock()
        self.key = SigningKey.cached()
        app = App.for_service("wiki", WIKI)
        self.idp = JumpCloudIdP(SSO, apps=[app], clock=self.clock)
        folder.mkdir(parents=True, exist_ok=True)
        usual: dict[str, object] = {
            "base_url": WIKI,
            "idp.metadata": self.idp.metadata("wiki"),
            "session.secret": SECRET,
            "store.url": f"sqlite:///{folder}/wiki.db",
        }
        self._database = folder / "wiki.db"
        if options.pop("with_key", False):
            own = SigningKey.cached("service")
            usual["sp.private_key"] = own.private_key.decode()
            usual["sp.certificate"] = own.certificate.decode()
        given = {name.replace("__", "."): value for name, value in options.items()}
        self.app: SAMLMiddleware = from_options(self._wiki, usual | given, here=str(folder), clock=self.clock)
        self.seen: dict[str, Any] = {}
        self.log = Log()
        for name in ("saml_wsgi", "saml_wsgi.events", "saml_wsgi.middleware"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger("saml_wsgi").addHandler(self.log)

    def _wiki(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The application: says who is signed in, and remembers what it was given."""
        self.seen = dict(environ)
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Wiki", "here")])
        user = environ.get("saml_wsgi.user")
        return [user.username.encode() if user else b"nobody"]

    def close(self) -> None:
        logging.getLogger("saml_wsgi").removeHandler(self.log)

    def users(self) -> int:
        """How many users there are."""
        return len(self._rows("saml_wsgi_users"))

    def records(self) -> int:
        """How many records the store holds: sessions, and messages that were used."""
        return len(self._rows("saml_wsgi_state"))

    @cached_property
    def uniform(self) -> tuple[Any, ...]:
        """What every refused message is answered with."""
        return uniform(self.scene().post(b"this is no XML"))

    def _rows(self, table: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(f"select * from {table}").fetchall()

    def scene(self) -> Scene:
        self.log.clear()
        return Scene(self)


class Scene:
    """A browser that asked to sign in, and whose answer is still to come."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.idp = service.idp
        self.log = service.log
        self.browser = Browser(WSGITransport({WIKI: service.app, SSO: service.idp}), clock=service.clock)
        self.request = self.begin()

    def begin(self, path: str = "/page") -> str:
        """Ask for a page; the ID of the request that goes out."""
        page = self.browser.get(WIKI + path)
        request = base64.b64decode(page.form().values["SAMLRequest"])
        found = re.search(rb' ID="([^"]+)"', request)
        assert found is not None
        return found[1].decode()

    def answer(self, user: str = "mara", **how: Any) -> Any:
        """What the identity provider sends. ``how``: see JumpCloudIdP.response."""
        return self.idp.response("wiki", user, **{"in_response_to": self.request, **how})

    def tampered(self, change: Any, user: str = "mara", **how: Any) -> Any:
        """The answer, changed after it was signed."""
        return after_signing(self.answer(user, **how), change)

    def post(self, message: Any, relay_state: str = "") -> Page:
        """Post a form, or a message, as another site's page does."""
        if isinstance(message, bytes):
            fields = {"SAMLResponse": base64.b64encode(message).decode()}
        else:
            fields = dict(message.fields)
        if relay_state:
            fields["RelayState"] = relay_state
        return self.browser.post(ACS, fields, initiator=f"{SSO}/")

    def post_body(self, body: bytes, **headers: str) -> Page:
        """Post bytes as they are."""
        from saml_wsgi.testing.browser import Errand

        errand = Errand(
            "POST", ACS, body, "application/x-www-form-urlencoded", initiator=f"{SSO}/", extra=headers
        )
        return self.browser.run(errand)

    def sign_in(self) -> None:
        """Mara, the usual way."""
        self.browser.follow(self.post(self.answer()))

    def cookie(self, end: str = "") -> Any:
        """One of our cookies in the browser, by the end of its name; the session's has none."""
        found = [
            kept
            for kept in self.browser.cookies
            if re.fullmatch(f".*saml_wsgi_[0-9a-f]{{8}}{end}", kept.name)
        ]
        return found[0] if found else None

    def share(self, other: Scene, *, browser: bool = True) -> None:
        """Give another browser the cookies of pending requests; without ``browser`` not what binds them."""
        for kept in list(self.browser.cookies):
            attributes = "; Secure; HttpOnly; SameSite=None"
            if re.search("_p[0-3]$", kept.name):
                other.browser.cookies.keep(ACS, f"{kept.name}={kept.value}; Path=/saml{attributes}")
            elif browser and kept.name.endswith("_b"):
                other.browser.cookies.keep(ACS, f"{kept.name}={kept.value}; Path=/{attributes}")

    @property
    def who(self) -> str:
        """Whom the wiki takes this browser for; empty: it is asked to sign in."""
        page = self.browser.get(f"{WIKI}/page")
        return page.text if page.header("X-Wiki") else ""

    @property
    def code(self) -> str:
        """The code with which something was refused last, by the log."""
        codes = re.findall(r"code=([a-z_]+)", self.log.text)
        return codes[-1] if codes else ""


def uniform(page: Page) -> tuple[Any, ...]:
    """Everything that somebody outside can see of an answer, without the reference."""
    headers = [(name, "" if name == "Saml-Wsgi-Reference" else value) for name, value in page.headers]
    return page.status, headers, _REFERENCE.sub(b"REFERENCE", page.body)


def assert_refused(scene: Scene, message: Any, *codes: str, then: Any = None) -> None:
    """Post it: refused as everything is refused, nobody signed in, nothing written, the reason in the log.

    Args:
        codes: What may stand in the log.
        then: A good answer to the same request: whoever it is about still gets in.
    """
    service = scene.service
    before = service.users(), service.records()
    page = scene.post(message)
    said = scene.log.text
    assert page.status == 403, (page, said)
    assert scene.code in codes, said
    assert "Traceback" not in said
    assert page.all("Set-Cookie") == []
    assert uniform(page) == service.uniform
    assert scene.who == ""
    assert (service.users(), service.records()) == before
    if then is not None:
        scene.browser.follow(scene.post(then))
        assert scene.who == "mara@example.test"
