"""The guard refuses, by itself and before any key is touched, whatever no identity provider needs to send."""

from __future__ import annotations

import pytest
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import engine
from saml_wsgi.protocol.guard import Guard
from saml_wsgi.protocol.parser import parse
from tests.unit.protocol.tampering import (
    NAMESPACES,
    SIGNATURE,
    add,
    after_signing,
    drop,
    fragment,
    put,
    together,
    twice,
    write,
)

MODES = ["response", "assertion", "both"]
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
PREFIXES = f'<i:InclusiveNamespaces xmlns:i="{C14N}" PrefixList="xs"/>'
XPATH2 = "http://www.w3.org/2002/06/xmldsig-filter2"

INFO = "Signature/SignedInfo"
REFERENCE = f"{INFO}/Reference"
TRANSFORMS = f"{REFERENCE}/Transforms"
KEY_INFO = "Signature/KeyInfo"
ONE_MORE = (
    '<ds:Reference URI="{uri}"><ds:Transforms><ds:Transform'
    ' Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></ds:Transforms>'
    '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"
)


def transform(algorithm, inside=""):
    return f'<ds:Transform Algorithm="{algorithm}">{inside}</ds:Transform>'


def inside(path, xml, position=None):
    """One more element somewhere in the signature of whatever is signed first."""
    return on_signature(add(path, xml, position))


def on_signature(change):
    """A change below the parent of the first signature."""

    def apply(tree):
        change(next(tree.iter(SIGNATURE)).getparent())

    return apply


def sha1(what):
    return on_signature(
        put(f"{INFO}/{what}" if what == "SignatureMethod" else f"{REFERENCE}/{what}", **SHA1[what])
    )


SHA1 = {
    "SignatureMethod": {"Algorithm": f"{DS}rsa-sha1"},
    "DigestMethod": {"Algorithm": f"{DS}sha1"},
}


def method(algorithm):
    return on_signature(put(f"{INFO}/SignatureMethod", Algorithm=algorithm))


def forty(tree):
    """40 elements inside each other. Returns the innermost."""
    place = tree.find(".//{*}AttributeValue")
    while len(list(place.iterancestors())) < 39:
        place = etree.SubElement(place, "x")
    return place


def just_deep_enough(tree):
    forty(tree)


def deep(tree):
    """41 elements inside each other."""
    etree.SubElement(forty(tree), "x")


def with_attributes(count):
    def change(tree):
        element = tree.find(".//{*}AttributeValue")
        for number in range(count):
            element.set(f"a{number}", "")

    return change


def identified(name, value, path=".//{*}Subject"):
    def change(tree):
        tree.find(path).set(name, value)

    return change


def same_id(tree):
    tree.find("{*}Assertion").set("ID", tree.get("ID"))


def second_signature_beside(tree):
    first = next(tree.iter(SIGNATURE))
    first.addnext(etree.fromstring(etree.tostring(first)))


def signature_into(path):
    def change(tree):
        first = next(tree.iter(SIGNATURE))
        tree.find(path).append(etree.fromstring(etree.tostring(first)))

    return change


def moved_to(path):
    def change(tree):
        tree.find(path).append(next(tree.iter(SIGNATURE)))

    return change


def another_root(tree):
    return etree.fromstring(etree.tostring(tree).replace(b"Response", b"LogoutResponse"))


def envelope(tree):
    root = etree.Element("{urn:x}Envelope")
    root.append(tree)
    return root


def nested_response(tree):
    tree.append(etree.fromstring(etree.tostring(tree)))


def nested_elsewhere(tree):
    copy = etree.fromstring(etree.tostring(tree))
    for element in list(copy):
        copy.remove(element)
    copy.set("ID", "_nested")
    tree.find(".//{*}AttributeValue").append(copy)


def assertion_in(path):
    """The assertion stands somewhere else than below the Response."""

    def change(tree):
        tree.find(path).append(fragment('<saml:Assertion ID="_second" Version="2.0"/>'))

    return change


def extended(tree):
    extensions = fragment("<samlp:Extensions/>")
    extensions.append(tree.find("{*}Assertion"))
    tree.insert(1, extensions)


