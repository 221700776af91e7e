"""What a correctly signed response must say: a row for each thing that may be wrong with it."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Refused
from saml_wsgi.model import PendingRequest
from saml_wsgi.protocol import profile
from saml_wsgi.protocol.engine import Signed, Verified
from tests.unit.protocol.conftest import ACS_URL, ENTITY_ID
from tests.unit.protocol.tampering import (
    AUDIENCE,
    CONDITIONS,
    CONFIRMATION,
    DATA,
    NAME_ID,
    STATEMENT,
    add,
    drop,
    fragment,
    moved,
    nothing,
    put,
    together,
    twice,
    write,
)

MODES = ["response", "assertion", "both"]
RESTRICTION = f"{CONDITIONS}/AudienceRestriction"
OTHERS = (
    "<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction>"
)
OURS = f"<saml:AudienceRestriction><saml:Audience>{ENTITY_ID}</saml:Audience></saml:AudienceRestriction>"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
HOLDER = '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"/>'

# Where a row has a dictionary, it matters what is signed: (response, assertion, both).
ENVELOPE = {"response": "issuer_mismatch", "assertion": "ok", "both": "issuer_mismatch"}
ADDRESS = {"response": "destination_mismatch", "assertion": "ok", "both": "destination_mismatch"}

ROWS = [
    ("nothing", nothing, "ok"),
    # -- who says so --
    ("Response without Issuer", drop("Issuer"), ENVELOPE),
    ("Response Issuer: another", write("Issuer", "Other"), "issuer_mismatch"),
    ("Response Issuer: case", write("Issuer", "jumpcloud"), "issuer_mismatch"),
    ("Response Issuer: empty", write("Issuer", ""), "issuer_mismatch"),
    ("Response Issuer: longer", write("Issuer", "JumpCloud2"), "issuer_mismatch"),
    ("Response Issuer: layout around it", write("Issuer", "\n  JumpCloud\t "), "ok"),
    ("Response Issuer: no-break space", write("Issuer", "JumpCloud\u00a0"), "issuer_mismatch"),
    ("Assertion Issuer: another", write("Assertion/Issuer", "Other"), "issuer_mismatch"),
    ("Assertion Issuer: case", write("Assertion/Issuer", "JUMPCLOUD"), "issuer_mismatch"),
    ("Assertion Issuer: empty", write("Assertion/Issuer", ""), "issuer_mismatch"),
    ("Assertion Issuer: shorter", write("Assertion/Issuer", "JumpClou"), "issuer_mismatch"),
    ("Assertion Issuer: layout around it", write("Assertion/Issuer", "\n  JumpCloud\t "), "ok"),
    ("Response Issuer: Format entity", put("Issuer", Format=ENTITY), "ok"),
    ("Response Issuer: another Format", put("Issuer", Format=PERSISTENT), "issuer_mismatch"),
    ("Response Issuer: empty Format", put("Issuer", Format=""), "issuer_mismatch"),
    ("Assertion Issuer: Format entity", put("Assertion/Issuer", Format=ENTITY), "ok"),
    ("Assertion Issuer: another Format", put("Assertion/Issuer", Format=PERSISTENT), "issuer_mismatch"),
    ("Assertion Issuer: empty Format", put("Assertion/Issuer", Format=""), "issuer_mismatch"),
    # -- to whom --
    ("no Destination", put(".", Destination=None), ADDRESS),
    ("Destination: empty", put(".", Destination=""), "destination_mismatch"),
    ("Destination: another", put(".", Destination="https://other.test/acs"), "destination_mismatch"),
    ("Destination: shorter", put(".", Destination=ACS_URL[:-1]), "destination_mismatch"),
    ("Destination: longer", put(".", Destination=ACS_URL + "/x"), "destination_mismatch"),
    ("Destination: with query", put(".", Destination=ACS_URL + "?x"), "destination_mismatch"),
    ("Destination: case", put(".", Destination=ACS_URL.replace("wiki", "WIKI")), "destination_mismatch"),
    ("no Recipient", put(DATA, Recipient=None), "recipient_mismatch"),
    ("Recipient: empty", put(DATA, Recipient=""), "recipient_mismatch"),
    ("Recipient: shorter", put(DATA, Recipient=ACS_URL[:-1]), "recipient_mismatch"),
    ("Recipient: longer", put(DATA, Recipient=ACS_URL + ".evil.test"), "recipient_mismatch"),
    ("Recipient: ours inside it", put(DATA, Recipient=f"https://evil.test/{ACS_URL}"), "recipient_mismatch"),
    # -- in answer to what --
    ("Response without InResponseTo", put(".", InResponseTo=None), "in_response_to_mismatch"),
    ("Response answers another", put(".", InResponseTo="_other"), "in_response_to_mismatch"),
    ("confirmation without InResponseTo", put(DATA, InResponseTo=None), "in_response_to_mismatch"),
    ("confirmation answers another", put(DATA, InResponseTo="_other"), "in_response_to_mismatch"),
    (
        "neither has InResponseTo",
        together(put(".", InResponseTo=None), put(DATA, InResponseTo=None)),
        "in_response_to_mismatch",
    ),
    # -- version, status --
    ("Response Version 1.1", put(".", Version="1.1"), "version_mismatch"),
    ("Response Version 2.1", put(".", Version="2.1"), "version_mismatch"),
    ("Assertion Version 1.1", put("Assertion", Version="1.1"), "version_mismatch"),
    ("status empty", put("Status/StatusCode", Value=""), "status_mismatch"),
    (
        "status Requester",
        put("Status/StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Requester"),
        "status_mismatch",
    ),
    (
        "status success, in small letters",
        put("Status/StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:success"),
        "status_mismatch",
    ),
    (
        "status Success inside Responder",
        together(
            put("Status/StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Responder"),
            add(
                "Status/StatusCode", '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
            ),
        ),
        "status_mismatch",
    ),
    # -- when --
    ("issued 479 s ago", moved("Assertion", IssueInstant=-479), "ok"),
    ("issued 480 s ago", moved("Assertion", IssueInstant=-480), "too_old"),
    ("issued in 180 s", moved("Assertion", IssueInstant=180), "ok"),
    ("issued in 181 s", moved("Assertion", IssueInstant=181), "not_yet_valid"),
    ("issued without time zone", put("Assertion", IssueInstant="2026-01-01T00:00:00"), "too_old"),
    ("confirmation ended 179 s ago", moved(DATA, NotOnOrAfter=-179), "ok"),
    ("confirmation ended 180 s ago", moved(DATA, NotOnOrAfter=-180), "expired"),
    ("confirmation without end", put(DATA, NotOnOrAfter=None), "expired"),
    ("confirmation without time zone", put(DATA, NotOnOrAfter="2099-01-01T00:00:00"), "expired"),
    ("confirmation begins in 180 s", moved(DATA, NotBefore=180), "ok"),
    ("confirmation begins in 181 s", moved(DATA, NotBefore=181), "not_yet_valid"),
    ("Conditions ended 179 s ago", moved(CONDITIONS, NotOnOrAfter=-179), "ok"),
    ("Conditions ended 180 s ago", moved(CONDITIONS, NotOnOrAfter=-180), "expired"),
    ("Conditions without end", put(CONDITIONS, NotOnOrAfter=None), "expired"),
    ("Conditions begin in 180 s", moved(CONDITIONS, NotBefore=180), "ok"),
    ("Conditions begin in 181 s", moved(CONDITIONS, NotBefore=181), "not_yet_valid"),
    ("Conditions without beginning", put(CONDITIONS, NotBefore=None), "ok"),
    ("beginning without time zone", put(CONDITIONS, NotBefore="2020-01-01T00:00:00"), "not_yet_valid"),
    # -- for whom --
    ("no Conditions", drop(CONDITIONS), "conditions_refused"),
    ("no AudienceRestriction", drop(RESTRICTION), "audience_mismatch"),
    ("Audience: empty", write(AUDIENCE, ""), "audience_mismatch"),
    ("Audience: another", write(AUDIENCE, "https://other.test"), "audience_mismatch"),
    ("Audience: case", write(AUDIENCE, ENTITY_ID.upper()), "audience_mismatch"),
    ("Audience: longer", write(AUDIENCE, ENTITY_ID + "/"), "audience_mismatch"),
    ("Audience: shorter", write(AUDIENCE, ENTITY_ID[:-1]), "audience_mismatch"),
    ("Audience: layout around it", write(AUDIENCE, f"\n  {ENTITY_ID}\n"), "ok"),
    ("ours among audiences", add(RESTRICTION, "<saml:Audience>https://other.test</saml:Audience>", 0), "ok"),
    ("ours, and another restriction", add(CONDITIONS, OTHERS), "audience_mismatch"),
    ("another restriction, and ours", add(CONDITIONS, OTHERS, 0), "audience_mismatch"),
    ("ours twice", add(CONDITIONS, OURS), "ok"),
    ("OneTimeUse", add(CONDITIONS, "<saml:OneTimeUse/>"), "ok"),
    ("ProxyRestriction", add(CONDITIONS, '<saml:ProxyRestriction Count="0"/>'), "ok"),
    # -- about whom --
    ("no Subject", drop("Assertion/Subject"), "subject_missing"),
    ("Subject without NameID", drop("Assertion/Subject/NameID"), "subject_missing"),
    ("NameID without Format", put(NAME_ID, Format=None), "ok"),
    ("NameID: a Format of nobody's", put(NAME_ID, Format="urn:example:badge"), "ok"),
    ("NameID: empty Format", put(NAME_ID, Format=""), "name_id_refused"),
    ("NameID: Format of white space", put(NAME_ID, Format=" \t"), "name_id_refused"),
    ("NameID qualified for us", put(NAME_ID, SPNameQualifier=ENTITY_ID), "ok"),
    ("NameID: empty qualifiers", put(NAME_ID, SPNameQualifier="", NameQualifier=""), "ok"),
    ("NameID qualified for another", put(NAME_ID, SPNameQualifier="https://other.test"), "name_id_refused"),
    ("NameID qualified for us: case", put(NAME_ID, SPNameQualifier=ENTITY_ID.upper()), "name_id_refused"),
    ("no confirmation", drop(CONFIRMATION), "confirmation_mismatch"),
    ("two bearers", twice(CONFIRMATION), "confirmation_mismatch"),
    ("bearer without data", drop(DATA), "confirmation_mismatch"),
    ("bearer and holder of key", add("Assertion/Subject", HOLDER), "ok"),
    ("holder of key first, then bearer", add("Assertion/Subject", HOLDER, 1), "ok"),
    (
        "holder of key",
        put(CONFIRMATION, Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
        "confirmation_mismatch",
    ),
    ("confirmation without method", put(CONFIRMATION, Method=""), "confirmation_mismatch"),
    # -- how they authenticated --
    ("no AuthnStatement", drop(STATEMENT), "authn_context_mismatch"),
    ("two AuthnStatements", twice(STATEMENT), "authn_context_mismatch"),
    ("authenticated in 180 s", moved(STATEMENT, AuthnInstant=180), "ok"),
    ("authenticated in 181 s", moved(STATEMENT, AuthnInstant=181), "not_yet_valid"),
    ("authenticated a month ago", moved(STATEMENT, AuthnInstant=-30 * 86400), "ok"),
    (
        "AuthnInstant without time zone",
        put(STATEMENT, AuthnInstant="2026-01-01T00:00:00"),
        "authentication_too_old",
    ),
    ("session ends in 59 s", moved(STATEMENT, SessionNotOnOrAfter=59), "session_too_short"),
    ("session ends in 60 s", moved(STATEMENT, SessionNotOnOrAfter=60), "ok"),
    ("session ended", moved(STATEMENT, SessionNotOnOrAfter=-60), "session_too_short"),
    (
        "end of session without time zone",
        put(STATEMENT, SessionNotOnOrAfter="2099-01-01T00:00:00"),
        "session_too_short",
    ),
    # -- what the schema refuses before the profile sees it --
    ("Assertion without Issuer", drop("Assertion/Issuer"), "schema_invalid"),
    ("Assertion without Version", put("Assertion", Version=None), "schema_invalid"),
    ("Assertion without IssueInstant", put("Assertion", IssueInstant=None), "schema_invalid"),
    ("AudienceRestriction without Audience", drop(AUDIENCE), "schema_invalid"),
    ("two NameIDs", twice("Assertion/Subject/NameID"), "schema_invalid"),
    ("no Status", drop("Status"), "schema_invalid"),
    ("no AuthnInstant", put(STATEMENT, AuthnInstant=None), "schema_invalid"),
]


@pytest.mark.parametrize("sign", MODES)
@pytest.mark.parametrize(("change", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_what_a_response_must_say(service, sign, change, expected):
    """A response that says one thing wrong is refused for it, though its signature is the provider's."""
    wanted = expected[sign] if isinstance(expected, dict) else expected
    assert service().outcome(sign=sign, tamper=change) == wanted


