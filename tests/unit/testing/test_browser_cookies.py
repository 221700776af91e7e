"""The scripted browser's cookies: what it keeps, when it sends them, by the rules of Chromium."""

import json
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.testing import CookieJar, FakeClock
from saml_wsgi.testing.cookies import is_loopback, site

WIKI = "https://wiki.example.test"
OTHER = "https://other.example.test"
HERE = "http://localhost:8080"
PLAIN = "http://plain.test"


def mirror(environ, start_response):
    """Sets the cookies that the query asks for, and says which it received."""
    cookies = parse_qs(environ["QUERY_STRING"]).get("cookie", [])
    start_response(
        "200 OK", [("Content-Type", "application/json"), *(("Set-Cookie", value) for value in cookies)]
    )
    return [json.dumps(environ.get("HTTP_COOKIE", "")).encode()]


@pytest.fixture
def browser(saml_browser):
    return saml_browser(dict.fromkeys((WIKI, OTHER, HERE, PLAIN), mirror))


def setting(*cookies, url=f"{WIKI}/"):
    return f"{url}?{urlencode([('cookie', cookie) for cookie in cookies])}"


def cookies_of(page):
    return page.json()


def test_samesite_decides_as_in_chromium(browser, saml_clock):
    """Another site's POST carries None (and what is young and says nothing), its GET Lax too."""
    browser.get(
        setting(
            "strict=1; Secure; SameSite=Strict",
            "lax=1; Secure; SameSite=Lax",
            "none=1; Secure; SameSite=None",
            "unsaid=1; Secure",
        )
    )
    every = "strict=1; lax=1; none=1; unsaid=1"
    assert cookies_of(browser.get(f"{WIKI}/")) == every
    assert cookies_of(browser.post(f"{WIKI}/", initiator=f"{WIKI}/page")) == every
    assert cookies_of(browser.get(f"{WIKI}/", initiator=OTHER)) == "lax=1; none=1; unsaid=1"
    assert cookies_of(browser.post(f"{WIKI}/", initiator=OTHER)) == "none=1; unsaid=1"
    saml_clock.advance(120)
    assert cookies_of(browser.post(f"{WIKI}/", initiator=OTHER)) == "none=1"
    assert cookies_of(browser.fetch(f"{WIKI}/", initiator=OTHER)) == ""
    assert cookies_of(browser.fetch(f"{WIKI}/", initiator=OTHER, credentials="include")) == "none=1"
    assert cookies_of(browser.fetch(f"{WIKI}/", initiator=f"{WIKI}/page")) == every
    assert cookies_of(browser.fetch(f"{WIKI}/", initiator=f"{WIKI}/page", credentials="omit")) == ""


@pytest.mark.parametrize(
    "cookie",
    [
        "a=1; SameSite=None",
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure",
        "__Host-a=1; Secure; Path=/; Domain=wiki.example.test",
        "__host-a=1; Path=/",
        "__Secure-a=1",
        "a=1; Domain=other.example.test",
        "a=1; Domain=iki.example.test",
        "a=" + "x" * 4096,
        "=",
    ],
)
def test_cookies_that_browsers_refuse(browser, cookie):
    """A cookie that breaks a rule isn't kept, and the reason is noted."""
    browser.get(setting(cookie, url=f"{WIKI}/below/"))
    assert not list(browser.cookies)
    assert browser.cookies.refused[0][0] == cookie
    assert browser.cookies.refused[0][1]


def test_secure_cookies_need_https_or_the_loopback(browser):
    """Secure cookies, those with a prefix too, go over http to this machine only (seen in Chromium 156)."""
    browser.get(setting("a=1; Secure; SameSite=None", "__Host-b=1; Secure; Path=/", url=f"{HERE}/"))
    assert cookies_of(browser.get(f"{HERE}/")) == "a=1; __Host-b=1"
    browser.get(setting("a=1; Secure", "__Host-b=1; Secure; Path=/", "c=1", url=f"{PLAIN}/"))
    assert cookies_of(browser.get(f"{PLAIN}/")) == "c=1"


def test_an_insecure_cookie_never_shadows_a_secure_one(saml_clock):
    """What http sets can't replace a Secure cookie that https set on the same host."""
    jar = CookieJar(saml_clock.time)
    jar.keep("https://wiki.test/", "a=right; Secure")
    jar.keep("http://wiki.test/", "a=wrong")
    assert jar.header("https://wiki.test/") == "a=right"
    assert jar.header("http://wiki.test/") == ""


def test_cookies_belong_to_hosts_and_paths(browser):
    """Ports don't count, hosts and paths do, longer paths go first, Domain widens to names below."""
    jar = browser.cookies
    jar.keep("https://wiki.test:8443/a/b", "one=1; Path=/a")
    jar.keep("https://wiki.test/a/b/c", "two=2")
    jar.keep("https://wiki.test/", "three=3; Path=nonsense; Domain=.WIKI.test")
    assert jar.header("https://wiki.test/a/b/c") == "two=2; one=1; three=3"
    assert jar.header("https://wiki.test:9000/a") == "one=1; three=3"
    assert jar.header("https://wiki.test/ab") == "three=3"
    assert jar.header("https://below.wiki.test/a") == "three=3"
    assert jar.header("https://notwiki.test/a") == ""
    assert jar.get("one").path == "/a"
    assert jar.get("one", "other.test") is None


def test_cookies_end(browser, saml_clock):
    """Max-Age goes before Expires; zero and the past remove; unreadable dates are a session's cookie."""
    browser.get(
        setting("age=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "plain=1", "odd=1; Expires=x")
    )
    browser.get(setting("gone=1; Path=/", "past=1; Path=/"))
    browser.get(setting("gone=; Path=/; Max-Age=0", "past=; Path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT"))
    assert cookies_of(browser.get(f"{WIKI}/")) == "age=1; plain=1; odd=1"
    saml_clock.advance(60)
    assert cookies_of(browser.get(f"{WIKI}/")) == "plain=1; odd=1"
    assert [cookie.name for cookie in browser.cookies] == ["plain", "odd"]


@given(st.text(max_size=200))
def test_any_set_cookie_can_be_read(text):
    """Whatever a server sends as Set-Cookie is kept or refused, never an error."""
    jar = CookieJar(FakeClock(0).time)
    jar.keep("https://wiki.test/", text)
    assert len(list(jar)) + len(jar.refused) <= 1
    jar.header("https://wiki.test/")


def test_places_are_told_apart():
    """localhost, its subdomains and loopback addresses are this machine; sites are scheme and host."""
    assert all(is_loopback(host) for host in ("localhost", "sso.localhost", "127.0.0.2", "::1"))
    assert not any(is_loopback(host) for host in ("localhost.example", "10.0.0.1", "", "127.1.example"))
    assert site("https://A.test:1/x") == site("https://a.test/")
    assert site("http://a.test/") != site("https://a.test/")
