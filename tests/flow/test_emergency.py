"""The way in when the identity provider is down: from the command to a session, once, and for nobody else."""

from __future__ import annotations

import dataclasses
import io
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.signing import digest

WIKI = "https://wiki.example.test"
EMERGENCY = f"{WIKI}/saml/emergency"

INI = """
[filter:saml]
use = egg:saml_wsgi
base_url = https://wiki.example.test
idp.metadata = file:idp.xml
session.secret = for-tests-only-7Qk2ZtYw0sVb4NcX9mLr
emergency.sign_in = {switch}
{more}
"""


@pytest.fixture
def command(tmp_path, saml_idp):
    """``saml-wsgi users …`` on the application's own database."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"))

    def run(name, *arguments, switch="yes", more=""):
        (tmp_path / "wiki.ini").write_text(INI.format(switch=switch, more=more))
        result = CliRunner().invoke(main, ["users", name, str(tmp_path / "wiki.ini"), *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def let_in(command):
    """Makes mara, and an address for her."""

    def make(username="mara"):
        command("add", username)
        result = command("let-in", username)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    return make


def token_of(address):
    return address.partition("?token=")[2]


def answer(app, token, headers):
    """The status and the headers of the answer to a POST with exactly these headers."""
    body = urlencode({"token": token}).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/saml/emergency",
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "https",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if value},
    }
    setup_testing_defaults(environ)
    seen = []
    app(environ, lambda status, sent, _=None: seen.append((int(status.split()[0]), dict(sent))))
    return seen[0]


def is_signed_in(browser):
    page = browser.get(f"{WIKI}/api", headers={"X-Requested-With": "x"})
    return page.status == 200 and page.json()["remote_user"]


def test_an_address_signs_in_once(protect, browse, let_in, caplog):
    """The button signs the person in and leads to the application; the log says so; a second time fails."""
    app = protect(emergency__sign_in="yes")
    browser, address = browse(app), let_in()
    page = browser.get(address)
    assert page.status == 200
    with caplog.at_level(logging.INFO, "saml_wsgi"):
        page = browser.submit(page, follow=True)
    assert (page.url, page.json()["remote_user"]) == (f"{WIKI}/", "mara")
    (line,) = (each for each in caplog.records if "event=emergency_sign_in" in each.getMessage())
    assert line.levelno == logging.WARNING
    assert token_of(address) not in caplog.text
    other = browse(app)
    page = other.submit(other.get(address))
    assert page.status == 403
    assert "emergency_refused" in page.text
    assert not is_signed_in(other)


def test_looking_at_an_address_uses_nothing_up(protect, browse, let_in):
    """What reads links before people do can't spend them, and the page says as whom to nobody."""
    app, address = protect(emergency__sign_in="yes"), let_in()
    for _ in range(3):
        page = browse(app).get(address)
        assert "mara" not in page.text
        headers = dict(page.headers)
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in headers["Cache-Control"]
        assert "Set-Cookie" not in headers
    browser = browse(app)
    browser.submit(browser.get(address), follow=True)
    assert is_signed_in(browser) == "mara"


def test_an_address_is_good_for_ten_minutes(protect, browse, let_in, saml_clock):
    """Afterwards it is as if it had never been."""
    browser, address = browse(protect(emergency__sign_in="yes")), let_in()
    page = browser.get(address)
    saml_clock.advance(610)
    assert "emergency_refused" in browser.submit(page).text
    assert not is_signed_in(browser)


def test_the_session_lasts_an_hour_at_most(protect, browse, let_in, saml_clock):
    """However long other sessions are, and however busy it is."""
    app = protect(emergency__sign_in="yes", session__lifetime="8 h", session__idle="8 h")
    browser = browse(app)
    browser.submit(browser.get(let_in()), follow=True)
    saml_clock.advance(3590)
    assert is_signed_in(browser) == "mara"
    saml_clock.advance(20)
    assert not is_signed_in(browser)


def test_a_session_of_before_ends(protect, browse, sign_in, let_in):
    """A browser has one session: whoever was signed in with it before isn't any more."""
    app = protect(emergency__sign_in="yes")
    browser = browse(app)
    sign_in(browser, username="jose")
    name = app._cookies.session
    (old,) = (cookie.value for cookie in browser.cookies if cookie.name == name)
    assert app.sessions.recognise(old) is not None
    browser.submit(browser.get(let_in()), follow=True)
    assert is_signed_in(browser) == "mara"
    assert app.sessions.recognise(old) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": WIKI},
        {"Sec-Fetch-Site": "same-site", "Origin": WIKI},
        {"Sec-Fetch-Site": "none", "Origin": WIKI},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example.test"},
        {"Sec-Fetch-Site": "", "Origin": ""},
    ],
)
def test_no_other_site_signs_anybody_in(protect, browse, let_in, headers):
    """A form that another page sent is refused, and the address stays good."""
    app, address = protect(emergency__sign_in="yes"), let_in()
    assert answer(app, token_of(address), headers)[0] == 400
    browser = browse(app)
    browser.submit(browser.get(address), follow=True)
    assert is_signed_in(browser) == "mara"


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Sec-Fetch-Site": "", "Origin": WIKI}]
)
def test_our_own_page_is_known_by_every_browser(protect, let_in, headers):
    """By Sec-Fetch-Site, where no-referrer makes the origin null; by Origin, where that is unknown."""
    status, sent = answer(protect(emergency__sign_in="yes"), token_of(let_in()), headers)
    assert (status, sent["Location"]) == (303, f"{WIKI}/")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 43, "A" * 44])
