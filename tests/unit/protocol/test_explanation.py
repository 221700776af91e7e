"""A response that isn't acceptable is explained check by check, and an explanation signs nobody in."""

from __future__ import annotations

import base64
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.errors import CODES, Refused
from saml_wsgi.protocol.checks import CHECKS
from saml_wsgi.protocol.engine import STEPS
from saml_wsgi.protocol.explanation import Verdict
from saml_wsgi.protocol.told import TOLD
from saml_wsgi.testing import FakeClock, JumpCloudIdP, SigningKey
from saml_wsgi.testing.knobs import App
from tests.unit.protocol.conftest import ACS_URL, ENTITY_ID, Service
from tests.unit.protocol.tampering import (
    AUDIENCE,
    DATA,
    STATEMENT,
    after_signing,
    moved,
    put,
    together,
    write,
)
from tests.unit.protocol.test_profile_of_responses import MODES, ROWS

NAMES = [check.name for check in CHECKS]
#: Where no request is named, idp.unsolicited decides.
UNSOLICITED = "neither has InResponseTo"


def explained(service, form=None, *, at=None, unsolicited="restart", **how):
    """The explanation of a response to the service's request, or of that form."""
    if form is None:
        form = service.idp.response("wiki", "mara", in_response_to=service.request.id, **how)
    at = service.idp.clock.time() if at is None else at
    return service.provider.explain(form.fields["SAMLResponse"].encode(), at=at, unsolicited=unsolicited)


def by_name(explanation):
    return {finding.check: finding for finding in explanation.findings}


def failed(explanation):
    return [finding for finding in explanation.findings if finding.verdict is Verdict.FAILED]


def wrong(explanation):
    """Whatever isn't right, but for the request, of which only the browser knows."""
    return [finding for finding in explanation.findings if finding.code and finding.check != "request"]


def test_every_check_has_words():
    """What signs in and what explains are one table: no check without words, no words without a check."""
    assert list(TOLD) == ["decoding", "xml", "shape", "request", "answer", *STEPS, *NAMES]
    assert len(set(TOLD)) == len(TOLD)


def test_a_good_response_passes_every_check(service):
    """All is right but what only the browser knows, and the assertion is the one a sign-in would read."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id)
    explanation = explained(one, form)
    verdicts = {name: finding.verdict for name, finding in by_name(explanation).items()}
    assert verdicts.pop("request") is Verdict.MEANWHILE
    assert set(verdicts.values()) == {Verdict.OK}
    assert set(NAMES) <= verdicts.keys()
    assert explanation.refused is None
    assert explanation.claimed is None
    assert explanation.assertion == one.consume(form)


def test_an_explanation_uses_nothing_up(service):
    """A response that was explained signs in afterwards, and is explained again after that."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id)
    assert explained(one, form).assertion is not None
    assert one.consume(form).name_id == "mara@example.test"
    assert explained(one, form).assertion is not None


@pytest.mark.parametrize("sign", MODES)
@pytest.mark.parametrize(
    ("change", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS if row[0] != UNSOLICITED]
)
def test_what_is_wrong_is_named_as_a_sign_in_names_it(service, sign, change, expected):
    """The first thing that isn't right has the code with which the same response is refused."""
    wanted = expected[sign] if isinstance(expected, dict) else expected
    explanation = explained(service(), sign=sign, tamper=change)
    found = wrong(explanation)
    assert (found[0].code if found else "ok") == wanted
    assert (explanation.assertion is None) == bool(failed(explanation))
    assert all(finding.hint for finding in found), "each has a hint"


