"""Encrypted assertions of every kind, good and bad, made with the cryptography package alone."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from lxml import etree

from saml_wsgi.testing import signer
from saml_wsgi.testing.keys import SigningKey
from tests.attack.scene import Scene
from tests.unit.protocol.tampering import fragment
from tests.unit.protocol.test_signature_wrapping import assertion_of

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
DS = "http://www.w3.org/2000/09/xmldsig#"
HASHES = {
    "SHA1": (hashes.SHA1, f"{DS}sha1", f"{XENC11}mgf1sha1"),
    "SHA256": (hashes.SHA256, f"{XENC}sha256", f"{XENC11}mgf1sha256"),
}


@dataclass(frozen=True)
class Recipe:
    """How an assertion is encrypted.

    Attributes:
        content: ``gcm`` or ``cbc``.
        bits: Length of the AES key.
        transport: ``oaep`` (mgf1p), ``oaep11`` or ``rsa15``.
        digest, mask: Of OAEP.
        key: Label of the key that it is encrypted for.
        said: Another algorithm than the one used, as it stands in the message.
        spoil: ``""``, ``tag``, ``ciphertext``, ``padding``, ``key``, ``short`` or ``base64``.
        beside: Whether the wrapped key stands beside EncryptedData instead of in its KeyInfo.
    """

    content: str = "gcm"
    bits: int = 256
    transport: str = "oaep"
    digest: str = "SHA1"
    mask: str = "SHA1"
    key: str = "service"
    said: str = ""
    spoil: str = ""
    beside: bool = False

    def changed(self, **changes: Any) -> Recipe:
        return replace(self, **changes)


def ciphertext(plaintext: bytes, recipe: Recipe) -> str:
    """The EncryptedAssertion's XML."""
    secret = os.urandom(recipe.bits // 8)
    data, algorithm = _encrypt(plaintext, secret, recipe)
    key = _wrap(secret, recipe)
    inside, outside = ("", key) if recipe.beside else (key, "")
    value = "!!!!" if recipe.spoil == "base64" else base64.b64encode(data).decode()
    return (
        f'<saml:EncryptedAssertion><xenc:EncryptedData Type="{XENC}Element">'
        f'<xenc:EncryptionMethod Algorithm="{recipe.said or algorithm}"/><ds:KeyInfo>{inside}</ds:KeyInfo>'
        f"<xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData>"
        f"</xenc:EncryptedData>{outside}</saml:EncryptedAssertion>"
    ).replace("<ds:KeyInfo></ds:KeyInfo>", "")


def _encrypt(plaintext: bytes, secret: bytes, recipe: Recipe) -> tuple[bytes, str]:
    if recipe.content == "gcm":
        nonce = os.urandom(12)
        data = nonce + AESGCM(secret).encrypt(nonce, plaintext, None)
        if recipe.spoil == "tag":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if recipe.spoil == "ciphertext":
            data = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        if recipe.spoil == "short":
            data = data[:5]
        return data, f"{XENC11}aes{recipe.bits}-gcm"
    missing = 16 - len(plaintext) % 16
    padded = plaintext + b"\0" * (missing - 1) + bytes([0 if recipe.spoil == "padding" else missing])
    vector = os.urandom(16)
    encryptor = Cipher(AES(secret), modes.CBC(vector)).encryptor()
    data = vector + encryptor.update(padded) + encryptor.finalize()
    if recipe.spoil == "ciphertext":
        data = data[:50] + bytes([data[50] ^ 1]) + data[51:]
    if recipe.spoil == "short":
        data = data[:21]
    return data, f"{XENC}aes{recipe.bits}-cbc"


def _wrap(secret: bytes, recipe: Recipe) -> str:
    certificate = x509.load_pem_x509_certificate(SigningKey.cached(recipe.key).certificate)
    digest, mask = HASHES[recipe.digest], HASHES[recipe.mask]
    method = {
        "rsa15": f'<xenc:EncryptionMethod Algorithm="{XENC}rsa-1_5"/>',
        "oaep": f'<xenc:EncryptionMethod Algorithm="{XENC}rsa-oaep-mgf1p">'
        f'<ds:DigestMethod Algorithm="{digest[1]}"/></xenc:EncryptionMethod>',
        "oaep11": f'<xenc:EncryptionMethod Algorithm="{XENC11}rsa-oaep">'
        f'<ds:DigestMethod Algorithm="{digest[1]}"/>'
        f'<e:MGF xmlns:e="{XENC11}" Algorithm="{mask[2]}"/></xenc:EncryptionMethod>',
    }[recipe.transport]
    how: Any = padding.PKCS1v15()
    if recipe.transport != "rsa15":
        how = padding.OAEP(padding.MGF1(mask[0]()), digest[0](), None)
    wrapped = certificate.public_key().encrypt(secret, how)  # type: ignore[union-attr]
    if recipe.spoil == "key":
        wrapped = wrapped[:9] + bytes([wrapped[9] ^ 1]) + wrapped[10:]
    return (
        f"<xenc:EncryptedKey>{method}<xenc:CipherData><xenc:CipherValue>"
        f"{base64.b64encode(wrapped).decode()}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    )


def encrypted(
    scene: Scene,
    recipe: Recipe | None = None,
    *,
    sign: str = "assertion",
    text: Any = None,
    more: Any = None,
    user: str = "mara",
    **how: Any,
) -> Any:
    """The answer with its assertion encrypted.

    Args:
        sign: ``assertion`` is signed before, ``response`` after it is encrypted; ``both``, ``none``.
        text: Changes the bytes of the assertion, after its signature and before it is encrypted.
        more: Changes the tree after it is encrypted, before the Response is signed.
    """
    inner = "assertion" if sign in {"assertion", "both"} else "none"
    form = scene.answer(user, sign=inner, **how)
    tree = etree.fromstring(form.message)
    assertion = assertion_of(tree)
    plaintext = etree.tostring(assertion, method="c14n", exclusive=True)
    plaintext = text(plaintext) if text else plaintext
    tree.replace(assertion, fragment(ciphertext(plaintext, recipe or Recipe())))
    if more is not None:
        more(tree)
    # Parsed anew, since xmlsec finds no ID in a tree that was put together.
    tree = etree.fromstring(etree.tostring(tree))
    if sign in {"response", "both"}:
        signer.sign_element(tree, scene.idp.app("wiki").changed(sign="response"), scene.service.key)
    return type(form).carrying(form.url, etree.tostring(tree))
