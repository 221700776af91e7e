"""Signs the requests that go by HTTP-POST."""

from __future__ import annotations

from lxml import etree

from saml_wsgi.protocol.engine import xmlsec  # where a failure to load it is explained
from saml_wsgi.protocol.parser import parse


class RequestSigner:
    """Puts an enveloped RSA-SHA256 signature into requests that go by HTTP-POST.

    Args:
        private_key: PEM, RSA.
        certificate: PEM: travels along in KeyInfo.
    """

    def __init__(self, private_key: str, certificate: str) -> None:
        self._key = xmlsec.Key.from_memory(private_key.encode(), xmlsec.KeyFormat.PEM, None)
        self._key.load_cert_from_memory(certificate.encode(), xmlsec.KeyFormat.CERT_PEM)

    def sign(self, xml: bytes) -> bytes:
        """The request with its signature behind the Issuer, where the schema wants it."""
        root = parse(xml)
        signature = xmlsec.template.create(
            root, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256, ns="ds"
        )
        root.insert(1, signature)
        reference = xmlsec.template.add_reference(
            signature, xmlsec.Transform.SHA256, uri=f"#{root.get('ID')}"
        )
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        context = xmlsec.SignatureContext()
        context.key = self._key
        # Not xmlsec.tree.add_ids(): it frees what another allocator gave, which Python's development
        # mode ends the process for.
        context.register_id(root, "ID")
        context.sign(signature)
        signed: bytes = etree.tostring(root)
        return signed
