"""Everything that can be set at the test identity provider, with JumpCloud's behaviour as the default.

:class:`App` holds what an administrator sets on the application's SSO tab. :class:`Shape` holds what
JumpCloud decides and doesn't publish. How sure a default is stands beside each in one word:

- *documented*: JumpCloud's own pages or software say so;
- *observed*: seen in something that JumpCloud made, or in a client that works with it;
- *inferred*: follows from those;
- *guess*: nothing is published, so code must not depend on the value. Vary it.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from saml_wsgi.testing.keys import SigningKey

#: The NameID formats that were seen on offer. The first is JumpCloud's default, and not a standard one.
NAME_ID_FORMATS: Final = (
    "urn:oasis:names:tc:SAML:1.0:nameid-format:unspecified",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified",
)

PASSWORD_PROTECTED_TRANSPORT: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a class of authentication, no secret

Sign = Literal["response", "assertion", "both", "none"]
Algorithm = Literal["sha256", "sha512", "sha1"]
Encryption = Literal["", "aes128-gcm", "aes192-gcm", "aes256-gcm", "aes128-cbc", "aes192-cbc", "aes256-cbc"]
KeyTransport = Literal["rsa-oaep-mgf1p", "rsa-oaep", "rsa-1_5"]
Hash = Literal["", "sha1", "sha256", "sha384", "sha512"]
Canonicalisation = Literal[
    "exclusive",
    "exclusive with comments",
    "inclusive",
    "inclusive with comments",
    "inclusive 1.1",
    "inclusive 1.1 with comments",
]
Honoured = Literal["ForceAuthn", "IsPassive", "NameIDPolicy"]

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What JumpCloud decides about its answers. Raises ValueError for a value that doesn't exist.

    Attributes:
        conditions_before: Conditions begin so many seconds before now (guess).
        conditions_after: Conditions end so many seconds from now (guess).
        confirmation_after: The bearer confirmation ends so many seconds from now (guess).
        session_index: Whether the AuthnStatement has a SessionIndex (guess).
        session_not_on_or_after: It ends so many seconds from now; None: not said (guess).
        authn_context: The AuthnContextClassRef (guess).
        name_format: The NameFormat of each Attribute; ``""``: none (guess).
        xsi_type: Whether each AttributeValue says ``xsi:type="xs:string"`` (guess).
        canonicalisation: Of SignedInfo and of what is signed (guess).
        inclusive_namespaces: PrefixList of the exclusive canonicalisation, for example ``xs``; ``""``:
            none (guess).
        key_info: Whether a signature carries the certificate (guess).
        signature_lines: Line ends in what signatures and ciphertexts hold as base64: ``lf``, ``crlf``
            (Java does, and it arrives as ``&#13;``) or ``none`` (guess).
        attribute_order: ``configured``, or ``shuffled`` anew in each answer (guess).
        groups: One Attribute with a value for each group, or ``repeated`` Attributes of one name (guess).
        groups_included: ``all`` of the person's, or only those ``bound`` to the application (guess).
        empty_fields: A field that is empty at the person is ``omitted`` or ``sent`` empty (guess).
        protocol_prefix: Prefix of the protocol's elements; ``""``: default namespace (observed once).
        assertion_prefix: Likewise of the assertion's elements (observed once).
        signature_prefix: Likewise of the signature (guess).
        encryption_prefix: Likewise of what is encrypted. This and the next four matter with ``App.encrypt``
            only, and JumpCloud encrypts nothing: they are other providers' habits.
        key_transport: How the key of an encrypted assertion is wrapped. ``rsa-1_5`` is for attacks.
        oaep_digest: DigestMethod of OAEP; ``""``: none is named, which means SHA-1.
        oaep_mask: MGF of ``rsa-oaep``, as ``sha256`` for MGF1 with SHA-256; ``""`` likewise.
        encrypted_key: The wrapped key stands ``inside`` EncryptedData, in its KeyInfo, or ``beside`` it.
        timestamps: ``seconds`` or ``milliseconds`` (guess).
        xml_declaration: Whether the message begins with one (guess).
        indented: Whether the message is indented before it is signed (guess: no).
        padded_name_id: Whether line breaks surround the NameID's text, as pretty-printers do (guess: no).
        names_request: Whether the answer to a request names it in InResponseTo (inferred: yes).
        echo_relay_state: Whether the request's RelayState comes back (inferred: yes, verbatim).
        honours: Which parts of a request have an effect (guess: none).
        unregistered_acs: A request that names an ACS URL the application doesn't have ends on an error
            page (``refuse``) or is answered at the ``default`` (guess).
        signed_without_certificate: A signed request where no SP certificate was uploaded ends on an
            error page (``refuse``; one product had to switch signing off) or passes (``ignore``) (guess).
        unsigned_with_certificate: An unsigned request where one was uploaded: ``accept``, ``refuse`` (guess).
        refusals: How a person who may not sign in is told: on a ``page`` (observed), or by a SAML error
            ``response`` to the application (never seen).
    """

    conditions_before: float = 300
    conditions_after: float = 300
    confirmation_after: float = 300
    session_index: bool = True
    session_not_on_or_after: float | None = None
    authn_context: str = PASSWORD_PROTECTED_TRANSPORT
    name_format: str = ""
    xsi_type: bool = False
    canonicalisation: Canonicalisation = "exclusive"
    inclusive_namespaces: str = ""
    key_info: bool = True
    signature_lines: Literal["lf", "crlf", "none"] = "lf"
    attribute_order: Literal["configured", "shuffled"] = "configured"
    groups: Literal["one", "repeated"] = "one"
    groups_included: Literal["all", "bound"] = "all"
    empty_fields: Literal["omitted", "sent"] = "omitted"
    protocol_prefix: str = "saml2p"
    assertion_prefix: str = "saml2"
    signature_prefix: str = "ds"
    encryption_prefix: str = "xenc"
    key_transport: KeyTransport = "rsa-oaep-mgf1p"
    oaep_digest: Hash = ""
    oaep_mask: Hash = ""
    encrypted_key: Literal["inside", "beside"] = "inside"
    timestamps: Literal["seconds", "milliseconds"] = "seconds"
    xml_declaration: bool = True
    indented: bool = False
    padded_name_id: bool = False
    names_request: bool = True
    echo_relay_state: bool = True
    honours: frozenset[Honoured] = frozenset()
    unregistered_acs: Literal["refuse", "default"] = "refuse"
    signed_without_certificate: Literal["refuse", "ignore"] = "refuse"
    unsigned_with_certificate: Literal["accept", "refuse"] = "accept"
    refusals: Literal["page", "response"] = "page"

    def __post_init__(self) -> None:
        for name, allowed in _SHAPE_CHOICES.items():
            _one_of(name, getattr(self, name), allowed)
        for name in ("protocol_prefix", "assertion_prefix", "signature_prefix", "encryption_prefix"):
            if not _PREFIX.fullmatch(getattr(self, name)):
                raise ValueError(f"{name}: {getattr(self, name)!r} is no namespace prefix")
        if unknown := set(self.honours) - set(get_args(Honoured)):
            raise ValueError(f"honours: unknown {', '.join(sorted(map(str, unknown)))}")
        if self.inclusive_namespaces and not self.canonicalisation.startswith("exclusive"):
            raise ValueError("inclusive_namespaces: only exclusive canonicalisation has a prefix list")
        if self.oaep_mask and self.key_transport != "rsa-oaep":
            raise ValueError("oaep_mask: only key_transport = rsa-oaep has a choice")

    @property
    def line_end(self) -> str:
        """What ``signature_lines`` means."""
        return {"lf": "\n", "crlf": "\r\n", "none": ""}[self.signature_lines]


