"""Settings become objects. The only module that knows the classes behind the seams."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from saml_wsgi import plugins
from saml_wsgi.config.certificates import warn_of_term
from saml_wsgi.config.convert import Place
from saml_wsgi.config.settings import Settings, hidden_by_defaults, read_anyway
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import ConfigurationError, Problem, Problems, SamlWsgiError
from saml_wsgi.events import Events, logger
from saml_wsgi.interfaces import Clock, Links, Observer, Store, WritableDirectory
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
from saml_wsgi.session.manager import Lifetimes, Sessions
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore

_IDP_KEYS: Final = {"idp.metadata", "idp.entity_id", "idp.sso_url", "idp.certificate"}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

T = TypeVar("T")


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
    return assemble(app, start(options, here=here, observers=observers, clock=clock))


def start(
    options: Mapping[str, object],
    *,
    here: str | None,
    global_conf: Mapping[str, str] = _NOTHING,
    observers: Sequence[Observer] = (),
    clock: Clock = time,
) -> Parts:
    """Everything that a middleware is made of; what should be known of the configuration is logged.

    Args:
        global_conf: What PasteDeploy gives beside the options.

    Raises:
        ConfigurationError: With every problem there is.
    """
    problems = Problems()
    hidden_by_defaults(global_conf, options, problems)
    parts = build(options, here=here, problems=problems, observers=observers, clock=clock)
    problems.raise_if_fatal()
    for warning in problems.warnings:
        logger.warning("%s", warning)
    if parts is None:
        raise AssertionError("a configuration without parts has problems")
    return parts


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
    for pem in settings.idp.certificate:
        _attempt(problems, "idp.certificate", partial(check_certificate, pem, "idp.certificate"))
    faulty = {problem.key for problem in problems.fatal}
    source = store = people = provider = None
    if not faulty & _IDP_KEYS:
        source = _attempt(problems, "idp.metadata", lambda: _source(settings, clock, events))
    if "store.url" not in faulty:
        store = _attempt(problems, "store.url", lambda: _store(settings, clock))
    if "directory.url" not in faulty and (settings.directory.url or "store.url" not in faulty):
        people = _attempt(problems, "directory.url", lambda: _people(settings, clock))
    unopened = Unopened()
    directory, links = people or (unopened, unopened)
    chain = plugins.chain(settings, directory, links, problems)
    if source is not None and not any(key.startswith("sp.") for key in faulty):
        provider = _attempt(
            problems,
            "idp.metadata",
            lambda: ServiceProvider(
                entity_id=entity_id,
                acs_url=site.url("acs"),
                source=source,
                pending=PendingRequests(keys, clock),
                # Without one nothing starts, and nothing is noted.
                store=MemoryStore(clock=clock) if store is None else store,
                clock=clock,
                demands=_demands(settings),
                signing_key=signing_key(settings),
            ),
        )
    if provider is not None and settings.idp.metadata is not None:
        for pem in provider.identity_provider.certificates:
            warn_of_term(pem, Place("idp.metadata", problems=problems))
    if problems.fatal:
        return None
    assert pages is not None
    assert store is not None
    assert people is not None
    assert chain is not None
    assert provider is not None
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
