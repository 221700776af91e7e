"""Responses that nobody asked for, cookies that don't come back: no loop, and no session for a stranger."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

WIKI = "https://wiki.example.test"
SESSION = re.compile(r"__Host-saml_wsgi_[0-9a-f]{8}")
PORTAL = "https://sso.example.test/"


@pytest.fixture
def unsolicited(saml_idp):
    """An attacker's page that makes the browser send a response for the attacker's account."""

    def send(browser, relay_state=None, **changes):
        form = saml_idp.response("wiki", "jose", relay_state=relay_state, **changes)
        return browser.post(form.url, form.fields, initiator=PORTAL)

    return send


def test_restart_discards_the_message_unread(protect, browse, unsolicited, monkeypatch):
    """An unsolicited response leads to a fresh round trip; nothing in it is even parsed."""
    app = protect()
    monkeypatch.setattr(app.provider, "read", lambda _message: pytest.fail("it was read"))
    browser = browse(app)
    page = unsolicited(browser)
    assert urlsplit(page.location).path == "/saml/login"
    page = browser.follow(page)
    assert "SAMLRequest" in page.form().values
    assert not [cookie for cookie in browser.cookies if SESSION.fullmatch(cookie.name)]


def test_restart_while_a_sign_in_is_pending(protect, browse, unsolicited):
    """The portal's tile works while another tab is about to sign in."""
    browser = browse(protect())
    browser.get(f"{WIKI}/other")
    page = browser.follow(unsolicited(browser))
    assert "SAMLRequest" in page.form().values


def test_restart_keeps_a_live_session(protect, browse, sign_in, unsolicited):
    """With a live session an unsolicited response changes nobody: it leads on as who one was."""
    browser = browse(protect())
    sign_in(browser, username="mara")
    page = browser.follow(unsolicited(browser, "/there"))
    assert page.url == f"{WIKI}/there"
    assert page.json()["remote_user"] == "mara@example.test"


