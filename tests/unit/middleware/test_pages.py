"""What people are told is complete, uniform where it must be, and cached, framed or sniffed by nobody."""

import base64
import hashlib
import html
import re
import subprocess
import sys

import pytest

from saml_wsgi.errors import CODES
from saml_wsgi.middleware.pages import Pages

LOGIN = "https://app.example.org/saml/login"
REF = "7K3MQ2XW9P"
PAGES = Pages(support="help@example.org")

EVERY_PAGE = {
    **{code: PAGES.refused(code, reference=REF, login_url=LOGIN) for code in CODES},
    "sign in again": PAGES.sign_in_again(login_url=LOGIN, reference=REF),
    "signed out": PAGES.signed_out(login_url=LOGIN),
    "signed out, not everywhere": PAGES.signed_out(login_url=LOGIN, everywhere=False),
    "confirm": PAGES.confirm_sign_out(action="/saml/logout", token="t", return_url="/"),
    "emergency": PAGES.emergency(action="/saml/emergency", token="t"),
    "form": PAGES.post_form(action="https://idp.example.net/sso", fields={"SAMLRequest": "a"}),
}


def header(page, name):
    """The one value of a header."""
    (value,) = (value for key, value in page.headers if key == name)
    return value


def policy(page):
    """The page's Content-Security-Policy by directive."""
    directives = (
        directive.split(" ", 1) for directive in header(page, "Content-Security-Policy").split("; ")
    )
    return dict(directives)


def hashed(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def inline(page, tag):
    return re.findall(rf"<{tag}>(.*?)</{tag}>", page.body.decode(), re.DOTALL)


def check_headers(page):
    for name, value in page.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()
    assert int(header(page, "Content-Length")) == len(page.body)


# -- uniformity --


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if not meaning.shown])
def test_what_is_wrong_with_a_message_does_not_leave_the_server(code):
    """Every private code gives the page of response_refused to the byte: status, headers and body."""
    uniform = PAGES.refused("response_refused", reference=REF, login_url=LOGIN)
    page = PAGES.refused(code, reference=REF, login_url=LOGIN, explanation="secret")
    assert page == uniform
    other = PAGES.refused(code, reference="ABCDEFGHJK", login_url=LOGIN)
    assert other.body.replace(b"ABCDEFGHJK", REF.encode()) == uniform.body


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning.shown])
def test_a_code_that_is_shown_is_explained(code):
    """Status, heading, what happened, what to do, the code and the reference stand on the page."""
    page = PAGES.refused(code, reference=REF, login_url=LOGIN, explanation="And this is why.")
    meaning = CODES[code]
    seen = html.unescape(page.body.decode())
    assert page.status == meaning.status
    for part in (
        meaning.title,
        meaning.text,
        *(() if meaning.asks else (meaning.advice,)),
        code,
        REF,
        "And this is why.",
        f'href="{LOGIN}"',
    ):
        assert part in seen


def test_an_unknown_code_is_our_failure_and_no_crash(caplog):
    """A resolver that denies with a code nobody knows gives internal_error, and a line in the log."""
    page = PAGES.refused("made\nup", reference=REF, login_url=LOGIN)
    assert page == PAGES.refused("internal_error", reference=REF, login_url=LOGIN)
    assert r"'made\nup'" in caplog.text


# -- headers --


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_headers_of_every_page(name):
    """No page is cached, framed, sniffed or lets anything load that isn't named by its hash."""
    page = EVERY_PAGE[name]
    check_headers(page)
    assert header(page, "Content-Type") == "text/html; charset=utf-8"
    assert "no-store" in header(page, "Cache-Control")
    assert header(page, "Pragma") == "no-cache"
    assert header(page, "Vary") == "Cookie"
    assert header(page, "X-Frame-Options") == "DENY"
    assert header(page, "X-Content-Type-Options") == "nosniff"
    directives = policy(page)
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    (style,) = inline(page, "style")
    assert directives["style-src"] == hashed(style)
    scripts = inline(page, "script")
    assert [directives.get("script-src")] == ([hashed(script) for script in scripts] or [None])


