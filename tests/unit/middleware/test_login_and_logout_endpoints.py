"""`login`, `resume` and `logout`, request by request."""

from __future__ import annotations

import io
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from saml_wsgi import from_options

WIKI = "https://wiki.example.test"
FORM = "application/x-www-form-urlencoded"
SAME = {"HTTP_SEC_FETCH_SITE": "same-origin"}


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = int(status[:3]), headers, body

    def __getattr__(self, name):
        return next((value for key, value in self.headers if key.lower() == name.replace("_", "-")), None)

    @property
    def cookies(self):
        return [value.partition(";")[0] for name, value in self.headers if name == "Set-Cookie"]

    @property
    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}


class Wiki:
    """The middleware, and a browser that shows exactly the cookies that it is told to."""

    def __init__(self, app, clock, idp):
        self.app, self.clock, self.idp = app, clock, idp
        self.happened = []

    def ask(self, path, method="GET", cookies=(), body=b"", **environ):
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_ACCEPT": "text/html",
            "HTTP_COOKIE": "; ".join(cookies),
            "CONTENT_TYPE": FORM if body else "",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        started = []
        result = self.app(environ, lambda status, headers: started.append((status, headers)))
        return Answer(*started[0], b"".join(result))

    def session(self, name="mara"):
        """The cookie of somebody who is signed in."""
        pending = self.app.provider.request("/").pending
        _, cookie = self.app._cookies.set_pending(self.app.provider.pending.pack(pending), 0)
        form = self.idp.response("wiki", name, in_response_to=pending.id)
        answer = self.ask("/saml/acs", "POST", [cookie.partition(";")[0]], form.body)
        assert answer.status == 303
        return next(cookie for cookie in answer.cookies if cookie.startswith("__Host-"))

    def known(self, cookie):
        return self.app.sessions.recognise(cookie.partition("=")[2])


def hello(environ, start_response):
    start_response("200 OK", [])
    return [environ.get("REMOTE_USER", "-").encode()]


@pytest.fixture
def wiki(saml_idp, saml_clock, tmp_path):
    """Makes the middleware, with options beside the usual ones."""

    def make(**options):
        happened = []
        app = from_options(
            hello,
            {
                "base_url": WIKI,
                "idp.metadata": saml_idp.metadata("wiki"),
                "idp.request_binding": "redirect",
                "session.secret": "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N",
                "store.url": f"sqlite:///{tmp_path}/wiki.db",
                **{key.replace("__", "."): value for key, value in options.items()},
            },
            observers=[happened.append],
            clock=saml_clock,
        )
        one = Wiki(app, saml_clock, saml_idp)
        one.happened = happened
        return one

    return make


# -- login --


@pytest.mark.parametrize("target", ["/there?a=1", "https://evil.test/", "//evil.test", "/saml/logout"])
def test_login_leads_on_whoever_is_signed_in(wiki, target):
    """With a session it goes straight to the page, if it is one of this site."""
    one = wiki()
    answer = one.ask(f"/saml/login?{urlencode({'return_to': target})}", cookies=[one.session()])
    assert answer.status == 303
    assert answer.location == WIKI + ("/there?a=1" if target.startswith("/there") else "/")
    assert answer.cookies == []


def test_login_begins(wiki):
    """Without one a sign-in begins that ends at the page."""
    one = wiki()
    answer = one.ask("/saml/login?return_to=/there")
    assert answer.status == 302
    assert answer.location.startswith("https://sso.example.test/saml2/wiki?SAMLRequest=")
    (kept,) = one.app._cookies.pending("; ".join(answer.cookies)).values()
    assert (kept.request.target, kept.done) == ("/there", False)
    assert one.app.provider.pending.attempt(answer.query["RelayState"]) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_SEC_FETCH_MODE": "cors"},
        {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_SEC_PURPOSE": "prefetch"},
        {"HTTP_PURPOSE": "prefetch"},
        {"HTTP_X_MOZ": "prefetch"},
        {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
    ],
)
def test_login_is_for_people(wiki, headers):
    """A script or a prefetch that says so begins nothing."""
    answer = wiki().ask("/saml/login", **headers)
    assert (answer.status, answer.cookies) == (401, [])


def test_login_for_browsers_that_say_nothing(wiki):
    """An old browser, which doesn't say what it loads, is a person's."""
    assert wiki().ask("/saml/login", HTTP_ACCEPT="*/*").status == 302


def test_head_of_login_begins_nothing(wiki):
    """Nobody follows a HEAD to the end."""
    answer = wiki().ask("/saml/login", "HEAD")
    assert (answer.status, answer.cookies, answer.body) == (200, [], b"")


@pytest.mark.parametrize(("attempt", "next_"), [(0, 0), (1, 1)])
def test_login_counts_by_what_we_signed(wiki, attempt, next_):
    """The attempt in a handle of ours goes on; anybody else's counts nothing."""
    one = wiki()
    handle = one.app.provider.pending.relay_state(attempt)
    assert (
        one.app.provider.pending.attempt(one.ask(f"/saml/login?attempt={handle}").query["RelayState"])
        == next_
    )
    assert one.app.provider.pending.attempt(one.ask("/saml/login?attempt=1").query["RelayState"]) == 0