@pytest.mark.parametrize(
    ("relay_state", "target"),
    [
        ("/there?a=1", "/there?a=1"),
        (f"{WIKI}/there", "/there"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("https:///evil.example", "/"),
        (f"{WIKI}@evil.example/", "/"),
        (f"{WIKI}.evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/\tevil", "/"),
        ("/\u2044evil", "/"),
        ("/\0", "/"),
        ("x" * 65_000, "/"),
        ("/saml/logout", "/"),
    ],
)
def test_relay_state_is_only_ever_a_page_of_ours(protect, browse, unsolicited, relay_state, target):
    """The RelayState of an unsolicited response leads to a page of this site, or to its front."""
    page = unsolicited(browse(protect()), relay_state)
    if page.status == 303:
        assert parse_qs(urlsplit(page.location).query)["return_to"] == [target]
    assert page.status in {303, 413}


def test_refuse(protect, browse, unsolicited, code_on):
    """With `refuse` a page says to start here."""
    page = unsolicited(browse(protect(idp__unsolicited="refuse")))
    assert (page.status, code_on(page)) == (403, "unsolicited_refused")


def test_accept_takes_it_once(protect, browse, unsolicited, code_on, saml_idp):
    """With `accept` an unsolicited response signs in once, at the page that its RelayState names."""
    app = protect(idp__unsolicited="accept")
    browser = browse(app)
    form = saml_idp.response("wiki", "jose", relay_state="/there?x=1")
    page = browser.follow(browser.post(form.url, form.fields, initiator=PORTAL))
    assert (page.url, page.json()["remote_user"]) == (f"{WIKI}/there?x=1", "jose@example.test")
    again = browse(app).post(form.url, form.fields, initiator=PORTAL)
    assert (again.status, code_on(again)) == (403, "response_refused")


@pytest.mark.parametrize("policy", ["restart", "refuse", "accept"])
def test_a_response_to_somebody_elses_request_signs_nobody_in(protect, browse, saml_idp, to_answer, policy):
    """Login CSRF: a response to the attacker's own request signs nobody else in, whatever the policy."""
    app = protect(idp__unsolicited=policy)
    attacker = browse(app)
    carrier = to_answer(attacker, attacker.get(f"{WIKI}/"), "jose")
    victim = browse(app)
    victim.get(f"{WIKI}/own")
    fields = {"SAMLResponse": carrier.form().values["SAMLResponse"]}
    page = victim.post(f"{WIKI}/saml/acs", fields, initiator="https://evil.example/")
    assert page.status in {303, 403}
    assert not [cookie for cookie in victim.cookies if SESSION.fullmatch(cookie.name)]


def test_cookies_refused_always(protect, browse, to_answer, code_on):
    """A browser that keeps no cookie of ours ends on a page that says so, after at most two round trips."""
    browser = browse(protect())
    carrier = to_answer(browser, browser.get(f"{WIKI}/"))
    rounds = 0
    while True:
        for cookie in list(browser.cookies):
            if "saml_wsgi_" in cookie.name:
                browser.cookies.remove(cookie)
        page = browser.submit(carrier)
        if page.status != 303:
            break
        rounds += 1
        assert rounds < 5
        carrier = to_answer(browser, page)
    assert (page.status, code_on(page)) == (403, "cookie_refused")
    assert rounds == 1


def test_cookies_and_relay_state_lost(protect, browse, to_answer, saml_idp, code_on):
    """Even if the identity provider forgets the relay state too, nobody goes round in circles."""
    saml_idp.change_app("wiki", echo_relay_state=False)
    browser = browse(protect())
    carrier = to_answer(browser, browser.get(f"{WIKI}/"))
    for cookie in list(browser.cookies):
        if "saml_wsgi_" in cookie.name:
            browser.cookies.remove(cookie)
    page = browser.submit(carrier)
    while page.status == 303:
        page = browser.follow(page, hops=1)
        for cookie in list(browser.cookies):
            if "saml_wsgi_" in cookie.name:
                browser.cookies.remove(cookie)
    assert (page.status, code_on(page)) == (403, "cookie_refused")


def test_only_pending_cookies_lost(protect, browse, to_answer, saml_idp, code_on):
    """If only the cookies for the POST are lost, every time, a counter ends it within two minutes."""
    saml_idp.change_app("wiki", echo_relay_state=False)
    browser = browse(protect())
    page = browser.get(f"{WIKI}/")
    rounds = 0
    while True:
        rounds += 1
        assert rounds <= 5
        carrier = to_answer(browser, page)
        if not carrier.forms or "SAMLResponse" not in carrier.form().values:
            break
        for cookie in list(browser.cookies):
            if "_p" in cookie.name:
                browser.cookies.remove(cookie)
        page = browser.submit(carrier)
    assert code_on(carrier) == "cookie_refused"


def test_session_cookie_refused(protect, browse, to_answer, code_on):
    """A browser that takes the pending cookie but not the session's is told so."""
    browser = browse(protect())
    page = browser.submit(to_answer(browser, browser.get(f"{WIKI}/")))
    for cookie in list(browser.cookies):
        if SESSION.fullmatch(cookie.name):
            browser.cookies.remove(cookie)
    page = browser.follow(page)
    assert (page.status, code_on(page)) == (403, "cookie_refused")


def test_resume_is_for_nobody_else(protect, browse, code_on):
    """`resume` without a sign-in of this browser is refused."""
    for query in ("", "?slot=0", "?slot=9", "?slot=-1", "?slot=x", "?slot=0&slot=1"):
        page = browse(protect()).get(f"{WIKI}/saml/resume{query}")
        assert (page.status, code_on(page)) == (403, "resume_refused")


def test_pending_cookies_end(protect, browse, to_answer, saml_clock, code_on):
    """An hour later a request isn't pending any more: the response leads to a fresh round trip."""
    browser = browse(protect())
    carrier = to_answer(browser, browser.get(f"{WIKI}/"))
    saml_clock.advance(3601)
    page = browser.submit(carrier)
    assert urlsplit(page.location).path == "/saml/login"


def test_a_neighbouring_host_signs_nobody_in(protect, browse, saml_idp, to_answer):
    """A host beside ours can set cookies for the whole domain, but not make its request this browser's."""
    app = protect()
    attacker = browse(app)
    carrier = to_answer(attacker, attacker.get(f"{WIKI}/"), "jose")
    victim = browse(app)
    victim.get(f"{WIKI}/own")
    for cookie in attacker.cookies:
        if "_p" in cookie.name:
            planted = f"{cookie.name}={cookie.value}; Domain=example.test; Path=/saml; Secure; SameSite=None"
            victim.cookies.keep("https://evil.example.test/", planted)
            assert [found for found in victim.cookies if found.value == cookie.value]
    fields = {"SAMLResponse": carrier.form().values["SAMLResponse"]}
    page = victim.post(f"{WIKI}/saml/acs", fields, initiator="https://evil.example.test/")
    assert urlsplit(page.location).path == "/saml/login"
    assert not [cookie for cookie in victim.cookies if SESSION.fullmatch(cookie.name)]
