"""PasteDeploy: ``use = egg:saml_wsgi`` in a filter, ``use = egg:saml_wsgi#whoami`` in an app section."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from saml_wsgi.model import FIELDS
from saml_wsgi.wiring import assemble, start


def filter_factory(
    global_conf: Mapping[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Make the filter. The configuration is checked here, before there is an application.

    Raises:
        ConfigurationError: With every problem there is.
    """
    parts = start(local_conf, here=global_conf.get("here"), global_conf=global_conf)
    return lambda app: assemble(app, parts)


def whoami_factory(global_conf: Mapping[str, str], **local_conf: str) -> WSGIApplication:
    """Make an application that shows what an application sees."""
    del global_conf, local_conf
    return whoami


def whoami(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Show who is signed in, with what attributes. Never a cookie or a secret."""
    user = environ.get("saml_wsgi.user")
    rows = [
        (name, environ.get(name, ""))
        for name in ("REMOTE_USER", "AUTH_TYPE", "saml_wsgi.login_url", "saml_wsgi.logout_url")
    ]
    rows = [(name, value.encode("latin-1").decode("utf-8", "replace")) for name, value in rows]
    if user is not None:
        rows += [
            (f"saml_wsgi.user.{name}", str(getattr(user, name))) for name in ("id", *FIELDS, "managed_by")
        ]
        rows += [("saml_wsgi.user.groups", ", ".join(user.groups))]
        rows += [
            (f"saml_wsgi.attributes[{name!r}]", ", ".join(values))
            for name, values in environ["saml_wsgi.attributes"].items()
        ]
    lines = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    body = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>whoami</title>"
        f"<h1>whoami</h1><table>{lines}</table></html>"
    ).encode()
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ],
    )
    return [body]