# -- round trips --


def unsolicited(one, **fields):
    form = one.idp.response("wiki", "mara", **fields)
    return one.ask("/saml/acs", "POST", body=form.body)


def test_restarting_in_two_steps(wiki):
    """An unsolicited response sets a counting cookie, and a round trip begins when it was seen."""
    one = wiki()
    answer = unsolicited(one, relay_state="/there")
    assert (answer.status, answer.cookies) == (303, [])
    assert answer.query == {"restart": "1", "return_to": "/there"}
    assert [(event.name, event.fields.get("kind")) for event in one.happened] == [("arrival", "restart")]
    counted = one.ask(f"/saml/login?{urlencode(answer.query)}")
    assert (counted.status, counted.query) == (303, {"restart": "2", "return_to": "/there"})
    begun = one.ask(f"/saml/login?{urlencode(counted.query)}", cookies=counted.cookies)
    assert begun.status == 302
    (kept,) = one.app._cookies.pending("; ".join(begun.cookies)).values()
    assert kept.request.target == "/there"
    refused = one.ask(f"/saml/login?{urlencode(counted.query)}")
    assert refused.status == 403


def test_three_restarts_in_two_minutes(wiki):
    """The fourth restart within two minutes ends on a page; later the count begins anew."""
    one = wiki()
    cookies = []
    statuses = []
    for _ in range(5):
        cookies = one.ask("/saml/login?restart=1", cookies=cookies).cookies
        statuses.append(one.ask("/saml/login?restart=2", cookies=cookies).status)
    assert statuses == [302, 302, 302, 403, 403]
    one.clock.advance(120)
    cookies = one.ask("/saml/login?restart=1", cookies=cookies).cookies
    assert one.ask("/saml/login?restart=2", cookies=cookies).status == 302


def test_no_cookie_the_first_time(wiki):
    """A response with a handle of ours and no cookie begins the second and last round trip."""
    one = wiki()
    answer = unsolicited(one, relay_state=one.app.provider.pending.relay_state(0))
    assert answer.status == 303
    assert one.app.provider.pending.attempt(answer.query["attempt"]) == 1
    last = unsolicited(one, relay_state=one.app.provider.pending.relay_state(1))
    assert last.status == 403
    assert b"cookie_refused" in last.body


def test_used_responses_lead_to_resume(wiki):
    """A response that was used before leads to resume, by the marker and by the replay check alike."""
    one = wiki()
    pending = one.app.provider.request("/x").pending
    _, cookie = one.app._cookies.set_pending(one.app.provider.pending.pack(pending), 2)
    cookie = cookie.partition(";")[0]
    form = one.idp.response("wiki", "mara", in_response_to=pending.id)
    first = one.ask("/saml/acs", "POST", [cookie], form.body)
    marker = next(found for found in first.cookies if "_p2" in found)
    assert first.location == f"{WIKI}/saml/resume?slot=2"
    for shown in (cookie, marker):
        again = one.ask("/saml/acs", "POST", [shown], form.body)
        assert (again.status, again.location, again.cookies) == (303, f"{WIKI}/saml/resume?slot=2", [])


# -- resume --


def test_resume(wiki):
    """With a session it leads to the page of the slot, else to the front page."""
    one = wiki()
    session = one.session()
    pending = one.app.provider.request("/x?y=1").pending
    _, cookie = one.app._cookies.set_pending(one.app.provider.pending.pack(pending, done=True), 3)
    cookie = cookie.partition(";")[0]
    assert one.ask("/saml/resume?slot=3", cookies=[session, cookie]).location == f"{WIKI}/x?y=1"
    for query in ("?slot=2", "", "?slot=33", "?slot=-1", "?slot=%D9%A3"):
        assert one.ask(f"/saml/resume{query}", cookies=[session, cookie]).location == f"{WIKI}/"


@pytest.mark.parametrize(
    ("done", "age", "code"),
    [(True, 0, b"cookie_refused"), (True, 119, b"cookie_refused"), (True, 120, b"resume_refused"),
     (False, 0, b"resume_refused")],
)  # fmt: skip
def test_resume_without_a_session(wiki, done, age, code):
    """Just after a sign-in a missing session cookie was refused; otherwise there is nothing to resume."""
    one = wiki()
    pending = one.app.provider.request("/x").pending
    _, cookie = one.app._cookies.set_pending(one.app.provider.pending.pack(pending, done=done), 0)
    one.clock.advance(age)
    answer = one.ask("/saml/resume?slot=0", cookies=[cookie.partition(";")[0]])
    assert answer.status == 403
    assert code in answer.body


# -- logout --


