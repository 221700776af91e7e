"""The HTTP bindings: what travels in forms and query strings (SAML 2.0 Bindings, 3.4 and 3.5).

Everything here is bounded, and runs before any XML code sees a byte.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from saml_wsgi.errors import Refused

POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

#: An element, and an attribute, take at least so many bytes on average in what identity providers send;
#: bounds the tree's size. ``idp.max_elements`` takes the place of the former.
_BYTES_PER_ELEMENT: Final = 50
_BYTES_PER_ATTRIBUTE: Final = 25
#: Longer relay states are nobody's: ours have at most 80 bytes (SAML 2.0 Bindings, 3.5.3).
_LONGEST_RELAY_STATE: Final = 2048

#: Capitals first, as browsers write them.
_ESCAPES: Final = (
    (b"%2B", b"+"),
    (b"%2F", b"/"),
    (b"%3D", b"="),
    (b"%0D", b"\r"),
    (b"%0A", b"\n"),
    (b"%20", b" "),
    (b"%2b", b"+"),
    (b"%2f", b"/"),
    (b"%3d", b"="),
    (b"%0d", b"\r"),
    (b"%0a", b"\n"),
)
_SPACES: Final = (b" ", b"\t", b"\r", b"\n")
#: Base64, both alphabets, and the dots of what we sign.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_.-]*")
_DECLARATION: Final = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*["']1\.0["']
    (?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["'][Uu][Tt][Ff]-8["'])?
    (?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](?:yes|no)["'])?[ \t\r\n]*\?>)?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class PostedForm:
    """What was posted to the assertion consumer service: still only text.

    Attributes:
        saml_response: The base64 text, not looked at yet.
        relay_state: As sent, or ``""`` where there is none or it isn't text.
    """

    saml_response: bytes
    relay_state: str


def longest_body(max_message: int) -> int:
    """How many bytes a form may have that carries a message of ``max_message`` bytes.

    Base64 takes 4/3, line breaks and percent-encoded ``+``, ``/`` and ``=`` some more.
    """
    return 2 * max_message + 4 * _LONGEST_RELAY_STATE


def read_form(body: bytes) -> PostedForm:
    """Take ``SAMLResponse`` and ``RelayState`` from an ``application/x-www-form-urlencoded`` body.

    Raises:
        Refused: ``message_malformed`` unless there is exactly one SAMLResponse and at most one
            RelayState, under exactly these names.
    """
    found: dict[bytes, bytes] = {}
    # Few fields are ever sent. More are somebody's attempt to make us work.
    fields = body.split(b"&", 16)
    if len(fields) > 16:
        raise Refused("message_malformed", "the form has more than 16 fields")
    for field in fields:
        name, _, value = field.partition(b"=")
        # Browsers write these names as they are; another spelling is an attempt to be read in two ways.
        if b"%" in name and len(name) <= 40 and unquote_to_bytes(name) in {b"SAMLResponse", b"RelayState"}:
            raise Refused("message_malformed", "a field's name is escaped")
        if name in {b"SAMLResponse", b"RelayState"}:
            if name in found:
                raise Refused("message_malformed", f"the form has {name.decode()} twice")
            found[name] = value
    if not found.get(b"SAMLResponse"):
        raise Refused("message_malformed", "the form has no SAMLResponse")
    relay_state = found.get(b"RelayState", b"")
    try:
        # Longer ones are nobody's, so they aren't even decoded.
        short = relay_state if len(relay_state) <= 3 * _LONGEST_RELAY_STATE else b""
        text = unquote_to_bytes(short.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        text = ""
    text = text if len(text) <= _LONGEST_RELAY_STATE else ""
    return PostedForm(_base64_of(found[b"SAMLResponse"]), text)


def decode(saml_response: bytes, max_message: int, max_elements: int | None = None) -> bytes:
    """The XML of a message that came by HTTP-POST.

    Args:
        max_message: How many bytes it may have.
        max_elements: How many elements it may have; None: as many as its size allows.

    Raises:
        Refused: ``message_too_large``, ``message_malformed`` (not strict base64),
            ``message_encoding`` (not UTF-8, or not XML 1.0), ``xml_forbidden`` (a DTD, a comment, a
            CDATA section or a processing instruction), ``shape_refused`` (too many elements or attributes).
    """
    text = saml_response
    if any(space in text for space in _SPACES):
        text = text.translate(None, b" \t\r\n")
    if len(text) > max_message // 3 * 4 + 4:
        raise Refused("message_too_large", f"more than {max_message} bytes")
    try:
        xml = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("message_malformed", f"not base64: {error}") from None
    if len(xml) > max_message:
        raise Refused("message_too_large", f"more than {max_message} bytes")
    check_text(xml, max_elements)
    return xml


def check_text(xml: bytes, max_elements: int | None = None) -> None:
    """What must hold of the bytes before anything parses them. See :func:`decode`."""
    try:
        xml.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("message_encoding", f"not UTF-8 at byte {error.start}") from None
    declaration = _DECLARATION.match(xml)
    rest = xml[declaration.end() :] if declaration else xml
    if rest.startswith(b"<?xml"):
        raise Refused("message_encoding", "the XML declaration says something else than 1.0 and UTF-8")
    # In well-formed XML these bytes can only begin markup that no identity provider sends.
    # A single byte is found many times faster than two, so it is asked for first, here and below.
    if (b"!" in rest and b"<!" in rest) or (b"?" in rest and b"<?" in rest):
        raise Refused("xml_forbidden", "a DTD, comment, CDATA section or processing instruction")
    # In what is well-formed, each of these begins an element.
    most = len(xml) // _BYTES_PER_ELEMENT + 100 if max_elements is None else max_elements
    elements = rest.count(b"<")
    if elements > most and (elements := elements - rest.count(b"</")) > most:
        here = " for its size" if max_elements is None else ""
        raise Refused("shape_refused", f"{elements} elements; idp.max_elements is {most}{here}")
    most = len(xml) // _BYTES_PER_ATTRIBUTE + 100
    if rest.count(b"=") > most and rest.count(b'="') + rest.count(b"='") > most:
        raise Refused("shape_refused", "too many attributes for its size")


def redirect_url(
    location: str, parameters: Sequence[tuple[str, str]], signature: tuple[str, str] | None = None
) -> str:
    """The URL that carries a message by HTTP-Redirect.

    Args:
        location: The receiver's endpoint; it may have a query of its own.
        parameters: In the order of the specification, since that is what gets signed.
        signature: The last parameter, already made over :func:`query` of the others.
    """
    return f"{location}{'&' if '?' in location else '?'}{query(parameters)}" + (
        f"&{query([signature])}" if signature else ""
    )


def query(parameters: Sequence[tuple[str, str]]) -> str:
    """The octets that are signed under HTTP-Redirect (SAML 2.0 Bindings, 3.4.4.1)."""
    return "&".join([f"{name}={_quoted(value)}" for name, value in parameters])


def deflate(xml: bytes) -> str:
    """A message as it travels in a query string: raw DEFLATE, then base64."""
    # Default memory is a quarter of a megabyte to be cleared, which costs more than a request's deflation.
    packer = zlib.compressobj(wbits=-15, memLevel=5)
    return base64.b64encode(packer.compress(xml) + packer.flush()).decode("ascii")


def post_fields(xml: bytes, relay_state: str) -> Mapping[str, str]:
    """The fields of the form that carries a request by HTTP-POST."""
    return {"SAMLRequest": base64.b64encode(xml).decode("ascii"), "RelayState": relay_state}


def _quoted(value: str) -> str:
    """Percent-encoded. Messages and relay states are base64, of which three characters need it."""
    if _BASE64.fullmatch(value):
        return value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return quote(value, safe="")


def _base64_of(value: bytes) -> bytes:
    """A field that holds base64, without percent-encoding.

    General decoding takes eighty times a message's size where all of it is escaped. Browsers escape only
    what is replaced here.
    """
    # A plus sign stands for a space here; the real ones are escaped.
    value = value.replace(b"+", b" ")
    for escaped, character in _ESCAPES:
        if b"%" not in value:
            return value
        value = value.replace(escaped, character)
    if b"%" in value:
        raise Refused("message_malformed", "the SAMLResponse has escapes that base64 doesn't need")
    return value