def checked(idp, clock, change, **rules):
    """The profile alone, as if schema and signature were fine."""
    from lxml import etree

    form = idp.response("wiki", "mara", in_response_to="_r", sign="none", tamper=change)
    demanded = profile.Rules(
        **{
            "idp": "jc",
            "issuer": "JumpCloud",
            "sp_entity_id": ENTITY_ID,
            "acs_url": ACS_URL,
            **rules,
        }
    )
    now = clock.time()
    root = etree.fromstring(form.message)
    verified = Verified(root.find("{*}Assertion"), Signed(response=True, assertion=True))
    return profile.check(root, verified, demanded, request_id="_r", requested=now, now=now)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(drop("Assertion/Issuer"), "issuer_mismatch", id="Assertion without Issuer"),
        pytest.param(add("Assertion/Issuer", "<x/>"), "issuer_mismatch", id="Issuer with a child"),
        pytest.param(put("Assertion", Version=None), "version_mismatch", id="Assertion without Version"),
        pytest.param(put(".", Version=None), "version_mismatch", id="Response without Version"),
        pytest.param(put("Assertion", IssueInstant=None), "too_old", id="no IssueInstant"),
        pytest.param(put("Assertion", IssueInstant="soon"), "too_old", id="IssueInstant is a word"),
        pytest.param(drop(AUDIENCE), "audience_mismatch", id="AudienceRestriction without Audience"),
        pytest.param(add(AUDIENCE, "<x/>"), "audience_mismatch", id="Audience with a child"),
        pytest.param(add(CONDITIONS, "<saml:Condition/>"), "conditions_refused", id="unknown condition"),
        pytest.param(add(CONDITIONS, "<saml:Any/>", 0), "conditions_refused", id="unknown condition first"),
        pytest.param(twice("Assertion/Subject/NameID"), "subject_missing", id="two NameIDs"),
        pytest.param(add("Assertion/Subject/NameID", "<x/>"), "name_id_refused", id="NameID with a child"),
        pytest.param(drop("Status"), "status_mismatch", id="no Status"),
        pytest.param(twice("Status"), "status_mismatch", id="two Statuses"),
        pytest.param(put(STATEMENT, AuthnInstant=None), "authentication_too_old", id="no AuthnInstant"),
    ],
)
def test_the_profile_does_not_lean_on_the_schema(saml_idp, saml_clock, change, code):
    """What the schema would refuse is refused by the profile itself, too."""
    with pytest.raises(Refused) as refused:
        checked(saml_idp, saml_clock, change)
    assert refused.value.code == code