def test_all_that_is_wrong_is_told_at_once(service):
    """The first failure doesn't hide the others; the refusal is still the first one's."""
    changes = together(
        write("Issuer", "Other"),
        put(DATA, Recipient="https://wiki.example.test/acs"),
        write(AUDIENCE, ENTITY_ID + "/"),
    )
    explanation = explained(service(), tamper=changes)
    assert [finding.check for finding in failed(explanation)] == ["response_issuer", "recipient", "audience"]
    assert explanation.refused.code == "issuer_mismatch"
    found = by_name(explanation)
    assert (found["recipient"].expected, found["recipient"].received) == (
        ACS_URL,
        "https://wiki.example.test/acs",
    )
    assert "differ in path" in found["recipient"].hint
    assert (found["audience"].expected, found["audience"].received) == (ENTITY_ID, ENTITY_ID + "/")
    assert "slash at the end" in found["audience"].hint
    assert found["response_issuer"].expected == "JumpCloud"
    assert found["response_issuer"].received == "Other"


def test_what_depends_on_something_that_is_missing_is_not_reached(service):
    """Without Conditions there is no audience that could be right or wrong."""

    def without(tree):
        conditions = tree.find(".//{*}Conditions")
        conditions.getparent().remove(conditions)

    found = by_name(explained(service(), tamper=without))
    assert found["conditions"].verdict is Verdict.FAILED
    assert found["audience"].verdict is Verdict.NOT_REACHED
    assert found["conditions_end"].verdict is Verdict.NOT_REACHED
    assert found["statement"].verdict is Verdict.OK


# -- time --


def test_expiry_alone_is_no_obstacle(service, saml_clock):
    """What was right when it was issued is marked as expired meanwhile, and is read all the same."""
    one = service(max_authn_age=600)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, session_not_on_or_after=900)
    issued = saml_clock.time()
    saml_clock.advance(86_400)
    explanation = explained(one, form)
    found = by_name(explanation)
    late = {name for name, finding in found.items() if finding.verdict is Verdict.MEANWHILE} - {"request"}
    assert late == {
        "issued",
        "confirmation_end",
        "conditions_end",
        "max_validity",
        "max_authn_age",
        "session_end",
    }
    assert failed(explanation) == []
    assert explanation.assertion.name_id == "mara@example.test"
    with pytest.raises(Refused, match="too_old"):
        one.consume(form)
    assert [finding.check for finding in wrong(explained(one, form, at=issued + 1))] == []


def test_what_was_over_when_it_was_issued_is_wrong(service, saml_clock):
    """Only what the time since then explains is excused."""
    one = service()
    form = one.idp.response(
        "wiki", "mara", in_response_to=one.request.id, tamper=moved(DATA, NotOnOrAfter=-4000)
    )
    saml_clock.advance(86_400)
    explanation = explained(one, form)
    assert [finding.check for finding in failed(explanation)] == ["confirmation_end"]
    assert explanation.refused.code == "expired"
    assert explanation.assertion is None


def test_a_clock_that_is_behind_is_told_by_how_much(service, saml_clock):
    """A response from the future is refused, with the difference of the clocks."""
    explanation = explained(service(), now=saml_clock.time() + 3600)
    assert explanation.refused.code == "not_yet_valid"
    assert "3600 s later" in by_name(explanation)["issued"].hint
    assert "NTP" in by_name(explanation)["issued"].hint


# -- who signed it --


def test_another_key_is_told_from_a_changed_message(service):
    """What somebody else signed is said to be intact, with the certificate it carries."""
    explanation = explained(service(), key=SigningKey.cached("another"))
    finding = by_name(explanation)["response_signature"]
    assert (finding.verdict, finding.code) == (Verdict.FAILED, "signature_invalid")
    assert "intact, but signed with another certificate" in finding.hint
    assert "export the metadata again" in finding.hint
    assert finding.expected != finding.received
    assert by_name(explanation)["audience"].verdict is Verdict.OK, "the rest is explained all the same"
    assert by_name(explanation)["signed"].verdict is Verdict.NOT_REACHED
    assert explanation.assertion is None
    assert explanation.claimed.name_id == "mara@example.test"


