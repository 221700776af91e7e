"""What a server is asked (RFC 4511). The operations are written by ldap3, what is around them here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import ldap3
from ldap3.operation.bind import bind_operation
from ldap3.operation.search import search_operation
from ldap3.utils.asn1 import encode

from saml_wsgi.directories.ldap.ber import part

#: RFC 2696.
PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"
#: RFC 4511, 4.14.1: StartTLS, as message 1.
START_TLS: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


class Control(NamedTuple):
    """A control of a request (RFC 4511, 4.1.11).

    Attributes:
        critical: Whether a server that doesn't know it has to refuse.
        value: In BER, or None.
    """

    oid: str
    critical: bool = False
    value: bytes | None = None


def bind(user: str | None, password: str) -> bytes:
    """A simple bind; without a user an anonymous one.

    Raises:
        ValueError: The password has characters that none may have (RFC 4013).
    """
    if user is None:
        request = bind_operation(3, ldap3.ANONYMOUS)
    else:
        request = bind_operation(3, ldap3.SIMPLE, user, password)
    written: bytes = encode(request)
    return written


def search(
    base: str, scope: str, wanted: str, attributes: Sequence[str], *, most: int = 0, seconds: int = 0
) -> bytes:
    """A search that follows no aliases.

    Args:
        attributes: None of them: only the entries' names.
        most: How many entries the server shall send; 0: all.
        seconds: How long it shall work on it; 0: it has to know.
    """
    names = list(attributes) or [ldap3.NO_ATTRIBUTES]
    request = search_operation(
        base, wanted, scope, ldap3.DEREF_NEVER, names, most, seconds, False, False, False
    )
    written: bytes = encode(request)
    return written


def paging(size: int, cookie: bytes) -> Control:
    """The control that asks for a page. Not critical: some servers have everything in one."""
    number = size.to_bytes(size.bit_length() // 8 + 1, "big")
    return Control(PAGED_RESULTS, value=part(0x30, part(0x02, number) + part(0x04, cookie)))


def message(number: int, operation: bytes, controls: Sequence[Control] = ()) -> bytes:
    """A whole message."""
    content = part(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big")) + operation
    if controls:
        content += part(0xA0, b"".join(map(_control, controls)))
    return part(0x30, content)


def _control(control: Control) -> bytes:
    content = part(0x04, control.oid.encode("ascii"))
    if control.critical:
        content += b"\x01\x01\xff"
    if control.value is not None:
        content += part(0x04, control.value)
    return part(0x30, content)
