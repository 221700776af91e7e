"""What the test identity provider says, read by an independent verifier: python3-saml."""

import base64
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from saml_wsgi.testing import App, FakeClock, JumpCloudIdP, Person, PostedForm, Shape, SigningKey
from saml_wsgi.testing.people import PEOPLE

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def read(idp: JumpCloudIdP, form: PostedForm, **security: bool) -> OneLogin_Saml2_Response:
    """The message as python3-saml reads it, configured for the application of the fixture."""
    app = idp.app("wiki")
    configured = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": app.sp_entity_id,
                "assertionConsumerService": {"url": app.acs_url},
            },
            "idp": {
                "entityId": app.idp_entity_id,
                "singleSignOnService": {"url": idp.sso_url(app)},
                "x509cert": idp.key(app).certificate_base64,
            },
            "security": {
                "allowRepeatAttributeName": True,
                "wantAttributeStatement": False,
                "rejectDeprecatedAlgorithm": True,
                **security,
            },
        }
    )
    return OneLogin_Saml2_Response(configured, form.fields["SAMLResponse"])


def valid(idp: JumpCloudIdP, form: PostedForm, request_id: str | None = None, **security: bool) -> bool:
    """Whether python3-saml accepts it."""
    response = read(idp, form, **security)
    request = {"https": "on", "http_host": "wiki.example.test", "script_name": "/saml/acs"}
    return response.is_valid(request, request_id)


def tree(form: PostedForm) -> etree._Element:
    return etree.fromstring(form.message)


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
@pytest.mark.parametrize("prefixes", [("saml2p", "saml2", "ds"), ("samlp", "saml", "dsig"), ("", "", "")])
@pytest.mark.parametrize("groups", ["one", "repeated"])
def test_signed_messages_verify(saml_idp, sign, prefixes, groups):
    """A message verifies whatever is signed, with any prefixes, with both shapes of groups."""
    protocol, assertion, signature = prefixes
    form = saml_idp.response(
        "wiki",
        "soren",
        in_response_to="_request",
        sign=sign,
        groups=groups,
        protocol_prefix=protocol,
        assertion_prefix=assertion,
        signature_prefix=signature,
    )
    want = {"wantMessagesSigned": sign != "assertion", "wantAssertionsSigned": sign != "response"}
    assert valid(saml_idp, form, "_request", **want)
    said = read(saml_idp, form)
    said.is_valid({"https": "on", "http_host": "wiki.example.test", "script_name": "/saml/acs"}, "_request")
    assert said.get_nameid() == "soren@example.test"
    assert said.get_attributes()["memberOf"] == ["Staff", "Büro Köln", 'R&D <"Labs">']
    assert said.get_attributes()["lastname"] == ["O'Brien & Sønner"]
    expected = {"response": 1, "assertion": 1, "both": 2}[sign]
    assert len(list(tree(form).iter(f"{DS}Signature"))) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"canonicalisation": "exclusive with comments"},
        {"canonicalisation": "inclusive"},
        {"canonicalisation": "inclusive 1.1"},
        {"xsi_type": True, "inclusive_namespaces": "xs"},
        {"key_info": False},
        {"signature_lines": "crlf"},
        {"signature_lines": "none"},
        {"timestamps": "milliseconds"},
        {"indented": True},
        {"indented": True, "padded_name_id": True},
        {"attribute_order": "shuffled"},
        {"session_index": False, "session_not_on_or_after": 3600},
        {"name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"},
        {"empty_fields": "sent", "attributes": (("department", "department"),)},
        {"xml_declaration": False},
        {"attributes": (), "group_attribute": ""},
        {"constant_attributes": (("Role", "one"), ("Role", "two"))},
        {"nameid_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"},
    ],
    ids=", ".join,
)
def test_every_guess_can_be_varied_and_still_verifies(saml_idp, changes):
    """Whatever a knob is set to, both signatures of the message verify and it follows the schema."""
    form = saml_idp.response("wiki", "mara", in_response_to="_request", sign="both", **changes)
    assert valid(saml_idp, form, "_request", wantMessagesSigned=True, wantAssertionsSigned=True)


def test_sha1_is_an_algorithm_on_offer_that_a_strict_verifier_refuses(saml_idp):
    """algorithm=sha1 signs with SHA-1: accepted where that is allowed, refused where it is deprecated."""
    form = saml_idp.response("wiki", "mara", in_response_to="_request", algorithm="sha1")
    assert valid(saml_idp, form, "_request", rejectDeprecatedAlgorithm=False)
    assert not valid(saml_idp, form, "_request")


