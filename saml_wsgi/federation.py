"""Who speaks SAML with whom: settings become the service provider, and what it knows of the other side."""

from __future__ import annotations

from saml_wsgi.config.settings import Settings
from saml_wsgi.events import Events
from saml_wsgi.interfaces import Clock, Store
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.idp import (
    Fixed,
    IdentityProvider,
    IdentityProviderSource,
    MetadataFile,
    read_metadata,
)
from saml_wsgi.protocol.provider import Demands, ServiceProvider, SigningKey
from saml_wsgi.protocol.requests import PendingRequests
from saml_wsgi.signing import Keys


def entity_id(settings: Settings, site: Site) -> str:
    """What the identity provider calls this application."""
    return settings.sp.entity_id or site.url("metadata")


def identity_provider(settings: Settings, clock: Clock, events: Events) -> IdentityProviderSource:
    """What is known of the identity provider; a file of metadata is read again when it changes.

    Raises:
        ConfigurationError: The metadata can't be used.
    """
    idp = settings.idp
    if idp.metadata is None:
        provider = IdentityProvider(
            entity_id=idp.entity_id or "",
            sso_url=idp.sso_url or "",
            request_binding="post" if idp.request_binding == "post" else "redirect",
            certificates=idp.certificate,
        )
        return Fixed(provider, clock)
    if idp.metadata.path is None:
        provider = read_metadata(
            (idp.metadata.text or "").encode(),
            entity_id=idp.entity_id,
            request_binding=idp.request_binding,
        )
        return Fixed(provider, clock)

    def report(good: bool, text: str) -> None:
        events.emit("metadata" if good else "unavailable", what="idp.metadata", private=text)

    return MetadataFile(
        idp.metadata.path,
        clock,
        entity_id=idp.entity_id,
        request_binding=idp.request_binding,
        report=report,
    )


def service_provider(
    settings: Settings, site: Site, source: IdentityProviderSource, keys: Keys, store: Store, clock: Clock
) -> ServiceProvider:
    """This application, as one that speaks SAML.

    Raises:
        ConfigurationError: What is known of the identity provider doesn't fit what is demanded of it.
    """
    return ServiceProvider(
        entity_id=entity_id(settings, site),
        acs_url=site.url("acs"),
        source=source,
        pending=PendingRequests(keys, clock),
        store=store,
        clock=clock,
        demands=_demands(settings),
        signing_key=signing_key(settings),
    )


def _demands(settings: Settings) -> Demands:
    idp = settings.idp
    return Demands(
        name=idp.name or "",
        signed=idp.signed,
        clock_skew=idp.clock_skew,
        max_age=idp.max_age,
        max_authn_age=idp.max_authn_age,
        max_validity=idp.max_validity,
        max_message=idp.max_message,
        max_elements=idp.max_elements,
        force_authn=idp.force_authn,
        authn_context=idp.authn_context,
        nameid_stable=idp.nameid_stable,
        honour_session_end=settings.session.idp_end == "honour",
        allow_sha1=idp.allow_sha1,
        allow_cbc=idp.allow_cbc,
    )


def signing_key(settings: Settings) -> SigningKey | None:
    """What signs our requests and decrypts assertions, or None."""
    if settings.sp.private_key is None or settings.sp.certificate is None:
        return None
    return SigningKey(settings.sp.private_key.reveal(), settings.sp.certificate)
