"""Resource attacks by size: messages, bodies and headers. One row says what is sent and how it is refused."""

from __future__ import annotations

import io
from collections.abc import Callable

from tests.attack.resource_cases import posted
from tests.attack.resources import Case, Change, Trap, form
from tests.attack.scene import ACS, Scene

Attack = Callable[[Scene, Trap], Change]

#: What it answers is filled in, so that nothing is discarded unread.
RESPONSE = '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" InResponseTo="REQUEST" '
KILOBYTE = 1_000
MEGABYTE = 1_000_000


def message(text: str, count: int = 1) -> Attack:
    """This text as the message; ``{many}`` in front of a part means the part so many times."""
    start, _, rest = text.partition("{many}")
    part, _, end = rest.partition("{/many}")

    def attack(scene: Scene, _trap: Trap) -> Change:
        many = "".join(part.replace("{n}", str(number)) for number in range(count))
        return posted((start + many + end).replace("REQUEST", scene.request).encode())

    return attack


def within(part: str, count: int = 1) -> Attack:
    """So many parts as the content of a Response."""
    return message(f"{RESPONSE}>{{many}}{part}{{/many}}</samlp:Response>", count)


def deep(levels: int) -> Attack:
    return message("<x>" * levels + "</x>" * levels)


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


def fields(start: bytes, part: bytes, count: int) -> Attack:
    """A form: the start, and the part so many times."""
    return lambda _scene, _trap: form(start + part * count)


def get(path: str, query: str = "", **environ: str) -> Attack:
    changes = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, **environ}
    return lambda _scene, _trap: changes


