"""Signatures that look like the identity provider's: of other keys, by other means, for something else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from saml_wsgi.testing.keys import SigningKey
from tests.attack.scene import Scene
from tests.unit.protocol.tampering import SIGNATURE, after_signing, at, fragment, together
from tests.unit.protocol.test_signature_wrapping import EVIL, assertion_of, forged, unsigned

Forge = Callable[[Scene, str], Any]
DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
XENC = "http://www.w3.org/2001/04/xmlenc#"


def of(change: Callable[[Any], Any]) -> Forge:
    """The answer, changed after it was signed."""
    return lambda scene, sign: scene.tampered(change, sign=sign)


def with_key(label: str, **knobs: Any) -> Forge:
    """The whole answer, of somebody else's making."""
    return lambda scene, sign: scene.answer(sign=sign, key=SigningKey.cached(label), **knobs)


def strip(tree: Any) -> None:
    for signature in list(tree.iter(SIGNATURE)):
        signature.getparent().remove(signature)


def evil_name(tree: Any) -> None:
    at(tree, "Assertion/Subject/NameID").text = EVIL


def foreign_key_info(of_provider: bool) -> Forge:
    """Signed by the attacker; the certificate in KeyInfo is the provider's, or the attacker's beside it."""

    def forge(scene: Scene, sign: str) -> Any:
        good = scene.service.key.certificate_base64

        def change(tree: Any) -> None:
            for data in tree.iter(f"{{{DS}}}X509Data"):
                if of_provider:
                    data[0].text = good
                else:
                    data.insert(0, fragment(f"<ds:X509Certificate>{good}</ds:X509Certificate>"))

        return scene.tampered(change, sign=sign, key=SigningKey.cached("attacker"))

    return forge


def hmac_with(algorithm: str, digest: str, form: str) -> Forge:
    """HMAC keyed with the public key, which everybody knows."""

    def forge(scene: Scene, sign: str) -> Any:
        certificate = x509.load_pem_x509_certificate(scene.service.key.certificate)
        public = certificate.public_key()
        secret = {
            "certificate": scene.service.key.certificate,
            "certificate in DER": certificate.public_bytes(Encoding.DER),
            "key": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "key in DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        }[form]

        def change(tree: Any) -> None:
            for signature in tree.iter(SIGNATURE):
                at(signature, "SignedInfo/SignatureMethod").set("Algorithm", algorithm)
                octets = etree.tostring(at(signature, "SignedInfo"), method="c14n", exclusive=True)
                value = hmac.digest(secret, octets, digest)
                at(signature, "SignatureValue").text = base64.b64encode(value).decode()

        return scene.tampered(change, sign=sign)

    return forge


def method(algorithm: str, value: str | None = None) -> Forge:
    """Another SignatureMethod, and perhaps another value."""

    def change(tree: Any) -> None:
        for signature in tree.iter(SIGNATURE):
            at(signature, "SignedInfo/SignatureMethod").set("Algorithm", algorithm)
            if value is not None:
                at(signature, "SignatureValue").text = value

    return of(change)


def signed_with(transform: Any, digest: Any) -> Forge:
    """What the provider itself signed with these algorithms."""

    def forge(scene: Scene, sign: str) -> Any:
        def change(tree: Any) -> None:
            places = {"assertion": ["Assertion"], "response": ["."], "both": ["Assertion", "."]}[sign]
            strip(tree)
            for place in places:
                _sign(at(tree, place), scene.service.key, transform, digest)

        return scene.tampered(change, sign=sign)

    return forge


def _sign(element: Any, key: SigningKey, transform: Any, digest: Any) -> None:
    signature = xmlsec.template.create(element, xmlsec.Transform.EXCL_C14N, transform, ns="ds")
    element.insert(1, signature)
    reference = xmlsec.template.add_reference(signature, digest, uri=f"#{element.get('ID')}")
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key.private_key, xmlsec.KeyFormat.PEM)
    context.register_id(element, "ID")
    context.sign(signature)


def redigested(tree: Any) -> None:
    """A forged name whose digest was made anew; the signature's value stays what it was."""
    evil_name(tree)
    for element in (assertion_of(tree), tree):
        signature = element.find(SIGNATURE)
        if signature is not None:
            octets = etree.tostring(unsigned(element), method="c14n", exclusive=True)
            value = base64.b64encode(hashlib.sha256(octets).digest()).decode()
            at(signature, "SignedInfo/Reference/DigestValue").text = value


def emptied(*paths: str) -> Forge:
    """Parts of the signature without content."""

    def change(tree: Any) -> None:
        evil_name(tree)
        for signature in tree.iter(SIGNATURE):
            for path in paths:
                at(signature, path).text = ""

    return of(change)


