"""Metadata as JumpCloud exports it, as others write it, and what somebody saved instead of it."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from saml_wsgi.errors import ConfigurationError, IdentityProviderUnavailable
from saml_wsgi.protocol import bindings
from saml_wsgi.protocol.idp import (
    Fixed,
    IdentityProvider,
    check_certificate,
    check_entity_id,
    check_sso_url,
    read_metadata,
)
from saml_wsgi.testing.keys import SigningKey

MD = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
SSO = "https://sso.example.test/saml2/wiki"


def certified(key):
    """A self-signed certificate of any key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def body(pem):
    return "".join(line for line in pem.splitlines() if not line.startswith("-"))


def key_descriptor(pem=None, use='use="signing"'):
    text = body(pem) if pem is not None else SigningKey.cached().certificate_base64
    return (
        f"<md:KeyDescriptor {use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate>"
        "</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def service(binding=bindings.POST, location=SSO):
    return f'<md:SingleSignOnService Binding="{binding}" Location="{location}"/>'


def role(*children, attributes='protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"'):
    return f"<md:IDPSSODescriptor {attributes}>{''.join(children)}</md:IDPSSODescriptor>"


def entity(*children, name="JumpCloud", attributes=""):
    inside = "".join(children or (role(key_descriptor(), service()),))
    return f'<md:EntityDescriptor {MD} entityID="{name}" {attributes}>{inside}</md:EntityDescriptor>'


def read(xml, **how):
    return read_metadata(xml.encode(), **how)


def problem(xml, **how):
    """The one problem that some metadata is refused with."""
    with pytest.raises(ConfigurationError) as error:
        read_metadata(xml if isinstance(xml, bytes) else xml.encode(), **how)
    (found,) = error.value.problems
    assert found.key == "idp.metadata"
    assert found.cure
    return found.reason


def test_jumpclouds_export(saml_idp):
    """JumpCloud's export is taken as it is: free-text entity id, one certificate, HTTP-POST alone."""
    saml_idp.change_app("wiki", idp_entity_id="jumpcloud / My App, Ltd.")
    provider = read(saml_idp.metadata("wiki"))
    assert provider == IdentityProvider(
        entity_id="jumpcloud / My App, Ltd.",
        sso_url=SSO,
        request_binding="post",
        certificates=provider.certificates,
        valid_until=None,
    )
    (pem,) = provider.certificates
    assert body(pem) == SigningKey.cached().certificate_base64
    assert max(map(len, pem.splitlines())) == 64


@pytest.mark.parametrize(
    ("host", "declared", "wanted", "chosen"),
    [
        ("sso.example.test", False, "auto", "post"),
        ("sso.example.test", True, "auto", "redirect"),
        ("sso.jumpcloud.com", False, "auto", "redirect"),
        ("sso.jumpcloud.com", True, "auto", "redirect"),
        ("sso.jumpcloud.com", True, "post", "post"),
        ("sso.example.test", False, "redirect", "redirect"),
        ("sso.example.test", True, "post", "post"),
    ],
)
def test_which_binding_requests_take(host, declared, wanted, chosen):
    """`auto` is HTTP-Redirect where it is declared and at JumpCloud, else HTTP-POST; a choice is kept."""
    location = f"https://{host}/saml2/wiki"
    services = [service(location=location)] + [service(bindings.REDIRECT, location)] * declared
    provider = read(entity(role(key_descriptor(), *services)), request_binding=wanted)
    assert (provider.request_binding, provider.sso_url) == (chosen, location)


def test_each_binding_has_its_address():
    """Where both are declared, the request goes to the address of the binding it takes."""
    both = entity(
        role(
            key_descriptor(),
            service("urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "https://sso.test/soap"),
            service(bindings.POST, "https://sso.test/post"),
            service(bindings.REDIRECT, "https://sso.test/redirect"),
            service(bindings.POST, "https://sso.test/second"),
        )
    )
    assert read(both).sso_url == "https://sso.test/redirect"
    assert read(both, request_binding="post").sso_url == "https://sso.test/post"


@pytest.mark.parametrize(
    ("host", "theirs"),
    [
        ("sso.jumpcloud.com", True),
        ("jumpcloud.com", True),
        ("SSO.JUMPCLOUD.COM", True),
        ("sso.eu.jumpcloud.com", True),
        ("sso.jumpcloud.com.evil.example", False),
        ("jumpcloud.com.evil.example", False),
        ("notjumpcloud.com", False),
        ("sso-jumpcloud.com", False),
        ("evil.example/sso.jumpcloud.com", False),
        ("sso.jumpcloud.com@evil.example", False),
    ],
)
def test_what_is_jumpcloud(host, theirs):
    """JumpCloud's habits apply at its own hosts only."""
    assert IdentityProvider("x", f"https://{host}/saml2/wiki", "post", ()).is_jumpcloud is theirs


def test_several_certificates():
    """All signing certificates count, once each, in their order; those for encryption don't."""
    old, new, other = SigningKey.cached(), SigningKey.cached("rotated"), SigningKey.cached("encryption")
    provider = read(
        entity(
            role(
                key_descriptor(old.certificate.decode()),
                key_descriptor(other.certificate.decode(), 'use="encryption"'),
                key_descriptor(new.certificate.decode(), ""),
                key_descriptor(old.certificate.decode()),
                service(),
            )
        )
    )
    assert [body(pem) for pem in provider.certificates] == [old.certificate_base64, new.certificate_base64]


def test_certificates_in_lines():
    """A certificate may be broken into lines and indented."""
    text = SigningKey.cached().certificate_base64
    broken = "\n        ".join(text[start : start + 50] for start in range(0, len(text), 50))
    pem = f"-----BEGIN\n{broken}\n-----END"
    assert "\n" not in body(read(entity(role(key_descriptor(pem), service()))).certificates[0])


def many(*names):
    return (
        f"<md:EntitiesDescriptor {MD}>{''.join(entity(name=name) for name in names)}</md:EntitiesDescriptor>"
    )


def test_metadata_of_many():
    """`idp.entity_id` picks one provider of many, wherever it is nested; one alone needs no choice."""
    assert read(many("a", "b"), entity_id="b").entity_id == "b"
    assert read(many("a")).entity_id == "a"
    nested = f"<md:EntitiesDescriptor {MD}>{many('x')}</md:EntitiesDescriptor>"
    assert read(nested).entity_id == "x"
    assert "several identity providers ('a', 'b')" in problem(many("a", "b"))
    assert "no identity provider 'c'" in problem(many("a", "b"), entity_id="c")
    assert "no identity provider 'A'" in problem(entity(name="a"), entity_id="A")


SP = '<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>'
OLD = 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"'


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        pytest.param("", "not XML metadata", id="empty"),
        pytest.param("<a>", "not XML metadata", id="cut off"),
        pytest.param("<!DOCTYPE html><html><br></html>", "not XML metadata", id="HTML"),
        pytest.param("<a/>", "not SAML metadata", id="other XML"),
        pytest.param(entity(SP), "of a service", id="a service provider's"),
        pytest.param(
            entity(role(key_descriptor(), service(), attributes=OLD)), "of a service", id="SAML 1.1"
        ),
        pytest.param(entity(role(service())), "no signing certificate", id="no certificate"),
        pytest.param(
            entity(role(key_descriptor(use='use="encryption"'), service())),
            "no signing certificate",
            id="encryption only",
        ),
        pytest.param(entity(role(key_descriptor())), "no SingleSignOnService", id="no address"),
        pytest.param(
            entity(role(key_descriptor(), service("urn:soap"))), "no SingleSignOnService", id="SOAP only"
        ),
        pytest.param(
            entity(role(key_descriptor("AAAA"), service())), "can't be read", id="no certificate in it"
        ),
        pytest.param(entity(role(key_descriptor("****"), service())), "isn't base64", id="not base64"),
        pytest.param(
            entity(role(key_descriptor(), service(location="http://sso.test/"))), "absolute https", id="http"
        ),
        pytest.param(
            entity(role(key_descriptor(), service(location=""))), "absolute https", id="empty address"
        ),
        pytest.param(entity(name=""), "entity id", id="no entity id"),
        pytest.param(entity(name="&lt;x&gt;"), "entity id", id="markup as entity id"),
        pytest.param(entity(attributes='validUntil="soon"'), "validUntil", id="validUntil is a word"),
        pytest.param(b"<a>" + b" " * 4 * 1024 * 1024, "4 MiB", id="huge"),
        pytest.param('<!DOCTYPE a [<!ENTITY x "y">]>' + entity(), "not XML metadata", id="DTD"),
    ],
)
def test_what_is_no_metadata(xml, reason):
    """Whatever isn't an identity provider's metadata is refused with what it is instead, and a cure."""
    assert reason in problem(xml)


