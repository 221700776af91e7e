"""Patterns of paths, and what kind of visitor a request comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import Problems
from saml_wsgi.middleware.policy import Pattern, Policy, Visitor, read_patterns, visitor


def patterns(*lines):
    problems = Problems()
    found = read_patterns(lines, "public", problems)
    assert problems.fatal == ()
    return found


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("/healthz", Pattern(frozenset(), "/healthz", below=False)),
        ("/static/*", Pattern(frozenset(), "/static/", below=True)),
        ("/*", Pattern(frozenset(), "/", below=True)),
        ("GET /feed", Pattern(frozenset({"GET", "HEAD"}), "/feed", below=False)),
        ("POST,PUT /feed/*", Pattern(frozenset({"POST", "PUT"}), "/feed/", below=True)),
        ("  /a \t", Pattern(frozenset(), "/a", below=False)),
        ("/Käse", Pattern(frozenset(), "/Käse", below=False)),
    ],
)
def test_good_patterns(line, pattern):
    """An exact path or all below one, with methods in front if need be; who may GET may HEAD."""
    assert patterns(line) == (pattern,)


@pytest.mark.parametrize(
    "line",
    [
        "healthz",
        "",
        "*",
        "/a*",
        "/a/*/b",
        "/a/**",
        "get /a",
        "GET, HEAD /a",
        "GET,/a",
        "GET /a /b",
        "GET a",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "//a",
        "/a;b",
        "/a%20b",
        "/a\\b",
        "/a\x00b",
        "GET;HEAD /a",
    ],
)
def test_bad_patterns(line):
    """What can't be matched safely is a problem that shows the line and says what to write."""
    problems = Problems()
    assert read_patterns([line, "/fine"], "public", problems) == patterns("/fine")
    (problem,) = problems.fatal
    assert problem.key == "public"
    assert repr(line) in problem.reason
    assert problem.cure


def asks(path, method="GET", **headers):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, **headers}


@pytest.mark.parametrize(
    ("line", "path", "method", "public"),
    [
        ("/a", "/a", "POST", True),
        ("/a", "/a/", "GET", False),
        ("/a", "/ab", "GET", False),
        ("/a", "/A", "GET", False),
        ("/a/*", "/a", "GET", True),
        ("/a/*", "/a/", "GET", True),
        ("/a/*", "/a/b/c", "GET", True),
        ("/a/*", "/ab", "GET", False),
        ("/*", "/anything", "GET", True),
        ("/*", "", "GET", True),
        ("GET /a", "/a", "HEAD", True),
        ("GET /a", "/a", "POST", False),
        ("GET /a", "/a", "OPTIONS", False),
        ("HEAD /a", "/a", "GET", False),
        ("/K\u00e4se", "/K\u00c3\u00a4se", "GET", True),
        ("/*", "/a//b", "GET", False),
        ("/*", "/a/../b", "GET", False),
        ("/*", "/a/..", "GET", False),
        ("/*", "/a/.", "GET", False),
        ("/*", "/a/...", "GET", True),
        ("/*", "/.well-known/x", "GET", True),
        ("/*", "/a;b", "GET", False),
        ("/*", "/a\\b", "GET", False),
        ("/*", "/a%2e", "GET", False),
        ("/*", "/a\n", "GET", False),
        ("/*", "/a\x7f", "GET", False),
        ("/*", "/\u00ff", "GET", False),
    ],
)
def test_matching(line, path, method, public):
    """A path is public if it matches to the letter and can be read in one way only."""
    assert Policy(public=patterns(line)).is_public(asks(path, method)) is public


def test_nothing_is_public_by_default():
    """Without patterns nothing is."""
    assert not Policy().is_public(asks("/"))


ORIGIN = {"HTTP_ORIGIN": "https://app.test", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}


