"""The engine: python3-saml and xmlsec validate against the schema, and verify signatures.

The only module that imports python3-saml, and the only one that touches a key. It decides who signed
what; what a message *says* is ``profile``'s business, so that python3-saml's own fixed tolerances
(300 s on Conditions, 0 s on SubjectConfirmationData) never decide.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import quoteattr

from saml_wsgi.errors import ConfigurationError, Problem, Refused
from saml_wsgi.protocol import schema
from saml_wsgi.protocol.bindings import check_text
from saml_wsgi.protocol.encryption import Decryption
from saml_wsgi.protocol.guard import Guard
from saml_wsgi.protocol.parser import parse_message
from saml_wsgi.protocol.vocabulary import ASSERTIONS, DS, RSA_SHA256, SAML, SAMLP, Element

#: What this module knows of python3-saml's inside is true of these versions.
_KNOWN_VERSIONS: Final = "1.16."

_CURE: Final = "Reinstall both together: pip install --force-reinstall lxml xmlsec."


def _load() -> tuple[Any, Any, Any]:
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
        import xmlsec
        from onelogin.saml2.response import OneLogin_Saml2_Response
        from onelogin.saml2.settings import OneLogin_Saml2_Settings
    except Exception as error:  # xmlsec raises its own InternalError where the libxml2 differ
        raise explain_import_failure(error) from error
    return xmlsec, OneLogin_Saml2_Response, OneLogin_Saml2_Settings


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


xmlsec, _Response, _Settings = _load()

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#"
#: Which algorithms a signature may name, and what xmlsec calls them: the second belt, behind the guard's.
_SIGNATURE_METHODS: Final = {
    _MORE + "rsa-sha256": xmlsec.Transform.RSA_SHA256,
    _MORE + "rsa-sha384": xmlsec.Transform.RSA_SHA384,
    _MORE + "rsa-sha512": xmlsec.Transform.RSA_SHA512,
    _MORE + "ecdsa-sha256": xmlsec.Transform.ECDSA_SHA256,
    _MORE + "ecdsa-sha384": xmlsec.Transform.ECDSA_SHA384,
    _MORE + "ecdsa-sha512": xmlsec.Transform.ECDSA_SHA512,
}
_DIGEST_METHODS: Final = {
    _ENC + "sha256": xmlsec.Transform.SHA256,
    _MORE + "sha384": xmlsec.Transform.SHA384,
    _ENC + "sha512": xmlsec.Transform.SHA512,
}
#: What a Reference may do to what it digests; C14N is what stands between an enveloped-signature
#: transform alone and the digest.
_TRANSFORMS: Final = (xmlsec.Transform.ENVELOPED, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.C14N)


@dataclass(frozen=True, slots=True)
class Signed:
    """Which elements have a signature that verified, and whether the assertion was encrypted."""

    response: bool
    assertion: bool
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """The assertion that a verified signature covers, and by which. Nothing else may be read from.

    Attributes:
        unvouched: Of what was decrypted; see :func:`saml_wsgi.protocol.parser.parse_message`.
    """

    assertion: Element
    signed: Signed
    unvouched: int = 0


#: Is told of a step of :meth:`Engine.verify`, and which element it is about, if that matters.
Reached: TypeAlias = Callable[[str, Element | None], None]

#: The steps, in order. A message may do without the third, the fifth and the sixth.
STEPS: Final = (
    "schema",
    "places",
    "response_signature",
    "one_assertion",
    "decryption",
    "assertion_signature",
    "signature",
)


def _nobody(_step: str, _element: Element | None) -> None:
    """Signing in needs nothing but the error."""


class Engine:
    """Verifies what one identity provider signed for one service provider.

    Args:
        idp_entity_id: The identity provider's entity id.
        sso_url: Where requests go.
        certificates: PEM, one or more: whatever one of these keys signed is the provider's.
        sp_entity_id: Our own entity id.
        acs_url: Our own assertion consumer service.
        guard: Looks at what was decrypted, before anything else does; by default one of its own.
        decryption: Our own key; None: nothing is decrypted.
        allow_sha1: Whether SHA-1 is accepted.
        max_elements: The most elements of what was encrypted; None: as many as its size allows.

    Keys, schema and settings are prepared once and shared by all threads.
    """

    def __init__(
        self,
        *,
        idp_entity_id: str,
        sso_url: str,
        certificates: Sequence[str],
        sp_entity_id: str,
        acs_url: str,
        guard: Guard | None = None,
        decryption: Decryption | None = None,
        allow_sha1: bool = False,
        max_elements: int | None = None,
    ) -> None:
        if not certificates:
            raise ConfigurationError(
                Problem("idp.certificate", "there is no certificate.", "Add the identity provider's.")
            )
        self._keys = [_public_key(certificate) for certificate in certificates]
        self._guard = guard or Guard(allow_sha1=allow_sha1)
        self._decryption = decryption
        self._max_elements = max_elements
        self._signatures, self._digests = dict(_SIGNATURE_METHODS), dict(_DIGEST_METHODS)
        if allow_sha1:
            self._signatures[_SHA1 + "rsa-sha1"] = xmlsec.Transform.RSA_SHA1
            self._digests[_SHA1 + "sha1"] = xmlsec.Transform.SHA1
        # Everything that python3-saml can be told, told. It keeps what it is given: a fresh dictionary.
        self._settings = _prepared(
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
        )

    def verify(self, root: Element, reached: Reached = _nobody) -> Verified:
        """Check the tree against the schema, then every signature in it; decrypt in between.

        Call it only with what the guard let through.

        Args:
            reached: Told of each step (:data:`STEPS`) before it is done: the last one is the one that failed.

        Raises:
            Refused: ``schema_invalid``, ``signature_missing``, ``signature_invalid``,
                ``encryption_refused``, or a code of the guard for what was decrypted.
        """
        reached("schema", None)
        schema.validate(root)
        reached("places", None)
        try:
            names = _SignedElements(self._settings, root).process_signed_elements()
        except Exception as error:  # noqa: BLE001  # python3-saml raises several unrelated types
            raise Refused("signature_invalid", str(error)[:300]) from None
        response_signed = SAMLP + "Response" in names
        if response_signed:
            # Before anything is decrypted, so that nobody can try out ciphertexts of their own.
            reached("response_signature", root)
            self._verify(root)
        reached("one_assertion", None)
        assertion, encrypted = root.find(SAML + "Assertion"), root.find(SAML + "EncryptedAssertion")
        if len([element for element in root if element.tag in ASSERTIONS]) != 1:
            raise Refused("shape_refused", "there must be exactly one assertion")
        unvouched = 0
        if encrypted is not None:
            reached("decryption", None)
            assertion, unvouched = self._decrypt(encrypted, covered=response_signed)
            assertion_signed = assertion.find(DS + "Signature") is not None
        else:
            assertion_signed = SAML + "Assertion" in names
        if assertion_signed:
            reached("assertion_signature", assertion)
            self._verify(assertion)
        reached("signature", assertion)
        if not (response_signed or assertion_signed):
            raise Refused("signature_missing", "neither the Response nor the Assertion is signed")
        signed = Signed(response_signed, assertion_signed, encrypted is not None)
        return Verified(assertion, signed, unvouched)

    def _decrypt(self, encrypted: Element, *, covered: bool) -> tuple[Element, int]:
        """The decrypted assertion, as an element of its own: grafted in, its prefixes would change."""
        if self._decryption is None:
            raise Refused("encryption_refused", "there is no key to decrypt with")
        xml = self._decryption.decrypt(encrypted, covered=covered)
        check_text(xml, self._max_elements)
        # It may use prefixes that its surroundings declare (XML Encryption 1.1, 4.4).
        around = " ".join(
            f"xmlns{f':{prefix}' if prefix else ''}={quoteattr(uri)}"
            for prefix, uri in encrypted.nsmap.items()
        )
        wrapper, unvouched = parse_message(f"<wrapper {around}>".encode() + xml + b"</wrapper>")
        if len(wrapper) != 1 or (wrapper.text or "").strip() or (wrapper[0].tail or "").strip():
            raise Refused("shape_refused", "what was encrypted isn't one element")
        assertion = wrapper[0]
        self._guard.inspect_decrypted(assertion, xml)
        schema.validate(assertion)
        return assertion, unvouched

    def is_signed_with(self, element: Element, certificate: str) -> bool:
        """Whether the holder of this certificate's key signed the element, whoever that is.

        For explanations only: it tells a message that was changed from one that somebody else signed.
        """
        try:
            self._verify(element, [_public_key(certificate)])
        except Exception:  # noqa: BLE001  # a key that can't be used, of whatever kind, signed nothing
            return False
        return True

    def _verify(self, element: Element, keys: Sequence[Any] | None = None) -> None:
        """Check the signature of an element by the keys of the identity provider, one after the other.

        What the guard promised is checked again where it matters most: one reference, to this element.
        """
        signature = element.find(DS + "Signature")
        if signature is None:
            raise Refused("signature_missing", "the signature belongs to something else")
        references = signature.findall(f"{DS}SignedInfo/{DS}Reference")
        if len(references) != 1 or references[0].get("URI") != f"#{element.get('ID')}":
            raise Refused("signature_invalid", "the signature covers something else")
        method = signature.find(f"{DS}SignedInfo/{DS}SignatureMethod")
        digest = references[0].find(f"{DS}DigestMethod")
        signs = None if method is None else self._signatures.get(method.get("Algorithm"))
        digests = None if digest is None else self._digests.get(digest.get("Algorithm"))
        if signs is None or digests is None:
            raise Refused("signature_invalid", "the signature uses an algorithm that isn't accepted")
        reason = ""
        for key in self._keys if keys is None else keys:
            context = xmlsec.SignatureContext()
            context.key = key
            try:
                context.set_enabled_key_data([xmlsec.KeyData.X509])
                # As few calls as will do: each lets go of the interpreter, and waits for it again.
                for transform in (*_TRANSFORMS, digests):
                    context.enable_reference_transform(transform)
                context.enable_signature_transform(xmlsec.Transform.EXCL_C14N)
                context.enable_signature_transform(signs)
                context.register_id(element, "ID")
                context.verify(signature)
            except xmlsec.Error as error:
                reason = str(error)
                continue
            return
        raise Refused("signature_invalid", reason[:300])


class _SignedElements(_Response):  # type: ignore[misc, valid-type]  # python3-saml has no types
    """python3-saml's checks of where signatures stand, over a tree that is parsed already."""

    def __init__(self, settings: Any, root: Element) -> None:
        self._settings = settings
        self._error = None
        self.document = root
        self.decrypted_document = None
        self.encrypted = None


def _prepared(settings: dict[str, Any]) -> Any:
    try:
        # It looks for certificates in files below this path; below a device there can't be any.
        return _Settings(settings, custom_base_path="/dev/null/")
    except Exception as error:
        what = f"python3-saml doesn't take these settings ({error})."
        raise ConfigurationError(Problem("idp.metadata", what, "Correct its addresses.")) from error


def _public_key(certificate: str) -> Any:
    """The key alone: with its certificate, each verification would copy that, too."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public_key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM, None)
