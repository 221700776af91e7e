"""Resource attacks by what signatures and ciphertexts make a library do. One row: what, and the answer."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_from_bytes

from lxml import etree

from tests.attack.resources import Case, Change, Trap, form
from tests.attack.scene import Scene
from tests.unit.protocol.tampering import SIGNATURE, at, fragment

DSIG = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"

#: 2^24 calls that each do nothing.
CALL = '<x:call-template name="t{}"/>'
BOMB = "".join(f'<x:template name="t{n}">{CALL.format(n + 1) * 2}</x:template>' for n in range(24))
STYLESHEET = (
    '<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform">'
    f'<x:template match="/">{CALL.format(0)}</x:template>{BOMB}<x:template name="t24"/></x:stylesheet>'
)
REFERENCE = (
    '<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
    f'<ds:DigestMethod Algorithm="{XENC}sha256"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>'
)
ENVELOPED = f'<ds:Transform Algorithm="{DSIG}enveloped-signature"/>'


def posted(message: bytes) -> Change:
    return form(b"SAMLResponse=" + quote_from_bytes(base64.b64encode(message)).encode())


def signed(change: Any) -> Any:
    """The answer with its first signature changed."""

    def attack(scene: Scene, trap: Trap) -> Change:
        return posted(scene.tampered(lambda tree: change(next(tree.iter(SIGNATURE)), trap)).message)

    return attack


def said(change: Any) -> Any:
    """The answer with its tree changed."""

    def attack(scene: Scene, _trap: Trap) -> Change:
        return posted(scene.tampered(change).message)

    return attack


def reference(uri: str, *, first: bool = False, transforms: str = ENVELOPED) -> Any:
    def change(signature: Any, trap: Trap) -> None:
        info = signature.find("{*}SignedInfo")
        target = uri.format(fifo=trap.fifo, url=trap.url)
        info.insert(2 if first else 3, fragment(REFERENCE.format(uri=target, transforms=transforms)))

    return signed(change)


def many_references(count: int) -> Any:
    def change(signature: Any, _trap: Trap) -> None:
        one = at(signature, "SignedInfo/Reference")
        for _ in range(count):
            one.addnext(etree.fromstring(etree.tostring(one)))

    return signed(change)


def instead(uri: str) -> Any:
    def change(signature: Any, trap: Trap) -> None:
        at(signature, "SignedInfo/Reference").set("URI", uri.format(fifo=trap.fifo, url=trap.url))

    return signed(change)


def transforms(xml: str, count: int = 1) -> Any:
    def change(signature: Any, _trap: Trap) -> None:
        for _ in range(count):
            at(signature, "SignedInfo/Reference/Transforms").append(fragment(xml))

    return signed(change)


def in_key_info(xml: str) -> Any:
    def change(signature: Any, trap: Trap) -> None:
        info = at(signature, "KeyInfo")
        info.insert(0, fragment(xml.format(fifo=trap.fifo, url=trap.url)))

    return signed(change)


def in_object(xml: str) -> Any:
    def change(signature: Any, trap: Trap) -> None:
        signature.append(fragment(xml.format(fifo=trap.fifo, url=trap.url)))

    return signed(change)


def prefix_list(listed: int, declared: int, values: int) -> Any:
    """A PrefixList so long, in the scope of so many namespaces, over so many elements."""

    def change(tree: Any) -> Any:
        where = list(next(tree.iter(SIGNATURE)).iter(f"{{{DSIG}}}Transform"))[1]
        for old in list(where):
            where.remove(old)
        names = " ".join(f"p{number % max(declared, 1)}" for number in range(listed))
        where.append(fragment(f'<i:InclusiveNamespaces xmlns:i="{C14N}" PrefixList="{names}"/>'))
        attribute = at(tree, "Assertion/AttributeStatement/Attribute")
        for number in range(values):
            attribute.append(fragment("<saml:AttributeValue/>"))
            attribute[-1].text = f"a value that is long enough: {number:06}"
        etree.cleanup_namespaces(tree, keep_ns_prefixes=["saml2p", "saml2", "ds"])
        wide = " ".join(f'xmlns:p{number}="urn:p{number}"' for number in range(declared))
        return etree.fromstring(etree.tostring(tree).replace(b" ID=", f" {wide} ID=".encode(), 1))

    return said(change)


def encrypted(cipher: str, key_info: str = "", keys: int = 1, around: str = "{}") -> Any:
    """An EncryptedAssertion in place of the assertion; nothing of it was ever encrypted."""
    key = (
        f'<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{XENC}rsa-oaep-mgf1p"/>'
        "<xenc:CipherData><xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"
    )
    xml = (
        f'<xenc:EncryptedData Type="{XENC}Element">'
        '<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>'
        f"<ds:KeyInfo>{key_info}{key * keys}</ds:KeyInfo><xenc:CipherData>{cipher}</xenc:CipherData>"
        "</xenc:EncryptedData>"
    )

    def attack(scene: Scene, trap: Trap) -> Change:
        def change(tree: Any) -> None:
            there = at(tree, "Assertion")
            inside = around.format(xml).format(fifo=trap.fifo, url=trap.url)
            tree.replace(there, fragment(f"<saml:EncryptedAssertion>{inside}</saml:EncryptedAssertion>"))

        return posted(scene.tampered(change, sign="response").message)

    return attack


DEVICES = ("/dev/zero", "file:///dev/zero", "{fifo}", "file://{fifo}", "{url}")
C14N_TRANSFORM = f'<ds:Transform Algorithm="{C14N}"/>'
REFERRED = "<xenc:CipherReference URI='{}'>{}</xenc:CipherReference>"
VALUE = "<xenc:CipherValue>AAAA</xenc:CipherValue>"

SIGNED = [
    *(Case(f"second reference to {uri}", reference(uri), 403, "shape_refused") for uri in DEVICES),
    *(Case(f"first of two to {uri}", reference(uri, first=True), 403, "shape_refused") for uri in DEVICES),
    *(Case(f"only reference to {uri}", instead(uri), 403, "shape_refused") for uri in DEVICES),
    Case("reference without a number sign", instead("passwd"), 403, "shape_refused"),
    Case("reference by XPointer", instead("#xpointer(//*)"), 403, "shape_refused"),
    Case("reference to everything", instead(""), 403, "shape_refused"),
    Case(
        "XSLT",
        transforms(f'<ds:Transform Algorithm="{XSLT}">{STYLESHEET}</ds:Transform>'),
        403,
        "shape_refused",
    ),
    Case(
        "XSLT in a second reference",
        reference("", transforms=f'<ds:Transform Algorithm="{XSLT}">{STYLESHEET}</ds:Transform>'),
        403,
        "shape_refused",
    ),
    Case(
        "XPath",
        transforms(
            f'<ds:Transform Algorithm="{XPATH}">'
            "<ds:XPath>count(//. | //@* | //namespace::*) &gt; 0</ds:XPath>"
            "</ds:Transform>"
        ),
        403,
        "shape_refused",
    ),
    Case(
        "XPath filter",
        transforms(
            f'<ds:Transform Algorithm="{FILTER}"><f:XPath xmlns:f="{FILTER}">//.</f:XPath></ds:Transform>'
        ),
        403,
        "shape_refused",
    ),
    Case("1,000 transforms", transforms(C14N_TRANSFORM, 1000), 403, "shape_refused"),
    Case("300 references", many_references(300), 403, "shape_refused"),
    Case(
        "key by reference",
        in_key_info('<ds:RetrievalMethod URI="{fifo}" Type="' + DSIG + 'rawX509Certificate"/>'),
        403,
        "shape_refused",
    ),
    Case(
        "key by XSLT",
        in_key_info(
            '<ds:RetrievalMethod URI="#x"><ds:Transforms><ds:Transform Algorithm="'
            + XSLT
            + f'">{STYLESHEET}</ds:Transform></ds:Transforms></ds:RetrievalMethod>'
        ),
        403,
        "shape_refused",
    ),
    Case(
        "manifest of references",
        in_object(
            "<ds:Object><ds:Manifest>"
            + REFERENCE.format(uri="{fifo}", transforms="") * 2
            + "</ds:Manifest></ds:Object>"
        ),
        403,
        "shape_refused",
    ),
    *(
        Case(f"{listed:,} inclusive prefixes, {declared:,} declared, {values:,} values", attack, 403)
        for listed, declared, values, attack in (
            (*sizes, prefix_list(*sizes))
            for sizes in (
                (50_000, 0, 500),
                (30_000, 0, 1_000),
                (1_000, 3_000, 500),
                (100, 500, 2_000),
                (16, 32, 3_000),
                (8, 11, 2_900),
                (8, 3, 2_900),
            )
        )
    ),
]
ENCRYPTED = [
    *(
        Case(f"ciphertext at {uri}", encrypted(REFERRED.format(uri, "")), 403, "shape_refused", key=True)
        for uri in DEVICES
    ),
    Case(
        "ciphertext by XSLT",
        encrypted(
            REFERRED.format(
                "",
                f'<xenc:Transforms><ds:Transform Algorithm="{XSLT}">{STYLESHEET}</ds:Transform>'
                "</xenc:Transforms>",
            )
        ),
        403,
        "shape_refused",
        key=True,
    ),
    Case(
        "wrapped key at a FIFO",
        encrypted(VALUE, '<ds:RetrievalMethod URI="{fifo}"/>'),
        403,
        "shape_refused",
        key=True,
    ),
    Case("100 wrapped keys", encrypted(VALUE, keys=100), 403, "encryption_refused", key=True),
    Case(
        "180 KB of ciphertext that is none",
        encrypted(f"<xenc:CipherValue>{'A' * 180_000}</xenc:CipherValue>"),
        403,
        key=True,
    ),
    Case(
        "encrypted within encrypted",
        encrypted(VALUE, around="<xenc:EncryptedData>{}</xenc:EncryptedData>"),
        403,
        key=True,
    ),
    Case(
        "ciphertext where nothing is decrypted",
        encrypted(REFERRED.format("{fifo}", "")),
        403,
        "encryption_refused",
    ),
]