SHAPES = [
    # -- the document --
    ("another root", another_root, "shape_refused"),
    ("an envelope", envelope, "shape_refused"),
    ("a nested Response", nested_response, "shape_refused"),
    ("a Response in an attribute", nested_elsewhere, "shape_refused"),
    ("two assertions", twice("Assertion"), "shape_refused"),
    ("an assertion in an attribute", assertion_in(".//{*}AttributeValue"), "shape_refused"),
    ("an assertion in the Subject", assertion_in(".//{*}SubjectConfirmationData"), "shape_refused"),
    ("an assertion in the status", assertion_in("{*}Status"), "shape_refused"),
    ("the assertion in Extensions", extended, "shape_refused"),
    ("advice", add("Assertion", "<saml:Advice><saml:Assertion/></saml:Advice>", 3), "shape_refused"),
    ("41 deep", deep, "shape_refused"),
    ("33 attributes", with_attributes(33), "shape_refused"),
    # -- identifiers --
    ("one ID twice", same_id, "shape_refused"),
    ("ID and Id alike", lambda tree: tree.find(".//{*}Subject").set("Id", tree.get("ID")), "shape_refused"),
    ("an ID with a space", put("Assertion", ID="_a b"), "shape_refused"),
    ("an ID with a colon", put("Assertion", ID="a:b"), "shape_refused"),
    ("an ID with a digit first", put("Assertion", ID="1a"), "shape_refused"),
    ("an empty ID", put("Assertion", ID=""), "shape_refused"),
    ("an ID with a line feed", put("Assertion", ID="_a\n"), "shape_refused"),
    ("an ID of 257 characters", put("Assertion", ID="_" + "a" * 256), "shape_refused"),
    ("xml:id", identified("{http://www.w3.org/XML/1998/namespace}id", "_x"), "shape_refused"),
    ("xml:ID", identified("{http://www.w3.org/XML/1998/namespace}ID", "_x"), "shape_refused"),
    ("id", identified("id", "_x"), "shape_refused"),
    ("iD", identified("iD", "_x"), "shape_refused"),
    ("ID in a namespace", identified("{urn:x}ID", "_x"), "shape_refused"),
    ("id in a signature", on_signature(put(INFO, id="_x")), "shape_refused"),
    (
        "the signature has the ID of another",
        lambda tree: on_signature(put(INFO, Id=tree.get("ID")))(tree),
        "shape_refused",
    ),
    # -- namespaces --
    ("a relative namespace", lambda tree: etree.SubElement(tree[0], "{relative}x"), "shape_refused"),
    ("a relative path as a namespace", lambda tree: etree.SubElement(tree[0], "{../x}x"), "shape_refused"),
    ("a fragment as a namespace", lambda tree: etree.SubElement(tree[0], "{#x}x"), "shape_refused"),
    # -- where signatures stand --
    ("two signatures of one element", second_signature_beside, "shape_refused"),
    ("a signature in the Subject", signature_into(".//{*}Subject"), "shape_refused"),
    ("a signature in an attribute", signature_into(".//{*}AttributeValue"), "shape_refused"),
    ("a signature in the status", signature_into("{*}Status"), "shape_refused"),
    ("the signature in the Subject", moved_to(".//{*}Subject"), "shape_refused"),
    ("the signature in the Conditions", moved_to(".//{*}Conditions"), "shape_refused"),
    ("a part of a signature alone", add(".", "<ds:KeyInfo/>"), "shape_refused"),
    ("SignedInfo in an attribute", add("Assertion/Subject", "<ds:SignedInfo/>"), "shape_refused"),
    (
        "a part of a newer signature",
        add(".", '<d:ECKeyValue xmlns:d="http://www.w3.org/2009/xmldsig11#"/>'),
        "shape_refused",
    ),
    # -- children of a signature --
    ("no SignedInfo", on_signature(drop(INFO)), "shape_refused"),
    ("two SignedInfos", on_signature(twice(INFO)), "shape_refused"),
    ("no SignatureValue", on_signature(drop("Signature/SignatureValue")), "shape_refused"),
    ("two SignatureValues", on_signature(twice("Signature/SignatureValue")), "shape_refused"),
    ("two KeyInfos", on_signature(twice(KEY_INFO)), "shape_refused"),
    ("Object", inside("Signature", "<ds:Object>x</ds:Object>"), "shape_refused"),
    ("an Object first", inside("Signature", "<ds:Object/>", 0), "shape_refused"),
    ("Manifest", inside("Signature", "<ds:Object><ds:Manifest/></ds:Object>"), "shape_refused"),
    ("a foreign child", inside("Signature", "<x/>"), "shape_refused"),
    ("a child of SignatureValue", inside("Signature/SignatureValue", "<x/>"), "shape_refused"),
    ("a child of DigestValue", inside(f"{REFERENCE}/DigestValue", "<x/>"), "shape_refused"),
    # -- what it refers to --
    ("no Reference", on_signature(drop(REFERENCE)), "shape_refused"),
    ("the Reference twice", on_signature(twice(REFERENCE)), "shape_refused"),
    ("a Reference to a file too", inside(INFO, ONE_MORE.format(uri="/etc/hostname")), "shape_refused"),
    ("a Reference to everything", on_signature(put(REFERENCE, URI="")), "shape_refused"),
    ("a Reference without URI", on_signature(put(REFERENCE, URI=None)), "shape_refused"),
    ("a Reference elsewhere", on_signature(put(REFERENCE, URI="#_elsewhere")), "shape_refused"),
    ("a Reference to a file", on_signature(put(REFERENCE, URI="/dev/zero")), "shape_refused"),
    ("a Reference to an address", on_signature(put(REFERENCE, URI="http://127.0.0.1/")), "shape_refused"),
    (
        "the ID without its #",
        lambda tree: put(REFERENCE, URI=next(tree.iter(SIGNATURE)).getparent().get("ID"))(
            next(tree.iter(SIGNATURE)).getparent()
        ),
        "shape_refused",
    ),
    ("an XPointer", on_signature(put(REFERENCE, URI="#xpointer(/)")), "shape_refused"),
    ("a Type of Reference", on_signature(put(REFERENCE, Type=f"{DS}Manifest")), "shape_refused"),
    ("a parent without ID", on_signature(put(".", ID=None)), "shape_refused"),
    # -- transforms --
    ("no Transforms", on_signature(drop(TRANSFORMS)), "shape_refused"),
    ("no Transform", on_signature(lambda parent: parent.find(".//{*}Transforms").clear()), "shape_refused"),
    ("three Transforms", inside(TRANSFORMS, transform(C14N)), "shape_refused"),
    (
        "a thousand Transforms",
        on_signature(
            lambda parent: [
                parent.find(".//{*}Transforms").append(fragment(transform(C14N))) for _ in range(100)
            ]
        ),
        "shape_refused",
    ),
    ("XSLT", inside(TRANSFORMS, transform(XSLT, "<x/>"), 0), "shape_refused"),
    ("XSLT second", on_signature(put(f"{TRANSFORMS}/Transform", Algorithm=XSLT)), "algorithm_refused"),
    ("XPath", on_signature(put(f"{TRANSFORMS}/Transform", Algorithm=XPATH)), "algorithm_refused"),
    ("XPath filter 2", on_signature(put(f"{TRANSFORMS}/Transform", Algorithm=XPATH2)), "algorithm_refused"),
    ("base64", on_signature(put(f"{TRANSFORMS}/Transform", Algorithm=f"{DS}base64")), "algorithm_refused"),
    ("another element as Transform", inside(TRANSFORMS, "<ds:Object/>"), "shape_refused"),
    (
        "enveloped with XPath inside",
        inside(f"{TRANSFORMS}/Transform", "<ds:XPath>1</ds:XPath>"),
        "shape_refused",
    ),
    # -- algorithms --
    ("HMAC", method(f"{DS}hmac-sha1"), "algorithm_refused"),
    ("HMAC SHA-256", method(f"{MORE}hmac-sha256"), "algorithm_refused"),
    ("DSA", method(f"{DS}dsa-sha1"), "algorithm_refused"),
    ("MD5", method(f"{MORE}rsa-md5"), "algorithm_refused"),
    ("none", method("none"), "algorithm_refused"),
    ("no algorithm", on_signature(put(f"{INFO}/SignatureMethod", Algorithm=None)), "algorithm_refused"),
    ("an empty algorithm", method(""), "algorithm_refused"),
    ("signed with SHA-1", sha1("SignatureMethod"), "algorithm_refused"),
    ("digest with SHA-1", sha1("DigestMethod"), "algorithm_refused"),
    (
        "digest with MD5",
        on_signature(put(f"{REFERENCE}/DigestMethod", Algorithm=f"{MORE}md5")),
        "algorithm_refused",
    ),
    (
        "inclusive canonicalisation",
        on_signature(
            put(f"{INFO}/CanonicalizationMethod", Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
        ),
        "algorithm_refused",
    ),
    (
        "canonicalisation with comments",
        on_signature(put(f"{INFO}/CanonicalizationMethod", Algorithm=f"{C14N}WithComments")),
        "algorithm_refused",
    ),
    (
        "HMACOutputLength",
        inside(f"{INFO}/SignatureMethod", "<ds:HMACOutputLength>1</ds:HMACOutputLength>"),
        "shape_refused",
    ),
    ("a child of DigestMethod", inside(f"{REFERENCE}/DigestMethod", "<x/>"), "shape_refused"),
    ("an attribute more", on_signature(put(f"{INFO}/SignatureMethod", x="1")), "shape_refused"),
    (
        "a foreign child of canonicalisation",
        inside(f"{INFO}/CanonicalizationMethod", "<x/>"),
        "shape_refused",
    ),
    (
        "two InclusiveNamespaces",
        on_signature(
            together(
                add(f"{INFO}/CanonicalizationMethod", PREFIXES),
                add(f"{INFO}/CanonicalizationMethod", PREFIXES),
            )
        ),
        "shape_refused",
    ),
    (
        "InclusiveNamespaces with a child",
        inside(
            f"{INFO}/CanonicalizationMethod",
            f'<i:InclusiveNamespaces xmlns:i="{C14N}" PrefixList="xs"><x/></i:InclusiveNamespaces>',
        ),
        "shape_refused",
    ),
    (
        "InclusiveNamespaces with more than prefixes",
        inside(
            f"{INFO}/CanonicalizationMethod",
            f'<i:InclusiveNamespaces xmlns:i="{C14N}" PrefixList="xs" x=""/>',
        ),
        "shape_refused",
    ),
    # -- keys --
    ("RetrievalMethod", inside(KEY_INFO, '<ds:RetrievalMethod URI="/dev/zero"/>'), "shape_refused"),
    ("RetrievalMethod in X509Data", inside(f"{KEY_INFO}/X509Data", "<ds:RetrievalMethod/>"), "shape_refused"),
    (
        "KeyInfoReference",
        inside(KEY_INFO, '<d:KeyInfoReference xmlns:d="http://www.w3.org/2009/xmldsig11#"/>'),
        "shape_refused",
    ),
    ("a foreign key", inside(KEY_INFO, "<x/>"), "shape_refused"),
    ("PGPData", inside(KEY_INFO, "<ds:PGPData/>"), "shape_refused"),
    ("DSAKeyValue", inside(KEY_INFO, "<ds:KeyValue><ds:DSAKeyValue/></ds:KeyValue>"), "shape_refused"),
    ("an encrypted key", inside(KEY_INFO, "<xenc:EncryptedKey/>"), "shape_refused"),
    ("a child of a certificate", inside(f"{KEY_INFO}/X509Data/X509Certificate", "<x/>"), "shape_refused"),
    ("X509CRL", inside(f"{KEY_INFO}/X509Data", "<ds:X509CRL/>"), "shape_refused"),
    # -- encryption --
    ("EncryptedAssertion", add(".", "<saml:EncryptedAssertion/>"), "encryption_refused"),
    (
        "CipherReference",
        add(
            ".",
            "<saml:EncryptedAssertion><xenc:EncryptedData><xenc:CipherData>"
            '<xenc:CipherReference URI="/dev/zero"/></xenc:CipherData>'
            "</xenc:EncryptedData></saml:EncryptedAssertion>",
        ),
        "encryption_refused",
    ),
    (
        "EncryptedID",
        add("Assertion/Subject", "<saml:EncryptedID><xenc:EncryptedData/></saml:EncryptedID>", 0),
        "encryption_refused",
    ),
    (
        "EncryptedAttribute",
        add(
            "Assertion/AttributeStatement",
            "<saml:EncryptedAttribute><xenc:EncryptedData/></saml:EncryptedAttribute>",
        ),
        "encryption_refused",
    ),
]


def found(xml, **options):
    """What the guard alone says: ``None``, or a code."""
    try:
        Guard(**options).inspect(parse(xml), xml)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("sign", MODES)
@pytest.mark.parametrize(("change", "code"), [pytest.param(*row[1:], id=row[0]) for row in SHAPES])
def test_shapes(saml_idp, monkeypatch, service, sign, change, code):
    """Such a shape is refused by the guard alone; nothing that touches keys ever sees it."""
    form = after_signing(saml_idp.response("wiki", "mara", in_response_to="_r", sign=sign), change)
    assert found(form.message) == code
    provider = service().provider
    monkeypatch.setattr(engine.Engine, "verify", lambda *_: pytest.fail("a key was touched"))
    monkeypatch.setattr(engine, "xmlsec", None)
    with pytest.raises(Refused) as refused:
        provider.read(form.fields["SAMLResponse"].encode())
    assert refused.value.code == code


@pytest.mark.parametrize("sign", [*MODES, "none"])
@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"inclusive_namespaces": "xs"},
        {"inclusive_namespaces": "xs saml2"},
        {"signature_lines": "crlf"},
        {"signature_lines": "none"},
        {"key_info": False},
        {"protocol_prefix": "", "assertion_prefix": "", "signature_prefix": ""},
        {"protocol_prefix": "samlp", "assertion_prefix": "saml", "signature_prefix": "dsig"},
        {"indented": True, "padded_name_id": True},
        {"xsi_type": True, "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"},
        {"timestamps": "milliseconds", "session_not_on_or_after": 3600},
        {"session_index": False, "xml_declaration": False},
        {"groups": "repeated", "empty_fields": "sent", "attribute_order": "shuffled"},
        {"conditions_after": 86_400, "attributes": (), "group_attribute": ""},
    ],
    ids=", ".join,
)
def test_what_jumpcloud_may_send_passes(saml_idp, sign, knobs):
    """No knob of the test identity provider makes a message that the guard refuses."""
    form = saml_idp.response("wiki", "soren", in_response_to="_r", sign=sign, **knobs)
    assert found(form.message) is None