def test_nobody_guesses_an_address(protect, browse, token):
    """What isn't an address of ours is refused, whether it looks like one or not."""
    app = protect(emergency__sign_in="yes")
    status, _ = answer(app, token, {"Sec-Fetch-Site": "same-origin"})
    assert status == 403
    page = browse(app).get(f"{EMERGENCY}?token={token}")
    assert page.status == (200 if len(token) == 43 and token.isascii() else 403)


def test_what_the_store_holds_lets_nobody_in(protect, let_in, tmp_path):
    """Neither the token nor the user can be made from it, and an entry is good in its own place alone."""
    app, token = protect(emergency__sign_in="yes"), token_of(let_in())
    mine = "B" * 43
    with sqlite3.connect(tmp_path / "saml_wsgi.db") as connection:
        rows = connection.execute(
            "SELECT key, value FROM saml_wsgi_state WHERE key LIKE 'emergency:%'"
        ).fetchall()
        ((name, value),) = rows
        assert token not in name + value.decode()
        connection.execute(
            "INSERT INTO saml_wsgi_state (key, value, expires) SELECT ?, value, expires FROM saml_wsgi_state "
            "WHERE key = ?",
            (f"emergency:{digest(mine)}", name),
        )
    connection.close()
    assert answer(app, mine, {"Sec-Fetch-Site": "same-origin"})[0] == 403


def test_the_user_must_be_active_at_that_moment(protect, browse, let_in, command):
    """Disabled or deleted meanwhile: nobody is signed in."""
    app = protect(emergency__sign_in="yes")
    first, second = let_in("mara"), let_in("jose")
    command("disable", "mara")
    command("delete", "jose", "--yes")
    for address, code in ((first, "inactive"), (second, "not_found")):
        browser = browse(app)
        page = browser.submit(browser.get(address))
        assert (page.status, code in page.text) == (403, True)
        assert not is_signed_in(browser)


def test_the_address_is_one_persons(protect, browse, let_in, monkeypatch):
    """An application may give the id of a deleted user to the next one, who isn't let in by it."""
    app = protect(emergency__sign_in="yes")
    address = let_in("mara")
    directory = app._emergency._directory
    get = directory.get
    monkeypatch.setattr(directory, "get", lambda user_id: dataclasses.replace(get(user_id), username="eve"))
    browser = browse(app)
    page = browser.submit(browser.get(address))
    assert (page.status, "not_found" in page.text) == (403, True)
    assert not is_signed_in(browser)


def test_an_outage_spends_no_address(protect, browse, let_in, monkeypatch):
    """While the users can't be looked up nobody is signed in; afterwards the address is good still."""
    app, address = protect(emergency__sign_in="yes"), let_in()
    browser = browse(app)

    def down(_):
        raise DirectoryUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(app._emergency._directory, "get", down)
        assert browser.submit(browser.get(address)).status == 503
        assert not is_signed_in(browser)
    browser.submit(browser.get(address), follow=True)
    assert is_signed_in(browser) == "mara"


def test_of_two_at_once_one_comes_in(protect, let_in):
    """However many send it in the same moment, there is one session."""
    app, token = protect(emergency__sign_in="yes"), token_of(let_in())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: answer(app, token, {"Sec-Fetch-Site": "same-origin"})[0], range(8)))
    assert sorted(found) == [303] + [403] * 7


def test_where_it_is_off_there_is_nothing(protect, browse, let_in, command, code_on):
    """The address doesn't exist, also one that was made while it was on; the command refuses."""
    address = let_in()
    browser = browse(protect())
    page = browser.get(address)
    assert (page.status, code_on(page)) == (404, "endpoint_unknown")
    assert answer(protect(), token_of(address), {"Sec-Fetch-Site": "same-origin"})[0] == 404
    result = command("let-in", "mara", switch="no")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "emergency.sign_in = no" in result.stderr


def test_nobody_is_let_in_who_may_not(command):
    """A disabled user gets no address, nor does anybody where the store isn't shared."""
    command("add", "mara")
    command("disable", "mara")
    result = command("let-in", "mara")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "disabled" in result.stderr
    command("enable", "mara")
    result = command("let-in", "mara", more="store.url = memory:\ndirectory.url = sqlite:///saml_wsgi.db\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "emergency.sign_in" in result.stderr
