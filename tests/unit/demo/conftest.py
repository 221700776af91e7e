"""The demonstration's application, called as a server would, with or without somebody signed in."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import pytest

from saml_wsgi.demo.application import Application
from saml_wsgi.model import Session, User
from saml_wsgi.testing import WSGITransport
from saml_wsgi.testing.transports import Received, Sent

BASE = "http://localhost:8080"


@pytest.fixture(scope="session")
def application() -> Application:
    return Application()


@pytest.fixture(scope="session")
def session() -> Session:
    """Somebody whose names would be trouble on a page that doesn't escape."""
    user = User(
        id="u-1",
        username="zoë@example.test",
        email="zoë@example.test",
        first_name="Zoë",
        last_name='<script>alert("1")</script>',
        groups=("Büro & <b>Köln</b>", "Staff"),
        managed_by="jit:JumpCloud",
    )
    return Session(
        key="abcdefghijklmnopqrstuvwxyz",
        user=user,
        attributes=MappingProxyType({"email": ("zoë@example.test",), '"><i>odd': ("one", "<u>two</u>")}),
        idp="Jump<Cloud>",
        name_id="zoë@example.test",
        name_id_format="urn:oasis:names:tc:SAML:1.0:nameid-format:unspecified",
        session_index="_1",
        created=1_700_000_000,
        expires=1_700_028_800,
        seen=1_700_000_900,
        checked=1_700_000_600,
        origins={
            "username": "saml:NameID",
            "email": "saml:email",
            "first_name": "directory",
            "last_name": "staff",
            "groups": "saml:memberOf",
        },
    )


@pytest.fixture(scope="session")
def ask(application: Application, session: Session) -> Callable[..., Received]:
    """``ask("/reports/1")``, by somebody who is ``signed_in`` or not, ``behind`` the middleware or not."""

    def ask(target: str, *, method: str = "GET", signed_in: bool = True, behind: bool = True) -> Received:
        environ = {}
        if behind:
            environ["saml_wsgi.login_url"] = f"{BASE}/saml/login"
            environ["saml_wsgi.logout_url"] = f"{BASE}/saml/logout"
        if signed_in:
            environ["saml_wsgi.user"] = session.user
            environ["saml_wsgi.session"] = session
            environ["saml_wsgi.attributes"] = session.attributes
            environ["REMOTE_USER"] = session.user.username.encode().decode("latin-1")
        return WSGITransport({BASE: application}, environ=environ).send(Sent(method, BASE + target))

    return ask
