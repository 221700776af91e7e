"""Settings become objects. The only module that knows the classes behind the seams."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from saml_wsgi import plugins
from saml_wsgi.config.certificates import days_left
from saml_wsgi.config.settings import Settings, hidden_by_defaults, read, read_anyway
from saml_wsgi.config.urls import without_password
from saml_wsgi.errors import ConfigurationError, Problem, Problems, SamlWsgiError
from saml_wsgi.events import Events, logger
from saml_wsgi.interfaces import Clock, Links, Observer, Resolver, Store, WritableDirectory
from saml_wsgi.middleware.app import SAMLMiddleware
from saml_wsgi.middleware.cookies import Cookies
from saml_wsgi.middleware.pages import Pages
from saml_wsgi.middleware.policy import Policy, read_patterns
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.idp import (
    Fixed,
    IdentityProvider,
    IdentityProviderSource,
    MetadataFile,
    check_certificate,
    read_metadata,
)
from saml_wsgi.protocol.provider import Demands, ServiceProvider, SigningKey
from saml_wsgi.protocol.requests import PendingRequests
from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.resolvers.context import ResolverContext
from saml_wsgi.resolvers.mapping import AttributeMap
from saml_wsgi.session.manager import Lifetimes, Sessions
from saml_wsgi.signing import Keys

_EXPIRES_SOON: Final = 60


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """What ``saml-wsgi check`` shows: every problem and warning, and what the middleware would be."""

    problems: tuple[Problem, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a middleware is made of but the application."""

    settings: Settings
    site: Site
    policy: Policy
    pages: Pages
    keys: Keys
    store: Store
    directory: WritableDirectory
    provider: ServiceProvider
    chain: Chain
    events: Events
    clock: Clock


def from_options(
    app: WSGIApplication,
    options: Mapping[str, object],
    *,
    here: str | None = None,
    observers: Sequence[Observer] = (),
    clock: Clock = time,
) -> SAMLMiddleware:
    """Wrap an application, by the options of an ini.

    Args:
        app: Any WSGI application.
        options: Dotted keys as in an ini; values as text, or typed.
        here: The folder that relative paths begin at; None: paths must be absolute.
        observers: Told what happens.
        clock: The time.

    Raises:
        ConfigurationError: With every problem there is.
    """
    problems = Problems()
    parts = build(options, here=here, problems=problems, observers=observers, clock=clock)
    problems.raise_if_fatal()
    log_warnings(problems)
    if parts is None:
        raise AssertionError("a configuration without parts has problems")
    return assemble(app, parts)


def log_warnings(problems: Problems) -> None:
    """What starts, but should be known."""
    for warning in problems.warnings:
        logger.warning("%s", warning)


def assemble(app: WSGIApplication, parts: Parts) -> SAMLMiddleware:
    """Put the parts around an application."""
    settings = parts.settings
    sessions = Sessions(
        parts.store,
        parts.keys,
        clock=parts.clock,
        lifetimes=Lifetimes(
            lifetime=settings.session.lifetime,
            idle=settings.session.idle,
            cache=settings.session.cache,
            recheck=settings.session.recheck,
            grace=settings.session.grace,
        ),
        events=parts.events,
        directory=parts.directory,
    )
    idp_host = urlsplit(parts.provider.identity_provider.sso_url).hostname or ""
    return SAMLMiddleware(
        app,
        site=parts.site,
        provider=parts.provider,
        resolver=parts.chain,
        sessions=sessions,
        cookies=Cookies(parts.site, parts.keys, parts.provider.pending, idp_host=idp_host),
        policy=parts.policy,
        pages=parts.pages,
        events=parts.events,
        clock=parts.clock,
        unsolicited=settings.idp.unsolicited,
        remote_user=settings.remote_user,
        scrub=settings.scrub,
        single_process=getattr(parts.store, "single_process", False),
    )


def check(
    options: Mapping[str, object], *, here: str | None, global_conf: Mapping[str, str] | None = None
) -> Report:
    """What a configuration would be, and everything that is wrong with it."""
    problems = Problems()
    hidden_by_defaults(global_conf or {}, options, problems)
    parts = build(options, here=here, problems=problems, look_only=True)
    return Report((*problems.fatal, *problems.warnings), tuple(_facts(parts)) if parts else ())


