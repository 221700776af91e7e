"""What a person does in a real browser, over TLS, with service and identity provider on two sites."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.people import PEOPLE
from tests.real.chromium import Chromium
from tests.real.service import Service
from tests.real.serving import IDENTITY_PROVIDER, SERVICE, Server
from tests.real.simplesamlphp import EMAIL, SimpleSAMLphp
from tests.real.simplesamlphp import PEOPLE as SIMPLESAML_PEOPLE

pytestmark = pytest.mark.real("chromium")

MARA = PEOPLE[0]
YUKI = PEOPLE[2]


class JumpCloud:
    """The JumpCloud-shaped identity provider, and a memory of the last answer that it gave.

    Attributes:
        tile: The address that the portal's tile opens.
        again: An address that posts its last answer once more, from the same site, as reloading the
            page of the identity provider does.
    """

    def __init__(self, server: Server, service: Service) -> None:
        self.origin = server.origin
        self._idp = JumpCloudIdP(
            self.origin, apps=[App.for_service("wiki", service.origin, label="Wiki")], people=PEOPLE
        )
        self._last = b""
        self.tile = f"{self.origin}/saml2/wiki"
        self.again = f"{self.origin}/again"
        server.serve(self._remembering)

    def metadata(self) -> str:
        return self._idp.metadata("wiki")

    def _remembering(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/again":
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [self._last]
        body = b"".join(self._idp(environ, start_response))
        if b"SAMLResponse" in body:
            self._last = body
        return [body]


@pytest.fixture
def jumpcloud(bind: Callable[..., Server], service: Service) -> JumpCloud:
    """Signs people in to the service, which is configured by this identity provider's metadata."""
    jumpcloud = JumpCloud(bind(IDENTITY_PROVIDER), service)
    service.serve(jumpcloud.metadata())
    return jumpcloud


def sign_in(browser: Chromium, person=MARA) -> None:
    """Fill in JumpCloud's form, which the browser must be at."""
    browser.find("input[name=password]")
    browser.fill_in(username=person.username, password=person.password)


def seen(browser: Chromium) -> dict[str, Any]:
    """What the application says that it received."""
    return json.loads(browser.find("#seen").get_attribute("textContent"))


def session_cookie(browser: Chromium) -> dict[str, Any] | None:
    kept = browser.cookies(SERVICE)
    held = [cookie for name, cookie in kept.items() if name.startswith("__Host-") and not name.endswith("_b")]
    assert len(held) < 2
    return held[0] if held else None


