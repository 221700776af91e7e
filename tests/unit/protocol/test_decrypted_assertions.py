"""Encrypted assertions through guard, engine and profile: what is decrypted is looked at like what isn't."""

from __future__ import annotations

import re
import threading

import pytest
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.testing.encrypter import encrypted_assertion
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.metadata import uploaded
from tests.unit.protocol.tampering import add, after_signing, at, drop, put, together, write

KEY = SigningKey.cached("service")
OTHER = SigningKey.cached("somebody else")
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
CIPHER = "{*}CipherData/{*}CipherValue"


@pytest.fixture(autouse=True)
def wiki(saml_idp):
    """The application, as an administrator of an encrypting identity provider sets it."""
    return saml_idp.change_app("wiki", sp_certificate=KEY.certificate.decode(), encrypt="aes256-gcm")


def replaced(saml_idp, change, **knobs):
    """Encrypts, in place of the assertion that was signed, what ``change`` makes of its bytes."""

    def tamper(tree):
        assertion = tree.find(f"{SAML}Assertion")
        plaintext = change(etree.tostring(assertion, with_tail=False))
        app = saml_idp.app("wiki").changed(encrypt="aes256-gcm", **knobs)
        tree.replace(assertion, encrypted_assertion(plaintext, app))

    return {"encrypt": "", "tamper_signed": tamper}


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
@pytest.mark.parametrize("encrypt", ["aes128-gcm", "aes192-gcm", "aes256-gcm"])
@pytest.mark.parametrize("encrypted_key", ["inside", "beside"])
def test_encrypted_assertions_are_read(service, sign, encrypt, encrypted_key):
    """By GCM, whatever is signed and wherever the wrapped key stands, the person is who was encrypted."""
    one = service(key=KEY)
    assertion = one.assertion(sign=sign, encrypt=encrypt, encrypted_key=encrypted_key)
    assert assertion.name_id == "mara@example.test"
    assert assertion.attributes["memberOf"] == ("Staff", "Wiki Editors", "Engineering (Backend)")


