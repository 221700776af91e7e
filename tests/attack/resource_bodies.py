"""Resource attacks by size: messages, bodies and headers. One row says what is sent and how it is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from tests.attack.resource_cases import posted
from tests.attack.resources import Case, Change, Trap, form
from tests.attack.scene import ACS, Scene

Attack = Callable[[Scene, Trap], Change]

#: What it answers is filled in, so that nothing is discarded unread.
RESPONSE = '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" InResponseTo="REQUEST" '
MEGABYTE = 1_000_000


def message(make: Callable[[], bytes]) -> Attack:
    """This message, in a plain form."""
    return lambda scene, _trap: posted(make().replace(b"REQUEST", scene.request.encode()))


def repeated(start: str, one: str, count: int, end: str = "") -> Attack:
    """``one`` so many times, ``{}`` in it being the number."""
    return message(lambda: (start + "".join(one.format(n) for n in range(count)) + end).encode())


def deep(levels: int) -> Attack:
    return message(lambda: b"<x>" * levels + b"</x>" * levels)


class Endless(io.RawIOBase):
    """A body of so many bytes that never stands in memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        size = min(self._left, size if size >= 0 else self._left)
        self._left -= size
        return b"A" * size


def body(size: int, announced: str | None = "honest") -> Attack:
    """So many bytes; announced as they are, as something else, or not at all (chunked)."""

    def attack(_scene: Scene, _trap: Trap) -> Change:
        stream = {"wsgi.input": Endless(size)}
        if announced is None:
            return {**stream, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        return {**stream, "CONTENT_LENGTH": str(size) if announced == "honest" else announced}

    return attack


def fields(make: Callable[[], bytes]) -> Attack:
    """These bytes as the form itself."""
    return lambda _scene, _trap: form(make())


def get(path: str, query: str = "", **environ: str) -> Attack:
    changes = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, **environ}
    return lambda _scene, _trap: changes


def cookies(make: Callable[[str, Any], str]) -> Attack:
    """A bad message, under a Cookie header made of the browser's own and of the names of ours."""

    def attack(scene: Scene, _trap: Trap) -> Change:
        own = scene.browser.cookies.header(ACS)
        return {**posted(b"<a/>"), "HTTP_COOKIE": make(own, scene.service.app._cookies)}

    return attack


LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
QUADRATIC = b'<!DOCTYPE r [<!ENTITY a "' + b"x" * 60_000 + b'">]><r>' + b"&a;" * 20_000 + b"</r>"
EXTERNAL = '<!DOCTYPE r [<!ENTITY a SYSTEM "{}">]><r>&a;</r>'

