"""Cookies, headers, environs and paths of an attacker's making."""

from __future__ import annotations

import pytest

from saml_wsgi.middleware.environ import FORGEABLE
from saml_wsgi.signing import Keys
from saml_wsgi.testing.transports import Sent, call, environ_for
from tests.attack.scene import ACS, ENTITY_ID, SECRET, SSO, WIKI

HOST_COOKIE = "; Path=/; Secure; HttpOnly; SameSite=Lax"


def keep(here, value):
    """Put this value into the session cookie."""
    here.browser.cookies.keep(f"{WIKI}/", f"{here.service.app._cookies.session}={value}{HOST_COOKIE}")


# -- sessions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", ["", "x", "x.y", "attacker's own session"])
def test_fixation(scene, planted):
    """A session cookie that was there before is another one after signing in, and gives nobody a session."""
    attacker = scene()
    if planted == "attacker's own session":
        attacker.browser.follow(attacker.post(attacker.answer("jose")))
        planted = attacker.cookie().value
    victim = attacker.service.scene()
    keep(victim, planted)
    victim.sign_in()
    assert victim.who == "mara@example.test"
    assert victim.cookie().value != planted
    keep(attacker, planted)
    assert attacker.who in {"", "jose@example.test"}


def test_rollback(scene, services):
    """A cookie from before a sign-out is nobody's, also after the next sign-in, and in another process."""
    here = scene(session__cache=0)
    here.sign_in()
    old = here.cookie().value
    page = here.browser.get(f"{WIKI}/saml/logout")
    here.browser.submit(page)
    assert here.who == ""
    keep(here, old)
    assert here.who == ""
    here.request = here.begin()
    here.sign_in()
    assert here.who == "mara@example.test"
    keep(here, old)
    assert here.who == ""


def texts(here) -> dict[str, str]:
    """Everything that we sign and hand out, and what nobody handed out."""
    ours = Keys(SECRET, context=ENTITY_ID)
    id_ = here.cookie().value.partition(".")[0]
    session = here.service.app.sessions.recognise(here.cookie().value).session
    return {
        "pending": here.cookie("_p[0-3]").value,
        "browser": here.cookie("_b").value,
        "relay state": here.service.app.provider.pending.relay_state(0),
        "logout token": here.service.app.sessions.token(session),
        "restart": ours.sign("restart", id_),
        "logout": ours.sign("logout", id_),
        "record": ours.sign("record", id_),
        "no purpose": ours.sign("", id_),
        "other service": Keys(SECRET, context="https://other.example.test").sign("session", id_),
        "other secret": Keys("x" * 32, context=ENTITY_ID).sign("session", id_),
        "unsigned": id_,
        "store's key": session.key,
        "signed store's key": ours.sign("session", session.key),
    }


NAMES = (
    "pending",
    "browser",
    "relay state",
    "logout token",
    "restart",
    "logout",
    "record",
    "no purpose",
    "other service",
    "other secret",
    "unsigned",
    "store's key",
    "signed store's key",
)


@pytest.mark.parametrize("name", NAMES)
def test_signed_for_something_else(scene, name):
    """A text that was signed for one purpose, or by another service, is no session."""
    here = scene()
    here.sign_in()
    found = texts(here)
    assert set(found) == set(NAMES)
    keep(here, found[name])
    assert here.who == ""


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pending"])
def test_no_other_text_is_a_pending_request(scene, name):
    """Nothing but a pending cookie of our own is one: the response stays unread."""
    here = scene()
    here.sign_in()
    there = here.service.scene()
    for kept in list(there.browser.cookies):
        there.browser.cookies.remove(kept)
    value = texts(here)[name]
    there.browser.cookies.keep(
        ACS, f"{here.service.app._cookies._slots[0]}={value}; Path=/saml; Secure; SameSite=None"
    )
    page = there.post(there.answer())
    assert page.location.startswith(f"{WIKI}/saml/login?restart=1")
    assert there.who == ""


