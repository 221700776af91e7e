"""Who is let through, who is sent to sign in, and what programs are told."""

from __future__ import annotations

import pytest

WIKI = "https://wiki.example.test"
PAGE = f"{WIKI}/page"


def test_browser_navigation_is_redirected(protect, browse):
    """A person's navigation goes to the identity provider, by the page that carries the request."""
    page = browse(protect(idp__request_binding="redirect")).get(PAGE)
    assert page.status == 302
    assert page.location.startswith("https://sso.example.test/saml2/wiki?SAMLRequest=")
    assert page.header("Cache-Control") == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, id="fetch"),
        pytest.param({"X-Requested-With": "XMLHttpRequest"}, id="XHR"),
        pytest.param(
            {"Sec-Fetch-Mode": "", "Sec-Fetch-Dest": "", "Accept": "application/json"}, id="API client"
        ),
        pytest.param({"Sec-Fetch-Mode": "", "Sec-Fetch-Dest": "", "Accept": "*/*"}, id="curl"),
        pytest.param({"Sec-Fetch-Mode": "websocket", "Upgrade": "websocket"}, id="WebSocket"),
        pytest.param({"Sec-Fetch-Mode": "cors", "Accept": "text/event-stream"}, id="server-sent events"),
        pytest.param({"Sec-Purpose": "prefetch;prerender"}, id="prefetch"),
        pytest.param({"Purpose": "prefetch"}, id="prefetch of old"),
        pytest.param({"Sec-Fetch-Dest": "iframe"}, id="frame"),
        pytest.param({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, id="image"),
    ],
)
def test_programs_get_401_and_nothing_is_begun(protect, browse, headers):
    """What no person waits for gets 401 with the login URL as JSON, and no cookie."""
    page = browse(protect()).get(PAGE, headers=headers)
    assert page.status == 401
    assert page.json() == {"error": "sign_in_required", "login_url": f"{WIKI}/saml/login"}
    assert page.header("WWW-Authenticate") == f'SAML login_url="{WIKI}/saml/login"'
    assert page.all("Set-Cookie") == []


def test_api_paths_are_programs(protect, browse):
    """Under `api` even a navigation gets 401."""
    app = protect(api="/api/*")
    assert browse(app).get(f"{WIKI}/api/x").status == 401
    assert browse(app).get(f"{WIKI}/apix").status == 200  # the page that posts the request


def test_401_is_readable_for_configured_origins_only(protect, browse):
    """CORS headers are there for the origins configured, and for no other."""
    app = protect(cors__origins="https://app.example.test")
    ours = browse(app).fetch(PAGE, initiator="https://app.example.test/", credentials="include")
    assert ours.header("Access-Control-Allow-Origin") == "https://app.example.test"
    assert ours.header("Access-Control-Allow-Credentials") == "true"
    others = browse(app).fetch(PAGE, initiator="https://evil.example.test/", credentials="include")
    assert others.header("Access-Control-Allow-Origin") is None
    assert "Origin" in others.all("Vary") + ours.all("Vary")


def test_preflights_of_configured_origins(protect, browse):
    """A CORS preflight is answered for configured origins, and never reaches the application anonymously."""
    reached = []

    def app(environ, start_response):
        reached.append(environ["REQUEST_METHOD"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"a page that doesn't look at the method"]

    app = protect(app, cors__origins="https://app.example.test", public="POST /hook")
    wanted = {"Access-Control-Request-Method": "PUT"}
    ours = browse(app).fetch(PAGE, initiator="https://app.example.test/", method="OPTIONS", headers=wanted)
    assert (ours.status, ours.header("Access-Control-Allow-Methods")) == (204, "PUT")
    assert ours.header("Access-Control-Allow-Origin") == "https://app.example.test"
    for path in ("/page", "/hook"):
        others = browse(app).fetch(
            WIKI + path, initiator="https://evil.example.test/", method="OPTIONS", headers=wanted
        )
        assert others.status == 401
    assert reached == []


def test_head_is_answered_like_get_but_begins_nothing(protect, browse):
    """HEAD of a protected page redirects, without a body and without a cookie."""
    from saml_wsgi.testing.browser import Errand

    browser = browse(protect())
    page = browser.run(Errand("HEAD", f"{PAGE}?a=1"))
    assert page.status == 302
    assert page.location == f"{WIKI}/saml/login?return_to=/page%3Fa%3D1"
    assert (page.body, page.all("Set-Cookie")) == (b"", [])
    assert browser.run(Errand("HEAD", page.location)).status == 200


def test_a_form_is_not_lost_in_a_redirect(protect, browse, code_on):
    """A form sent without a session gets a page that says that it was not stored."""
    page = browse(protect()).post(PAGE, {"text": "an hour's work"}, initiator=PAGE)
    assert page.status == 401
    assert code_on(page) == "sign_in_again"
    assert page.all("Set-Cookie") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/static/a/b.css", 200),
        ("/static", 200),
        ("/feed", 200),
        ("/healthz/", 401),
        ("/healthzz", 401),
        ("/Healthz", 401),
        ("/static/../page", 401),
        ("/static/%2e%2e/page", 401),
        ("/static//page", 401),
        ("//healthz", 401),
        ("/healthz;x", 401),
        ("/healthz%00", 401),
        ("/static/%252e%252e/page", 401),
        ("/static/..%5cpage", 401),
        ("/static/%ff", 401),
    ],
)
def test_public_paths(protect, browse, path, status):
    """Only what matches exactly is public; a path that others may read differently never is."""
    app = protect(public="/healthz\n/static/*\nGET /feed")
    assert browse(app).get(WIKI + path, headers={"X-Requested-With": "x"}).status == status