@pytest.mark.parametrize("sign", MODES)
def test_a_message_that_was_changed_after_it_was_signed(service, sign):
    """A configured certificate on a message that isn't what it was: somebody's editor, or worse."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign)
    changed = after_signing(form, write("Assertion/Subject/NameID", "root@example.test"))
    explanation = explained(one, changed)
    (finding,) = failed(explanation)
    assert finding.check == ("assertion_signature" if sign == "assertion" else "response_signature")
    assert "changed after it was signed" in finding.hint
    assert explanation.assertion is None


def test_another_key_and_changed(service):
    """Both at once are told, too."""
    one = service()
    other = SigningKey.cached("another")
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, key=other)
    changed = after_signing(form, write("Assertion/Subject/NameID", "root@example.test"))
    assert "was changed after it was signed, too" in failed(explained(one, changed))[0].hint


def test_a_signature_without_certificate(service):
    """Where a signature doesn't say whose it is, both causes are named."""
    explanation = explained(service(), key=SigningKey.cached("another"), key_info=False)
    finding = failed(explanation)[0]
    assert "can't be told apart" in finding.hint
    assert finding.received == "no certificate"


def test_nothing_is_signed(service):
    """A response without any signature fails there, and nobody is signed in by what it claims."""
    explanation = explained(service(), sign="none")
    assert [finding.check for finding in failed(explanation)] == ["signature"]
    assert explanation.refused.code == "signature_missing"
    assert explanation.assertion is None


# -- what was encrypted --


def test_an_encrypted_assertion_is_explained_too(saml_idp, saml_clock):
    """With our key, what was encrypted is checked like everything else."""
    key = SigningKey.cached("decrypts")
    one = Service(saml_idp, saml_clock, key=key)
    how = {"encrypt": "aes256-gcm", "encryption_certificate": key.certificate.decode(), "sign": "both"}
    explanation = explained(one, **how)
    assert explanation.assertion.name_id == "mara@example.test"
    assert by_name(explanation)["decryption"].verdict is Verdict.OK
    wrong_audience = explained(one, sp_entity_id="urn:other", **how)
    assert [finding.check for finding in failed(wrong_audience)] == ["audience"]
    other = {**how, "encryption_certificate": SigningKey.cached("another").certificate.decode()}
    locked = explained(one, **other)
    assert [finding.check for finding in failed(locked)] == ["decryption"]
    assert by_name(locked)["audience"].verdict is Verdict.NOT_REACHED
    assert by_name(locked)["status"].verdict is Verdict.OK
    assert (locked.assertion, locked.claimed) == (None, None)


def test_an_encrypted_assertion_needs_a_key(service):
    """Without one the cure is named."""
    certificate = SigningKey.cached("decrypts").certificate.decode()
    explanation = explained(service(), encrypt="aes256-gcm", encryption_certificate=certificate)
    (finding,) = failed(explanation)
    assert (finding.check, finding.code) == ("shape", "encryption_refused")
    assert "sp.private_key" in finding.hint


# -- which request, which answer --


@pytest.mark.parametrize(
    ("unsolicited", "verdict", "accepted"),
    [("restart", Verdict.MEANWHILE, True), ("accept", Verdict.OK, True), ("refuse", Verdict.FAILED, False)],
)
def test_a_response_that_nobody_asked_for(service, unsolicited, verdict, accepted):
    """`idp.unsolicited` decides what becomes of it."""
    one = service()
    explanation = explained(one, one.idp.response("wiki", "mara"), unsolicited=unsolicited)
    assert by_name(explanation)["request"].verdict is verdict
    assert (explanation.assertion is not None) == accepted
    if not accepted:
        assert explanation.refused.code == "unsolicited_refused"


def test_a_status_alone_is_the_identity_providers_no(service):
    """There is nothing to verify in it; what the person would read comes along."""
    one = service()
    form = one.idp.error_response("wiki", "Responder", "RequestDenied", in_response_to=one.request.id)
    explanation = explained(one, form)
    assert explanation.refused.code == "idp_refused"
    assert "doesn't allow you" in explanation.refused.explanation
    assert "RequestDenied" in by_name(explanation)["answer"].received
    assert by_name(explanation)["schema"].verdict is Verdict.NOT_REACHED


# -- what is no response --


def _posted(xml: bytes) -> bytes:
    return base64.b64encode(xml)