@pytest.mark.parametrize("digest", ["", "sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("mask", ["", "sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("sign", ["response", "assertion"])
def test_every_parameter_of_oaep(service, sign, digest, mask):
    """What OAEP of XML Encryption 1.1 may name passes the schema too, which is older than that."""
    how = {"key_transport": "rsa-oaep", "oaep_digest": digest, "oaep_mask": mask}
    assert service(key=KEY).outcome(sign=sign, **how) == "ok"


@pytest.mark.parametrize("encrypt", ["aes128-cbc", "aes192-cbc", "aes256-cbc"])
@pytest.mark.parametrize("sign", ["response", "assertion", "both", "none"])
@pytest.mark.parametrize("allow_cbc", [False, True])
def test_cbc(service, encrypt, sign, allow_cbc):
    """By CBC only where the operator allows it and the Response is signed."""
    accepted = allow_cbc and sign in {"response", "both"}
    outcome = service(key=KEY, allow_cbc=allow_cbc).outcome(encrypt=encrypt, sign=sign)
    assert outcome == ("ok" if accepted else "encryption_refused")


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
@pytest.mark.parametrize(
    "prefixes",
    [("", "", "", ""), ("samlp", "saml", "dsig", "e"), ("saml", "samlp", "xenc", "ds"), ("a", "a", "a", "a")],
    ids=".".join,
)
def test_any_prefixes(service, sign, prefixes):
    """The decrypted assertion keeps its own prefixes, also where the Response uses them for other things."""
    names = ("protocol_prefix", "assertion_prefix", "signature_prefix", "encryption_prefix")
    assert service(key=KEY).outcome(sign=sign, **dict(zip(names, prefixes, strict=True))) == "ok"


def fragmentary(octets):
    """The assertion without what its surroundings declare, as serialisers of fragments write it."""
    start, rest = octets.split(b">", 1)
    return re.sub(rb' xmlns:(saml2p|xs|xsi|saml2)="[^"]*"', b"", start) + b">" + rest


def everywhere(tree):
    """Declares the assertion's prefix at the Response, as some identity providers do."""
    text = etree.tostring(tree).replace(
        b"<saml2p:Response", b'<saml2p:Response xmlns:saml2="%s"' % SAML[1:-1].encode(), 1
    )
    return etree.fromstring(text)


@pytest.mark.parametrize("prefixes", ["", "xs"])
def test_prefixes_that_the_surroundings_declare(saml_idp, service, prefixes):
    """Names whose prefix only the Response declares are understood, xs:string too (XML Encryption, 4.4)."""
    seen = []

    def note(octets):
        seen.append(fragmentary(octets))
        return seen[-1]

    how = replaced(saml_idp, note)
    outcome = service(key=KEY).outcome(
        sign="assertion", xsi_type=True, inclusive_namespaces=prefixes, tamper=everywhere, **how
    )
    assert b"xs:string" in seen[0]
    assert b"xmlns:saml2" not in seen[0]
    assert b"xmlns:xs" not in seen[0]
    assert outcome == "ok"


def test_white_space_around_what_is_encrypted(saml_idp, service):
    """Layout around the element is no reason to refuse it."""
    how = replaced(saml_idp, lambda octets: b"\n  " + octets + b"\r\n")
    assert service(key=KEY).outcome(sign="assertion", **how) == "ok"


def into(tag, xml):
    """Puts XML behind a start tag of the plaintext."""
    return lambda octets: re.sub(rb"(<saml2:%b[^>]*>)" % tag, rb"\1" + xml, octets, count=1)


HOSTILE = {
    "comment": (into(b"NameID", b"<!-- -->"), "xml_forbidden"),
    "processing instruction": (into(b"NameID", b"<?x?>"), "xml_forbidden"),
    "CDATA": (into(b"NameID", b"<![CDATA[x]]>"), "xml_forbidden"),
    "DTD": (lambda octets: b'<!DOCTYPE a [<!ENTITY b "c">]>' + octets, "xml_forbidden"),
    "DTD of somebody": (lambda octets: b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + octets, "xml_forbidden"),
    "entity": (into(b"NameID", b"&b;"), "xml_malformed"),
    "not UTF-8": (into(b"NameID", b"\xff"), "message_encoding"),
    "UTF-16": (lambda octets: octets.decode().encode("utf-16"), "message_encoding"),
    "another version of XML": (lambda octets: b"<?xml version='1.1'?>" + octets, "message_encoding"),
    "nothing": (lambda octets: b" ", "shape_refused"),
    "only text": (lambda octets: b"text", "shape_refused"),
    "text before": (lambda octets: b"x" + octets, "shape_refused"),
    "text behind": (lambda octets: octets + b"x", "shape_refused"),
    "no XML": (lambda octets: octets[:-1], "xml_malformed"),
    "out of the wrapper": (lambda octets: octets + b"</wrapper><wrapper>", "xml_malformed"),
    "two": (lambda octets: octets * 2, "shape_refused"),
    "another element": (
        lambda octets: b"<saml2:Advice xmlns:saml2='%b'/>" % SAML[1:-1].encode(),
        "shape_refused",
    ),
    "a whole Response": (
        lambda octets: (
            b"<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'>" + octets + b"</p:Response>"
        ),
        "shape_refused",
    ),
    "an assertion of no namespace": (lambda octets: b"<Assertion/>", "shape_refused"),
    "an assertion inside": (
        into(b"Issuer", b"<saml2:Assertion ID='_x'/>"),
        "shape_refused",
    ),
    "a relative namespace": (lambda octets: octets.replace(b" ID=", b' xmlns:x="x" ID=', 1), "shape_refused"),
    "the same identifier twice": (
        lambda octets: octets.replace(b"<saml2:NameID", b'<saml2:NameID ID="%b"' % _id(octets), 1),
        "shape_refused",
    ),
    "xml:id": (lambda octets: octets.replace(b" ID=", b' xml:id="a" ID=', 1), "shape_refused"),
    "too deep": (into(b"Issuer", b"<a>" * 50 + b"</a>" * 50), "shape_refused"),
    "too many": (into(b"Issuer", b"<a/>" * 20_000), "shape_refused"),
    "external reference": (
        lambda octets: re.sub(rb'URI="#[^"]*"', b'URI="file:///dev/zero"', octets),
        "shape_refused",
    ),
    "XSLT": (
        lambda octets: octets.replace(
            b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            b"http://www.w3.org/TR/1999/REC-xslt-19991116",
        ),
        "algorithm_refused",
    ),
    "ds:Object": (
        lambda octets: octets.replace(b"</ds:Signature>", b"<ds:Object/></ds:Signature>"),
        "shape_refused",
    ),
    "RetrievalMethod": (
        lambda octets: octets.replace(b"<ds:X509Data>", b'<ds:RetrievalMethod URI="#x"/><ds:X509Data>'),
        "shape_refused",
    ),
    "EncryptedID": (into(b"Subject", b"<saml2:EncryptedID/>"), "encryption_refused"),
    "not of the schema": (into(b"Subject", b"<saml2:Issuer/>"), "schema_invalid"),
    "changed": (lambda octets: octets.replace(b"mara@", b"yuki@"), "signature_invalid"),
}


def _id(octets):
    return re.search(rb' ID="([^"]*)"', octets)[1]


@pytest.mark.parametrize(("change", "code"), HOSTILE.values(), ids=HOSTILE)
def test_what_was_encrypted_is_guarded_too(saml_idp, service, change, code):
    """Anybody can encrypt for us: each shape that is refused in the open is refused when it was hidden."""
    changed = []

    def note(octets):
        changed.append(change(octets) != octets)
        return change(octets)

    assert service(key=KEY).outcome(sign="assertion", **replaced(saml_idp, note)) == code
    assert changed == [True]


@pytest.mark.parametrize(
    ("sign", "code"), [("none", "signature_missing"), ("assertion", "signature_invalid")]
)
def test_encryption_is_no_signature(service, sign, code):
    """Everybody has our certificate; an assertion that they wrote and encrypted is refused all the same."""
    assert service(key=KEY).outcome(sign=sign, key=SigningKey.cached("attacker")) == code


def test_a_signature_that_was_taken_away(saml_idp, service):
    """An encrypted assertion without its signature, in a Response without one, is refused."""
    how = replaced(
        saml_idp, lambda octets: re.sub(rb"<ds:Signature .*</ds:Signature>", b"", octets, flags=re.DOTALL)
    )
    assert service(key=KEY).outcome(sign="assertion", **how) == "signature_missing"


@pytest.mark.parametrize("sign", ["response", "both"])
@pytest.mark.parametrize("path", ["EncryptedData", "EncryptedData/KeyInfo/EncryptedKey"])
def test_the_ciphertext_is_part_of_what_the_response_signs(service, sign, path):
    """Where the Response is signed, a changed ciphertext breaks that signature and no key is touched."""
    one = service(key=KEY, allow_cbc=True)
    one.provider._verifier[1]._decryption = None  # had it gone on, it would say encryption_refused

    def change(tree):
        value = at(tree, f"EncryptedAssertion/{path}").find(CIPHER)
        value.text = ("B" if value.text[0] == "A" else "A") + value.text[1:]

    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign, encrypt="aes128-cbc")
    with pytest.raises(Refused) as refused:
        one.consume(after_signing(form, change))
    assert refused.value.code == "signature_invalid"


def test_a_response_signature_by_somebody_else_opens_no_cbc(service):
    """A signature that doesn't verify isn't one: nothing is decrypted under it."""
    one = service(key=KEY, allow_cbc=True)
    outcome = one.outcome(sign="response", key=SigningKey.cached("attacker"), encrypt="aes128-cbc")
    assert outcome == "signature_invalid"


def test_a_response_signature_that_covers_something_else_opens_no_cbc(saml_idp, service):
    """The assertion's own signature, moved to the Response, doesn't make a padding oracle."""
    one = service(key=KEY, allow_cbc=True)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="both", encrypt="")
    app = saml_idp.app("wiki").changed(encrypt="aes128-cbc")

    def change(tree):
        assertion = at(tree, "Assertion")
        own, moved = at(tree, "Signature"), at(assertion, "Signature")
        tree.replace(own, moved)
        tree.replace(assertion, encrypted_assertion(etree.tostring(assertion), app))

    with pytest.raises(Refused) as refused:
        one.consume(after_signing(form, change))
    assert refused.value.code == "shape_refused"


