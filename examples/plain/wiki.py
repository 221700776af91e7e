"""A WSGI application without a framework, which people are signed in to by saml_wsgi."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

STYLE = "body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif }"


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Greet whoever is signed in, and show where what is known of them came from."""
    user = environ.get("saml_wsgi.user")
    if user is None:  # a public path
        body = f'<p>Hello, stranger. <a href="{environ["saml_wsgi.login_url"]}">Sign in</a></p>'
    else:
        origins = environ["saml_wsgi.session"].origins
        fields = "".join(
            f"<li>{html.escape(name)}: {html.escape(str(user.value(name)))} ({html.escape(origin)})</li>"
            for name, origin in origins.items()
        )
        body = (
            f"<h1>Hello {html.escape(user.display_name or user.username)}</h1><ul>{fields}</ul>"
            f'<p><a href="{environ["saml_wsgi.logout_url"]}">Sign out</a></p>'
        )
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Wiki</title><style>{STYLE}</style>{body}"
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [page.encode()]


def factory(global_conf: dict[str, str], **options: str) -> Any:
    """What ``paste.app_factory`` in the ini calls."""
    del global_conf, options
    return application


if __name__ == "__main__":
    from paste.deploy import loadapp
    from waitress import serve

    serve(loadapp(f"config:{HERE / 'wiki.ini'}"), listen="localhost:8080")
