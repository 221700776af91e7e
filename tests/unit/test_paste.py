"""PasteDeploy itself loads the filter and the whoami application, from an ini as an operator writes it."""

from __future__ import annotations

import logging

import pytest
from paste.deploy import loadapp

from saml_wsgi import ConfigurationError, SAMLMiddleware
from saml_wsgi.model import User
from saml_wsgi.paste import whoami

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"

INI = """
[DEFAULT]
{default}

[app:main]
use = egg:saml_wsgi#whoami
filter-with = saml

[filter:saml]
use = egg:saml_wsgi
base_url = https://wiki.example.test
idp.metadata = file:jumpcloud.xml
{filter}
"""


@pytest.fixture
def load(tmp_path, saml_idp):
    """Loads an application from an ini in a folder with the metadata beside it."""
    (tmp_path / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"))

    def run(filter_lines=f"session.secret = {SECRET}", default=""):
        (tmp_path / "wiki.ini").write_text(INI.format(default=default, filter=filter_lines))
        return loadapp(f"config:{tmp_path}/wiki.ini")

    return run


def get(app, path="/", **environ):
    answers = []
    body = b"".join(
        app(
            {"REQUEST_METHOD": "GET", "PATH_INFO": path, **environ},
            lambda status, headers: answers.append((status, dict(headers))),
        )
    )
    return (*answers[0], body.decode())


def test_the_filter(load, tmp_path):
    """`use = egg:saml_wsgi` wraps the application; files and the database are beside the ini."""
    app = load()
    assert isinstance(app, SAMLMiddleware)
    assert app.app is whoami
    assert (tmp_path / "saml_wsgi.db").exists()
    status, _, body = get(app, HTTP_X_REQUESTED_WITH="x")
    assert status.startswith("401")
    assert "https://wiki.example.test/saml/login" in body


def test_every_problem_stops_it(load):
    """A weak configuration doesn't load, and says everything that is wrong."""
    with pytest.raises(ConfigurationError) as error:
        load("session.secret = changeme\nidp.clock_skew = soon\nidp.signd = both")
    assert {problem.key for problem in error.value.problems} == {
        "session.secret",
        "idp.clock_skew",
        "idp.signd",
    }
    assert "changeme" not in str(error.value)


@pytest.mark.parametrize("own", ["", f"session.secret = {SECRET}x"])
def test_the_trap_of_default(load, own):
    """An option in [DEFAULT] never reaches a filter; it is refused, with what to do, instead of ignored."""
    with pytest.raises(ConfigurationError) as error:
        load(own, default=f"session.secret = {SECRET}")
    (problem,) = error.value.problems
    assert problem.key == "session.secret"
    assert "[DEFAULT]" in problem.reason
    assert "get session.secret = session.secret" in problem.cure
    assert SECRET not in str(error.value)


def test_the_way_out_of_the_trap(load):
    """`get` takes the value from [DEFAULT] into the filter."""
    assert load("get session.secret = session.secret", default=f"session.secret = {SECRET}")


def test_variables_of_ones_own_are_no_options(load):
    """What else stands in [DEFAULT] is nobody's business."""
    assert load(default="debug = false\nmy_secret = x")


def test_secrets_from_elsewhere(load, tmp_path, monkeypatch):
    """A secret may come from the environment or from a file."""
    monkeypatch.setenv("WIKI_SECRET", SECRET)
    (tmp_path / "secret.txt").write_text(SECRET + "\n")
    (tmp_path / "secret.txt").chmod(0o600)
    one = load("session.secret = env:WIKI_SECRET")
    other = load("session.secret = file:secret.txt")
    signed = one.sessions._keys.sign("x", "y")
    assert other.sessions._keys.unsign("x", signed) == "y"


def test_warnings_are_logged(load, caplog):
    """What starts, but should be known, is in the log."""
    with caplog.at_level(logging.WARNING):
        load(f"session.secret = {SECRET}\nidp.allow_sha1 = yes")
    assert "idp.allow_sha1" in caplog.text


def test_whoami_shows_who(load):
    """The application shows who is signed in, what they are called and in which groups."""
    user = User("7", "jörg", "j@x.test", groups=("a", "b & c"), managed_by="jit:jc")
    status, headers, body = get(
        whoami,
        REMOTE_USER="j\u00c3\u00b6rg",
        AUTH_TYPE="SAML",
        **{"saml_wsgi.user": user, "saml_wsgi.attributes": {"memberOf": ("x", "y")}},
    )
    assert status == "200 OK"
    assert headers["Cache-Control"] == "no-store"
    assert int(headers["Content-Length"]) == len(body.encode())
    assert body.count("jörg") == 2
    assert "a, b &amp; c" in body
    assert "memberOf" in body
    assert "x, y" in body


def test_whoami_shows_strangers_nothing():
    """Nobody is nobody."""
    _, _, body = get(whoami)
    assert "saml_wsgi.user" not in body


def test_whoami_shows_nothing_secret():
    """No cookie, no header, no session: only what is meant to be shown."""
    _, _, body = get(
        whoami,
        HTTP_COOKIE="theirs=secret-1",
        HTTP_AUTHORIZATION="secret-2",
        **{"saml_wsgi.session": "secret-3", "saml_wsgi.end_session": "secret-4", "SERVER_SECRET": "secret-5"},
    )
    assert "secret" not in body


def test_whoami_escapes():
    """Whatever a directory or an identity provider says is text on the page."""
    evil = "<script>alert('\"&</script>"
    _, _, body = get(
        whoami,
        REMOTE_USER=evil,
        **{
            "saml_wsgi.user": User(evil, evil, evil, evil, evil, evil, (evil,), managed_by=evil),
            "saml_wsgi.attributes": {evil: (evil,)},
            "saml_wsgi.login_url": evil,
        },
    )
    assert "<script" not in body
    assert "</script" not in body
    assert body.count("&lt;script&gt;") >= 12
