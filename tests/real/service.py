"""The service that people sign in to: an application that knows nothing of SAML, behind the middleware."""

from __future__ import annotations

import html
import json
import secrets
import sqlite3
import urllib.request
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import saml_wsgi
from tests.real.serving import Server


def wiki(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Shows who is there, what was asked for, and a link to sign out, as any application may."""
    seen = {
        "user": environ["REMOTE_USER"].encode("latin-1").decode(),
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(),
        "query": environ["QUERY_STRING"],
        "name": environ["saml_wsgi.user"].display_name,
        "groups": environ["saml_wsgi.user"].groups,
        "cookies": environ.get("HTTP_COOKIE", ""),
    }
    page = (
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Wiki</title>'
        f'<h1>Hello {html.escape(seen["user"])}</h1><pre id="seen">{html.escape(json.dumps(seen))}</pre>'
        f'<a id="sign-out" href="{html.escape(environ["saml_wsgi.logout_url"])}">Sign out</a>'
    )
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [page.encode()]


class Service:
    """The wiki behind the middleware, configured by the identity provider's metadata and nothing else of it.

    Attributes:
        requests: Method and path of every request, in order, as they came in.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._database = folder / "saml_wsgi.db"
        self.origin = server.origin
        self.entity_id = f"{self.origin}/saml/metadata"
        self.acs = f"{self.origin}/saml/acs"
        self.requests: list[tuple[str, str]] = []

    def serve(self, metadata: str, **options: Any) -> None:
        """Answer from now on.

        Args:
            metadata: Of the identity provider, as XML.
            options: More options; ``__`` stands for the dot.
        """
        settings = {
            "base_url": self.origin,
            "idp.metadata": metadata,
            "session.secret": secrets.token_urlsafe(48),
            "store.url": f"sqlite:///{self._database}",
        }
        settings |= {key.replace("__", "."): value for key, value in options.items()}
        middleware = saml_wsgi.from_options(wiki, settings)

        def recording(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
            answer: Iterable[bytes] = middleware(environ, start_response)
            return answer

        self._server.serve(recording)

    def metadata(self) -> str:
        """Its own metadata, asked of the service that serves: what an operator uploads elsewhere."""
        with urllib.request.urlopen(self.entity_id, context=self._server.client, timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def count(self, method: str, path: str) -> int:
        """How often that was asked for."""
        return self.requests.count((method, path))

    def users(self) -> list[dict[str, Any]]:
        """The rows of the users' table with the names of their groups, read past the package."""
        with closing(sqlite3.connect(self._database)) as connection:
            connection.row_factory = sqlite3.Row
            users = [
                dict(row) for row in connection.execute("SELECT * FROM saml_wsgi_users ORDER BY created")
            ]
            for user in users:
                groups = "SELECT name FROM saml_wsgi_groups WHERE user_id = ? ORDER BY name"
                user["groups"] = [row["name"] for row in connection.execute(groups, (user["id"],))]
        return users
