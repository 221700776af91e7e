"""A request to one of our own endpoints, as far as we look at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from saml_wsgi.errors import Refused
from saml_wsgi.middleware.pages import Page

#: Tells the reference to whoever looks at an answer without reading its page.
REFERENCE_HEADER = "Saml-Wsgi-Reference"

_LONGEST_QUERY = 8192


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request, and the reference under which all that happens in it is logged."""

    environ: dict[str, Any]
    reference: str

    @property
    def method(self) -> str:
        return str(self.environ.get("REQUEST_METHOD", "GET"))

    @property
    def cookies(self) -> str:
        return str(self.environ.get("HTTP_COOKIE", ""))

    def query(self, name: str) -> str:
        """A parameter of the query string; empty if it is absent, repeated, or not to be read."""
        text = str(self.environ.get("QUERY_STRING", ""))
        return _only(text, name)

    def field(self, name: str) -> str:
        """A field of a small form of ours."""
        return _only(self.body(_LONGEST_QUERY).decode("latin-1"), name)

    def body(self, limit: int) -> bytes:
        """The posted form, of at most ``limit`` bytes.

        Raises:
            Refused: ``bad_request`` or ``body_too_large``.
        """
        media_type = str(self.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
        if media_type != "application/x-www-form-urlencoded":
            raise Refused("bad_request", f"content type {media_type!r:.100} instead of a form's")
        stream = self.environ["wsgi.input"]
        text = str(self.environ.get("CONTENT_LENGTH") or "")
        if text:
            if not (text.isascii() and text.isdigit()) or len(text) > 15:
                raise Refused("bad_request", f"Content-Length {text!r:.100}")
            length = int(text)
            if length > limit:
                raise Refused("body_too_large", f"{length} bytes, {limit} are accepted")
        elif self.environ.get("wsgi.input_terminated"):
            length = limit + 1
        else:
            length = 0
        parts: list[bytes] = []
        missing = length
        while missing > 0:
            part = stream.read(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        body = b"".join(parts)
        if len(body) > limit:
            raise Refused("body_too_large", f"more than {limit} bytes")
        if text and len(body) < length:
            raise Refused("bad_request", f"{length} bytes were announced, {len(body)} came")
        return body


def see_other(url: str, *headers: tuple[str, str]) -> Page:
    """Send a browser on with a GET (RFC 9110, 15.4.4). Never kept by a cache."""
    return Page(HTTPStatus.SEE_OTHER, (("Location", url), *_UNCACHED, *headers), b"")


def found(url: str, *headers: tuple[str, str]) -> Page:
    """Send a browser's GET somewhere else for now (RFC 9110, 15.4.3). Never kept by a cache."""
    return Page(HTTPStatus.FOUND, (("Location", url), *_UNCACHED, *headers), b"")


def no_content(*headers: tuple[str, str]) -> Page:
    """Only headers (RFC 9110, 15.3.5)."""
    return Page(HTTPStatus.NO_CONTENT, (("Cache-Control", "no-store"), *headers), b"")


def nothing() -> Page:
    """All is well, and there is nothing to see."""
    return Page(HTTPStatus.OK, _UNCACHED, b"")


def unauthorised(login_url: str, headers: Sequence[tuple[str, str]] = ()) -> Page:
    """Tell a program that a sign-in is needed, and where a person can do it. Starts nothing."""
    body = json.dumps({"error": "sign_in_required", "login_url": login_url}).encode()
    return Page(
        HTTPStatus.UNAUTHORIZED,
        (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            # RFC 9110, 15.5.2 wants a challenge. Browsers have no dialogue for this scheme.
            ("WWW-Authenticate", f'SAML login_url="{login_url}"'),
            *_UNCACHED[1:-1],
            *headers,
        ),
        body,
    )


def referred(page: Page, reference: str) -> Page:
    """The page with the reference in its headers, too."""
    return Page(page.status, (*page.headers, (REFERENCE_HEADER, reference)), page.body)


_UNCACHED = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Vary", "Cookie"),
    ("Content-Length", "0"),
)


def _only(text: str, name: str) -> str:
    if len(text) > _LONGEST_QUERY:
        return ""
    try:
        values = parse_qs(text, keep_blank_values=True, max_num_fields=32, errors="strict").get(name, [])
    except ValueError:
        return ""
    return values[0] if len(values) == 1 else ""