def metadata(options: Mapping[str, object], *, here: str | None) -> bytes:
    """Our SAML metadata, for upload at the identity provider.

    Needs no metadata of the identity provider's: at JumpCloud ours comes first.

    Raises:
        ConfigurationError: With every problem there is.
    """
    problems = Problems()
    settings = read(_without_idp(options), here=here, problems=problems)
    problems.raise_if_fatal()
    if settings is None:
        raise AssertionError("no settings without a problem")
    site = Site(settings.base_url, settings.prefix)
    from saml_wsgi.protocol import metadata as writer

    key = _signing_key(settings)
    return writer.write(
        entity_id=settings.sp.entity_id or site.url("metadata"),
        acs_url=site.url("acs"),
        certificate=key.certificate if key else None,
        signs_requests=key is not None,
        wants_assertions_signed=settings.idp.signed in {"assertion", "both"},
    )


def build(
    options: Mapping[str, object],
    *,
    here: str | None,
    problems: Problems,
    observers: Sequence[Observer] = (),
    clock: Clock = time,
    look_only: bool = False,
) -> Parts | None:
    """Make the parts, as far as they can be made, so that every problem comes to light at once.

    With ``look_only`` no database is made that isn't there yet.
    """
    settings = read_anyway(options, here=here, problems=problems)
    events = Events(observers)
    site = Site(settings.base_url, settings.prefix)
    policy = Policy(
        public=read_patterns(settings.public, "public", problems),
        api=read_patterns(settings.api, "api", problems),
        cors_origins=settings.cors.origins,
        on_401=settings.challenge == "on_401",
    )
    pages = _attempt(problems, "pages.templates", lambda: _pages(settings))
    entity_id = settings.sp.entity_id or site.url("metadata")
    keys = Keys(
        settings.session.secret.reveal(),
        [secret.reveal() for secret in settings.session.secret_fallbacks],
        context=entity_id,
    )
    faulty = {problem.key for problem in problems.fatal}
    source = store = people = chain = None
    if not faulty & _IDP_KEYS:
        source = _attempt(problems, "idp.metadata", lambda: _source(settings, clock, events))
    if "store.url" not in faulty:
        store = _attempt(problems, "store.url", lambda: _store(settings, clock))
        if "directory.url" not in faulty:
            people = _attempt(problems, "directory.url", lambda: _people(settings, clock))
    if people is not None:
        directory, links = people
        chain = _attempt(problems, "resolvers", lambda: _chain(settings, directory, links))
    if problems.fatal or source is None or store is None or people is None or chain is None:
        return None
    provider = _attempt(
        problems,
        "idp.metadata",
        lambda: ServiceProvider(
            entity_id=entity_id,
            acs_url=site.url("acs"),
            source=source,
            pending=PendingRequests(keys, clock),
            store=store,
            clock=clock,
            demands=_demands(settings),
            signing_key=_signing_key(settings),
        ),
    )
    if provider is None or pages is None:
        return None
    if settings.idp.metadata is not None:
        _warn_of_certificates(provider, problems)
    if not look_only:
        # Only now, so that a configuration that doesn't start leaves no file behind.
        _attempt(problems, "store.url", lambda: _prepare(settings))
    return Parts(
        settings=settings,
        site=site,
        policy=policy,
        pages=pages,
        keys=keys,
        store=store,
        directory=people[0],
        provider=provider,
        chain=chain,
        events=events,
        clock=clock,
    )


def _attempt(problems: Problems, key: str, make: Callable[[], T]) -> T | None:
    """What ``make`` makes; if it can't, note why and go on to the next part."""
    try:
        return make()
    except ConfigurationError as error:
        problems.include(error)
    except SamlWsgiError as error:
        problems.add(key, f"it can't be used now: {error}.", "See to it that it can, then start again.")
    return None


def _pages(settings: Settings) -> Pages:
    host = urlsplit(settings.base_url).netloc
    return Pages(templates=settings.pages.templates, support=settings.pages.support or "", site=host)


def _source(settings: Settings, clock: Clock, events: Events) -> IdentityProviderSource:
    idp = settings.idp
    if idp.metadata is None:
        for pem in idp.certificate:
            check_certificate(pem, "idp.certificate")
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


def _store(settings: Settings, clock: Clock) -> Store:
    url = settings.store.url
    if url == "memory:":
        from saml_wsgi.stores.memory import MemoryStore

        return MemoryStore(clock=clock)
    from saml_wsgi import database
    from saml_wsgi.stores.sql import SQLStore

    database.examine(url, option="store.url")
    return SQLStore(url, clock=clock)


