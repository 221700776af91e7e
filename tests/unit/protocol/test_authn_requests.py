"""Our requests: what they say, that they follow the schema, and that others can verify them."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import onelogin.saml2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from saml_wsgi.protocol import metadata
from saml_wsgi.protocol.idp import Fixed, read_metadata
from saml_wsgi.protocol.provider import Demands, ServiceProvider, SigningKey
from saml_wsgi.protocol.requests import PendingRequests, fingerprint
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.testing import keys
from saml_wsgi.testing.metadata import uploaded
from saml_wsgi.testing.requests import read_post, read_redirect
from tests.unit.protocol.conftest import ACS_URL, ENTITY_ID, SECRET

SCHEMAS = Path(onelogin.saml2.__file__).parent / "schemas"
PAIR = keys.SigningKey.cached("service")


def schema(name):
    return etree.XMLSchema(etree.parse(str(SCHEMAS / name)))


@pytest.fixture
def provider(saml_idp, saml_clock):
    """Makes service providers by what they send and sign."""

    def make(binding="redirect", *, sign=False, location="", entity_id=ENTITY_ID, **demands):
        text = saml_idp.metadata("wiki")
        if location:
            text = text.replace("https://sso.example.test/saml2/wiki", location)
        return ServiceProvider(
            entity_id=entity_id,
            acs_url=ACS_URL,
            source=Fixed(read_metadata(text.encode(), request_binding=binding), saml_clock),
            pending=PendingRequests(Keys(SECRET, context="wiki"), saml_clock),
            store=MemoryStore(clock=saml_clock),
            clock=saml_clock,
            demands=Demands(**demands),
            signing_key=SigningKey(PAIR.private_key.decode(), PAIR.certificate.decode()) if sign else None,
        )

    return make


def xml_of(outgoing):
    if outgoing.fields:
        return base64.b64decode(outgoing.fields["SAMLRequest"])
    packed = parse_qs(urlsplit(outgoing.url).query)["SAMLRequest"][0]
    return zlib.decompress(base64.b64decode(packed), wbits=-15)


@pytest.mark.parametrize("binding", ["redirect", "post"])
@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize("force_authn", [False, True])
@pytest.mark.parametrize("authn_context", [(), ("urn:a",), ("urn:a", "urn:b?x=1&y=2")])
def test_requests_follow_the_schema(provider, binding, sign, force_authn, authn_context):
    """Whatever is asked for, the request is valid SAML and says exactly that."""
    one = provider(binding, sign=sign, force_authn=force_authn, authn_context=authn_context)
    outgoing = one.request("/x")
    root = etree.fromstring(xml_of(outgoing))
    schema("saml-schema-protocol-2.0.xsd").assertValid(root)
    assert root.get("ID") == outgoing.pending.id
    assert root.get("Destination") == "https://sso.example.test/saml2/wiki"
    assert root.get("AssertionConsumerServiceURL") == ACS_URL
    assert root.get("ForceAuthn") == ("true" if force_authn else None)
    assert root.findtext("{*}Issuer") == ENTITY_ID
    assert [element.text for element in root.iter("{*}AuthnContextClassRef")] == list(authn_context)
    assert root.find("{*}NameIDPolicy") is None


@pytest.mark.parametrize("attempt", [0, 1])
def test_the_relay_state_counts(provider, attempt):
    """The relay state tells which attempt this is, and nothing else about the request."""
    one = provider()
    outgoing = one.request("/secret/page", attempt=attempt)
    relay_state = parse_qs(urlsplit(outgoing.url).query)["RelayState"][0]
    assert one.pending.attempt(relay_state) == attempt
    assert "secret" not in relay_state
    assert outgoing.pending.target == "/secret/page"


def test_what_needs_escaping_is_escaped(provider):
    """Free text in an entity id or an address can't break out of the XML."""
    entity_id = "a & b <c> \"d\" 'e'"
    one = provider(entity_id=entity_id, location="https://sso.example.test/?a=1&amp;b='2'")
    root = etree.fromstring(xml_of(one.request("/")))
    assert root.findtext("{*}Issuer") == entity_id
    assert root.get("Destination") == "https://sso.example.test/?a=1&b='2'"


