"""Requests for a sign-in (SAML 2.0 Core, 3.4.1), and how a browser holds on to one that is pending.

A browser keeps its pending requests in cookies that we sign, so that nobody who isn't signed in makes
us store anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from saml_wsgi.interfaces import Clock
from saml_wsgi.model import PendingRequest
from saml_wsgi.protocol import bindings, instants
from saml_wsgi.signing import Keys, digest

#: How long somebody may take to sign in at the identity provider, in seconds: a new phone, a new password.
PENDING_FOR: Final = 3600

#: A cookie for a pending request has at most so many bytes; the target gives way.
_LARGEST_COOKIE: Final = 900


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An AuthnRequest, ready to be sent.

    Attributes:
        pending: What the browser must keep.
        url: The redirect's target, or the address that the form is posted to.
        fields: The form's fields under HTTP-POST; empty under HTTP-Redirect.
    """

    pending: PendingRequest
    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a browser still holds of a request.

    Attributes:
        done: Whether it was answered: the browser only has to be led to the target.
        at: When it was asked, or answered; in seconds since the epoch.
    """

    request: PendingRequest
    done: bool
    at: int


class PendingRequests:
    """Turns pending requests into the text of a cookie and back, and makes relay states."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def start(self, target: str, idp: str, browser: str = "") -> PendingRequest:
        """A new request, that nobody can guess (SAML 2.0 Core, 1.3.4: 128 bits or more)."""
        now = int(self._clock.time())
        return PendingRequest(
            "_" + secrets.token_hex(20), target, _fingerprint_of_idp(idp), now, fingerprint(browser)
        )

    def pack(self, request: PendingRequest, *, done: bool = False) -> str:
        """The cookie's value. A target that is too long falls back to its path, then to ``/``."""
        for target in (request.target, request.target.partition("?")[0], "/"):
            whose = [request.id, target, request.idp, request.created, request.browser]
            packed = self._keys.dumps("pending", [*whose, int(done), int(self._clock.time())])
            if len(packed) <= _LARGEST_COOKIE:
                break
        return packed

    def unpack(self, packed: str) -> Kept | None:
        """What the browser holds, or None if it isn't ours or is too old."""
        if len(packed) > _LARGEST_COOKIE:
            return None
        value = self._keys.loads("pending", packed)
        try:
            id_, target, idp, created, browser, done, at = value  # type: ignore[misc]  # None is caught
            request = PendingRequest(str(id_), str(target), str(idp), int(created), str(browser))
            kept = Kept(request, bool(done), int(at))
        except (TypeError, ValueError):
            return None
        age = self._clock.time() - kept.request.created
        # A little below zero is another host's clock.
        return kept if -300 <= age < PENDING_FOR else None

    def relay_state(self, attempt: int) -> str:
        """A handle of at most 80 bytes that says: this round trip is ours, and the how-manieth it is."""
        return self._keys.sign("relay", f"{attempt}.{int(self._clock.time()):x}.{secrets.token_urlsafe(6)}")

    def attempt(self, relay_state: str) -> int | None:
        """Which attempt a relay state of ours belongs to; None if it isn't ours or is too old."""
        text = self._keys.unsign("relay", relay_state) if len(relay_state) <= 80 else None
        if text is None:
            return None
        attempt, made, _ = text.split(".", 2)
        age = self._clock.time() - int(made, 16)
        return int(attempt) if -300 <= age < PENDING_FOR else None


def fingerprint(text: str) -> str:
    """Any text in 22 characters, one way: cookies are small."""
    return digest(text)[:22]


@lru_cache(maxsize=32)
def _fingerprint_of_idp(name: str) -> str:
    """There are few, and they are asked for at each request; what browsers hold must not be kept."""
    return fingerprint(name)


def authn_request(
    request: PendingRequest,
    *,
    destination: str,
    acs_url: str,
    issuer: str,
    force_authn: bool,
    authn_context: tuple[str, ...],
) -> bytes:
    """The AuthnRequest's XML. It asks for no NameID format: what is sent is decided at the other side."""
    before, behind = _frame(destination, acs_url, issuer, authn_context, force_authn=force_authn)
    return f'{before}{request.id}" IssueInstant="{instants.write(request.created)}{behind}'.encode()


@lru_cache(maxsize=32)
def _frame(
    destination: str, acs_url: str, issuer: str, authn_context: tuple[str, ...], *, force_authn: bool
) -> tuple[str, str]:
    """What is the same in all requests to one identity provider: before the ID, and behind the time."""
    fresh = ' ForceAuthn="true"' if force_authn else ""
    context = ""
    if authn_context:
        references = "".join(
            f"<saml:AuthnContextClassRef>{escape(reference)}</saml:AuthnContextClassRef>"
            for reference in authn_context
        )
        context = (
            f'<samlp:RequestedAuthnContext Comparison="exact">{references}</samlp:RequestedAuthnContext>'
        )
    before = (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
        ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Version="2.0"'
        f" Destination={quoteattr(destination)} AssertionConsumerServiceURL={quoteattr(acs_url)}"
        f' ProtocolBinding="{bindings.POST}"{fresh} ID="'
    )
    return before, f'"><saml:Issuer>{escape(issuer)}</saml:Issuer>{context}</samlp:AuthnRequest>'
