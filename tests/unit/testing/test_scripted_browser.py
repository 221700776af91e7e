"""The scripted browser: redirects, forms, headers, and the environ it makes."""

import json
import ssl
import sys
import threading
from urllib.parse import parse_qs, urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from saml_wsgi.testing import Browser, HTTPTransport, WSGITransport
from saml_wsgi.testing.browser import TooManyRedirects
from saml_wsgi.testing.forms import read
from saml_wsgi.testing.transports import Sent, environ_for

WIKI = "https://wiki.example.test"
OTHER = "https://other.example.test"


def mirror(environ, start_response):
    """Says what it received; the query may ask for cookies, a status and a Location."""
    asked = parse_qs(environ["QUERY_STRING"])
    headers = [("Content-Type", "application/json")]
    headers += [("Set-Cookie", value) for value in asked.get("cookie", [])]
    headers += [("Location", value) for value in asked.get("to", [])]
    start_response(asked.get("status", ["200 OK"])[0], headers)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode("latin-1")
    said = {key: value for key, value in environ.items() if isinstance(value, str)}
    return [json.dumps({**said, "body": body}).encode()]


@pytest.fixture
def browser(saml_browser):
    return saml_browser(
        {WIKI: mirror, OTHER: mirror, "http://localhost:8080": mirror, "http://plain.test": mirror}
    )


def setting(*cookies, url=f"{WIKI}/"):
    return f"{url}?{urlencode([('cookie', cookie) for cookie in cookies])}"


def redirecting(to, status="303 See Other", url=f"{WIKI}/"):
    return f"{url}?{urlencode({'to': to, 'status': status})}"


def cookies_of(page):
    return page.json().get("HTTP_COOKIE", "")


def test_a_redirect_after_anothers_post_shows_lax_and_not_strict(browser):
    """After a cross-site POST, the 303 to a GET carries Lax cookies; the initiator stays the other site."""
    browser.get(setting("strict=1; Secure; SameSite=Strict", "lax=1; Secure; SameSite=Lax"))
    first = browser.post(redirecting("/resume"), {"a": "b"}, initiator=f"{OTHER}/form")
    assert cookies_of(first) == ""
    end = browser.follow(first)
    assert end.url == f"{WIKI}/resume"
    said = end.json()
    assert said["HTTP_COOKIE"] == "lax=1"
    assert said["REQUEST_METHOD"] == "GET"
    assert said["HTTP_SEC_FETCH_SITE"] == "cross-site"
    assert said["body"] == ""
    assert "CONTENT_TYPE" not in said
    assert "HTTP_ORIGIN" not in said


