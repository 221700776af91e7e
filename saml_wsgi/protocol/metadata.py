"""Our own metadata, to be uploaded at the identity provider (SAML 2.0 Metadata, 2.4.4)."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from saml_wsgi.protocol import bindings, encryption, vocabulary


def write(
    *,
    entity_id: str,
    acs_url: str,
    certificate: str | None,
    signs_requests: bool,
    wants_assertions_signed: bool,
) -> bytes:
    """The EntityDescriptor of this service provider."""
    key = ""
    if certificate is not None:
        body = "".join(line for line in certificate.split("\n") if not line.startswith("-----"))
        info = (
            '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
            f"<ds:X509Certificate>{''.join(body.split())}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        )
        # Strongest first: identity providers take the first that they know.
        methods = "".join(
            f'<md:EncryptionMethod Algorithm="{algorithm}"/>'
            for algorithm in [*reversed(encryption.GCM), *sorted(encryption.OAEP)]
        )
        key = (
            f'<md:KeyDescriptor use="signing">{info}</md:KeyDescriptor>'
            f'<md:KeyDescriptor use="encryption">{info}{methods}</md:KeyDescriptor>'
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'
        f" entityID={quoteattr(entity_id)}>"
        f'<md:SPSSODescriptor AuthnRequestsSigned="{_boolean(signs_requests)}"'
        f' WantAssertionsSigned="{_boolean(wants_assertions_signed)}"'
        f' protocolSupportEnumeration="{vocabulary.PROTOCOL}">{key}'
        f"<md:NameIDFormat>{vocabulary.UNSPECIFIED}</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{bindings.POST}" Location={quoteattr(acs_url)}'
        ' index="0" isDefault="true"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>\n"
    ).encode()


def _boolean(value: bool) -> str:
    return "true" if value else "false"
