"""The service provider: what the middleware sees of SAML. Requests go out, assertions come in."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from saml_wsgi.errors import ConfigurationError, Refused
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock, Store
from saml_wsgi.model import Assertion, PendingRequest
from saml_wsgi.protocol import bindings, engine, metadata, profile, replay, vocabulary
from saml_wsgi.protocol.encryption import Decryption
from saml_wsgi.protocol.guard import Guard
from saml_wsgi.protocol.idp import IdentityProvider, IdentityProviderSource
from saml_wsgi.protocol.parser import parse_message, size_around, vouch
from saml_wsgi.protocol.request_signer import RequestSigner
from saml_wsgi.protocol.requests import PENDING_FOR, Outgoing, PendingRequests, authn_request, fingerprint
from saml_wsgi.protocol.rules import Rules
from saml_wsgi.protocol.vocabulary import Element

if TYPE_CHECKING:
    from saml_wsgi.protocol.explanation import Explanation

logger = our_logger("saml_wsgi.protocol")


@dataclass(frozen=True, slots=True)
class Demands:
    """What is demanded of every response: ``idp.*`` options as in :class:`~saml_wsgi.protocol.rules.Rules`.

    Attributes:
        name: ``idp.name``; empty: the identity provider's entity id.
        nameid_stable: ``auto`` (at JumpCloud the format is only a label), ``yes`` or ``no``.
        max_message: The largest message, decoded, in bytes.
        max_elements: The most elements of a message; None: as many as its size allows.
    """

    name: str = ""
    signed: str = "either"
    clock_skew: int = 180
    max_age: int = 300
    max_authn_age: int | None = None
    max_validity: int = 3600
    max_message: int = 256 * 1024
    max_elements: int | None = None
    force_authn: bool = False
    authn_context: tuple[str, ...] = ()
    nameid_stable: str = "auto"
    honour_session_end: bool = True
    allow_sha1: bool = False
    allow_cbc: bool = False


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What we sign requests and decrypt assertions with; PEM, both."""

    private_key: str = field(repr=False)
    certificate: str


@dataclass(frozen=True, slots=True)
class Message:
    """A response that the guard let through. Nothing in it is verified.

    Attributes:
        in_response_to: Which request it claims to answer; None: unsolicited.
        unvouched: What the parser wants to hear of once it is verified.
    """

    root: Element
    in_response_to: str | None
    unvouched: int = 0


