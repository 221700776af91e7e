"""One connection to one server: opened, believed, bound, searched.

ldap3 writes the requests. Sockets, their time, what comes back and the look at result codes are ours:
ldap3's TLS checks nothing unless it is told to, its time is counted for each packet, its paged search
ends without a word where a server's limit does, and most of a reading would be spent in its decoder.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ldap3.core.results import RESULT_CODES

from saml_wsgi.directories.ldap import decoder, escaping, requests
from saml_wsgi.directories.ldap.ber import Malformed
from saml_wsgi.directories.ldap.course import Course
from saml_wsgi.directories.ldap.decoder import Result, Span
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.requests import Control
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.directories.ldap.wire import opened
from saml_wsgi.errors import SourceUnavailable

_PAGE: Final = 500
#: No answer about one person has more bytes: 10,000 groups of 256 characters have a third of it.
_LARGEST_ANSWER: Final = 8 * 1024 * 1024
#: In a reading, one entry may be a group of a million people.
_LARGEST_ENTRY: Final = 128 * 1024 * 1024
#: A page's entries are handed on when they have so many bytes: pages of large groups don't fill the memory.
_PORTION: Final = 4 * 1024 * 1024
#: The address of a part of an Active Directory is shorter; a longer one isn't worth being understood.
_LONGEST_ADDRESS: Final = 1000
_SUCCESS: Final = 0
_SIZE_LIMIT: Final = 4
_NO_SUCH_OBJECT: Final = 32
_INVALID_CREDENTIALS: Final = 49
#: unavailableCriticalExtension, unwillingToPerform: how servers that don't know paging refuse it.
_NOT_SO: Final = frozenset({12, 53})
#: busy, unavailable (RFC 4511, appendix A.1): another server may do better.
_NOT_NOW: Final = frozenset({51, 52})
#: Parts of an Active Directory that hold no people, and that every search of a whole domain refers to.
_WITHOUT_PEOPLE: Final = ("dc=domaindnszones,", "dc=forestdnszones,", "cn=configuration,")


class Lost(SourceUnavailable):
    """The server went away, or never was there: another one, or a new connection, may answer."""


class WrongPassword(SourceUnavailable):
    """The server refuses who asks. Others would too, and might lock the account for it."""


class Connection:
    """A connection that is bound. For one thread at a time, and for one question at a time.

    Args:
        until: When it has to be ready (``time.monotonic``).
        ignore_references: What is said to be in other directories doesn't matter.
        address: Of the server itself, where one name may stand for several and it has to be this one.

    Raises:
        Lost: The server can't be reached, isn't believed, or doesn't let us in now.
        WrongPassword: It refuses the name or the password that asks.
    """

    def __init__(
        self,
        server: Server,
        access: Access,
        *,
        until: float,
        ignore_references: bool = False,
        address: str = "",
    ) -> None:
        self.server = server
        self.used = time.monotonic()
        self._ignore_references = ignore_references
        self._number = 0
        self._is_asked = False
        with self._lost():
            self._wire = opened(server, access.context, until, address=address)
        try:
            self._bind(access, until)
        except BaseException:
            self.close()
            raise

    def _bind(self, access: Access, until: float) -> None:
        request = _written(requests.bind, access.user, access.password)
        self._wire.allow(until, largest=_LARGEST_ANSWER, all_together=_LARGEST_ANSWER)
        with self._lost():
            self._send(request)
            end = self._wire.message_end()
            said = decoder.message(self._wire.data, self._wire.at, end)
            if said.number != self._number or said.kind != decoder.BIND_RESPONSE:
                raise Malformed("what answers the bind is something else")
            result = decoder.result(self._wire.data, said)
            self._wire.at = end
        self._is_asked = False
        if result.code == _INVALID_CREDENTIALS:
            raise WrongPassword(f"{self.server} refuses the bind: {_said(result)}")
        if result.code != _SUCCESS:
            raise Lost(f"{self.server} refuses the bind: {_said(result)}")

    def close(self) -> None:
        """Leave, without a word: the server needn't be there any more."""
        with contextlib.suppress(OSError):
            self._wire.close()

    @property
    def address(self) -> str:
        """The server's own: a name may stand for several servers."""
        return self._wire.address

    @property
    def is_stale(self) -> bool:
        """Whether the server has ended it, or says something that nobody waits for."""
        return self._is_asked or self._wire.is_stale

    def search(
        self, base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int, until: float
    ) -> list[Entry]:
        """The entries that a filter finds; see :class:`~saml_wsgi.directories.ldap.entries.Searcher`.

        Raises:
            Lost: The connection broke, or time is up.
            SourceUnavailable: The server tells only a part, or refuses.
        """
        paged = most >= _PAGE
        limit, seconds = 0 if paged else most + 1, max(1, int(until - time.monotonic()))
        request = _written(requests.search, base, scope, wanted, attributes, most=limit, seconds=seconds)
        found: list[Entry] = []
        cookie = b""
        # All pages together: a server that has no end must not fill the memory of whoever signs in.
        self._wire.allow(until, largest=_LARGEST_ANSWER, all_together=_LARGEST_ANSWER)
        while True:
            elsewhere: list[str] = []
            self._ask(request, (requests.paging(_PAGE, cookie),) if paged else ())
            spans, result = self._read(elsewhere)
            assert result is not None
            found += self._understood(spans)
            if paged and not cookie and not found and result.code in _NOT_SO:
                paged = False
                continue
            if result.code == _SIZE_LIMIT and len(found) > most:
                return found  # the limit is ours
            self._check(result, base, elsewhere, len(found))
            if len(found) > most:
                return found
            cookie = self._cookie(result, cookie) if paged else b""
            if not cookie:
                return found

    def pages(
        self,
        base: str,
        scope: str,
        wanted: str,
        attributes: Sequence[str],
        *,
        size: int,
        page_timeout: float,
        controls: Sequence[Control] = (),
    ) -> Iterator[list[Entry]]:
        """Everything that a filter finds, as it comes. What came is worth nothing unless this ends well.

        The next page is asked for before one is decoded: the server works while we and the caller do. Until
        all was read, nothing else can be asked.

        Args:
            size: How many entries a page shall have; servers may take fewer, or none for a limit.
            page_timeout: Seconds for each page; those of the caller don't count.

        Raises:
            Lost: The connection broke, or a page's time is up.
            SourceUnavailable: The server tells only a part, or refuses.
        """
        request = _written(requests.search, base, scope, wanted, attributes)
        course = Course(self.server)
        is_paged = True
        cookie = b""
        elsewhere: list[str] = []
        until = self._begin_page(request, page_timeout, (*controls, requests.paging(size, b"")))
        while True:
            self._wire.allow(until, largest=_LARGEST_ENTRY)
            spans, result = self._read(elsewhere, _PORTION)
            if result is not None:
                if is_paged and course.is_new and not spans and result.code in _NOT_SO:
                    is_paged = False
                    until = self._begin_page(request, page_timeout, controls)
                    continue
                self._check(result, base, elsewhere, course.count + len(spans))
                elsewhere.clear()
                cookie = self._cookie(result, cookie) if is_paged else b""
                if cookie:
                    self._begin_page(request, page_timeout, (*controls, requests.paging(size, cookie)))
            found = self._understood(spans)
            course.add(found, page_ends=result is not None)
            before = time.monotonic()
            if found:
                yield found
            if result is None:
                until += time.monotonic() - before
            elif cookie:
                until = time.monotonic() + page_timeout
            else:
                return

    def _begin_page(self, request: bytes, page_timeout: float, controls: Sequence[Control]) -> float:
        until = time.monotonic() + page_timeout
        self._wire.allow(until, largest=_LARGEST_ENTRY)
        self._ask(request, controls)
        return until

    def _ask(self, request: bytes, controls: Sequence[Control]) -> None:
        if self._is_asked:
            raise RuntimeError("the answer to another question is still to be read")
        with self._lost():
            self._send(request, controls)

    def _send(self, request: bytes, controls: Sequence[Control] = ()) -> None:
        self._number += 1
        self._is_asked = True
        self._wire.send(requests.message(self._number, request, controls))

    def _read(self, elsewhere: list[str], enough: float = float("inf")) -> tuple[list[Span], Result | None]:
        """Read the answer up to its result. None instead of that: there is more, and enough bytes came."""
        wire, number = self._wire, self._number
        spans: list[Span] = []
        size = 0
        with self._lost():
            while size < enough:
                end = wire.message_end()
                before = wire.at
                wire.at = decoder.scan(wire.data, before, number, spans)
                if wire.at > before:
                    size += wire.at - before
                    continue
                said = decoder.message(wire.data, before, end)
                wire.at = end
                if said.number != number:
                    raise _unasked(wire.data, said)
                if said.kind == decoder.SEARCH_DONE:
                    result = decoder.result(wire.data, said)
                    self._is_asked = False
                    self.used = time.monotonic()
                    return spans, result
                if said.kind != decoder.SEARCH_REFERENCE:
                    raise Malformed("the server answers what isn't an entry")
                if not elsewhere:  # one is enough, however many come
                    found = decoder.reference(wire.data, said.start, said.stop)
                    elsewhere += [uri[:200] for uri in found if not _is_without_people(uri)][:1]
        return spans, None

    def _understood(self, spans: list[Span]) -> list[Entry]:
        with self._lost():
            return decoder.entries(spans)

    def _check(self, result: Result, base: str, elsewhere: list[str], count: int) -> None:
        if result.code == _NO_SUCH_OBJECT:
            detail = f"{self.server} has no {base!a}, or doesn't show it to who asks"
            raise SourceUnavailable(detail)
        if result.code in _NOT_NOW:
            raise Lost(f"{self.server} answers: {_said(result)}")
        if result.code != _SUCCESS:
            detail = f"{self.server} answers only in part: {_said(result)}"
            raise SourceUnavailable(f"{detail}, after {count} entries" if count else detail)
        if self._ignore_references:
            return
        for uri in elsewhere:
            detail = f"{self.server} says that more is at {ascii(uri)[:200]}"
            raise SourceUnavailable(f"{detail}: narrow the base, or ignore_references")

    def _cookie(self, result: Result, before: bytes) -> bytes:
        """What the next page is asked for with, or nothing."""
        value = result.controls.get(requests.PAGED_RESULTS)
        if value is None:
            if before:
                raise SourceUnavailable(f"{self.server} stops to say whether there are more pages")
            return b""  # the server ignores paging, and said everything
        with self._lost():
            return decoder.cookie(value)

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, IndexError) as error:
            # ValueError: it isn't LDAP; ssl has some of its own for certificates and names.
            raise Lost(f"{self.server}: {type(error).__name__}: {str(error)[:300]}") from error


def _written(write: Callable[..., bytes], *arguments: Any, **options: Any) -> bytes:
    try:
        return write(*arguments, **options)
    except Exception as error:
        # ldap3 and pyasn1 raise whatever a filter, a name or a password leads them to.
        raise SourceUnavailable(f"the question can't be written: {type(error).__name__}") from error


def _unasked(data: bytes, said: decoder.Message) -> OSError:
    """Why a message that answers nothing ends everything."""
    if said.number == 0 and said.kind == decoder.EXTENDED_RESPONSE:  # RFC 4511, 4.4.1
        return OSError(f"the server takes its leave: {_said(decoder.result(data, said))}")
    return OSError("the server says what nobody asked for")


def _is_without_people(uri: str) -> bool:
    if len(uri) > _LONGEST_ADDRESS:
        return False
    try:
        place = unquote(urlsplit(uri).path).lstrip("/").lower()
    except ValueError:
        return False
    return place.startswith(_WITHOUT_PEOPLE) and escaping.parts(place) is not None


def _said(result: Result) -> str:
    """The result in words, for the operator."""
    said = f"{RESULT_CODES.get(result.code, 'unknown')} ({result.code})"
    return f"{said}, {result.message[:200]!a}" if result.message else said
