"""Where the directory is, and how its servers are believed: addresses, TLS, and who asks."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from saml_wsgi.errors import Problems

_PORTS: Final = {"ldaps": 636, "ldap": 389}
_SERVER: Final = re.compile(r"(?:ldaps?)://[^\s/@?#]+/?", re.IGNORECASE)
_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes:
        tls: ``ldaps``: from the first byte; ``starttls``: before anything else is said; ``none``.
    """

    host: str
    port: int
    tls: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        kind = "ldaps" if self.tls == "ldaps" else "ldap"
        return f"{kind}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Access:
    """How the directory is reached.

    Attributes:
        servers: In the order in which they are asked.
        context: What a server's certificate is checked with; None where none of them speaks TLS.
        user: The distinguished name, or user principal name, that asks; None: anonymous.
        password: Never shown.
        connect_timeout: Seconds for one server until it is connected, believed and bound.
        timeout: Seconds for one look-up, whatever it takes.
        idle: How many connections are kept open while nobody asks.
    """

    servers: tuple[Server, ...]
    context: ssl.SSLContext | None
    user: str | None
    password: str = field(repr=False, default="")
    connect_timeout: float = 2.0
    timeout: float = 8.0
    idle: int = 4


def read_servers(
    written: tuple[str, ...], *, starttls: bool, allow_plaintext: bool, key: str, problems: Problems
) -> tuple[Server, ...]:
    """The servers as an operator wrote them; what is wrong with them is noted."""
    found: list[Server] = []
    for text in written:
        server = _server(text, starttls=starttls)
        if server is None:
            problems.add(
                key, f"it has {ascii(text)[:80]}.", "Write ldaps://host, or ldap://host with starttls = yes."
            )
        elif server in found:
            problems.add(key, f"it names {server} twice.", "Name each once.")
        else:
            found.append(server)
            if server.tls == "none" and not allow_plaintext and not is_loopback(server.host):
                problems.add(
                    key,
                    f"{server} would send the password and everybody's data in the clear.",
                    "Write ldaps://, or starttls = yes; allow_plaintext = yes only in a network of your own.",
                )
    if len(written) > _MOST:
        problems.add(key, f"it is a list of {len(written)} servers.", f"At most {_MOST} are possible.")
    return tuple(found)


def _server(text: str, *, starttls: bool) -> Server | None:
    if not _SERVER.fullmatch(text):
        return None
    try:
        address = urlsplit(text)
        port = address.port
    except ValueError:
        return None
    if not address.hostname or port == 0:
        return None
    tls = "ldaps" if address.scheme == "ldaps" else "starttls" if starttls else "none"
    return Server(address.hostname, port or _PORTS[address.scheme], tls)


def is_loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_context(ca_file: str, *, verified: bool, key: str, problems: Problems) -> ssl.SSLContext | None:
    """What a server's certificate and host name are checked with.

    Args:
        ca_file: The certificates of the authorities that are trusted; ``""``: this machine's.
        verified: False: anybody is believed. The operator has to ask for it in so many words.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        # ssl.SSLError is an OSError; neither shows what is in the file.
        cure = "Name a file with certificates in PEM, by its whole path or with %(here)s/."
        problems.add(key, f"{ca_file!a} can't be used: {error}.", cure)
        return None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
