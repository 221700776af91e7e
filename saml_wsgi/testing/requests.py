"""AuthnRequests as the test identity provider reads them: bounded, and checked as JumpCloud would."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.metadata import POST, parsed
from saml_wsgi.testing.responses import DS, SAML, SAMLP, Element

_LIMIT: Final = 64 * 1024
_RELAY_STATE_LIMIT: Final = 2048  # SAML bindings §3.4.3 says 80; real identity providers take more
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED: Final = f"{DS}enveloped-signature"
_METHODS: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    f"{DS}rsa-sha1": hashes.SHA1,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512,
}
_DIGESTS: Final = frozenset(
    {
        f"{DS}sha1",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    }
)


class RequestRefused(Exception):
    """A request ends on a page of the identity provider; the message is what the page says."""


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """A request that passed the checks.

    Attributes:
        id: Goes into the answer's InResponseTo.
        issuer: The service provider's entity id.
        acs_url: Where the answer goes; one of the application's.
        relay_state: As sent, or None.
        signed: Whether it had a signature (which then was verified, or ignored by a knob).
        force_authn: ForceAuthn.
        is_passive: IsPassive.
        name_id_format: Of its NameIDPolicy, or ``""``.
        binding: ``redirect`` or ``post``.
    """

    id: str
    issuer: str
    acs_url: str
    relay_state: str | None
    signed: bool
    force_authn: bool
    is_passive: bool
    name_id_format: str
    binding: str


def read_redirect(app: App, query: str) -> AuthnRequest | None:
    """The request in a query string (SAML bindings §3.4), or None if there is none. RequestRefused."""
    raw: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in raw and name in ("SAMLRequest", "RelayState", "SigAlg", "Signature"):
            raise RequestRefused(f"{name} was sent twice.")
        raw[name] = value
    if "SAMLRequest" not in raw:
        return None
    root = _root(_inflated(_decoded(unquote_plus(raw["SAMLRequest"]))))
    signed = "Signature" in raw
    if signed and _must_verify(app):
        _verify_query(app, raw)
    relay_state = unquote_plus(raw["RelayState"]) if "RelayState" in raw else None
    return _checked(app, root, relay_state, signed, "redirect")


def read_post(app: App, body: bytes) -> AuthnRequest | None:
    """The request in a form's body (SAML bindings §3.5), or None if there is none. RequestRefused."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise RequestRefused("The form can't be read.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RequestRefused("A field was sent twice.")
    if "SAMLRequest" not in fields:
        return None
    root = _root(_decoded(fields["SAMLRequest"]))
    signed = root.find(f"{{{DS}}}Signature") is not None
    if signed and _must_verify(app):
        _verify_tree(app, root)
    return _checked(app, root, fields.get("RelayState"), signed, "post")


def _decoded(text: str) -> bytes:
    try:
        message = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RequestRefused("SAMLRequest is not base64.") from None
    if len(message) > _LIMIT:
        raise RequestRefused("SAMLRequest is too large.")
    return message


def _inflated(data: bytes) -> bytes:
    inflator = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        message = inflator.decompress(data, _LIMIT)
    except zlib.error:
        raise RequestRefused("SAMLRequest is not deflated.") from None
    if inflator.unconsumed_tail:
        raise RequestRefused("SAMLRequest is too large.")
    if not inflator.eof:
        raise RequestRefused("SAMLRequest is cut off.")
    return message


def _root(message: bytes) -> Element:
    try:
        root = parsed(message)
    except ValueError as error:
        raise RequestRefused(f"SAMLRequest can't be read: {error}.") from None
    if root.tag != f"{{{SAMLP}}}AuthnRequest":
        raise RequestRefused("SAMLRequest is no AuthnRequest.")
    return root


