"""Sockets that listen on this machine and nowhere else."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

#: One that is free at every address of a name is found at the first try, nearly always.
_TRIES: Final = 20
_NO_SUCH_ADDRESS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


def addresses(host: str) -> tuple[str, ...]:
    """The addresses of the loopback that a browser may try for a host name.

    ``localhost`` is both: browsers try ``::1`` first, where somebody else's program could answer.
    """
    return ("127.0.0.1", "::1") if host == "localhost" else (host,)


def listen(host: str, port: int = 0) -> tuple[socket.socket, ...]:
    """Listen at every address of the host, at one port; 0: a free one.

    From here on the port is taken; connections wait until somebody accepts them.

    Raises:
        OSError: The port is in use or not allowed, or the host isn't this machine.
    """
    for attempt in range(_TRIES):
        try:
            return _listen(addresses(host), port)
        except OSError as error:
            # A port that is free at one address may be in use at the other.
            if port or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


def port_of(sockets: Sequence[socket.socket]) -> int:
    """The port that all of them listen at."""
    port: int = sockets[0].getsockname()[1]
    return port


def _listen(at: Sequence[str], port: int) -> tuple[socket.socket, ...]:
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for address in at:
            try:
                made = opened.enter_context(_open(address, port_of(sockets) if sockets else port))
            except OSError as error:
                if sockets and error.errno in _NO_SUCH_ADDRESS:
                    continue  # this machine has no IPv6
                raise
            sockets.append(made)
        opened.pop_all()
        return tuple(sockets)


def _open(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if os.name == "posix":
            # The port can be had again at once after a stop. On Windows it would mean: by two at a time.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made
