"""What base_url, prefix, origins and the identity provider's address may be."""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://wiki.example.com", "https://wiki.example.com"),
        ("https://wiki.example.com/", "https://wiki.example.com"),
        ("HTTPS://Wiki.Example.COM/Team//", "https://wiki.example.com/Team"),
        ("https://wiki.example.com:443", "https://wiki.example.com"),
        ("https://wiki.example.com:8443/a/b", "https://wiki.example.com:8443/a/b"),
        ("http://localhost:6543", "http://localhost:6543"),
        ("http://127.8.0.1:80/x", "http://127.8.0.1/x"),
        ("http://[::1]:6543", "http://[::1]:6543"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_base_url_is_normalised(reading, written, read):
    """Letter case of the host, the default port and a slash at the end make no difference."""
    assert reading({"base_url": written}).good.base_url == read


@pytest.mark.parametrize(
    "written",
    [
        "wiki.example.com",
        "/wiki",
        "ftp://wiki.example.com",
        "http://wiki.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://[::2]",
        "http://127.1",
        "https://0x7f.1",
        "https://1",
        "https://",
        "https://:443",
        "https://wiki.example.com:",
        "https://wiki.example.com:0",
        "https://wiki.example.com:65536",
        "https://wiki.example.com:port",
        "https://me:pw@wiki.example.com",
        "https://wiki.example.com?x=1",
        "https://wiki.example.com?",
        "https://wiki.example.com#x",
        "https://wiki.example.com/#",
        "https://wiki.example.com/a//b",
        "https://wiki.example.com/a/../b",
        "https://wiki.example.com/a%2Fb",
        "https://wiki.example.com/a;b",
        "https://wiki.example.com/a&b",
        "https://wiki.example.com/<b>",
        'https://wiki.example.com/"b',
        "https://wiki.example.com/a b",
        "https://wiki.example.com\\@evil.example",
        "https://bücher.example",
        "https://-x.example.com",
        "https://a..example.com",
        "https://wiki_1.example.com",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://[::1]x:80",
        "https://[1.2.3.4]",
        "https://" + "a" * 300 + ".example.com",
        "https://wiki.example.com/" + "a" * 250,
        "https://wiki.example.com\nhttps://other.example.com",
    ],
)
def test_other_base_urls_are_refused(reading, written):
    """A base_url that isn't plainly one origin and a plain path can't be configured."""
    problem = reading({"base_url": written}).only
    assert problem.key == "base_url"
    assert problem.cure


def test_a_password_in_a_url_is_not_repeated(reading):
    """What stands in front of an @ is not shown."""
    assert "hunter2" not in str(reading({"base_url": "https://me:hunter2@wiki.example.com"}).only)


def test_a_prefix_is_a_path_of_safe_segments(reading):
    """A prefix may have several segments and loses a slash at its end."""
    assert reading({"prefix": "/auth/saml/"}).good.prefix == "/auth/saml"


@pytest.mark.parametrize(
    "written", ["saml", "/", "//", "/a//b", "/../x", "/a b", "/a%20", "/a;b", "/ä", "/" + "a" * 200]
)
def test_other_prefixes_are_refused(reading, written):
    """The root would hide the application; anything unsafe would be matched in two ways."""
    assert reading({"prefix": written}).only.key == "prefix"


def test_origins_are_as_browsers_write_them(reading):
    """Origins lose their default port and upper case, and doubles are dropped."""
    written = "https://App.example.com:443 https://app.example.com http://localhost:3000"
    assert reading({"cors.origins": written}).good.cors.origins == (
        "https://app.example.com",
        "http://localhost:3000",
    )


@pytest.mark.parametrize(
    "written",
    ["*", "https://*.example.com", "null", "https://a.example/x", "https://a.example?x", "http://a.example"],
)
def test_other_origins_are_refused(reading, written):
    """No wildcard, no null, no path, no plain http beyond this machine."""
    assert reading({"cors.origins": written}).only.key == "cors.origins"


def test_the_sign_on_address_stays_as_written(reading, make_certificate):
    """The identity provider may compare its address as text: its query and letter case stay."""
    options = {
        "idp.metadata": None,
        "idp.entity_id": "JumpCloud",
        "idp.sso_url": "https://SSO.jumpcloud.com/saml2/Wiki?x=1",
        "idp.certificate": make_certificate(),
    }
    assert reading(options).good.idp.sso_url == "https://SSO.jumpcloud.com/saml2/Wiki?x=1"
    for wrong in ("http://sso.jumpcloud.com", "https://sso.jumpcloud.com/#x", "sso", "javascript:alert(1)"):
        assert reading({**options, "idp.sso_url": wrong}).only.key == "idp.sso_url"


@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_one_database_file_has_one_url(reading, here, slashes):
    """More slashes than the four of an absolute path mean the same file."""
    assert (
        reading({"store.url": f"sqlite:///{slashes}{here}/a.db"}).good.store.url == f"sqlite:///{here}/a.db"
    )


def test_a_database_is_a_file(reading, here):
    """A pipe or a device is refused at once, before anybody waits for it."""
    os.mkfifo(here / "pipe")
    for path in (here / "pipe", "/dev/null"):
        problem = reading({"store.url": f"sqlite:///{path}"}).only
        assert problem.key == "store.url"
        assert "isn't a file" in problem.reason


@pytest.mark.parametrize(
    ("mode", "said"), [(0o644, "can read"), (0o602, "can write to"), (0o660, None), (0o600, None)]
)
def test_a_database_that_everybody_can_read_is_a_warning(reading, here, mode, said):
    """Sessions and users are private; who may read the file is told as soon as it is there."""
    (here / "users.db").touch()
    (here / "users.db").chmod(mode)
    found = reading({"directory.url": "sqlite:///users.db"})
    assert found.good
    assert [problem.key for problem in found.warnings] == (["directory.url"] if said else [])
    assert all(said in problem.reason and "chmod" in problem.cure for problem in found.warnings)
