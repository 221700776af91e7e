"""The guard: only the shape that identity providers send gets through.

xmlsec follows every reference and runs every transform of a signature *before* it checks the
signature's value, so an anonymous message decides what it does. Hence a whitelist, before any key,
transform or reference is touched.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import encryption, vocabulary
from saml_wsgi.protocol.vocabulary import ASSERTIONS, DS, DS11, SAML, SAMLP, XENC, XENC11, Element

_DEEPEST: Final = 40
#: Canonicalisation costs the product of elements and prefixes, and runs before a signature is checked.
_MOST_PREFIXES: Final = 16
_MOST_LISTED_PREFIXES: Final = 8
_MOST_ATTRIBUTES: Final = 32
_NC_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,255}\Z")
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*:")
# The prefix ends at whatever can't be in a name, so that no text makes it start over and over.
_NAMESPACE: Final = re.compile(rb"""xmlns(?::([^\s=:"'<>/]*))?\s*=\s*(?:"([^"]*)"|'([^']*)')""")

#: What may stand in KeyInfo. None of it is used: the keys are the configured ones. All of it is inert.
_KEY_INFO: Final = {
    DS + "KeyInfo": {DS + "X509Data", DS + "KeyName", DS + "KeyValue"},
    DS + "X509Data": {
        DS + "X509Certificate",
        DS + "X509SubjectName",
        DS + "X509IssuerSerial",
        DS + "X509SKI",
    },
    DS + "X509IssuerSerial": {DS + "X509IssuerName", DS + "X509SerialNumber"},
    DS + "KeyValue": {DS + "RSAKeyValue", DS11 + "ECKeyValue"},
    DS + "RSAKeyValue": {DS + "Modulus", DS + "Exponent"},
    DS11 + "ECKeyValue": {DS11 + "NamedCurve", DS11 + "PublicKey"},
}


_ELEMENT: Final = "http://www.w3.org/2001/04/xmlenc#Element"
_RESPONSE: Final = SAMLP + "Response"
_SEALED: Final = {SAML + "EncryptedAssertion", DS + "Signature"}
_ENCRYPTED: Final = {SAML + "EncryptedID", SAML + "EncryptedAttribute", SAML + "NewEncryptedID"}
_CONTENT_ALGORITHMS: Final = frozenset(encryption.GCM) | frozenset(encryption.CBC)
_MOST_KEYS: Final = 4

# What is asked of every element is asked in C, where it costs little and other threads may run meanwhile.
_IS_TOO_LARGE: Final = etree.XPath(
    f"boolean({'/'.join('*' * _DEEPEST)}) or boolean(descendant-or-self::*/@*[{_MOST_ATTRIBUTES + 1}])"
)
#: Whatever anybody could take for an identifier, in any namespace and spelling.
_IDENTIFIERS: Final = etree.XPath(
    "descendant-or-self::*/@*[string-length(local-name()) = 2 and translate(local-name(), 'ID', 'id') = 'id']"
)
#: Every element that must stand in one place, or nowhere.
_NOTABLE: Final = (
    *(namespace + "*" for namespace in (DS, DS11, XENC, XENC11)),
    *ASSERTIONS,
    *_ENCRYPTED,
    _RESPONSE,
)


class Guard:
    """Refuses every tree that isn't a plain Response with at most one Assertion, encrypted or not.

    Args:
        allow_sha1: Whether SHA-1 signatures and digests pass (``idp.allow_sha1``).
        decrypts: Whether there is a key to decrypt with (``sp.private_key``).
    """

    def __init__(self, *, allow_sha1: bool = False, decrypts: bool = False) -> None:
        self._decrypts = decrypts
        self._signatures = vocabulary.SIGNATURE_ALGORITHMS | (
            {vocabulary.SHA1_SIGNATURE} if allow_sha1 else set()
        )
        self._digests = vocabulary.DIGEST_ALGORITHMS | ({vocabulary.SHA1_DIGEST} if allow_sha1 else set())

    def inspect(self, root: Element, xml: bytes) -> None:
        """Look at the tree, and at the bytes it came from.

        Raises:
            Refused: ``shape_refused``, ``algorithm_refused`` or ``encryption_refused``.
        """
        _check_namespaces(xml)
        if root.tag != SAMLP + "Response":
            raise Refused("shape_refused", f"the root is {_name(root)}, not a Response")
        self._walk(root, root)

    def inspect_decrypted(self, assertion: Element, xml: bytes) -> None:
        """Look at what was encrypted: one Assertion, of the same shape as one that wasn't.

        Raises:
            Refused: As :meth:`inspect`.
        """
        _check_namespaces(xml)
        if assertion.tag != SAML + "Assertion":
            raise Refused("shape_refused", f"{_name(assertion)} was encrypted, not an Assertion")
        self._walk(assertion, assertion.getparent())

    def _walk(self, top: Element, root: Element) -> None:
        """Look at everything below ``top``. An Assertion may stand directly below ``root`` only."""
        _check_everywhere(top)
        sealed: set[Element] = set()
        assertions = 0
        for element in list(top.iter(*_NOTABLE)):
            if element in sealed:
                continue
            tag = element.tag  # lxml makes it anew each time
            if tag in _SEALED:
                self._inspect_sealed(element, root)
                sealed.update(element.iterdescendants())
            if tag in ASSERTIONS:
                assertions += 1
                if element.getparent() is not root or assertions > 1:
                    raise Refused("shape_refused", f"{_name(element)} in another place, or a second one")
            elif tag in _SEALED:
                pass
            elif tag == _RESPONSE and element is not root:
                raise Refused("shape_refused", "a Response inside the Response")
            elif tag.startswith((XENC, XENC11)) or tag in _ENCRYPTED:
                raise Refused("encryption_refused", f"{_name(element)} outside an EncryptedAssertion")
            elif tag.startswith((DS, DS11)):
                raise Refused("shape_refused", f"{_name(element)} outside a Signature")

    def _inspect_sealed(self, element: Element, root: Element) -> None:
        """Signatures and ciphertexts have a shape of their own, down to the last element."""
        if element.tag == DS + "Signature":
            self._signature(element, root)
        elif self._decrypts:
            _encrypted(element)
        else:
            raise Refused("encryption_refused", "an encrypted assertion needs sp.private_key")

    def _signature(self, signature: Element, root: Element) -> None:
        parent = signature.getparent()
        if parent is not root and not (parent.tag == SAML + "Assertion" and parent.getparent() is root):
            raise Refused("shape_refused", f"a Signature inside {_name(parent)}")
        if len(parent.findall(DS + "Signature")) != 1:
            raise Refused("shape_refused", f"two Signatures of one {_name(parent)}")
        children = list(signature)
        tags = [child.tag for child in children]
        if tags[:2] != [DS + "SignedInfo", DS + "SignatureValue"] or tags[2:] not in ([], [DS + "KeyInfo"]):
            raise Refused("shape_refused", "a Signature with other children than it needs")
        self._signed_info(children[0], parent)
        _leaf(children[1])
        if len(children) == 3:
            _key_info(children[2])

    def _signed_info(self, signed_info: Element, parent: Element) -> None:
        tags = [child.tag for child in signed_info]
        if tags != [DS + "CanonicalizationMethod", DS + "SignatureMethod", DS + "Reference"]:
            raise Refused("shape_refused", "SignedInfo must have exactly one Reference")
        canonicalisation, method, reference = signed_info
        _algorithm(canonicalisation, {vocabulary.EXC_C14N}, "canonicalisation")
        _algorithm(method, self._signatures, "signature")
        uri = reference.get("URI")
        if not parent.get("ID") or uri != "#" + parent.get("ID") or set(reference.attrib) - {"URI", "Id"}:
            raise Refused("shape_refused", f"a Reference to {uri!r} instead of its parent")
        if [child.tag for child in reference] != [
            DS + "Transforms",
            DS + "DigestMethod",
            DS + "DigestValue",
        ]:
            raise Refused("shape_refused", "a Reference with other children than it needs")
        transforms, digest_method, digest_value = reference
        _algorithm(digest_method, self._digests, "digest")
        _leaf(digest_value)
        if len(transforms) not in {1, 2} or {child.tag for child in transforms} != {DS + "Transform"}:
            raise Refused("shape_refused", "one or two Transforms are needed, no more")
        _algorithm(transforms[0], {vocabulary.ENVELOPED}, "transform")
        if len(transforms[0]):
            raise Refused("shape_refused", "an enveloped-signature Transform with children")
        if len(transforms) == 2:
            _algorithm(transforms[1], {vocabulary.EXC_C14N}, "transform")


def _check_namespaces(xml: bytes) -> None:
    prefixes = set()
    for prefix, double, single in _NAMESPACE.findall(xml):
        prefixes.add(prefix)
        if not _ABSOLUTE.match(double or single):
            # Relative namespace URIs make canonicalisation fail or lie (XML-C14N, 1.3).
            raise Refused("shape_refused", "a namespace that isn't absolute")
    if len(prefixes) > _MOST_PREFIXES:
        raise Refused("shape_refused", f"more than {_MOST_PREFIXES} namespace prefixes")


def _encrypted(element: Element) -> None:
    """Ciphertext in place, a wrapped key beside or inside it, and no reference to anywhere."""
    if not len(element):
        raise Refused("shape_refused", "an EncryptedAssertion with nothing in it")
    data, *keys = list(element)
    if data.tag != XENC + "EncryptedData" or any(key.tag != XENC + "EncryptedKey" for key in keys):
        raise Refused("shape_refused", "an EncryptedAssertion with other children than it needs")
    if data.get("Type") not in {None, _ELEMENT} or set(data.attrib) - {"Type", "Id", "MimeType"}:
        raise Refused("encryption_refused", "what is encrypted isn't an element")
    _one_of_each(data, XENC + "EncryptionMethod", DS + "KeyInfo", XENC + "CipherData")
    method = data.find(XENC + "EncryptionMethod")
    _algorithm(method, _CONTENT_ALGORITHMS, "encryption")
    info = data.find(DS + "KeyInfo")
    for child in () if info is None else info:
        if child.tag == XENC + "EncryptedKey":
            keys.append(child)
        elif child.tag in _KEY_INFO[DS + "KeyInfo"]:
            _inert(child)
        else:
            raise Refused("shape_refused", f"{_name(child)} in KeyInfo")
    if not 1 <= len(keys) <= _MOST_KEYS:
        raise Refused("encryption_refused", f"{len(keys)} wrapped keys")
    _ciphertext(data)
    for key in keys:
        _encrypted_key(key)


def _encrypted_key(key: Element) -> None:
    _one_of_each(key, XENC + "EncryptionMethod", DS + "KeyInfo", XENC + "CipherData", XENC + "ReferenceList")
    method = key.find(XENC + "EncryptionMethod")
    if method.get("Algorithm") not in encryption.OAEP:
        raise Refused("algorithm_refused", f"key transport algorithm {method.get('Algorithm')!r}")
    accepted = {DS + "DigestMethod": encryption.OAEP_DIGESTS, XENC11 + "MGF": encryption.MASKS}
    for child in method:
        if child.get("Algorithm") not in accepted.get(child.tag, ()) or len(child):
            raise Refused("algorithm_refused", f"{_name(child)} {child.get('Algorithm')!r} of key transport")
    if len({child.tag for child in method}) != len(method):
        raise Refused("shape_refused", "the same parameter of key transport twice")
    info = key.find(DS + "KeyInfo")
    if info is not None:
        _key_info(info)
    references = key.find(XENC + "ReferenceList")
    for reference in () if references is None else references:
        # Never followed: where there is one assertion, there is nothing to choose from.
        if reference.tag != XENC + "DataReference" or not reference.get("URI", "").startswith("#"):
            raise Refused("shape_refused", "a ReferenceList that leads elsewhere")
        _leaf(reference)
    _ciphertext(key)


def _one_of_each(element: Element, *tags: str) -> None:
    found = [child.tag for child in element]
    if len(set(found)) != len(found) or set(found) - set(tags):
        raise Refused("shape_refused", f"{_name(element)} has other children than it needs")
    if not {XENC + "EncryptionMethod", XENC + "CipherData"} <= set(found):
        raise Refused("shape_refused", f"{_name(element)} lacks what it needs")


def _ciphertext(element: Element) -> None:
    values = list(element.find(XENC + "CipherData"))
    if [value.tag for value in values] != [XENC + "CipherValue"]:
        raise Refused("shape_refused", "ciphertext that isn't in the message itself")
    _leaf(values[0])


def _check_everywhere(top: Element) -> None:
    """What holds of every element, also inside signatures and ciphertexts."""
    if next(top.iter(etree.Comment, etree.ProcessingInstruction, etree.Entity), None) is not None:
        raise Refused("xml_forbidden", "a comment, entity or processing instruction")
    if _IS_TOO_LARGE(top):
        what = f"deeper than {_DEEPEST} elements, or more than {_MOST_ATTRIBUTES} attributes of one"
        raise Refused("shape_refused", what)
    seen: set[str] = set()
    for identifier in _IDENTIFIERS(top):
        # xmlsec and the schema know ID and Id. Any other spelling is a decoy for somebody's look-up.
        if identifier.attrname not in {"ID", "Id"}:
            raise Refused("shape_refused", f"an identifier in the attribute {identifier.attrname!r}")
        value = str(identifier)
        if not _NC_NAME.match(value):
            raise Refused("shape_refused", "an identifier that isn't a plain name")
        if value in seen:
            raise Refused("shape_refused", "the same identifier twice")
        seen.add(value)


def _algorithm(element: Element, accepted: frozenset[str] | set[str], what: str) -> None:
    algorithm = element.get("Algorithm")
    if algorithm not in accepted:
        raise Refused("algorithm_refused", f"{what} algorithm {algorithm!r}")
    if set(element.attrib) != {"Algorithm"}:
        raise Refused("shape_refused", f"attributes beside the {what} algorithm")
    for child in element:
        if (
            algorithm != vocabulary.EXC_C14N
            or child.tag != vocabulary.INCLUSIVE_NAMESPACES
            or len(element) > 1
        ):
            raise Refused("shape_refused", f"{_name(child)} under the {what} algorithm")
        if len(child) or set(child.attrib) - {"PrefixList"}:
            raise Refused("shape_refused", "InclusiveNamespaces holds more than a PrefixList")
        if len(child.get("PrefixList", "").split()) > _MOST_LISTED_PREFIXES:
            raise Refused("shape_refused", f"a PrefixList of more than {_MOST_LISTED_PREFIXES}")


def _leaf(element: Element) -> None:
    if len(element):
        raise Refused("shape_refused", f"{_name(element)} has children")


def _key_info(element: Element) -> None:
    for child in element:
        if child.tag not in _KEY_INFO[element.tag]:
            raise Refused("shape_refused", f"{_name(child)} in KeyInfo")
        _inert(child)


def _inert(element: Element) -> None:
    if element.tag in _KEY_INFO:
        _key_info(element)
    else:
        _leaf(element)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2][:60]
