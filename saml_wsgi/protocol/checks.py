"""The exact checks of a response, each by its name (SAML 2.0 Profiles, 4.1.4).

They stand in one table, in the order in which they are made: signing in stops at the first that fails
(:func:`saml_wsgi.protocol.profile.check`), an explanation goes through all of them.
"""

from __future__ import annotations

from typing import Final

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import instants, text, vocabulary
from saml_wsgi.protocol.reading import Check, Reading
from saml_wsgi.protocol.rules import Rules
from saml_wsgi.protocol.vocabulary import SAML, SAMLP, Element

#: A session that the identity provider ends so soon would be dead at birth, and sign in for ever.
SHORTEST_SESSION: Final = 60

#: Conditions that a service may meet without doing anything (SAML 2.0 Core, 2.5.1).
_CONDITIONS: Final = {SAML + "AudienceRestriction", SAML + "OneTimeUse", SAML + "ProxyRestriction"}


# -- the Response around the assertion --


def _response_version(reading: Reading) -> None:
    if reading.root.get("Version") != "2.0":
        raise Refused("version_mismatch", f"Response Version {reading.root.get('Version')!r}")


def _in_response_to(reading: Reading) -> None:
    _answers(reading.root, reading)


def _destination(reading: Reading) -> None:
    destination, acs_url = reading.root.get("Destination"), reading.rules.acs_url
    if destination != acs_url and (reading.signed.response or destination is not None):
        raise Refused("destination_mismatch", _differs(acs_url, destination))


def _response_issuer(reading: Reading) -> None:
    required = reading.signed.response or reading.signed.encrypted
    _issuer(reading.root, reading.rules, required=required)


def _status(reading: Reading) -> None:
    codes = reading.root.findall(f"{SAMLP}Status/{SAMLP}StatusCode")
    if len(codes) != 1 or codes[0].get("Value") != vocabulary.SUCCESS:
        raise Refused("status_mismatch", f"status {[code.get('Value') for code in codes]}")


# -- who says so, and when --


def _signed(reading: Reading) -> None:
    # Either signature covers the assertion: the guard lets only one through, inside the Response.
    signed = reading.signed
    wanted = {
        "either": signed.response or signed.assertion,
        "assertion": signed.assertion,
        "response": signed.response,
        "both": signed.response and signed.assertion,
    }
    if not wanted[reading.rules.signed]:
        raise Refused("signature_missing", f"idp.signed = {reading.rules.signed}, verified: {signed}")


def _assertion_version(reading: Reading) -> None:
    if reading.assertion.get("Version") != "2.0":
        raise Refused("version_mismatch", f"Assertion Version {reading.assertion.get('Version')!r}")


def _assertion_issuer(reading: Reading) -> None:
    _issuer(reading.assertion, reading.rules, required=True)


def _issued(reading: Reading) -> None:
    rules, now = reading.rules, reading.now
    issued = _instant(reading.assertion, "IssueInstant", "too_old")
    if issued > now + rules.clock_skew:
        raise Refused("not_yet_valid", _late("IssueInstant", issued, now))
    if issued + rules.max_age + rules.clock_skew <= now:
        raise Refused("too_old", _late("IssueInstant", issued, now))
    reading.ends.append(issued + rules.max_validity)


# -- one bearer confirmation (SAML 2.0 Profiles, 4.1.4.2) --


def _confirmation(reading: Reading) -> None:
    subject = reading.assertion.find(SAML + "Subject")
    if subject is None:
        raise Refused("subject_missing", "the assertion has no Subject")
    bearers = [
        confirmation
        for confirmation in subject.findall(SAML + "SubjectConfirmation")
        if confirmation.get("Method") == vocabulary.BEARER
    ]
    if len(bearers) != 1:
        raise Refused("confirmation_mismatch", f"{len(bearers)} bearer confirmations instead of 1")
    data = bearers[0].find(SAML + "SubjectConfirmationData")
    if data is None:
        raise Refused("confirmation_mismatch", "a bearer confirmation without data")
    reading.data = data


def _recipient(reading: Reading) -> None:
    recipient, acs_url = reading.data.get("Recipient"), reading.rules.acs_url
    if recipient != acs_url:
        raise Refused("recipient_mismatch", _differs(acs_url, recipient))