def test_a_child_splits_no_name(saml_idp, saml_clock):
    """No identity is read from a part of a text: a child element in the middle refuses."""

    def split(tree):
        name_id = tree.find(".//{*}NameID")
        name_id.text = "mara@example.test"
        name_id.append(fragment("<saml:x/>"))
        name_id[0].tail = ".evil.test"

    with pytest.raises(Refused, match="name_id_refused"):
        checked(saml_idp, saml_clock, split)


@pytest.mark.parametrize(
    ("policy", "response", "assertion", "both", "none"),
    [
        ("either", "ok", "ok", "ok", "signature_missing"),
        ("assertion", "signature_missing", "ok", "ok", "signature_missing"),
        ("response", "ok", "signature_missing", "ok", "signature_missing"),
        ("both", "signature_missing", "signature_missing", "ok", "signature_missing"),
    ],
)
def test_what_must_be_signed(service, policy, response, assertion, both, none):
    """`idp.signed` says which signatures must be there; without any, nobody is anybody."""
    found = [service(signed=policy).outcome(sign=sign) for sign in (*MODES, "none")]
    assert found == [response, assertion, both, none]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (moved(CONDITIONS, NotOnOrAfter=-180), "Conditions NotOnOrAfter"),
        (moved(DATA, NotOnOrAfter=-180), "SubjectConfirmationData NotOnOrAfter"),
        (moved(CONDITIONS, NotBefore=181), "NotBefore"),
        (moved("Assertion", IssueInstant=181), "IssueInstant"),
        (moved(STATEMENT, AuthnInstant=181), "AuthnInstant"),
        (write(AUDIENCE, "urn:other"), f"expected '{ENTITY_ID}', received [['urn:other']]"),
        (put(DATA, Recipient="urn:other"), f"expected '{ACS_URL}', received 'urn:other'"),
        (write("Issuer", "Other"), "expected 'JumpCloud', received 'Other'"),
    ],
)
def test_the_operator_reads_what_was_wrong(service, change, what):
    """The detail names what was compared with what."""
    with pytest.raises(Refused) as refused:
        service().assertion(tamper=change)
    assert what in refused.value.detail