@pytest.mark.parametrize("signed", ["either", "assertion", "response", "both"])
@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
def test_what_must_be_signed_counts_what_was_decrypted(service, sign, signed):
    """idp.signed means the same whether the assertion was encrypted or not."""
    accepted = signed == "either" or sign in {"both", signed}
    outcome = service(key=KEY, signed=signed).outcome(sign=sign)
    assert outcome == ("ok" if accepted else "signature_missing")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop("Issuer"), "issuer_mismatch"),
        (write("Issuer", "somebody else"), "issuer_mismatch"),
        (put(".", InResponseTo=None), "in_response_to_mismatch"),
        (put(".", Destination="https://wiki.example.test/other"), "destination_mismatch"),
    ],
)
def test_around_an_encrypted_assertion(service, change, code):
    """The Response must say who sends it, even unsigned, if its assertion is encrypted."""
    assert service(key=KEY).outcome(sign="assertion", tamper_signed=change) == code


def test_a_plain_assertion_beside_an_encrypted_one(saml_idp, service):
    """There is one assertion, and nothing to choose from."""
    plain = etree.tostring(saml_idp_assertion(saml_idp)).decode()
    assert service(key=KEY).outcome(sign="assertion", tamper_signed=add(".", plain)) == "shape_refused"


def saml_idp_assertion(saml_idp):
    return etree.fromstring(saml_idp.response("wiki", "mara", encrypt="").message).find(f"{SAML}Assertion")