def _confirmed_request(reading: Reading) -> None:
    _answers(reading.data, reading)


def _confirmation_end(reading: Reading) -> None:
    _end(reading.data, "SubjectConfirmationData NotOnOrAfter", reading)


def _confirmation_start(reading: Reading) -> None:
    _start(reading.data, reading)


# -- all of the Conditions (SAML 2.0 Core, 2.5.1) --


def _there_are_conditions(reading: Reading) -> None:
    conditions = reading.assertion.find(SAML + "Conditions")
    if conditions is None:
        raise Refused("conditions_refused", "there are no Conditions")
    reading.conditions = conditions


def _conditions_end(reading: Reading) -> None:
    _end(reading.conditions, "Conditions NotOnOrAfter", reading)


def _conditions_start(reading: Reading) -> None:
    _start(reading.conditions, reading)


def _conditions_known(reading: Reading) -> None:
    for condition in reading.conditions:
        if condition.tag not in _CONDITIONS:
            raise Refused("conditions_refused", f"unknown condition {condition.tag!r}")


def _audience(reading: Reading) -> None:
    expected, accepted = reading.rules.sp_entity_id, audiences(reading.conditions)
    # Every restriction must hold; within one, any audience will do (SAML 2.0 Core, 2.5.1.4).
    if not accepted or not all(expected in restriction for restriction in accepted):
        raise Refused("audience_mismatch", f"expected {expected!r}, received {accepted!r:.500}")


def audiences(conditions: Element) -> list[list[str]]:
    """For each AudienceRestriction, whom it lets have the assertion."""
    return [
        [text.strip(audience.text) for audience in restriction if not len(audience)]
        for restriction in conditions.findall(SAML + "AudienceRestriction")
    ]


def _max_validity(reading: Reading) -> None:
    end = min(reading.ends)
    if end + reading.rules.clock_skew <= reading.now:
        raise Refused("expired", _late("idp.max_validity ends", end, reading.now))


# -- how they authenticated --


def _statement(reading: Reading) -> None:
    statements = reading.assertion.findall(SAML + "AuthnStatement")
    if len(statements) != 1:
        raise Refused("authn_context_mismatch", f"{len(statements)} AuthnStatements instead of 1")
    reading.statement = statements[0]


def _authn_instant(reading: Reading) -> None:
    instant = _instant(reading.statement, "AuthnInstant", "authentication_too_old")
    if instant > reading.now + reading.rules.clock_skew:
        raise Refused("not_yet_valid", _late("AuthnInstant", instant, reading.now))
    reading.authenticated = instant


def _force_authn(reading: Reading) -> None:
    rules, instant = reading.rules, reading.authenticated
    if rules.force_authn and instant + rules.clock_skew < reading.requested:
        what = _late("AuthnInstant before the request", instant, reading.requested)
        raise Refused("authentication_too_old", what)


def _max_authn_age(reading: Reading) -> None:
    rules, instant = reading.rules, reading.authenticated
    if rules.max_authn_age is not None and instant + rules.max_authn_age + rules.clock_skew <= reading.now:
        raise Refused("authentication_too_old", _late("AuthnInstant", instant, reading.now))


def _authn_context(reading: Reading) -> None:
    classes, accepted = authn_classes(reading.statement), reading.rules.authn_context
    # One that is there names something (SAML 2.0 Core, 1.3.2).
    if "" in classes:
        raise Refused("authn_context_mismatch", "an AuthnContextClassRef is empty")
    if accepted and (len(classes) != 1 or classes[0] not in accepted):
        raise Refused("authn_context_mismatch", f"received {classes!r:.500}")


def authn_classes(statement: Element) -> list[str]:
    """The classes of authentication that are asserted."""
    found = statement.findall(f"{SAML}AuthnContext/{SAML}AuthnContextClassRef")
    return [text.strip(reference.text) for reference in found]


# -- about whom --