def test_an_unsigned_message_is_possible_and_refused_by_others(saml_idp):
    """sign=none makes a message without any signature."""
    form = saml_idp.response("wiki", "mara", in_response_to="_request", sign="none")
    assert not list(tree(form).iter(f"{DS}Signature"))
    assert not valid(saml_idp, form, "_request")


def test_a_change_after_signing_breaks_the_signature(saml_idp):
    """What tamper_signed does: it changes what was signed, so that the signature doesn't hold any more."""

    def promote(response):
        response.find(f".//{SAML}NameID").text = "yuki@example.test"

    form = saml_idp.response("wiki", "mara", in_response_to="_request", tamper_signed=promote)
    assert b"yuki@example.test" in form.message
    assert not valid(saml_idp, form, "_request")


def test_a_change_before_signing_is_signed(saml_idp):
    """What tamper does: it changes the message before the key signs it; it may return another root."""

    def rename(response):
        copy = etree.fromstring(etree.tostring(response))
        copy.find(f".//{SAML}NameID").text = "another"
        return copy

    form = saml_idp.response("wiki", "mara", in_response_to="_request", tamper=rename)
    assert valid(saml_idp, form, "_request")
    assert tree(form).findtext(f".//{SAML}NameID") == "another"


def test_a_message_can_be_signed_without_issuer_and_id(saml_idp):
    """Whatever tamper takes away, a signature is made: attackers have keys of their own, too."""

    def strip(response):
        response.remove(response.find(f"{SAML}Issuer"))
        del response.attrib["ID"]

    form = saml_idp.response("wiki", "mara", tamper=strip, sign="response")
    assert tree(form)[0].tag == f"{DS}Signature"
    assert tree(form).find(f".//{DS}Reference").get("URI") == ""


def test_nobody_asked(saml_idp):
    """An IdP-initiated answer has no InResponseTo and carries the default RelayState."""
    form = saml_idp.response("wiki", "mara", default_relay_state="/start")
    assert b"InResponseTo" not in form.message
    assert form.fields["RelayState"] == "/start"
    assert form.url == "https://wiki.example.test/saml/acs"


def test_somebody_asked(saml_idp):
    """A solicited answer names the request twice and carries only the RelayState that is given."""
    form = saml_idp.response("wiki", "mara", in_response_to="_r", default_relay_state="/start")
    assert form.message.count(b'InResponseTo="_r"') == 2
    assert "RelayState" not in form.fields
    other = saml_idp.response("wiki", "mara", in_response_to="_r", relay_state="x y&z")
    assert other.fields["RelayState"] == "x y&z"
    assert other.body.endswith(b"&RelayState=x+y%26z")
    silent = saml_idp.response("wiki", "mara", in_response_to="_r", names_request=False)
    assert b"InResponseTo" not in silent.message
    assert "RelayState" not in silent.fields


def test_the_form_holds_plain_base64(saml_idp):
    """SAMLResponse is base64 of the XML itself, not deflated."""
    form = saml_idp.response("wiki", "mara")
    assert base64.b64decode(form.fields["SAMLResponse"], validate=True).startswith(b"<?xml")
    assert form.message == base64.b64decode(form.fields["SAMLResponse"])


def test_times_come_from_the_clock_and_the_knobs(saml_idp, saml_clock):
    """Every instant is the clock's time, moved by the window that the knobs give."""
    saml_clock.set(1_800_000_000.25)
    form = saml_idp.response(
        "wiki",
        "mara",
        authenticated=1_799_999_000,
        conditions_before=60,
        conditions_after=120,
        confirmation_after=30,
        session_not_on_or_after=600,
    )
    root = tree(form)
    assert root.get("IssueInstant") == "2027-01-15T08:00:00Z"
    conditions = root.find(f".//{SAML}Conditions")
    assert conditions.get("NotBefore") == "2027-01-15T07:59:00Z"
    assert conditions.get("NotOnOrAfter") == "2027-01-15T08:02:00Z"
    assert root.find(f".//{SAML}SubjectConfirmationData").get("NotOnOrAfter") == "2027-01-15T08:00:30Z"
    statement = root.find(f".//{SAML}AuthnStatement")
    assert statement.get("AuthnInstant") == "2027-01-15T07:43:20Z"
    assert statement.get("SessionNotOnOrAfter") == "2027-01-15T08:10:00Z"
    precise = saml_idp.response("wiki", "mara", timestamps="milliseconds", now=1_800_000_000.25)
    assert tree(precise).get("IssueInstant") == "2027-01-15T08:00:00.250Z"


