"""Sign people in to any WSGI application through JumpCloud (SAML 2.0).

The two ways in: :func:`from_options` wraps an application by the options of an ini;
``use = egg:saml_wsgi`` does the same in PasteDeploy. Whoever composes objects begins at
:class:`SAMLMiddleware`.
"""

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
from saml_wsgi.middleware.app import SAMLMiddleware
from saml_wsgi.model import (
    Assertion,
    Changes,
    Denied,
    Event,
    PendingRequest,
    Profile,
    Resolution,
    Session,
    User,
)
from saml_wsgi.wiring import from_options

__version__ = "0.1.0"

__all__ = [
    "Ambiguous",
    "Assertion",
    "Changes",
    "Clock",
    "ConfigurationError",
    "Denied",
    "Directory",
    "DirectoryConflict",
    "DirectoryUnavailable",
    "Event",
    "Links",
    "Observer",
    "PendingRequest",
    "Problem",
    "Profile",
    "Refused",
    "Resolution",
    "Resolver",
    "SAMLMiddleware",
    "SamlWsgiError",
    "Session",
    "Source",
    "SourceUnavailable",
    "Store",
    "StoreUnavailable",
    "Unavailable",
    "User",
    "WritableDirectory",
    "from_options",
]