MESSAGES = [
    Case("billion laughs", message(lambda: f'<!DOCTYPE r [<!ENTITY a0 "ha">{LAUGHS}]><r>&a12;</r>'.encode()), 403, "xml_forbidden"),
    Case("quadratic entities", message(lambda: QUADRATIC), 403, "xml_forbidden"),
    *(
        Case(f"external entity {uri}", message(lambda uri=uri: EXTERNAL.format(uri).encode()), 403, "xml_forbidden")
        for uri in ("file:///dev/zero", "http://127.0.0.1:9/")
    ),
    Case("external DTD", message(lambda: b'<!DOCTYPE r SYSTEM "file:///dev/zero"><r/>'), 403, "xml_forbidden"),
    Case("stylesheet instruction", message(lambda: b'<r><?xml-stylesheet href="file:///dev/zero"?></r>'), 403, "xml_forbidden"),
    Case("60,000 elements", repeated("<r>", "<a/>", 60_000, "</r>"), 403, "shape_refused"),
    Case("as many elements as fit", repeated(RESPONSE + ">", "<a b='0123456789012'>0123456789</a>", 5_200, "</samlp:Response>"), 403),
    Case("10 levels more than the parser's own limit", deep(266), 403),
    Case("500 levels", deep(500), 403),
    Case("30,000 levels", deep(30_000), 403, "shape_refused"),
    Case("20,000 attributes", repeated(RESPONSE, "a{}='' ", 20_000, "/>"), 403, "shape_refused"),
    Case("12,000 attributes that differ by prefix", repeated(RESPONSE, "xmlns:a{0}='a:{0}' a{0}:b='' ", 6_000, "/>"), 403, "shape_refused"),
    Case("the same attribute 30,000 times", repeated("<a ", "a='' ", 30_000, "/>"), 403, "xml_malformed"),
    Case("12,000 namespaces", repeated(RESPONSE, "xmlns:a{0}='a:b' ", 12_000, "/>"), 403),
    Case("5,000 namespaces, each on an element", repeated(RESPONSE + ">", "<a{0}:b xmlns:a{0}='a:{0}' xmlns='a:b'/>", 4_500, "</samlp:Response>"), 403),
    Case("a text of 250 KB", message(lambda: (RESPONSE + ">" + "x" * 250_000 + "</samlp:Response>").encode()), 403),
    Case("an attribute of 250 KB", message(lambda: (RESPONSE + f"ID='{'x' * 250_000}'/>").encode()), 403, "shape_refused"),
    Case("an element's name of 120 KB", message(lambda: b"<" + b"x" * 120_000 + b"/>"), 403),
    Case("a namespace of 250 KB", message(lambda: f"<a xmlns='a:{'b' * 250_000}'/>".encode()), 403),
    Case("250 KB of references to characters", message(lambda: (RESPONSE + ">" + "&#65;" * 50_000 + "</samlp:Response>").encode()), 403),
    Case("250 KB of space in the declaration", message(lambda: b"<?xml" + b" " * 250_000 + b"version='1.0'?><a/>"), 403),
    Case("250 KB of space in the declaration, and another version", message(lambda: b"<?xml version='1.0'" + b" " * 250_000 + b"x?><a/>"), 403),
    Case("40,000 times xmlns: in a text", message(lambda: (RESPONSE + ">" + "xmlns:" * 40_000 + "</samlp:Response>").encode()), 403),
    Case("40,000 times xmlns with a quote in a text", message(lambda: (RESPONSE + ">" + "xmlns=\"" * 35_000 + "</samlp:Response>").encode()), 403),
    Case("40,000 times xmlns with space in a text", message(lambda: (RESPONSE + ">" + "xmlns  " * 35_000 + "</samlp:Response>").encode()), 403),
    Case("250 KB of space after xmlns in a text", message(lambda: (RESPONSE + ">xmlns" + " " * 250_000 + "</samlp:Response>").encode()), 403),
]  # fmt: skip

BODIES = [
    *(Case(f"{size:,} bytes", body(size), 403) for size in (1, 1_000, 100_000)),
    *(Case(f"{size:,} bytes", body(size), 413, "body_too_large") for size in (600_000, MEGABYTE, 10 * MEGABYTE, 73 * MEGABYTE)),
    *(Case(f"{size:,} bytes, chunked", body(size, None), 413, "body_too_large") for size in (600_000, 10 * MEGABYTE, 73 * MEGABYTE, 10**15)),
    Case("73 MB announced as 1,000 bytes", body(73 * MEGABYTE, "1000"), 403),
    Case("1,000 bytes announced as 500,000", body(1_000, "500000"), 400, "bad_request"),
    Case("1,000 bytes announced as 73 MB", body(1_000, str(73 * MEGABYTE)), 413, "body_too_large"),
    *(Case(f"73 MB announced as {text!r}", body(73 * MEGABYTE, text), 400, "bad_request") for text in ("-1", "1e9", "0x10", " 9", "+9", "9" * 40, "9" * 100_000, "٣")),
    Case("73 MB that nobody announced", body(73 * MEGABYTE, ""), 403),
    Case("a message one byte too long", fields(lambda: b"SAMLResponse=" + b"A" * 349_532), 403, "message_too_large"),
    Case("500 KB of base64 junk", fields(lambda: b"SAMLResponse=" + b"A!" * 250_000), 403),
    Case("500 KB of white space", fields(lambda: b"SAMLResponse=" + b"+" * 500_000), 403),
    Case("500 KB of padding", fields(lambda: b"SAMLResponse=" + b"=" * 340_000), 403, "message_malformed"),
    Case("500 KB of percent signs", fields(lambda: b"SAMLResponse=" + b"%" * 500_000), 403),
    Case("500 KB of percent signs in a name", fields(lambda: b"%" * 500_000), 403),
    Case("500 KB of encoded percent signs", fields(lambda: b"SAMLResponse=" + b"%25" * 170_000), 403),
    Case("500 KB of separators", fields(lambda: b"&" * 500_000), 403, "message_malformed"),
    Case("100,000 fields", fields(lambda: b"a=1&" * 100_000), 403, "message_malformed"),
    Case("a relay state of 500 KB", fields(lambda: b"SAMLResponse=AAAA&RelayState=" + b"A" * 500_000), 403),
]  # fmt: skip

