"""How a scripted browser reaches a server: over HTTP, or by calling a WSGI application in this process."""

from __future__ import annotations

import http.client
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.validate import validator

from saml_wsgi.testing.cookies import is_loopback

if TYPE_CHECKING:
    from ssl import SSLContext
    from types import TracebackType

#: A WSGI application (PEP 3333).
Application = Callable[..., Iterable[bytes]]

_BODYLESS = (204, 304)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes over the wire.

    Attributes:
        method: Any token; nothing is checked here.
        url: Absolute; path and query are sent as they stand, percent-encoded or not.
        headers: In order; ``Host`` and ``Content-Length`` are added where they are missing.
        body: As sent.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query, as in the request line."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def all_headers(self) -> list[tuple[str, str]]:
        """The headers with those that every client adds."""
        present = {name.lower() for name, _ in self.headers}
        added = [] if "host" in present else [("Host", urlsplit(self.url).netloc)]
        if "content-length" not in present and (self.body or self.method in ("POST", "PUT", "PATCH")):
            added.append(("Content-Length", str(len(self.body))))
        return [*added, *self.headers]


@dataclass(frozen=True, slots=True)
class Received:
    """A response as it came over the wire."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Transport(Protocol):
    """Takes a request to its server and brings the response back."""

    def send(self, request: Sent, /) -> Received: ...


class HTTPTransport:
    """Real HTTP/1.1, a connection for each request.

    Args:
        timeout: For connecting and for each read, in seconds.
        context: For https; the system's authorities by default.
        anywhere: Also to other machines. Off, since what a scripted browser types are passwords: a
            page that leads elsewhere by mistake gets nothing.
    """

    def __init__(
        self, timeout: float = 10, *, context: SSLContext | None = None, anywhere: bool = False
    ) -> None:
        self._timeout = timeout
        self._context = context
        self._anywhere = anywhere

    def send(self, request: Sent, /) -> Received:
        """Raises OSError or http.client.HTTPException, and ValueError for another machine."""
        parts = urlsplit(request.url)
        host = parts.hostname or ""
        if parts.scheme not in _PORTS or not (self._anywhere or is_loopback(host)):
            raise ValueError(f"{parts.scheme}://{parts.netloc}: this browser only visits this machine")
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=self._timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in [*request.all_headers(), ("Connection", "close")]:
                connection.putheader(name, value)
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            body = response.read()
            return Received(response.status, response.reason, tuple(response.getheaders()), body)
        finally:
            connection.close()


class WSGITransport:
    """Calls WSGI applications in this process, each at an origin, with an environ as servers make it.

    Args:
        applications: By origin, for example ``https://wiki.example.test`` or ``http://localhost:8080``.
        validate: Whether :mod:`wsgiref.validate` stands between, which fails the test (AssertionError)
            where either side breaks PEP 3333.
        environ: Put into every environ, over what is there: ``REMOTE_ADDR``, ``wsgi.multiprocess``.

    The iterable is always closed. What an application raises comes out here.
    """

    def __init__(
        self,
        applications: Mapping[str, Application],
        *,
        validate: bool = True,
        environ: Mapping[str, Any] | None = None,
    ) -> None:
        self._applications = {
            _origin(origin): validator(application) if validate else application
            for origin, application in applications.items()
        }
        self._environ = dict(environ or {})

    def send(self, request: Sent, /) -> Received:
        """Raises LookupError where no application stands at the URL's origin."""
        application = self._applications.get(_origin(request.url))
        if application is None:
            raise LookupError(f"nothing is served at {_origin(request.url)}")
        return call(application, {**environ_for(request), **self._environ})


def environ_for(request: Sent) -> dict[str, Any]:
    """The environ of a request, as a threaded server in front of the application makes it."""
    parts = urlsplit(request.url)
    path, _, query = request.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # Bytes as ISO-8859-1 text (PEP 3333, "Unicode Issues").
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.encode("utf-8").decode("latin-1"),
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or _PORTS[parts.scheme]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "saml_wsgi.testing",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.all_headers():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ", "
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ


def call(application: Application, environ: dict[str, Any]) -> Received:
    """Call a WSGI application as a server does, and collect what it answers."""
    answer = _Answer()
    iterable = application(environ, answer.start_response)
    try:
        for chunk in iterable:
            answer.body.append(chunk)
    finally:
        if hasattr(iterable, "close"):
            iterable.close()
    if answer.status is None:
        raise AssertionError("the application never called start_response")
    code, _, reason = answer.status.partition(" ")
    # A server sends no body with these, whatever the application gave.
    silent = environ["REQUEST_METHOD"] == "HEAD" or int(code) in _BODYLESS
    return Received(int(code), reason, tuple(answer.headers), b"" if silent else b"".join(answer.body))


class _Answer:
    """What an application says through start_response and write."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []

    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | None = None,
        /,
    ) -> Callable[[bytes], None]:
        if exc_info is not None and any(self.body):  # headers are out: PEP 3333 wants the exception raised
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.status is not None:
            raise AssertionError("start_response was called twice")
        self.status, self.headers = status, list(headers)
        return self.body.append


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port and parts.port != _PORTS.get(parts.scheme) else ""
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
