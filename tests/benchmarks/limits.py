"""What validating a response can't undercut, and what other libraries take for less than all of it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from saml_wsgi.protocol import engine
from tests.benchmarks.harness import Case, Missing
from tests.benchmarks.subject import Subject

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_XENC = "{http://www.w3.org/2001/04/xmlenc#}"
_MINISAML = "minisaml"


def cases(subject: Subject, message: bytes) -> Iterator[Case | Missing]:
    """The limits for a response whose Response element is signed; its assertion may be encrypted."""
    provider = subject.app.provider
    pem = provider.identity_provider.certificates[0]
    key = engine._public_key(pem)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    own = provider._signing_key.private_key.encode() if provider._signing_key else b""
    open_raw, open_by_hand, opens = _opened_by_xmlsec(own), _opened_by_hand(own), ", decrypt" if own else ""

    def raw() -> None:
        root = etree.fromstring(message)
        context = xmlsec.SignatureContext()
        context.key = key
        context.register_id(root, "ID")
        context.verify(root.find(f"{_DS}Signature"))
        open_raw(root)

    yield Case(f"limit: parse and raw xmlsec verify{opens}, keys loaded", raw)
    yield Case(
        f"limit: parse, exclusive c14n, SHA-256, RSA verify{opens}",
        _by_hand(message, certificate, open_by_hand),
    )
    if own:
        yield Missing(_MINISAML, "it decrypts nothing")
    elif find_spec("minisaml") is None:
        yield Missing(_MINISAML, "PyPI package minisaml is not installed")
    else:
        yield Case(
            _MINISAML, _minisaml(subject, message, certificate), note=f"minisaml {version('minisaml')}"
        )


def _opened_by_xmlsec(private_key: bytes) -> Callable[[Any], object]:
    """Decrypts an assertion with a manager that is made once; without a key there is nothing to do."""
    if not private_key:
        return lambda root: None
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(private_key, xmlsec.constants.KeyDataFormatPem))
    return lambda root: xmlsec.EncryptionContext(manager).decrypt(root.find(f".//{_XENC}EncryptedData"))


def _opened_by_hand(private_key: bytes) -> Callable[[Any], object]:
    """Likewise with RSA-OAEP and AES-GCM themselves."""
    if not private_key:
        return lambda root: None
    key: Any = load_pem_private_key(private_key, None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)

    def opened(root: Any) -> object:
        wrapped, data = (b64decode(value.text) for value in root.iter(f"{_XENC}CipherValue"))
        return etree.fromstring(AESGCM(key.decrypt(wrapped, oaep)).decrypt(data[:12], data[12:], None))

    return opened


def _by_hand(message: bytes, certificate: x509.Certificate, opened: Callable[[Any], object]) -> Any:
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
        opened(root)

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
