"""``saml-wsgi explain``: the middleware's own answers to a request, and the rules behind them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from saml_wsgi.cli import main

INI = """
[filter:saml]
use = egg:saml_wsgi
base_url = {base}
idp.metadata = file:idp.xml
idp.request_binding = redirect
session.secret = Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa
public =
    /welcome
    GET /static/*
api = /api/*
cors.origins = https://app.example.test
"""
WIKI = "https://wiki.example.test"


@pytest.fixture
def explain(tmp_path, saml_idp):
    """What the command prints, for an ini with further lines."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"))

    def invoke(url, *arguments, more="", base=WIKI):
        (tmp_path / "wiki.ini").write_text(INI.format(base=base) + more)
        result = CliRunner().invoke(main, ["explain", str(tmp_path / "wiki.ini"), url, *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def answers(explain):
    """What a stranger and somebody signed in get."""

    def ask(*arguments, **more):
        result = explain(*arguments, "--json", **more)
        assert result.exit_code == 0, result.output
        stranger, known = json.loads(result.stdout)
        assert (stranger["who"], known["who"]) == ("a stranger", "somebody signed in")
        return stranger, known

    return ask


APPLICATION = "the application, with REMOTE_USER = example"
ROWS = [
    ("/page", [], "302 Found, to https://sso.example.test/saml2/wiki", "a sign-in begins at"),
    ("/welcome", [], "the application, without REMOTE_USER", "public = /welcome"),
    ("/static/a.css", [], "the application, without REMOTE_USER", "public = GET,HEAD /static/*"),
    ("/static/a", ["--method", "POST"], "401 Unauthorized, a page of ours", "no line of public"),
    (
        "/static//a.css",
        [],
        "302 Found, to https://sso.example.test/saml2/wiki",
        "which others read otherwise",
    ),
    ("/%FF", [], "400 Bad Request, a page of ours", "isn't UTF-8"),
    ("/api/x", [], "401 Unauthorized, a page of ours", "api = /api/*"),
    ("/x", ["--header", "X-Requested-With: fetch"], "401 Unauthorized, a page of ours", "X-Requested-With"),
    (
        "/x",
        ["--header", "Sec-Purpose: prefetch"],
        "401 Unauthorized, a page of ours",
        "Sec-Purpose: prefetch",
    ),
    ("/x", ["--header", "Accept: image/png"], "401 Unauthorized, a page of ours", "Accept: image/png"),
    ("/x", ["--method", "post"], "401 Unauthorized, a page of ours", "sends something"),
    (
        "/x",
        [
            *("--method", "OPTIONS", "--header", "Origin: https://app.example.test"),
            *("--header", "Access-Control-Request-Method: PUT"),
        ],
        "204 No Content, a page of ours",
        "preflight",
    ),
]


@pytest.mark.parametrize(("path", "arguments", "expected", "rule"), ROWS)
def test_what_a_stranger_gets(answers, path, arguments, expected, rule):
    """The answer is the middleware's own, and the rule that decided is named."""
    stranger, known = answers(path, *arguments)
    assert stranger["answer"] == expected
    assert rule in " ".join(stranger["because"])
    assert known["answer"] == APPLICATION


@pytest.mark.parametrize(
    ("path", "expected", "rule"),
    [
        ("/saml/metadata", "200 OK, a page of ours", "our SAML metadata"),
        ("/saml/login", "302 Found, to https://sso.example.test/saml2/wiki", "a sign-in begins there"),
        ("/saml/nothing", "404 Not Found, a page of ours", "no such page"),
        ("/saml/acs", "405 Method Not Allowed, a page of ours", "answers are posted there"),
    ],
)
def test_our_own_pages(answers, path, expected, rule):
    """Below the prefix nothing reaches the application, and the reader is told what is there."""
    stranger, known = answers(path)
    assert stranger["answer"] == expected
    assert rule in " ".join(stranger["because"])
    assert "the application" not in known["answer"]


def test_the_application_decides(answers):
    """With challenge = on_401 a stranger's request goes to the application first."""
    stranger, _ = answers("/page", more="challenge = on_401\n")
    assert stranger["answer"] == "the application, without REMOTE_USER"
    assert "on_401" in " ".join(stranger["because"])


def test_a_full_address_below_a_path(answers):
    """Where base_url has a path, the address and the rules are those of the mounted application."""
    stranger, _ = answers(f"{WIKI}/wiki/welcome?x=1", base=f"{WIKI}/wiki")
    assert "public = /welcome" in stranger["because"]


@pytest.mark.parametrize(
    ("url", "base", "says"),
    [
        ("https://other.example.test/x", WIKI, "another site's"),
        ("http://wiki.example.test/x", WIKI, "base_url says https://wiki.example.test"),
        (f"{WIKI}/elsewhere", f"{WIKI}/wiki", "isn't below the path of base_url, /wiki"),
    ],
)
def test_the_address_of_another_site(explain, url, base, says):
    """An address that isn't the application's is told with the configured one."""
    result = explain(url, base=base)
    assert result.exit_code == 1
    assert says in result.output


def test_a_header_that_is_none(explain):
    """What isn't a header is a wrong command line."""
    assert explain("/x", "--header", "nothing").exit_code == 2


def test_nothing_is_stored(explain, tmp_path):
    """No database is made, and people read the same as programs."""
    result = explain("/page")
    assert result.exit_code == 0
    assert "a stranger: 302 Found" in result.output
    assert APPLICATION in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["idp.xml", "wiki.ini"]


def test_a_configuration_that_would_not_start(explain):
    """Its problems are told, as by check."""
    result = explain("/page", more="idle = 3\n")
    assert result.exit_code == 1
    assert "idle" in result.output