def test_a_status_alone_passes(saml_idp):
    """A response without an assertion has a shape of its own that passes."""
    assert (
        found(saml_idp.error_response("wiki", "Responder", "AuthnFailed", in_response_to="_r").message)
        is None
    )


@pytest.mark.parametrize("sign", MODES)
def test_sha1_only_where_it_is_allowed(saml_idp, service, sign):
    """SHA-1 is refused with its reason, and works end to end where `idp.allow_sha1` is set."""
    form = saml_idp.response("wiki", "mara", algorithm="sha1", sign=sign)
    assert found(form.message) == "algorithm_refused"
    assert found(form.message, allow_sha1=True) is None
    assert service().outcome(algorithm="sha1", sign=sign) == "algorithm_refused"
    assert service(allow_sha1=True).outcome(algorithm="sha1", sign=sign) == "ok"
    assert service(allow_sha1=True).outcome(sign=sign) == "ok"


@pytest.mark.parametrize(
    "algorithm",
    ["rsa-sha256", "rsa-sha384", "rsa-sha512", "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"],
)
def test_algorithms_that_pass(saml_idp, algorithm):
    """RSA and ECDSA with SHA-2 pass the guard."""
    form = after_signing(saml_idp.response("wiki", "mara"), method(MORE + algorithm))
    assert found(form.message) is None


