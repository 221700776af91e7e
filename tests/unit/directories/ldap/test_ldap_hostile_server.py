"""Servers that answer nonsense, too much, or nothing: an error each time, and nobody is "not found"."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.errors import SourceUnavailable
from saml_wsgi.resolvers.context import SourceContext

BOUND = bytes.fromhex("300c02010161070a010004000400")
KEY = {"username": "mara"}


def _message(number, tag, body):
    def value(tag, content):
        length = len(content)
        size = bytes([length]) if length < 128 else b"\x84" + length.to_bytes(4, "big")
        return bytes([tag]) + size + content

    return value(0x30, b"\x02\x01" + bytes([number]) + value(tag, body))


def _result(number, code, tag=0x65):
    return _message(number, tag, b"\x0a\x01" + bytes([code]) + b"\x04\x00\x04\x00")


class Fake:
    """Says one thing after the other, each when something was heard; then hangs up, or keeps silent."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._socket.getsockname()[1]}"
        self.heard: list[bytes] = []
        self.says: tuple[bytes, ...] = ()
        self.hangs_up = True
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            if self._ending.is_set():
                client.close()
                return
            with client:
                client.settimeout(10)
                try:
                    for said in self.says:
                        self.heard.append(client.recv(65536))
                        client.sendall(said)
                    if not self.hangs_up:
                        while client.recv(65536):
                            pass
                except OSError:
                    pass

    def close(self):
        self._ending.set()
        socket.create_connection(self._socket.getsockname()).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def fake():
    server = Fake()
    yield server
    server.close()


def _look_up(fake, *says, hangs_up=True, **options):
    fake.says, fake.hangs_up, fake.heard = says, hangs_up, []
    usual = {
        "preset": "openldap",
        "servers": (fake.url,),
        "base": "dc=test",
        "bind_dn": "cn=r,dc=test",
        "password": "p",
        "groups": "none",
        "timeout": timedelta(seconds=2),
    }
    source = factory(SourceContext("corp"), **(usual | options))
    try:
        return source.look_up(KEY)
    finally:
        source.client.close()


def test_nobody_is_found(fake):
    """The one answer that means nobody: a whole one, with success."""
    assert _look_up(fake, BOUND, _result(2, 0)) is None


@pytest.mark.parametrize("code", [1, 3, 4, 10, 11, 12, 32, 50, 51, 52, 53, 80])
def test_any_other_result(fake, code):
    """A limit, a referral, a refusal: never that nobody is there."""
    with pytest.raises(SourceUnavailable, match=r"in part|answers: |has no "):
        _look_up(fake, BOUND, _result(2, code))


def test_a_server_that_takes_its_leave(fake):
    """A notice of disconnection, or anything else that nobody asked for, is told as what it is."""
    with pytest.raises(SourceUnavailable, match=r"takes its leave: unavailable \(52\)"):
        _look_up(fake, BOUND, _result(0, 52, 0x78))
    with pytest.raises(SourceUnavailable, match="nobody asked for"):
        _look_up(fake, BOUND, _result(3, 0))


def test_more_is_elsewhere(fake):
    """A reference is more that nobody asked; Active Directory's own partitions hold no people."""

    def reference(uri):
        text = uri.encode()
        return _message(2, 0x73, b"\x04" + bytes([len(text)]) + text) + _result(2, 0)

    with pytest.raises(SourceUnavailable, match="more is at"):
        _look_up(fake, BOUND, reference("ldap://b.test/dc=b,dc=test"))
    with pytest.raises(SourceUnavailable, match="more is at"):
        _look_up(fake, BOUND, reference("ldap://b.test/dc=b,CN=Configuration,dc=test"))
    assert _look_up(fake, BOUND, reference("ldap://b.test/dc=b,dc=test"), ignore_references=True) is None
    assert _look_up(fake, BOUND, reference("ldap://x/CN=Configuration,DC=corp,DC=test")) is None


@pytest.mark.parametrize("says", [(), (b"",), (BOUND,), (BOUND, b""), (BOUND, _result(2, 0)[:-3])])
def test_a_server_that_hangs_up(fake, says):
    """An answer that ends early is no answer."""
    with pytest.raises(SourceUnavailable):
        _look_up(fake, *says)


@pytest.mark.parametrize("says", [(), (BOUND,), (BOUND, _result(2, 0)[:-3])])
def test_a_server_that_keeps_silent(fake, says):
    """Waiting ends at the stated time."""
    with pytest.raises(SourceUnavailable, match=r"timed out|in time"):
        _look_up(fake, *says, hangs_up=False, timeout=timedelta(seconds=0.2))


def test_an_answer_that_does_not_end(fake):
    """Nobody's entry has megabytes, nor have all of an answer: reading stops."""
    with pytest.raises(SourceUnavailable, match="has more than 8388608 bytes"):
        _look_up(fake, BOUND, b"\x30\x84\x7f\xff\xff\xff" + b"\x00" * 1000)
    group = _message(2, 0x64, b"\x04\x04cn=a\x30\x00" + b"\x85\x84\x00\x01\x00\x00" + bytes(65536))
    with pytest.raises(SourceUnavailable, match="more bytes than any may have"):
        _look_up(fake, BOUND, group * 200)


@pytest.mark.parametrize("bound", [_result(2, 0, 0x61), _result(1, 0), _result(1, 0, 0x78)])
def test_a_bind_that_something_else_answers(fake, bound):
    """Nothing but the answer to the bind lets anybody in."""
    with pytest.raises(SourceUnavailable, match="answers the bind is something else"):
        _look_up(fake, bound, _result(2, 0))


@pytest.mark.parametrize("code", [1, 8, 13, 48, 50, 53, 80])
def test_a_bind_that_is_refused(fake, code):
    """Whatever isn't success isn't a bind."""
    with pytest.raises(SourceUnavailable, match="refuses the bind"):
        _look_up(fake, _result(1, code, 0x61), _result(2, 0))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.booleans())
def test_nonsense(fake, junk, bound):
    """Whatever bytes come, the outcome is that the source can't be used."""
    with pytest.raises(SourceUnavailable):
        _look_up(fake, *((BOUND, junk) if bound else (junk,)), timeout=timedelta(seconds=0.3))


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad", _result(1, 2, 0x78), _result(1, 0, 0x65), b"\x30\x80", b"\x30\xff" + b"\xff" * 200],
)
def test_tls_that_is_refused(fake, answer):
    """A server that refuses StartTLS never hears the password."""
    with pytest.raises(SourceUnavailable):
        _look_up(fake, answer, BOUND, starttls=True)
    assert b"cn=r" not in b"".join(fake.heard)


def test_start_tls_that_is_refused_in_words(fake):
    """The server's refusal is told, and something else isn't taken for its consent."""
    with pytest.raises(SourceUnavailable, match=r"refuses StartTLS \(result 2\)"):
        _look_up(fake, _result(1, 2, 0x78), BOUND, starttls=True)
    for answer in (_result(2, 0, 0x78), _result(1, 0, 0x61)):
        with pytest.raises(SourceUnavailable, match="answers to StartTLS is something else"):
            _look_up(fake, answer, BOUND, starttls=True)


def test_an_answer_put_behind_start_tls(fake):
    """What somebody in between puts behind the answer, in the clear, isn't taken for what comes by TLS."""
    with pytest.raises(SourceUnavailable):
        _look_up(fake, _result(1, 0, 0x78) + BOUND + _result(2, 0), starttls=True)
    assert b"cn=r" not in b"".join(fake.heard)
