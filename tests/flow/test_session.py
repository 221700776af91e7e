"""Sessions: how they go on, how they end, and what a cookie is worth."""

from __future__ import annotations

import re

import pytest

from saml_wsgi import DirectoryUnavailable, StoreUnavailable
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Changes

WIKI = "https://wiki.example.test"
SESSION = re.compile(r"__Host-saml_wsgi_[0-9a-f]{8}")


def is_signed_in(browser) -> bool:
    page = browser.get(f"{WIKI}/api", headers={"X-Requested-With": "x"})
    return page.status == 200 and page.json()["remote_user"] is not None


def session_cookie(browser):
    return next(cookie for cookie in browser.cookies if SESSION.fullmatch(cookie.name))


def test_cookie_is_small_and_guarded(protect, browse, sign_in):
    """The session's cookie can't be read by scripts, set by other hosts, or sent by other sites' forms."""
    browser = browse(protect())
    sign_in(browser)
    cookie = session_cookie(browser)
    assert (cookie.secure, cookie.http_only, cookie.same_site, cookie.path) == (True, True, "Lax", "/")
    assert len(cookie.value) < 120


def test_idle_sessions_end(protect, browse, sign_in, saml_clock):
    """A session of which nothing is heard ends; one in use goes on."""
    browser = browse(protect(session__idle="10 min"))
    sign_in(browser)
    for _ in range(4):
        saml_clock.advance(500)
        assert is_signed_in(browser)
    saml_clock.advance(601)
    assert not is_signed_in(browser)


def test_no_session_outlives_its_lifetime(protect, browse, sign_in, saml_clock):
    """However busy, a session ends at its lifetime, to the second, also where it is remembered."""
    browser = browse(protect(session__lifetime="1 h", session__idle="30 min", session__cache="60 s"))
    sign_in(browser)
    for _ in range(3):
        saml_clock.advance(1199)
        assert is_signed_in(browser)
    saml_clock.advance(2)
    assert is_signed_in(browser)
    saml_clock.advance(1)
    assert not is_signed_in(browser)


@pytest.mark.parametrize(("choice", "goes_on"), [("honour", False), ("ignore", True)])
def test_the_identity_providers_end(protect, browse, sign_in, saml_clock, saml_idp, choice, goes_on):
    """SessionNotOnOrAfter ends our session too, unless told to ignore it."""
    saml_idp.change_app("wiki", session_not_on_or_after=600)
    browser = browse(protect(session__idp_end=choice))
    sign_in(browser)
    saml_clock.advance(599)
    assert is_signed_in(browser)
    saml_clock.advance(2)
    assert is_signed_in(browser) is goes_on


def test_a_session_dead_at_birth_is_refused(protect, browse, sign_in, saml_idp, code_on):
    """A session that would end within a minute is refused with its own code, not begun in a loop."""
    saml_idp.change_app("wiki", session_not_on_or_after=30)
    page = sign_in(browse(protect()))
    assert (page.status, code_on(page)) == (403, "session_too_short")


def test_each_sign_in_has_a_new_id(protect, browse, sign_in):
    """Fixation: the id that a browser had before a sign-in is not the one after it."""
    app = protect()
    browser = browse(app)
    sign_in(browser)
    before = session_cookie(browser).value
    browser.cookies.remove(session_cookie(browser))
    sign_in(browser)
    assert session_cookie(browser).value != before


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda value: value[:-1], id="truncated"),
        pytest.param(lambda value: ("A" if value[0] != "A" else "B") + value[1:], id="another id"),
        pytest.param(lambda value: value[:-4] + "AAAA", id="another signature"),
        pytest.param(lambda value: value.partition(".")[0], id="unsigned"),
        pytest.param(lambda _value: "", id="empty"),
        pytest.param(lambda value: value + "." + value, id="doubled"),
        pytest.param(lambda _value: "\u00e9\x01", id="not ASCII"),
    ],
)
def test_spoilt_cookies_are_nobodys(protect, browse, sign_in, spoil):
    """A cookie that isn't exactly what was given signs nobody in, and breaks nothing."""
    app = protect()
    browser = browse(app)
    sign_in(browser)
    cookie = session_cookie(browser)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_X_REQUESTED_WITH": "x",
        "HTTP_COOKIE": f"{cookie.name}={spoil(cookie.value)}",
    }
    started = []
    app(environ, lambda status, headers: started.append(status))
    assert started == ["401 Unauthorized"]


