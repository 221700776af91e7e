"""The engine: python3-saml and xmlsec parse, validate against the schema, and verify signatures.

The only module that imports python3-saml, and the only one that touches a key. It decides who signed
what; what a message *says* is ``profile``'s business, so that python3-saml's own fixed tolerances
(300 s on Conditions, 0 s on SubjectConfirmationData) never decide.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from saml_wsgi.errors import ConfigurationError, Problem, Refused
from saml_wsgi.protocol.guard import Element
from saml_wsgi.protocol.names import RSA_SHA256, SAML, SAMLP

#: What this module knows of python3-saml's inside is true of these versions.
_KNOWN_VERSIONS: Final = "1.16."

_CURE: Final = "Reinstall both together: pip install --force-reinstall lxml xmlsec."


def _load() -> tuple[Any, Any, Any, Any]:
    version = importlib.metadata.version("python3-saml")
    if not version.startswith(_KNOWN_VERSIONS):
        raise ConfigurationError(
            Problem(
                "python3-saml",
                f"version {version} is not known to be safe here.",
                f"Install python3-saml {_KNOWN_VERSIONS}*.",
            )
        )
    try:
        from onelogin.saml2.response import OneLogin_Saml2_Response
        from onelogin.saml2.settings import OneLogin_Saml2_Settings
        from onelogin.saml2.utils import OneLogin_Saml2_Utils
        from onelogin.saml2.xml_utils import OneLogin_Saml2_XML
    except Exception as error:  # xmlsec raises its own InternalError where the libxml2 differ
        raise explain_import_failure(error) from error
    return OneLogin_Saml2_Response, OneLogin_Saml2_Settings, OneLogin_Saml2_Utils, OneLogin_Saml2_XML


def explain_import_failure(error: Exception) -> ConfigurationError:
    """Say what to do when lxml and xmlsec don't fit each other."""
    reason = f"the XML libraries can't be loaded: {error}."
    if "version mismatch" in str(error):
        installed = " and ".join(f"{name} {_version(name)}" for name in ("lxml", "xmlsec"))
        reason = f"lxml and xmlsec bring different versions of libxml2 ({installed})."
    return ConfigurationError(Problem("lxml, xmlsec", reason, _CURE))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


_Response, _Settings, _Utils, _XML = _load()


def parse(xml: bytes) -> Element:
    """The one XML parser: no DTD, no entities, no network.

    Raises:
        Refused: ``xml_malformed``.
    """
    try:
        return _XML.to_etree(xml)
    except Exception as error:  # noqa: BLE001  # lxml's and python3-saml's parsers: unrelated types
        raise Refused("xml_malformed", f"{type(error).__name__}: {error}") from None


@dataclass(frozen=True, slots=True)
class Signed:
    """Which elements have a signature that verified."""

    response: bool
    assertion: bool


class Engine:
    """Verifies what one identity provider signed for one service provider.

    Args:
        idp_entity_id: The identity provider's entity id.
        sso_url: Where requests go.
        certificates: PEM, one or more: whatever one of these keys signed is the provider's.
        sp_entity_id: Our own entity id.
        acs_url: Our own assertion consumer service.
        allow_sha1: Whether SHA-1 is accepted.
    """

    def __init__(
        self,
        *,
        idp_entity_id: str,
        sso_url: str,
        certificates: Sequence[str],
        sp_entity_id: str,
        acs_url: str,
        allow_sha1: bool = False,
    ) -> None:
        if not certificates:
            raise ConfigurationError(
                Problem("idp.certificate", "there is no certificate.", "Add the identity provider's.")
            )
        self._certificates = tuple(certificates)
        # Everything that python3-saml can be told, told. It keeps what it is given: a fresh dictionary.
        self._settings = _Settings(
            {
                "strict": True,
                "debug": False,
                "sp": {
                    "entityId": sp_entity_id,
                    "assertionConsumerService": {"url": acs_url},
                },
                "idp": {
                    "entityId": idp_entity_id,
                    "singleSignOnService": {"url": sso_url},
                    "x509certMulti": {"signing": list(certificates)},
                },
                "security": {
                    "rejectDeprecatedAlgorithm": not allow_sha1,
                    "allowRepeatAttributeName": True,
                    "allowSingleLabelDomains": True,
                    "requestedAuthnContext": False,
                    "failOnAuthnContextMismatch": True,
                    "wantNameId": True,
                    "wantAttributeStatement": False,
                    "signatureAlgorithm": RSA_SHA256,
                },
            },
            # It looks for certificates in files below this path; below a device there can't be any.
            custom_base_path="/dev/null/",
        )

    def verify(self, root: Element) -> Signed:
        """Check the tree against the schema, then every signature in it.

        Call it only with what the guard let through.

        Raises:
            Refused: ``schema_invalid``, ``signature_missing`` or ``signature_invalid``.
        """
        schema = _schema()
        if not schema.validate(root):
            raise Refused("schema_invalid", str(schema.error_log.last_error)[:300])
        try:
            names = _SignedElements(self._settings, root).process_signed_elements()
        except Exception as error:  # noqa: BLE001  # python3-saml raises several unrelated types
            raise Refused("signature_invalid", str(error)[:300]) from None
        signed = Signed(SAMLP + "Response" in names, SAML + "Assertion" in names)
        if not (signed.response or signed.assertion):
            raise Refused("signature_missing", "neither the Response nor the Assertion is signed")
        if signed.response:
            self._verify(root, "samlp:Response")
        if signed.assertion:
            self._verify(root, "samlp:Response/saml:Assertion")
        return signed

    def _verify(self, root: Element, element: str) -> None:
        try:
            verified = _Utils.validate_sign(
                root,
                xpath=f"/{element}/ds:Signature",
                multicerts=list(self._certificates),
                raise_exceptions=True,
            )
        except Exception as error:  # noqa: BLE001  # xmlsec's and python3-saml's own types
            raise Refused("signature_invalid", str(error)[:300]) from None
        if verified is not True:
            raise Refused("signature_invalid", "not signed by a key of the identity provider")


class _SignedElements(_Response):  # type: ignore[misc, valid-type]  # python3-saml has no types
    """python3-saml's checks of where signatures stand, over a tree that is parsed already."""

    def __init__(self, settings: Any, root: Element) -> None:
        self._settings = settings
        self._error = None
        self.document = root
        self.decrypted_document = None
        self.encrypted = None


def sign(xml: bytes, *, private_key: str, certificate: str) -> bytes:
    """Put an enveloped RSA-SHA256 signature into a request that goes by HTTP-POST."""
    signed = _Utils.add_sign(xml, private_key, certificate, sign_algorithm=RSA_SHA256)
    return signed if isinstance(signed, bytes) else str(signed).encode()


@cache
def _schema() -> Any:
    """The SAML protocol schema, compiled once. Verdicts are safe between threads, its error log isn't."""
    import onelogin.saml2
    from lxml import etree

    file = Path(onelogin.saml2.__file__).parent / "schemas" / "saml-schema-protocol-2.0.xsd"
    return etree.XMLSchema(etree.parse(str(file)))