def transplanted(scene: Scene, sign: str) -> Any:
    """A forged message with the signatures of a good one."""
    good = etree.fromstring(scene.answer("jose", sign=sign).message)

    def change(tree: Any) -> None:
        for name in (".", "Assertion"):
            theirs, ours = at(good, name).find(SIGNATURE), at(tree, name).find(SIGNATURE)
            if ours is not None:
                at(tree, name).replace(ours, theirs)
                at(tree, name).set("ID", at(good, name).get("ID"))

    return scene.tampered(change, sign=sign)


def swapped(scene: Scene, sign: str) -> Any:
    """A signed message with the assertion that answered another request."""
    theirs = scene.answer("jose", sign=sign, in_response_to="_another")
    other = assertion_of(etree.fromstring(theirs.message))
    return scene.tampered(lambda tree: tree.replace(assertion_of(tree), other), sign=sign)


def error_reused(scene: Scene, sign: str) -> Any:
    """A signed Response that says no, with an unsigned assertion put in, and its status flipped."""
    evil = unsigned(forged(assertion_of(etree.fromstring(scene.answer(sign="none").message))))

    def change(tree: Any) -> None:
        at(tree, "Status/StatusCode").clear(keep_tail=True)
        at(tree, "Status/StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Success")
        tree.append(evil)

    return after_signing(scene.idp.error_response("wiki", in_response_to=scene.request, sign=sign), change)


def error_extended(scene: Scene, sign: str) -> Any:
    """The same, with the status as it was."""
    evil = unsigned(forged(assertion_of(etree.fromstring(scene.answer(sign="none").message))))
    form = scene.idp.error_response("wiki", in_response_to=scene.request, sign=sign)
    return after_signing(form, lambda tree: tree.append(evil))


SHA1 = xmlsec.Transform.SHA1
SHA256 = xmlsec.Transform.SHA256

#: What is forged, and the codes that it may be refused with.
FORGERIES: dict[str, tuple[Forge, set[str]]] = {
    "unsigned": (of(strip), {"signature_missing"}),
    "unsigned and forged": (of(together(strip, evil_name)), {"signature_missing"}),
    "never signed": (lambda scene, sign: scene.answer(sign="none"), {"signature_missing"}),
    "attacker's key": (with_key("attacker"), {"signature_invalid"}),
    "attacker's key, no KeyInfo": (with_key("attacker", key_info=False), {"signature_invalid"}),
    "attacker's key, provider's certificate": (foreign_key_info(True), {"signature_invalid"}),
    "attacker's key, both certificates": (foreign_key_info(False), {"signature_invalid"}),
    "service's own key": (with_key("service"), {"signature_invalid"}),
    **{
        f"HMAC-{name} with the provider's {form}": (
            hmac_with(algorithm, digest, form),
            {"algorithm_refused"},
        )
        for name, algorithm, digest in (
            ("SHA1", f"{DS}hmac-sha1", "sha1"),
            ("SHA256", f"{MORE}hmac-sha256", "sha256"),
        )
        for form in ("certificate", "certificate in DER", "key", "key in DER")
    },
    **{
        f"signature method {algorithm!r}": (method(algorithm, ""), {"algorithm_refused"})
        for algorithm in ("", "none", f"{DS}none", f"{MORE}none", f"{MORE}rsa-md5", f"{DS}dsa-sha1")
    },
    "SHA-1": (signed_with(xmlsec.Transform.RSA_SHA1, SHA1), {"algorithm_refused"}),
    "SHA-1 of the digest alone": (signed_with(xmlsec.Transform.RSA_SHA256, SHA1), {"algorithm_refused"}),
    "SHA-1 of the signature alone": (signed_with(xmlsec.Transform.RSA_SHA1, SHA256), {"algorithm_refused"}),
    "forged name": (of(evil_name), {"signature_invalid"}),
    "forged name, digest made anew": (of(redigested), {"signature_invalid"}),
    "empty value": (emptied("SignatureValue"), {"signature_invalid"}),
    "empty digest": (emptied("SignedInfo/Reference/DigestValue"), {"signature_invalid"}),
    "empty value and digest": (
        emptied("SignatureValue", "SignedInfo/Reference/DigestValue"),
        {"signature_invalid"},
    ),
    "signature of another message": (transplanted, {"signature_invalid"}),
    "assertion of another message": (swapped, {"signature_invalid", "in_response_to_mismatch"}),
    "signed error with an assertion": (error_extended, {"signature_invalid", "signature_missing"}),
    "signed error made a success": (error_reused, {"signature_invalid", "signature_missing"}),
}