@pytest.mark.parametrize("skew", [0, 60, 300])
@pytest.mark.parametrize("path", [DATA, CONDITIONS])
def test_only_our_own_skew_counts(service, skew, path):
    """The end of validity moves with `idp.clock_skew`, to the second, in both places alike."""
    demanding = service(clock_skew=skew)
    assert demanding.outcome(tamper=moved(path, NotOnOrAfter=1 - skew)) == "ok"
    assert service(clock_skew=skew).outcome(tamper=moved(path, NotOnOrAfter=-skew)) == "expired"
    assert service(clock_skew=skew).outcome(tamper=moved(path, NotBefore=skew)) == "ok"
    assert service(clock_skew=skew).outcome(tamper=moved(path, NotBefore=skew + 1)) == "not_yet_valid"


@pytest.mark.parametrize(
    ("demands", "instant", "code"),
    [
        ({"max_authn_age": 600}, -779, "ok"),
        ({"max_authn_age": 600}, -780, "authentication_too_old"),
        ({"force_authn": True}, -180, "ok"),
        ({"force_authn": True}, -181, "authentication_too_old"),
        ({"force_authn": True, "max_authn_age": 60}, -180, "ok"),
        ({"max_age": 30}, -10_000, "ok"),
    ],
)
def test_how_long_ago_somebody_authenticated(service, demands, instant, code):
    """An old authentication is refused where `idp.max_authn_age` or `idp.force_authn` say so."""
    assert service(**demands).outcome(tamper=moved(STATEMENT, AuthnInstant=instant)) == code


