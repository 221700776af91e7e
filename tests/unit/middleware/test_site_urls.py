"""Where things are, and where nobody is ever sent."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saml_wsgi.middleware.urls import ENDPOINTS, Site

BASES = [
    "https://wiki.example.test",
    "https://wiki.example.test/deep/wiki",
    "http://localhost:8080",
    "https://[::1]:8443/x",
]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("prefix", ["/saml", "/auth/sso"])
def test_endpoints_are_exact(base, prefix):
    """Each endpoint has one address, and no other spelling of it is one."""
    site = Site(base, prefix)
    for name in ENDPOINTS:
        path = f"{prefix}/{name}"
        assert site.url(name) == base + path
        assert site.endpoint(path) == name
        for other in (
            path + "/",
            path.upper(),
            path + "x",
            path[1:],
            "/" + path,
            f"{prefix}//{name}",
            f"/x{path}",
        ):
            assert site.endpoint(other) is None
        assert site.owns(path)
    assert site.owns(prefix)
    assert site.owns(prefix + "/anything/below")
    assert not site.owns(prefix + "x")
    assert not site.owns("/")
    assert not site.owns("")
    assert not site.owns("/x" + prefix)


@pytest.mark.parametrize(
    ("base", "path", "host", "origin", "secure"),
    [
        ("https://wiki.example.test", "", "wiki.example.test", "https://wiki.example.test", True),
        ("https://wiki.example.test/a/b", "/a/b", "wiki.example.test", "https://wiki.example.test", True),
        ("http://localhost:8080", "", "localhost", "http://localhost:8080", False),
    ],
)
def test_parts(base, path, host, origin, secure):
    """The parts of base_url that others need."""
    site = Site(base)
    assert (site.path, site.host, site.origin, site.secure) == (path, host, origin, secure)


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["/", "//", "\\", "@", ":", "?", "#", ".", "..", "evil.test", "https:", "javascript:", "\r\n",
             "\t", " ", "\0", "%0d%0a", "%2f", "\u2028", "é", "wiki.example.test", *BASES]
        ),
        max_size=8,
    ).map("".join),
)  # fmt: skip


@pytest.mark.parametrize("base", BASES)
@given(wanted=HOSTILE)
@example(wanted="//evil.test")
@example(wanted="/\\evil.test")
@example(wanted="@evil.test")
@example(wanted=".evil.test")
@example(wanted=":1@evil.test/")
@example(wanted="\t//evil.test")
@example(wanted="https://wiki.example.test//evil.test")
def test_nobody_is_sent_anywhere_else(base, wanted):
    """Whatever a target is asked for, the URL that comes of it has our origin and is fit for a header."""
    site = Site(base)
    for target in (site.safe_target(wanted), wanted):
        url = site.absolute(target)
        assert url.startswith(base + "/")
        parts, ours = urlsplit(url), urlsplit(base)
        assert (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
    target = site.safe_target(wanted)
    assert target.startswith("/")
    assert not target.startswith("//")
    assert "\\" not in target
    assert "#" not in target


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/", "/"),
        ("/page?a=1&b=/x", "/page?a=1&b=/x"),
        ("/page#part", "/page"),
        ("/a//b", "/a//b"),
        ("https://wiki.example.test/deep/page", "/page"),
        ("https://wiki.example.test/deep/", "/"),
        ("https://wiki.example.test/deep?x=1", "/?x=1"),
        ("https://wiki.example.test/deep", "/"),
        ("https://wiki.example.test/other", "/"),
        ("https://wiki.example.test/deeper/page", "/"),
        ("https://WIKI.example.test/deep/page", "/"),
        ("http://wiki.example.test/deep/page", "/"),
        ("https://wiki.example.test/deep//evil.test", "/"),
        ("https://wiki.example.test/deep/\\evil.test", "/"),
        ("page", "/"),
        ("?x=1", "/"),
        ("", "/"),
        ("/saml", "/"),
        ("/saml/logout", "/"),
        ("/saml/logout?x=1", "/"),
        ("/saml?x", "/"),
        ("/samlx", "/samlx"),
        ("/" + "x" * 2047, "/" + "x" * 2047),
        ("/" + "x" * 2048, "/"),
        ("/käse", "/"),
        ("/a b", "/"),
        ("/a\x7f", "/"),
    ],
)
def test_targets_that_somebody_hands_us(wanted, target):
    """A path of this site, or an address below base_url, and no endpoint of ours; else the front page."""
    assert Site("https://wiki.example.test/deep").safe_target(wanted) == target


@pytest.mark.parametrize(
    ("base", "script_name", "path_info", "query", "target"),
    [
        ("https://w.test", "", "/page", "", "/page"),
        ("https://w.test", "", "", "", "/"),
        ("https://w.test", "", "/page", "a=1&b=%20", "/page?a=1&b=%20"),
        ("https://w.test", "", "/K\u00c3\u00a4se", "", "/K%C3%A4se"),
        ("https://w.test", "", "/a b?c#d%", "", "/a%20b%3Fc%23d%25"),
        ("https://w.test", "", "/a/b:@!$&'()*+,;=~-._", "", "/a/b:@!$&'()*+,;=~-._"),
        ("https://w.test", "", "/a\r\nb", "", "/a%0D%0Ab"),
        ("https://w.test", "", "//evil.test", "", "//evil.test"),
        ("https://w.test", "", "page", "", "/"),
        ("https://w.test", "", "/\u6771", "", "/"),
        ("https://w.test", "", "/x", "a b", "/x"),
        ("https://w.test", "", "/x", "a\r\nb", "/x"),
        ("https://w.test", "", "/x", "\u00e9", "/x"),
        ("https://w.test", "", "/" + "x" * 2047, "", "/" + "x" * 2047),
        ("https://w.test", "", "/" + "x" * 2048, "", "/"),
        ("https://w.test", "", "/x", "q" * 2045, "/x?" + "q" * 2045),
        ("https://w.test", "", "/x", "q" * 2046, "/x"),
        ("https://w.test/wiki", "/wiki", "/page", "", "/page"),
        ("https://w.test/wiki", "", "/page", "", "/page"),
        ("https://w.test/wiki", "/wiki/deep", "/page", "", "/deep/page"),
        ("https://w.test/wiki", "/wiki/deep", "", "", "/deep/"),
        ("https://w.test/wiki", "/wikis", "/page", "", "/page"),
        ("https://w.test/wiki", "/other", "/page", "", "/page"),
    ],
)
def test_the_page_that_was_asked_for(base, script_name, path_info, query, target):
    """A request's own page becomes a target below base_url, encoded for a URL, wherever we are mounted."""
    environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path_info, "QUERY_STRING": query}
    assert Site(base).target(environ) == target


