"""A browser's cookies, by the rules on which a sign-in depends: RFC 6265bis, as Chromium applies it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Final
from urllib.parse import SplitResult, urlsplit

#: A cookie that doesn't say SameSite goes along with another site's POST while it is younger than
#: this (Chromium's "Lax + POST").
LAX_POST_SECONDS: Final = 120

_SIZE_LIMIT: Final = 4096
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SAME_SITE: Final = {"strict": "Strict", "lax": "Lax", "none": "None"}


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie as a browser keeps it.

    Attributes:
        host: The host that set it, or the Domain that it gave.
        host_only: Whether only that very host gets it (no Domain was given).
        same_site: ``Strict``, ``Lax``, ``None``, or ``""`` where nothing was said.
        created: In seconds since the epoch.
        expires: In seconds since the epoch; None: with the browser.
    """

    name: str
    value: str
    host: str
    path: str
    host_only: bool
    secure: bool
    http_only: bool
    same_site: str
    created: float
    expires: float | None


class CookieJar:
    """The cookies of one browser: iterable, oldest first.

    Args:
        time: The time in seconds since the epoch.

    Attributes:
        refused: The ``Set-Cookie`` values that the browser didn't take, with the reason.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._cookies: dict[tuple[str, str, str], Cookie] = {}
        self.refused: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Cookie]:
        now = self._time()
        return iter([kept for kept in self._cookies.values() if kept.expires is None or kept.expires > now])

    def get(self, name: str, host: str = "") -> Cookie | None:
        """The cookie of that name (at that host), or None; the last one kept if there are several."""
        found = [cookie for cookie in self if cookie.name == name and host in ("", cookie.host)]
        return found[-1] if found else None

    def clear(self) -> None:
        """Forget them all, as a person who clears the browser's data."""
        self._cookies.clear()

    def remove(self, cookie: Cookie) -> None:
        """Forget one, as a browser does that refuses it or is told to."""
        self._cookies.pop((cookie.host, cookie.path, cookie.name), None)

    def keep(self, url: str, header: str) -> None:
        """Take one ``Set-Cookie`` value of a response from that URL, or note why not (RFC 6265bis §5.7)."""
        parts = urlsplit(url)
        cookie = _parsed(header, parts, self._time())
        reason = _objection(cookie, parts) or self._overwrites_secure(cookie, parts)
        if reason:
            self.refused.append((header, reason))
            return
        identity = (cookie.host, cookie.path, cookie.name)
        if cookie.expires is not None and cookie.expires <= self._time():
            self._cookies.pop(identity, None)
        else:  # the place in the order stays, the age for Lax + POST begins anew
            self._cookies[identity] = cookie

    def header(
        self, url: str, *, method: str = "GET", initiator: str | None = None, navigation: bool = True
    ) -> str:
        """The ``Cookie`` header for a request, or ``""``.

        Args:
            url: Where the request goes.
            method: GET and HEAD are harmless to SameSite=Lax.
            initiator: The page from which it starts; None: the person typed the address.
            navigation: Whether it loads a page into the tab, not a part of one.
        """
        parts = urlsplit(url)
        same = initiator is None or site(initiator) == site(url)
        chosen = [
            cookie
            for cookie in self
            if _matches(cookie, parts) and (same or self._crosses(cookie, method, navigation))
        ]
        chosen.sort(key=lambda cookie: -len(cookie.path))  # longer paths first, then the older (stable)
        return "; ".join(
            f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in chosen
        )

    def _crosses(self, cookie: Cookie, method: str, navigation: bool) -> bool:
        """Whether the cookie goes along with what another site started."""
        if cookie.same_site == "None":
            return True
        if cookie.same_site == "Strict" or not navigation:
            return False
        young = self._time() - cookie.created < LAX_POST_SECONDS
        return method in _SAFE or (not cookie.same_site and young)

    def _overwrites_secure(self, cookie: Cookie, parts: SplitResult) -> str:
        if cookie.secure or _trustworthy(parts):
            return ""
        shadowed = any(
            kept.secure and kept.name == cookie.name and _within(parts.hostname or "", kept) for kept in self
        )
        return "it would shadow a Secure cookie" if shadowed else ""


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: ``localhost``, a name below it, 127/8, ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def site(url: str) -> tuple[str, str]:
    """Scheme and host: two URLs with the same are one site; ports don't count.

    Browsers compare registrable domains, so that ``a.example.test`` and ``b.example.test`` are one site
    to them. Here they are two, the stricter reading: a cookie that arrives here arrives there.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


def _trustworthy(parts: SplitResult) -> bool:
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _parsed(header: str, parts: SplitResult, now: float) -> Cookie:
    pair, *rest = header.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    given: dict[str, str] = {}
    for attribute in rest:
        key, _, text = attribute.partition("=")
        given[key.strip().lower()] = text.strip()
    domain = given.get("domain", "").lstrip(".").lower()
    path = given.get("path", "")
    return Cookie(
        name=name.strip(),
        value=value.strip(),
        host=domain or parts.hostname or "",
        path=path if path.startswith("/") else _default_path(parts.path),
        host_only=not domain,
        secure="secure" in given,
        http_only="httponly" in given,
        same_site=_SAME_SITE.get(given.get("samesite", "").lower(), ""),
        created=now,
        expires=_expiry(given, now),
    )


def _expiry(given: dict[str, str], now: float) -> float | None:
    """Max-Age goes before Expires; what can't be read counts as not said (RFC 6265bis §5.6.1 and 2)."""
    age = given.get("max-age", "")
    if age.lstrip("-").isdecimal() and age.count("-") <= 1:
        return now + int(age) if int(age) > 0 else 0.0
    date = parsedate_tz(given.get("expires", ""))
    return None if date is None else float(mktime_tz(date))


def _default_path(path: str) -> str:
    return path[: path.rindex("/")] or "/" if path.startswith("/") else "/"


def _objection(cookie: Cookie, parts: SplitResult) -> str:
    prefix = cookie.name.lower()
    guarded = cookie.secure and _trustworthy(parts)  # Chromium counts http on the loopback as secure
    if not cookie.name and not cookie.value:
        return "it has neither name nor value"
    if len(cookie.name.encode()) + len(cookie.value.encode()) > _SIZE_LIMIT:
        return f"it is larger than {_SIZE_LIMIT} bytes"
    if cookie.secure and not _trustworthy(parts):
        return "Secure needs https, or http on this machine"
    if cookie.same_site == "None" and not cookie.secure:
        return "SameSite=None needs Secure"
    if prefix.startswith("__secure-") and not guarded:
        return "__Secure- needs Secure"
    if prefix.startswith("__host-") and not (guarded and cookie.host_only and cookie.path == "/"):
        return "__Host- needs Secure, Path=/ and no Domain"
    if not _within(parts.hostname or "", cookie):
        return "its Domain is another one"
    return ""


def _within(host: str, cookie: Cookie) -> bool:
    return host == cookie.host or (not cookie.host_only and host.endswith(f".{cookie.host}"))


def _matches(cookie: Cookie, parts: SplitResult) -> bool:
    path = parts.path or "/"
    below = path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")
    return _within(parts.hostname or "", cookie) and below and (not cookie.secure or _trustworthy(parts))