def test_a_web_page_is_recognised():
    """Whoever saved the console's page instead of the file is told so."""
    with pytest.raises(ConfigurationError, match="looks like a web page"):
        read("<!DOCTYPE html><html><head><title>JumpCloud</title><br></html>")


def test_comments_are_harmless():
    """Comments are common in metadata."""
    assert (
        read(f"<!-- x -->{entity(role('<!-- y -->', key_descriptor(), service()))}").entity_id == "JumpCloud"
    )


@pytest.mark.parametrize(
    ("make", "fine"),
    [
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), True, id="RSA 2048"),
        pytest.param(lambda: rsa.generate_private_key(65537, 1024), False, id="RSA 1024"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), True, id="P-256"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP224R1()), False, id="P-224"),
    ],
)
def test_keys_that_are_too_weak(make, fine):
    """A key that can be broken isn't trusted."""
    pem = certified(make())
    if fine:
        assert check_certificate(pem) > dt.datetime.now(dt.UTC)
        return
    with pytest.raises(ConfigurationError, match="2048 bits or more"):
        check_certificate(pem, "idp.certificate")
    assert "2048" in problem(entity(role(key_descriptor(pem), service())))


def test_metadata_that_ended(saml_clock):
    """Metadata ends at the second that it, or what is around it, says; then nobody signs in."""
    until = dt.datetime.fromtimestamp(saml_clock.time() + 100, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    late = "2099-01-01T00:00:00Z"
    valid = 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" validUntil='
    for xml in (
        entity(attributes=f'validUntil="{until}"'),
        entity(
            role(key_descriptor(), service(), attributes=f'{valid}"{until}"'),
            attributes=f'validUntil="{late}"',
        ),
        f'<md:EntitiesDescriptor {MD} validUntil="{until}">{entity()}</md:EntitiesDescriptor>',
    ):
        source = Fixed(read(xml), saml_clock)
        start = saml_clock.time()
        saml_clock.advance(99)
        assert source.current().entity_id == "JumpCloud"
        saml_clock.advance(1)
        with pytest.raises(IdentityProviderUnavailable, match="ended on"):
            source.current()
        saml_clock.set(start)


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://sso.test/saml2/wiki", True),
        ("https://sso.test:8443/saml2?app=1", True),
        ("http://localhost:8000/saml2", True),
        ("http://127.0.0.1/", True),
        ("http://[::1]:8000/", True),
        ("http://sso.test/", False),
        ("http://localhost.evil.test/", False),
        ("http://127.evil.test/", False),
        ("ftp://sso.test/", False),
        ("javascript:alert(1)", False),
        ("//sso.test/", False),
        ("/saml2", False),
        ("https:///saml2", False),
        ("https://sso.test/#x", False),
        ("https://sso.test/a b", False),
        ("https://sso.test/a\nb", False),
        ("https://sso.test/\\x", False),
        ('https://sso.test/"x', False),
        ("https://käse.test/", False),
        ("https://sso.test:0/", False),
        ("https://sso.test:99999/", False),
        ("https://[::1/", False),
        ("", False),
    ],
)
def test_sign_on_addresses(url, fine):
    """Requests go to absolute https URLs, and without TLS only to this machine."""
    if fine:
        assert check_sso_url(url) == url
        return
    with pytest.raises(ConfigurationError, match=r"idp\.sso_url"):
        check_sso_url(url, "idp.sso_url")


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("JumpCloud", True),
        ("jumpcloud / My App, Ltd.", True),
        ("東京", True),
        ("x" * 256, True),
        ("x" * 257, False),
        ("", False),
        ("  ", False),
        ("a&b", False),
        ('a"b', False),
        ("a<b", False),
        ("a>b", False),
    ],
)
def test_entity_ids(name, fine):
    """An entity id is free text, but short, and nothing in it needs escaping."""
    if fine:
        assert check_entity_id(name) == name
        return
    with pytest.raises(ConfigurationError):
        check_entity_id(name)


def test_certificates_that_are_none():
    """What isn't a certificate is refused under the key that it was given for."""
    for text in ("", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ConfigurationError, match=r"idp\.certificate"):
            check_certificate(text, "idp.certificate")
    assert base64.b64decode(SigningKey.cached().certificate_base64)


@pytest.mark.parametrize(
    "url",
    ["https://user:pw@sso.test/x", "https://user@sso.test/x", "https://-sso-.test/", "https://sso..test/"],
)
def test_addresses_that_nobody_has(url):
    """A sign-on address has no user in it, and a host whose labels are labels."""
    with pytest.raises(ConfigurationError):
        check_sso_url(url)
