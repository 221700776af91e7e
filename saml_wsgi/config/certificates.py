"""Metadata, certificates and keys: ``file:PATH``, or the text itself.

What is known to be wrong with them is said before anything starts; what merely ends soon is a warning.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from saml_wsgi.config.convert import Place, Unfit, shown, text
from saml_wsgi.config.files import named_file
from saml_wsgi.config.secrets import Secret, secret_text

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

FEWEST_RSA_BITS: Final = 2048
#: Days before the end at which an operator is told, as JumpCloud's own e-mails do.
_NOTICE: Final = 60
_DAY: Final = 24 * 60 * 60
_BEGIN: Final = "-----BEGIN "


@dataclass(frozen=True, slots=True)
class FileOrText:
    """Something that is in a file, which may change, or is given as text. Exactly one is not None.

    Attributes:
        path: Absolute.
    """

    path: str | None = None
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The identity provider's metadata. Here only that it is there; what it says is the protocol's."""

    kind: str = "`file:PATH`, or XML"

    def __call__(self, value: object, place: Place, /) -> FileOrText:
        if isinstance(value, FileOrText):
            value = f"file:{value.path}" if value.path is not None else value.text
        content = text(value)
        if content.startswith("<"):
            return FileOrText(text=content)
        if content.startswith("file:"):
            file = named_file(content, place.here)
            file.check()
            return FileOrText(path=file.path)
        if re.match(r"https?://", content):
            raise Unfit(
                "it is the address of metadata, and nothing is fetched while serving.",
                "Download it, look at it, and write file:PATH.",
            )
        raise Unfit(f"it is {shown(content)}.", "Write file:PATH, or the XML itself, which begins with <.")


@dataclass(frozen=True, slots=True)
class Certificates:
    """One certificate or several, in PEM. Whether their keys are strong enough is the protocol's to say.

    Attributes:
        most: How many.
        role: Whose they are, for messages.
    """

    role: str
    most: int = 16
    kind: str = "`file:PATH`, or PEM"

    def __call__(self, value: object, place: Place, /) -> tuple[str, ...]:
        content = _certificate_text(value, place)
        found = []
        for certificate in _load(content):
            warn_of_term(certificate, place, self.role)
            found.append(_pem(certificate))
        found = list(dict.fromkeys(found))
        if len(found) > self.most:
            raise Unfit(f"it has {len(found)} certificates.", f"At most {self.most} can be given.")
        return tuple(found)


def _certificate_text(value: object, place: Place) -> str:
    entries = value if isinstance(value, list | tuple) else [value]
    content = "\n".join(text(entry) for entry in entries)
    if content.startswith("file:"):
        content = named_file(content, place.here).read()
    elif _BEGIN not in content:
        # Not shown: it may be a key.
        raise Unfit("it is neither file:PATH nor PEM.", "PEM begins with -----BEGIN CERTIFICATE-----.")
    if "PRIVATE KEY-----" in content:
        raise Unfit(
            "it has a private key.", "Only the certificate belongs here, and nobody else may have the key."
        )
    return content


def _load(content: str) -> list[Certificate]:
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            # The library's word on its own future; what it can't load raises.
            warnings.simplefilter("ignore")
            found = x509.load_pem_x509_certificates(content.encode())
    except ValueError:
        found = []
    if not found or len(found) != content.count("-----BEGIN CERTIFICATE-----"):
        raise Unfit(
            "it can't be read as a certificate in PEM.",
            "Copy it whole, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
        )
    return found


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


_IDP: Final = "identity provider"
IDP_CERTIFICATES: Final = Certificates(_IDP)
SP_CERTIFICATE: Final = Certificates("service provider", most=1)


def warn_of_term(certificate: Certificate | str, place: Place, role: str = _IDP) -> None:
    """Warn of a certificate (PEM, or loaded) that ended, ends soon, or isn't valid yet.

    Nothing more than a warning: what counts is the key (SAML 2.0 Metadata Interoperability Profile, 2.6.1).
    """
    loaded = _loaded(certificate)
    if _days_left(loaded) <= _NOTICE:
        cure = f"Make a new one, and upload the new metadata to the {_IDP}."
        if role == _IDP:
            cure = f"Renew it at the {_IDP}, and give the new one here beside the old one."
        place.warn(f"the {role}'s certificate {term(loaded)}.", cure)
    begins = loaded.not_valid_before_utc
    if begins > datetime.now(UTC):
        day = begins.date().isoformat()
        place.warn(f"the {role}'s certificate isn't valid before {day}.", "Check the clock.")


def term(certificate: Certificate | str) -> str:
    """When a certificate (PEM, or loaded) ends, in words: ``ends in 60 days, on 2027-01-31``."""
    loaded = _loaded(certificate)
    days = _days_left(loaded)
    day = loaded.not_valid_after_utc.date().isoformat()
    if days < 0:
        return f"ended on {day}"
    return f"ends in {'1 day' if days == 1 else f'{days} days'}, on {day}"


def _loaded(certificate: Certificate | str) -> Certificate:
    if isinstance(certificate, str):
        (certificate,) = _load(certificate)
    return certificate


def _days_left(certificate: Certificate) -> int:
    return int((certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() // _DAY)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key that signs our requests, in PEM. Arrives as a reference or as a literal."""

    kind: str = "`file:PATH`, `env:NAME`, or PEM"

    def __call__(self, value: object, place: Place, /) -> Secret:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        content = secret_text(value, place)
        cure = "Copy it whole, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----."
        try:
            key = load_pem_private_key(content.encode(), password=None)
        except TypeError:
            raise Unfit(
                "it is encrypted, and there is nobody to ask for the passphrase.",
                "Decrypt it with openssl pkey, into a file that only the server reads.",
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise Unfit("it can't be read as a private key in PEM.", cure) from None
        if not isinstance(key, RSAPrivateKey):
            raise Unfit("it isn't an RSA key.", f"Make an RSA key of at least {FEWEST_RSA_BITS} bits.")
        if key.key_size < FEWEST_RSA_BITS:
            raise Unfit(
                f"it has {key.key_size} bits, which can be broken.",
                f"Make an RSA key of at least {FEWEST_RSA_BITS} bits.",
            )
        return Secret(content)


def belong_together(certificate: str, key: Secret) -> bool:
    """Whether the certificate (PEM) is about this key's public half."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    (loaded,) = _load(certificate)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ours = load_pem_private_key(key.reveal().encode(), password=None).public_key()
    try:
        return loaded.public_key().public_bytes(*form) == ours.public_bytes(*form)
    except (UnsupportedAlgorithm, ValueError):
        return False  # a key of a kind that nobody here knows, so not ours
