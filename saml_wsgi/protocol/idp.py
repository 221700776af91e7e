"""The identity provider: its metadata, read from a file or given inline (SAML 2.0 Metadata).

Metadata is trusted because an operator put it there, so it is read at start and again when the file
changes, never from a network. The last good state is kept when a new one can't be read.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import urllib.parse
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from saml_wsgi.errors import ConfigurationError, IdentityProviderUnavailable, Problem, Refused
from saml_wsgi.interfaces import Clock
from saml_wsgi.protocol import bindings, instants, text
from saml_wsgi.protocol.parser import parse_metadata
from saml_wsgi.protocol.vocabulary import DS, MD, PROTOCOL, Element

_LARGEST_METADATA: Final = 4 * 1024 * 1024
_RE_READ: Final = 5.0
_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z|[0-9a-f:]+\Z"
)
_UNFIT: Final = set('&"<>')


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One identity provider, as far as we need to know it.

    Attributes:
        entity_id: Its entity id: free text at JumpCloud, compared exactly.
        sso_url: Where requests go.
        request_binding: ``redirect`` or ``post``.
        certificates: PEM, one or more, in the order of the metadata.
        valid_until: When the metadata expires, in seconds since the epoch, or None.
    """

    entity_id: str
    sso_url: str
    request_binding: str
    certificates: tuple[str, ...]
    valid_until: float | None = None

    @property
    def is_jumpcloud(self) -> bool:
        """Whether JumpCloud's observed habits apply."""
        host = urllib.parse.urlsplit(self.sso_url).hostname or ""
        return host == "jumpcloud.com" or host.endswith(".jumpcloud.com")


class IdentityProviderSource(Protocol):
    """Knows the identity provider as it is now."""

    def current(self) -> IdentityProvider:
        """The provider. The same object as long as nothing changed.

        Raises:
            IdentityProviderUnavailable: There is none that may be used (the metadata expired).
        """


