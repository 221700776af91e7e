"""What isn't there isn't there for type checkers either, though names are loaded late. Never run."""

from __future__ import annotations

import saml_wsgi
import saml_wsgi.testing

# Were these Any, strict checking would complain that there is nothing to ignore.
saml_wsgi.SAMLMiddelware  # type: ignore[attr-defined]  # noqa: B018 - the access is what is checked
saml_wsgi.testing.Browsr  # type: ignore[attr-defined]  # noqa: B018 - likewise


def start(sessions: saml_wsgi.Sessions, browser: saml_wsgi.testing.Browser) -> saml_wsgi.testing.Page:
    """The late names have their types."""
    sessions.end  # noqa: B018 - likewise
    return browser.sign_in("https://wiki.example.test/", "mara")


def line(why: str) -> str:
    """What a resolver of one's own may log."""
    return f"{saml_wsgi.current_reference()}: {why}"