def test_keys_rotate(protect, browse, sign_in):
    """A new secret with the old one as a fallback keeps people signed in; without it they aren't."""
    browser = browse(protect())
    sign_in(browser)
    cookie = session_cookie(browser)
    fresh = "Zr8QyWb3nVt6LcXs1KmPo4HdJuGfEi9TaBq"
    old = "for-tests-only-7Qk2ZtYw0sVb4NcX9mLr"
    for options, expected in [({"session__secret_fallbacks": old}, True), ({}, False)]:
        another = browse(protect(session__secret=fresh, **options))
        another.cookies.keep(f"{WIKI}/", f"{cookie.name}={cookie.value}; Path=/; Secure; SameSite=Lax")
        assert is_signed_in(another) is expected


def test_another_service_with_the_same_secret(protect, browse, sign_in):
    """Two services that share a secret, a host and a store don't take each other's cookies."""
    browser = browse(protect())
    sign_in(browser)
    other = protect(sp__entity_id="another service")
    name = other._cookies.session
    value = session_cookie(browser).value
    assert name != session_cookie(browser).name
    assert other.sessions.recognise(value) is None


def test_sign_out(protect, browse, sign_in, saml_clock):
    """Signing out from a page of the site ends the session for good, and says what goes on elsewhere."""
    app = protect()
    browser = browse(app)
    page = sign_in(browser)
    stolen = session_cookie(browser).value
    page = browser.get(f"{WIKI}/saml/logout", initiator=page, follow=True)
    assert page.status == 200
    assert "signed out" in page.text.lower()
    assert not is_signed_in(browser)
    assert app.sessions.recognise(stolen) is None
    saml_clock.advance(100)
    assert protect().sessions.recognise(stolen) is None


