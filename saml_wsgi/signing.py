"""What is signed by us: cookies, relay states, stored records. One salt a purpose, keys that rotate."""

from __future__ import annotations

import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Sequence
from json import JSONEncoder
from typing import Any, Final

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import SigningAlgorithm

#: What is shorter fits a cookie anyhow; trying to compress it costs more than all the rest.
_WORTH_COMPRESSING: Final = 500


class _HMAC(SigningAlgorithm):
    """HMAC with SHA-256 in one call. The library's own takes three times as long for short texts.

    SHA-256 throughout: the library's default, SHA-1, is sound under HMAC but hard to explain.
    """

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


class _Payload(URLSafeSerializer):
    """A JSON value as URL-safe text. Compresses only what is long."""

    def dump_payload(self, obj: Any) -> bytes:
        json = _encode(obj).encode()
        return base64_encode(json) if len(json) < _WORTH_COMPRESSING else super().dump_payload(obj)


# What json.dumps() makes anew at each call.
_encode: Final = JSONEncoder(separators=(",", ":")).encode
#: The signatures are made beside it, by signers that are made once.
_PAYLOAD: Final = _Payload("unused")


class Keys:
    """The secrets of one service, and what they sign.

    Args:
        secret: Signs everything new. At least 32 characters of randomness.
        fallbacks: Earlier secrets, newest first: still accepted, never used to sign.
        context: Whatever tells this service from another one that was given the same secret (the
            service provider's entity id). It is part of every salt.

    Every purpose has a salt of its own, so that a text signed for one can't be used for another.
    """

    def __init__(self, secret: str, fallbacks: Sequence[str] = (), *, context: str) -> None:
        if not secret:
            raise ValueError("the secret is empty")
        # itsdangerous wants the oldest first and signs with the last.
        self._secrets = [*reversed(fallbacks), secret]
        self._context = hashlib.sha256(context.encode()).hexdigest()[:16]
        self._signers: dict[str, Signer] = {}

    @property
    def tag(self) -> str:
        """Eight characters that tell this service's cookies from another's on the same host."""
        return self._context[:8]

    def sign(self, purpose: str, text: str) -> str:
        """The text, a dot, and a signature of 43 characters."""
        return self._signer(purpose).sign(text).decode("ascii")

    def unsign(self, purpose: str, signed: str) -> str | None:
        """The text, or None if it wasn't signed by us for this purpose."""
        text, dot, signature = signed.rpartition(".")
        try:
            # Lenient decoding would give one signature many spellings, and one session many cookies.
            if not dot or base64_encode(base64_decode(signature)).decode("ascii") != signature:
                return None
            return text if self._signer(purpose).verify_signature(text, signature) else None
        except (BadData, UnicodeError):
            return None

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Bytes with a signature in front: what is kept in a store."""
        return self._signer(purpose).get_signature(data) + b"." + data

    def unseal(self, purpose: str, sealed: bytes) -> bytes | None:
        """What was sealed, or None."""
        signature, dot, data = sealed.partition(b".")
        if dot and self._signer(purpose).verify_signature(data, signature):
            return data
        return None

    def dumps(self, purpose: str, value: Any) -> str:
        """A JSON value as signed, URL-safe text."""
        return self._signer(purpose).sign(_PAYLOAD.dump_payload(value)).decode("ascii")

    def loads(self, purpose: str, text: str) -> Any | None:
        """The JSON value, or None if it wasn't signed by us for this purpose."""
        try:
            return _PAYLOAD.load_payload(self._signer(purpose).unsign(text))
        except (BadData, UnicodeError):
            # BadPayload (signed, but not to be decoded) is BadData too.
            return None

    def _signer(self, purpose: str) -> Signer:
        signer = self._signers.get(purpose)
        if signer is None:
            signer = self._signers[purpose] = Signer(self._derived(purpose), **_SIGNER)
        return signer

    def _derived(self, purpose: str) -> list[bytes]:
        """A key for this purpose of each secret: made once, where the library would make it each time."""
        salt = f"saml_wsgi.{purpose}.v1.{self._context}".encode()
        return [hmac.digest(secret.encode(), salt, "sha256") for secret in self._secrets]


#: Keys are derived here, once.
_SIGNER: Final[dict[str, Any]] = {"key_derivation": "none", "algorithm": _HMAC()}


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def digest(text: str) -> str:
    """A one-way name for something the browser holds: 43 URL-safe characters."""
    hashed = b2a_base64(hashlib.sha256(text.encode()).digest(), newline=False)
    return hashed.translate(_URL_SAFE)[:43].decode("ascii")