def _checked(app: App, root: Element, relay_state: str | None, signed: bool, binding: str) -> AuthnRequest:
    if root.get("Version") != "2.0":
        raise RequestRefused("Only SAML 2.0 is spoken here.")
    identifier = root.get("ID", "")
    if not _NCNAME.fullmatch(identifier) or len(identifier) > 256:
        raise RequestRefused("The request has no usable ID.")
    issuer = (root.findtext(f"{{{SAML}}}Issuer") or "").strip()
    if issuer != app.sp_entity_id:
        raise RequestRefused(
            f"The request comes from {issuer!r}, but this application's SP Entity ID is {app.sp_entity_id!r}."
        )
    if root.get("ProtocolBinding", POST) != POST:
        raise RequestRefused("Answers are sent by HTTP-POST only.")
    if not signed and app.sp_certificate and app.shape.unsigned_with_certificate == "refuse":
        raise RequestRefused("The request is not signed, and must be.")
    if relay_state is not None and len(relay_state.encode()) > _RELAY_STATE_LIMIT:
        raise RequestRefused("RelayState is too long.")
    acs_url = root.get("AssertionConsumerServiceURL", app.acs_url)
    if acs_url not in app.acs_urls:
        if app.shape.unregistered_acs == "refuse":
            raise RequestRefused(f"{acs_url!r} is none of this application's ACS URLs.")
        acs_url = app.acs_url
    policy = root.find(f"{{{SAMLP}}}NameIDPolicy")
    return AuthnRequest(
        id=identifier,
        issuer=issuer,
        acs_url=acs_url,
        relay_state=relay_state,
        signed=signed,
        force_authn=_true(root.get("ForceAuthn")),
        is_passive=_true(root.get("IsPassive")),
        name_id_format="" if policy is None else policy.get("Format", ""),
        binding=binding,
    )


def _true(value: str | None) -> bool:
    return value in ("true", "1")


def _must_verify(app: App) -> bool:
    if app.sp_certificate:
        return True
    if app.shape.signed_without_certificate == "refuse":
        raise RequestRefused("The request is signed, but no SP certificate was uploaded.")
    return False


def _public_key(app: App) -> RSAPublicKey:
    try:
        key = x509.load_pem_x509_certificate(app.sp_certificate.encode()).public_key()
    except ValueError:
        raise RequestRefused("The uploaded SP certificate can't be read.") from None
    if not isinstance(key, RSAPublicKey):
        raise RequestRefused("The uploaded SP certificate has no RSA key.")
    return key


def _verify_query(app: App, raw: dict[str, str]) -> None:
    """The signature over the query as it was sent, still encoded (SAML bindings §3.4.4.1)."""
    method = _METHODS.get(unquote_plus(raw.get("SigAlg", "")))
    if method is None:
        raise RequestRefused("The request is signed by an algorithm that isn't known here.")
    signed = "&".join(
        f"{name}={raw[name]}" for name in ("SAMLRequest", "RelayState", "SigAlg") if name in raw
    )
    try:
        signature = base64.b64decode(unquote_plus(raw["Signature"]), validate=True)
        _public_key(app).verify(signature, signed.encode("latin-1"), PKCS1v15(), method())
    except (InvalidSignature, ValueError):
        raise RequestRefused("The request's signature is wrong.") from None


def _verify_tree(app: App, root: Element) -> None:
    """The enveloped signature (SAML core §5.4); its shape is checked before xmlsec follows references."""
    signatures = list(root.iter(f"{{{DS}}}Signature"))
    if len(signatures) != 1 or not _plain(signatures[0], root.get("ID", "")):
        raise RequestRefused("The request's signature has a shape that isn't accepted.")
    _public_key(app)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(app.sp_certificate.encode(), xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.register_id(root, "ID")
        context.verify(signatures[0])
    except xmlsec.Error:
        raise RequestRefused("The request's signature is wrong.") from None


def _plain(signature: Element, identifier: str) -> bool:
    references = list(signature.iter(f"{{{DS}}}Reference"))
    algorithms = [element.get("Algorithm") for element in signature.iter(f"{{{DS}}}Transform")]
    digest = signature.find(f"{{{DS}}}SignedInfo/{{{DS}}}Reference/{{{DS}}}DigestMethod")
    method = signature.find(f"{{{DS}}}SignedInfo/{{{DS}}}SignatureMethod")
    c14n = signature.find(f"{{{DS}}}SignedInfo/{{{DS}}}CanonicalizationMethod")
    return (
        bool(identifier)
        and [reference.get("URI") for reference in references] == [f"#{identifier}"]
        and algorithms in ([_ENVELOPED], [_ENVELOPED, _C14N])
        and digest is not None
        and digest.get("Algorithm") in _DIGESTS
        and method is not None
        and method.get("Algorithm") in _METHODS
        and c14n is not None
        and c14n.get("Algorithm") == _C14N
    )