def test_the_default_is_the_skeleton_of_the_facts(saml_idp):
    """Without knobs: response signed, exclusive canonicalisation, JumpCloud's NameID format, no extras."""
    root = tree(saml_idp.response("wiki", "mara", in_response_to="_r"))
    assert [child.tag for child in root] == [
        f"{SAML}Issuer",
        f"{DS}Signature",
        f"{SAMLP}Status",
        f"{SAML}Assertion",
    ]
    assert root.prefix == "saml2p"
    assertion = root.find(f"{SAML}Assertion")
    assert assertion.prefix == "saml2"
    assert [etree.QName(child).localname for child in assertion] == [
        "Issuer",
        "Subject",
        "Conditions",
        "AuthnStatement",
        "AttributeStatement",
    ]
    name_id = root.find(f".//{SAML}NameID")
    assert name_id.get("Format") == "urn:oasis:names:tc:SAML:1.0:nameid-format:unspecified"
    assert name_id.text == "mara@example.test"
    assert root.findtext(f".//{SAML}Audience") == "https://wiki.example.test/saml/metadata"
    assert root.find(f".//{SAML}Attribute").get("NameFormat") is None
    assert root.find(f".//{SAML}AttributeValue").get(XSI_TYPE) is None
    methods = {element.get("Algorithm") for element in root.iter(f"{DS}CanonicalizationMethod")}
    assert methods == {"http://www.w3.org/2001/10/xml-exc-c14n#"}
    assert root.find(f".//{DS}X509Certificate") is not None


def test_knobs_show_in_the_message(saml_idp):
    """What a knob says is what the message has."""
    root = tree(
        saml_idp.response(
            "wiki",
            "mara",
            xsi_type=True,
            inclusive_namespaces="xs",
            name_format="urn:test:format",
            authn_context="urn:test:context",
            key_info=False,
            session_index=False,
            nameid_field="employee_identifier",
            idp_entity_id="free text / not a URI",
            groups_included="bound",
            bound_groups=("Staff",),
            acs_url="https://elsewhere.example.test/",
        )
    )
    assert root.find(f".//{SAML}AttributeValue").get(XSI_TYPE) == "xs:string"
    assert root.find(f".//{SAML}Attribute").get("NameFormat") == "urn:test:format"
    assert root.findtext(f".//{SAML}AuthnContextClassRef") == "urn:test:context"
    assert root.find(f".//{DS}KeyInfo") is None
    assert root.find(f".//{SAML}AuthnStatement").get("SessionIndex") is None
    assert root.findtext(f".//{SAML}NameID") == "E-0409"
    assert {element.text for element in root.iter(f"{SAML}Issuer")} == {"free text / not a URI"}
    assert root.get("Destination") == "https://elsewhere.example.test/"
    assert groups(root) == [["Staff"]]
    prefix_list = root.find(".//{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces")
    assert prefix_list.get("PrefixList") == "xs"


def groups(root: etree._Element) -> list[list[str]]:
    return [
        [value.text for value in attribute]
        for attribute in root.iter(f"{SAML}Attribute")
        if attribute.get("Name") == "memberOf"
    ]


def test_groups_come_in_both_shapes(saml_idp):
    """groups=one is one Attribute of many values, groups=repeated an Attribute for each."""
    assert groups(tree(saml_idp.response("wiki", "jose"))) == [["Staff", "Finance, Controlling"]]
    repeated = tree(saml_idp.response("wiki", "jose", groups="repeated"))
    assert groups(repeated) == [["Staff"], ["Finance, Controlling"]]


def test_empty_fields_are_omitted_or_sent(saml_idp):
    """A field without a value gives no Attribute, or an empty one."""
    changes = {"attributes": (("dept", "department"),), "group_attribute": ""}
    assert tree(saml_idp.response("wiki", "mara", **changes)).find(f".//{SAML}AttributeStatement") is None
    root = tree(saml_idp.response("wiki", "mara", **changes, empty_fields="sent"))
    assert root.find(f".//{SAML}Attribute[@Name='dept']/{SAML}AttributeValue").text is None


def test_shuffled_attributes_are_the_same_attributes(saml_idp):
    """Shuffling changes the order of attributes sooner or later, and nothing else."""
    orders = {
        tuple(
            element.get("Name")
            for element in tree(
                saml_idp.response("wiki", "mara", attribute_order="shuffled", sign="none")
            ).iter(f"{SAML}Attribute")
        )
        for _ in range(60)
    }
    assert len(orders) > 1
    assert {frozenset(order) for order in orders} == {
        frozenset({"email", "username", "firstname", "lastname", "displayname", "memberOf"})
    }


