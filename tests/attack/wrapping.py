"""Signature wrapping: the signed element is somewhere in the message, and something else says who it is.

Beside the eight shapes of "On Breaking SAML" (made in tests/unit/protocol), those that were found since.
Each takes the tree of a good message and changes it, or returns another root.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from tests.unit.protocol.tampering import SIGNATURE, at, fragment
from tests.unit.protocol.test_signature_wrapping import EVIL, WRAPPINGS, assertion_of, copy, forged, unsigned

Shape = Callable[[Any], Any]
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


def original_in(xml: str, path: str = ".", position: int | None = None) -> Shape:
    """The signed assertion in this wrapper, put into the message; a forged one where it was."""

    def shape(tree: Any) -> None:
        original = assertion_of(tree)
        tree.replace(original, unsigned(forged(original)))
        holder = fragment(xml)
        deepest = holder
        while len(deepest):
            deepest = deepest[0]
        deepest.append(original)
        parent = at(tree, path)
        parent.insert(len(parent) if position is None else position, holder)

    return shape


def forged_in(xml: str, path: str = ".", position: int | None = None) -> Shape:
    """A forged assertion in this wrapper; the signed one stays where it was."""

    def shape(tree: Any) -> None:
        holder = fragment(xml)
        deepest = holder
        while len(deepest):
            deepest = deepest[0]
        deepest.append(unsigned(forged(assertion_of(tree))))
        parent = at(tree, path)
        parent.insert(len(parent) if position is None else position, holder)

    return shape


def beside(*, before: bool, **attributes: str) -> Shape:
    """A forged assertion beside the signed one; ``SAME`` stands for the ID of the signed one."""

    def shape(tree: Any) -> None:
        original = assertion_of(tree)
        evil = unsigned(forged(original))
        for name, value in attributes.items():
            place = {"xml_id": XML_ID, "foreign": "{urn:oasis:names:tc:SAML:2.0:protocol}ID"}.get(name, name)
            evil.set(place, value.replace("SAME", original.get("ID")))
        (original.addprevious if before else original.addnext)(evil)

    return shape


def decoy_id(name: str) -> Shape:
    """A forged assertion alone, with the signature, and the signed ID under this other name."""

    def shape(tree: Any) -> None:
        original = assertion_of(tree)
        evil = forged(original)
        evil.set(name, original.get("ID"))
        tree.replace(original, evil)

    return shape


def signature_at_the_response(tree: Any) -> None:
    """The assertion's signature as the Response's; the assertion without any."""
    original = assertion_of(tree)
    signature = next(tree.iter(SIGNATURE))
    signature.getparent().remove(signature)
    tree.insert(1, signature)
    tree.replace(original, unsigned(forged(original)))


def two_signatures(tree: Any) -> None:
    """A forged assertion with the signature of the signed one, twice."""
    original = assertion_of(tree)
    evil = forged(original)
    evil.insert(1, copy(next(tree.iter(SIGNATURE))))
    tree.replace(original, evil)


def same_id_as_response(tree: Any) -> None:
    """The Response bears the ID of the assertion, and a forged assertion another one."""
    original = assertion_of(tree)
    tree.set("ID", original.get("ID"))
    tree.replace(original, forged(original))


def response_in_response(tree: Any) -> Any:
    """The signed Response inside one that is forged."""
    outer = unsigned(forged(tree))
    outer.append(tree)
    return outer


def response_in_extensions(tree: Any) -> Any:
    """The signed Response in the Extensions of a forged one that bears its signature."""
    outer = forged(tree)
    extensions = fragment("<samlp:Extensions/>")
    extensions.append(unsigned(tree))
    outer.insert(1, extensions)
    return outer


def under(xml: str) -> Shape:
    """The whole message below another root, a forged one beside it."""

    def shape(tree: Any) -> Any:
        root = fragment(xml)
        root.append(unsigned(forged(tree)))
        root.append(tree)
        return root

    return shape


def assertion_alone(tree: Any) -> Any:
    """A forged Assertion as the root."""
    evil = forged(assertion_of(tree))
    evil.append(assertion_of(tree))
    return evil


def second_subject(first: bool) -> Shape:
    """A forged Subject beside the one in the assertion."""

    def shape(tree: Any) -> None:
        subject = at(tree, "Assertion/Subject")
        evil = copy(subject)
        at(evil, "NameID").text = EVIL
        (subject.addprevious if first else subject.addnext)(evil)

    return shape


def second_name(tree: Any) -> None:
    """A forged NameID in the Subject."""
    name = at(tree, "Assertion/Subject/NameID")
    evil = copy(name)
    evil.text = EVIL
    name.addprevious(evil)


def foreign_assertion(namespace: str) -> Shape:
    """A forged assertion of another namespace before the signed one."""

    def shape(tree: Any) -> None:
        text = etree.tostring(unsigned(forged(assertion_of(tree))))
        evil = etree.fromstring(text.replace(b"urn:oasis:names:tc:SAML:2.0:assertion", namespace.encode()))
        assertion_of(tree).addprevious(evil)

    return shape


def moved_signature(path: str) -> Shape:
    """The signature moved to another place; what it covers is forged."""

    def shape(tree: Any) -> None:
        signature = next(tree.iter(SIGNATURE))
        at(tree, path).append(signature)
        at(tree, "Assertion/Subject/NameID").text = EVIL

    return shape


SOAP = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>'
ADVICE = "<saml:Advice/>"
DETAIL = "<samlp:StatusDetail/>"
EXTENSIONS = "<samlp:Extensions/>"
OBJECT = "<ds:Object/>"

#: Each with the name that a test shows.
SHAPES: dict[str, Shape] = {
    **{shape.__name__.upper(): shape for shape in WRAPPINGS},
    "signed in Extensions": original_in(EXTENSIONS, position=1),
    "signed in StatusDetail": original_in(DETAIL, "Status"),
    "signed in Advice of the forged": original_in(ADVICE, "Assertion"),
    "signed in an AttributeValue of the forged": original_in(
        '<saml:Attribute Name="x"><saml:AttributeValue/></saml:Attribute>', "Assertion/AttributeStatement"
    ),
    "signed in the forged one's SubjectConfirmationData": original_in(
        "<saml:SubjectConfirmationData/>", "Assertion/Subject/SubjectConfirmation"
    ),
    "signed in AuthnContextDecl": original_in(
        "<saml:AuthnContextDecl/>", "Assertion/AuthnStatement/AuthnContext"
    ),
    "signed in an EncryptedAssertion": original_in("<saml:EncryptedAssertion/>"),
    "signed in Object": original_in(OBJECT),
    "signed in an element of nobody's": original_in('<x xmlns="urn:x"/>'),
    "forged in Extensions": forged_in(EXTENSIONS, position=1),
    "forged in StatusDetail": forged_in(DETAIL, "Status"),
    "forged in Advice of the signed": forged_in(ADVICE, "Assertion"),
    "forged in an AttributeValue of the signed": forged_in(
        '<saml:Attribute Name="x"><saml:AttributeValue/></saml:Attribute>', "Assertion/AttributeStatement"
    ),
    "forged in SubjectConfirmationData": forged_in(
        "<x/>", "Assertion/Subject/SubjectConfirmation/SubjectConfirmationData"
    ),
    "forged in an EncryptedAssertion": forged_in("<saml:EncryptedAssertion/>"),
    "forged in KeyInfo": forged_in("<ds:KeyInfo/>"),
    "same ID, forged first": beside(before=True, ID="SAME"),
    "same ID, signed first": beside(before=False, ID="SAME"),
    "xml:id decoy": beside(before=True, xml_id="SAME"),
    "Id decoy": beside(before=True, Id="SAME"),
    "id decoy": beside(before=False, id="SAME"),
    "samlp:ID decoy": beside(before=True, foreign="SAME"),
    "AssertionID decoy": beside(before=True, AssertionID="SAME"),
    "forged alone, xml:id decoy": decoy_id(XML_ID),
    "forged alone, Id decoy": decoy_id("Id"),
    "Response bears the assertion's ID": same_id_as_response,
    "assertion's signature at the Response": signature_at_the_response,
    "two signatures": two_signatures,
    "Response in Response": response_in_response,
    "Response in Extensions": response_in_extensions,
    "SOAP": under(SOAP),
    "ArtifactResponse": under('<samlp:ArtifactResponse ID="_a" Version="2.0"/>'),
    "Assertion as the root": assertion_alone,
    "second Subject, forged first": second_subject(first=True),
    "second Subject, signed first": second_subject(first=False),
    "second NameID": second_name,
    "SAML 1.1 assertion": foreign_assertion("urn:oasis:names:tc:SAML:1.0:assertion"),
    "assertion of nobody's": foreign_assertion("urn:x"),
    "signature in Subject": moved_signature("Assertion/Subject"),
    "signature in Status": moved_signature("Status"),
    "signature at the end of the assertion": moved_signature("Assertion"),
}

#: What an attacker may add to a Response that isn't signed itself. It must not matter.
HARMLESS: dict[str, Shape] = {
    "name in Extensions": lambda tree: tree.insert(
        1, fragment(f"<samlp:Extensions><saml:NameID>{EVIL}</saml:NameID></samlp:Extensions>")
    ),
    "Subject in Extensions": lambda tree: tree.insert(
        1,
        fragment(
            f"<samlp:Extensions><saml:Subject><saml:NameID>{EVIL}</saml:NameID></saml:Subject></samlp:Extensions>"
        ),
    ),
    "attributes in StatusDetail": lambda tree: at(tree, "Status").append(
        fragment(
            '<samlp:StatusDetail><saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>'
            f"{EVIL}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></samlp:StatusDetail>"
        )
    ),
    "another ID of the Response": lambda tree: tree.set("ID", "_another"),
    "another consent": lambda tree: tree.set("Consent", "urn:oasis:names:tc:SAML:2.0:consent:obtained"),
}
