"""Where things are kept: settings become the store, the directory of users, and the links."""

from __future__ import annotations

from typing import NamedTuple

from saml_wsgi import plugins
from saml_wsgi.config.settings import Settings
from saml_wsgi.config.urls import MEMORY
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.interfaces import Clock, Directory, Links, Store
from saml_wsgi.model import FIELDS
from saml_wsgi.stores.memory import MemoryStore


class People(NamedTuple):
    """Where users are kept, and who is pinned to whom.

    Attributes:
        warnings: What the operator should know of the application's own table.
    """

    directory: Directory
    links: Links
    warnings: tuple[Problem, ...] = ()


def open_store(settings: Settings, clock: Clock) -> Store:
    """The store. A database that isn't there yet is only made by :func:`prepare`.

    Raises:
        ConfigurationError: It can't be used.
    """
    url = settings.store.url
    if url == MEMORY:
        return MemoryStore(clock=clock)
    from saml_wsgi import database
    from saml_wsgi.stores.sql import SQLStore

    database.examine(url, option="store.url")
    return SQLStore(url, clock=clock)


def open_people(settings: Settings, clock: Clock) -> People:
    """The directory and the links. A database that isn't there yet is only made by :func:`prepare`.

    Raises:
        ConfigurationError: They can't be used; told of all that is wrong with a table.
        Unavailable: A directory from elsewhere can't be reached.
    """
    if is_ours(settings):
        url = _database(settings, "users can't be kept in store.url = memory:.")
        return (
            _table(settings, url, clock) if settings.directory.use == "table" else _sql(settings, url, clock)
        )
    directory = plugins.directory(settings, clock)
    links: Links | None = getattr(directory, "links", None)
    if links is None and _links_people(settings):
        url = _database(settings, "links can't be kept in store.url = memory:, nor by this directory.")
        _examine(settings, url)
        links = _sql_links(url, clock)
    return People(directory, links or Unopened())


def prepare(settings: Settings, people: People) -> None:
    """Make the SQLite files that aren't there yet.

    Raises:
        ConfigurationError: They can't be made, or a database isn't up to date.
    """
    urls = {"store.url": settings.store.url}
    if is_ours(settings) or (_links_people(settings) and getattr(people.directory, "links", None) is None):
        urls["directory.url"] = settings.directory.url or settings.store.url
    for key, url in urls.items():
        if url != MEMORY:
            from saml_wsgi import database

            database.prepare(url, option=key)


def is_ours(settings: Settings) -> bool:
    """Whether users are kept in a database that we know, in tables of ours or the application's own."""
    return settings.directory.use in {"sql", "table"}


def _links_people(settings: Settings) -> bool:
    """Whether anybody is pinned: to what the identity provider asserts, or to what a source says."""
    return bool(settings.link.source) or any(resolver.use == "ldap" for resolver in settings.resolvers)


def _database(settings: Settings, forgetful: str) -> str:
    """The database of users and links."""
    url = settings.directory.url or settings.store.url
    if url == MEMORY:
        cure = "Set directory.url, for example to sqlite:///users.db."
        raise ConfigurationError(Problem("directory.url", forgetful, cure))
    return url


def _examine(settings: Settings, url: str) -> None:
    from saml_wsgi import database

    if url != settings.store.url:  # that one was looked at as the store
        database.examine(url, option="directory.url")


def _sql_links(url: str, clock: Clock) -> Links:
    from saml_wsgi.directories.links import SQLLinks

    return SQLLinks(url, clock=clock)


def _sql(settings: Settings, url: str, clock: Clock) -> People:
    """Users in tables of ours."""
    from saml_wsgi.directories.sql import SQLDirectory

    _examine(settings, url)
    return People(SQLDirectory(url, clock=clock), _sql_links(url, clock))


def _table(settings: Settings, url: str, clock: Clock) -> People:
    """Users in the application's own table, and in tables of ours what it has no columns for."""
    from saml_wsgi.directories.table import TableDirectory

    problems = Problems()
    try:
        _examine(settings, url)
    except ConfigurationError as error:
        problems.include(error)
    try:
        directory = TableDirectory(
            url,
            settings.directory.table or "",
            settings.directory.columns,
            case=settings.directory.case,
            # Of others nobody knows whether they make users; the first one tells.
            writable=any(resolver.use in {"jit", "ldap"} for resolver in settings.resolvers),
            match=_matched(settings),
            clock=clock,
        )
    except ConfigurationError as error:
        # A database that can't be used was told of already.
        told = {problem.key for problem in problems.fatal}
        problems.include(ConfigurationError(*(found for found in error.problems if found.key not in told)))
    problems.raise_if_fatal()
    return People(directory, directory.links, directory.warnings)


def _matched(settings: Settings) -> frozenset[str]:
    """The fields by which people are looked up."""
    own = {resolver.options.get("match") for resolver in settings.resolvers}
    return frozenset({settings.match, *(field for field in FIELDS if field in own)})
