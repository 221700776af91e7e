"""For tests of applications that saml_wsgi protects: a JumpCloud-shaped identity provider that signs,
a scripted browser that knows SameSite, a clock, sample people. The pytest fixtures ``saml_idp``,
``saml_browser`` and ``saml_clock`` are there as soon as saml_wsgi is installed.

Names are loaded when they are used: pytest imports this package in every run, lxml and xmlsec needn't be.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from saml_wsgi.testing.browser import Browser, Page, SignInFailed
    from saml_wsgi.testing.clock import FakeClock
    from saml_wsgi.testing.cookies import Cookie, CookieJar
    from saml_wsgi.testing.forms import Form
    from saml_wsgi.testing.idp import JumpCloudIdP
    from saml_wsgi.testing.keys import SigningKey
    from saml_wsgi.testing.knobs import App, Shape
    from saml_wsgi.testing.people import PEOPLE, Person
    from saml_wsgi.testing.responses import PostedForm
    from saml_wsgi.testing.transports import HTTPTransport, WSGITransport

__all__ = [
    "PEOPLE",
    "App",
    "Browser",
    "Cookie",
    "CookieJar",
    "FakeClock",
    "Form",
    "HTTPTransport",
    "JumpCloudIdP",
    "Page",
    "Person",
    "PostedForm",
    "Shape",
    "SignInFailed",
    "SigningKey",
    "WSGITransport",
]

if not TYPE_CHECKING:
    # Not for type checkers: with it, any misspelt name would be there, as Any.
    _ROOMS: Final = {
        "PEOPLE": "people",
        "App": "knobs",
        "Browser": "browser",
        "Cookie": "cookies",
        "CookieJar": "cookies",
        "FakeClock": "clock",
        "Form": "forms",
        "HTTPTransport": "transports",
        "JumpCloudIdP": "idp",
        "Page": "browser",
        "Person": "people",
        "PostedForm": "responses",
        "Shape": "knobs",
        "SignInFailed": "browser",
        "SigningKey": "keys",
        "WSGITransport": "transports",
    }

    def __getattr__(name: str) -> Any:
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
