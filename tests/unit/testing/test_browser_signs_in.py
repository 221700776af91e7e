"""The browser signs in, or says on which page the way ended; it never goes round for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.testing import Person, SignInFailed, forms

WIKI, SSO = "https://wiki.example.test", "https://sso.example.test"


def wiki(environ, start_response):
    """Greets; one page is forbidden to everybody, one has a form of its own, one leads on."""
    path = environ["PATH_INFO"]
    status = {"/forbidden": "403 Forbidden", "/on": "302 Found"}.get(path, "200 OK")
    user = environ.get("saml_wsgi.user")
    form = "<form><input name=username><input name=password></form>" if path == "/password" else ""
    headers = [("Content-Type", "text/html; charset=utf-8")]
    headers += [("Location", f"{SSO}/")] if path == "/on" else []
    start_response(status, headers)
    return [f"<p>{user.username if user else 'nobody'}</p>{form}".encode()]


@pytest.fixture
def browse(saml_browser, saml_idp, saml_protect):
    def open_browser(**options):
        app = saml_protect(wiki, {key.replace("__", "."): value for key, value in options.items()})
        return saml_browser({WIKI: app, SSO: saml_idp})

    return open_browser


def forget_the_wiki(browser):
    for cookie in [cookie for cookie in browser.cookies if cookie.host == "wiki.example.test"]:
        browser.cookies.remove(cookie)


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_from_a_url(browse, binding):
    """A page's address is enough: the end is that page, with its query, for that person."""
    page = browse(idp__request_binding=binding).sign_in(f"{WIKI}/pages/7?a=b", "mara")
    assert (page.url, page.words) == (f"{WIKI}/pages/7?a=b", "mara@example.test")


def test_from_wherever_one_is(browse):
    """The challenge and the identity provider's login form are as good."""
    first, second = browse(), browse()
    assert first.sign_in(first.get(f"{WIKI}/"), "mara").words == "mara@example.test"
    at_login = second.get(f"{WIKI}/", follow=True)
    at_login = second.submit(at_login, follow=True) if "SAMLRequest" in at_login.form().values else at_login
    assert at_login.url.startswith(f"{SSO}/login")
    assert second.sign_in(at_login, "jose").words == "jose@example.test"


def test_what_the_application_shows_afterwards_is_its_business(browse):
    """A form with a password on the application's page isn't filled in, and its 403 is its answer."""
    assert browse().sign_in(f"{WIKI}/password", "mara").words == "mara@example.test"
    assert browse().sign_in(f"{WIKI}/forbidden", "mara").status == 403
    assert browse().sign_in(f"{WIKI}/on", "mara").url == f"{SSO}/"


def test_whoever_is_known_there_is_not_asked_again(browse):
    """With a session at the identity provider there is no form, and a detour by a tile changes nothing."""
    browser = browse()
    browser.sign_in(f"{WIKI}/", "mara")
    forget_the_wiki(browser)
    assert browser.sign_in(f"{WIKI}/", "mara").words == "mara@example.test"
    forget_the_wiki(browser)
    tile = browser.click(browser.get(f"{SSO}/"), "Wiki")
    assert browser.sign_in(tile, "mara").words == "mara@example.test"


def test_a_password_of_ones_own(browse, saml_idp):
    """The password that is given is the one that is typed."""
    saml_idp.change_person("mara", password="sesame")
    assert browse().sign_in(f"{WIKI}/", "mara", "sesame").status == 200
    with pytest.raises(SignInFailed, match="No account has this name and this password"):
        browse().sign_in(f"{WIKI}/", "mara")


@pytest.mark.parametrize(
    ("state", "says"), [("suspended", "Your account is suspended"), ("unassigned", "has not been assigned")]
)
def test_a_refusal_there_is_told(browse, saml_idp, state, says):
    """What the identity provider's page says is in the error, without its markup, and so is the page."""
    saml_idp.change_person("mara", state=state)
    with pytest.raises(SignInFailed, match=says) as failed:
        browse().sign_in(f"{WIKI}/", "mara")
    assert failed.value.page.status == 403
    assert not {"<p", "color-scheme"} & set(str(failed.value).split())


def test_a_refusal_here_is_told(browse):
    """So is what the application's middleware says, with its code."""
    with pytest.raises(SignInFailed, match=r"mara wasn't signed in: 403 Forbidden .*\n.*not_found"):
        browse(resolvers="existing").sign_in(f"{WIKI}/", "mara")


def test_a_refused_cookie_is_told(browse):
    """A way that begins again and again comes to its end."""
    browser = browse()
    browser.cookies.keep = lambda _url, _value: None
    with pytest.raises(SignInFailed):
        browser.sign_in(f"{WIKI}/", "mara")


def test_a_page_that_asks_nobody(browse):
    """A public page asks for no sign-in, nor does any to somebody who is signed in: that is no success."""
    browser = browse(public="/free")
    with pytest.raises(SignInFailed, match="asks nobody to sign in"):
        browser.sign_in(f"{WIKI}/free", "mara")
    browser.sign_in(f"{WIKI}/", "mara")
    with pytest.raises(SignInFailed, match="asks nobody to sign in"):
        browser.sign_in(f"{WIKI}/", "jose")


def test_going_round_in_circles_ends(saml_browser):
    """A page that sends itself for ever is an error."""

    def circle(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<form method=post><input name=SAMLRequest value=a></form>"]

    with pytest.raises(SignInFailed, match="round in circles"):
        saml_browser({WIKI: circle}).sign_in(f"{WIKI}/", "mara")


def test_everybody_has_a_password(browse, saml_idp):
    """Somebody added without a password has the usual one; one that is given stays."""
    zoe = saml_idp.add_person(Person(username="zoe", email="zoe@example.test"))
    assert zoe.password == "zoe-demo"
    assert browse().sign_in(f"{WIKI}/", "zoe").words == "zoe@example.test"
    assert Person(username="zoe", password="sesame").password == "sesame"


def test_words_are_what_a_person_reads():
    """Neither markup nor style sheets nor scripts; white space as a browser shows it."""
    text = "<title>A  b</title><style>p{}</style><script>x()</script><p>c &amp;\n d<p>e"
    assert forms.words(text) == "A b c & d e"


@given(st.text())
def test_words_of_anything(text):
    """Whatever a page is, its words are one line."""
    words = forms.words(text)
    assert words == " ".join(words.split())
