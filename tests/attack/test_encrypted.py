"""Encryption vouches for nobody, tells nothing to anybody who tries keys and paddings, and hides no shape."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.attack.encrypting import Recipe, ciphertext, encrypted
from tests.attack.forging import strip
from tests.attack.scene import SIGNING, assert_refused
from tests.unit.protocol.tampering import at, fragment
from tests.unit.protocol.test_signature_wrapping import EVIL, assertion_of, forged, unsigned

GCM = Recipe()
CBC = Recipe(content="cbc", bits=128)
GOOD = {
    "AES-128-GCM": GCM.changed(bits=128),
    "AES-192-GCM": GCM.changed(bits=192),
    "AES-256-GCM": GCM,
    "OAEP with SHA-256": GCM.changed(digest="SHA256"),
    "key beside the data": GCM.changed(beside=True),
    "OAEP 1.1": GCM.changed(transport="oaep11"),
    "OAEP 1.1 with SHA-256 in both places": GCM.changed(transport="oaep11", digest="SHA256", mask="SHA256"),
}


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", GOOD)
def test_good_ones_pass(scene, name, sign):
    """GCM with OAEP is read, whatever is signed: the attacks below fail for their own reasons."""
    here = scene(with_key=True)
    here.browser.follow(here.post(encrypted(here, GOOD[name], sign=sign)))
    assert here.who == "mara@example.test"


def wrong_length(plaintext: bytes) -> bytes:
    return plaintext[:-5]


#: What is encrypted badly, and the code in the log.
BAD = {
    "RSA 1.5": (GCM.changed(transport="rsa15"), "algorithm_refused"),
    "triple DES": (CBC.changed(said="http://www.w3.org/2001/04/xmlenc#tripledes-cbc"), "encryption_refused"),
    "somebody else's key": (GCM.changed(key="attacker"), "encryption_refused"),
    "the identity provider's key": (GCM.changed(key=""), "encryption_refused"),
    "wrong tag": (GCM.changed(spoil="tag"), "encryption_refused"),
    "wrong ciphertext": (GCM.changed(spoil="ciphertext"), "encryption_refused"),
    "wrong wrapped key": (GCM.changed(spoil="key"), "encryption_refused"),
    "too short": (GCM.changed(spoil="short"), "encryption_refused"),
    "no base64": (GCM.changed(spoil="base64"), "encryption_refused"),
    "CBC": (CBC, "encryption_refused"),
    "CBC that says GCM": (
        CBC.changed(said="http://www.w3.org/2009/xmlenc11#aes128-gcm"),
        "encryption_refused",
    ),
    "GCM that says a shorter key": (
        GCM.changed(said="http://www.w3.org/2009/xmlenc11#aes128-gcm"),
        "encryption_refused",
    ),
    "GCM that says CBC": (
        GCM.changed(said="http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        "encryption_refused",
    ),
    "another algorithm": (
        GCM.changed(said="http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        "algorithm_refused",
    ),
}


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", BAD)
def test_bad_ciphertexts_look_the_same(scene, name, sign):
    """Every failure to decrypt has one answer to the outside, and nobody is signed in."""
    recipe, code = BAD[name]
    here = scene(with_key=True)
    codes = {code, "schema_invalid"} if name == "no base64" else {code}
    assert_refused(here, encrypted(here, recipe, sign=sign), *codes, then=encrypted(here, sign=sign))


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize(
    ("allowed", "sign", "passes"),
    [
        (False, "assertion", False),
        (False, "response", False),
        (False, "both", False),
        (True, "assertion", False),
        (True, "response", True),
        (True, "both", True),
    ],
)
def test_cbc_only_where_allowed_and_covered(scene, bits, allowed, sign, passes):
    """CBC is decrypted by `idp.allow_cbc` alone, and then only under a signature that verified."""
    here = scene(with_key=True, idp__allow_cbc=allowed)
    form = encrypted(here, CBC.changed(bits=bits), sign=sign)
    if passes:
        here.browser.follow(here.post(form))
        assert here.who == "mara@example.test"
    else:
        assert_refused(here, form, "encryption_refused")


@pytest.mark.parametrize("spoil", ["padding", "ciphertext", "short", "key"])
def test_cbc_is_no_oracle(scene, spoil):
    """Whoever changes a CBC ciphertext changes what the Response's signature covers; nobody decrypts it."""
    here = scene(with_key=True, idp__allow_cbc=True)
    good = etree.fromstring(encrypted(here, CBC, sign="response").message)
    bad = fragment(ciphertext(b"<x/>" * 20, CBC.changed(spoil=spoil)))
    good.replace(at(good, "EncryptedAssertion"), bad)
    assert_refused(here, etree.tostring(good), "signature_invalid")


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("spoil", [pytest.param("padding", id="padding"), pytest.param("short", id="short")])
def test_a_padding_that_the_provider_signed(scene, spoil, sign):
    """A bad padding under a good signature is refused as any other failure."""
    here = scene(with_key=True, idp__allow_cbc=True)
    assert_refused(here, encrypted(here, CBC.changed(spoil=spoil), sign=sign), "encryption_refused")


