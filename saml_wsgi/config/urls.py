"""Addresses: of this service, of the identity provider, of databases.

Every URL that we ever put into a page, a redirect or a message begins with ``base_url``, so what it
may hold is narrow.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from saml_wsgi.config.convert import (
    NO_INLINE_COMMENTS,
    Place,
    Unfit,
    has_comment,
    line,
    plain_items,
    shown,
    text,
)
from saml_wsgi.config.files import absolute, is_folder
from saml_wsgi.config.secrets import secret_text

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: RFC 3986 pchar without what means something in cookies, HTML or URLs' parameters, and without escapes:
#: a path that can be spelt in two ways can't be compared.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~@+-]+")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOOPBACK: Final = "http is possible only for localhost, 127.0.0.0/8 and [::1]. Write https://."


def is_loopback(host: str) -> bool:
    """Whether a (lower-case) host can be nobody but this machine: http is safe there."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.IPv4Network("127.0.0.0/8")
    return address == ipaddress.IPv6Address("::1")


def _split(value: object, longest: int) -> SplitResult:
    """A URL with a host, in its parts. urlsplit() drops tabs and newlines, so those are refused before."""
    url = line(value, longest=longest)
    if has_comment(url):
        raise Unfit(f"it is {shown(url)}.", NO_INLINE_COMMENTS)
    if found := re.search(r"[^!-~]|[\"<>\\^`{|}]", url):
        character = found.group()
        cure = "Remove it." if character.isascii() else "Write the host in its ASCII form (xn--…)."
        raise Unfit(f"it has the character {shown(character)}, which a URL can't have.", cure)
    if "://" not in url:
        raise Unfit(f"it is {shown(url)}, which has no scheme.", "Begin with https://.")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises ValueError for a port that is no number)
    except ValueError:
        raise Unfit(f"it is {shown(url)}, which isn't a URL.", "Write https://host/path.") from None
    if "@" in parts.netloc:
        raise Unfit("it has a user name in front of the host.", "Leave out what ends with @.")
    return parts


def _origin(parts: SplitResult) -> str:
    """Scheme, host and port as browsers write them: lower case, without the default port (RFC 6454)."""
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise Unfit(f"its scheme is {shown(scheme)}.", "Begin with https://.")
    host = (parts.hostname or "").lower()
    port = parts.port
    if port == 0 or parts.netloc.endswith(":"):
        raise Unfit("its port is no port.", "Write a port of 1 to 65535, or none.")
    suffix = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
    if parts.netloc.startswith("["):
        bracketed = re.fullmatch(r"\[[0-9A-Fa-f:.]+\](?::[0-9]+)?", parts.netloc)  # no zone, nothing behind ]
        try:
            address = ipaddress.IPv6Address(host if bracketed else "")
        except ValueError:
            raise Unfit(f"its host {shown(host)} isn't an IPv6 address.", "Check the host.") from None
        return f"{scheme}://[{address}]{suffix}"
    labels = host.split(".")
    # Browsers read a host that ends with a number as an IPv4 address, in any spelling (WHATWG URL).
    numeric = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) is not None
    try:
        fits = ipaddress.IPv4Address(host) is not None if numeric else len(host) <= 253
    except ValueError:
        fits = False
    if not fits or not all(_LABEL.fullmatch(label) for label in labels):
        raise Unfit(f"its host {shown(host)} isn't a host name.", "Check the host.")
    return f"{scheme}://{host}{suffix}"


def _require_https(origin: str) -> None:
    if origin.startswith("http://") and not is_loopback((urlsplit(origin).hostname or "").lower()):
        raise Unfit("it begins with http://, which anybody on the way can read.", _LOOPBACK)


def _path(path: str) -> str:
    """A path of safe segments without a slash at its end; ``""`` for the root."""
    path = path.rstrip("/")
    for segment in path.split("/")[1:]:
        if segment in {"", ".", ".."} or not _SEGMENT.fullmatch(segment):
            raise Unfit(
                f"its path has the segment {shown(segment)}.",
                "A segment is made of letters, digits and . _ ~ @ + - and is neither empty nor . or ..",
            )
    return path


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The address under which people reach the application."""

    kind: str = "URL"

    def __call__(self, value: object, _: Place, /) -> str:
        parts = _split(value, longest=256)
        if parts.query or parts.fragment or "?" in line(value) or "#" in line(value):
            raise Unfit("it has a query or a fragment.", "End it before ? and #.")
        origin = _origin(parts)
        _require_https(origin)
        return origin + _path(parts.path)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The path below base_url at which our own endpoints are."""

    kind: str = "path"

    def __call__(self, value: object, _: Place, /) -> str:
        path = line(value, longest=128)
        if has_comment(path):
            raise Unfit(f"it is {shown(path)}.", NO_INLINE_COMMENTS)
        if not path.startswith("/"):
            raise Unfit(f"it is {shown(path)}.", "Begin with /.")
        path = _path(path)
        if not path:
            raise Unfit("it is the root, so that our endpoints would hide the application's.", "Write /saml.")
        return path