_SHAPE_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "canonicalisation": get_args(Canonicalisation),
    "signature_lines": ("lf", "crlf", "none"),
    "key_transport": get_args(KeyTransport),
    "oaep_digest": get_args(Hash),
    "oaep_mask": get_args(Hash),
    "encrypted_key": ("inside", "beside"),
    "attribute_order": ("configured", "shuffled"),
    "groups": ("one", "repeated"),
    "groups_included": ("all", "bound"),
    "empty_fields": ("omitted", "sent"),
    "timestamps": ("seconds", "milliseconds"),
    "unregistered_acs": ("refuse", "default"),
    "signed_without_certificate": ("refuse", "ignore"),
    "unsigned_with_certificate": ("accept", "refuse"),
    "refusals": ("page", "response"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An application as an administrator configures it. Raises ValueError for what can't be configured.

    Attributes:
        name: Last part of the SSO URL (``/saml2/<name>``), fixed for good (documented).
        sp_entity_id: Case-sensitive; the Audience (documented).
        acs_urls: Where answers may go; at least one.
        default_acs_url: Where they go if the request doesn't say; the first by default.
        label: The name on the tile; ``name`` by default.
        idp_entity_id: Free text; need not be a URI (observed).
        sp_certificate: PEM of the certificate that verifies requests; ``""``: none uploaded.
        encrypt: How assertions are encrypted; ``""``: not at all. JumpCloud can't; other providers can.
        encryption_certificate: PEM of the certificate that assertions are encrypted for; by default
            ``sp_certificate``.
        nameid_field: The person's field that becomes the NameID; JumpCloud offers email, username,
            firstname, lastname, description (documented).
        nameid_format: A label only (documented); one of :data:`NAME_ID_FORMATS` at JumpCloud.
        algorithm: Of signature and digest; SHA-256 is the default, SHA-1 on offer (documented). SHA-512
            is other providers'.
        sign: What is signed: JumpCloud offers response, assertion, both. ``none`` is for attacks.
        default_relay_state: What an answer that nobody asked for carries (documented).
        login_url: What the tile opens instead of sending an answer (documented); ``""``: unset.
        declare_redirect: Whether the metadata names HTTP-Redirect too; changes nothing else (observed).
        attributes: Pairs of the Attribute's name and the person's field.
        constant_attributes: Pairs of a name and a fixed value; a repeated name becomes repeated
            Attributes (observed).
        group_attribute: Name of the Attribute with the groups; ``""``: not included.
        bound_groups: Whose members may use the application; empty: everybody may.
        key: Signs; each application at JumpCloud has its own. None: the identity provider's common one.
        shape: What JumpCloud decides.
    """

    name: str
    sp_entity_id: str
    acs_urls: tuple[str, ...]
    default_acs_url: str = ""
    label: str = ""
    idp_entity_id: str = "JumpCloud"
    sp_certificate: str = field(default="", repr=False)
    encrypt: Encryption = ""
    encryption_certificate: str = field(default="", repr=False)
    nameid_field: str = "email"
    nameid_format: str = NAME_ID_FORMATS[0]
    algorithm: Algorithm = "sha256"
    sign: Sign = "response"
    default_relay_state: str = ""
    login_url: str = ""
    declare_redirect: bool = False
    attributes: tuple[tuple[str, str], ...] = ()
    constant_attributes: tuple[tuple[str, str], ...] = ()
    group_attribute: str = ""
    bound_groups: tuple[str, ...] = ()
    key: SigningKey | None = None
    shape: Shape = field(default_factory=Shape)

    def __post_init__(self) -> None:
        if not _SEGMENT.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} can't be part of a URL as it stands")
        if not self.acs_urls:
            raise ValueError("acs_urls: at least one URL")
        if self.default_acs_url and self.default_acs_url not in self.acs_urls:
            raise ValueError("default_acs_url: must be one of acs_urls")
        _one_of("algorithm", self.algorithm, get_args(Algorithm))
        _one_of("sign", self.sign, get_args(Sign))
        _one_of("encrypt", self.encrypt, get_args(Encryption))
        if self.encrypt and not (self.encryption_certificate or self.sp_certificate):
            raise ValueError("encrypt: needs a certificate, in sp_certificate or encryption_certificate")

    @classmethod
    def for_service(cls, name: str, base_url: str, prefix: str = "/saml", **changes: Any) -> App:
        """An application that saml_wsgi protects at this base URL with its default URLs.

        The usual attributes are mapped: email, username, firstname, lastname, displayname, and the
        groups as memberOf. ``changes`` are further fields of App and Shape.
        """
        place = base_url.rstrip("/") + prefix
        app = cls(
            name=name,
            sp_entity_id=f"{place}/metadata",
            acs_urls=(f"{place}/acs",),
            attributes=tuple((field, field) for field in _USUAL),
            group_attribute="memberOf",
        )
        return app.changed(**changes)

    def changed(self, **changes: Any) -> App:
        """A copy with other values, those of Shape's fields too. TypeError for an unknown field."""
        shape = {name: changes.pop(name) for name in list(changes) if name in _SHAPE_FIELDS}
        app = dataclasses.replace(self, **changes)
        return dataclasses.replace(app, shape=dataclasses.replace(app.shape, **shape)) if shape else app

    @property
    def acs_url(self) -> str:
        """Where an answer goes if the request doesn't say."""
        return self.default_acs_url or self.acs_urls[0]

    @property
    def title(self) -> str:
        """The name that people see."""
        return self.label or self.name


_SHAPE_FIELDS: Final = frozenset(entry.name for entry in dataclasses.fields(Shape))
_USUAL: Final = ("email", "username", "firstname", "lastname", "displayname")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(allowed)}")
