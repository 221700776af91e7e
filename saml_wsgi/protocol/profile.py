"""The profile: what a response must say, checked exactly (SAML 2.0 Profiles, 4.1.4).

Runs after the engine verified the signatures. The Assertion value is built from the element that a
verified signature covers, and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from saml_wsgi.errors import Refused
from saml_wsgi.model import Assertion
from saml_wsgi.protocol import instants, names, text
from saml_wsgi.protocol.engine import Signed, Verified
from saml_wsgi.protocol.names import SAML, SAMLP, Element

#: A session that the identity provider ends so soon would be dead at birth, and sign in for ever.
_SHORTEST_SESSION: Final = 60

#: Conditions that a service may meet without doing anything (SAML 2.0 Core, 2.5.1).
_CONDITIONS: Final = {SAML + "AudienceRestriction", SAML + "OneTimeUse", SAML + "ProxyRestriction"}

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


@dataclass(frozen=True, slots=True)
class Rules:
    """What is demanded of every response. Times are in seconds.

    Attributes:
        idp: The identity provider's name (``idp.name``).
        issuer: Its entity id.
        sp_entity_id: Ours: the audience.
        acs_url: Ours: destination and recipient.
        signed: ``either``, ``assertion``, ``response`` or ``both``.
        clock_skew: How far clocks may differ, in both directions.
        max_age: How old IssueInstant may be.
        max_authn_age: How old AuthnInstant may be, or None.
        max_validity: Caps how long a message is accepted, however long it says.
        force_authn: Whether a fresh authentication was asked for.
        authn_context: Class references of which one is demanded; none: anything goes.
        nameid_stable: Whether a NameID that is labelled transient is one person's for good.
        honour_session_end: Whether SessionNotOnOrAfter ends our session too.
    """

    idp: str
    issuer: str
    sp_entity_id: str
    acs_url: str
    signed: str = "either"
    clock_skew: int = 180
    max_age: int = 300
    max_authn_age: int | None = None
    max_validity: int = 3600
    force_authn: bool = False
    authn_context: tuple[str, ...] = ()
    nameid_stable: bool = False
    honour_session_end: bool = True


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
    signed, assertion = verified.signed, verified.assertion
    _check_response(root, signed, rules, request_id)
    _check_signed(signed, rules)
    if assertion.get("Version") != "2.0":
        raise Refused("version_mismatch", f"Assertion Version {assertion.get('Version')!r}")
    _check_issuer(assertion, rules, required=True)
    issued = _instant(assertion, "IssueInstant", "too_old")
    if issued > now + rules.clock_skew:
        raise Refused("not_yet_valid", _late("IssueInstant", issued, now))
    if issued + rules.max_age + rules.clock_skew <= now:
        raise Refused("too_old", _late("IssueInstant", issued, now))
    bounds = [issued + rules.max_validity]
    bounds.append(_check_confirmation(assertion, rules, request_id, now))
    bounds.append(_check_conditions(assertion, rules, now))
    if min(bounds) + rules.clock_skew <= now:
        raise Refused("expired", _late("idp.max_validity ends", min(bounds), now))
    statement = _check_statement(assertion, rules, requested, now)
    name_id = _name_id(assertion, rules)
    format_ = str(name_id.get("Format", ""))
    return Assertion(
        idp=rules.idp,
        issuer=rules.issuer,
        id=str(assertion.get("ID")),
        name_id=text.name_id(name_id),
        name_id_format=format_,
        attributes=MappingProxyType(text.attributes(assertion)),
        session_index=str(statement.get("SessionIndex", "")),
        authn_instant=int(_instant(statement, "AuthnInstant", "authentication_too_old")),
        session_not_on_or_after=_session_end(statement, rules, now),
        expires=int(min(bounds)),
        transient=format_ == names.TRANSIENT and not rules.nameid_stable,
    )


def _check_response(root: Element, signed: Signed, rules: Rules, request_id: str | None) -> None:
    if root.get("Version") != "2.0":
        raise Refused("version_mismatch", f"Response Version {root.get('Version')!r}")
    if root.get("InResponseTo") != request_id:
        raise Refused("in_response_to_mismatch", _differs(request_id, root.get("InResponseTo")))
    destination = root.get("Destination")
    if destination != rules.acs_url and (signed.response or destination is not None):
        raise Refused("destination_mismatch", _differs(rules.acs_url, destination))
    _check_issuer(root, rules, required=signed.response or signed.encrypted)
    codes = root.findall(f"{SAMLP}Status/{SAMLP}StatusCode")
    if len(codes) != 1 or codes[0].get("Value") != names.SUCCESS:
        raise Refused("status_mismatch", f"status {[code.get('Value') for code in codes]}")


def _check_signed(signed: Signed, rules: Rules) -> None:
    # Either signature covers the assertion: the guard lets only one through, inside the Response.
    wanted = {
        "either": signed.response or signed.assertion,
        "assertion": signed.assertion,
        "response": signed.response,
        "both": signed.response and signed.assertion,
    }
    if not wanted[rules.signed]:
        raise Refused("signature_missing", f"idp.signed = {rules.signed}, verified: {signed}")


def _check_issuer(element: Element, rules: Rules, *, required: bool) -> None:
    issuer = element.find(SAML + "Issuer")
    if issuer is None:
        if required:
            raise Refused("issuer_mismatch", f"expected {rules.issuer!r}, there is none")
        return
    # Free text at JumpCloud: compared as it is, case and all. Only the white space around it is layout.
    if len(issuer) or text.strip(issuer.text) != rules.issuer:
        raise Refused("issuer_mismatch", _differs(rules.issuer, issuer.text))
    # An entity id, or else the same text names something of another kind (SAML 2.0 Profiles, 4.1.4.2).
    if issuer.get("Format") not in {None, names.ENTITY}:
        raise Refused("issuer_mismatch", f"the Issuer's Format is {issuer.get('Format')!r:.300}")


def _check_confirmation(assertion: Element, rules: Rules, request_id: str | None, now: float) -> float:
    """One bearer confirmation (SAML 2.0 Profiles, 4.1.4.2). Returns its NotOnOrAfter."""
    subject = assertion.find(SAML + "Subject")
    if subject is None:
        raise Refused("subject_missing", "the assertion has no Subject")
    bearers = [
        confirmation
        for confirmation in subject.findall(SAML + "SubjectConfirmation")
        if confirmation.get("Method") == names.BEARER
    ]
    if len(bearers) != 1:
        raise Refused("confirmation_mismatch", f"{len(bearers)} bearer confirmations instead of 1")
    data = bearers[0].find(SAML + "SubjectConfirmationData")
    if data is None:
        raise Refused("confirmation_mismatch", "a bearer confirmation without data")
    if data.get("Recipient") != rules.acs_url:
        raise Refused("recipient_mismatch", _differs(rules.acs_url, data.get("Recipient")))
    if data.get("InResponseTo") != request_id:
        raise Refused("in_response_to_mismatch", _differs(request_id, data.get("InResponseTo")))
    end = _instant(data, "NotOnOrAfter", "expired")
    if end + rules.clock_skew <= now:
        raise Refused("expired", _late("SubjectConfirmationData NotOnOrAfter", end, now))
    _check_start(data, rules, now)
    return end


def _check_conditions(assertion: Element, rules: Rules, now: float) -> float:
    """All of the Conditions (SAML 2.0 Core, 2.5.1). Returns their NotOnOrAfter."""
    conditions = assertion.find(SAML + "Conditions")
    if conditions is None:
        raise Refused("conditions_refused", "there are no Conditions")
    end = _instant(conditions, "NotOnOrAfter", "expired")
    if end + rules.clock_skew <= now:
        raise Refused("expired", _late("Conditions NotOnOrAfter", end, now))
    _check_start(conditions, rules, now)
    for condition in conditions:
        if condition.tag not in _CONDITIONS:
            raise Refused("conditions_refused", f"unknown condition {condition.tag!r}")
    restrictions = conditions.findall(SAML + "AudienceRestriction")
    # Every restriction must hold; within one, any audience will do (SAML 2.0 Core, 2.5.1.4).
    audiences = [
        [text.strip(audience.text) for audience in restriction if not len(audience)]
        for restriction in restrictions
    ]
    if not audiences or not all(rules.sp_entity_id in accepted for accepted in audiences):
        raise Refused("audience_mismatch", f"expected {rules.sp_entity_id!r}, received {audiences!r:.500}")
    return end


def _check_start(element: Element, rules: Rules, now: float) -> None:
    if element.get("NotBefore") is not None:
        start = _instant(element, "NotBefore", "not_yet_valid")
        if start > now + rules.clock_skew:
            raise Refused("not_yet_valid", _late("NotBefore", start, now))


def _check_statement(assertion: Element, rules: Rules, requested: float, now: float) -> Element:
    statements = assertion.findall(SAML + "AuthnStatement")
    if len(statements) != 1:
        raise Refused("authn_context_mismatch", f"{len(statements)} AuthnStatements instead of 1")
    statement = statements[0]
    instant = _instant(statement, "AuthnInstant", "authentication_too_old")
    if instant > now + rules.clock_skew:
        raise Refused("not_yet_valid", _late("AuthnInstant", instant, now))
    if rules.force_authn and instant + rules.clock_skew < requested:
        raise Refused("authentication_too_old", _late("AuthnInstant before the request", instant, requested))
    if rules.max_authn_age is not None and instant + rules.max_authn_age + rules.clock_skew <= now:
        raise Refused("authentication_too_old", _late("AuthnInstant", instant, now))
    classes = [
        text.strip(reference.text)
        for reference in statement.findall(f"{SAML}AuthnContext/{SAML}AuthnContextClassRef")
    ]
    # One that is there names something (SAML 2.0 Core, 1.3.2).
    if "" in classes:
        raise Refused("authn_context_mismatch", "an AuthnContextClassRef is empty")
    if rules.authn_context and (len(classes) != 1 or classes[0] not in rules.authn_context):
        raise Refused("authn_context_mismatch", f"received {classes!r:.500}")
    return statement


def _session_end(statement: Element, rules: Rules, now: float) -> int | None:
    if statement.get("SessionNotOnOrAfter") is None or not rules.honour_session_end:
        return None
    end = _instant(statement, "SessionNotOnOrAfter", "session_too_short")
    if end < now + _SHORTEST_SESSION:
        raise Refused("session_too_short", _late("SessionNotOnOrAfter", end, now))
    return int(end)


def _name_id(assertion: Element, rules: Rules) -> Element:
    found = assertion.findall(f"{SAML}Subject/{SAML}NameID")
    if len(found) != 1:
        raise Refused("subject_missing", f"{len(found)} NameIDs instead of 1")
    name_id = found[0]
    # Any format will do, but one that is there names something (SAML 2.0 Core, 1.3.2).
    if not text.strip(name_id.get("Format", names.UNSPECIFIED)):
        raise Refused("name_id_refused", "the NameID's Format is empty")
    # A name that was made for another service means nobody here (SAML 2.0 Core, 2.2.2). Some send it empty.
    qualifier = name_id.get("SPNameQualifier", "")
    if qualifier not in {"", rules.sp_entity_id}:
        raise Refused("name_id_refused", f"SPNameQualifier: {_differs(rules.sp_entity_id, qualifier)}")
    return name_id


def _instant(element: Element, attribute: str, code: str) -> float:
    value = element.get(attribute)
    moment = instants.read(value) if value is not None else None
    if moment is None:
        raise Refused(code, f"{attribute} is {value!r}")
    return moment


def _differs(expected: str | None, received: str | None) -> str:
    return f"expected {expected!r}, received {received!r:.500}"


def _late(what: str, moment: float, now: float) -> str:
    return f"{what} {instants.write(moment)}, compared with {instants.write(now)}"
