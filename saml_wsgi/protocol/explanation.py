"""Why a response is accepted, or isn't: every check with what it expected and what it received.

For operators, over a message that somebody captured. The checks are those that signing in makes
(:class:`~saml_wsgi.protocol.guard.Guard`, :class:`~saml_wsgi.protocol.engine.Engine`,
:data:`~saml_wsgi.protocol.checks.CHECKS`), in their order, but here the first failure doesn't end them.
What is hostile by its shape is not looked into any further, as at a sign-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from saml_wsgi.errors import Refused
from saml_wsgi.model import Assertion
from saml_wsgi.protocol import bindings, hints, instants, signers, text
from saml_wsgi.protocol.checks import CHECKS
from saml_wsgi.protocol.engine import STEPS, Engine, Signed
from saml_wsgi.protocol.guard import Guard
from saml_wsgi.protocol.parser import parse_message
from saml_wsgi.protocol.profile import (
    assertion_of,
    check_refusal,
    has_assertion,
    in_response_to,
    is_transient,
)
from saml_wsgi.protocol.reading import Check, Reading
from saml_wsgi.protocol.rules import Rules
from saml_wsgi.protocol.told import TOLD
from saml_wsgi.protocol.vocabulary import DS, SAML, Element

_BEFORE: Final = ("decoding", "xml", "shape", "request", "answer")
_LATER: Final = "It was right when the response was issued. To look back, give that time with --at."


class Verdict(StrEnum):
    """What came of a check.

    MEANWHILE: it would have passed when the response was issued (it expired since then), or it can only
    be known by the browser that asked (a pending request).
    """

    OK = "ok"
    FAILED = "failed"
    MEANWHILE = "meanwhile"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check, and what came of it.

    Attributes:
        check: Its name, a slug.
        title: What is checked, in words.
        code: Why it failed, a slug of :data:`saml_wsgi.errors.CODES`; ``""`` where it didn't.
        detail: What the operator's log would say.
        hint: The usual cause, and the cure.
    """

    check: str
    title: str
    verdict: Verdict
    code: str = ""
    expected: str = ""
    received: str = ""
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every check of a response.

    Attributes:
        findings: In the order in which a sign-in makes them.
        assertion: What it asserts, if all of it is right, or was when it was issued; else None.
        claimed: What it would assert, if anything in it could be trusted, where ``assertion`` is None.
            Nobody may be signed in by it.
        refused: What a sign-in would have ended with, where something failed.
    """

    findings: tuple[Finding, ...]
    assertion: Assertion | None = None
    claimed: Assertion | None = None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """What explains responses of one identity provider: all that a sign-in checks them with."""

    guard: Guard
    engine: Engine
    rules: Rules
    certificates: Sequence[str]
    max_message: int
    max_elements: int | None

    def explain(self, saml_response: bytes, *, at: float, unsolicited: str) -> Explanation:
        """Make every check; see :meth:`saml_wsgi.protocol.provider.ServiceProvider.explain`."""
        notes = _Notes()
        root = self._read(saml_response, notes)
        if root is None:
            return notes.conclude()
        request_id = in_response_to(root)
        notes.request(request_id, unsolicited)
        if not has_assertion(root):
            refused = check_refusal(root, request_id)
            notes.failed("answer", refused, received=refused.detail)
            return notes.conclude()
        notes.passed("answer")
        assertion, signed = self._verify(root, notes)
        # When the request was made isn't known: at the beginning of time.
        reading = Reading(root, assertion, signed, self.rules, request_id, 0.0, at)
        self._check(reading, notes)
        if notes.complete:
            return notes.conclude(assertion=assertion_of(reading))
        return notes.conclude(claimed=_claimed(reading))

    def _read(self, saml_response: bytes, notes: _Notes) -> Element | None:
        """The tree, if it may be looked into."""
        step = "decoding"
        try:
            xml = bindings.decode(saml_response, self.max_message, self.max_elements)
            notes.passed(step, received=f"{len(xml)} bytes")
            step = "xml"
            root, _ = parse_message(xml)
            notes.passed(step)
            step = "shape"
            self.guard.inspect(root, xml)
            notes.passed(step)
        except Refused as refused:
            hint = hints.of_code(refused.code)
            if refused.code in {"message_encoding", "message_malformed", "xml_forbidden"}:
                hint = hints.of_bytes(saml_response) or hint
            expected = f"at most {self.max_message} bytes" if refused.code == "message_too_large" else ""
            notes.failed(step, refused, expected=expected, hint=hint)
            return None
        return root

    def _verify(self, root: Element, notes: _Notes) -> tuple[Element | None, Signed]:
        """The assertion, and what covers it; where that isn't verified, what is said to cover it."""
        reached: list[tuple[str, Element | None]] = []
        try:
            verified = self.engine.verify(root, lambda *step: reached.append(step))
        except Refused as refused:
            *done, (step, element) = reached
            assertion = (
                element if element is not None and element is not root else root.find(SAML + "Assertion")
            )
            for name, about in done:
                self._passed(name, about, notes)
            self._failed(step, element, refused, notes)
            notes.do_without(_needless(root))
            return assertion, _said_to_be_signed(root, assertion)
        for name, about in reached:
            self._passed(name, about, notes)
        return verified.assertion, verified.signed

    def _passed(self, step: str, element: Element | None, notes: _Notes) -> None:
        if step.endswith("_signature"):
            notes.passed(step, self._keys(), _signer(element))
        else:
            notes.passed(step)

    def _failed(self, step: str, element: Element | None, refused: Refused, notes: _Notes) -> None:
        if step.endswith("_signature") and refused.code == "signature_invalid":
            hint = signers.hint(element, self.engine, self.certificates)
            notes.failed(step, refused, self._keys(), _signer(element), hint)
        else:
            notes.failed(step, refused, hint=hints.of_code(refused.code))

    def _keys(self) -> str:
        return " or ".join(map(signers.described, self.certificates))

    def _check(self, reading: Reading, notes: _Notes) -> None:
        issued = None
        if reading.assertion is not None:
            issued = instants.read(reading.assertion.get("IssueInstant", ""))
        missing: set[str] = set()
        for check in CHECKS:
            # What must be signed is no question where no signature holds.
            unasked = check.name == "signed" and not notes.verified
            if unasked or check.needs in missing or (check.of_assertion and reading.assertion is None):
                missing.add(check.name)
                continue
            refused = _run(check, reading)
            told = TOLD[check.name]
            # What a check looks at is there also where it failed, but for what it was to find itself.
            expected, received = told.expected(reading), told.received(reading)
            if refused is None:
                notes.passed(check.name, expected, received)
            elif issued is not None and _passed_at(issued, check, reading):
                notes.meanwhile(check.name, refused, expected, received, _LATER)
            else:
                missing.add(check.name)
                hint = hints.of_check(check.name, refused.code, reading)
                notes.failed(check.name, refused, expected, received, hint)


