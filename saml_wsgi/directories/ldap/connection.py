"""One connection to one server: opened, believed, bound, searched.

ldap3 writes requests and reads answers. The socket, its time, TLS and the look at result codes are
ours: ldap3's own TLS checks nothing unless it is told to, its time is counted for each packet, and its
paged search ends without a word where a server's limit does.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import ldap3
from ldap3.utils.asn1 import decode_message_fast

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.entries import Entry, read
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.errors import SamlWsgiError, SourceUnavailable

_PAGED: Final = "1.2.840.113556.1.4.319"
_PAGE: Final = 500
_CHUNK: Final = 64 * 1024
#: No answer about one person has more bytes: 10,000 groups of 256 characters have a third of it.
_LARGEST_ANSWER: Final = 8 * 1024 * 1024
#: RFC 4511, 4.14.1: the StartTLS request, message 1.
_START_TLS: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_SUCCESS: Final = 0
_SIZE_LIMIT: Final = 4
_NO_SUCH_OBJECT: Final = 32
_INVALID_CREDENTIALS: Final = 49
#: busy, unavailable (RFC 4511, appendix A.1): another server may do better.
_NOT_NOW: Final = frozenset({51, 52})
#: Parts of an Active Directory that hold no people, and that every search of a whole domain refers to.
_WITHOUT_PEOPLE: Final = ("dc=domaindnszones,", "dc=forestdnszones,", "cn=configuration,")


class Lost(SourceUnavailable):
    """The server went away, or never was there: another one, or a new connection, may answer."""


class WrongPassword(SourceUnavailable):
    """The server refuses who asks. Others would too, and might lock the account for it."""


class _Timed:
    """A socket with an instant at which it gives up, whatever trickles in, and a limit on what does."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self.until = 0.0
        self._left = 0

    def allow(self, until: float) -> None:
        self.until = until
        self._left = _LARGEST_ANSWER

    def _wait(self) -> None:
        remaining = self.until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("no answer in time")
        self.plain.settimeout(remaining)

    def recv(self, _size: int) -> bytes:
        self._wait()
        data = self.plain.recv(_CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise OSError(f"the answer has more than {_LARGEST_ANSWER} bytes")
        return data

    def sendall(self, data: bytes) -> None:
        self._wait()
        self.plain.sendall(data)

    def shutdown(self, how: int) -> None:
        self.plain.shutdown(how)

    def close(self) -> None:
        self.plain.close()


class Connection:
    """A connection that is bound. For one thread at a time.

    Args:
        until: When it has to be ready (``time.monotonic``).
        ignore_references: What is said to be in other directories doesn't matter.

    Raises:
        Lost: The server can't be reached, isn't believed, or doesn't let us in now.
        WrongPassword: It refuses the name or the password that asks.
    """

    def __init__(
        self, server: Server, access: Access, *, until: float, ignore_references: bool = False
    ) -> None:
        self.server = server
        self.used = time.monotonic()
        self._ignore_references = ignore_references
        try:
            plain = _opened(server, access.context, until)
        except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
            # The latter ones: a StartTLS answer that isn't one.
            raise Lost(f"{server}: {_told(error)}") from error
        self._socket = _Timed(plain)
        try:
            self._bind(access, until)
        except BaseException:
            self.close()
            raise

    def _bind(self, access: Access, until: float) -> None:
        self._ldap = ldap3.Connection(
            ldap3.Server(self.server.host, self.server.port, get_info=ldap3.NONE),
            user=access.user,
            password=access.password if access.user is not None else None,
            authentication=ldap3.ANONYMOUS if access.user is None else ldap3.SIMPLE,
            client_strategy=ldap3.SYNC,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            auto_encode=False,
            check_names=False,
            read_only=True,
            return_empty_attributes=False,
        )
        # The socket is open, and believed: ldap3 begins behind that.
        self._ldap.socket = self._socket
        self._ldap.closed = False
        self._ldap.strategy._outstanding = {}  # noqa: SLF001 - what its own open() does
        self._ldap.listening = True
        result = self._asked(until, self._ldap.bind, read_server_info=False)
        if result["result"] == _INVALID_CREDENTIALS:
            raise WrongPassword(f"{self.server} refuses the bind: {_said(result)}")
        if result["result"] != _SUCCESS:
            raise Lost(f"{self.server} refuses the bind: {_said(result)}")

    def close(self) -> None:
        """Leave, without a word: the server needn't be there any more."""
        with contextlib.suppress(OSError):
            self._socket.close()

    @property
    def is_stale(self) -> bool:
        """Whether the server has ended it, or said something that nobody asked for."""
        try:
            if not hasattr(select, "poll"):  # Windows
                return bool(select.select([self._socket.plain], [], [], 0)[0])
            # select() takes no numbers beyond 1023.
            poll = select.poll()
            poll.register(self._socket.plain, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # closed
            return True

    def search(
        self, base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int, until: float
    ) -> list[Entry]:
        """The entries that a filter finds; see :class:`~saml_wsgi.directories.ldap.entries.Searcher`.

        Raises:
            Lost: The connection broke, or time is up.
            SourceUnavailable: The server tells only a part, or refuses.
        """
        found: list[Entry] = []
        cookie: Any = None
        paged = most >= _PAGE
        while True:
            result = self._asked(
                until,
                self._ldap.search,
                base,
                wanted,
                search_scope=scope,
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(attributes),
                size_limit=0 if paged else most + 1,
                time_limit=max(1, int(until - time.monotonic())),
                paged_size=_PAGE if paged else None,
                paged_criticality=False,
                paged_cookie=cookie,
            )
            entries, elsewhere = read(self._ldap.response or ())
            found += entries
            if result["result"] == _SIZE_LIMIT and len(found) > most:
                return found  # the limit is ours
            self._check(result, base, elsewhere)
            if len(found) > most:
                return found
            cookie = _cookie(result) if paged else None
            if not cookie:
                return found

    def _check(self, result: dict[str, Any], base: str, elsewhere: list[str]) -> None:
        if result["result"] == _NO_SUCH_OBJECT:
            detail = f"{self.server} has no {base!a}, or doesn't show it to who asks"
            raise SourceUnavailable(detail)
        if result["result"] in _NOT_NOW:
            raise Lost(f"{self.server} answers: {_said(result)}")
        if result["result"] != _SUCCESS:
            raise SourceUnavailable(f"{self.server} answers only in part: {_said(result)}")
        if self._ignore_references:
            return
        for uri in elsewhere:
            if not _is_without_people(uri):
                detail = f"{self.server} says that more is at {ascii(uri)[:200]}"
                raise SourceUnavailable(f"{detail}: narrow the base, or ignore_references")

    def _asked(self, until: float, ask: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        self._socket.allow(until)
        try:
            ask(*arguments, **options)
            result: dict[str, Any] = self._ldap.result
            self.used = time.monotonic()
            result["result"] += 0  # a number, or it isn't a result
            return result
        except SamlWsgiError:
            raise
        except Exception as error:
            # ldap3 raises whatever a malformed answer leads it to.
            raise Lost(f"{self.server}: {_told(error)}") from error


def _opened(server: Server, context: ssl.SSLContext | None, until: float) -> socket.socket:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("no time is left")
    plain = socket.create_connection((server.host, server.port), timeout=remaining)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if server.tls == "none":
            return plain
        if server.tls == "starttls":
            _start_tls(plain, until)
        assert context is not None
        plain.settimeout(max(until - time.monotonic(), 0.001))
        return context.wrap_socket(plain, server_hostname=server.host)
    except BaseException:
        plain.close()
        raise


def _start_tls(plain: socket.socket, until: float) -> None:
    """Ask for TLS. Exactly the answer is read: whatever somebody put behind it breaks the handshake."""
    timed = _Timed(plain)
    timed.allow(until)
    timed.sendall(_START_TLS)
    head = _exactly(plain, 2, until)
    if head[0] != 0x30:
        raise ValueError("what answers isn't an LDAP server")
    length = head[1]
    if length > 0x80:
        more = _exactly(plain, length - 0x80, until)
        head += more
        length = int.from_bytes(more, "big")
    if not 0 < length <= 4096:
        raise ValueError("the answer to StartTLS has no length that it could have")
    message = decode_message_fast(head + _exactly(plain, length, until))
    code = int(message["payload"][0][3])
    if message["messageID"] != 1 or message["protocolOp"] != 24 or code != _SUCCESS:
        raise ValueError(f"the server refuses StartTLS (result {code})")


def _exactly(plain: socket.socket, count: int, until: float) -> bytes:
    data = b""
    while len(data) < count:
        plain.settimeout(max(until - time.monotonic(), 0.001))
        more = plain.recv(count - len(data))
        if not more:
            raise OSError("the server hung up")
        data += more
    return data


def _cookie(result: dict[str, Any]) -> Any:
    try:
        return result["controls"][_PAGED]["value"]["cookie"]
    except (KeyError, TypeError):
        return None  # the server ignores paging, and said everything


def _is_without_people(uri: str) -> bool:
    place = unquote(urlsplit(uri).path).lstrip("/").lower()
    return place.startswith(_WITHOUT_PEOPLE) and escaping.parts(place) is not None


def _said(result: dict[str, Any]) -> str:
    """The result in words, for the operator."""
    message = str(result.get("message") or "")[:200]
    said = f"{result.get('description')} ({result['result']})"
    return f"{said}, {message!a}" if message else said


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"
