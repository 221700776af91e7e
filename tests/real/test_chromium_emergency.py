"""The way in when the identity provider is down, in a real browser: which headers come with its form."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.people import PEOPLE
from tests.real.chromium import Chromium
from tests.real.service import Service
from tests.real.serving import IDENTITY_PROVIDER, Server

pytestmark = pytest.mark.real("chromium")

SECRET = "for-tests-only-7Qk2ZtYw0sVb4NcX9mLr"


@pytest.fixture
def address(service: Service, tmp_path: Path) -> str:
    """The service serves, its identity provider doesn't; the address that the command made for mara."""
    app = App.for_service("wiki", service.origin, label="Wiki")
    metadata = JumpCloudIdP("https://sso.example.test", apps=[app], people=PEOPLE).metadata("wiki")
    service.serve(metadata, emergency__sign_in="yes", session__secret=SECRET)
    (tmp_path / "idp.xml").write_text(metadata)
    (tmp_path / "wiki.ini").write_text(
        f"[filter:saml]\nuse = egg:saml_wsgi\nbase_url = {service.origin}\nidp.metadata = file:idp.xml\n"
        f"session.secret = {SECRET}\nemergency.sign_in = yes\n"
    )
    ini = str(tmp_path / "wiki.ini")
    assert CliRunner().invoke(main, ["users", "add", ini, "mara"]).exit_code == 0
    result = CliRunner().invoke(main, ["users", "let-in", ini, "mara"])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_the_button_signs_in(service: Service, address: str, browse: Callable[..., Chromium]) -> None:
    """The browser sends our own form in a way that we know as ours, and keeps the session."""
    browser = browse()
    browser.open(address)
    browser.find("button").click()
    browser.arrive(f"{service.origin}/")
    seen: dict[str, Any] = json.loads(browser.find("#seen").get_attribute("textContent"))
    assert seen["user"] == "mara"


def test_another_sites_form_signs_nobody_in(
    service: Service, address: str, bind: Callable[..., Server], browse: Callable[..., Chromium]
) -> None:
    """Whoever has an address can't sign somebody else's browser in with it."""
    where, _, token = address.partition("?token=")
    page = (
        '<!doctype html><link rel="icon" href="data:,"><title>Evil</title>'
        f'<form method="post" action="{html.escape(where)}"><input type="hidden" name=token value="{token}">'
        "<button>Win</button></form>"
    )

    def evil(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [page.encode()]

    server = bind(IDENTITY_PROVIDER)
    server.serve(evil)
    browser = browse()
    browser.open(f"{server.origin}/")
    browser.find("button").click()
    browser.arrive(where)
    assert "bad_request" in browser.find("main").text
    assert ("POST", "/saml/emergency") in service.requests