def test_a_session_written_into_the_store(scene):
    """Whoever can write the store but doesn't know the secret gets nobody's session."""
    from saml_wsgi.session import record

    here = scene(session__cache=0)
    here.sign_in()
    service = here.service
    session = service.app.sessions.recognise(here.cookie().value).session
    name = f"session:{session.key}"
    forged = record.write(session, Keys("y" * 32, context=ENTITY_ID))
    service.app.sessions._store.put(name, forged, 600)
    assert here.who == ""
    service.app.sessions._store.put(name, b"junk", 600)
    assert here.who == ""


def test_a_session_moved_within_the_store(scene):
    """Whoever can write the store can't move somebody's record to the place of their own session."""
    here = scene(session__cache=0)
    here.sign_in()
    attacker = here.service.scene()
    attacker.browser.follow(attacker.post(attacker.answer("jose")))
    sessions = here.service.app.sessions
    victims, own = (
        f"session:{sessions.recognise(one.cookie().value).session.key}" for one in (here, attacker)
    )
    assert attacker.who == "jose@example.test"
    sessions._store.put(own, sessions._store.get(victims), 600)
    assert attacker.who == ""


# -- headers and environ ----------------------------------------------------------------------------

ALIASES = sorted(FORGEABLE - {"saml_wsgi.login_url", "saml_wsgi.logout_url"})


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("path", ["/open", "/page"])
def test_environ_forgery(scene, signed_in, path):
    """Names under which an application may look for an identity come from us, or aren't there."""
    here = scene(public="/open")
    if signed_in:
        here.sign_in()
    here.service.seen = {}
    environ = environ_for(Sent("GET", WIKI + path, (("Accept", "text/html"),)))
    environ["HTTP_COOKIE"] = here.browser.cookies.header(WIKI + path)
    call(here.service.app, environ | dict.fromkeys(FORGEABLE, "admin"))
    seen = here.service.seen
    assert bool(seen) is (signed_in or path == "/open")
    assert [name for name, value in seen.items() if value == "admin"] == []
    if signed_in:
        assert seen["REMOTE_USER"] == "mara@example.test"
    else:
        assert not set(ALIASES) & set(seen)


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda name: name.replace("_", "-").title(), id="dashes"),
        pytest.param(lambda name: name.lower(), id="underscores"),
        pytest.param(lambda name: name.replace("_", "-", 1), id="dash and underscore"),
        pytest.param(lambda name: name.replace("_", "-").lower(), id="lower case"),
    ],
)
def test_header_forgery(scene, spell):
    """However a header is spelt, what a server makes of it doesn't reach the application."""
    here = scene(public="/open")
    headers = {spell(name.removeprefix("HTTP_")): "admin" for name in FORGEABLE if name.startswith("HTTP_")}
    page = here.browser.get(f"{WIKI}/open", headers=headers)
    assert page.text == "nobody"
    assert [name for name, value in here.service.seen.items() if value == "admin"] == []


# -- paths ------------------------------------------------------------------------------------------

PUBLIC = "/healthz\n/static/*\nGET /feed"


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("", "/healthz/"),
        ("", "/healthz\x00"),
        ("", "/healthz\x00/../page"),
        ("", "/healthz;x"),
        ("", "/healthz%2f"),
        ("", "/HEALTHZ"),
        ("", "/healthz "),
        ("", " /healthz"),
        ("", "//healthz"),
        ("", "healthz"),
        ("", "/./healthz"),
        ("", "/static/../page"),
        ("", "/static/./../page"),
        ("", "/static/.."),
        ("", "/static/..;/page"),
        ("", "/static//page"),
        ("", "/static/\\..\\page"),
        ("", "/static/%2e%2e/page"),
        ("", "/static/\xc0\xae\xc0\xae/page"),
        ("", "/static/\xff"),
        ("", "/static/\xed\xa0\x80"),
        ("", "/static/\x7f"),
        ("", "/static/a\r\nb"),
        ("", "/static\xe2\x80\x8b/page"),
        ("", "/staticx"),
        ("", "/STATIC/x"),
        ("", "/\xef\xbd\x93tatic/x"),
        ("", "*"),
        ("", "http://wiki.example.test/static/x"),
        ("", ""),
        ("/static", ""),
        ("/static", "/page"),
        ("/static/", "page"),
        ("/healthz", ""),
        ("/healthz", "/"),
        ("/static/x", "/../../page"),
    ],
)
def test_paths_that_are_not_public(scene, script, path):
    """Only a path that everybody on the way reads in one way, and that matches, is public."""
    here = scene(public=PUBLIC)
    here.service.seen = {}
    environ = environ_for(Sent("GET", f"{WIKI}/", (("Accept", "text/html"),)))
    page = call(here.service.app, environ | {"SCRIPT_NAME": script, "PATH_INFO": path})
    assert here.service.seen == {}
    assert page.status in {200, 400, 302}
    assert b"nobody" not in page.body