def test_two_encrypted_assertions(service):
    """The same goes for two that are encrypted."""

    def change(tree):
        element = at(tree, "EncryptedAssertion")
        element.addnext(etree.fromstring(etree.tostring(element)))

    assert service(key=KEY).outcome(sign="assertion", tamper_signed=change) == "shape_refused"


REFERENCE = "<xenc:CipherReference URI='file:///dev/zero'/>"
RETRIEVAL = "<ds:RetrievalMethod URI='file:///dev/zero'/>"
DATA, WRAPPED = "EncryptedAssertion/EncryptedData", "EncryptedAssertion/EncryptedData/KeyInfo/EncryptedKey"
CAMELLIA = "http://www.w3.org/2001/04/xmldsig-more#camellia128-cbc"

SHAPES = {
    "CipherReference": (
        together(drop(f"{DATA}/CipherData/CipherValue"), add(f"{DATA}/CipherData", REFERENCE)),
        "shape_refused",
    ),
    "CipherReference beside": (add(f"{DATA}/CipherData", REFERENCE), "shape_refused"),
    "CipherReference for the key": (
        together(drop(f"{WRAPPED}/CipherData/CipherValue"), add(f"{WRAPPED}/CipherData", REFERENCE)),
        "shape_refused",
    ),
    "RetrievalMethod": (add(f"{DATA}/KeyInfo", RETRIEVAL), "shape_refused"),
    "RetrievalMethod for the key": (
        add(WRAPPED, f"<ds:KeyInfo>{RETRIEVAL}</ds:KeyInfo>", 1),
        "shape_refused",
    ),
    "another Type": (put(DATA, Type="http://www.w3.org/2001/04/xmlenc#Content"), "encryption_refused"),
    "Encoding": (put(DATA, Encoding="http://www.w3.org/2000/09/xmldsig#base64"), "encryption_refused"),
    "EncryptionProperties": (add(DATA, "<xenc:EncryptionProperties/>"), "shape_refused"),
    "no key": (drop(WRAPPED), "encryption_refused"),
    "no method": (drop(f"{DATA}/EncryptionMethod"), "shape_refused"),
    "no ciphertext": (drop(f"{DATA}/CipherData"), "shape_refused"),
    "Camellia": (put(f"{DATA}/EncryptionMethod", Algorithm=CAMELLIA), "algorithm_refused"),
    "key transport by AES": (
        put(f"{WRAPPED}/EncryptionMethod", Algorithm="http://www.w3.org/2001/04/xmlenc#kw-aes128"),
        "algorithm_refused",
    ),
    "OAEP by MD5": (
        add(
            f"{WRAPPED}/EncryptionMethod",
            "<ds:DigestMethod Algorithm='http://www.w3.org/2001/04/xmldsig-more#md5'/>",
        ),
        "algorithm_refused",
    ),
    "OAEP with a label": (
        add(f"{WRAPPED}/EncryptionMethod", "<xenc:OAEPparams>AAAA</xenc:OAEPparams>"),
        "algorithm_refused",
    ),
    "pointing elsewhere": (
        add(WRAPPED, "<xenc:ReferenceList><xenc:DataReference URI='http://x/'/></xenc:ReferenceList>"),
        "shape_refused",
    ),
    "encrypted data outside": (add("Status", "<xenc:EncryptedData/>"), "encryption_refused"),
}


