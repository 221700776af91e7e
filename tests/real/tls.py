"""TLS for the tests: an authority of one run, and doors that take TLS off in front of a plain server.

PHP's built-in server and wsgiref speak no TLS, and browsers hold to SameSite=None only over TLS: so
every server of these tests stays plain on the loopback, and a door stands in front of it, as a
reverse proxy does in production.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Authority:
    """A certificate authority that exists for one run, with one certificate for all the addresses.

    Attributes:
        server: What a door needs to be believed.
        client: What a scripted browser needs to believe a door.
        pin: The base64 SHA-256 of the certificate's public key; Chromium trusts exactly this key.
    """

    def __init__(self, *addresses: str) -> None:
        import trustme  # absent on machines that have no real servers either

        authority = trustme.CA()
        certificate = authority.issue_cert(*addresses)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.server)
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(self.client)
        key = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).public_key()
        public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.pin = base64.b64encode(hashlib.sha256(public).digest()).decode()


class Door:
    """Listens with TLS on an address of its own and forwards the bytes to a plain server.

    Bound when it is made, so that its port can be written into a configuration; open only later.
    """

    def __init__(self, authority: Authority, address: str) -> None:
        self._authority = authority
        self._socket = socket.create_server((address, 0))
        self.port: int = self._socket.getsockname()[1]
        self._upstream = ("", 0)
        self._connections: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"door {address}")

    def open(self, address: str, port: int) -> None:
        """Let people in, to the plain server at this address."""
        self._upstream = (address, port)
        self._thread.start()
        self._is_open.wait()

    def close(self) -> None:
        """Drop every connection and stop listening."""
        if self._loop is not None and self._closing is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._is_open.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        server = await asyncio.start_server(self._accept, sock=self._socket, ssl=self._authority.server)
        self._is_open.set()
        try:
            await self._closing.wait()
        finally:
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            server.close()
            await server.wait_closed()

    async def _accept(self, inside: asyncio.StreamReader, outside: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._forward(inside, outside)
        except asyncio.CancelledError:
            if self._closing is None or not self._closing.is_set():
                raise
        finally:
            # Nobody waits for a closing handshake: the peer may be gone.
            outside.transport.abort()
            self._connections.discard(task)

    async def _forward(self, inside: asyncio.StreamReader, outside: asyncio.StreamWriter) -> None:
        try:
            answers, requests = await asyncio.open_connection(*self._upstream)
        except OSError:
            return
        directions = {
            asyncio.create_task(_pump(inside, requests)),
            asyncio.create_task(_pump(answers, outside)),
        }
        try:
            # The first to end is the browser that left or the server that said everything.
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(OSError):
                outside.close()
                async with asyncio.timeout(1):
                    await outside.wait_closed()
        except TimeoutError:
            pass  # the browser keeps its side open; it is cut off
        finally:
            # First, because the door may close, and cancel this, while it waits below.
            requests.transport.abort()
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