def second(recipe: Recipe = GCM):
    """Another EncryptedAssertion beside the first."""

    def change(tree):
        one = at(tree, "EncryptedAssertion")
        one.addnext(etree.fromstring(etree.tostring(one)))

    return change


def plain_beside(before):
    """A forged assertion beside the encrypted one."""

    def change(tree):
        evil = fragment(
            f'<saml:Assertion ID="_evil" Version="2.0" IssueInstant="{tree.get("IssueInstant")}">'
            f"<saml:Issuer>JumpCloud</saml:Issuer><saml:Subject><saml:NameID>{EVIL}</saml:NameID></saml:Subject>"
            "</saml:Assertion>"
        )
        one = at(tree, "EncryptedAssertion")
        (one.addprevious if before else one.addnext)(evil)

    return change


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize(
    "more",
    [
        pytest.param(second(), id="two encrypted ones"),
        pytest.param(plain_beside(before=True), id="a plain one before it"),
        pytest.param(plain_beside(before=False), id="a plain one after it"),
        pytest.param(
            lambda tree: at(tree, "EncryptedAssertion").append(
                at(tree, "EncryptedAssertion/EncryptedData")[0]
            ),
            id="another child",
        ),
    ],
)
def test_one_assertion(scene, more, sign):
    """There is one assertion, encrypted or not, whoever signed the whole."""
    here = scene(with_key=True)
    assert_refused(here, encrypted(here, sign=sign, more=more), "shape_refused", "encryption_refused")


def test_an_empty_encrypted_assertion(scene):
    """An EncryptedAssertion without content is refused like everything else."""
    here = scene(with_key=True)

    def empty(tree):
        tree.replace(assertion_of(tree), fragment("<saml:EncryptedAssertion/>"))

    assert_refused(here, here.tampered(empty), "shape_refused", "encryption_refused")


@pytest.mark.parametrize("who", ["provider", "anybody"])
def test_encrypted_is_not_signed(scene, who):
    """Anybody can encrypt for us. Without a signature, the ciphertext says nothing."""
    here = scene(with_key=True)
    text = None if who == "provider" else lambda xml: xml.replace(b"mara@example.test", EVIL.encode())
    assert_refused(here, encrypted(here, sign="none", text=text), "signature_missing")


def forged_bytes(xml: bytes) -> bytes:
    return xml.replace(b"mara@example.test", EVIL.encode())


def wrapped(xml: bytes) -> bytes:
    """The signed assertion inside a forged one's Advice."""
    original = etree.fromstring(xml)
    evil = unsigned(forged(original))
    advice = fragment("<saml:Advice/>")
    advice.append(original)
    evil.append(advice)
    return etree.tostring(evil)


def unsigned_bytes(xml: bytes) -> bytes:
    tree = etree.fromstring(xml)
    strip(tree)
    return etree.tostring(tree)


#: Changes to the signed assertion that is then encrypted, and the codes that they are refused with.
INSIDE = {
    "forged": (forged_bytes, {"signature_invalid"}),
    "unsigned": (unsigned_bytes, {"signature_missing"}),
    "wrapped": (wrapped, {"shape_refused"}),
    "two of them": (lambda xml: xml + xml, {"shape_refused"}),
    "text before it": (lambda xml: b"x" + xml, {"shape_refused"}),
    "text after it": (lambda xml: xml + b"x", {"shape_refused"}),
    "nothing": (lambda _xml: b"", {"shape_refused"}),
    "no XML": (wrong_length, {"xml_malformed"}),
    "end of the surroundings": (lambda xml: xml + b"</wrapper><wrapper>", {"xml_malformed", "shape_refused"}),
    "another element": (lambda _xml: b"<x/>", {"shape_refused"}),
    "a Response": (
        lambda _xml: b'<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>',
        {"shape_refused"},
    ),
    "an EncryptedAssertion": (
        lambda _xml: ciphertext(b"<x/>", GCM).encode(),
        {"xml_malformed", "shape_refused"},
    ),
    "a DTD": (lambda xml: b'<!DOCTYPE a [<!ENTITY x "y">]>' + xml, {"xml_forbidden"}),
    "a declaration": (lambda xml: b'<?xml version="1.0"?>' + xml, {"xml_malformed"}),
    "another encoding": (lambda xml: xml.decode().encode("utf-16"), {"message_encoding"}),
    "an entity of nobody's": (
        lambda xml: xml.replace(b"mara@example.test", b"&x;"),
        {"xml_malformed"},
    ),
}


@pytest.mark.parametrize(
    ("name", "sign"),
    # Without a signature of its own, an assertion is still covered by the Response's.
    [
        (name, sign)
        for name in INSIDE
        for sign in ("assertion", "both")
        if (name, sign) != ("unsigned", "both")
    ],
)
def test_what_was_encrypted_is_guarded_too(scene, name, sign):
    """Encryption hides no shape and replaces no signature: what comes out is looked at like plain text."""
    change, codes = INSIDE[name]
    here = scene(with_key=True)
    assert_refused(here, encrypted(here, sign=sign, text=change), *codes, then=encrypted(here, sign=sign))
