"""Keys, certificates and metadata of JumpCloud's shape."""

import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

from saml_wsgi.testing import SigningKey
from saml_wsgi.testing.metadata import uploaded

WIKI = "https://wiki.example.test"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"


def certificate(key):
    return x509.load_pem_x509_certificate(key.certificate)


def test_certificates_look_like_those_of_jumpcloud():
    """Self-signed, the known subject, SHA-256, no extensions, exactly five years."""
    loaded = certificate(SigningKey.cached())
    assert loaded.subject == loaded.issuer
    assert loaded.subject.rfc4514_string() == (
        "CN=JumpCloudSAMLUser,OU=JumpCloudSAMLIdP,O=Example Organisation,L=Boulder,ST=CO,C=US"
    )
    begin, end = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    assert end == begin.replace(year=begin.year + 5)
    assert len(loaded.extensions) == 0
    assert loaded.signature_hash_algorithm.name == "sha256"
    loaded.verify_directly_issued_by(loaded)


def test_validity_can_be_anything():
    """Certificates of one key may be expired, about to expire, short, or begin on a leap day."""
    key, now = SigningKey.cached(), 1_800_000_000
    assert certificate(key.expired(now)).not_valid_after_utc.timestamp() == now - 86400
    assert certificate(key.about_to_expire(7, now)).not_valid_after_utc.timestamp() == now + 7 * 86400
    assert certificate(key.reissued(1, not_before=now)).not_valid_after_utc.timestamp() == now + 86400
    leap = certificate(key.reissued(not_before=1_835_395_200))
    assert leap.not_valid_before_utc.isoformat() == "2028-02-29T00:00:00+00:00"
    assert leap.not_valid_after_utc.isoformat() == "2033-03-01T00:00:00+00:00"
    assert certificate(key.expired()).public_key() == certificate(key).public_key()


def test_keys_are_made_once_a_process():
    """A label has one key, whoever asks first and however many at once; another label another key."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(SigningKey.cached("race"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.certificate for key in found}) == 1
    assert SigningKey.cached("race") is found[0]
    assert SigningKey.cached("rotated").private_key != SigningKey.cached().private_key


def test_keys_are_kept_in_files_of_their_owner(tmp_path):
    """What was saved is loaded again; the file is the owner's alone, even if it was there before."""
    path = tmp_path / "idp.pem"
    path.touch(mode=0o644)
    SigningKey.cached().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = SigningKey.load(path)
    assert loaded.certificate_base64 == SigningKey.cached().certificate_base64


def test_unusable_keys_are_refused():
    """Another kind of key, one with a passphrase, or a certificate of another key is a ValueError."""
    key = SigningKey.cached()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem, serialization.NoEncryption())
    private = serialization.load_pem_private_key(key.private_key, None)
    locked = private.private_bytes(*pem, serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(ValueError, match="RSA"):
        SigningKey.from_pem(curve, key.certificate)
    with pytest.raises(ValueError, match="encrypted"):
        SigningKey.from_pem(locked, key.certificate)
    with pytest.raises(ValueError, match="another key"):
        SigningKey.from_pem(key.private_key, SigningKey.cached("rotated").certificate)
    with pytest.raises(ValueError, match="PEM"):
        SigningKey.from_pem(b"", key.certificate)


def test_a_private_key_is_not_shown():
    """The repr of a key doesn't hold its private half."""
    assert "PRIVATE" not in repr(SigningKey.cached())


def test_metadata_has_the_exported_shape(saml_idp):
    """POST only, one certificate, the odd NameIDFormat, free-text entity id, no logout, no validUntil."""
    saml_idp.change_app("wiki", idp_entity_id='Our <JumpCloud> "Wiki" & more')
    root = etree.fromstring(saml_idp.metadata("wiki").encode())
    role = root[0]
    assert root.get("entityID") == 'Our <JumpCloud> "Wiki" & more'
    assert root.get("validUntil") is None
    assert role.get("WantAuthnRequestsSigned") == "false"
    assert [etree.QName(child).localname for child in role] == [
        "KeyDescriptor",
        "NameIDFormat",
        "SingleSignOnService",
    ]
    assert role.findtext(f"{MD}NameIDFormat") == "urn:oasis:names:tc:SAML:1.0:nameid-format:unspecified"
    assert role.find(f"{MD}SingleSignOnService").attrib == {
        "Binding": POST,
        "Location": "https://sso.example.test/saml2/wiki",
    }
    saml_idp.change_app("wiki", declare_redirect=True)
    services = etree.fromstring(saml_idp.metadata("wiki").encode()).iter(f"{MD}SingleSignOnService")
    assert [service.get("Binding") for service in services] == [POST, REDIRECT]


def test_metadata_is_read_by_others(saml_idp):
    """python3-saml reads entity id, address and certificate from the metadata."""
    read = OneLogin_Saml2_IdPMetadataParser.parse(saml_idp.metadata("wiki"), required_sso_binding=POST)["idp"]
    assert read["entityId"] == "JumpCloud"
    assert read["singleSignOnService"]["url"] == saml_idp.sso_url("wiki")
    assert read["x509cert"] == saml_idp.key("wiki").certificate_base64


def service_provider(key="", services=""):
    return (
        f'<md:EntityDescriptor xmlns:md="{MD[1:-1]}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
        'entityID="https://wiki.example.test/saml/metadata"><md:SPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        f"{key}{services}</md:SPSSODescriptor></md:EntityDescriptor>"
    )


def test_uploading_metadata_fills_in_the_application():
    """Entity id, ACS URLs with the default first, and the certificate come from the metadata."""
    key = SigningKey.cached("sp")
    descriptor = (
        '<md:KeyDescriptor use="encryption"/><md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"\n{key.certificate_base64}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
    services = "".join(
        f'<md:AssertionConsumerService Binding="{binding}" Location="{WIKI}/{place}" {more}/>'
        for binding, place, more in [
            (POST, "second", 'index="2"'),
            (POST, "first", 'index="7" isDefault="true"'),
            ("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", "artifact", 'index="0"'),
        ]
    )
    app = uploaded("wiki", service_provider(descriptor, services), sign="both")
    assert app.sp_entity_id == "https://wiki.example.test/saml/metadata"
    assert app.acs_urls == ("https://wiki.example.test/first", "https://wiki.example.test/second")
    assert app.acs_url == "https://wiki.example.test/first"
    assert app.sign == "both"
    assert certificate(key) == x509.load_pem_x509_certificate(app.sp_certificate.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<", "well-formed"),
        ("<x/>", "one service provider"),
        (service_provider(), "HTTP-POST"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
    ],
)
def test_unusable_metadata_is_refused(text, reason):
    """What isn't a service provider's metadata is a ValueError that says why."""
    with pytest.raises(ValueError, match=reason):
        uploaded("wiki", text)
