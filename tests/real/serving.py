"""Any WSGI application on an address of its own in 127/8, over TLS or plain, in a thread.

Cookies ignore ports, so a service and its identity provider need different addresses.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from tests.real.tls import Authority, Door

logger = logging.getLogger("tests.real.serving")

#: One address for each party, so that none of them sees another's cookies.
SERVICE = "127.0.0.11"
IDENTITY_PROVIDER = "127.0.0.12"
SIMPLESAMLPHP = "127.0.0.13"
PYSAML2 = "127.0.0.14"
#: The one whose people are in a directory.
SIMPLESAMLPHP_LDAP = "127.0.0.15"
ADDRESSES = (SERVICE, IDENTITY_PROVIDER, SIMPLESAMLPHP, PYSAML2, SIMPLESAMLPHP_LDAP)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Handler(WSGIRequestHandler):
    # A connection that never says anything (browsers open some in advance) must not hold a thread for good.
    timeout = 30
    # Head and body leave in two writes; without this the second waits 40 ms for the first one's receipt.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the standard library's name
        logger.debug(format, *args)


class _Plain(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # http.server looks its own name up in DNS here, which takes seconds where there is none.
        self.socket.bind(self.server_address)
        host, port = self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = host, port
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("connection of %s failed", client_address)


class Server:
    """Serves one WSGI application.

    Bound when it is made, so that ``origin`` can be configured into the application; answers only
    after ``serve``.

    Args:
        address: Of 127/8, or ``localhost``.
        authority: Puts TLS in front; None: plain HTTP.

    Attributes:
        origin: Scheme, address and port, as a browser writes them.
        client: What believes its certificate; None: plain HTTP.
    """

    def __init__(self, address: str, authority: Authority | None = None) -> None:
        self.client = authority.client if authority else None
        self._plain = _Plain(("127.0.0.1" if authority else address, 0), _Handler)
        self._door = Door(authority, address) if authority else None
        if self._door:
            # What a proxy-aware server would say of a request that came over TLS.
            self._plain.base_environ["HTTPS"] = "on"
        self.origin = (
            f"https://{address}:{self._door.port}"
            if self._door
            else f"http://{address}:{self._plain.server_port}"
        )
        self._thread = threading.Thread(target=self._plain.serve_forever, args=(0.05,), name=self.origin)

    def serve(self, application: Application) -> None:
        """Answer requests with the application, until ``stop``."""
        self._plain.set_app(application)
        self._thread.start()
        if self._door:
            self._door.open("127.0.0.1", self._plain.server_port)

    def stop(self) -> None:
        """Drop every connection and stop listening."""
        if self._door:
            self._door.close()
        if self._thread.is_alive():
            self._plain.shutdown()
            self._thread.join()
        self._plain.server_close()