def test_public_by_method(protect, browse):
    """A pattern with methods is public for these alone."""
    app = protect(public="GET /feed")
    assert browse(app).post(f"{WIKI}/feed", {}, initiator=WIKI).status == 401


def test_identity_on_public_paths(protect, browse, sign_in):
    """A person who is signed in is known on public pages too; an anonymous one isn't."""
    app = protect(public="/healthz")
    assert browse(app).get(f"{WIKI}/healthz").json()["remote_user"] is None
    browser = browse(app)
    sign_in(browser)
    assert browser.get(f"{WIKI}/healthz").json()["remote_user"] == "mara@example.test"


def test_path_that_is_not_utf_8(protect, browse, code_on, sign_in):
    """An address that isn't UTF-8 is a bad address to anonymous people; to others it isn't refused."""
    app = protect()
    page = browse(app).get(f"{WIKI}/%ff%fe")
    assert (page.status, code_on(page)) == (400, "bad_path")
    browser = browse(app)
    sign_in(browser)
    assert browser.get(f"{WIKI}/%ff%fe").status == 200


@pytest.mark.parametrize("public", ["", "/page"])
def test_forged_identity_is_removed(protect, browse, public):
    """No header makes anybody somebody: forged ones never reach the application, on any path."""
    app = protect(public=public)
    forged = {
        "Remote-User": "admin",
        "X-Remote-User": "admin",
        "X_Remote_User": "admin",
        "X-Forwarded-User": "admin",
    }
    page = browse(app).get(PAGE, headers=forged)
    if public:
        assert (page.json()["remote_user"], page.json()["forged"]) == (None, [])
    else:
        assert page.status != 401


def test_more_names_to_scrub(protect, browse):
    """`scrub` removes further headers."""
    app = protect(public="/page", scrub="X-Employee")
    page = browse(app).get(PAGE, headers={"X-Employee": "1", "X-Other": "1"})
    assert page.json()["forged"] == ["HTTP_X_OTHER"]


def test_own_cookies_are_hidden(protect, browse, sign_in):
    """The application sees its own cookies and not ours."""
    browser = browse(protect())
    sign_in(browser)
    browser.cookies.keep(f"{WIKI}/", "mine=1; Path=/; Secure")
    assert browser.get(PAGE).json()["cookies"] == "mine=1"


def test_own_endpoints(protect, browse, code_on):
    """Below the prefix nothing reaches the application; wrong methods and names are said to be so."""
    app = protect(public="/saml/*")
    missing = browse(app).get(f"{WIKI}/saml/admin")
    assert (missing.status, code_on(missing)) == (404, "endpoint_unknown")
    wrong = browse(app).get(f"{WIKI}/saml/acs")
    assert (wrong.status, code_on(wrong), wrong.header("Allow")) == (405, "method_not_allowed", "POST")


@pytest.mark.parametrize(
    ("body", "content_type", "length", "status"),
    [
        (b"x" * 700_000, "application/x-www-form-urlencoded", None, 413),
        (b"SAMLResponse=x", "text/plain", None, 400),
        (b"SAMLResponse=x", "application/x-www-form-urlencoded", "-1", 400),
        (b"SAMLResponse=x", "application/x-www-form-urlencoded", "9" * 20, 400),
        (b"SAMLResponse=x", "application/x-www-form-urlencoded", "20", 400),
        (b"SAMLResponse=x&SAMLResponse=y", "application/x-www-form-urlencoded", None, 403),
        (b"RelayState=x", "application/x-www-form-urlencoded", None, 403),
        (b"a=1&" * 20, "application/x-www-form-urlencoded", None, 403),
    ],
)
def test_bodies_that_are_no_response(protect, saml_clock, body, content_type, length, status):
    """Whatever isn't a small form with one SAMLResponse is refused before anything reads it."""
    import io

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/saml/acs",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)) if length is None else length,
        "wsgi.input": io.BytesIO(body),
    }
    started = []
    b"".join(protect()(environ, lambda status, headers: started.append(status)))
    assert started[0].startswith(str(status))