def test_force_authn_is_about_the_request(service, saml_clock):
    """With `idp.force_authn` an authentication from before the request is stale, however late the answer."""
    waiting = service(force_authn=True, max_age=3600)
    before = saml_clock.time() - 181
    saml_clock.advance(1000)
    assert waiting.outcome(authenticated=before) == "authentication_too_old"
    assert waiting.outcome(authenticated=before + 181) == "ok"


MFA = "https://refeds.org/profile/mfa"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
CLASS = f"{STATEMENT}/AuthnContext/AuthnContextClassRef"


@pytest.mark.parametrize(
    ("accepted", "change", "code"),
    [
        pytest.param((), write(CLASS, "urn:any"), "ok", id="nothing demanded"),
        pytest.param((), write(CLASS, " "), "authn_context_mismatch", id="nothing demanded, and empty"),
        pytest.param(
            (),
            together(
                drop(CLASS),
                add(f"{STATEMENT}/AuthnContext", "<saml:AuthnContextDeclRef>x</saml:AuthnContextDeclRef>"),
            ),
            "ok",
            id="nothing demanded, and none",
        ),
        pytest.param((MFA,), nothing, "authn_context_mismatch", id="another"),
        pytest.param((MFA, PASSWORD), nothing, "ok", id="one of two"),
        pytest.param((MFA,), write(CLASS, f"\n {MFA} "), "ok", id="layout around it"),
        pytest.param((MFA,), write(CLASS, MFA + "x"), "authn_context_mismatch", id="longer"),
        pytest.param((MFA,), write(CLASS, ""), "authn_context_mismatch", id="empty"),
        pytest.param(
            (MFA,),
            together(
                drop(CLASS),
                add(f"{STATEMENT}/AuthnContext", "<saml:AuthnContextDeclRef>x</saml:AuthnContextDeclRef>"),
            ),
            "authn_context_mismatch",
            id="none",
        ),
    ],
)
def test_how_somebody_authenticated(service, accepted, change, code):
    """With `idp.authn_context` one of its classes must be asserted; none and an empty one don't count."""
    assert service(authn_context=accepted).outcome(tamper=change) == code


def test_the_end_of_their_session_may_be_ignored(service):
    """Where `session.idp_end` is ignore, SessionNotOnOrAfter neither refuses nor shows."""
    ignoring = service(honour_session_end=False)
    assertion = ignoring.assertion(session_not_on_or_after=10)
    assert assertion.session_not_on_or_after is None