@given(
    st.text(st.characters(max_codepoint=255), max_size=50),
    st.text(st.characters(max_codepoint=255), max_size=50),
)
def test_any_page(path_info, query):
    """Whatever a request asks for, its target is of our origin and fit for a header."""
    site = Site("https://wiki.example.test")
    url = site.absolute(site.target({"PATH_INFO": path_info, "QUERY_STRING": query}))
    assert urlsplit(url).netloc == "wiki.example.test"
    assert url.isascii()
    assert url.isprintable()


@pytest.mark.parametrize("wanted", ["/%73aml/logout", "/./saml/logout", "/x/../saml/login"])
def test_endpoints_in_another_spelling(wanted):
    """An endpoint of ours is no target, however it is spelled: a browser or a server would read it as one."""
    assert Site("https://wiki.example.test").safe_target(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/../admin", "/a/../../admin", "/%2e%2e/admin", "/a/./b", "/.."])
def test_targets_stay_below_the_site(wanted):
    """Dots would lead out of a site that is mounted below a path."""
    assert Site("https://wiki.example.test/wiki").safe_target(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/a..b", "/.well-known/x", "/a.b/c"])
def test_dots_in_names_are_harmless(wanted):
    """A dot that isn't a segment of its own is part of a name."""
    assert Site("https://wiki.example.test/wiki").safe_target(wanted) == wanted