def login(query: str, size: int, junk: str) -> Case:
    """``login`` with so many bytes of junk in its query."""
    attack = get("/saml/login", query + junk * (size // len(junk)))
    return Case(f"login with {size:,} bytes of {junk!r} behind {query!r}", attack, 200)


LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
EXTERNAL = '<!DOCTYPE r [<!ENTITY a SYSTEM "{}">]><r>&a;</r>'
CROWDED = "<a b='0123456789012'>0123456789</a>"
DECLARED = "<a{n}:b xmlns:a{n}='a:{n}' xmlns='a:b'/>"

#: What is posted, and the reason in the log; empty: any. All of it is answered with 403.
_MESSAGES: dict[str, tuple[Attack, str]] = {
    "billion laughs": (message(f'<!DOCTYPE r [<!ENTITY a0 "ha">{LAUGHS}]><r>&a12;</r>'), "xml_forbidden"),
    "quadratic entities": (
        message('<!DOCTYPE r [<!ENTITY a "' + "x" * 60_000 + '">]><r>{many}&a;{/many}</r>', 20_000),
        "xml_forbidden",
    ),
    "external entity": (message(EXTERNAL.format("file:///dev/zero")), "xml_forbidden"),
    "external entity by http": (message(EXTERNAL.format("http://127.0.0.1:9/")), "xml_forbidden"),
    "external DTD": (message('<!DOCTYPE r SYSTEM "file:///dev/zero"><r/>'), "xml_forbidden"),
    "stylesheet": (message('<r><?xml-stylesheet href="file:///dev/zero"?></r>'), "xml_forbidden"),
    "60,000 elements": (within("<a/>", 60_000), "shape_refused"),
    "as many elements as fit": (within(CROWDED, 5_200), ""),
    "more levels than the parser takes": (deep(266), ""),
    "500 levels": (deep(500), ""),
    "30,000 levels": (deep(30_000), "shape_refused"),
    "20,000 attributes": (message(RESPONSE + "{many}a{n}='' {/many}/>", 20_000), "shape_refused"),
    "20,000 attributes with spaces": (message(RESPONSE + "{many}a{n} =\t'' {/many}/>", 18_000), ""),
    "6,000 attributes of 6,000 namespaces": (
        message(RESPONSE + "{many}xmlns:a{n}='a:{n}' a{n}:b='' {/many}/>", 6_000),
        "shape_refused",
    ),
    "the same attribute 30,000 times": (message("<a {many}a='' {/many}/>", 30_000), ""),
    "12,000 namespaces": (message(RESPONSE + "{many}xmlns:a{n}='a:b' {/many}/>", 12_000), ""),
    "12,000 namespaces with spaces": (message(RESPONSE + "{many}xmlns:a{n} = 'a:b' {/many}/>", 10_000), ""),
    "4,500 namespaces, each at an element": (within(DECLARED, 4_500), ""),
    "a text of 250 KB": (within("x" * 250_000), ""),
    "an attribute of 250 KB": (message(f"{RESPONSE}ID='{'x' * 250_000}'/>"), "shape_refused"),
    "an element's name of 120 KB": (message(f"<{'x' * 120_000}/>"), ""),
    "a namespace of 250 KB": (message(f"<a xmlns='a:{'b' * 250_000}'/>"), ""),
    "50,000 references to characters": (within("&#65;", 50_000), ""),
    "250 KB of space in the declaration": (message(f"<?xml{' ' * 250_000}version='1.0'?><a/>"), ""),
    "250 KB of space behind the version": (message(f"<?xml version='1.0'{' ' * 250_000}x?><a/>"), ""),
    **{
        f"{part!r} {count:,} times in a text": (within(part, count), "")
        for part, count in (
            ("xmlns:", 40_000),
            ("xmlns:a", 35_000),
            ("xmlns", 50_000),
            ("xmlns=", 40_000),
            ('xmlns="', 35_000),
            ("xmlns='\"", 30_000),
            ("xmlns  ", 35_000),
            ("xmlns:a ", 30_000),
            ("xmlns:a\t=\n", 25_000),
            ("='", 100_000),
            ("ID", 100_000),
        )
    },
    "250 KB of space behind xmlns": (within("xmlns" + " " * 250_000), ""),
    "250 KB of letters behind xmlns:": (within("xmlns:" + "a" * 250_000), ""),
}
MESSAGES = [Case(name, attack, 403, code) for name, (attack, code) in _MESSAGES.items()]

NO_LENGTH = ("-1", "1e9", "0x10", " 9", "+9", "9" * 40, "9" * 100_000, "٣")
BODIES = [
    *(Case(f"{size:,} bytes", body(size), 403) for size in (1, KILOBYTE, 100 * KILOBYTE)),
    *(
        Case(f"{size:,} bytes{how}", body(size, announced), 413, "body_too_large")
        for size in (600 * KILOBYTE, MEGABYTE, 10 * MEGABYTE, 73 * MEGABYTE)
        for how, announced in (("", "honest"), (", chunked", None))
    ),
    Case("a body without an end", body(10**15, None), 413, "body_too_large"),
    Case("73 MB announced as 1,000 bytes", body(73 * MEGABYTE, "1000"), 403),
    Case("1,000 bytes announced as 500,000", body(KILOBYTE, "500000"), 400, "bad_request"),
    Case("1,000 bytes announced as 73 MB", body(KILOBYTE, str(73 * MEGABYTE)), 413, "body_too_large"),
    *(
        Case(f"73 MB announced as {text[:50]!r}, {len(text)} digits", attack, 400, "bad_request")
        for text, attack in ((text, body(73 * MEGABYTE, text)) for text in NO_LENGTH)
    ),
    Case("73 MB that nobody announced", body(73 * MEGABYTE, ""), 403),
    Case("one byte too long", fields(b"SAMLResponse=", b"A", 349_532), 403, "message_too_large"),
    *(
        Case(f"a form of {start!r} and {count:,} times {part!r}", fields(start, part, count), 403)
        for start, part, count in (
            (b"SAMLResponse=", b"A!", 250_000),
            (b"SAMLResponse=", b"+", 500_000),
            (b"SAMLResponse=", b"=", 340_000),
            (b"SAMLResponse=", b"%", 500_000),
            (b"SAMLResponse=", b"%25", 170_000),
            (b"SAMLResponse=", b"%2B", 170_000),
            (b"SAMLResponse=", b"%2", 250_000),
            (b"SAMLResponse=", b"%20", 170_000),
            (b"SAMLResponse=", b"\xff", 500_000),
            (b"", b"%", 500_000),
            (b"", b"&", 500_000),
            (b"", b"=", 500_000),
            (b"", b"a=1&", 100_000),
            (b"", b"SAMLResponse=A&", 30_000),
            (b"SAMLResponse=AAAA&RelayState=", b"A", 500_000),
            (b"SAMLResponse=AAAA&RelayState=", b"%41", 150_000),
            (b"SAMLResponse=AAAA&RelayState=", b"%", 6_000),
        )
    ),
]

#: A Cookie header made of the browser's own and of our names: a slot, and the session's.
_COOKIES: dict[str, Callable[[str, str, str], str]] = {
    "64 KB of cookie separators": lambda own, _slot, _session: own + "; " * 32_000,
    "64 KB of semicolons": lambda own, _slot, _session: own + ";" * 65_000,
    "200 junk cookies": lambda own, _slot, _session: f"junk={'x' * 300}; " * 200 + own,
    "5,000 session cookies": lambda own, _slot, session: own + f"; {session}=x" * 2_000,
    "our names in values": lambda own, slot, _session: own + f"; a={slot}=" * 7_500,
    "our names in values, behind tabs": lambda own, slot, _session: own + f"; a=\t{slot}=" * 7_500,
    "our names one behind the other": lambda own, slot, _session: f"{own}; x" + f"{slot}=" * 8_000,
    "our name behind 250 KB of space": lambda own, slot, _session: f"{own}; a={' ' * 250_000}{slot}=",
    "our names behind spaces": lambda own, slot, _session: own + f"; a={' ' * 900}{slot}=" * 250,
    "a session cookie of 64 KB": lambda own, _slot, session: f"{own}; {session}={'x' * 65_000}",
    "a session cookie of dots": lambda own, _slot, session: f"{own}; {session}={'.' * 65_000}",
    "a pending cookie of 64 KB": lambda own, slot, _session: f"{own}; {slot}={'x' * 65_000}",
}


def cookies(name: str) -> Attack:
    """A message that is refused, under that Cookie header."""

    def attack(scene: Scene, _trap: Trap) -> Change:
        ours = scene.service.app._cookies
        own = scene.browser.cookies.header(ACS)
        free = next(slot for slot in ours._slots if slot not in own)
        return {**posted(b"<a/>"), "HTTP_COOKIE": _COOKIES[name](own, free, ours.session)}

    return attack


NAVIGATION = {"HTTP_ACCEPT": "text/html"}
REQUESTS = [
    *(login("return_to=", 65_536, junk) for junk in ("/", "a", "%2e%2e/", "..%2f", "%25", "\\", "&")),
    *(login("return_to=/", 8_000, junk) for junk in ("/", "a/", "../", "%2e%2e/", "./", "a/../", "%", "?")),
    login("", 8_000, "a&"),
    login("attempt=", 8_000, "0."),
    Case("resume at slot 10^8000", get("/saml/resume", "slot=" + "9" * 8_000), 403, "resume_refused"),
    *(
        Case(f"a path of 64 KB of {junk!r}", get(junk * (65_536 // len(junk)), **NAVIGATION), 200)
        for junk in ("/", "/a", "/./", "/../", "%", ";")
    ),
    Case("a path of 64 KB that isn't UTF-8", get("/" + "\xff" * 65_536, **NAVIGATION), 400),
    Case("an Accept of 64 KB", get("/page", HTTP_ACCEPT="text/html," * 6_500), 200),
    Case("a query of 64 KB", get("/page", "%" * 65_536, **NAVIGATION), 200),
    *(Case(name, cookies(name), 403, "shape_refused") for name in _COOKIES),
]
