"""Sockets of the demonstration: on this machine, and certain to be ours."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

import pytest

from saml_wsgi.demo import listening
from saml_wsgi.demo.listening import listen, port_of


@pytest.fixture
def opened():
    """Listens, and closes at the end."""
    with ExitStack() as stack:

        def listening(*args):
            return [stack.enter_context(door) for door in listen(*args)]

        yield listening


def test_localhost_is_every_loopback_address_at_one_port(opened):
    """Browsers try ::1 first, so both are ours where both exist."""
    doors = opened("localhost", 0)
    assert doors[0].getsockname()[0] == "127.0.0.1"
    assert {door.getsockname()[0] for door in doors} <= {"127.0.0.1", "::1"}
    assert {door.getsockname()[1] for door in doors} == {port_of(doors)}


def test_a_connection_is_taken_before_anybody_serves(opened):
    """From here on the port is ours, and whoever comes early waits."""
    doors = opened("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", port_of(doors)), timeout=10):
        connection, _ = doors[0].accept()
        connection.close()


def test_a_port_in_use_is_refused(opened):
    """Two can't listen at one port."""
    doors = opened("localhost", 0)
    with pytest.raises(OSError, match="in use"):
        opened("localhost", port_of(doors))


def test_a_port_is_refused_that_is_in_use_at_one_address_only(opened, monkeypatch):
    """If somebody else has ::1, browsers would end up there; nothing of ours stays open then."""
    doors = opened("localhost", 0)
    if len(doors) == 1:
        pytest.skip("this machine has no ::1")
    doors[0].close()
    real, made = listening._open, []

    def recorded(address, port):
        made.append(real(address, port))
        return made[-1]

    monkeypatch.setattr(listening, "_open", recorded)
    with pytest.raises(OSError, match="in use"):
        opened("localhost", port_of(doors[1:]))
    assert [door.fileno() for door in made] == [-1] * len(made)


def test_a_free_port_is_free_at_every_address(opened, monkeypatch):
    """A port that is taken at the second address isn't the end: another one is tried."""
    real, refused = listening._open, []

    def taken_once(address, port):
        if address == "::1" and not refused:
            refused.append(port)
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return real(address, port)

    monkeypatch.setattr(listening, "_open", taken_once)
    assert opened("localhost", 0)
    assert len(refused) == 1


def test_other_machines_are_none_of_our_business(opened):
    """An address that isn't this machine's can't be served."""
    with pytest.raises(OSError):  # noqa: PT011  systems word it differently
        opened("192.0.2.123", 0)