@dataclass(slots=True)
class _Notes:
    """What was found so far."""

    _found: dict[str, Finding] = field(default_factory=dict)
    _refused: Refused | None = None
    _needless: frozenset[str] = frozenset()

    @property
    def verified(self) -> bool:
        found = self._found.get(STEPS[-1])
        return found is not None and found.verdict is Verdict.OK

    @property
    def complete(self) -> bool:
        """Whether everything passed, or would have when the response was issued."""
        necessary = {*_BEFORE, STEPS[-1], *(check.name for check in CHECKS)}
        return self._refused is None and necessary <= self._found.keys()

    def passed(self, check: str, expected: str = "", received: str = "") -> None:
        self._note(Verdict.OK, check, None, expected, received)

    def failed(
        self, check: str, refused: Refused, expected: str = "", received: str = "", hint: str = ""
    ) -> None:
        self._note(Verdict.FAILED, check, refused, expected, received, hint)
        self._refused = self._refused or refused

    def meanwhile(self, check: str, refused: Refused, expected: str, received: str, hint: str) -> None:
        self._note(Verdict.MEANWHILE, check, refused, expected, received, hint)

    def request(self, request_id: str | None, unsolicited: str) -> None:
        """Whether the response may come at all."""
        if request_id is not None:
            hint = "Only the browser knows whether it waits for this answer. It is taken for granted here."
            pending = Refused("in_response_to_mismatch", "the request isn't pending here")
            self.meanwhile("request", pending, "a request that is pending", request_id, hint)
        elif unsolicited == "refuse":
            refused = Refused("unsolicited_refused", "it answers no request")
            self.failed("request", refused, "a request that is pending", "none", hints.of_code(refused.code))
        elif unsolicited == "accept":
            self.passed("request", "none needed (idp.unsolicited = accept)", "none")
        else:
            refused = Refused("in_response_to_mismatch", "it answers no request")
            hint = (
                "idp.unsolicited is restart: the browser is sent to the identity provider for an answer to a"
                " request of ours, which says the same of the person."
            )
            self.meanwhile("request", refused, "a request that is pending", "none", hint)

    def do_without(self, steps: frozenset[str]) -> None:
        """What this message has no use for, whether it gets that far or not."""
        self._needless = steps

    def conclude(self, assertion: Assertion | None = None, claimed: Assertion | None = None) -> Explanation:
        """Everything in order. A step that a message does without, and that nothing stopped, isn't named."""
        findings: list[Finding] = []
        names = (*_BEFORE, *STEPS, *(check.name for check in CHECKS))
        for name in names:
            found = self._found.get(name)
            if found is not None:
                findings.append(found)
            elif name not in self._needless and (name not in STEPS or not self.verified):
                findings.append(Finding(name, TOLD[name].title, Verdict.NOT_REACHED))
        return Explanation(tuple(findings), assertion, claimed, self._refused)

    def _note(
        self,
        verdict: Verdict,
        check: str,
        refused: Refused | None,
        expected: str,
        received: str,
        hint: str = "",
    ) -> None:
        code, detail = (refused.code, refused.detail) if refused is not None else ("", "")
        title = TOLD[check].title
        self._found[check] = Finding(check, title, verdict, code, expected, received, detail, hint)