DEFLATED = zlib.compressobj(wbits=-15)
HOSTILE = [
    ("not base64", b"<Response/>", "decoding", "message_malformed", ""),
    (
        "too large",
        _posted(b"<a>" + b" " * 300_000 + b"</a>"),
        "decoding",
        "message_too_large",
        "idp.max_message",
    ),
    ("many elements", _posted(b"<a>" + b"<b/>" * 50_000 + b"</a>"), "decoding", "shape_refused", ""),
    ("deep", _posted(b"<a>" * 90 + b"</a>" * 90), "shape", "shape_refused", ""),
    ("a DTD", _posted(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "decoding", "xml_forbidden", ""),
    ("a web page", _posted(b"<!doctype html><p>Sign in"), "decoding", "xml_forbidden", "a web page"),
    ("compressed", _posted(gzip.compress(b"<a/>" * 1000)), "decoding", "message_encoding", "compressed"),
    (
        "deflated",
        _posted(DEFLATED.compress(b"<a/>" * 10_000) + DEFLATED.flush()),
        "decoding",
        "message_encoding",
        "HTTP-Redirect",
    ),
    ("cut off", _posted(b"<a><b></b>"), "xml", "xml_malformed", "cut off"),
    ("something else", _posted(b"<a/>"), "shape", "shape_refused", ""),
]


@pytest.mark.parametrize(
    ("message", "step", "code", "hint"), [pytest.param(*row[1:], id=row[0]) for row in HOSTILE]
)
def test_what_is_hostile_or_no_response_is_not_looked_into(service, message, step, code, hint):
    """The same bounds hold as at a sign-in, and nothing behind the one that was hit is reached."""
    explanation = service().provider.explain(message, at=0.0)
    (finding,) = failed(explanation)
    assert (finding.check, finding.code) == (step, code)
    assert hint in finding.hint
    assert (explanation.assertion, explanation.claimed) == (None, None)
    after = explanation.findings[explanation.findings.index(finding) + 1 :]
    assert {later.verdict for later in after} == {Verdict.NOT_REACHED}
    assert [later.check for later in after][-len(NAMES) :] == NAMES


def test_a_weak_algorithm_is_named_with_the_cure(service):
    """SHA-1 is refused by the guard; the operator learns what to choose."""
    (finding,) = failed(explained(service(), algorithm="sha1"))
    assert (finding.check, finding.code) == ("shape", "algorithm_refused")
    assert "SHA-256" in finding.hint
    assert "rsa-sha1" in finding.detail


def test_demands_that_are_not_met_name_their_option(service):
    """Of what an operator can set, the option stands beside it."""
    one = service(authn_context=("urn:mfa",), max_authn_age=60)
    found = by_name(explained(one, tamper=moved(STATEMENT, AuthnInstant=-4000)))
    assert "idp.authn_context" in found["authn_context"].hint
    assert found["authn_context"].expected == "urn:mfa"
    assert "idp.max_authn_age" in found["max_authn_age"].hint


CLOCK = FakeClock()
IDP = JumpCloudIdP(apps=[App.for_service("wiki", "https://wiki.example.test")], clock=CLOCK)


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(_posted)))
def test_no_bytes_are_too_odd(data):
    """Whatever somebody takes for a response is explained, and signs nobody in."""
    explanation = Service(IDP, CLOCK).provider.explain(data, at=CLOCK.time())
    assert explanation.assertion is None
    assert explanation.refused.code in CODES


@given(st.data())
def test_no_change_to_a_signed_message_is_accepted(data):
    """One byte that is another one: either nothing that counts was touched, or the assertion is refused."""
    one = Service(IDP, CLOCK)
    form = IDP.response("wiki", "mara", in_response_to=one.request.id, sign="both")
    message = bytearray(form.message)
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] = data.draw(st.integers(32, 126))
    expected = explained(one, form).assertion
    found = one.provider.explain(_posted(bytes(message)), at=CLOCK.time()).assertion
    assert found is None or found == expected