@pytest.mark.parametrize(
    ("method", "headers", "signs_out"),
    [
        ("GET", SAME, True),
        ("POST", SAME, True),
        ("HEAD", SAME, False),
        ("GET", {}, False),
        ("GET", {"HTTP_SEC_FETCH_SITE": "same-site"}, False),
        ("GET", {"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
        ("GET", {"HTTP_SEC_FETCH_SITE": "none"}, False),
        ("GET", {**SAME, "HTTP_SEC_PURPOSE": "prefetch"}, False),
        ("POST", {**SAME, "HTTP_SEC_PURPOSE": "prefetch"}, False),
        ("GET", {**SAME, "HTTP_SEC_FETCH_MODE": "no-cors", "HTTP_SEC_FETCH_DEST": "image"}, False),
        ("POST", {}, False),
        ("POST", {"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
    ],
)
def test_who_signs_out(wiki, method, headers, signs_out):
    """Only a page of this very site signs out; everything else is asked first."""
    one = wiki()
    session = one.session()
    extra = {"CONTENT_TYPE": FORM} if method == "POST" else {}
    answer = one.ask("/saml/logout", method, [session], **headers, **extra)
    assert (one.known(session) is None) is signs_out
    if signs_out:
        assert (answer.status, answer.location) == (303, f"{WIKI}/saml/logout")
        assert answer.cookies == [session.partition("=")[0] + "="]
        assert one.happened[-1].name == "sign_out"
        assert one.happened[-1].fields["everywhere"] is True
    else:
        assert (answer.status, answer.cookies) == (200, [])


def test_the_form_signs_out(wiki):
    """A token of this session signs out from wherever the form is sent; a wrong one never does."""
    one = wiki()
    session, other = one.session(), one.session("jose")
    token = one.app.sessions.token(one.known(session).session)
    wrong = one.app.sessions.token(one.known(other).session)
    for bad in (wrong, "x"):
        one.ask("/saml/logout", "POST", [session], urlencode({"token": bad}).encode(), **SAME)
        assert one.known(session)
    answer = one.ask("/saml/logout", "POST", [session], urlencode({"token": token}).encode())
    assert answer.status == 303
    assert one.known(session) is None
    assert one.known(other)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logout_of_nobody(wiki, method):
    """A cookie that is nobody's any more is removed if it was shown, and only then."""
    one = wiki()
    session = one.session()
    one.app.sessions.end(one.known(session).session, session.partition("=")[2])
    shown = one.ask("/saml/logout", method, [session])
    assert (shown.status, shown.cookies) == (200, [session.partition("=")[0] + "="])
    hidden = one.ask("/saml/logout", method)
    assert (hidden.status, hidden.cookies) == (200, [])


def test_logout_in_an_outage(wiki, monkeypatch):
    """If the store doesn't hear it, the page says that other hosts may not know yet."""
    from saml_wsgi.errors import StoreUnavailable

    one = wiki()
    session = one.session()
    assert one.known(session)

    class Down:
        def pop(self, key):
            raise StoreUnavailable("gone")

    monkeypatch.setattr(one.app.sessions, "_store", Down())
    answer = one.ask("/saml/logout", cookies=[session], **SAME)
    assert answer.location == f"{WIKI}/saml/logout?everywhere=no"
    assert answer.cookies == [session.partition("=")[0] + "="]
    assert one.happened[-1].fields["everywhere"] is False
    page = one.ask("/saml/logout?everywhere=no").body
    assert page != one.ask("/saml/logout").body


# -- what goes wrong --


def test_a_refusal_has_one_reference(wiki):
    """What is on the page is what the operator finds in the log; the detail stays there."""
    one = wiki()
    answer = one.ask("/saml/nothing")
    (event,) = one.happened
    assert (answer.status, event.name, event.code) == (404, "refused", "endpoint_unknown")
    assert event.reference.encode() in answer.body


def test_nobody_is_told_why_a_message_was_refused(wiki):
    """Two different faults of a message give the same page; only the operator sees which."""
    one = wiki()
    pages = []
    for fault in ({"sign": "none"}, {"conditions_after": -1000}):
        pending = one.app.provider.request("/x").pending
        _, cookie = one.app._cookies.set_pending(one.app.provider.pending.pack(pending), 0)
        form = one.idp.response("wiki", "mara", in_response_to=pending.id, **fault)
        answer = one.ask("/saml/acs", "POST", [cookie.partition(";")[0]], form.body)
        assert (answer.status, answer.cookies) == (403, [])
        pages.append(answer.body.replace(one.happened[-1].reference.encode(), b"R"))
    assert pages[0] == pages[1]
    assert [event.code for event in one.happened] == ["signature_missing", "expired"]


def test_a_session_that_a_sign_in_is_told_of(wiki):
    """A sign-in is told with user, resolver and outcome, and without anything that signs in."""
    one = wiki()
    session = one.session()
    event = one.happened[-1]
    assert (event.name, event.fields["resolver"], event.fields["outcome"]) == ("sign_in", "jit", "created")
    assert session.partition("=")[2] not in repr(event)
