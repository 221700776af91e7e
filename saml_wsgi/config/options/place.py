"""Where the application is, and who may see what of it."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.kinds import Choice, HeaderNames, Lines, Words
from saml_wsgi.config.urls import BaseUrl, Origins, Prefix
from saml_wsgi.model import FIELDS

_PATTERNS: Final = Lines(kind="list of patterns")

GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "The application's place",
        "All addresses that are ever shown or sent begin with `base_url`; none comes from a request's "
        "headers.",
        (
            Option(
                "base_url",
                BaseUrl(),
                None,
                "Where people reach the application, for example `https://wiki.example.com`; it may have a "
                "path. `http` only on the loopback.",
                required=True,
            ),
            Option("prefix", Prefix(), "/saml", "The path below `base_url` that our own endpoints are at."),
            Option(
                "public",
                _PATTERNS,
                (),
                "Paths that need no sign-in, one a line: `/healthz`, or `/static/*` for all below, with "
                "methods in front if need be: `GET,HEAD /feed`. A person who is signed in is known there, "
                "too.",
            ),
            Option(
                "api",
                _PATTERNS,
                (),
                "Paths that programs ask for, in the same form: without a session they get 401 and JSON, "
                "never a redirect.",
            ),
            Option(
                "challenge",
                Choice(("always", "on_401")),
                "always",
                "Who decides that a sign-in is needed: `always`, every path that isn't public needs one; "
                "`on_401`, the application does, by answering 401.",
            ),
            Option(
                "remote_user",
                Words(("id", *FIELDS)),
                ("username",),
                "What becomes `REMOTE_USER`: the first of these fields of the user that has a value.",
            ),
            Option(
                "scrub",
                HeaderNames(),
                (),
                "Further headers (`X-Employee`) or environ names that are removed from every request, beside "
                "those by which applications look for an identity.",
            ),
            Option(
                "cors.origins",
                Origins(),
                (),
                "Origins of other sites whose scripts may read our 401, for example "
                "`https://app.example.com`.",
            ),
        ),
    ),
)