@pytest.mark.parametrize(
    ("origins", "environ", "answered"),
    [
        (("https://app.test",), asks("/x", "OPTIONS", **ORIGIN), True),
        (("https://other.test",), asks("/x", "OPTIONS", **ORIGIN), False),
        ((), asks("/x", "OPTIONS", **ORIGIN), False),
        (("https://app.test",), asks("/x", "OPTIONS", HTTP_ORIGIN="https://app.test"), False),
        (("https://app.test",), asks("/x", "PUT", **ORIGIN), False),
        (
            ("https://app.test",),
            asks("/x", "OPTIONS", **{**ORIGIN, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "a\r\nb"}),
            False,
        ),
    ],
)
def test_preflights(origins, environ, answered):
    """A preflight is answered for configured origins only; the application never sees one."""
    policy = Policy(cors_origins=origins)
    assert (policy.preflight(environ) is not None) is answered
    assert not policy.is_public(environ)


@pytest.mark.parametrize(
    ("asked", "allowed"), [("content-type, x-a", True), ("", False), ("a\r\nb: c", False)]
)
def test_what_a_preflight_allows(asked, allowed):
    """What it announces is allowed, if it can stand in a header."""
    environ = asks("/x", "OPTIONS", **ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked)
    answer = dict(Policy(cors_origins=("https://app.test",)).preflight(environ))
    assert answer["Access-Control-Allow-Methods"] == "PUT"
    assert answer["Access-Control-Allow-Origin"] == "https://app.test"
    assert answer.get("Access-Control-Allow-Headers") == (asked if allowed else None)


def test_cors_headers():
    """A configured origin may read our answer; caches are told that it depends on the origin."""
    policy = Policy(cors_origins=("https://app.test",))
    assert policy.cors_headers({"HTTP_ORIGIN": "https://app.test"}) == [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", "https://app.test"),
        ("Access-Control-Allow-Credentials", "true"),
    ]
    assert policy.cors_headers({"HTTP_ORIGIN": "null"}) == [("Vary", "Origin")]
    assert policy.cors_headers({}) == [("Vary", "Origin")]
    assert Policy().cors_headers({"HTTP_ORIGIN": "https://app.test"}) == []


HTML = {"HTTP_ACCEPT": "text/html,*/*"}
NAVIGATES = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        (asks("/", **NAVIGATES), Visitor.PERSON),
        (asks("/", HTTP_SEC_FETCH_MODE="navigate"), Visitor.PERSON),
        (asks("/", **HTML), Visitor.PERSON),
        (asks("/", "HEAD", **HTML), Visitor.PERSON),
        (asks("/", "POST", **NAVIGATES), Visitor.FORM),
        (asks("/", "PUT", **HTML), Visitor.FORM),
        (asks("/"), Visitor.PROGRAM),
        (asks("/", HTTP_ACCEPT="application/json"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_SEC_FETCH_MODE="cors"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_SEC_FETCH_MODE=""), Visitor.PROGRAM),
        (asks("/", **NAVIGATES | {"HTTP_SEC_FETCH_DEST": "iframe"}), Visitor.PROGRAM),
        (asks("/", **NAVIGATES | {"HTTP_SEC_FETCH_DEST": "empty"}), Visitor.PROGRAM),
        (asks("/", **NAVIGATES, HTTP_SEC_PURPOSE="prefetch;prerender"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_PURPOSE="preview"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_X_MOZ="prefetch"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_X_REQUESTED_WITH="XMLHttpRequest"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_UPGRADE="WebSocket"), Visitor.PROGRAM),
        (asks("/", **HTML, HTTP_UPGRADE="h2c"), Visitor.PERSON),
    ],
)
def test_visitors(environ, kind):
    """A browser says what it loads; only a whole page is a person's."""
    assert visitor(environ) is kind
    assert Policy().visitor(environ) is kind


@pytest.mark.parametrize(
    ("path", "method", "kind"),
    [("/api/x", "GET", Visitor.PROGRAM), ("/page", "GET", Visitor.PERSON), ("/hook", "POST", Visitor.PROGRAM),
     ("/hook", "GET", Visitor.PERSON)],
)  # fmt: skip
def test_api_paths(path, method, kind):
    """Under `api` even a navigation is a program's."""
    assert Policy(api=patterns("/api/*", "POST /hook")).visitor(asks(path, method, **NAVIGATES)) is kind


@given(st.text(max_size=30), st.sampled_from(["/a", "/a/*", "GET /a"]))
def test_any_path(raw, line):
    """No path raises anything, and none is public but what begins as the pattern does."""
    if Policy(public=patterns(line)).is_public(asks(raw)):
        assert raw == "/a" or raw.startswith("/a/")