def test_only_the_form_to_the_identity_provider_has_a_script():
    """One page runs a script: the one that would otherwise cost a click. It works without it too."""
    assert [name for name, page in EVERY_PAGE.items() if b"<script" in page.body] == ["form"]
    assert EVERY_PAGE["form"].body.count(b'<button class="button" type="submit">') == 1


@pytest.mark.parametrize(
    ("action", "allowed"),
    [("https://idp.example.net/sso", "https:"), ("http://127.0.0.1:8000/sso", "http: https:")],
)
def test_the_identity_provider_may_redirect_after_the_form(action, allowed):
    """form-action names schemes, not hosts: browsers hold every redirect after the submission to it."""
    page = PAGES.post_form(action=action, fields={})
    assert policy(page)["form-action"] == allowed
    assert header(page, "Referrer-Policy") == "strict-origin"


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("/saml/logout", "'self'"),
        ("https://app.example.org:8443/saml/logout", "'self' https://app.example.org:8443"),
        ("https://bücher.example/out", "'self' https:"),
        ("http://[::1]:8080/out", "'self' http: https:"),
    ],
)
def test_where_a_sign_out_may_go(action, allowed):
    """The sign-out form goes to its own origin, whatever stands in front of the server, and nowhere else."""
    page = PAGES.confirm_sign_out(action=action, token="t", return_url="")
    assert policy(page)["form-action"] == allowed
    check_headers(page)


def test_browsers_send_an_origin_with_the_sign_out_form():
    """The page with a form for ourselves has a Referrer-Policy under which Origin isn't ``null``."""
    assert header(EVERY_PAGE["confirm"], "Referrer-Policy") == "same-origin"
    assert header(EVERY_PAGE["signed out"], "Referrer-Policy") == "no-referrer"


def test_an_outage_says_when_to_try_again():
    """Retry-After comes with 503, in seconds, and with nothing else."""
    for code, meaning in CODES.items():
        headers = dict(EVERY_PAGE[code].headers)
        assert headers.get("Retry-After") == ("30" if meaning.status == 503 else None)


def test_sign_in_again_is_a_401_that_names_a_scheme():
    """A form sent too late is answered 401 with WWW-Authenticate, and signing in keeps the way back open."""
    page = EVERY_PAGE["sign in again"]
    assert page.status == 401
    assert header(page, "WWW-Authenticate") == "SAML"
    assert f'href="{LOGIN}" target="_blank" rel="noopener"'.encode() in page.body


def test_more_headers_can_be_added():
    """A page takes cookies and the like without losing what it has."""
    page = EVERY_PAGE["signed out"]
    assert page.with_headers(("Allow", "GET")).headers == (*page.headers, ("Allow", "GET"))


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_head_is_answered_with_the_same_headers_and_no_body(name):
    """respond() calls start_response once; HEAD differs from GET by the missing body alone."""
    calls = []

    def start_response(status, headers, exc_info=None):
        calls.append((status, headers))

    page = EVERY_PAGE[name]
    assert page.respond(start_response) == [page.body]
    assert page.respond(start_response, head=True) == []
    assert calls[0] == calls[1]
    status, headers = calls[0]
    assert status.startswith(f"{page.status} ")
    assert type(headers) is list


# -- what it costs --


def test_jinja_is_loaded_with_the_first_page():
    """Importing the pages, or making them from the defaults, doesn't import Jinja2."""
    program = (
        "import sys; from saml_wsgi.middleware.pages import Pages; pages = Pages(support='a@b.example');"
        "assert 'jinja2' not in sys.modules; pages.signed_out(login_url='/');"
        "assert 'jinja2' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(("code", "both"), [("not_found", False), ("inactive", False), ("idp_refused", True)])
def test_whom_to_ask_is_said_once(code, both):
    """Where a resolver says whom to ask, that stands in the place of the general advice, not beside it."""
    page = PAGES.refused(code, reference=REF, login_url=LOGIN, explanation="Write to Grace.")
    seen = html.unescape(page.body.decode())
    assert "Write to Grace." in seen
    assert (CODES[code].advice in seen) is both
    assert CODES[code].advice in html.unescape(
        PAGES.refused(code, reference=REF, login_url=LOGIN).body.decode()
    )
