"""Signing keys and certificates of the shape that JumpCloud makes."""

from __future__ import annotations

import base64
import datetime as dt
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

_YEARS = 5


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its self-signed certificate, both PEM.

    JumpCloud's are RSA-4096, SHA-256, valid for exactly five years and without extensions; one per
    application (observed in six certificates of 2020 to 2025). Here 2048 bits are the default, since
    making 4096 takes seconds.
    """

    private_key: bytes = field(repr=False)
    certificate: bytes

    @classmethod
    def generate(
        cls,
        bits: int = 2048,
        days: float | None = None,
        *,
        organisation: str = "Example Organisation",
        not_before: float | None = None,
    ) -> SigningKey:
        """A new key.

        Args:
            bits: Length of the RSA key; 2048 at least.
            days: Validity. None: five years to the second, as JumpCloud does.
            organisation: The subject's O.
            not_before: Begin of validity in seconds since the epoch; now by default.
        """
        private = generate_private_key(public_exponent=65537, key_size=bits)
        return _certified(private, days, organisation, not_before)

    @classmethod
    def cached(cls, label: str = "") -> SigningKey:
        """A key made once in a process for each label, so that a suite of tests stays fast.

        Two labels have different keys: ``cached("rotated")`` after ``cached()`` is a rotation as
        JumpCloud does it, key and certificate at once.
        """
        with _making:  # two threads must not make two keys of one label
            if label not in _made:
                _made[label] = cls.generate(organisation=f"Example Organisation {label}".rstrip())
            return _made[label]

    def reissued(
        self,
        days: float | None = None,
        *,
        organisation: str = "Example Organisation",
        not_before: float | None = None,
    ) -> SigningKey:
        """The same key with a new certificate; arguments as in :meth:`generate`."""
        private = serialization.load_pem_private_key(self.private_key, None)
        assert isinstance(private, RSAPrivateKey)
        return _certified(private, days, organisation, not_before)

    def expired(self, now: float | None = None) -> SigningKey:
        """The same key with a certificate that ended yesterday."""
        return self.reissued(365, not_before=_moment(now).timestamp() - 366 * 86400)

    def about_to_expire(self, days: float = 7, now: float | None = None) -> SigningKey:
        """The same key with a certificate that ends in so many days."""
        return self.reissued(365, not_before=_moment(now).timestamp() - (365 - days) * 86400)

    @classmethod
    def from_pem(cls, private_key: bytes, certificate: bytes) -> SigningKey:
        """A key made elsewhere. ValueError if it isn't RSA, is encrypted, or the two don't match."""
        try:
            private = serialization.load_pem_private_key(private_key, None)
            public = x509.load_pem_x509_certificate(certificate).public_key()
        except TypeError as error:  # what cryptography raises for a key with a passphrase
            raise ValueError("the private key is encrypted") from error
        if not isinstance(private, RSAPrivateKey):
            raise ValueError("JumpCloud signs with RSA keys; this is another kind")  # noqa: TRY004 - the PEM is wrong
        if private.public_key() != public:
            raise ValueError("the certificate belongs to another key")
        return cls(private_key, certificate)

    @classmethod
    def load(cls, path: str | Path) -> SigningKey:
        """Read what :meth:`save` wrote. OSError, or ValueError as :meth:`from_pem`."""
        text = Path(path).read_bytes()
        key, begin, certificate = text.partition(b"-----BEGIN CERTIFICATE-----")
        return cls.from_pem(key, begin + certificate)

    def save(self, path: str | Path) -> None:
        """Write key and certificate into one file that only its owner can read."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # the file may have been there with a wider mode
            file.write(self.private_key + self.certificate)

    @property
    def certificate_base64(self) -> str:
        """The certificate as metadata and ``ds:X509Certificate`` hold it: one line, no header."""
        loaded = x509.load_pem_x509_certificate(self.certificate)
        return base64.b64encode(loaded.public_bytes(serialization.Encoding.DER)).decode("ascii")


_making = threading.Lock()
_made: dict[str, SigningKey] = {}


def _moment(now: float | None) -> dt.datetime:
    if now is None:
        return dt.datetime.now(dt.UTC).replace(microsecond=0)
    return dt.datetime.fromtimestamp(int(now), dt.UTC)


def _certified(
    private: RSAPrivateKey, days: float | None, organisation: str, not_before: float | None
) -> SigningKey:
    begin = _moment(not_before)
    if days is not None:
        end = begin + dt.timedelta(days=days)
    elif (begin.month, begin.day) == (2, 29):  # no such day five years later
        end = begin.replace(year=begin.year + _YEARS, month=3, day=1)
    else:
        end = begin.replace(year=begin.year + _YEARS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "CO"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, "Boulder"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "JumpCloudSAMLIdP"),
            x509.NameAttribute(NameOID.COMMON_NAME, "JumpCloudSAMLUser"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(private, hashes.SHA256())
    )
    return SigningKey(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