def test_metadata_endpoint(protect, browse):
    """Our metadata is there for everybody, with our addresses."""
    page = browse(protect()).get(f"{WIKI}/saml/metadata")
    assert page.header("Content-Type") == "application/samlmetadata+xml"
    assert f'entityID="{WIKI}/saml/metadata"' in page.text
    assert f'Location="{WIKI}/saml/acs"' in page.text


class Streaming:
    """An application that streams, and notes how it was treated."""

    def __init__(self, status="200 OK", headers=(), lazy=False):
        self.status, self.headers, self.lazy = status, list(headers), lazy
        self.closed = 0
        self.called = 0

    def __call__(self, environ, start_response):
        self.called += 1
        headers = [("Content-Type", "text/plain"), *self.headers]
        app = self

        class Body:
            def __init__(self):
                self.chunks = iter([b"one ", b"two"])
                self.started = False
                if not app.lazy:
                    self.start()

            def start(self):
                self.started = True
                start_response(app.status, headers)

            def __iter__(self):
                return self

            def __next__(self):
                if not self.started:
                    self.start()
                return next(self.chunks)

            def close(self):
                app.closed += 1

        self.body = Body()
        return self.body


def test_the_response_is_returned_untouched(protect, saml_clock):
    """The application's own iterable comes back: streaming, file_wrapper and close() keep working."""
    from saml_wsgi.middleware.policy import Policy, Problems, read_patterns

    app = Streaming()
    middleware = protect()
    middleware.app = app
    middleware._policy = Policy(public=read_patterns(["/x"], "public", Problems()))
    body = middleware({"REQUEST_METHOD": "GET", "PATH_INFO": "/x"}, lambda *_: None)
    assert body is app.body


@pytest.mark.parametrize("lazy", [False, True])
class TestOn401:
    """`challenge = on_401`: the application says when a sign-in is needed."""

    def test_its_401_becomes_a_sign_in(self, protect, browse, lazy):
        """A plain 401 to a person's navigation is replaced; its cookies are kept, its body is closed."""
        app = Streaming("401 Unauthorized", [("Set-Cookie", "theme=dark")], lazy)
        page = browse(protect(app, challenge="on_401", idp__request_binding="redirect")).get(PAGE)
        assert page.status == 302
        assert "theme=dark" in page.all("Set-Cookie")
        assert app.closed == 1

    def test_anything_else_passes(self, protect, browse, lazy):
        """Every other status goes through as it is, chunk by chunk."""
        app = Streaming(lazy=lazy)
        page = browse(protect(app, challenge="on_401")).get(PAGE)
        assert (page.status, page.body, app.closed) == (200, b"one two", 1)

    @pytest.mark.parametrize("scheme", ["Basic realm=x", "Bearer", "Negotiate"])
    def test_its_own_challenges_pass(self, protect, browse, lazy, scheme):
        """A 401 that asks for credentials itself is the application's own business."""
        app = Streaming("401 Unauthorized", [("WWW-Authenticate", scheme)], lazy)
        assert browse(protect(app, challenge="on_401")).get(PAGE).status == 401

    def test_programs_see_the_applications_401(self, protect, browse, lazy):
        """A script gets the 401 of the application itself."""
        app = Streaming("401 Unauthorized", (), lazy)
        page = browse(protect(app, challenge="on_401")).fetch(PAGE, initiator=PAGE)
        assert (page.status, page.body) == (401, b"one two")

    def test_signed_in_people_see_the_applications_401(self, protect, browse, sign_in, lazy):
        """Somebody who is signed in and gets a 401 isn't sent round in circles."""
        middleware = protect(challenge="on_401")
        wiki = middleware.app
        middleware.app = Streaming("401 Unauthorized", (), lazy)
        browser = browse(middleware)
        challenged = browser.get(PAGE)
        middleware.app = wiki
        assert challenged.status in {200, 302}
        sign_in_page = browser.get(f"{WIKI}/saml/login?return_to=/page")
        page = sign_in(browser, sign_in_page.url)
        assert page.json()["remote_user"] == "mara@example.test"
        middleware.app = Streaming("401 Unauthorized", (), lazy)
        assert browser.get(PAGE).status == 401
