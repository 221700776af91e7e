"""Why a check usually fails, and what to do about it."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from saml_wsgi.protocol import instants
from saml_wsgi.protocol.checks import audiences
from saml_wsgi.protocol.reading import Reading

_CHANGED: Final = (
    "No identity provider is known to send this. Was the message changed since it was captured, by an editor"
    " or a viewer?"
)
_WHOLE: Final = "Was it cut off? Capture the whole value of the form field SAMLResponse."
_ALGORITHM: Final = (
    "Choose SHA-256 at the identity provider (for encryption: AES-GCM with RSA-OAEP). SHA-1 signatures pass"
    " with idp.allow_sha1 = yes."
)
_CLOCK: Final = (
    "The clock of this host is behind, or the identity provider's is ahead: let NTP set it. A larger"
    " idp.clock_skew bridges it. If you gave --at: it is too early."
)
_TIMES: Final = (
    "The identity provider gives no (or no usable) time there, or one that was over when it was issued."
)
_OTHER_APPLICATION: Final = (
    "The response is of another identity provider or of another of its applications, or its IdP Entity ID was"
    " changed: export the metadata again. It is compared letter by letter."
)

#: By code, for what comes before the exact checks.
_BY_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "message_too_large": "Somebody in very many groups needs a larger idp.max_message.",
        "message_malformed": "Give the field's value, the whole form body, or the XML. " + _WHOLE,
        "message_encoding": "It isn't text once it is decoded.",
        "xml_malformed": _WHOLE,
        "xml_forbidden": _CHANGED,
        "shape_refused": _CHANGED,
        "schema_invalid": _CHANGED,
        "algorithm_refused": _ALGORITHM,
        "encryption_refused": (
            "Set sp.private_key and sp.certificate, and give the identity provider that certificate;"
            " or switch encryption off there."
        ),
        "signature_missing": "Let the identity provider sign the Assertion or the Response; see idp.signed.",
        "unsolicited_refused": "idp.unsolicited is refuse: sign-ins have to begin at the application.",
        "not_yet_valid": _CLOCK,
        "expired": _TIMES,
        "too_old": _TIMES,
        "session_too_short": "The session at the identity provider is about to end; see session.idp_end.",
        "authentication_too_old": "See idp.max_authn_age and idp.force_authn.",
        "authn_context_mismatch": "See idp.authn_context; empty, it accepts any.",
        "issuer_mismatch": _OTHER_APPLICATION,
        "in_response_to_mismatch": "The Response and its confirmation must name the same request.",
        "name_id_refused": (
            "It must be one visible text of at most 256 characters, made for this service: choose another"
            " field for the NameID at the identity provider."
        ),
        "version_mismatch": "The identity provider must speak SAML 2.0.",
        "status_mismatch": "The identity provider reports a failure of its own: look into its log.",
        "subject_missing": "Let the identity provider send one NameID in the Subject.",
        "confirmation_mismatch": (
            "Let the identity provider send exactly one bearer confirmation, as for browsers."
        ),
        "conditions_refused": "Let the identity provider send Conditions with an end and our audience only.",
        "attribute_refused": (
            "A name or value has control characters or is very long: correct it at the identity provider, or"
            " don't send it."
        ),
    }
)


def _destination(reading: Reading) -> str:
    return _address(reading.rules.acs_url, reading.root.get("Destination"))


def _recipient(reading: Reading) -> str:
    return _address(reading.rules.acs_url, reading.data.get("Recipient"))


def _address(ours: str, theirs: str | None) -> str:
    if not theirs:
        return "The identity provider must say where it sends the response."
    where = f"Set the ACS URL at the identity provider to {ours}, letter by letter"
    return f"{where} ({_difference(ours, theirs)}). If it is right there, base_url or prefix is wrong here."


def _difference(ours: str, theirs: str) -> str:
    if ours.casefold() == theirs.casefold():
        return "they differ in upper and lower case"
    if ours.rstrip("/") == theirs.rstrip("/"):
        return "they differ in the slash at the end"
    try:
        one, other = urlsplit(ours), urlsplit(theirs)
    except ValueError:
        return "the other one is no URL"
    parts = [
        name
        for name, differs in (
            ("scheme", one.scheme != other.scheme),
            ("host", one.netloc != other.netloc),
            ("path", one.path != other.path),
            ("query", one.query != other.query),
        )
        if differs
    ]
    return f"they differ in {' and '.join(parts)}" if parts else "they differ"


def _audience(reading: Reading) -> str:
    ours = reading.rules.sp_entity_id
    found = [audience for accepted in audiences(reading.conditions) for audience in accepted]
    hint = f"Set the SP Entity ID at the identity provider to {ours}, letter by letter, or sp.entity_id here."
    if len(found) == 1 and found[0]:
        hint = f"{hint} Now {_difference(ours, found[0])}."
    return hint


_BY_CHECK: Final[Mapping[str, Callable[[Reading], str]]] = MappingProxyType(
    {"destination": _destination, "recipient": _recipient, "audience": _audience}
)


def of_code(code: str) -> str:
    """The usual cause of a refusal before the exact checks; ``""`` where there is none."""
    return _BY_CODE.get(code, "")


def of_check(name: str, code: str, reading: Reading) -> str:
    """The usual cause where one of :data:`~saml_wsgi.protocol.checks.CHECKS` failed."""
    special = _BY_CHECK.get(name)
    if special is not None:
        return special(reading)
    hint = of_code(code)
    if code == "not_yet_valid" and (ahead := _ahead(reading)) > 0:
        return f"It was issued {ahead} s later than the time it is checked at. {hint}"
    return hint


def of_bytes(saml_response: bytes) -> str:
    """What a message that can't be decoded seems to be instead; ``""`` if that isn't clear."""
    try:
        data = binascii.a2b_base64(saml_response.translate(None, b" \t\r\n"))
    except (binascii.Error, ValueError):
        return ""
    if data[:2] == b"\x1f\x8b" or data[:4] == b"PK\x03\x04":
        return "It is a compressed file."
    try:
        inflated = zlib.decompressobj(wbits=-15).decompress(data, 64)  # a few bytes tell enough
    except zlib.error:
        inflated = b""
    if inflated.lstrip().startswith(b"<"):
        return (
            "It is deflated, as messages in a query string are (HTTP-Redirect), perhaps a request. Responses"
            " come by HTTP-POST, which doesn't deflate."
        )
    if data.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "It is a web page."
    return ""


def _ahead(reading: Reading) -> int:
    issued = instants.read(str(reading.assertion.get("IssueInstant")))
    return 0 if issued is None else int(issued - reading.now)
