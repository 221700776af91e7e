"""A server that pages, in ways that real ones have and no test can ask of them: limits, refusals, ends."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from ldap3.protocol.rfc2696 import RealSearchControlValue
from ldap3.protocol.rfc4511 import LDAPMessage
from ldap3.utils.asn1 import decoder, encode

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.servers import Access, Server

END = b""
#: What finds everybody.
EVERYBODY = ("dc=test", "SUBTREE", "(objectClass=*)", ["uid"])
PAGED_RESULTS = "1.2.840.113556.1.4.319"


def tlv(kind: int, content: bytes) -> bytes:
    """A part, its length in the form that OpenLDAP and Active Directory write."""
    return bytes([kind, 0x84]) + len(content).to_bytes(4, "big") + content


def entry(dn: str, **attributes: bytes) -> bytes:
    """The operation that tells an entry."""
    told = b"".join(
        tlv(0x30, tlv(4, name.encode()) + tlv(0x31, tlv(4, value))) for name, value in attributes.items()
    )
    return tlv(0x64, tlv(4, dn.encode()) + tlv(0x30, told))


def reference(uri: str) -> bytes:
    """The operation that says where more is."""
    return tlv(0x73, tlv(4, uri.encode()))


def result(code: int, kind: int = 0x65) -> bytes:
    """The operation that ends an answer."""
    return tlv(kind, b"\x0a\x01" + bytes([code]) + tlv(4, b"") + tlv(4, b""))


def cookie(value: bytes) -> bytes:
    """The controls that an answer ends with where there are pages."""
    control = RealSearchControlValue()
    control["size"], control["cookie"] = 0, value
    return tlv(0xA0, tlv(0x30, tlv(4, PAGED_RESULTS.encode()) + tlv(4, encode(control))))


@dataclass(frozen=True)
class Asked:
    """A search: its page (size, cookie), if it asks for one; and the controls' names."""

    connection: int
    base: str
    page: tuple[int, bytes] | None
    controls: tuple[tuple[str, bool], ...]


@dataclass
class Paging:
    """The server. For each search ``answer`` says what comes: operations, each with controls or alone.

    An answer may have ``None`` for silence. The connection ends where it says ``END``, or has no result.
    """

    answer: Callable[[Asked], list[bytes | tuple[bytes, bytes] | None]]
    address: str = "127.31.0.2"
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    bind_code: int = 0

    def __enter__(self) -> Self:
        self._socket = socket.create_server((self.address, self.port))
        self.port = self._socket.getsockname()[1]
        self._ending = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        socket.create_connection(self._socket.getsockname()).close()
        self._threads[0].join()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._socket.close()

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self._open)

    def _accept(self) -> None:
        while True:
            client, _ = self._socket.accept()
            if self._ending.is_set():
                client.close()
                return
            self._open.append(client)
            number = len(self._open)
            self._threads.append(threading.Thread(target=self._serve, args=(client, number)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket, connection: int) -> None:
        data = b""
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError):
            while more := client.recv(65536):
                data += more
                while data and len(data) >= 2 + data[1] and (data[1] < 0x80 or len(data) > 6):
                    size = data[1] + 2 if data[1] < 0x80 else _long(data)
                    if len(data) < size:
                        break
                    request, _ = decoder.decode(data[:size], asn1Spec=LDAPMessage())
                    data = data[size:]
                    if not self._said(client, connection, request):
                        return

    def _said(self, client: socket.socket, connection: int, request: LDAPMessage) -> bool:
        number = int(request["messageID"]).to_bytes(4, "big")
        operation = request["protocolOp"]
        if operation.getName() == "bindRequest":
            client.sendall(tlv(0x30, tlv(2, number) + result(self.bind_code, 0x61)))
            return True
        page = None
        names = []
        for control in request["controls"]:
            names.append((str(control["controlType"]), bool(control["criticality"])))
            if names[-1][0] == PAGED_RESULTS:
                value, _ = decoder.decode(bytes(control["controlValue"]), asn1Spec=RealSearchControlValue())
                page = int(value["size"]), bytes(value["cookie"])
        base = str(operation.getComponent()["baseObject"])
        self.asked.append(Asked(connection, base, page, tuple(names)))
        is_whole = False
        for said in self.answer(self.asked[-1]):
            if said is None:
                self._ending.wait(30)
            if not said:
                return False
            operation, controls = said if isinstance(said, tuple) else (said, b"")
            is_whole = operation[0] == 0x65
            client.sendall(tlv(0x30, tlv(2, number) + operation + controls))
        return is_whole


def _long(data: bytes) -> int:
    start = 2 + data[1] - 0x80
    return start + int.from_bytes(data[2:start], "big")


@dataclass
class Pages:
    """Answers with people in pages, as most servers do.

    Attributes:
        count: How many people there are.
        largest: How many a page has at most (MaxPageSize).
        steady: Whether each page has the same cookie (389 Directory Server counts for itself).
        on_page: What is said in place of a page, by its number; an empty one ends the connection.
    """

    count: int
    largest: int = 1000
    steady: bool = False
    on_page: dict[int, Callable[[list], list]] = field(default_factory=dict)
    _at: dict[int, int] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> list:
        size, given = asked.page or (self.count, b"")
        start = self._at.get(asked.connection, 0) if given else 0
        if given and given != self._cookie(start):
            return [result(53)]
        stop = min(start + min(size, self.largest), self.count)
        self._at[asked.connection] = stop
        people = [entry(f"uid=u{i},dc=test", uid=b"u%d" % i) for i in range(start, stop)]
        following = self._cookie(stop) if stop < self.count else b""
        answer = [*people, (result(0), cookie(following)) if asked.page else result(0)]
        change = self.on_page.get(start // min(size, self.largest) + 1)
        return change(answer) if change else answer

    def _cookie(self, at: int) -> bytes:
        return b"0" if self.steady else b"at %d" % at


def client_of(*servers: Paging, ignore_references: bool = False) -> Client:
    """A client of such servers."""
    places = tuple(Server(server.address, server.port, "none") for server in servers)
    access = Access(places, None, "cn=reader,dc=test", "reader-demo")
    return Client(access, ignore_references=ignore_references)
