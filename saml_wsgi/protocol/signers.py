"""Whose certificate a signature carries, for explanations. Nothing here is ever trusted."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from saml_wsgi.protocol.engine import Engine
from saml_wsgi.protocol.vocabulary import DS, Element

_SHOWN: Final = 16
_CAPTURE: Final = "Capture the raw value of the form field SAMLResponse, not what a viewer makes of it."
_RENEW: Final = (
    "The identity provider's certificate was changed, or this is another application's (at JumpCloud each"
    " has its own): export the metadata again, and put it where idp.metadata says."
)


def carried(element: Element) -> str:
    """The certificate that the element's own signature carries, as PEM, or ``""``."""
    found = element.find(f"{DS}Signature/{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate")
    body = "".join((found.text or "").split()) if found is not None else ""
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" if body else ""


def described(pem: str) -> str:
    """A certificate as an operator compares it: its fingerprint, and when it ends."""
    from cryptography import x509

    try:
        until = f", until {x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc:%Y-%m-%d}"
    except ValueError:
        until = ", unreadable"
    return f"SHA-256 {_fingerprint(pem)[:_SHOWN]}…{until}"


def hint(element: Element, engine: Engine, certificates: Sequence[str]) -> str:
    """Why no configured key verifies the element's signature."""
    pem = carried(element)
    if not pem:
        return (
            "It carries no certificate, so this can't be told apart: it was changed after it was signed, or"
            f" signed with another key. {_RENEW}"
        )
    if _fingerprint(pem) in map(_fingerprint, certificates):
        return (
            "It carries a certificate that is configured, and yet the signature is wrong: it was changed"
            f" after it was signed, perhaps by what shows or indents XML. {_CAPTURE}"
        )
    if engine.is_signed_with(element, pem):
        return f"It is intact, but signed with another certificate: {described(pem)}. {_RENEW}"
    return (
        f"It carries another certificate ({described(pem)}), and was changed after it was signed, too."
        f" {_CAPTURE}"
    )


def _fingerprint(pem: str) -> str:
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    try:
        der = base64.b64decode(body, validate=True)
    except binascii.Error:
        return ""
    return hashlib.sha256(der).hexdigest()