def _people(settings: Settings, clock: Clock) -> tuple[WritableDirectory, Links]:
    url = settings.directory.url or settings.store.url
    if url == "memory:":
        raise ConfigurationError(
            Problem(
                "directory.url",
                "users can't be kept in store.url = memory:.",
                "Set directory.url, for example to sqlite:///users.db.",
            )
        )
    from saml_wsgi import database
    from saml_wsgi.directories.links import SQLLinks
    from saml_wsgi.directories.sql import SQLDirectory

    if url != settings.store.url:
        database.examine(url, option="directory.url")
    return SQLDirectory(url, clock=clock), SQLLinks(url, clock=clock)


def _prepare(settings: Settings) -> None:
    """Make the SQLite files that aren't there yet."""
    from saml_wsgi import database

    urls = {"store.url": settings.store.url, "directory.url": settings.directory.url}
    for key, url in urls.items():
        if url is not None and url != "memory:":
            database.prepare(url, option=key)


def _chain(settings: Settings, directory: WritableDirectory, links: Links) -> Chain:
    mapping = AttributeMap(
        username=settings.attributes.username,
        email=settings.attributes.email,
        first_name=settings.attributes.first_name,
        last_name=settings.attributes.last_name,
        display_name=settings.attributes.display_name,
        groups=settings.attributes.groups,
    )
    problems = Problems()
    resolvers: list[tuple[str, Resolver]] = []
    for wanted in settings.resolvers:
        context = ResolverContext(
            name=wanted.name,
            directory=directory,
            links=links if settings.link.source else None,
            mapping=mapping,
            match=settings.match,
            link_source=settings.link.source,
        )
        resolver = _attempt(
            problems, f"resolver.{wanted.name}.use", partial(plugins.resolver, wanted, context)
        )
        if resolver is not None:
            resolvers.append((wanted.name, resolver))
    problems.raise_if_fatal()
    return Chain(resolvers, directory)


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
        force_authn=idp.force_authn,
        authn_context=idp.authn_context,
        nameid_stable=idp.nameid_stable,
        honour_session_end=settings.session.idp_end == "honour",
        allow_sha1=idp.allow_sha1,
        allow_cbc=idp.allow_cbc,
    )


def _signing_key(settings: Settings) -> SigningKey | None:
    if settings.sp.private_key is None or settings.sp.certificate is None:
        return None
    return SigningKey(settings.sp.private_key.reveal(), settings.sp.certificate)


def _warn_of_certificates(provider: ServiceProvider, problems: Problems) -> None:
    key = "idp.metadata"
    days = [days_left(pem) for pem in provider.identity_provider.certificates]
    cure = "Export the metadata again as soon as the identity provider has a new one."
    for left in days:
        if left < 0:
            # Only a warning: what counts is the key (SAML 2.0 Metadata Interoperability Profile, 2.6.1).
            problems.warn(key, f"a certificate ended {-left} days ago.", cure)
        elif left <= _EXPIRES_SOON:
            problems.warn(key, f"a certificate ends in {left} days.", cure)


def _facts(parts: Parts) -> list[tuple[str, str]]:
    provider = parts.provider
    idp = provider.identity_provider
    days = ", ".join(f"{days_left(pem)} days left" for pem in idp.certificates)
    return [
        ("application", parts.site.base_url),
        ("entity id", provider.entity_id),
        ("ACS URL", provider.acs_url),
        ("identity provider", idp.entity_id),
        ("sign-on address", f"{idp.sso_url} ({idp.request_binding})"),
        ("certificates", days),
        ("resolvers", ", ".join(resolver.name for resolver in parts.settings.resolvers)),
        ("sessions", without_password(parts.settings.store.url)),
        ("users", without_password(parts.settings.directory.url or parts.settings.store.url)),
    ]


def _without_idp(options: Mapping[str, object]) -> dict[str, object]:
    """The options with a stand-in for the identity provider, of which our own metadata says nothing."""
    kept = {key: value for key, value in options.items() if key not in _IDP_KEYS}
    return {**kept, "idp.metadata": "<stand-in/>"}


_IDP_KEYS: Final = {"idp.metadata", "idp.entity_id", "idp.sso_url", "idp.certificate"}
