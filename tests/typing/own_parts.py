"""A typed use of the public names: what a user may write must pass ``mypy --strict``. Never run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from wsgiref.types import StartResponse, WSGIEnvironment

from saml_wsgi import (
    Assertion,
    Changes,
    Clock,
    Denied,
    Directory,
    Event,
    Links,
    Observer,
    Profile,
    Resolution,
    Resolver,
    SAMLMiddleware,
    Source,
    Store,
    User,
    WritableDirectory,
    from_options,
)
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.resolvers import ExistingResolver, JITResolver, ResolverContext
from saml_wsgi.stores.memory import MemoryStore
from saml_wsgi.stores.sql import SQLStore

# Ours are what their protocols say.
_stores: Sequence[type[Store]] = (MemoryStore, SQLStore)
_directories: Sequence[type[WritableDirectory]] = (SQLDirectory,)
_readable: Sequence[type[Directory]] = (SQLDirectory,)
_links: type[Links] = SQLLinks
_resolvers: Sequence[type[Resolver]] = (JITResolver, ExistingResolver)
_clock: Clock = time


class StaffResolver:
    """A resolver of one's own."""

    def resolve(self, assertion: Assertion, /) -> Resolution | User | Denied | None:
        if "staff" not in assertion.attributes.get("memberOf", ()):
            return Denied("not_found", "not in staff")
        return User(id=assertion.name_id, username=assertion.name_id)


def staff(context: ResolverContext, *, group: str = "staff") -> Resolver:
    """A factory, as an ini names it."""
    del context, group
    return StaffResolver()


class Phonebook:
    """A source of one's own."""

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        return Profile(username=keys["username"])


_source: Source = Phonebook()


def count(event: Event, /) -> None:
    """An observer of one's own."""
    print(event.name, event.code)


_observer: Observer = count
_changes: Changes = Changes({"email": "a@example.test"})


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(environ.get("REMOTE_USER", "")).encode()]


protected: SAMLMiddleware = from_options(
    application,
    {"base_url": "https://wiki.example.com", "session.lifetime": 3600},
    here="/srv/wiki",
    observers=[count],
)