def test_a_signed_redirect_verifies(provider):
    """The redirect's signature is RSA-SHA256 over the octets as they are sent."""
    outgoing = provider("redirect", sign=True, location="https://sso.example.test/saml2/wiki?x=1").request(
        "/x"
    )
    query = urlsplit(outgoing.url).query.removeprefix("x=1&")
    signed, _, signature = query.partition("&Signature=")
    assert [name for name, _ in parse_qsl(signed)] == ["SAMLRequest", "RelayState", "SigAlg"]
    value = base64.b64decode(parse_qs(f"s={signature}")["s"][0], validate=True)
    key = x509.load_pem_x509_certificate(PAIR.certificate).public_key()
    key.verify(value, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert parse_qs(query)["SigAlg"] == ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"]


@pytest.mark.parametrize("binding", ["redirect", "post"])
@pytest.mark.parametrize("sign", [False, True])
def test_the_identity_provider_takes_it(provider, binding, sign):
    """With our metadata uploaded, the identity provider verifies our requests by either binding."""
    one = provider(binding, sign=sign)
    app = uploaded("wiki", one.metadata(), unsigned_with_certificate="refuse")
    outgoing = one.request("/x")
    if binding == "post":
        from urllib.parse import urlencode

        assert outgoing.url == "https://sso.example.test/saml2/wiki"
        found = read_post(app, urlencode(outgoing.fields).encode())
    else:
        assert outgoing.fields == {}
        found = read_redirect(app, urlsplit(outgoing.url).query)
    assert (found.id, found.issuer, found.acs_url, found.signed) == (
        outgoing.pending.id,
        ENTITY_ID,
        ACS_URL,
        sign,
    )


def test_only_rsa_signs(provider):
    """A key of another kind doesn't start."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    from saml_wsgi.protocol.provider import _load_key

    with pytest.raises(TypeError, match="RSA"):
        _load_key(pem.decode())


@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize(
    ("signed", "wants"), [("either", "false"), ("response", "false"), ("assertion", "true"), ("both", "true")]
)
def test_our_metadata(provider, sign, signed, wants):
    """Our metadata follows the schema, and says what we sign, what we want signed and where we are."""
    root = etree.fromstring(provider(sign=sign, signed=signed).metadata())
    schema("saml-schema-metadata-2.0.xsd").assertValid(root)
    assert root.get("entityID") == ENTITY_ID
    role = root.find("{*}SPSSODescriptor")
    assert role.get("AuthnRequestsSigned") == ("true" if sign else "false")
    assert role.get("WantAssertionsSigned") == wants
    consumer = role.find("{*}AssertionConsumerService")
    assert consumer.get("Location") == ACS_URL
    assert consumer.get("Binding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    found = [element.text for element in role.iter("{*}X509Certificate")]
    assert found == ([PAIR.certificate_base64] * 2 if sign else [])
    uses = [descriptor.get("use") for descriptor in role.iter("{*}KeyDescriptor")]
    assert uses == (["signing", "encryption"] if sign else [])


def test_our_metadata_escapes():
    """Free text in an entity id can't break out of the metadata."""
    xml = metadata.write(
        entity_id="\"><x & 'y'",
        acs_url="https://wiki.example.test/saml/acs?a&b",
        certificate=None,
        signs_requests=False,
        wants_assertions_signed=False,
    )
    root = etree.fromstring(xml)
    assert root.get("entityID") == "\"><x & 'y'"
    assert root[0].find("{*}AssertionConsumerService").get("Location").endswith("?a&b")


def test_the_provider_follows_its_metadata(provider, saml_idp, saml_clock):
    """When the source names another provider, requests go there, and only its signatures count."""

    class Changing:
        def __init__(self, now):
            self.now = now

        def current(self):
            return self.now

    old = read_metadata(saml_idp.metadata("wiki").encode())
    source = Changing(old)
    one = ServiceProvider(
        entity_id=ENTITY_ID,
        acs_url=ACS_URL,
        source=source,
        pending=PendingRequests(Keys(SECRET, context="wiki"), saml_clock),
        store=MemoryStore(clock=saml_clock),
        clock=saml_clock,
    )
    assert one.idp_name == "JumpCloud"
    saml_idp.change_app("wiki", idp_entity_id="New", key=keys.SigningKey.cached("rotated"))
    source.now = read_metadata(saml_idp.metadata("wiki").encode(), request_binding="redirect")
    outgoing = one.request("/")
    assert outgoing.pending.idp == fingerprint("New")
    assert "New" == one.idp_name == one.identity_provider.entity_id
    form = saml_idp.response("wiki", "mara", in_response_to=outgoing.pending.id)
    message = one.read(form.fields["SAMLResponse"].encode())
    assert one.consume(message, outgoing.pending).issuer == "New"


def test_metadata_that_only_the_engine_refuses(saml_idp, saml_clock, caplog):
    """New metadata that turns out to be unusable is logged once, and what was good serves on."""
    good = read_metadata(saml_idp.metadata("wiki").encode())

    class Changing:
        now = good

        def current(self):
            return self.now

    source = Changing()
    one = ServiceProvider(
        entity_id=ENTITY_ID,
        acs_url=ACS_URL,
        source=source,
        pending=PendingRequests(Keys(SECRET, context="wiki"), saml_clock),
        store=MemoryStore(clock=saml_clock),
        clock=saml_clock,
    )
    source.now = dataclasses.replace(good, entity_id="New", certificates=())
    for _ in range(3):
        assert one.request("/").pending.idp == fingerprint("JumpCloud")
    assert caplog.text.count("new metadata can't be used") == 1
