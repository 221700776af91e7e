"""The environ: what a client could forge is taken out first, then what we know is put in.

Identity reaches the application through the environ only. No HTTP header is ever a channel, since a
client can send any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from saml_wsgi.model import Session

#: Names under which applications look for an identity. Removed from every request.
FORGEABLE: Final = frozenset(
    {
        "REMOTE_USER",
        "AUTH_TYPE",
        "REMOTE_USER_TOKENS",
        "REMOTE_USER_DATA",
        "REMOTE_GROUPS",
        "HTTP_REMOTE_USER",
        "HTTP_REMOTE_EMAIL",
        "HTTP_REMOTE_NAME",
        "HTTP_REMOTE_GROUPS",
        "HTTP_AUTH_TYPE",
        "HTTP_X_REMOTE_USER",
        "HTTP_X_REMOTE_EMAIL",
        "HTTP_X_REMOTE_GROUPS",
        "HTTP_X_AUTH_USER",
        "HTTP_X_AUTH_REQUEST_USER",
        "HTTP_X_AUTH_REQUEST_EMAIL",
        "HTTP_X_AUTH_REQUEST_GROUPS",
        "HTTP_X_AUTH_REQUEST_PREFERRED_USERNAME",
        "HTTP_X_FORWARDED_USER",
        "HTTP_X_FORWARDED_EMAIL",
        "HTTP_X_FORWARDED_GROUPS",
        "HTTP_X_FORWARDED_PREFERRED_USERNAME",
        "HTTP_X_WEBAUTH_USER",
        "HTTP_X_USER",
        "repoze.who.identity",
        "saml_wsgi.user",
        "saml_wsgi.session",
        "saml_wsgi.attributes",
        "saml_wsgi.login_url",
        "saml_wsgi.logout_url",
        "saml_wsgi.end_session",
    }
)


class Scrubber:
    """Removes an exact set of names: :data:`FORGEABLE` and what ``scrub`` adds.

    Args:
        more: Header names (``X-Employee``) or environ names (``HTTP_X_EMPLOYEE``).
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._names = FORGEABLE | {_environ_name(name) for name in more}

    def __call__(self, environ: dict[str, Any]) -> None:
        # Intersecting costs half a microsecond; nearly always there is nothing to remove.
        if not environ.keys().isdisjoint(self._names):
            for name in environ.keys() & self._names:
                del environ[name]


class Introduction:
    """What the application is told of somebody who is signed in, in one dictionary.

    Args:
        remote_user: Fields of the user, in order: the first that isn't empty becomes REMOTE_USER.
        end_session: Ends a session and returns the headers that remove its cookie.
    """

    def __init__(
        self,
        *,
        login_url: str,
        logout_url: str,
        remote_user: tuple[str, ...],
        end_session: Callable[[Session, str], list[tuple[str, str]]],
    ) -> None:
        self._urls = {"saml_wsgi.login_url": login_url, "saml_wsgi.logout_url": logout_url}
        self._remote_user = remote_user
        self._end_session = end_session

    @property
    def anonymous(self) -> Mapping[str, Any]:
        """What the application is told of somebody who isn't."""
        return self._urls

    def __call__(self, session: Session, cookie: str) -> Mapping[str, Any]:
        """For one ``environ.update()`` a request. Everything in it is frozen: it is used many times."""
        user = session.user
        # What isn't printable could end a line in somebody's log or header.
        values = (getattr(user, field) for field in self._remote_user)
        name = next((value for value in values if value and value.isprintable()), "")
        introduced = {
            **self._urls,
            "AUTH_TYPE": "SAML",
            "saml_wsgi.user": user,
            "saml_wsgi.session": session,
            "saml_wsgi.attributes": session.attributes,
            "saml_wsgi.end_session": lambda: self._end_session(session, cookie),
        }
        if name:
            # WSGI text is bytes in disguise (PEP 3333): UTF-8, as most applications decode it.
            introduced["REMOTE_USER"] = name.encode().decode("latin-1")
        return introduced


def path(environ: dict[str, Any]) -> str | None:
    """The path that the application will see, as text; None if it isn't UTF-8."""
    try:
        return str(environ.get("PATH_INFO", "")).encode("latin-1").decode()
    except UnicodeError:
        return None


def _environ_name(name: str) -> str:
    if name.startswith(("HTTP_", "REMOTE_")) or "." in name:
        return name
    return "HTTP_" + name.upper().replace("-", "_")
