"""Our cookies: what they are called, how they are set, and how they are taken out of a request.

Mainly two kinds (RFC 6265bis). The session's is ``Lax``. Those of pending requests must come with the
identity provider's cross-site POST, hence ``None; Secure``; only below our prefix.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.requests import PENDING_FOR, Kept, PendingRequests, fingerprint
from saml_wsgi.signing import Keys

#: Fixed slots: however many sign-ins are begun, a browser holds the newest four.
SLOTS: Final = 4

#: Longer than any request is pending.
_BROWSER_FOR: Final = 2 * PENDING_FOR
_TURN: Final = re.compile(r"([0-3])([A-Za-z0-9_-]{22})\Z")

_RESTARTS_FOR: Final = 120


@dataclass(frozen=True, slots=True)
class Turn:
    """What tells one browser from another, and which slot it may use next.

    Attributes:
        browser: 128 random bits that no other host can have put there.
    """

    browser: str
    slot: int


class Cookies:
    """The cookies of one site.

    Args:
        site: Where they belong.
        keys: Sign them, and give their names a tag, since cookies ignore ports: two applications on
            one host keep out of each other's way.
        pending: Reads and writes what pending requests' cookies hold.
        idp_host: The identity provider's host.
    """

    def __init__(self, site: Site, keys: Keys, pending: PendingRequests, *, idp_host: str) -> None:
        name = f"saml_wsgi_{keys.tag}"
        self._keys = keys
        self._pending = pending
        secure = "; Secure" if site.secure else ""
        # __Host- keeps every other host and path from setting it; with a path of our own it can't be had.
        prefix = "" if not site.secure else "__Secure-" if site.path else "__Host-"
        self.session = f"{prefix}{name}"
        self._session_attributes = f"; Path={site.path or '/'}; HttpOnly{secure}; SameSite=Lax"
        own = f"; Path={site.path}{site.prefix}; HttpOnly"
        prefix = "__Secure-" if site.secure else ""
        # At the host's root and __Host- in any case: the hosts beside this one can set every other cookie
        # of a request, and with it sign somebody in as somebody else. This one they can't.
        self.browser = f"{'__Host-' if site.secure else ''}{name}_b"
        self._slots = [f"{prefix}{name}_p{slot}" for slot in range(SLOTS)]
        self._restarts = f"{prefix}{name}_r"
        self._restarts_attributes = f"{own}{secure}; SameSite=Lax"
        # Development on one host: the POST is same-site, and Safari keeps no Secure cookie on http.
        one_host = not site.secure and idp_host == site.host
        on_post = "; SameSite=Lax" if one_host else "; Secure; SameSite=None"
        self._slot_attributes = own + on_post
        self._browser_attributes = f"; Path=/; HttpOnly{on_post}"

    def set_session(self, value: str) -> tuple[str, str]:
        """It ends with the browser; on the server it ends earlier."""
        return "Set-Cookie", f"{self.session}={value}{self._session_attributes}"

    def clear_session(self) -> tuple[str, str]:
        """Browsers delete a prefixed cookie only if its attributes are repeated."""
        return "Set-Cookie", f"{self.session}=; Max-Age=0{self._session_attributes}"

    def turn(self, header: str) -> Turn:
        """This browser's turn: the slots themselves are visible below our prefix only.

        One that is new to us gets a text of its own and draws its first slot. From then on the slots take
        turns: the fourth tab doesn't displace the first one's request.
        """
        known = _TURN.match(take(header, self.browser + "=")[0])
        if known:
            return Turn(known[2], (int(known[1]) + 1) % SLOTS)
        return Turn(secrets.token_urlsafe(16), secrets.token_bytes(1)[0] % SLOTS)

    def begin(self, packed: str, turn: Turn) -> tuple[tuple[str, str], tuple[str, str]]:
        """Keep a new pending request of this browser."""
        value = f"{self.browser}={turn.slot}{turn.browser}; Max-Age={_BROWSER_FOR}{self._browser_attributes}"
        return self.set_pending(packed, turn.slot), ("Set-Cookie", value)

    def set_pending(self, packed: str, slot: int) -> tuple[str, str]:
        """Keep a request in a slot."""
        value = f"{self._slots[slot]}={packed}; Max-Age={PENDING_FOR}{self._slot_attributes}"
        return "Set-Cookie", value

    def pending(self, header: str) -> dict[int, Kept]:
        """What this very browser asked for, by slot. What another one asked for isn't there."""
        known = _TURN.match(take(header, self.browser + "=")[0])
        browser = fingerprint(known[2] if known else "")
        found: dict[int, Kept] = {}
        for slot, name in enumerate(self._slots):
            value, _ = take(header, name + "=")
            kept = self._pending.unpack(value) if value else None
            if kept is not None and kept.request.browser == browser:
                found[slot] = kept
        return found

    def restarts(self, header: str, now: float) -> int | None:
        """How often this browser was sent on another round trip lately; None: it shows no cookie."""
        value, _ = take(header, self._restarts + "=")
        text = self._keys.unsign("restart", value) if value else None
        if text is None:
            return None
        count, at = text.split(".")
        return int(count) if now - int(at) < _RESTARTS_FOR else 0

    def set_restarts(self, count: int, now: float) -> tuple[str, str]:
        value = self._keys.sign("restart", f"{count}.{int(now)}")
        attributes = f"; Max-Age={_RESTARTS_FOR}{self._restarts_attributes}"
        return "Set-Cookie", f"{self._restarts}={value}{attributes}"


def take(header: str, name: str) -> tuple[str, str]:
    """One cookie's value, and the header without it. ``name`` ends with ``=``.

    A plain scan, since this runs at every request: SimpleCookie costs fifty times as much. Of two
    cookies with one name the first counts, which is the one with the longer path (RFC 6265, 5.4).
    """
    start = header.find(name)
    while start > 0 and header[start - 2 : start] != "; " and not header[:start].rstrip(" \t").endswith(";"):
        # Inside another cookie's name or value.
        start = header.find(name, start + 1)
    if start < 0:
        return "", header
    end = header.find(";", start)
    if end < 0:
        return header[start + len(name) :].strip(), header[:start].rstrip("; ")
    rest = header[:start] + header[end + 1 :].lstrip()
    return header[start + len(name) : end].strip(), rest
