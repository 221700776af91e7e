"""Sign people in to any WSGI application through JumpCloud (SAML 2.0).

The two ways in: :func:`from_options` wraps an application by the options of an ini;
``use = egg:saml_wsgi`` does the same in PasteDeploy. Whoever composes objects begins at
:class:`SAMLMiddleware`.

What needs SAML, or a database, is loaded when its name is used (PEP 562): pytest imports this package in
every run, for the fixtures, and must neither wait for the XML libraries nor fail where they don't fit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from saml_wsgi.errors import (
    Ambiguous,
    ConfigurationError,
    DirectoryConflict,
    DirectoryUnavailable,
    Problem,
    Refused,
    SamlWsgiError,
    SourceUnavailable,
    StoreUnavailable,
    Unavailable,
)
from saml_wsgi.interfaces import (
    Clock,
    Directory,
    Links,
    Observer,
    Resolver,
    Source,
    Store,
    WritableDirectory,
)
from saml_wsgi.model import (
    Assertion,
    Changes,
    Denied,
    Entry,
    Event,
    PendingRequest,
    Profile,
    Resolution,
    Session,
    SignInRecord,
    User,
)

__version__ = "0.1.0"

__all__ = [
    "Ambiguous",
    "Assertion",
    "Chain",
    "Changes",
    "Clock",
    "ConfigurationError",
    "Cookies",
    "Demands",
    "Denied",
    "Directory",
    "DirectoryConflict",
    "DirectoryUnavailable",
    "Entry",
    "Event",
    "Events",
    "Journal",
    "Keys",
    "Lifetimes",
    "Links",
    "MetadataFile",
    "Observer",
    "Pages",
    "PendingRequest",
    "PendingRequests",
    "Policy",
    "Problem",
    "Profile",
    "Refused",
    "Resolution",
    "Resolver",
    "SAMLMiddleware",
    "SamlWsgiError",
    "ServiceProvider",
    "Session",
    "Sessions",
    "SignInRecord",
    "SigningKey",
    "Site",
    "Source",
    "SourceUnavailable",
    "Store",
    "StoreUnavailable",
    "Unavailable",
    "User",
    "WritableDirectory",
    "current_reference",
    "from_options",
]

if TYPE_CHECKING:
    from saml_wsgi.events import Events, current_reference
    from saml_wsgi.journal import Journal
    from saml_wsgi.middleware.app import SAMLMiddleware
    from saml_wsgi.middleware.cookies import Cookies
    from saml_wsgi.middleware.pages import Pages
    from saml_wsgi.middleware.policy import Policy
    from saml_wsgi.middleware.urls import Site
    from saml_wsgi.protocol.idp import MetadataFile
    from saml_wsgi.protocol.provider import Demands, ServiceProvider, SigningKey
    from saml_wsgi.protocol.requests import PendingRequests
    from saml_wsgi.resolvers.chain import Chain
    from saml_wsgi.session.manager import Lifetimes, Sessions
    from saml_wsgi.signing import Keys
    from saml_wsgi.wiring import from_options
else:
    # Not for type checkers: with it, any misspelt name would be there, as Any.
    _ROOMS: Final = {
        "Chain": "resolvers.chain",
        "Cookies": "middleware.cookies",
        "Demands": "protocol.provider",
        "Events": "events",
        "Journal": "journal",
        "Keys": "signing",
        "Lifetimes": "session.manager",
        "MetadataFile": "protocol.idp",
        "Pages": "middleware.pages",
        "PendingRequests": "protocol.requests",
        "Policy": "middleware.policy",
        "SAMLMiddleware": "middleware.app",
        "ServiceProvider": "protocol.provider",
        "Sessions": "session.manager",
        "SigningKey": "protocol.provider",
        "Site": "middleware.urls",
        "current_reference": "events",
        "from_options": "wiring",
    }

    def __getattr__(name: str) -> Any:
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
