"""The way to a server: a socket that is opened, believed, timed, and read message by message."""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import Final

from saml_wsgi.directories.ldap import decoder
from saml_wsgi.directories.ldap.requests import START_TLS
from saml_wsgi.directories.ldap.servers import Server

_CHUNK: Final = 64 * 1024


class Wire:
    """An open way to a server, with an instant at which it gives up, whatever trickles in.

    Attributes:
        data: What came and isn't read yet begins at ``at``.
        address: Of the server itself, for another way to the same one.
    """

    def __init__(self, plain: socket.socket, address: str) -> None:
        self.plain = plain
        self.address = address
        self.data = b""
        self.at = 0
        self._until = 0.0
        self._left = 0
        self._largest = 0

    def allow(self, until: float, *, largest: int, all_together: int | None = None) -> None:
        """Say what is waited for from now on.

        Args:
            until: For how long (``time.monotonic``).
            largest: How many bytes one message may have.
            all_together: How many bytes may come; None: that doesn't matter.
        """
        self._until = until
        self._largest = largest
        self._left = -1 if all_together is None else all_together

    def send(self, data: bytes) -> None:
        """Raises: OSError: The server is gone, or time is up."""
        self.plain.settimeout(self._remaining())
        self.plain.sendall(data)

    def message_end(self) -> int:
        """Where the next message ends; all of it is in ``data`` then, from ``at`` on.

        Raises:
            OSError: The server is gone, time is up, or the message is too large.
            decoder.Malformed: What comes isn't a message.
        """
        while True:
            framed = decoder.frame(self.data, self.at)
            end = None if framed is None else framed[1]
            there = len(self.data)
            if end is not None and end <= there:
                return end
            if end is not None and end - self.at > self._largest:
                raise OSError(f"an answer has more than {self._largest} bytes")
            self._receive(1 if end is None else end - there)

    def _receive(self, least: int) -> None:
        gathered = bytearray(self.data[self.at :])
        while least > 0:
            self.plain.settimeout(self._remaining())
            chunk = self.plain.recv(_CHUNK)
            if not chunk:
                raise OSError("the server hung up")
            gathered += chunk
            least -= len(chunk)
            if self._left >= 0:
                self._left -= len(chunk)
                if self._left < 0:
                    raise OSError("the answer has more bytes than any may have")
        self.data = bytes(gathered)
        self.at = 0

    def _remaining(self) -> float:
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no answer in time")
        return remaining

    @property
    def is_stale(self) -> bool:
        """Whether the server has ended it, or said something that nobody asked for."""
        if self.at < len(self.data):
            return True
        try:
            if not hasattr(select, "poll"):  # Windows
                return bool(select.select([self.plain], [], [], 0)[0])
            # select() takes no numbers beyond 1023.
            poll = select.poll()
            poll.register(self.plain, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # closed
            return True

    def close(self) -> None:
        """Raises: OSError: It can't even be closed."""
        self.plain.close()


def opened(server: Server, context: ssl.SSLContext | None, until: float, *, address: str = "") -> Wire:
    """A way to a server that is who it says.

    Args:
        until: When it has to be there (``time.monotonic``).
        address: Of the server itself, if it may be no other one of that name.

    Raises:
        OSError: The server can't be reached, or isn't believed.
        ValueError: It doesn't speak LDAP, or refuses TLS.
    """
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("no time is left")
    plain = socket.create_connection((address or server.host, server.port), timeout=remaining)
    try:
        found: str = plain.getpeername()[0]
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if server.tls == "none":
            return Wire(plain, found)
        if server.tls == "starttls":
            _start_tls(plain, until)
        assert context is not None
        plain.settimeout(max(until - time.monotonic(), 0.001))
        return Wire(context.wrap_socket(plain, server_hostname=server.host), found)
    except BaseException:
        plain.close()
        raise


def _start_tls(plain: socket.socket, until: float) -> None:
    """Ask for TLS. Exactly the answer is read: whatever somebody put behind it breaks the handshake."""
    plain.settimeout(max(until - time.monotonic(), 0.001))
    plain.sendall(START_TLS)
    head = _exactly(plain, 2, until)
    if head[1] > 0x80:
        head += _exactly(plain, head[1] - 0x80, until)
    framed = decoder.frame(head, 0)
    if framed is None or framed[1] > 4096:
        raise ValueError("the answer to StartTLS has no length that it could have")
    end = framed[1]
    data = head + _exactly(plain, end - len(head), until)
    said = decoder.message(data, 0, end)
    if said.number != 1 or said.kind != decoder.EXTENDED_RESPONSE:
        raise ValueError("what answers to StartTLS is something else")
    code = decoder.result(data, said).code
    if code:
        raise ValueError(f"the server refuses StartTLS (result {code})")


def _exactly(plain: socket.socket, count: int, until: float) -> bytes:
    data = b""
    while len(data) < count:
        remaining = until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no answer in time")
        plain.settimeout(remaining)
        more = plain.recv(count - len(data))
        if not more:
            raise OSError("the server hung up")
        data += more
    return data
