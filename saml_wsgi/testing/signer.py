"""Signatures by python-xmlsec, made after the knobs and put where SAML wants them."""

from __future__ import annotations

from typing import Final

import xmlsec

from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.responses import DS, SAML, Element

_CANONICALISATIONS: Final = {
    "exclusive": xmlsec.constants.TransformExclC14N,
    "exclusive with comments": xmlsec.constants.TransformExclC14NWithComments,
    "inclusive": xmlsec.constants.TransformInclC14N,
    "inclusive with comments": xmlsec.constants.TransformInclC14NWithComments,
    "inclusive 1.1": xmlsec.constants.TransformInclC14N11,
    "inclusive 1.1 with comments": xmlsec.constants.TransformInclC14N11WithComments,
}
_ALGORITHMS: Final = {
    "sha256": (xmlsec.constants.TransformRsaSha256, xmlsec.constants.TransformSha256),
    "sha512": (xmlsec.constants.TransformRsaSha512, xmlsec.constants.TransformSha512),
    "sha1": (xmlsec.constants.TransformRsaSha1, xmlsec.constants.TransformSha1),
}


def sign(response: Element, app: App, key: SigningKey) -> None:
    """Sign and encrypt in place what the application says.

    The assertion first, then its encryption: the response's signature covers both (SAML core §6.2).
    """
    if app.sign in ("assertion", "both"):
        for assertion in response.findall(f"{{{SAML}}}Assertion"):
            sign_element(assertion, app, key)
    if app.encrypt:
        from saml_wsgi.testing import encrypter

        encrypter.encrypt(response, app)
    if app.sign in ("response", "both"):
        sign_element(response, app, key)


def sign_element(element: Element, app: App, key: SigningKey) -> Element:
    """Sign one element over its ID, in place; the Signature comes after its Issuer (SAML core §5.4)."""
    shape = app.shape
    canonicalisation = _CANONICALISATIONS[shape.canonicalisation]
    method, digest = _ALGORITHMS[app.algorithm]
    signature = xmlsec.template.create(element, canonicalisation, method, ns=shape.signature_prefix or None)
    issuer = element.find(f"{{{SAML}}}Issuer")
    if issuer is None:  # somebody tampered with it; a signature can still be made
        element.insert(0, signature)
    else:
        # addnext() would take the white space behind the Issuer along
        element.insert(element.index(issuer) + 1, signature)
    identifier = element.get("ID")  # somebody may have tampered with that too
    uri = f"#{identifier}" if identifier else ""
    reference = xmlsec.template.add_reference(signature, digest, uri=uri)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    transform = xmlsec.template.add_transform(reference, canonicalisation)
    if shape.inclusive_namespaces:
        xmlsec.template.transform_add_c14n_inclusive_namespaces(transform, shape.inclusive_namespaces.split())
    if shape.key_info:
        x509 = xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        xmlsec.template.x509_data_add_certificate(x509)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key.private_key, xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_memory(key.certificate, xmlsec.constants.KeyDataFormatPem)
    if identifier:
        context.register_id(element, "ID")
    context.sign(signature)
    _wrap_lines(signature, shape.line_end)
    return signature


def _wrap_lines(signature: Element, line_end: str) -> None:
    """White space in base64 is free, and what these hold isn't covered by the signature itself."""
    for name in ("SignatureValue", "X509Certificate"):
        for element in signature.iter(f"{{{DS}}}{name}"):
            element.text = line_end.join((element.text or "").split())