@pytest.mark.parametrize(("change", "code"), SHAPES.values(), ids=SHAPES)
def test_shapes_of_encryption(service, change, code):
    """What isn't ciphertext in place under a wrapped key is refused by the guard, before any key is used."""
    one = service(key=KEY)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="assertion")
    with pytest.raises(Refused) as refused:
        one.provider.read(after_signing(form, change).fields["SAMLResponse"].encode())
    assert refused.value.code == code


HABITS = {
    "names of the receiver": put(WRAPPED, Recipient="https://wiki.example.test/saml/metadata"),
    "identifiers": together(put(DATA, Id="_data", MimeType="text/xml"), put(WRAPPED, Id="_key")),
    "receiver's certificate": add(
        WRAPPED,
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        1,
    ),
    "receiver's certificate by its number": add(
        WRAPPED,
        "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
        "<ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>",
        1,
    ),
    "receiver's key by a name": add(WRAPPED, "<ds:KeyInfo><ds:KeyName>wiki</ds:KeyName></ds:KeyInfo>", 1),
    "a name for the key": add(f"{DATA}/KeyInfo", "<ds:KeyName>session</ds:KeyName>", 0),
    "which data it is for": add(
        WRAPPED, "<xenc:ReferenceList><xenc:DataReference URI='#_data'/></xenc:ReferenceList>"
    ),
    "no Type": put(DATA, Type=None),
    "white space in base64": lambda tree: setattr(
        at(tree, f"{DATA}/CipherData/CipherValue"),
        "text",
        "\r\n  " + at(tree, f"{DATA}/CipherData/CipherValue").text.replace("A", "A\r\n ") + "\t",
    ),
}


@pytest.mark.parametrize("change", HABITS.values(), ids=HABITS)
def test_what_providers_put_around_ciphertext(service, change):
    """What describes key and receiver, and isn't needed, is let through and not followed."""
    one = service(key=KEY)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="assertion")
    assert one.consume(after_signing(form, change)).name_id == "mara@example.test"


def test_many_wrapped_keys(service):
    """Each key that must be tried costs a private operation: four at most."""
    one = service(key=KEY)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="assertion")

    def keys(count):
        def change(tree):
            key = at(tree, WRAPPED)
            for _ in range(count - 1):
                key.addprevious(etree.fromstring(etree.tostring(key)))

        return change

    assert one.consume(after_signing(form, keys(4))).name_id == "mara@example.test"
    with pytest.raises(Refused, match="encryption_refused"):
        one.consume(after_signing(form, keys(5)))