REQUESTS = [
    *(
        Case(f"login with a return_to of 64 KB of {junk!r}", get("/saml/login", "return_to=" + junk * (65_536 // len(junk))), 200)
        for junk in ("/", "a", "%2e%2e/", "..%2f", "%25", "\\", "&")
    ),
    *(
        Case(f"login with a return_to of 8 KB of {junk!r}", get("/saml/login", "return_to=/" + junk * (8_000 // len(junk))), 200)
        for junk in ("/", "a/", "../", "%2e%2e/", "./", "a/../", "%", "?", "#")
    ),
    Case("login with 4,000 parameters", get("/saml/login", "a&" * 4_000), 200),
    Case("resume at slot 10^8000", get("/saml/resume", "slot=" + "9" * 8_000), 403, "resume_refused"),
    Case("an attempt of 8 KB", get("/saml/login", "attempt=" + "0." * 4_000), 200),
    *(Case(f"a path of 64 KB of {junk!r}", get(junk * (65_536 // len(junk)), HTTP_ACCEPT="text/html"), 200) for junk in ("/", "/a", "/./", "/../", "%", ";")),
    Case("a path of 64 KB that isn't UTF-8", get("/" + "\xff" * 65_536, HTTP_ACCEPT="text/html"), 400),
    Case("an Accept of 64 KB", get("/page", HTTP_ACCEPT="text/html," * 6_500), 200),
    Case("a query of 64 KB", get("/page", "%" * 65_536, HTTP_ACCEPT="text/html"), 200),
    *(
        Case(name, cookies(make), 403)
        for name, make in (
            ("64 KB of cookie separators", lambda own, ours: own + "; " * 32_000),
            ("64 KB of semicolons", lambda own, ours: own + ";" * 65_000),
            ("200 junk cookies", lambda own, ours: "; ".join([*(f"junk{n}={'x' * 300}" for n in range(200)), own])),
            ("5,000 session cookies", lambda own, ours: own + f"; {ours.session}=x" * 2_000),
            ("names of ours inside values", lambda own, ours: own + f"; a={ours.session}=x" * 2_000),
            ("names of ours without a separator", lambda own, ours: own + f"{ours.session}=" * 2_000),
            ("a session cookie of 64 KB", lambda own, ours: f"{own}; {ours.session}={'x' * 65_000}"),
            ("a session cookie of 64 KB of dots", lambda own, ours: f"{own}; {ours.session}={'.' * 65_000}"),
            ("a pending cookie of 64 KB", lambda own, ours: f"{own}; {ours._slots[1]}={'x' * 65_000}"),
            ("a restart cookie of 64 KB", lambda own, ours: f"{own}; {ours._restarts}={'9' * 65_000}.{'9' * 9}"),
        )
    ),
]  # fmt: skip