@pytest.mark.parametrize(
    "xml",
    [
        "<ds:KeyName>one</ds:KeyName>",
        (
            "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AA</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>"
            "</ds:RSAKeyValue></ds:KeyValue>"
        ),
        "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName><ds:X509SKI>AA</ds:X509SKI></ds:X509Data>",
        (
            "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
            "<ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
        ),
    ],
)
def test_keys_that_are_only_named_pass(saml_idp, xml):
    """What identity providers write about their key passes; it is inert."""
    form = after_signing(saml_idp.response("wiki", "mara"), inside(KEY_INFO, xml))
    assert found(form.message) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(inside(f"{INFO}/CanonicalizationMethod", PREFIXES), id="prefixes of SignedInfo"),
        pytest.param(on_signature(put(REFERENCE, Id="_x")), id="Id of the Reference"),
        pytest.param(on_signature(put("Signature", Id="_x")), id="Id of the Signature"),
        pytest.param(on_signature(drop(KEY_INFO)), id="no KeyInfo"),
    ],
)
def test_what_a_signature_may_have(saml_idp, change):
    """Prefix lists and identifiers are harmless in a signature, and pass."""
    assert found(after_signing(saml_idp.response("wiki", "mara"), change).message) is None


@pytest.mark.parametrize(
    "change", [just_deep_enough, with_attributes(32), put("Assertion", ID="_" + "a" * 255)]
)
def test_limits_are_exact(saml_idp, change):
    """40 levels, 32 attributes and identifiers of 256 characters still pass."""
    form = saml_idp.response("wiki", "mara", sign="none", tamper=change)
    assert found(form.message) is None