@pytest.mark.parametrize(
    "visit",
    [
        pytest.param({"initiator": "https://evil.example/"}, id="a link elsewhere"),
        pytest.param({"initiator": None}, id="typed or mailed"),
        pytest.param({"initiator": f"{WIKI}/", "headers": {"Sec-Purpose": "prefetch"}}, id="prefetch"),
        pytest.param(
            {
                "initiator": f"{WIKI}/",
                "headers": {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
            },
            id="an image in a comment",
        ),
    ],
)
def test_only_the_person_signs_out(protect, browse, sign_in, visit):
    """A GET from elsewhere only asks; the form on that page signs out."""
    browser = browse(protect())
    sign_in(browser)
    page = browser.get(f"{WIKI}/saml/logout", **visit)
    assert is_signed_in(browser)
    assert page.form().method == "POST"
    browser.submit(page, follow=True)
    assert not is_signed_in(browser)


def test_a_foreign_form_signs_nobody_out(protect, browse, sign_in):
    """A cross-site POST doesn't sign out, nor does another session's token."""
    app = protect()
    browser, other = browse(app), browse(app)
    sign_in(browser)
    sign_in(other, username="jose")
    token = other.get(f"{WIKI}/saml/logout").form().values["token"]
    browser.post(f"{WIKI}/saml/logout", {"token": token}, initiator=f"{WIKI}/")
    browser.post(f"{WIKI}/saml/logout", {}, initiator="https://evil.example/")
    assert is_signed_in(browser)


def test_the_application_ends_a_session(protect, browse, sign_in):
    """An application with a sign-out button of its own ends the session from there."""

    def app(environ, start_response):
        headers = [("Content-Type", "text/plain")]
        if environ["PATH_INFO"] == "/bye":
            headers += environ["saml_wsgi.end_session"]()
        start_response("200 OK", headers)
        return [b"bye"]

    browser = browse(protect(app))
    sign_in(browser)
    browser.get(f"{WIKI}/bye")
    assert not [cookie for cookie in browser.cookies if SESSION.fullmatch(cookie.name)]


def test_an_end_elsewhere_is_seen_within_the_cache(protect, browse, sign_in, saml_clock):
    """A sign-out in one process is seen by another within `session.cache`."""
    here, there = protect(), protect()
    browser = browse(here)
    sign_in(browser)
    value = session_cookie(browser).value
    known = there.sessions.recognise(value)
    here.sessions.end(known.session, value)
    assert there.sessions.recognise(value) is not None
    saml_clock.advance(5)
    assert there.sessions.recognise(value) is None


def test_a_disabled_user_is_out_within_the_recheck(protect, browse, sign_in, saml_clock, tmp_path):
    """A user who is switched off in the directory is out within `session.recheck`."""
    browser = browse(protect())
    user_id = sign_in(browser).json()["user"]["id"]
    directory = SQLDirectory(f"sqlite:///{tmp_path}/saml_wsgi.db")
    directory.update(directory.get(user_id), Changes({"active": False}))
    saml_clock.advance(301)
    assert not is_signed_in(browser)


def test_new_groups_appear_at_the_recheck(protect, browse, sign_in, saml_clock, tmp_path):
    """What changed in the directory reaches a live session within `session.recheck`."""
    browser = browse(protect())
    user_id = sign_in(browser).json()["user"]["id"]
    directory = SQLDirectory(f"sqlite:///{tmp_path}/saml_wsgi.db")
    directory.update(directory.get(user_id), Changes({"groups": ("Owners",)}))
    saml_clock.advance(301)
    assert browser.get(f"{WIKI}/").json()["user"]["groups"] == ["Owners"]


class Failing:
    """A store that stops answering when told to."""

    def __init__(self, store):
        self.store, self.down, self.asked = store, False, 0

    def __getattr__(self, name):
        if self.down:
            self.asked += 1
            raise StoreUnavailable("gone")
        return getattr(self.store, name)


def test_an_outage_of_the_store(protect, browse, sign_in, saml_clock, code_on):
    """Live sessions go on for `session.grace`, counted once; then it is "try again", until it is back."""
    app = protect()
    browser = browse(app)
    sign_in(browser)
    assert is_signed_in(browser)
    store = app.sessions._store = Failing(app.sessions._store)
    store.down = True
    for _ in range(5):
        saml_clock.advance(10)
        assert is_signed_in(browser)
    saml_clock.advance(11)
    page = browser.get(f"{WIKI}/")
    assert (page.status, code_on(page)) == (503, "store_unavailable")
    assert page.header("Retry-After")
    store.down = False
    saml_clock.advance(2)
    assert is_signed_in(browser)


def test_nobody_signs_in_during_an_outage(protect, browse, to_answer, code_on):
    """Without the replay check nobody is signed in: "try again", and it works afterwards."""
    app = protect()
    browser = browse(app)
    carrier = to_answer(browser, browser.get(f"{WIKI}/"))
    store = app.provider._store = Failing(app.provider._store)
    store.down = True
    page = browser.submit(carrier)
    assert (page.status, code_on(page)) == (503, "store_unavailable")
    assert not [cookie for cookie in browser.cookies if SESSION.fullmatch(cookie.name)]
    store.down = False
    assert browser.submit(carrier, follow=True).json()["remote_user"] == "mara@example.test"


def test_public_pages_outlive_the_store(protect, browse, sign_in, saml_clock):
    """A public page is served even if it can't be said who asks for it."""
    app = protect(public="/healthz")
    browser = browse(app)
    sign_in(browser)
    store = app.sessions._store = Failing(app.sessions._store)
    store.down = True
    saml_clock.advance(1000)
    assert browser.get(f"{WIKI}/healthz").json()["remote_user"] is None


def test_memory_refuses_several_processes(protect, tmp_path, code_on):
    """With `memory:` a server with several processes isn't served at all, with a page that says why."""
    app = protect(store__url="memory:", directory__url=f"sqlite:///{tmp_path}/users.db")
    for multiprocess, expected in [(False, "401 Unauthorized"), (True, "500 Internal Server Error")]:
        started = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.multiprocess": multiprocess}
        app(environ, lambda status, headers: started.append(status))
        assert started == [expected]


def test_a_bug_in_a_resolver_shows_nothing(protect, browse, sign_in, code_on, caplog):
    """Whatever a resolver raises, the person sees a page with a reference, the operator a traceback."""
    app = protect()

    class Broken:
        def resolve(self, assertion):
            raise ZeroDivisionError("a secret detail")

    app._resolver = Broken()
    page = sign_in(browse(app))
    assert (page.status, code_on(page)) == (500, "internal_error")
    assert "ZeroDivisionError" not in page.text
    assert "ZeroDivisionError" in caplog.text


def test_the_previous_session_cannot_spoil_a_sign_in(protect, browse, to_answer, saml_clock):
    """A same-site POST shows the browser's old session; if that can't be looked up, the new one stands."""
    app = protect()
    browser = browse(app)
    before = browser.submit(to_answer(browser, browser.get(f"{WIKI}/")), follow=True)
    assert before.json()["remote_user"] == "mara@example.test"
    old = session_cookie(browser)
    browser.cookies.remove(old)
    saml_clock.advance(400)  # a look at the user is due
    carrier = to_answer(browser, browser.get(f"{WIKI}/there"))
    browser.cookies.keep(f"{WIKI}/", f"{old.name}={old.value}; Path=/; Secure; SameSite=None")
    directory = app.sessions._directory

    class Down:
        def get(self, _user_id):
            raise DirectoryUnavailable("gone")

    app.sessions._directory = Down()
    page = browser.submit(carrier)
    app.sessions._directory = directory
    assert page.status == 303
    assert session_cookie(browser).value != old.value
    assert browser.follow(page).json()["path"] == "/there"