def _name_id(reading: Reading) -> None:
    found = reading.assertion.findall(f"{SAML}Subject/{SAML}NameID")
    if len(found) != 1:
        raise Refused("subject_missing", f"{len(found)} NameIDs instead of 1")
    name_id = found[0]
    # Any format will do, but one that is there names something (SAML 2.0 Core, 1.3.2).
    if not text.strip(name_id.get("Format", vocabulary.UNSPECIFIED)):
        raise Refused("name_id_refused", "the NameID's Format is empty")
    # A name that was made for another service means nobody here (SAML 2.0 Core, 2.2.2). Some send it empty.
    qualifier, ours = name_id.get("SPNameQualifier", ""), reading.rules.sp_entity_id
    if qualifier not in {"", ours}:
        raise Refused("name_id_refused", f"SPNameQualifier: {_differs(ours, qualifier)}")
    reading.name_id = name_id


def _name(reading: Reading) -> None:
    reading.name = text.name_id(reading.name_id)


def _attributes(reading: Reading) -> None:
    reading.attributes = text.attributes(reading.assertion)


def _session_end(reading: Reading) -> None:
    if reading.statement.get("SessionNotOnOrAfter") is None or not reading.rules.honour_session_end:
        return
    end = _instant(reading.statement, "SessionNotOnOrAfter", "session_too_short")
    if end < reading.now + SHORTEST_SESSION:
        raise Refused("session_too_short", _late("SessionNotOnOrAfter", end, reading.now))
    reading.session_end = int(end)


CHECKS: Final = (
    Check("response_version", _response_version, of_assertion=False),
    Check("in_response_to", _in_response_to, of_assertion=False),
    Check("destination", _destination, of_assertion=False),
    Check("response_issuer", _response_issuer, of_assertion=False),
    Check("status", _status, of_assertion=False),
    Check("signed", _signed, of_assertion=False),
    Check("assertion_version", _assertion_version),
    Check("assertion_issuer", _assertion_issuer),
    Check("issued", _issued),
    Check("confirmation", _confirmation),
    Check("recipient", _recipient, "confirmation"),
    Check("confirmed_request", _confirmed_request, "confirmation"),
    Check("confirmation_end", _confirmation_end, "confirmation"),
    Check("confirmation_start", _confirmation_start, "confirmation"),
    Check("conditions", _there_are_conditions),
    Check("conditions_end", _conditions_end, "conditions"),
    Check("conditions_start", _conditions_start, "conditions"),
    Check("conditions_known", _conditions_known, "conditions"),
    Check("audience", _audience, "conditions"),
    Check("max_validity", _max_validity, "issued"),
    Check("statement", _statement),
    Check("authn_instant", _authn_instant, "statement"),
    Check("force_authn", _force_authn, "authn_instant"),
    Check("max_authn_age", _max_authn_age, "authn_instant"),
    Check("authn_context", _authn_context, "statement"),
    Check("name_id", _name_id),
    Check("name", _name, "name_id"),
    Check("attributes", _attributes),
    Check("session_end", _session_end, "statement"),
)


# -- what several of them ask --


def _answers(element: Element, reading: Reading) -> None:
    claimed = element.get("InResponseTo")
    if claimed != reading.request_id:
        raise Refused("in_response_to_mismatch", _differs(reading.request_id, claimed))


def _issuer(element: Element, rules: Rules, *, required: bool) -> None:
    issuer = element.find(SAML + "Issuer")
    if issuer is None:
        if required:
            raise Refused("issuer_mismatch", f"expected {rules.issuer!r}, there is none")
        return
    # Free text at JumpCloud: compared as it is, case and all. Only the white space around it is layout.
    if len(issuer) or text.strip(issuer.text) != rules.issuer:
        raise Refused("issuer_mismatch", _differs(rules.issuer, issuer.text))
    # An entity id, or else the same text names something of another kind (SAML 2.0 Profiles, 4.1.4.2).
    if issuer.get("Format") not in {None, vocabulary.ENTITY}:
        raise Refused("issuer_mismatch", f"the Issuer's Format is {issuer.get('Format')!r:.300}")


def _end(element: Element, what: str, reading: Reading) -> None:
    end = _instant(element, "NotOnOrAfter", "expired")
    if end + reading.rules.clock_skew <= reading.now:
        raise Refused("expired", _late(what, end, reading.now))
    reading.ends.append(end)


def _start(element: Element, reading: Reading) -> None:
    if element.get("NotBefore") is not None:
        start = _instant(element, "NotBefore", "not_yet_valid")
        if start > reading.now + reading.rules.clock_skew:
            raise Refused("not_yet_valid", _late("NotBefore", start, reading.now))


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
