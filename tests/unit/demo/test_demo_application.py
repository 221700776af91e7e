"""The demonstration's application shows what it received, safely, and never guesses who somebody is."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.testing import forms

BASE = "http://localhost:8080"


def text(received) -> str:
    return received.body.decode()


def words(received) -> str:
    """What a person reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text(received))).split())


def header(received, name) -> str:
    return next((value for given, value in received.headers if given == name), "")


def test_every_field_is_shown_with_where_its_value_came_from(ask):
    """Who somebody is stands beside where it came from, in words."""
    shown = words(ask("/"))
    assert "Username zoë@example.test the assertion's NameID" in shown
    assert "E-mail address zoë@example.test the attribute email" in shown
    assert "First name Zoë the database of users" in shown
    assert "the attribute memberOf" in shown
    assert '<script>alert("1")</script> staff' in shown
    assert "Display name –" in shown


def test_the_environ_is_shown(ask):
    """REMOTE_USER, the id, the attributes word for word, and the session are on the page."""
    shown = words(ask("/"))
    for wanted in (
        "REMOTE_USER zoë@example.test",
        "u-1",
        "jit:JumpCloud",
        "abcdefgh",
        "in 7 h 45 min",
        "15 min ago",
    ):
        assert wanted in shown
    assert "abcdefghi" not in shown


def test_nothing_that_came_from_outside_becomes_markup(ask):
    """Names, groups, attributes, the path and the query are escaped."""
    shown = text(ask("/reports/%3Cb%3E?%3Ci%3E=%3Cu%3E%22"))
    for tag in ("<script", "<b>", "<i>", "<u>"):
        assert tag not in shown.replace("<b>saml_wsgi</b>", "")
    assert "/reports/&lt;b&gt;" in shown
    assert "&lt;i&gt; = &lt;u&gt;&#34;" in shown


@pytest.mark.parametrize("target", ["/", "/welcome", "/nowhere", "/reports/1"])
def test_pages_run_no_script_and_only_their_own_style(ask, target):
    """The policy names the style by its hash, and allows nothing else from anywhere."""
    received = ask(target)
    style = re.search(r"<style>(.*?)</style>", text(received), re.DOTALL)[1]
    policy = header(received, "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert header(received, "Cache-Control") == "no-store, private"


def test_sign_out_is_a_form_that_posts(ask):
    """Nobody is signed out by a prefetch: the button posts to the middleware's address."""
    form = forms.read(f"{BASE}/", text(ask("/"))).forms[0]
    assert (form.method, form.url) == ("POST", f"{BASE}/saml/logout")
    assert [button[0] for button in form.buttons] == ["Sign out"]


def test_programs_get_the_same_as_json(ask):
    """/api/me tells user, origins, attributes and session, and no more of the session's name than logs do."""
    received = ask("/api/me")
    seen = json.loads(received.body)
    assert header(received, "Content-Type") == "application/json"
    assert seen["remote_user"] == seen["user"]["username"] == "zoë@example.test"
    assert seen["user"]["groups"] == ["Büro & <b>Köln</b>", "Staff"]
    assert seen["origins"]["email"] == "saml:email"
    assert seen["attributes"]["email"] == ["zoë@example.test"]
    assert seen["session"]["key"] == "abcdefgh"
    assert "abcdefghi" not in text(received)


def test_without_a_user_every_page_but_the_public_one_is_401(ask):
    """The application itself shows nothing to somebody whom nobody signed in."""
    assert ask("/", signed_in=False).status == 401
    assert ask("/reports/1", signed_in=False).status == 401
    assert ask("/api/me", signed_in=False).status == 401
    assert ask("/welcome", signed_in=False).status == 200


def test_without_middleware_it_says_so(ask):
    """An ini whose pipeline has lost the filter is recognised at once."""
    received = ask("/", signed_in=False, behind=False)
    assert received.status == 401
    assert "there is no middleware in front of it" in words(received)


def test_the_public_page_knows_who_is_signed_in(ask):
    """Identity is there on public paths, too; without it there is a way in."""
    assert "Welcome, Zoë" in text(ask("/welcome"))
    anonymous = forms.read(f"{BASE}/", text(ask("/welcome", signed_in=False)))
    assert ("Sign in", f"{BASE}/saml/login?return_to=/") in anonymous.links


def test_what_is_not_there_is_404_and_what_writes_is_405(ask):
    """Unknown addresses and methods have an answer of their own."""
    assert ask("/nowhere").status == 404
    assert ask("/favicon.ico").status == 404
    received = ask("/", method="POST")
    assert received.status == 405
    assert header(received, "Allow") == "GET, HEAD"


def test_head_is_get_without_a_body(ask):
    """HEAD tells the length of what GET would send."""
    get, head = ask("/", method="GET"), ask("/", method="HEAD")
    assert head.status == 200
    assert head.body == b""
    assert header(head, "Content-Length") == header(get, "Content-Length")


@given(path=st.binary(max_size=40), query=st.binary(max_size=40), signed_in=st.booleans())
def test_no_address_breaks_it(ask, path, query, signed_in):
    """Whatever bytes a path and a query hold, UTF-8 or not, there is a page and never an exception."""
    target = f"/reports/{quote_from_bytes(path)}?{quote_from_bytes(query, safe='=&')}"
    assert ask(target, signed_in=signed_in).status in {200, 401, 404}
    assert ask(f"/{quote_from_bytes(path)}", signed_in=signed_in).status in {200, 401, 404}