def test_rsa_1_5_never(service):
    """A key that was wrapped by RSA 1.5 is refused by its name, and the trace has that name."""
    with pytest.raises(Refused) as refused:
        service(key=KEY, allow_cbc=True).assertion(sign="both", key_transport="rsa-1_5")
    assert refused.value.code == "algorithm_refused"
    assert "rsa-1_5" in refused.value.detail


def test_without_a_key_nothing_is_decrypted(service):
    """Without sp.private_key an encrypted assertion is refused, and the trace names the option."""
    with pytest.raises(Refused) as refused:
        service().assertion()
    assert refused.value.code == "encryption_refused"
    assert "sp.private_key" in refused.value.detail


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
def test_for_somebody_else(service, sign):
    """An assertion that was encrypted for another service's key is refused."""
    certificate = OTHER.certificate.decode()
    assert service(key=KEY).outcome(sign=sign, encryption_certificate=certificate) == "encryption_refused"


def test_once(service):
    """An encrypted response is used once."""
    one = service(key=KEY)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id)
    assert one.consume(form).name_id == "mara@example.test"
    with pytest.raises(Refused, match="replayed"):
        one.consume(form)


def test_our_metadata_says_how_to_encrypt(service, saml_idp):
    """What an administrator uploads has the certificate to encrypt for, GCM and OAEP, the strongest first."""
    one = service(key=KEY)
    app = uploaded("wiki", one.provider.metadata(), encrypt="aes128-gcm")
    assert app.encryption_certificate == app.sp_certificate == KEY.certificate.decode()
    root = etree.fromstring(one.provider.metadata())
    methods = [element.get("Algorithm").rpartition("#")[2] for element in root.iter("{*}EncryptionMethod")]
    assert methods[:3] == ["aes256-gcm", "aes192-gcm", "aes128-gcm"]
    assert set(methods[3:]) == {"rsa-oaep", "rsa-oaep-mgf1p"}
    saml_idp.add_app(app.changed(attributes=(("email", "email"),)))
    assert one.assertion(sign="assertion").attributes == {"email": ("mara@example.test",)}


def test_without_a_key_our_metadata_asks_for_no_encryption(service):
    """Without sp.private_key nobody is told to encrypt."""
    assert b"KeyDescriptor" not in service().provider.metadata()


def test_eight_threads(service):
    """One service provider reads encrypted messages in eight threads, good and bad mixed, each rightly."""
    one = service(key=KEY, allow_cbc=True)
    begin = threading.Barrier(8)
    how = [
        ({"sign": "response"}, "ok"),
        ({"sign": "assertion"}, "ok"),
        ({"sign": "both", "encrypt": "aes128-cbc"}, "ok"),
        ({"sign": "assertion", "encrypt": "aes128-cbc"}, "encryption_refused"),
        ({"sign": "assertion", "key": SigningKey.cached("attacker")}, "signature_invalid"),
        ({"sign": "none"}, "signature_missing"),
        ({"sign": "both", "encryption_certificate": OTHER.certificate.decode()}, "encryption_refused"),
        ({"sign": "both", "encrypt": ""}, "ok"),
    ]
    people = ["mara", "jose", "yuki", "soren"]
    wrong: list[object] = []

    def work(offset):
        begin.wait()
        for turn in range(24):
            knobs, expected = how[(turn + offset) % len(how)]
            person = people[(turn + offset) // 2 % 4]
            request = one.provider.request("/page").pending
            form = one.idp.response("wiki", person, in_response_to=request.id, **knobs)
            try:
                found = one.consume(form, request).name_id
            except Refused as refused:
                found = refused.code
            if found != (f"{person}@example.test" if expected == "ok" else expected):
                wrong.append((knobs, person, found))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
