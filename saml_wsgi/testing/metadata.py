"""Metadata: what JumpCloud exports, and what an administrator uploads there."""

from __future__ import annotations

import textwrap
from typing import Any, Final

from lxml import etree

from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from saml_wsgi.testing.responses import DS, SAMLP, Element

MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def exported(app: App, key: SigningKey, sso_url: str) -> str:
    """An application's metadata in the shape of JumpCloud's export.

    One certificate, one NameIDFormat that echoes the setting (even where it is no standard one),
    HTTP-POST only unless the administrator declared HTTP-Redirect too, no validUntil, no logout
    (observed).
    """
    entity = etree.Element(f"{{{MD}}}EntityDescriptor", {"entityID": app.idp_entity_id}, nsmap={"md": MD})
    role = etree.SubElement(
        entity,
        f"{{{MD}}}IDPSSODescriptor",
        {"WantAuthnRequestsSigned": "false", "protocolSupportEnumeration": SAMLP},
    )
    descriptor = etree.SubElement(role, f"{{{MD}}}KeyDescriptor", {"use": "signing"})
    info = etree.SubElement(descriptor, f"{{{DS}}}KeyInfo", nsmap={"ds": DS})
    certificate = etree.SubElement(etree.SubElement(info, f"{{{DS}}}X509Data"), f"{{{DS}}}X509Certificate")
    certificate.text = key.certificate_base64
    etree.SubElement(role, f"{{{MD}}}NameIDFormat").text = app.nameid_format
    for binding in (POST, REDIRECT) if app.declare_redirect else (POST,):
        etree.SubElement(role, f"{{{MD}}}SingleSignOnService", {"Binding": binding, "Location": sso_url})
    etree.indent(entity)
    text: bytes = etree.tostring(entity, encoding="UTF-8", xml_declaration=True)
    return text.decode() + "\n"


def uploaded(name: str, metadata: str | bytes, **changes: Any) -> App:
    """The application that an administrator gets by uploading a service provider's metadata.

    Fills in the entity id, the ACS URLs that take HTTP-POST (the one with ``isDefault`` or the lowest
    index is the default: SAML metadata §2.2.3) and the certificates, for signatures and encryption.
    ``changes`` are further fields of App and Shape. Raises ValueError for metadata that can't be used.
    """
    entity = parsed(metadata)
    role = entity.find(f"{{{MD}}}SPSSODescriptor")
    if entity.tag != f"{{{MD}}}EntityDescriptor" or role is None or not entity.get("entityID"):
        raise ValueError("this isn't the metadata of one service provider")
    services = [
        element
        for element in role.findall(f"{{{MD}}}AssertionConsumerService")
        if element.get("Binding") == POST and element.get("Location")
    ]
    if not services:
        raise ValueError("the metadata names no AssertionConsumerService with HTTP-POST")
    services.sort(key=_rank)
    return App(
        name=name,
        sp_entity_id=entity.get("entityID"),
        acs_urls=tuple(element.get("Location") for element in services),
        sp_certificate=_certificate(role, "signing"),
        encryption_certificate=_certificate(role, "encryption"),
    ).changed(**changes)


def parsed(text: str | bytes) -> Element:
    """The root of an XML document from outside. ValueError if it isn't well-formed or has a DTD."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.encode() if isinstance(text, str) else text, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("this isn't well-formed XML") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type declaration isn't accepted")
    return root


def _rank(service: Element) -> tuple[bool, int]:
    index = service.get("index", "")
    return service.get("isDefault") not in ("true", "1"), int(index) if index.isdecimal() else 0


def _certificate(role: Element, use: str) -> str:
    for descriptor in role.findall(f"{{{MD}}}KeyDescriptor"):
        text = descriptor.findtext(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate")
        # without "use" a key serves both (SAML metadata §2.4.1.1)
        if descriptor.get("use", use) == use and text:
            lines = "\n".join(textwrap.wrap("".join(text.split()), 64))
            return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
    return ""
