"""What the tests assume of their own browser and servers; if this fails, the others say nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.real.chromium import Chromium
from tests.real.serving import IDENTITY_PROVIDER, SERVICE, Server
from tests.real.tls import Authority

pytestmark = pytest.mark.real("chromium")


def _cookie_counter(environ, start_response):
    """Sets one cookie of each kind, and says which came."""
    kinds = {
        "__Host-lax": "Path=/; SameSite=Lax",
        "__Secure-none": "Path=/; SameSite=None",
        "strict": "Path=/; SameSite=Strict",
    }
    sent = sorted(
        name for name in kinds if f"{name}=1" in environ.get("HTTP_COOKIE", "").replace(",", ";").split("; ")
    )
    headers = [("Set-Cookie", f"{name}=1; Secure; HttpOnly; {rest}") for name, rest in kinds.items()]
    start_response("200 OK", [("Content-Type", "text/plain"), *headers])
    return [f"{environ['wsgi.url_scheme']} {environ['REQUEST_METHOD']} {' '.join(sent)}".encode()]


def _poster(target: str):
    page = f'<form method="post" action="{target}"></form><script>document.forms[0].submit()</script>'

    def poster(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [page.encode()]

    return poster


def test_a_cross_site_post_brings_only_samesite_none(
    bind: Callable[..., Server], browse: Callable[..., Chromium]
) -> None:
    """SameSite is real here: of three cookies a POST from another address brings the None one alone."""
    service, idp = bind(SERVICE), bind(IDENTITY_PROVIDER)
    service.serve(_cookie_counter)
    idp.serve(_poster(f"{service.origin}/"))
    browser = browse()
    browser.open(f"{service.origin}/")
    browser.read("https GET")
    assert {"__Host-lax", "__Secure-none", "strict"} <= set(browser.cookies(SERVICE))
    browser.open(f"{service.origin}/")
    browser.read("https GET __Host-lax __Secure-none strict")
    browser.open(f"{idp.origin}/")
    browser.read("https POST __Secure-none")
    assert browser.text == "https POST __Secure-none"


def test_cookies_can_be_refused_for_one_origin(
    bind: Callable[..., Server], browse: Callable[..., Chromium]
) -> None:
    """A browser told to refuse one origin's cookies keeps another's."""
    service, idp = bind(SERVICE), bind(IDENTITY_PROVIDER)
    service.serve(_cookie_counter)
    idp.serve(_cookie_counter)
    browser = browse(without_cookies=(service.origin,))
    for server in (service, idp):
        browser.open(f"{server.origin}/")
        browser.read("https GET")
    assert not browser.cookies(SERVICE)
    assert browser.cookies(IDENTITY_PROVIDER)


def test_nothing_but_the_loopback_is_reachable(browse: Callable[..., Chromium]) -> None:
    """A page of these tests that points elsewhere leads nowhere."""
    from selenium.common.exceptions import WebDriverException

    with pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
        browse().open("https://example.com/")


def test_another_certificate_is_not_believed(browse: Callable[..., Chromium]) -> None:
    """Only the tests' own key is trusted; certificate errors are not ignored wholesale."""
    stranger = Server(SERVICE, Authority(SERVICE))
    stranger.serve(_cookie_counter)
    try:
        browser = browse()
        browser.open(f"{stranger.origin}/")
        browser.read("ERR_CERT_AUTHORITY_INVALID")
    finally:
        stranger.stop()
