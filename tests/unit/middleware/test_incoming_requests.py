"""Bodies and queries of requests to our own endpoints: bounded, and read once."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import Refused
from saml_wsgi.middleware.incoming import Incoming, found, nothing, see_other, unauthorised

FORM = "application/x-www-form-urlencoded"


class Dripping(io.BytesIO):
    """A stream that gives a few bytes at a time, as sockets do."""

    def read(self, size=-1):
        assert size >= 0
        return super().read(min(size, 3))


def request(body=b"", *, length="", kind=FORM, stream=None, **environ):
    return Incoming(
        {"CONTENT_TYPE": kind, "CONTENT_LENGTH": length, "wsgi.input": stream or Dripping(body), **environ},
        "R",
    )


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        (FORM, True),
        (FORM.upper(), True),
        (f"{FORM}; charset=UTF-8", True),
        (f" {FORM} ;x", True),
        ("multipart/form-data; boundary=x", False),
        ("text/plain", False),
        ("", False),
        (f"{FORM}x", False),
    ],
)
def test_only_forms_are_read(kind, fine):
    """Only what a plain form sends is read; a script can't send it across sites as anything else."""
    one = request(b"a=1", length="3", kind=kind)
    if fine:
        assert one.body(10) == b"a=1"
        return
    with pytest.raises(Refused, match="bad_request"):
        one.body(10)


@pytest.mark.parametrize(
    ("body", "length", "limit", "outcome"),
    [
        (b"1234567890", "10", 10, b"1234567890"),
        (b"1234567890", "11", 10, "body_too_large"),
        (b"1234567890", "9", 10, b"123456789"),
        (b"1234567890", "5", 10, b"12345"),
        (b"123", "5", 10, "bad_request"),
        (b"123", "0", 10, b""),
        (b"123", "", 10, b""),
        (b"123", "-3", 10, "bad_request"),
        (b"123", "+3", 10, "bad_request"),
        (b"123", "3 ", 10, "bad_request"),
        (b"123", "0x3", 10, "bad_request"),
        (b"123", "3.0", 10, "bad_request"),
        (b"123", "٣", 10, "bad_request"),
        (b"123", "1_0", 10, "bad_request"),
        (b"123", "9" * 15, 10, "body_too_large"),
        (b"123", "9" * 16, 10, "bad_request"),
        (b"123", "0" * 15, 10, b""),
    ],
)
def test_lengths(body, length, limit, outcome):
    """So many bytes as announced are read, and never more than the limit."""
    one = request(body, length=length)
    if isinstance(outcome, bytes):
        assert one.body(limit) == outcome
        return
    with pytest.raises(Refused) as refused:
        one.body(limit)
    assert refused.value.code == outcome


def test_too_much_is_not_read():
    """What is announced as too large isn't touched."""
    stream = io.BytesIO(b"x" * 100)
    with pytest.raises(Refused, match="body_too_large"):
        request(stream=stream, length="100").body(10)
    assert stream.tell() == 0


@pytest.mark.parametrize(("size", "fine"), [(0, True), (10, True), (11, False), (1000, False)])
def test_bodies_without_length(size, fine):
    """Where the server says where the input ends, no length is needed, and the limit holds all the same."""
    one = request(b"x" * size, **{"wsgi.input_terminated": True})
    if fine:
        assert one.body(10) == b"x" * size
        return
    with pytest.raises(Refused, match="body_too_large"):
        one.body(10)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("slot=1", "1"),
        ("a=2&slot=1", "1"),
        ("slot=%2Fx%3Fa", "/x?a"),
        ("slot=a+b", "a b"),
        ("slot=", ""),
        ("slot", ""),
        ("", ""),
        ("slot=1&slot=1", ""),
        ("slot=%ff", ""),
        ("Slot=1", ""),
        ("&".join(f"a{number}=1" for number in range(31)) + "&slot=1", "1"),
        ("&".join(f"a{number}=1" for number in range(32)) + "&slot=1", ""),
        ("slot=" + "x" * 8187, "x" * 8187),
        ("slot=" + "x" * 8188, ""),
    ],
)
def test_queries(query, value):
    """A parameter counts if it is there once and can be read."""
    assert request(QUERY_STRING=query).query("slot") == value


@given(st.text(max_size=200))
def test_any_query(query):
    """No query raises anything."""
    request(QUERY_STRING=query).query("slot")


def test_fields():
    """A field of a small form; a large one isn't read."""
    assert request(b"token=abc", length="9").field("token") == "abc"
    assert request(b"token=%ff", length="9").field("token") == ""
    with pytest.raises(Refused, match="body_too_large"):
        request(b"", length="8193").field("token")


def test_defaults():
    """A request without method or cookies is a GET without any."""
    assert (Incoming({}, "").method, Incoming({}, "").cookies) == ("GET", "")


@pytest.mark.parametrize(("make", "status"), [(see_other, 303), (found, 302)])
def test_being_sent_on(make, status):
    """A redirect is never cached, depends on cookies, and carries what it is given."""
    page = make("https://w.test/", ("Set-Cookie", "a=1"))
    headers = dict(page.headers)
    assert (page.status, page.body) == (status, b"")
    assert headers["Location"] == "https://w.test/"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Vary"] == "Cookie"
    assert headers["Content-Length"] == "0"
    assert headers["Set-Cookie"] == "a=1"


def test_nothing_to_see():
    """An empty answer isn't cached either."""
    assert (nothing().status, nothing().body, dict(nothing().headers)["Cache-Control"]) == (
        200,
        b"",
        "no-store",
    )


def test_what_programs_are_told():
    """JSON says that a sign-in is needed and where; it is never cached."""
    page = unauthorised("https://w.test/saml/login", [("Vary", "Origin")])
    assert page.status == 401
    assert json.loads(page.body) == {"error": "sign_in_required", "login_url": "https://w.test/saml/login"}
    assert ("Cache-Control", "no-store") in page.headers
    assert ("Vary", "Cookie") in page.headers
    assert ("Vary", "Origin") in page.headers
    assert [value for name, value in page.headers if name == "Content-Length"] == [str(len(page.body))]
    assert [value for name, value in page.headers if name == "Content-Type"] == ["application/json"]