def test_a_deep_link_comes_back(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """Whoever asks for a page with a query ends on that page, signed in, with the query as it was."""
    browser = browse()
    target = f"{service.origin}/pages/caf%C3%A9?q=a%26b&x=1+2&x=%E2%9C%93"
    browser.open(target)
    sign_in(browser, YUKI)
    browser.arrive(target)
    there = seen(browser)
    assert there["path"] == "/pages/café"
    assert there["query"] == "q=a%26b&x=1+2&x=%E2%9C%93"
    assert there["name"] == "由紀 田中"
    assert there["cookies"] == ""


def test_cookies_have_the_attributes_that_browsers_hold_us_to(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """A browser keeps the session as a Lax __Host- cookie that scripts can't read, for this run only."""
    browser = browse()
    browser.open(f"{service.origin}/")
    sign_in(browser)
    browser.arrive(f"{service.origin}/")
    cookie = session_cookie(browser)
    assert cookie is not None
    assert cookie["domain"] == SERVICE
    assert (cookie["path"], cookie["secure"], cookie["httpOnly"]) == ("/", True, True)
    assert cookie["sameSite"] == "Lax"
    assert browser.driver.execute_script("return document.cookie") == ""


def test_two_tabs_end_on_their_own_pages(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """Two tabs that both wait at the sign-in form each come back to the page that they asked for."""
    browser = browse()
    browser.open(f"{service.origin}/one?tab=1")
    browser.find("input[name=password]")
    first = browser.tab
    second = browser.open_tab(f"{service.origin}/two?tab=2")
    sign_in(browser)
    browser.arrive(f"{service.origin}/two?tab=2")
    browser.look_at(first)
    sign_in(browser)
    browser.arrive(f"{service.origin}/one?tab=1")
    assert seen(browser)["user"] == MARA.email
    browser.look_at(second)
    browser.driver.refresh()
    browser.arrive(f"{service.origin}/two?tab=2")
    assert seen(browser)["query"] == "tab=2"


def test_the_back_button_leads_to_no_error(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """Going back to the sign-in form and sending it again ends on the page, not on an error."""
    browser = browse()
    target = f"{service.origin}/page?n=1"
    browser.open(target)
    sign_in(browser)
    browser.arrive(target)
    browser.driver.back()
    sign_in(browser)
    browser.arrive(target)
    assert seen(browser)["user"] == MARA.email


def test_reloading_the_landing_page_keeps_it(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """Reloading the page after sign-in shows it again, without another message to the ACS."""
    browser = browse()
    target = f"{service.origin}/page?n=1"
    browser.open(target)
    sign_in(browser)
    browser.arrive(target)
    posts = service.count("POST", "/saml/acs")
    browser.driver.refresh()
    browser.arrive(target)
    assert seen(browser)["user"] == MARA.email
    assert service.count("POST", "/saml/acs") == posts == 1


def test_posting_the_same_answer_again_goes_on_to_the_page(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """The browser that signed in may post its answer twice: it goes on to the page, in the same session."""
    browser = browse()
    target = f"{service.origin}/page?n=1"
    browser.open(target)
    sign_in(browser)
    browser.arrive(target)
    session = session_cookie(browser)
    browser.open(jumpcloud.again)
    browser.arrive(target)
    assert seen(browser)["user"] == MARA.email
    assert service.count("POST", "/saml/acs") == 2
    assert session_cookie(browser) == session


def test_another_browser_gets_nothing_for_the_same_answer(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """Somebody else's answer signs a browser in as nobody: it is asked who it is."""
    mine = browse()
    mine.open(f"{service.origin}/page")
    sign_in(mine)
    mine.arrive(f"{service.origin}/page")
    other = browse()
    other.open(jumpcloud.again)
    other.find("input[name=password]")
    assert other.url.startswith(jumpcloud.origin)
    assert session_cookie(other) is None


def test_refused_cookies_are_explained_without_a_loop(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """A browser that refuses the service's cookies ends on a page that says so, after one more try."""
    browser = browse(without_cookies=(service.origin,))
    browser.open(f"{service.origin}/page")
    sign_in(browser)
    browser.read("Your browser refused the cookie")
    assert browser.url.startswith(f"{service.origin}/saml/")
    assert service.count("POST", "/saml/acs") <= 2
    assert not browser.cookies(SERVICE)


def test_signing_out_ends_the_session_and_the_next_page_asks_again(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """A click on the application's link signs out and says so; a protected page then needs a sign-in."""
    browser = browse()
    browser.open(f"{service.origin}/page")
    sign_in(browser)
    browser.arrive(f"{service.origin}/page")
    held = session_cookie(browser)
    browser.find("#sign-out").click()
    browser.read("signed out")
    assert session_cookie(browser) is None
    # JumpCloud still knows the person, and would sign them in without a question.
    browser.forget_cookies(IDENTITY_PROVIDER)
    browser.open(f"{service.origin}/page")
    browser.find("input[name=password]")
    assert browser.url.startswith(jumpcloud.origin)
    # Not even the old cookie opens it: the session is gone at the server.
    assert held is not None
    browser.put_cookie(held)
    browser.open(f"{service.origin}/page")
    browser.find("input[name=password]")
    assert browser.url.startswith(jumpcloud.origin)


def test_another_site_cannot_sign_a_person_out(
    service: Service, jumpcloud: JumpCloud, bind: Callable[..., Server], browse: Callable[..., Chromium]
) -> None:
    """A page of another site that loads our sign-out address as an image or a link ends no session."""
    browser = browse()
    browser.open(f"{service.origin}/page")
    sign_in(browser)
    browser.arrive(f"{service.origin}/page")
    logout = browser.find("#sign-out").get_attribute("href")
    attacker = bind(IDENTITY_PROVIDER)

    page = f'<link rel="icon" href="data:,"><img src="{logout}"><a id="go" href="{logout}">kittens</a>'

    def lure(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [page.encode()]

    attacker.serve(lure)
    browser.open(f"{attacker.origin}/")
    browser.find("#go").click()
    browser.wait(lambda: browser.url.startswith(service.origin), "to follow the link")
    browser.open(f"{service.origin}/page")
    browser.arrive(f"{service.origin}/page")
    assert seen(browser)["user"] == MARA.email
    assert service.count("POST", "/saml/acs") == 1


def test_the_portal_tile_signs_in_unnoticed(
    service: Service, jumpcloud: JumpCloud, browse: Callable[..., Chromium]
) -> None:
    """A click on the tile, an answer that nobody asked for, ends signed in after a round trip of our own."""
    browser = browse()
    browser.open(jumpcloud.tile)
    sign_in(browser)
    browser.arrive(f"{service.origin}/")
    assert seen(browser)["user"] == MARA.email
    assert service.count("POST", "/saml/acs") == 2
    session = session_cookie(browser)
    browser.open(jumpcloud.tile)
    browser.arrive(f"{service.origin}/")
    assert service.count("POST", "/saml/acs") == 3
    assert session_cookie(browser) == session


@pytest.mark.parametrize(
    ("here", "there"),
    [("localhost", "localhost"), (SERVICE, IDENTITY_PROVIDER)],
    ids=["one host", "two sites"],
)
def test_development_without_tls(
    bind: Callable[..., Server], browse: Callable[..., Chromium], tmp_path: Path, here: str, there: str
) -> None:
    """Plain HTTP on the loopback works too: on one host, as in the demonstration, and across sites."""
    service = Service(bind(here, tls=False), tmp_path)
    jumpcloud = JumpCloud(bind(there, tls=False), service)
    service.serve(jumpcloud.metadata())
    browser = browse()
    target = f"{service.origin}/page?n=1"
    browser.open(target)
    sign_in(browser)
    browser.arrive(target)
    assert seen(browser)["user"] == MARA.email
    assert service.count("POST", "/saml/acs") == 1
    browser.find("#sign-out").click()
    browser.read("signed out")
    assert not [name for name in browser.cookies(here) if re.fullmatch("saml_wsgi_[0-9a-f]{8}", name)]


@pytest.mark.real("simplesamlphp")
def test_simplesamlphp_signs_in_from_its_metadata_alone(
    service: Service, simplesaml: SimpleSAMLphp, browse: Callable[..., Chromium]
) -> None:
    """A person of an identity provider that this project didn't write lands on the page first asked for."""
    zoe = SIMPLESAML_PEOPLE[1]
    simplesaml.register(service.entity_id, service.acs, name_id_format=EMAIL)
    service.serve(simplesaml.metadata())
    browser = browse()
    target = f"{service.origin}/search?q=%C3%BC&page=2"
    browser.open(target)
    browser.find("input[name=password]")
    assert browser.url.startswith(simplesaml.origin)
    browser.fill_in(username=zoe.username, password=zoe.password)
    browser.arrive(target)
    there = seen(browser)
    assert there["user"] == "zoe@example.com"
    assert there["name"] == "Zoë Müller-Łukasiewicz"
    assert sorted(there["groups"]) == ["Vertrieb & Südwest", "staff"]
