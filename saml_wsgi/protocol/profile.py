"""The profile: what a response must say, checked exactly (SAML 2.0 Profiles, 4.1.4).

Runs after the engine verified the signatures. The Assertion value is built from the element that a
verified signature covers, and from nothing else.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from saml_wsgi.errors import Refused
from saml_wsgi.model import Assertion
from saml_wsgi.protocol import vocabulary
from saml_wsgi.protocol.checks import CHECKS
from saml_wsgi.protocol.engine import Verified
from saml_wsgi.protocol.reading import Reading
from saml_wsgi.protocol.rules import Rules
from saml_wsgi.protocol.vocabulary import SAML, SAMLP, Element

__all__ = [
    "Rules",
    "assertion_of",
    "check",
    "check_refusal",
    "has_assertion",
    "in_response_to",
    "is_transient",
]

_RUNS: Final = tuple(check.run for check in CHECKS)

#: Second-level status codes, in words that a person understands.
_STATUSES: Final = {
    "AuthnFailed": "It couldn't establish who you are.",
    "RequestDenied": "It doesn't allow you to use this application.",
    "NoPassive": "It would have to ask you something first.",
    "NoAuthnContext": "You would have to sign in there in another way.",
    "UnknownPrincipal": "It doesn't know you.",
    "RequestUnsupported": "It didn't understand this application's request.",
    "InvalidNameIDPolicy": "It can't name you as this application asks.",
}


def in_response_to(root: Element) -> str | None:
    """Which request the response claims to answer, or None: unsolicited."""
    claimed = root.get("InResponseTo")
    if claimed is None:
        for data in root.iter(SAML + "SubjectConfirmationData"):
            claimed = data.get("InResponseTo")
            if claimed is not None:
                break
    return None if claimed is None else str(claimed)


def has_assertion(root: Element) -> bool:
    """Whether there is an assertion at all; without one the response is only a status."""
    return any(root.find(SAML + name) is not None for name in ("Assertion", "EncryptedAssertion"))


def check_refusal(root: Element, request_id: str | None) -> Refused:
    """What a response without an assertion says. It isn't signed, so it can only ever refuse."""
    if root.get("InResponseTo") != request_id:
        return Refused("in_response_to_mismatch", "a status for another request")
    codes = [str(code.get("Value", "")) for code in root.iter(SAMLP + "StatusCode")][:4]
    explanation = next(
        (_STATUSES[code.rpartition(":")[2]] for code in codes if code.rpartition(":")[2] in _STATUSES), ""
    )
    return Refused("idp_refused", f"status {codes}", explanation)


def check(
    root: Element, verified: Verified, rules: Rules, *, request_id: str | None, requested: float, now: float
) -> Assertion:
    """Check everything, and build the Assertion.

    Args:
        root: The Response, after guard and engine.
        verified: What the engine verified: the assertion is read from there alone.
        rules: What is demanded.
        request_id: The request that it must answer; None: it must answer none.
        requested: When that request was made (for ``force_authn``).
        now: Seconds since the epoch.

    Raises:
        Refused: With the code of the first thing that is wrong.
    """
    reading = Reading(root, verified.assertion, verified.signed, rules, request_id, requested, now)
    for run in _RUNS:
        run(reading)
    return assertion_of(reading)


def assertion_of(reading: Reading) -> Assertion:
    """What was read, after every check."""
    rules = reading.rules
    return Assertion(
        idp=rules.idp,
        issuer=rules.issuer,
        id=str(reading.assertion.get("ID")),
        name_id=reading.name,
        name_id_format=str(reading.name_id.get("Format", "")),
        attributes=MappingProxyType(reading.attributes),
        session_index=str(reading.statement.get("SessionIndex", "")),
        authn_instant=int(reading.authenticated),
        session_not_on_or_after=reading.session_end,
        expires=int(min(reading.ends)),
        transient=is_transient(reading.name_id, rules),
    )


def is_transient(name_id: Element, rules: Rules) -> bool:
    """Whether a NameID is another one at each sign-in."""
    return name_id.get("Format") == vocabulary.TRANSIENT and not rules.nameid_stable