class Fixed:
    """An identity provider that is known for good, as an IdentityProviderSource."""

    def __init__(self, provider: IdentityProvider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock

    def current(self) -> IdentityProvider:
        return _unexpired(self._provider, self._clock)


class MetadataFile:
    """Metadata in a file, read again when the file changes, as an IdentityProviderSource.

    Args:
        path: The file.
        entity_id: Which entity, where the file has several.
        request_binding: ``auto``, ``redirect`` or ``post``.
        report: Told in a sentence when a changed file was taken over (True) or can't be used (False).

    Raises:
        ConfigurationError: It can't be used at all.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        *,
        entity_id: str | None = None,
        request_binding: str = "auto",
        report: Callable[[bool, str], None],
    ) -> None:
        self._path = path
        self._clock = clock
        self._entity_id = entity_id
        self._request_binding = request_binding
        self._report = report
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._provider = self._read()
        self._looked = clock.monotonic()

    def current(self) -> IdentityProvider:
        now = self._clock.monotonic()
        # Whoever comes second goes on with what there is: nobody waits for a disk.
        if now - self._looked >= _RE_READ and self._lock.acquire(blocking=False):
            try:
                self._looked = now
                self._refresh()
            finally:
                self._lock.release()
        return _unexpired(self._provider, self._clock)

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            provider = self._read()
        except ConfigurationError as error:
            self._stamp = stamp
            self._report(False, str(error) if stamp is not None else f"{self._path} is gone")
            return
        self._stamp = stamp
        self._provider = provider
        self._report(True, f"{self._path} was read again")

    def _read(self) -> IdentityProvider:
        try:
            with Path(self._path).open("rb") as file:
                xml = file.read(_LARGEST_METADATA + 1)
        except OSError as error:
            raise _problem(
                f"the file {self._path!r} can't be read: {error.strerror}.",
                "Export the metadata there, readable for this process.",
            ) from None
        return read_metadata(xml, entity_id=self._entity_id, request_binding=self._request_binding)


def read_metadata(
    xml: bytes, *, entity_id: str | None = None, request_binding: str = "auto"
) -> IdentityProvider:
    """The identity provider that some metadata describes.

    ``auto`` means HTTP-Redirect wherever the metadata declares it, else HTTP-POST. JumpCloud's export
    declares HTTP-POST alone unless a box is ticked, though its one address takes both; there it is
    HTTP-Redirect all the same, which browsers carry their cookies along with.

    Raises:
        ConfigurationError: With the reason and the cure.
    """
    role, found = _role(xml, entity_id)
    locations: dict[str, str] = {}
    for service in role.findall(MD + "SingleSignOnService"):
        locations.setdefault(service.get("Binding", ""), str(service.get("Location", "")).strip())
    if not locations.keys() & {bindings.REDIRECT, bindings.POST}:
        raise _problem(
            "the metadata has no SingleSignOnService with HTTP-Redirect or HTTP-POST.",
            "Export it again from the identity provider.",
        )
    fallback = locations.get(bindings.POST) or locations.get(bindings.REDIRECT, "")
    certificates = tuple(_certificates(role))
    if not certificates:
        raise _problem(
            "the metadata has no signing certificate.",
            "Activate the application at the identity provider, then export its metadata again.",
        )
    provider = IdentityProvider(
        entity_id=check_entity_id(found),
        sso_url=check_sso_url(fallback),
        request_binding="post",
        certificates=certificates,
        valid_until=_valid_until(role),
    )
    chosen = request_binding
    if chosen == "auto":
        chosen = "redirect" if bindings.REDIRECT in locations or provider.is_jumpcloud else "post"
    binding = bindings.REDIRECT if chosen == "redirect" else bindings.POST
    return IdentityProvider(
        entity_id=provider.entity_id,
        sso_url=check_sso_url(locations.get(binding, fallback)),
        request_binding=chosen,
        certificates=certificates,
        valid_until=provider.valid_until,
    )


def check_entity_id(entity_id: str, key: str = "idp.metadata") -> str:
    """Free text, but short and without what would need escaping in somebody's XML."""
    if not entity_id.strip() or len(entity_id) > 256 or _UNFIT & set(entity_id):
        raise _problem(
            f'the entity id {entity_id[:80]!r} is empty, too long, or has one of & " < >.',
            "Set another IdP Entity ID at the identity provider.",
            key,
        )
    return entity_id


def check_sso_url(url: str, key: str = "idp.metadata") -> str:
    """An absolute URL; without TLS on the loopback only."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, host, fits = urllib.parse.SplitResult("", "", "", "", ""), "", False
    if (
        not host
        or not fits
        or parts.fragment
        or parts.username is not None
        or not _HOST.match(host)
        or not url.isascii()
        or not url.isprintable()
        or set(url) & set('"<> \\')
        or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    ):
        raise _problem(
            f"the sign-on address {url[:200]!r} is not an absolute https URL.",
            "Take it from the identity provider as it stands there.",
            key,
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _role(xml: bytes, entity_id: str | None) -> tuple[Element, str]:
    if len(xml) > _LARGEST_METADATA:
        raise _problem("the metadata has more than 4 MiB.", "Take the metadata of one application.")
    try:
        # Only what could be harmful matters here: comments are common in metadata and are skipped.
        root = parse_metadata(xml)
    except Refused as error:
        raise _problem(f"this is not XML metadata ({error.detail[:200]}).", _export(xml)) from None
    entities = [root] if root.tag == MD + "EntityDescriptor" else list(root.iter(MD + "EntityDescriptor"))
    candidates = [
        (role, str(entity.get("entityID", "")))
        for entity in entities
        for role in entity.findall(MD + "IDPSSODescriptor")
        if PROTOCOL in (role.get("protocolSupportEnumeration") or "").split()
    ]
    if entity_id is not None:
        candidates = [candidate for candidate in candidates if candidate[1] == entity_id]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates and entity_id is not None:
        raise _problem(f"the metadata has no identity provider {entity_id!r}.", "Correct idp.entity_id.")
    if not candidates:
        what = "the metadata of a service, not of an identity provider" if entities else "not SAML metadata"
        raise _problem(f"this is {what}.", _export(xml))
    some = ", ".join(repr(name) for _, name in candidates[:5])
    raise _problem(f"the metadata has several identity providers ({some}).", "Set idp.entity_id to one.")


def _export(xml: bytes) -> str:
    hint = "It looks like a web page. " if b"<html" in xml[:2000].lower() else ""
    return f"{hint}Export the metadata file from the identity provider's console."


def _certificates(role: Element) -> list[str]:
    found: list[str] = []
    for descriptor in role.findall(MD + "KeyDescriptor"):
        if descriptor.get("use", "signing") != "signing":
            continue
        for element in descriptor.iterfind(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate"):
            try:
                der = b64decode("".join((element.text or "").split()), validate=True)
            except ValueError:
                raise _problem("a certificate in the metadata isn't base64.", "Export it again.") from None
            body = b64encode(der).decode("ascii")
            lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
            pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
            if pem not in found:
                check_certificate(pem)
                found.append(pem)
    return found


def check_certificate(pem: str, key: str = "idp.metadata") -> datetime:
    """Refuse a certificate whose key is too weak to trust. Returns when it ends."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        public_key = certificate.public_key()
    except Exception as error:  # noqa: BLE001  # cryptography raises several types for what isn't a certificate
        raise _problem(
            f"a certificate can't be read: {text.strip(str(error))[:200]}.", "Export it again.", key
        ) from None
    strong = (isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= 2048) or (
        isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.key_size >= 256
    )
    if not strong:
        raise _problem(
            "a certificate's key is neither RSA with 2048 bits or more nor ECDSA with 256 or more.",
            "Make a new certificate at the identity provider.",
            key,
        )
    return certificate.not_valid_after_utc


def _valid_until(role: Element) -> float | None:
    moments = []
    for element in [role, *role.iterancestors()]:
        if element.get("validUntil") is not None:
            moment = instants.read(element.get("validUntil"))
            if moment is None:
                raise _problem("validUntil of the metadata isn't a time.", "Export it again.")
            moments.append(moment)
    return min(moments, default=None)


def _unexpired(provider: IdentityProvider, clock: Clock) -> IdentityProvider:
    if provider.valid_until is not None and provider.valid_until <= clock.time():
        until = datetime.fromtimestamp(provider.valid_until, UTC)
        raise IdentityProviderUnavailable(f"the metadata of {provider.entity_id!r} ended on {until:%Y-%m-%d}")
    return provider


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _problem(reason: str, cure: str, key: str = "idp.metadata") -> ConfigurationError:
    return ConfigurationError(Problem(key, reason, cure))
