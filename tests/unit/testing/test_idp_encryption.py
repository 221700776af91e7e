"""The test identity provider's encryption, read by an independent reader: python3-saml."""

import dataclasses

import pytest
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from saml_wsgi.testing import SigningKey
from saml_wsgi.testing.encrypter import encrypted_assertion
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.metadata import uploaded

KEY = SigningKey.cached("service")
CERTIFICATE = KEY.certificate.decode()
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


def read(idp, form):
    """The message as python3-saml decrypts it."""
    app = idp.app("wiki")
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": app.sp_entity_id,
                "assertionConsumerService": {"url": app.acs_url},
                "x509cert": CERTIFICATE,
                "privateKey": KEY.private_key.decode(),
            },
            "idp": {
                "entityId": app.idp_entity_id,
                "singleSignOnService": {"url": idp.sso_url(app)},
                "x509cert": idp.key(app).certificate_base64,
            },
            "security": {"wantAttributeStatement": False, "wantAssertionsEncrypted": True},
        }
    )
    return OneLogin_Saml2_Response(settings, form.fields["SAMLResponse"])


@pytest.mark.parametrize("encrypt", ["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"])
@pytest.mark.parametrize("key_transport", ["rsa-oaep-mgf1p", "rsa-1_5"])
def test_another_reader_decrypts_it(saml_idp, encrypt, key_transport):
    """What is encrypted is the assertion, for the service's key; the signature covers the ciphertext."""
    form = saml_idp.response(
        "wiki", "mara", encrypt=encrypt, key_transport=key_transport, sp_certificate=CERTIFICATE
    )
    assert b"mara@example.test" not in form.message
    assert encrypt.encode() in form.message
    response = read(saml_idp, form)
    assert response.get_nameid() == "mara@example.test"
    request = {"https": "on", "http_host": "wiki.example.test", "script_name": "/saml/acs"}
    assert response.is_valid(request), response.get_error()


def test_nothing_is_encrypted_by_default(saml_idp):
    """JumpCloud encrypts nothing, so a certificate alone, which is for requests, changes nothing."""
    form = saml_idp.response("wiki", "mara", sp_certificate=CERTIFICATE)
    assert b"mara@example.test" in form.message
    assert b"Encrypted" not in form.message


def test_where_the_wrapped_key_stands(saml_idp):
    """Inside KeyInfo, or beside what it opens; that it is the same message, each reader agrees."""
    how = {"encrypt": "aes256-gcm", "sp_certificate": CERTIFICATE}
    inside = etree.fromstring(saml_idp.response("wiki", "mara", **how).message)
    beside = etree.fromstring(saml_idp.response("wiki", "mara", encrypted_key="beside", **how).message)
    path = f"{SAML}EncryptedAssertion/"
    assert inside.find(f"{path}{XENC}EncryptedData/{DS}KeyInfo/{XENC}EncryptedKey") is not None
    assert beside.find(f"{path}{XENC}EncryptedData/{DS}KeyInfo") is None
    reference = beside.find(f"{path}{XENC}EncryptedKey/{XENC}ReferenceList/{XENC}DataReference")
    assert reference.get("URI") == "#" + beside.find(f"{path}{XENC}EncryptedData").get("Id")


def test_parameters_are_named_only_when_asked_for(saml_idp):
    """DigestMethod and MGF stand in the message as the knobs say; without them there is neither."""
    how = {"encrypt": "aes256-gcm", "sp_certificate": CERTIFICATE, "key_transport": "rsa-oaep"}
    plain = saml_idp.response("wiki", "mara", **how)
    assert b"MGF" not in plain.message.replace(b"MGF1P", b"")
    assert b"xmlenc#sha512" not in plain.message
    named = saml_idp.response("wiki", "mara", oaep_digest="sha512", oaep_mask="sha384", **how)
    assert b"xmlenc#sha512" in named.message
    assert b"xmlenc11#mgf1sha384" in named.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encrypt": "aes256-gcm"}, "certificate"),
        ({"encrypt": "des", "sp_certificate": CERTIFICATE}, "encrypt"),
        ({"key_transport": "rsa"}, "key_transport"),
        ({"encrypted_key": "outside"}, "encrypted_key"),
        ({"oaep_digest": "md5"}, "oaep_digest"),
        ({"oaep_mask": "md5", "key_transport": "rsa-oaep"}, "oaep_mask"),
        ({"oaep_mask": "sha256"}, "rsa-oaep"),
        ({"encryption_prefix": "1"}, "encryption_prefix"),
    ],
)
def test_knobs_that_do_not_exist(saml_idp, changes, reason):
    """A knob that can't be turned so is a ValueError that names it."""
    with pytest.raises(ValueError, match=reason):
        saml_idp.change_app("wiki", **changes)


def test_any_plaintext_can_be_encrypted(saml_idp):
    """For attacks: whatever the bytes are; but nothing where the application doesn't encrypt."""
    app = saml_idp.app("wiki").changed(encrypt="aes128-gcm", encryption_certificate=CERTIFICATE)
    assert encrypted_assertion(b"<!-- -->", app).tag == f"{SAML}EncryptedAssertion"
    with pytest.raises(ValueError, match="encrypt"):
        encrypted_assertion(b"x", dataclasses.replace(app, encrypt=""))
    with pytest.raises(ValueError, match="encrypt"):
        encrypted_assertion(b"", app)  # xmlsec can't


def test_the_certificate_for_encryption_is_another(saml_idp):
    """Metadata may name two certificates: one for what the service signs, one for what it decrypts."""
    other = SigningKey.cached("somebody else")

    def descriptor(use, key):
        return (
            f'<md:KeyDescriptor{use}><ds:KeyInfo xmlns:ds="{DS[1:-1]}"><ds:X509Data><ds:X509Certificate>'
            f"{key.certificate_base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )

    def service(*descriptors):
        return uploaded(
            "wiki",
            '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x">'
            '<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            + "".join(descriptors)
            + '<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"'
            ' Location="https://wiki.example.test/saml/acs" index="0"/>'
            "</md:SPSSODescriptor></md:EntityDescriptor>",
        )

    two = service(descriptor(' use="signing"', other), descriptor(' use="encryption"', KEY))
    assert (two.sp_certificate, two.encryption_certificate) == (other.certificate.decode(), CERTIFICATE)
    both = service(descriptor("", KEY))
    assert (both.sp_certificate, both.encryption_certificate) == (CERTIFICATE, CERTIFICATE)
    signing = service(descriptor(' use="signing"', KEY))
    assert (signing.sp_certificate, signing.encryption_certificate) == (CERTIFICATE, "")
    with pytest.raises(ValueError, match="encrypt"):
        App(name="x", sp_entity_id="x", acs_urls=("https://x.test/",), encrypt="aes128-gcm")
    saml_idp.add_app(two.changed(encrypt="aes128-gcm"))
    form = saml_idp.response("wiki", "mara")
    assert read(saml_idp, form).get_nameid() == "mara@example.test"