def test_an_error_response_has_a_status_and_no_assertion(saml_idp):
    """error_response says no in SAML, with nested status codes and a message."""
    form = saml_idp.error_response("wiki", "Responder", "RequestDenied", message="<no>", in_response_to="_r")
    root = tree(form)
    codes = [element.get("Value").rpartition(":")[2] for element in root.iter(f"{SAMLP}StatusCode")]
    assert codes == ["Responder", "RequestDenied"]
    assert root.findtext(f".//{SAMLP}StatusMessage") == "<no>"
    assert root.find(f"{SAML}Assertion") is None
    assert root.find(f"{DS}Signature") is not None
    unsigned = tree(saml_idp.error_response("wiki", sign="assertion"))
    assert unsigned.find(f"{DS}Signature") is None


def test_each_application_may_have_a_key_of_its_own(saml_idp):
    """A rotated key signs at once, and the old certificate doesn't verify the new signature."""
    old = saml_idp.key("wiki").certificate
    saml_idp.change_app("wiki", key=SigningKey.cached("rotated"))
    assert saml_idp.key("wiki").certificate != old
    form = saml_idp.response("wiki", "mara", in_response_to="_r")
    assert valid(saml_idp, form, "_r")
    saml_idp.change_app("wiki", key=None)
    assert not valid(saml_idp, form, "_r")


def test_identifiers_are_never_used_twice(saml_idp):
    """Every Response and every assertion has an ID of its own that is an NCName."""
    identifiers = []
    for _ in range(5):
        root = tree(saml_idp.response("wiki", "mara", sign="none"))
        identifiers += [root.get("ID"), root.find(f"{SAML}Assertion").get("ID")]
    assert len(set(identifiers)) == 10
    assert all(identifier.startswith("_") for identifier in identifiers)


XML_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
).filter(lambda text: not any(ord(letter) & 0xFFFE == 0xFFFE for letter in text))

IDP = JumpCloudIdP(
    apps=[App.for_service("wiki", "https://wiki.example.test")], clock=FakeClock(), key=SigningKey.cached()
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=XML_TEXT, group=XML_TEXT, entity=XML_TEXT)
def test_every_text_arrives_as_it_was(name, group, entity):
    """Whatever XML can hold, in names, groups and the entity id, is read back unchanged."""
    person = Person(username="p", email="p@example.test", displayname=name, groups=(group, "<&>\"'"))
    root = tree(IDP.response("wiki", person, sign="both", idp_entity_id=entity))
    assert root.findtext(f"{SAML}Issuer") == entity
    assert root.findtext(f".//{SAML}Attribute[@Name='displayname']/{SAML}AttributeValue") == name
    assert groups(root) == [[group, "<&>\"'"]]


def test_wrong_knobs_are_refused():
    """A value that a knob doesn't have is a ValueError, an unknown knob a TypeError."""
    with pytest.raises(ValueError, match="sign: 'everything'"):
        App.for_service("wiki", "https://wiki.example.test", sign="everything")
    with pytest.raises(ValueError, match="canonicalisation"):
        Shape(canonicalisation="c14n")
    with pytest.raises(ValueError, match="honours: unknown"):
        Shape(honours=frozenset({"everything"}))
    with pytest.raises(ValueError, match="signature_prefix"):
        Shape(signature_prefix="a b")
    with pytest.raises(ValueError, match="inclusive_namespaces"):
        Shape(canonicalisation="inclusive", inclusive_namespaces="xs")
    with pytest.raises(ValueError, match="name"):
        App(name="a/b", sp_entity_id="x", acs_urls=("https://x/",))
    with pytest.raises(ValueError, match="acs_urls"):
        App(name="a", sp_entity_id="x", acs_urls=())
    with pytest.raises(ValueError, match="default_acs_url"):
        App(name="a", sp_entity_id="x", acs_urls=("https://x/",), default_acs_url="https://y/")
    with pytest.raises(TypeError):
        App.for_service("wiki", "https://wiki.example.test", colour="blue")
    with pytest.raises(ValueError, match="unknown state"):
        Person(username="x", state="asleep")
    with pytest.raises(ValueError, match="username"):
        Person(username="")
    with pytest.raises(ValueError, match="base_url"):
        JumpCloudIdP("https://sso.example.test/below")
    with pytest.raises(LookupError):
        IDP.app("unknown")
    with pytest.raises(LookupError):
        IDP.response("wiki", "nobody")


def test_a_password_is_never_sent_nor_shown():
    """No message holds the password, and neither does the person's repr."""
    mara = PEOPLE[0]
    assert mara.password
    assert mara.password not in repr(mara)
    assert mara.password.encode() not in IDP.response("wiki", mara).message


def test_the_default_clock_is_the_real_one():
    """Without a clock, messages are made by the real time."""
    idp = JumpCloudIdP(apps=IDP.apps, key=SigningKey.cached())
    before = int(time.time())
    issued = tree(idp.response("wiki", "mara")).get("IssueInstant")
    assert before <= time.mktime(time.strptime(issued, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone <= time.time()
