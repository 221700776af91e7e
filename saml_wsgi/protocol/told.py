"""What each check of a response looks for, and what it found: in words, for an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from saml_wsgi.protocol import instants, text, vocabulary
from saml_wsgi.protocol.checks import SHORTEST_SESSION, audiences, authn_classes
from saml_wsgi.protocol.reading import Reading
from saml_wsgi.protocol.vocabulary import SAML, SAMLP, Element

_NOTHING: Final = "nothing"


def _always(words: str) -> Callable[[Reading], str]:
    return lambda _reading: words


_none: Final = _always("")


@dataclass(frozen=True, slots=True)
class Told:
    """A check in words.

    Attributes:
        title: What is checked.
        expected: What it must be; called only where what the check needs was found.
        received: What it is; likewise.
    """

    title: str
    expected: Callable[[Reading], str] = _none
    received: Callable[[Reading], str] = _none


def _said(value: object) -> str:
    return _NOTHING if value is None else str(value)


def _named(element: Element, attribute: str) -> str:
    return _said(element.get(attribute))


def _text(element: Element, path: str) -> str:
    found = element.find(path)
    return _NOTHING if found is None else text.strip(found.text)


def _moment(reading: Reading) -> str:
    return f"{instants.write(reading.now)}, give or take {reading.rules.clock_skew} s"


def _request(reading: Reading) -> str:
    return _said(reading.request_id)


def _acs_url(reading: Reading) -> str:
    return reading.rules.acs_url


def _issuer(reading: Reading) -> str:
    return reading.rules.issuer


def _end(reading: Reading) -> str:
    return f"later than {_moment(reading)}"


def _start(reading: Reading) -> str:
    return f"nothing, or not later than {_moment(reading)}"


def _status(reading: Reading) -> str:
    codes = [str(code.get("Value")) for code in reading.root.iter(SAMLP + "StatusCode")]
    return ", ".join(codes[:4]) or _NOTHING


def _signed(reading: Reading) -> str:
    signed = reading.signed
    found = [
        name for name, there in (("Response", signed.response), ("Assertion", signed.assertion)) if there
    ]
    return " and ".join(found) or _NOTHING


def _confirmations(reading: Reading) -> str:
    methods = [str(one.get("Method")) for one in reading.assertion.iter(SAML + "SubjectConfirmation")]
    return ", ".join(method.rpartition(":")[2] for method in methods[:4]) or _NOTHING


def _conditions(reading: Reading) -> str:
    return ", ".join(str(one.tag).rpartition("}")[2] for one in reading.conditions) or _NOTHING


def _audiences(reading: Reading) -> str:
    return "; ".join(" or ".join(accepted) for accepted in audiences(reading.conditions)) or _NOTHING


def _max_validity(reading: Reading) -> str:
    return f"{instants.write(min(reading.ends))}" if reading.ends else _NOTHING


def _max_authn_age(reading: Reading) -> str:
    age = reading.rules.max_authn_age
    return "any time" if age is None else f"at most {age} s before {_moment(reading)}"


def _name_id(reading: Reading) -> str:
    found = reading.assertion.find(f"{SAML}Subject/{SAML}NameID")
    if found is None:
        return _NOTHING
    parts = [f"{name} {found.get(name)}" for name in ("Format", "SPNameQualifier") if found.get(name)]
    return ", ".join(parts) or "a plain one"


def _session_end(reading: Reading) -> str:
    if not reading.rules.honour_session_end:
        return "anything: session.idp_end is ignore"
    return f"nothing, or {SHORTEST_SESSION} s or more after {instants.write(reading.now)}"


#: By the names of :data:`saml_wsgi.protocol.checks.CHECKS`, after those of the steps before them.
TOLD: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "decoding": Told("size, base64 and UTF-8"),
        "xml": Told("XML"),
        "shape": Told("shape and algorithms (guard)"),
        "request": Told("a request of ours is answered"),
        "answer": Told("there is an assertion"),
        "schema": Told("SAML 2.0 schema"),
        "places": Told("signatures stand where they may"),
        "response_signature": Told("signature of the Response"),
        "one_assertion": Told("exactly one assertion"),
        "decryption": Told("decryption"),
        "assertion_signature": Told("signature of the Assertion"),
        "signature": Told("something is signed"),
        "response_version": Told(
            "Response: Version", _always("2.0"), lambda reading: _named(reading.root, "Version")
        ),
        "in_response_to": Told(
            "Response: InResponseTo", _request, lambda reading: _named(reading.root, "InResponseTo")
        ),
        "destination": Told(
            "Response: Destination (our ACS URL)",
            _acs_url,
            lambda reading: _named(reading.root, "Destination"),
        ),
        "response_issuer": Told(
            "Response: Issuer (IdP Entity ID)", _issuer, lambda reading: _text(reading.root, SAML + "Issuer")
        ),
        "status": Told("Response: Status", _always(vocabulary.SUCCESS), _status),
        "signed": Told("what must be signed (idp.signed)", lambda reading: reading.rules.signed, _signed),
        "assertion_version": Told(
            "Assertion: Version", _always("2.0"), lambda reading: _named(reading.assertion, "Version")
        ),
        "assertion_issuer": Told(
            "Assertion: Issuer (IdP Entity ID)",
            _issuer,
            lambda reading: _text(reading.assertion, SAML + "Issuer"),
        ),
        "issued": Told(
            "Assertion: IssueInstant",
            lambda reading: f"at most {reading.rules.max_age} s before {_moment(reading)}",
            lambda reading: _named(reading.assertion, "IssueInstant"),
        ),
        "confirmation": Told("one bearer confirmation", _always("bearer, with data"), _confirmations),
        "recipient": Told(
            "confirmation: Recipient (our ACS URL)",
            _acs_url,
            lambda reading: _named(reading.data, "Recipient"),
        ),
        "confirmed_request": Told(
            "confirmation: InResponseTo", _request, lambda reading: _named(reading.data, "InResponseTo")
        ),
        "confirmation_end": Told(
            "confirmation: NotOnOrAfter", _end, lambda reading: _named(reading.data, "NotOnOrAfter")
        ),
        "confirmation_start": Told(
            "confirmation: NotBefore", _start, lambda reading: _named(reading.data, "NotBefore")
        ),
        "conditions": Told("there are Conditions"),
        "conditions_end": Told(
            "Conditions: NotOnOrAfter", _end, lambda reading: _named(reading.conditions, "NotOnOrAfter")
        ),
        "conditions_start": Told(
            "Conditions: NotBefore", _start, lambda reading: _named(reading.conditions, "NotBefore")
        ),
        "conditions_known": Told("Conditions that we know", _none, _conditions),
        "audience": Told(
            "Audience (our SP Entity ID)", lambda reading: reading.rules.sp_entity_id, _audiences
        ),
        "max_validity": Told(
            "end by idp.max_validity",
            lambda reading: f"later than {_moment(reading)}",
            _max_validity,
        ),
        "statement": Told("exactly one AuthnStatement"),
        "authn_instant": Told(
            "AuthnInstant",
            lambda reading: f"not later than {_moment(reading)}",
            lambda reading: _named(reading.statement, "AuthnInstant"),
        ),
        "force_authn": Told(
            "authenticated after the request (idp.force_authn)",
            lambda reading: (
                "yes; when the request was made isn't known here"
                if reading.rules.force_authn
                else "not demanded"
            ),
        ),
        "max_authn_age": Told(
            "age of the authentication (idp.max_authn_age)",
            _max_authn_age,
            lambda reading: _named(reading.statement, "AuthnInstant"),
        ),
        "authn_context": Told(
            "how they authenticated (idp.authn_context)",
            lambda reading: " or ".join(reading.rules.authn_context) or "anything",
            lambda reading: ", ".join(authn_classes(reading.statement)) or _NOTHING,
        ),
        "name_id": Told(
            "NameID: Format and SPNameQualifier",
            lambda reading: f"one, for us ({reading.rules.sp_entity_id}) or anybody",
            _name_id,
        ),
        "name": Told("NameID: its text"),
        "attributes": Told("attributes are readable text"),
        "session_end": Told(
            "SessionNotOnOrAfter",
            _session_end,
            lambda reading: _named(reading.statement, "SessionNotOnOrAfter"),
        ),
    }
)