class ServiceProvider:
    """One application towards one identity provider.

    Args:
        entity_id: Ours.
        acs_url: Ours: where responses are posted.
        source: Knows the identity provider.
        pending: Keeps what browsers asked for.
        store: Where used messages are noted.
        demands: What is demanded of responses.
        signing_key: Signs requests and decrypts assertions; None: neither is done.
    """

    def __init__(
        self,
        *,
        entity_id: str,
        acs_url: str,
        source: IdentityProviderSource,
        pending: PendingRequests,
        store: Store,
        clock: Clock,
        demands: Demands | None = None,
        signing_key: SigningKey | None = None,
    ) -> None:
        self.entity_id = entity_id
        self.acs_url = acs_url
        self.pending = pending
        self.demands = demands or Demands()
        self._source = source
        self._store = store
        self._clock = clock
        self._signing_key = signing_key
        self._request_signer = (
            RequestSigner(signing_key.private_key, signing_key.certificate) if signing_key else None
        )
        self._signer = _load_key(signing_key.private_key) if signing_key else None
        self._guard = Guard(allow_sha1=self.demands.allow_sha1, decrypts=signing_key is not None)
        self._decryption = (
            Decryption.from_pem(signing_key.private_key, allow_cbc=self.demands.allow_cbc)
            if signing_key
            else None
        )
        self._verifier = self._build(source.current())
        self._unusable: IdentityProvider | None = None

    def request(self, target: str, *, browser: str = "", attempt: int = 0) -> Outgoing:
        """Ask for a sign-in that ends at the target.

        Args:
            target: The page first asked for.
            browser: A text that only the browser that asks has.
            attempt: How many round trips there were before.

        Raises:
            IdentityProviderUnavailable: There is nobody to ask.
        """
        provider, _, rules = self._current()
        pending = self.pending.start(target, rules.idp, browser)
        relay_state = self.pending.relay_state(attempt)
        xml = authn_request(
            pending,
            destination=provider.sso_url,
            acs_url=self.acs_url,
            issuer=self.entity_id,
            force_authn=rules.force_authn,
            authn_context=rules.authn_context,
        )
        if provider.request_binding == "post":
            if self._request_signer:
                xml = self._request_signer.sign(xml)
            return Outgoing(pending, provider.sso_url, bindings.post_fields(xml, relay_state))
        parameters = [("SAMLRequest", bindings.deflate(xml)), ("RelayState", relay_state)]
        signature = None
        if self._signer:
            parameters.append(("SigAlg", vocabulary.RSA_SHA256))
            signature = ("Signature", self._signer(bindings.query(parameters).encode()))
        return Outgoing(pending, bindings.redirect_url(provider.sso_url, parameters, signature), {})

    def read(self, saml_response: bytes) -> Message:
        """Decode and guard a response. Says what it claims to answer; verifies nothing.

        Raises:
            Refused: A code of bindings or guard.
        """
        xml = bindings.decode(saml_response, self.demands.max_message, self.demands.max_elements)
        root, unvouched = parse_message(xml)
        self._guard.inspect(root, xml)
        return Message(root, profile.in_response_to(root), unvouched)

    def consume(self, message: Message, request: PendingRequest | None) -> Assertion:
        """Verify the response, check everything, and use it up.

        Args:
            message: What :meth:`read` gave.
            request: The request of this browser that it must answer; None: it must answer none
                (``idp.unsolicited = accept``).

        Raises:
            Refused: A code of engine, profile or replay.
            Unavailable: It isn't known whether the message is new; nobody may be signed in.
        """
        _, verifier, rules = self._current()
        request_id = request.id if request else None
        now = self._clock.time()
        if request is not None and request.idp != fingerprint(rules.idp):
            raise Refused("issuer_mismatch", f"the request went to another than {rules.idp!r}")
        if not profile.has_assertion(message.root):
            raise profile.check_refusal(message.root, request_id)
        verified = verifier.verify(message.root)
        assertion = profile.check(
            message.root,
            verified,
            rules,
            request_id=request_id,
            requested=request.created if request else now,
            now=now,
        )
        valid_for = assertion.expires + rules.clock_skew - int(now) + 1
        replay.accept_once(self._store, assertion, request_id, seconds=max(valid_for, PENDING_FOR + 300))
        # Only now, and only for what is signed: else one message would vouch for any number of others.
        around = 0 if verified.signed.response else size_around(message.root)
        vouch(max(0, message.unvouched - around) + verified.unvouched)
        return assertion

    def explain(self, saml_response: bytes, *, at: float, unsolicited: str = "restart") -> Explanation:
        """Make every check of a response, at a time of one's own choice, and sign nobody in.

        Nothing is used up or noted. What a browser holds isn't known, so the request that the response
        names is taken to be one of ours.

        Args:
            saml_response: As for :meth:`read`.
            at: Seconds since the epoch.
            unsolicited: ``idp.unsolicited``.

        Raises:
            IdentityProviderUnavailable: There is nobody whose response it could be.
        """
        # Only operators ask, and not in a process that serves.
        from saml_wsgi.protocol.explanation import Examiner

        provider, verifier, rules = self._current()
        examiner = Examiner(
            guard=self._guard,
            engine=verifier,
            rules=rules,
            certificates=provider.certificates,
            max_message=self.demands.max_message,
            max_elements=self.demands.max_elements,
        )
        return examiner.explain(saml_response, at=at, unsolicited=unsolicited)

    def metadata(self) -> bytes:
        """Our metadata, to be uploaded at the identity provider."""
        return metadata.write(
            entity_id=self.entity_id,
            acs_url=self.acs_url,
            certificate=self._signing_key.certificate if self._signing_key else None,
            signs_requests=self._signing_key is not None,
            wants_assertions_signed=self.demands.signed in {"assertion", "both"},
        )

    @property
    def identity_provider(self) -> IdentityProvider:
        """The identity provider as it is now.

        Raises:
            IdentityProviderUnavailable: There is none that may be used.
        """
        return self._source.current()

    @property
    def idp_name(self) -> str:
        """``idp.name``: what names the identity provider in every key."""
        return self.demands.name or self._source.current().entity_id

    def _current(self) -> tuple[IdentityProvider, engine.Engine, Rules]:
        provider = self._source.current()
        known = self._verifier
        if known[0] is not provider and provider is not self._unusable:
            # Two threads may both build one; either is right.
            try:
                known = self._verifier = self._build(provider)
            except ConfigurationError as error:
                # As with a file that can't be read: what was good stays.
                self._unusable = provider
                logger.error("new metadata can't be used: %s", error)  # noqa: TRY400  # it says it all
        return known

    def _build(self, provider: IdentityProvider) -> tuple[IdentityProvider, engine.Engine, Rules]:
        demands = self.demands
        verifier = engine.Engine(
            idp_entity_id=provider.entity_id,
            sso_url=provider.sso_url,
            certificates=provider.certificates,
            sp_entity_id=self.entity_id,
            acs_url=self.acs_url,
            guard=self._guard,
            decryption=self._decryption,
            allow_sha1=demands.allow_sha1,
            max_elements=demands.max_elements,
        )
        stable = {"yes": True, "no": False}.get(demands.nameid_stable, provider.is_jumpcloud)
        rules = Rules(
            idp=demands.name or provider.entity_id,
            issuer=provider.entity_id,
            sp_entity_id=self.entity_id,
            acs_url=self.acs_url,
            signed=demands.signed,
            clock_skew=demands.clock_skew,
            max_age=demands.max_age,
            max_authn_age=demands.max_authn_age,
            max_validity=demands.max_validity,
            force_authn=demands.force_authn,
            authn_context=demands.authn_context,
            nameid_stable=stable,
            honour_session_end=demands.honour_session_end,
        )
        return provider, verifier, rules


def _load_key(pem: str) -> Any:
    """A function that signs octets with RSA-SHA256 and gives base64. The key is parsed once."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("requests are signed with RSA keys")
    algorithm: Final = hashes.SHA256()

    def sign(octets: bytes) -> str:
        return base64.b64encode(key.sign(octets, padding.PKCS1v15(), algorithm)).decode("ascii")

    return sign