def test_long_validity_is_capped_and_not_refused(service, saml_clock):
    """A message that says that it is good for a day is taken, and is good for `idp.max_validity`."""
    capped = service(max_validity=600).assertion(conditions_after=86_400, confirmation_after=86_400)
    assert capped.expires == int(saml_clock.time()) + 600
    as_said = service().assertion(conditions_after=240, confirmation_after=86_400)
    assert as_said.expires == int(saml_clock.time()) + 240
    as_said = service().assertion(conditions_after=86_400, confirmation_after=120)
    assert as_said.expires == int(saml_clock.time()) + 120


@pytest.mark.parametrize(("age", "code"), [(239, "ok"), (240, "expired")])
def test_the_cap_begins_when_the_message_was_made(service, age, code):
    """`idp.max_validity` counts from IssueInstant, whatever else is later."""
    demanding = service(max_validity=60, max_age=3600)
    assert demanding.outcome(tamper=moved("Assertion", IssueInstant=-age)) == code


def test_the_request_of_another_identity_provider(service):
    """A request that went to another identity provider isn't answered by this one."""
    one = service()
    foreign = PendingRequest(one.request.id, "/", "another", one.request.created)
    form = one.idp.response("wiki", "mara", in_response_to=foreign.id)
    with pytest.raises(Refused, match="issuer_mismatch"):
        one.consume(form, foreign)


@pytest.mark.parametrize(
    ("response", "confirmation", "code"),
    [
        (None, None, "ok"),
        ("_somebodys", None, "in_response_to_mismatch"),
        (None, "_somebodys", "in_response_to_mismatch"),
        ("_somebodys", "_somebodys", "in_response_to_mismatch"),
    ],
)
def test_an_unsolicited_response_answers_nothing(service, response, confirmation, code):
    """Where unsolicited responses are accepted, one that answers somebody's request isn't."""
    one = service()
    change = together(put(".", InResponseTo=response), put(DATA, InResponseTo=confirmation))
    form = one.idp.response("wiki", "mara", tamper=change)
    message = one.provider.read(form.fields["SAMLResponse"].encode())
    if code == "ok":
        assert one.provider.consume(message, None)
        return
    with pytest.raises(Refused, match=code):
        one.provider.consume(message, None)


@pytest.mark.parametrize(
    ("where", "claimed"),
    [
        (together(put(".", InResponseTo="_a"), put(DATA, InResponseTo="_b")), "_a"),
        (together(put(".", InResponseTo=None), put(DATA, InResponseTo="_b")), "_b"),
        (together(put(".", InResponseTo=None), put(DATA, InResponseTo=None)), None),
    ],
)
def test_what_a_response_claims_to_answer(service, where, claimed):
    """A request that is named anywhere makes a response a solicited one."""
    one = service()
    form = one.idp.response("wiki", "mara", tamper=where)
    assert one.provider.read(form.fields["SAMLResponse"].encode()).in_response_to == claimed


@pytest.mark.parametrize(
    ("status", "explanation"),
    [
        (("Responder", "AuthnFailed"), "It couldn't establish who you are."),
        (("Responder", "RequestDenied"), "It doesn't allow you to use this application."),
        (("Requester", "NoAuthnContext"), "You would have to sign in there in another way."),
        (("Responder", "UnknownPrincipal"), "It doesn't know you."),
        (("Responder", "<script>alert(1)</script>"), ""),
        (("Responder",), ""),
        (("Success",), ""),
    ],
)
def test_a_status_without_an_assertion(service, status, explanation):
    """A response that is only a status refuses, with a sentence from our own list."""
    one = service()
    form = one.idp.error_response("wiki", *status, message="secret", in_response_to=one.request.id)
    with pytest.raises(Refused) as refused:
        one.consume(form)
    assert refused.value.code == "idp_refused"
    assert refused.value.explanation == explanation
    assert status[-1] in refused.value.detail


@pytest.mark.parametrize("answers", [None, "_other"])
def test_a_status_for_another_request(service, answers):
    """A status that doesn't answer this browser's request tells it nothing."""
    one = service()
    form = one.idp.error_response("wiki", in_response_to=answers)
    with pytest.raises(Refused) as refused:
        one.consume(form)
    assert (refused.value.code, refused.value.explanation) == ("in_response_to_mismatch", "")


def test_codes_deep_inside_each_other(service):
    """However many status codes are nested, few are looked at, and it stays a refusal."""
    one = service()
    form = one.idp.error_response("wiki", *["Responder"] * 30, in_response_to=one.request.id)
    with pytest.raises(Refused, match="idp_refused") as refused:
        one.consume(form)
    assert refused.value.detail.count("Responder") == 4
