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

from saml_wsgi import federation, plugins, storage
from saml_wsgi.config.certificates import warn_of_term
from saml_wsgi.config.convert import Place
from saml_wsgi.config.settings import Settings, hidden_by_defaults, read_anyway
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import ConfigurationError, Problems, SamlWsgiError
from saml_wsgi.events import Events, logger
from saml_wsgi.interfaces import Clock, Directory, Links, Observer, Source, Store
from saml_wsgi.journal import Journal
from saml_wsgi.middleware.app import SAMLMiddleware
from saml_wsgi.middleware.cookies import Cookies
from saml_wsgi.middleware.emergency import EmergencySignIn
from saml_wsgi.middleware.pages import Pages
from saml_wsgi.middleware.policy import Policy, read_patterns
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.idp import check_certificate
from saml_wsgi.protocol.provider import ServiceProvider
from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.session.manager import Lifetimes, Sessions
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore

_IDP_KEYS: Final = {"idp.metadata", "idp.entity_id", "idp.sso_url", "idp.certificate"}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything but the application: what a middleware is made of, and what commands work with.

    Attributes:
        directory: Where users are kept; whether it can be written, or listed, shows in its methods.
        links: Without any meaning where ``link.source`` is ``off``.
        sources: By name; what resolvers ask beside the assertion.
        emergency: None unless ``emergency.sign_in`` is on.
    """

    settings: Settings
    site: Site
    policy: Policy
    pages: Pages
    keys: Keys
    store: Store
    directory: Directory
    links: Links
    sources: Mapping[str, Source]
    provider: ServiceProvider
    chain: Chain
    cookies: Cookies
    sessions: Sessions
    journal: Journal
    emergency: EmergencySignIn | None
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
    log_warnings: bool = True,
) -> Parts:
    """Everything that a middleware is made of; what should be known of the configuration is logged.

    Args:
        global_conf: What PasteDeploy gives beside the options.
        log_warnings: Whether it is; a server's log is the place for it.

    Raises:
        ConfigurationError: With every problem there is.
    """
    problems = Problems()
    hidden_by_defaults(global_conf, options, problems)
    parts = build(options, here=here, problems=problems, observers=observers, clock=clock)
    problems.raise_if_fatal()
    for warning in problems.warnings if log_warnings else ():
        logger.warning("%s", warning)
    if parts is None:
        raise AssertionError("a configuration without parts has problems")
    return parts


def assemble(app: WSGIApplication, parts: Parts) -> SAMLMiddleware:
    """Put the parts around an application."""
    settings = parts.settings
    return SAMLMiddleware(
        app,
        site=parts.site,
        provider=parts.provider,
        resolver=parts.chain,
        sessions=parts.sessions,
        cookies=parts.cookies,
        policy=parts.policy,
        pages=parts.pages,
        events=parts.events,
        clock=parts.clock,
        unsolicited=settings.idp.unsolicited,
        remote_user=settings.remote_user,
        scrub=settings.scrub,
        single_process=getattr(parts.store, "single_process", False),
        journal=parts.journal,
        fingerprint=settings.fingerprint,
        record_values=settings.records.values,
        emergency=parts.emergency,
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
    keys = Keys(
        settings.session.secret.reveal(),
        [secret.reveal() for secret in settings.session.secret_fallbacks],
        context=federation.entity_id(settings, site),
    )
    for pem in settings.idp.certificate:
        _attempt(problems, "idp.certificate", partial(check_certificate, pem, "idp.certificate"))
    faulty = {problem.key for problem in problems.fatal}
    source = store = provider = None
    if not faulty & _IDP_KEYS:
        source = _attempt(
            problems, "idp.metadata", lambda: federation.identity_provider(settings, clock, events)
        )
    if "store.url" not in faulty:
        store = _attempt(problems, "store.url", lambda: storage.open_store(settings, clock))
    if source is not None and not any(key.startswith("sp.") for key in faulty):
        provider = _attempt(
            problems,
            "idp.metadata",
            # Without a store nothing starts, and nothing is noted.
            lambda: federation.service_provider(
                settings, site, source, keys, store or MemoryStore(clock=clock), clock
            ),
        )
    people = _people(settings, faulty, clock, problems)
    unopened = Unopened()
    directory, links, _ = people or storage.People(unopened, unopened)
    sources = plugins.sources(settings, problems)
    chain = plugins.chain(
        settings,
        directory,
        links,
        problems,
        sources=sources,
        idp_name=provider.idp_name if provider is not None else settings.idp.name or "",
        clock=clock,
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
        _attempt(problems, "store.url", lambda: storage.prepare(settings, people))
    idp_host = urlsplit(provider.identity_provider.sso_url).hostname or ""
    cookies = Cookies(site, keys, provider.pending, idp_host=idp_host)
    sessions = Sessions(
        store,
        keys,
        clock=clock,
        lifetimes=lifetimes(settings),
        events=events,
        directory=directory,
        readmit=chain.readmit,
    )
    emergency = EmergencySignIn(site, store, keys, directory, sessions, cookies, pages, events, clock)
    return Parts(
        settings=settings,
        site=site,
        policy=policy,
        pages=pages,
        keys=keys,
        store=store,
        directory=directory,
        links=links,
        sources=sources,
        provider=provider,
        chain=chain,
        cookies=cookies,
        sessions=sessions,
        journal=Journal(store, keys, keep=settings.records.keep, clock=clock),
        emergency=emergency if settings.emergency.sign_in else None,
        events=events,
        clock=clock,
    )


def _people(settings: Settings, faulty: set[str], clock: Clock, problems: Problems) -> storage.People | None:
    """Users and links, if enough is known of where they are."""
    if any(key.startswith("directory.") for key in faulty):
        return None
    if settings.directory.url is None and "store.url" in faulty:
        return None
    key = "directory.url" if storage.is_ours(settings) else "directory.use"
    people = _attempt(problems, key, lambda: storage.open_people(settings, clock))
    for warning in people.warnings if people else ():
        problems.warn(warning.key, warning.reason, warning.cure)
    return people


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


def lifetimes(settings: Settings) -> Lifetimes:
    """How long sessions last, by the options."""
    session = settings.session
    return Lifetimes(
        lifetime=session.lifetime,
        idle=session.idle,
        cache=session.cache,
        recheck=session.recheck,
        grace=session.grace,
    )