@pytest.mark.parametrize("kind", ["comment", "processing instruction", "entity"])
def test_nodes_that_are_no_elements(saml_idp, kind):
    """A comment or processing instruction is refused in the tree too, wherever it came from."""

    def change(tree):
        name_id = tree.find(".//{*}NameID")
        node = {
            "comment": etree.Comment("x"),
            "processing instruction": etree.ProcessingInstruction("x"),
            "entity": etree.Entity("x"),
        }[kind]
        name_id.append(node)

    tree = etree.fromstring(saml_idp.response("wiki", "mara").message)
    change(tree)
    with pytest.raises(Refused) as refused:
        Guard().inspect(tree, b"")
    assert refused.value.code == "xml_forbidden"


@pytest.mark.parametrize(
    ("declaration", "code"),
    [
        ('xmlns:a="relative"', "shape_refused"),
        ("xmlns:a='relative'", "shape_refused"),
        ('xmlns:a = "relative"', "shape_refused"),
        ('xmlns:a\n=\n"relative"', "shape_refused"),
        ('xmlns:a="urn:x" xmlns:b="y"', "shape_refused"),
        ('xmlns:a="urn:x"', None),
        ("xmlns:a='http://x.test/'", None),
        ('xmlns:käse="relative"', "shape_refused"),
        ('xmlns:a="./x:y"', "shape_refused"),
        ('xmlns:a="#x:y"', "shape_refused"),
    ],
)
def test_namespaces_are_absolute(declaration, code):
    """A relative namespace is refused however it is written, also where no element uses it."""
    xml = f'<samlp:Response {NAMESPACES} {declaration} ID="_a"/>'.encode()
    assert found(xml) == code