def test_navigation_looks_like_a_browsers(browser):
    """A typed address, a click and a form send the headers by which servers tell navigations."""
    typed = browser.get(f"{WIKI}/page?x=1").json()
    assert typed["HTTP_SEC_FETCH_MODE"] == "navigate"
    assert typed["HTTP_SEC_FETCH_DEST"] == "document"
    assert typed["HTTP_SEC_FETCH_SITE"] == "none"
    assert typed["HTTP_ACCEPT"].startswith("text/html")
    assert "HTTP_ORIGIN" not in typed
    assert "HTTP_REFERER" not in typed
    form = browser.post(f"{WIKI}/", {"é": "&"}, initiator=f"{OTHER}/form?x#y").json()
    assert form["HTTP_ORIGIN"] == OTHER
    assert form["HTTP_SEC_FETCH_SITE"] == "cross-site"
    assert form["HTTP_REFERER"] == f"{OTHER}/"
    assert form["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
    assert form["CONTENT_LENGTH"] == str(len(form["body"])) == "10"
    assert form["body"] == "%C3%A9=%26"
    own = browser.post(f"{WIKI}/", initiator=f"{WIKI}/form?x#y").json()
    assert own["HTTP_SEC_FETCH_SITE"] == "same-origin"
    assert own["HTTP_REFERER"] == f"{WIKI}/form?x"
    assert own["CONTENT_LENGTH"] == "0"
    script = browser.fetch(f"{WIKI}/", initiator=f"{WIKI}/").json()
    assert (script["HTTP_SEC_FETCH_MODE"], script["HTTP_SEC_FETCH_DEST"]) == ("cors", "empty")
    assert script["HTTP_ACCEPT"] == "*/*"
    abroad = browser.fetch(f"{WIKI}/", initiator=f"{OTHER}/").json()
    assert abroad["HTTP_ORIGIN"] == OTHER
    port = browser.get("http://localhost:8080/", initiator="http://localhost:9000/").json()
    assert port["HTTP_SEC_FETCH_SITE"] == "same-site"
    assert "HTTP_SEC_FETCH_SITE" not in browser.get("http://plain.test/").json()
    bare = browser.get(f"{WIKI}/", headers={"Sec-Fetch-Mode": "", "accept": "application/json"}).json()
    assert "HTTP_SEC_FETCH_MODE" not in bare
    assert bare["HTTP_ACCEPT"] == "application/json"


def test_redirects_are_followed_on_request(browser):
    """Nothing is followed unasked; 307 keeps the method and loses the origin once it left one."""
    page = browser.get(redirecting(f"{OTHER}/x"))
    assert (page.status, page.location) == (303, f"{OTHER}/x")
    assert browser.follow(page).json()["HTTP_SEC_FETCH_SITE"] == "none"
    kept = browser.post(redirecting("/x", "307 Temporary Redirect"), {"a": "b"}, initiator=WIKI, follow=True)
    assert (kept.json()["REQUEST_METHOD"], kept.json()["body"]) == ("POST", "a=b")
    assert kept.json()["HTTP_ORIGIN"] == WIKI
    there = redirecting(f"{WIKI}/x", "308 Permanent Redirect", url=f"{OTHER}/")
    away = browser.post(there, {"a": "b"}, initiator=WIKI, follow=True)
    assert away.json()["HTTP_ORIGIN"] == "null"
    assert browser.get(f"{WIKI}/").location is None


def test_redirects_come_to_an_end(saml_browser):
    """A loop of redirects is an error after twenty hops; hops= stops earlier."""

    def loop(environ, start_response):
        start_response("302 Found", [("Location", "/again"), ("Content-Type", "text/plain")])
        return []

    browser = saml_browser({WIKI: loop})
    with pytest.raises(TooManyRedirects):
        browser.get(WIKI, follow=True)
    assert len(browser.history) == 21
    assert browser.follow(browser.get(WIKI), hops=2).errand.chain == (WIKI, f"{WIKI}/again")


def test_a_page_can_be_asked_for_again(browser):
    """What repeat does: it sends the same form again, from the same page, with the cookies of now."""
    first = browser.post(setting("a=1; Secure"), {"x": "y"}, initiator=f"{WIKI}/form")
    again = browser.repeat(first)
    assert again.json()["body"] == "x=y"
    assert cookies_of(again) == "a=1"
    assert browser.history == [first, again]


PAGE = """<!DOCTYPE html><base href="https://other.example.test/dir/">
<a href="a?x=1&amp;y=2">To <b>A</b></a>
<form action="send?x=1" method="POST">
<input name=user value="&lt;é&gt;"><input type=hidden name=h value=1><input name=h value=2>
<input type=checkbox name=yes checked><input type=checkbox name=no value=1>
<textarea name=t> a &amp; b </textarea><input type=button name=b value=1><input type=file name=f>
<select name=s><option value=1><option value=2 selected></select>
<button type=button name=skip>No</button><button name=go value=1>Go</button>
<input type=submit name=o value=Other>
</form><form></form>"""


def test_forms_and_links_are_read():
    """Fields, buttons and links come as a person would find them; wrong names are LookupErrors."""
    offer = read(f"{WIKI}/page", PAGE)
    form, bare = offer.forms
    assert offer.links == (("To A", f"{OTHER}/dir/a?x=1&y=2"),)
    assert (form.url, form.method) == (f"{OTHER}/dir/send?x=1", "POST")
    assert form.fields == (
        ("user", "<é>"),
        ("h", "1"),
        ("h", "2"),
        ("yes", "on"),
        ("t", " a & b "),
        ("s", "2"),
    )
    assert form.buttons == (("Go", "go", "1"), ("Other", "o", "Other"))
    assert form.filled({"user": "x"}, "Go")[0] == ("user", "x")
    assert form.filled({}, "Go")[-1] == ("go", "1")
    assert (bare.method, bare.fields) == ("GET", ())
    for arguments in ({"nobody": ""}, None), ({}, "Nothing"):
        with pytest.raises(LookupError):
            form.filled(*arguments)


def test_a_form_with_get_replaces_the_query(saml_browser):
    """A GET form sends its fields as the query; missing forms and links are LookupErrors."""

    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        query = environ["QUERY_STRING"].encode("ascii")
        return [b'<form action="/find?old=1"><input name=q><button>Find</button></form>' + query]

    browser = saml_browser({WIKI: page})
    found = browser.submit(browser.get(WIKI), {"q": "a b"})
    assert found.url == f"{WIKI}/find?q=a+b"
    for wrong in (lambda: found.form(1), lambda: found.link("x"), lambda: browser.click(found, "x")):
        with pytest.raises(LookupError):
            wrong()


def test_the_environ_is_a_servers():
    """Bytes of the path as ISO-8859-1, the query as it stands, ports, joined headers, nothing else."""
    environ = environ_for(
        Sent(
            "PATCH",
            "https://wiki.example.test:8443/%C3%A9%2f%ff?q=%C3%A9#fragment",
            (
                ("X-A", "1"),
                ("x-a", "2"),
                ("Cookie", "a=1"),
                ("Cookie", "b=2"),
                ("Content-Type", "text/plain"),
            ),
            b"body",
        )
    )
    assert environ["PATH_INFO"].encode("latin-1") == b"/\xc3\xa9/\xff"
    assert environ["QUERY_STRING"] == "q=%C3%A9"
    assert environ["SCRIPT_NAME"] == ""
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("wiki.example.test", "8443")
    assert environ["HTTP_HOST"] == "wiki.example.test:8443"
    assert environ["HTTP_X_A"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["wsgi.multiprocess"] is False
    assert environ_for(Sent("GET", "http://localhost"))["PATH_INFO"] == "/"


def test_iterables_are_always_closed():
    """close() is called after a response, and after an iterable that fails; what fails comes out."""
    closed = []

    class Body:
        def __init__(self, fails):
            self.fails = fails

        def __iter__(self):
            yield b"some"
            if self.fails:
                raise RuntimeError("broken")

        def close(self):
            closed.append(self.fails)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body(environ["PATH_INFO"] == "/fails")

    transport = WSGITransport({WIKI: application}, environ={"REMOTE_ADDR": "192.0.2.1"})
    assert transport.send(Sent("GET", WIKI)).body == b"some"
    with pytest.raises(RuntimeError, match="broken"):
        transport.send(Sent("GET", f"{WIKI}/fails"))
    assert closed == [False, True]
    with pytest.raises(LookupError, match=r"nothing is served at https://nowhere\.test"):
        transport.send(Sent("GET", "https://nowhere.test/x"))


def test_applications_that_break_the_rules_fail():
    """The validator of wsgiref stands in between, and start_response must be called, once."""

    def text(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ["not bytes"]

    def silent(environ, start_response):
        return [b""]

    def twice(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    for application, validate in ((text, True), (silent, False), (twice, False)):
        with pytest.raises(AssertionError):
            WSGITransport({WIKI: application}, validate=validate).send(Sent("GET", WIKI))


def test_write_and_late_errors_work():
    """The write callable's bytes come first; exc_info replaces what wasn't sent, and is raised after."""

    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] != "/early":
            write(b"written ")
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            if environ["PATH_INFO"] != "/":
                start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"returned"]

    transport = WSGITransport({WIKI: application})
    assert transport.send(Sent("GET", WIKI)).body == b"written returned"
    assert transport.send(Sent("GET", f"{WIKI}/early")).status == 500
    with pytest.raises(ZeroDivisionError):
        transport.send(Sent("GET", f"{WIKI}/late"))


def test_http_stays_on_this_machine():
    """By default the browser visits nobody else, and no other scheme."""
    for url in ("http://example.com/", "ftp://localhost/", "https://127.evil.example/"):
        with pytest.raises(ValueError, match="this machine"):
            Browser().get(url)


def test_http_is_real():
    """Over a socket the server sees what the in-process applications see: method, path, headers, body."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments):
            """Nothing on the test's output."""

    server = make_server("127.0.0.1", 0, mirror, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        browser = Browser(HTTPTransport(5))
        browser.get(setting("a=1; Secure; SameSite=None; Path=/", "b=2", url=f"{base}/x/"))
        page = browser.post(f"{base}/x/%C3%A9?q=1#f", {"k": "v"}, initiator="http://localhost:1/")
        said = page.json()
        assert said["PATH_INFO"].encode("latin-1") == "/x/é".encode()
        assert (said["QUERY_STRING"], said["body"]) == ("q=1", "k=v")
        assert said["HTTP_COOKIE"] == "b=2; a=1"
        assert said["HTTP_HOST"] == f"127.0.0.1:{server.server_port}"
        assert said["HTTP_SEC_FETCH_SITE"] == "cross-site"
        assert browser.follow(browser.get(redirecting("/there", url=f"{base}/"))).url == f"{base}/there"
        with pytest.raises((OSError, ssl.SSLError)):
            browser.get(base.replace("http:", "https:"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