@pytest.mark.parametrize("method", ["POST", "PUT", "get", "GET ", "OPTIONS", "TRACE", "GETX", "", "CONNECT"])
@pytest.mark.parametrize("header", [{}, {"HTTP_X_HTTP_METHOD_OVERRIDE": "GET", "HTTP_X_HTTP_METHOD": "GET"}])
def test_methods_that_are_not_public(scene, method, header):
    """A path that is public by one method is so by no other, whatever headers say."""
    here = scene(public=PUBLIC)
    here.service.seen = {}
    environ = environ_for(Sent("GET", f"{WIKI}/feed", (("Accept", "text/html"),)))
    call(here.service.app, environ | {"REQUEST_METHOD": method, **header})
    assert here.service.seen == {}


@pytest.mark.parametrize(
    "path",
    [
        "/saml",
        "/saml/",
        "/saml/x",
        "/saml/acs/",
        "/saml/../page",
        "/saml/acs\x00",
        "/saml//acs",
        "/saml/\xff",
    ],
)
def test_our_own_place_is_ours(scene, path):
    """Nothing below the prefix reaches the application, public or not, signed in or not."""
    here = scene(public="/saml/*\n/saml")
    here.sign_in()
    here.service.seen = {}
    environ = environ_for(Sent("GET", f"{WIKI}/", (("Accept", "text/html"),)))
    cookies = here.browser.cookies.header(f"{WIKI}/saml/")
    page = call(here.service.app, environ | {"PATH_INFO": path, "HTTP_COOKIE": cookies})
    assert here.service.seen == {}
    assert page.status == 404


# -- floods -----------------------------------------------------------------------------------------


def test_a_hundred_challenges(scene):
    """A hundred pages asked for, with long addresses, leave a small header, and the newest one works."""
    here = scene()
    for number in range(100):
        here.request = here.begin(f"/{number}?{'x' * 1_500}")
    header = here.browser.cookies.header(ACS, method="POST", initiator=f"{SSO}/")
    assert len(header) < 4_096
    here.sign_in()
    assert here.who == "mara@example.test"


@pytest.mark.parametrize("first", [True, False])
def test_two_hundred_junk_cookies(scene, first):
    """Cookies of others, however many and however much like ours, don't come in the way."""
    here = scene()
    names = here.service.app._cookies
    junk = [f"junk{number}={'x' * 40}" for number in range(100)]
    junk += [f"{name}x=1" for name in (names.session, *names._slots)] * 10
    junk += [f"a{number}={name}=1" for number, name in enumerate((names.session, *names._slots) * 10)]

    def header(url):
        own = here.browser.cookies.header(url, method="POST", initiator=f"{SSO}/")
        return "; ".join([*junk, own] if first else [own, *junk])

    page = here.browser.post(
        ACS, dict(here.answer().fields), initiator=f"{SSO}/", headers={"Cookie": header(ACS)}
    )
    here.browser.follow(page)
    assert here.who == "mara@example.test"


@pytest.mark.parametrize("shadow", ["__Host-", "__Secure-", ""])
def test_a_cookie_of_another_host(scene, shadow):
    """A cookie that a host beside ours set under our name displaces nobody's session (fixed prefix)."""
    here = scene()
    here.sign_in()
    name = here.service.app._cookies.session.removeprefix("__Host-")
    here.browser.cookies.keep(
        "https://evil.example.test/", f"{shadow}{name}=x; Domain=example.test; Path=/; Secure"
    )
    assert here.who == "mara@example.test"