def test_text_is_no_namespace(saml_idp):
    """A text that mentions a namespace declares none."""
    assert found(saml_idp.response("wiki", "mara", tamper=write("Issuer", "xmlns is a word")).message) is None


def test_an_empty_envelope():
    """An EncryptedAssertion with nothing in it is refused, also where there is a key to decrypt with."""
    xml = f'<samlp:Response {NAMESPACES} ID="_a"><saml:EncryptedAssertion/></samlp:Response>'.encode()
    assert found(xml, decrypts=True) == "shape_refused"


@pytest.mark.parametrize("mask", ["", "sha1", "sha256"])
def test_masks_of_wrapped_keys(service, saml_idp, mask):
    """Every mask that the guard lets through, and our metadata offers, gets through the schema as well."""
    from saml_wsgi.testing.keys import SigningKey

    key = SigningKey.cached("service")
    saml_idp.change_app("wiki", sp_certificate=key.certificate.decode())
    one = service(key=key)
    assert one.outcome(encrypt="aes256-gcm", key_transport="rsa-oaep", oaep_mask=mask) == "ok"


@pytest.mark.parametrize(("count", "code"), [(14, None), (15, "shape_refused")])
def test_prefixes_are_few(count, code):
    """Sixteen prefixes are enough: canonicalisation costs the product of prefixes and elements."""
    prefixes = " ".join(f'xmlns:n{number}="urn:x"' for number in range(count))
    name = "urn:oasis:names:tc:SAML:2.0:protocol"
    xml = f'<p:Response xmlns:p="{name}" xmlns:a="urn:a" {prefixes} ID="_a"/>'.encode()
    assert found(xml) == code


@pytest.mark.parametrize(("count", "code"), [(8, None), (9, "shape_refused")])
def test_listed_prefixes_are_few(saml_idp, count, code):
    """A PrefixList names eight prefixes at most: each is looked up at each element."""
    listed = " ".join(f"n{number}" for number in range(count))
    form = saml_idp.response("wiki", "mara", inclusive_namespaces=listed)
    assert found(form.message) == code