@dataclass(frozen=True, slots=True)
class Url:
    """An address of the identity provider."""

    kind: str = "URL"

    def __call__(self, value: object, _: Place, /) -> str:
        parts = _split(value, longest=2048)
        if parts.fragment:
            raise Unfit("it has a fragment.", "End it before #.")
        _require_https(_origin(parts))
        # As the identity provider wrote it: it may compare it as text.
        return line(value, longest=2048)


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins as browsers send them in the header Origin."""

    kind: str = "list of origins"

    def __call__(self, value: object, _: Place, /) -> tuple[str, ...]:
        found = []
        for entry in plain_items(value):
            if "*" in entry:
                raise Unfit(f"it has {shown(entry)}.", "Name each origin; * isn't possible with cookies.")
            parts = _split(entry, longest=256)
            if parts.path.rstrip("/") or parts.query or parts.fragment:
                raise Unfit(
                    f"it has {shown(entry)}.", "An origin is https://host or https://host:port, no more."
                )
            origin = _origin(parts)
            _require_https(origin)
            found.append(origin)
        return tuple(dict.fromkeys(found))


_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = "postgresql+psycopg://"
MEMORY: Final = "memory:"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where something is kept. Arrives dereferenced; never shown as it is, since it may hold a password.

    Attributes:
        memory: Whether ``memory:`` will do.
    """

    memory: bool = False

    @property
    def kind(self) -> str:
        kinds = "`sqlite:///PATH` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`"
        return (f"{kinds}; or `memory:`" if self.memory else kinds) + "; or `env:NAME`, `file:PATH`"

    def __call__(self, value: object, place: Place, /) -> str:
        url = secret_text(value, place)
        if re.search(r"[\x00-\x20\x7f]", url) and not url.startswith(_SQLITE):
            raise Unfit("it has white space.", NO_INLINE_COMMENTS if has_comment(url) else "Remove it.")
        if url == MEMORY:
            if self.memory:
                return url
            raise Unfit("it is memory:, which forgets its users.", "Write sqlite:///PATH.")
        if url in {"sqlite:", "sqlite://", "sqlite:///:memory:", "sqlite:///"}:
            raise Unfit("it is a database in memory, which each thread would have its own of.", _write(self))
        if url.startswith(_SQLITE):
            return _sqlite(url.removeprefix(_SQLITE), place)
        if url.startswith(_POSTGRESQL):
            return _postgresql(url)
        if url.startswith(("postgresql:", "postgres:", "postgresql+")):
            raise Unfit("it names PostgreSQL without our driver.", "Begin with postgresql+psycopg://.")
        raise Unfit("it doesn't begin as any database's URL that is known.", _write(self))


def _write(option: DatabaseUrl) -> str:
    return f"Write {option.kind.replace('`', '')}."


def _sqlite(written: str, place: Place) -> str:
    path, question, query = text(written).partition("?")
    if has_comment(written):
        raise Unfit("there is a comment behind it.", NO_INLINE_COMMENTS)
    if question and not re.fullmatch(r"timeout=[0-9]{1,2}(\.[0-9]+)?", query):
        raise Unfit("it has a parameter that SQLite doesn't take here.", "Only ?timeout=SECONDS is possible.")
    # POSIX leaves to each system what two slashes mean; here one file has one URL.
    path = re.sub(r"^/{2,}", "/", absolute(path, place.here))
    folder = str(Path(path).parent)
    if found := re.search(r"[%?\n]", path):
        raise Unfit(f"its path has the character {shown(found.group())}.", "Use another folder or name.")
    if not is_folder(folder):
        cure = "Make it, and let only the server write there."
        raise Unfit(f"the folder {shown(folder)} doesn't exist.", cure)
    if is_folder(path):
        raise Unfit(f"{shown(path)} is a folder.", "Name a file in it.")
    _look_at(path, place)
    return _SQLITE + path + question + query


def _look_at(path: str, place: Place) -> None:
    """At a database file that is there already: it must be one, and its sessions and users are private."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return  # it isn't there, or can't be used; whoever opens it says so
    if not stat.S_ISREG(mode):
        raise Unfit(f"{shown(path)} isn't a file, but a pipe or a device.", "Name a file.")
    if os.name != "nt" and mode & (stat.S_IROTH | stat.S_IWOTH):
        may = "read" if mode & stat.S_IROTH else "write to"
        cure = f"Take the right away: chmod o-rwx {path}*"
        place.warn(f"everybody on this machine can {may} {shown(path)}.", cure)


def _postgresql(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    # An @, / or # in a password ends the host elsewhere than meant: part of the password would be shown.
    if parts is None or port == 0 or "@" in parts.path or "@" in parts.query or parts.fragment:
        raise Unfit(
            "it can't be read.",
            "In a user name and a password, write @ as %40, / as %2F, # as %23, : as %3A, ? as %3F and % as "
            "%25 (and in an ini file each % twice), or use env:NAME.",
        )
    if len(parts.path) < 2:
        raise Unfit("it names no database.", "End it with /NAME.")
    return url


def without_password(url: str) -> str:
    """A database's URL for an operator's eyes."""
    if not url.startswith(_POSTGRESQL):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    return f"{_POSTGRESQL}{name}{colon and ':***'}{at}{host}{parts.path}{parts.query and '?***'}"


@dataclass(frozen=True, slots=True)
class DatabaseName:
    """The name of a table or a column that is there already, letter by letter."""

    kind: str

    def __call__(self, value: object, _: Place, /) -> str:
        content = line(value, longest=128)
        if has_comment(content):
            raise Unfit(f"it is {shown(content)}.", NO_INLINE_COMMENTS)
        return content
