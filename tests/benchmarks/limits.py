"""What validating a response can't undercut, and what other libraries take for less than all of it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from saml_wsgi.protocol import engine
from tests.benchmarks.harness import Case
from tests.benchmarks.subject import Subject

_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def cases(subject: Subject, message: bytes) -> Iterator[Case]:
    """The limits for a response whose Response element is signed."""
    provider = subject.app.provider
    pem = provider.identity_provider.certificates[0]
    key = engine._public_key(pem)
    certificate = x509.load_pem_x509_certificate(pem.encode())

    def raw() -> None:
        root = etree.fromstring(message)
        context = xmlsec.SignatureContext()
        context.key = key
        context.register_id(root, "ID")
        context.verify(root.find(f"{_DS}Signature"))

    yield Case("limit: parse and raw xmlsec verify, key loaded", raw)
    yield Case("limit: parse, exclusive c14n, SHA-256, RSA verify", _by_hand(message, certificate))
    if find_spec("minisaml") and not provider._signing_key:
        yield Case("minisaml", _minisaml(subject, message, certificate))


def _by_hand(message: bytes, certificate: x509.Certificate) -> Any:
    public_key: Any = certificate.public_key()

    def run() -> None:
        root = etree.fromstring(message)
        signature = root.find(f"{_DS}Signature")
        info = signature.find(f"{_DS}SignedInfo")
        signed = _canonical(info)
        value = b64decode(signature.findtext(f"{_DS}SignatureValue"))
        root.remove(signature)
        digest = hashlib.sha256(_canonical(root)).digest()
        if digest != b64decode(info.findtext(f".//{_DS}DigestValue")):
            raise AssertionError("another digest")
        public_key.verify(value, signed, padding.PKCS1v15(), hashes.SHA256())

    return run


def _canonical(element: Any) -> bytes:
    out = BytesIO()
    etree.ElementTree(element).write_c14n(out, exclusive=True)
    return out.getvalue()


def _minisaml(subject: Subject, message: bytes, certificate: x509.Certificate) -> Any:
    from base64 import b64encode

    from minisaml.response import validate_response

    data = b64encode(message)
    provider = subject.app.provider

    def run() -> None:
        validate_response(
            data=data,
            certificate=certificate,
            expected_audience=provider.entity_id,
            idp_issuer=provider.identity_provider.entity_id,
        )

    return run
