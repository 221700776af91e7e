"""The test identity provider as people meet it: login, portal, tiles, sign-out, pages."""

import base64

import pytest
from lxml import etree

from saml_wsgi.testing import App, Browser
from saml_wsgi.testing.transports import Sent, call, environ_for

SSO = "https://sso.example.test"
WIKI = "https://wiki.example.test"


@pytest.fixture
def browser(saml_idp, saml_browser):
    return saml_browser({SSO: saml_idp})


def sign_in(browser, page, username="mara", password=None):
    """Fill in the login form."""
    password = f"{username}-demo" if password is None else password
    return browser.submit(page, {"username": username, "password": password}, follow=True)


def answer(page):
    """The message that the page would post."""
    form = page.form()
    return form, etree.fromstring(base64.b64decode(form.values["SAMLResponse"]))


def test_from_the_portal_to_the_application(browser, saml_idp):
    """Login, portal, tile: the tile posts an answer that nobody asked for."""
    page = browser.get(f"{SSO}/", follow=True)
    assert page.url == f"{SSO}/login"
    portal = sign_in(browser, page)
    assert portal.url == f"{SSO}/"
    assert "Mara Lindqvist" in portal.text
    posting = browser.click(portal, "Wiki")
    form, root = answer(posting)
    assert posting.status == 200
    assert form.url == f"{WIKI}/saml/acs"
    assert form.method == "POST"
    assert form.buttons == (("Continue", "", ""),)
    assert root.get("InResponseTo") is None
    assert "RelayState" not in form.values
    assert saml_idp.sent[-1].fields["SAMLResponse"] == form.values["SAMLResponse"]


def test_a_tile_may_open_the_login_url(browser, saml_idp):
    """With login_url the tile leads there instead of sending an answer."""
    saml_idp.change_app("wiki", login_url=f"{WIKI}/saml/login")
    portal = sign_in(browser, browser.get(f"{SSO}/login"))
    assert portal.link("Wiki") == f"{WIKI}/saml/login"


def test_several_applications_share_one_session(browser, saml_idp):
    """Each assigned application has a tile, and its own answer, after one login."""
    saml_idp.add_app(
        App.for_service("ledger", "https://ledger.example.test", bound_groups=("Finance, Controlling",))
    )
    mara = sign_in(browser, browser.get(f"{SSO}/login"))
    assert [text for text, _ in mara.links] == ["Wiki"]
    assert browser.get(f"{SSO}/saml2/ledger").status == 403
    jose = Browser(browser._transport)
    portal = sign_in(jose, jose.get(f"{SSO}/login"), "jose")
    form, root = answer(jose.click(portal, "ledger"))
    assert form.url == "https://ledger.example.test/saml/acs"
    assert root.findtext(".//{*}Audience") == "https://ledger.example.test/saml/metadata"


def test_a_suspension_ends_the_session(browser, saml_idp):
    """Whoever is suspended or deleted while signed in has to sign in again, and can't."""
    sign_in(browser, browser.get(f"{SSO}/login"))
    assert browser.get(f"{SSO}/saml2/wiki").status == 200
    for state in ("suspended", "deleted"):
        saml_idp.change_person("mara", state=state)
        assert browser.get(f"{SSO}/saml2/wiki").location.startswith(f"{SSO}/login")


def test_the_email_address_signs_in_too(browser):
    """The login form takes username or e-mail address, in any letter case."""
    portal = sign_in(browser, browser.get(f"{SSO}/login"), "MARA@Example.Test", "mara-demo")
    assert "Mara Lindqvist" in portal.text


def test_signing_out_ends_the_session(browser):
    """After signing out the portal asks for the password again, and the old cookie is worth nothing."""
    portal = sign_in(browser, browser.get(f"{SSO}/login"))
    held = browser.cookies.get("__Host-idp_session").value
    assert browser.submit(portal, button="Sign out", follow=True).url == f"{SSO}/login"
    assert browser.cookies.get("__Host-idp_session") is None
    replayed = browser.get(f"{SSO}/", headers={"Cookie": f"__Host-idp_session={held}"})
    assert replayed.location == f"{SSO}/login"


def test_forms_of_other_sites_are_refused(browser):
    """Another site can neither sign a browser in nor out."""
    fields = {"username": "mara", "password": "mara-demo"}
    assert browser.post(f"{SSO}/login", fields, initiator="https://evil.example/").status == 403
    sign_in(browser, browser.get(f"{SSO}/login"))
    assert browser.post(f"{SSO}/logout", initiator="https://evil.example/").status == 403
    assert browser.get(f"{SSO}/").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/saml2/unknown", 404),
        ("GET", "/%ff", 400),
        ("GET", "/login?to=%ff", 400),
        ("PUT", "/saml2/wiki", 405),
        ("GET", "/logout", 405),
        ("POST", "/metadata/wiki.xml", 405),
        ("HEAD", "/login", 200),
    ],
)
def test_every_address_has_an_answer(browser, method, path, status):
    """Wrong addresses and methods get a page that says so; HEAD has no body."""
    page = browser.fetch(f"{SSO}{path}", initiator=f"{SSO}/", method=method)
    assert page.status == status
    assert (page.body == b"") == (method == "HEAD")
    assert (page.header("Allow") is not None) == (status == 405)


def test_bodies_are_bounded(saml_idp):
    """A body that is too large, or whose length isn't a number, is refused unread."""

    class Unreadable:
        def read(self, size):
            raise AssertionError("the body was read")

    for length, status in (("999999999999", 413), ("200000", 413), ("-1", 400), ("１", 400)):
        environ = environ_for(Sent("POST", f"{SSO}/saml2/wiki"))
        environ |= {"CONTENT_LENGTH": length, "wsgi.input": Unreadable()}
        assert call(saml_idp, environ).status == status


def test_pages_are_safe_and_not_cached(browser):
    """Pages have a policy that lets nothing in, no caching, and only the posting page runs a script."""
    login = browser.get(f"{SSO}/login")
    assert "default-src 'none'" in login.header("Content-Security-Policy")
    assert "script-src" not in login.header("Content-Security-Policy")
    assert login.header("Cache-Control") == "no-store"
    sign_in(browser, login)
    posting = browser.get(f"{SSO}/saml2/wiki")
    nonce = posting.text.partition('<script nonce="')[2].partition('"')[0]
    assert f"script-src 'nonce-{nonce}'" in posting.header("Content-Security-Policy")
    assert "form-action" not in posting.header("Content-Security-Policy")


def test_metadata_is_served(browser, saml_idp):
    """The metadata stands at its URL, as the method gives it."""
    page = browser.get(saml_idp.metadata_url("wiki"))
    assert page.text == saml_idp.metadata("wiki")
    assert page.header("Content-Type") == "application/samlmetadata+xml; charset=utf-8"
