"""Our cookies: what they are called, how they are set, and how they are taken out of a request.

Mainly two kinds (RFC 6265bis). The session's is ``Lax``. Those of pending requests must come with the
identity provider's cross-site POST, hence ``None; Secure``; only below our prefix.
"""

from __future__ import annotations

import secrets
from typing import Final

from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.requests import PENDING_FOR, Kept, PendingRequests
from saml_wsgi.signing import Keys

#: Fixed slots: however many sign-ins are begun, a browser holds the newest four.
SLOTS: Final = 4

_DIGITS: Final = frozenset(str(slot) for slot in range(SLOTS))

_RESTARTS_FOR: Final = 120


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
        self.turn = f"{prefix}{name}_n"
        self._turn_attributes = self._session_attributes
        self._slots = [f"{prefix}{name}_p{slot}" for slot in range(SLOTS)]
        self._restarts = f"{prefix}{name}_r"
        self._restarts_attributes = f"{own}{secure}; SameSite=Lax"
        if not site.secure and idp_host == site.host:
            # Development on one host: the POST is same-site, and Safari keeps no Secure cookie on http.
            self._slot_attributes = f"{own}; SameSite=Lax"
        else:
            self._slot_attributes = f"{own}; Secure; SameSite=None"

    def set_session(self, value: str) -> tuple[str, str]:
        """It ends with the browser; on the server it ends earlier."""
        return "Set-Cookie", f"{self.session}={value}{self._session_attributes}"

    def clear_session(self) -> tuple[str, str]:
        """Browsers delete a prefixed cookie only if its attributes are repeated."""
        return "Set-Cookie", f"{self.session}=; Max-Age=0{self._session_attributes}"

    def begin(self, header: str, packed: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """Keep a new pending request, in the slot whose turn it is.

        The slots themselves are visible below our prefix only, not where a sign-in begins. So a cookie of
        one digit says which was the last: the fourth tab doesn't displace the first one's request.
        """
        last, _ = take(header, self.turn + "=")
        slot = (int(last) + 1) % SLOTS if last in _DIGITS else secrets.randbelow(SLOTS)
        value = f"{self.turn}={slot}; Max-Age={PENDING_FOR}{self._turn_attributes}"
        return self.set_pending(packed, slot), ("Set-Cookie", value)

    def set_pending(self, packed: str, slot: int) -> tuple[str, str]:
        """Keep a request in a slot."""
        value = f"{self._slots[slot]}={packed}; Max-Age={PENDING_FOR}{self._slot_attributes}"
        return "Set-Cookie", value

    def clear_turn(self) -> tuple[str, str]:
        """Once somebody is signed in, it doesn't matter any more."""
        return "Set-Cookie", f"{self.turn}=; Max-Age=0{self._turn_attributes}"

    def pending(self, header: str) -> dict[int, Kept]:
        """What the browser holds of its requests, by slot."""
        found: dict[int, Kept] = {}
        for slot, name in enumerate(self._slots):
            value, _ = take(header, name + "=")
            kept = self._pending.unpack(value) if value else None
            if kept is not None:
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
    while start > 0 and header[start - 1] != ";" and header[start - 2 : start] != "; ":
        # Inside another cookie's name or value.
        start = header.find(name, start + 1)
    if start < 0:
        return "", header
    end = header.find(";", start)
    if end < 0:
        return header[start + len(name) :].strip(), header[:start].rstrip("; ")
    rest = header[:start] + header[end + 1 :].lstrip()
    return header[start + len(name) : end].strip(), rest
