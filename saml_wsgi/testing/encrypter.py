"""Encrypted assertions by python-xmlsec, made after the knobs. JumpCloud itself encrypts nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import xmlsec
from lxml import etree

from saml_wsgi.testing.knobs import App, Shape
from saml_wsgi.testing.responses import DS, SAML, Element

XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"

#: Which namespace an algorithm's name belongs to (XML Encryption 1.1, 5.1).
_CONTENT: Final = {"gcm": XENC11, "cbc": XENC}
_TRANSPORTS: Final = {
    "rsa-oaep-mgf1p": f"{XENC}rsa-oaep-mgf1p",
    "rsa-oaep": f"{XENC11}rsa-oaep",
    "rsa-1_5": f"{XENC}rsa-1_5",
}
_DIGESTS: Final = {
    "sha1": f"{DS}sha1",
    "sha256": f"{XENC}sha256",
    "sha384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "sha512": f"{XENC}sha512",
}


def encrypt(response: Element, app: App) -> None:
    """Replace each assertion of the Response by an EncryptedAssertion, in place, as ``app.encrypt`` says.

    The Response is signed after this, the assertion before it (SAML core §6.2).
    """
    if app.encrypt:
        for assertion in response.findall(f"{{{SAML}}}Assertion"):
            encrypted = encrypted_assertion(etree.tostring(assertion, with_tail=False), app)
            encrypted.tail = assertion.tail
            response.replace(assertion, encrypted)


def encrypted_assertion(plaintext: bytes, app: App) -> Element:
    """An EncryptedAssertion that holds these bytes, whatever they are.

    Raises:
        ValueError: The application doesn't encrypt, or xmlsec can't by these algorithms.
    """
    if not app.encrypt:
        raise ValueError("encrypt: the application doesn't")
    context = xmlsec.EncryptionContext(_manager(app.encryption_certificate or app.sp_certificate))
    bits = int(app.encrypt.removeprefix("aes")[:3])
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession)
    try:
        data = context.encrypt_binary(_template(app), plaintext)
    except xmlsec.Error as error:
        raise ValueError(f"encrypt: {error}") from error
    outer = etree.Element(f"{{{SAML}}}EncryptedAssertion", nsmap={app.shape.assertion_prefix or None: SAML})
    outer.append(data)
    if app.shape.encrypted_key == "beside":
        _move_beside(outer, data)
    for value in outer.iter(f"{{{XENC}}}CipherValue"):
        value.text = app.shape.line_end.join((value.text or "").split())
    return outer


@lru_cache(maxsize=8)
def _manager(certificate: str) -> Any:
    """Kept, because each new one reads all the certificates that OpenSSL trusts, which takes 10 ms."""
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem))
    return manager


def _template(app: App) -> Element:
    """EncryptedData without ciphertext, which xmlsec fills in."""
    data = etree.Element(
        f"{{{XENC}}}EncryptedData",
        {"Type": f"{XENC}Element"},
        nsmap={app.shape.encryption_prefix or None: XENC},
    )
    _method(data, _CONTENT[app.encrypt[-3:]] + app.encrypt)
    info = etree.SubElement(data, f"{{{DS}}}KeyInfo", nsmap={app.shape.signature_prefix or None: DS})
    key = etree.SubElement(info, f"{{{XENC}}}EncryptedKey")
    _parameters(_method(key, _TRANSPORTS[app.shape.key_transport]), app.shape)
    for parent in (key, data):
        etree.SubElement(etree.SubElement(parent, f"{{{XENC}}}CipherData"), f"{{{XENC}}}CipherValue")
    return data


def _method(parent: Element, algorithm: str) -> Element:
    return etree.SubElement(parent, f"{{{XENC}}}EncryptionMethod", {"Algorithm": algorithm})


def _parameters(method: Element, shape: Shape) -> None:
    """What OAEP hashes with; where nothing is said, SHA-1 (XML Encryption 1.1, 5.5.2)."""
    if shape.oaep_digest:
        etree.SubElement(method, f"{{{DS}}}DigestMethod", {"Algorithm": _DIGESTS[shape.oaep_digest]})
    if shape.oaep_mask:
        mask = {"Algorithm": f"{XENC11}mgf1{shape.oaep_mask}"}
        etree.SubElement(method, f"{{{XENC11}}}MGF", mask, nsmap={"xenc11": XENC11})


def _move_beside(outer: Element, data: Element) -> None:
    """The wrapped key next to what it opens, with a pointer to it (SAML core, errata E43)."""
    info: Any = data.find(f"{{{DS}}}KeyInfo")
    key = info[0]
    data.remove(info)
    data.set("Id", "_encrypted-assertion")
    references = etree.SubElement(key, f"{{{XENC}}}ReferenceList")
    etree.SubElement(references, f"{{{XENC}}}DataReference", {"URI": "#_encrypted-assertion"})
    outer.append(key)