def _run(check: Check, reading: Reading) -> Refused | None:
    try:
        check.run(reading)
    except Refused as refused:
        return refused
    return None


def _passed_at(moment: float, check: Check, reading: Reading) -> bool:
    """Whether an earlier moment makes all the difference."""
    now = reading.now
    if moment >= now:
        return False
    reading.now = moment
    try:
        return _run(check, reading) is None
    finally:
        reading.now = now


def _signer(element: Element | None) -> str:
    if element is None:
        return ""
    pem = signers.carried(element)
    return signers.described(pem) if pem else "no certificate"


def _needless(root: Element) -> frozenset[str]:
    """The steps that this message does without."""
    if root.find(SAML + "EncryptedAssertion") is not None:
        return frozenset()
    signed = root.find(f"{SAML}Assertion/{DS}Signature") is not None
    return frozenset({"decryption"} if signed else {"decryption", "assertion_signature"})


def _said_to_be_signed(root: Element, assertion: Element | None) -> Signed:
    inner = assertion is not None and assertion.find(DS + "Signature") is not None
    encrypted = root.find(SAML + "EncryptedAssertion") is not None
    return Signed(root.find(DS + "Signature") is not None, inner, encrypted)


def _claimed(reading: Reading) -> Assertion | None:
    """What it would assert; None where nothing can be read."""
    found = None if reading.assertion is None else reading.assertion.find(f"{SAML}Subject/{SAML}NameID")
    if found is None:
        return None
    try:
        name, attributes = text.name_id(found), text.attributes(reading.assertion)
    except Refused:
        return None
    return Assertion(
        idp=reading.rules.idp,
        issuer=reading.rules.issuer,
        id=str(reading.assertion.get("ID")),
        name_id=name,
        name_id_format=str(found.get("Format", "")),
        attributes=MappingProxyType(attributes),
        session_index="",
        authn_instant=int(reading.authenticated),
        session_not_on_or_after=None,
        expires=int(min(reading.ends, default=0)),
        transient=is_transient(found, reading.rules),
    )
