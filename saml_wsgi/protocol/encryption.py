"""Encrypted assertions (XML Encryption 1.1): RSA-OAEP carries a key, AES carries the assertion.

The guard has seen the shape: ciphertext stands in the message itself, and nothing refers anywhere. Each
failure looks the same from outside, and CBC is decrypted only where a verified signature covers the
ciphertext, so that nobody can try out paddings (XML Encryption 1.1, 6.1.2).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from saml_wsgi.errors import Refused
from saml_wsgi.protocol.vocabulary import DS, XENC, XENC11, Element

_XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_XENC11: Final = "http://www.w3.org/2009/xmlenc11#"

#: AES in GCM, with the length of the key in bytes. Authenticated: a changed ciphertext is noticed.
GCM: Final = {_XENC11 + "aes128-gcm": 16, _XENC11 + "aes192-gcm": 24, _XENC11 + "aes256-gcm": 32}
#: CBC, with AES or (pysaml2's only choice) triple DES. Not authenticated.
CBC: Final = {
    _XENC + "aes128-cbc": 16,
    _XENC + "aes192-cbc": 24,
    _XENC + "aes256-cbc": 32,
    _XENC + "tripledes-cbc": 24,
}
#: RSA-OAEP; RSA 1.5 never (its padding can be tried out).
OAEP: Final = frozenset({_XENC + "rsa-oaep-mgf1p", _XENC11 + "rsa-oaep"})
#: What OAEP may hash with. SHA-1 is sound there: nobody needs it to be free of collisions.
OAEP_DIGESTS: Final = {
    "http://www.w3.org/2000/09/xmldsig#sha1": "SHA1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "SHA256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "SHA384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "SHA512",
}
MASKS: Final = {
    _XENC11 + "mgf1sha1": "SHA1",
    _XENC11 + "mgf1sha256": "SHA256",
    _XENC11 + "mgf1sha384": "SHA384",
    _XENC11 + "mgf1sha512": "SHA512",
}


@dataclass(frozen=True, slots=True)
class Decryption:
    """The service provider's key, and what it may decrypt.

    Attributes:
        key: An RSA private key of the cryptography package.
        allow_cbc: ``idp.allow_cbc``.
    """

    key: Any
    allow_cbc: bool = False

    @classmethod
    def from_pem(cls, private_key: str, *, allow_cbc: bool = False) -> Decryption:
        """Parse the key, once."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return cls(load_pem_private_key(private_key.encode(), password=None), allow_cbc)

    def decrypt(self, encrypted: Element, *, covered: bool) -> bytes:
        """The assertion in an EncryptedAssertion, as bytes that nothing has looked at yet.

        Args:
            encrypted: The element, of the shape that the guard lets through.
            covered: Whether a signature that verified covers it.

        Raises:
            Refused: ``encryption_refused`` for CBC where it isn't allowed, and for everything that fails.
        """
        data = encrypted.find(XENC + "EncryptedData")
        algorithm = data.find(XENC + "EncryptionMethod").get("Algorithm")
        if algorithm in CBC and not (self.allow_cbc and covered):
            raise Refused("encryption_refused", f"{algorithm} needs idp.allow_cbc and a signed Response")
        for key in encrypted.iter(XENC + "EncryptedKey"):
            try:
                plaintext = _decrypt(algorithm, self._unwrap(key), _cipher_value(data))
            except Exception:  # noqa: BLE001, S112  # whatever is wrong must look like everything else
                continue
            return plaintext
        raise Refused("encryption_refused", "it can't be decrypted with sp.private_key")

    def _unwrap(self, encrypted_key: Element) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        method = encrypted_key.find(XENC + "EncryptionMethod")
        digest, mask = method.find(DS + "DigestMethod"), method.find(XENC11 + "MGF")
        # Both are SHA-1 where nothing is said (XML Encryption 1.1, 5.5.2).
        hashed = "SHA1" if digest is None else OAEP_DIGESTS[digest.get("Algorithm")]
        masked = "SHA1" if mask is None else MASKS[mask.get("Algorithm")]
        oaep = padding.OAEP(padding.MGF1(getattr(hashes, masked)()), getattr(hashes, hashed)(), None)
        unwrapped: bytes = self.key.decrypt(_cipher_value(encrypted_key), oaep)
        return unwrapped


def _decrypt(algorithm: str, key: bytes, ciphertext: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    if len(key) != (GCM.get(algorithm) or CBC[algorithm]):
        raise ValueError("a key of another length")
    if algorithm in GCM:
        # 96 bits of nonce in front, 128 bits of tag behind (XML Encryption 1.1, 5.2.4).
        return AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], None)
    cipher = TripleDES if algorithm.endswith("tripledes-cbc") else AES
    block = cipher.block_size // 8
    decryptor = Cipher(cipher(key), modes.CBC(ciphertext[:block])).decryptor()
    padded = decryptor.update(ciphertext[block:]) + decryptor.finalize()
    # Only the last byte of the padding says anything (XML Encryption 1.1, 5.2).
    if not padded or not 1 <= padded[-1] <= block:
        raise ValueError("padding")
    return padded[: -padded[-1]]


def _cipher_value(element: Element) -> bytes:
    text = element.find(f"{XENC}CipherData/{XENC}CipherValue").text or ""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
