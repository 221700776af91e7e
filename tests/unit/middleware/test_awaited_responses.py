"""`challenge = on_401`, in detail: an application may answer in every way that WSGI allows."""

from __future__ import annotations

import sys

import pytest

from saml_wsgi.middleware.on_401 import AwaitedResponse

DENIED = ("401 Unauthorized", [("Content-Type", "text/plain")])


def fail():
    raise ZeroDivisionError


class Client:
    """A server's start_response, and what came of it."""

    def __init__(self):
        self.started, self.written = [], []

    def __call__(self, status, headers, exc_info=None):
        self.started.append((status, headers, exc_info))
        return self.written.append

    def run(self, app):
        self.awaited = AwaitedResponse(app)
        self.body = self.awaited.run({}, self)
        return self


class Body:
    """An iterable that notes that it was closed."""

    def __init__(self, *chunks, failing=False):
        self.chunks, self.closed, self.failing = list(chunks), 0, failing

    def __iter__(self):
        if self.failing:
            raise ZeroDivisionError
        return iter(self.chunks)

    def close(self):
        self.closed += 1


def test_an_eager_401():
    """A 401 is held back, its body closed and never read, its cookies kept."""
    body = Body(b"denied")

    def app(environ, start_response):
        start_response("401 Unauthorized", [("Set-Cookie", "a=1"), ("X-Y", "z"), ("set-cookie", "b=2")])
        return body

    client = Client().run(app)
    assert client.awaited.wants_sign_in
    assert (client.started, list(client.body), body.closed) == ([], [], 1)
    assert client.awaited.cookies == [("Set-Cookie", "a=1"), ("set-cookie", "b=2")]


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "500 Internal Server Error"])
def test_every_other_status(status):
    """Every other status goes out as it is, and the iterable is the application's own."""
    body = Body(b"x")

    def app(environ, start_response):
        start_response(status, [("A", "b")])
        return body

    client = Client().run(app)
    assert client.body is body
    assert (client.started, body.closed) == ([(status, [("A", "b")], None)], 0)
    assert not client.awaited.wants_sign_in


@pytest.mark.parametrize(
    ("challenge", "own"),
    [
        ("Basic realm=x", True),
        ("  bearer", True),
        ("NEGOTIATE", True),
        ("Digest x", True),
        ("NTLM", True),
        ("Form", False),
        ('SAML login_url="x"', False),
    ],
)
def test_challenges_of_its_own(challenge, own):
    """A 401 that asks for credentials itself goes out."""

    def app(environ, start_response):
        start_response("401 Unauthorized", [("www-authenticate", challenge)])
        return [b"x"]

    client = Client().run(app)
    assert client.awaited.wants_sign_in is not own
    assert bool(client.started) is own


def test_write_before_the_body():
    """What an application writes by the old callable goes out with a 200, and is dropped with a 401."""

    def fine(environ, start_response):
        start_response("200 OK", [])(b"written")
        return [b"body"]

    def denied(environ, start_response):
        start_response(*DENIED)(b"written")
        return [b"body"]

    assert Client().run(fine).written == [b"written"]
    assert Client().run(denied).written == []


def test_a_generator():
    """A generator that starts with its first chunk is awaited to there, and no further."""
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [])
        for chunk in (b"1", b"2", b"3"):
            seen.append(chunk)
            yield chunk

    client = Client().run(app)
    assert seen == [b"1"]
    assert [status for status, *_ in client.started] == ["200 OK"]
    assert list(client.body) == [b"1", b"2", b"3"]


def test_a_generator_that_is_not_read_to_the_end():
    """Closing what came back closes the application's own."""
    closed = []

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            yield b"1"
            yield b"2"
        finally:
            closed.append(True)

    client = Client().run(app)
    client.body.close()
    assert closed == [True]


def test_a_generator_that_denies():
    """A generator's 401 is held back and the generator closed."""
    closed = []

    def app(environ, start_response):
        try:
            start_response(*DENIED)
            yield b"denied"
        finally:
            closed.append(True)

    client = Client().run(app)
    assert (client.awaited.wants_sign_in, client.started, list(client.body)) == (True, [], [])
    assert closed == [True]


def test_a_generator_without_chunks():
    """An empty body is fine, with either status."""

    def app(status):
        def run(environ, start_response):
            start_response(status, [])
            yield from ()

        return run

    for status, wants in (("204 No Content", False), ("401 Unauthorized", True)):
        client = Client().run(app(status))
        assert client.awaited.wants_sign_in is wants
        assert b"".join(client.body) == b""


def test_a_second_thought():
    """An application that starts with 401 and then fails sends its error page, not a sign-in."""

    def app(environ, start_response):
        start_response(*DENIED)
        try:
            fail()
        except ZeroDivisionError:
            start_response("500 Internal Server Error", [], sys.exc_info())
        return [b"error"]

    client = Client().run(app)
    assert not client.awaited.wants_sign_in
    ((status, _, exc_info),) = client.started
    assert status.startswith("500")
    assert exc_info[0] is ZeroDivisionError
    assert client.body == [b"error"]


def test_an_error_that_says_401():
    """A 401 on top of what was started already is passed on with its exc_info: the server decides."""

    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            fail()
        except ZeroDivisionError:
            start_response("401 Unauthorized", [], sys.exc_info())
        return []

    client = Client().run(app)
    assert [status[:3] for status, *_ in client.started] == ["200", "401"]
    assert not client.awaited.wants_sign_in


def test_an_application_that_raises():
    """An exception goes up; what the application had open is closed."""

    class Raising(Body):
        def __iter__(self):
            return self

        def __next__(self):
            raise ZeroDivisionError

    body = Raising()
    with pytest.raises(ZeroDivisionError):
        Client().run(lambda environ, start_response: body)
    assert body.closed == 1


def test_an_iterable_that_raises():
    """The same holds if the iterable can't even be iterated."""
    body = Body(failing=True)
    with pytest.raises(ZeroDivisionError):
        Client().run(lambda environ, start_response: body)
    assert body.closed == 1


def test_a_body_without_close():
    """A plain list needs no close."""

    def app(environ, start_response):
        start_response(*DENIED)
        return [b"x"]

    assert Client().run(app).body == []
