"""Who is let through, and who is asked to sign in: what kind of request is this?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from saml_wsgi.errors import Problems
from saml_wsgi.middleware.environ import path

_METHODS: Final = re.compile(r"[A-Z]+(?:,[A-Z]+)*\Z")
#: What proxies, servers and frameworks read in different ways. A path with one is never public.
_TOKENS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?: *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*\Z")
_UNSAFE: Final = re.compile(r"//|/\.{1,2}(?:/|\Z)|[;\\%\x00-\x1f\x7f]")


class Visitor(Enum):
    """What an anonymous request can be answered with.

    PERSON: a browser loads a page: it can be sent away to sign in.
    FORM: a person sends something: being sent away would lose it.
    PROGRAM: a script, an image, a frame, a prefetch: only a status helps, and nothing is started.
    """

    PERSON = "person"
    FORM = "form"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of ``public`` or ``api``: ``[GET,HEAD ]/exact`` or ``[METHODS ]/below/*``."""

    methods: frozenset[str]
    path: str
    below: bool

    def __str__(self) -> str:
        path = f"{self.path}*" if self.below else self.path
        return f"{','.join(sorted(self.methods))} {path}".lstrip()

    def matches(self, method: str, path: str) -> bool:
        if self.methods and method not in self.methods:
            return False
        if self.below:
            return path.startswith(self.path) or path == self.path[:-1]
        return path == self.path


def read_patterns(lines: Iterable[str], key: str, problems: Problems) -> tuple[Pattern, ...]:
    """The patterns of an option; what can't be read is reported under its key."""
    found = []
    for line in lines:
        words = line.split()
        methods = words[0] if len(words) == 2 else ""
        path = words[-1] if words else ""
        if len(words) not in {1, 2} or not path.startswith("/") or (methods and not _METHODS.match(methods)):
            problems.add(
                key,
                f"{line!r} is not a pattern.",
                "Write /exact, /below/* or GET,HEAD /path, one a line.",
            )
            continue
        below = path.endswith("/*")
        path = path[:-1] if below else path
        if set("*?#") & set(path) or _UNSAFE.search(path):
            problems.add(
                key,
                f"{line!r} can't be matched safely.",
                "Use plain paths; an asterisk only as the last character, after a slash.",
            )
            continue
        allowed = frozenset(methods.split(",")) if methods else frozenset[str]()
        if "GET" in allowed:
            allowed |= {"HEAD"}
        found.append(Pattern(allowed, path, below))
    return tuple(found)


class Policy:
    """Decides by the request alone.

    Args:
        public: Let through without a sign-in.
        api: Never a person's navigation, whatever it looks like.
        cors_origins: Scripts of these origins may read our 401, and their preflights are answered.
        on_401: ``challenge = on_401``: the application itself says when a sign-in is needed.
    """

    def __init__(
        self,
        *,
        public: tuple[Pattern, ...] = (),
        api: tuple[Pattern, ...] = (),
        cors_origins: tuple[str, ...] = (),
        on_401: bool = False,
    ) -> None:
        self._public = public
        self._api = api
        self._cors_origins = frozenset(cors_origins)
        self.on_401 = on_401

    def is_public(self, environ: dict[str, Any]) -> bool:
        """Whether the request passes without a sign-in."""
        return self._matching(self._public, environ) is not None

    def public_by(self, environ: dict[str, Any]) -> Pattern | None:
        """The line of ``public`` that lets the request pass."""
        return self._matching(self._public, environ)

    def api_by(self, environ: dict[str, Any]) -> Pattern | None:
        """The line of ``api`` that the request matches."""
        return self._matching(self._api, environ)

    def preflight(self, environ: dict[str, Any]) -> list[tuple[str, str]] | None:
        """The answer to a CORS preflight from a configured origin, or None if it isn't one.

        Browsers send preflights without cookies (Fetch, 3.2.2). The application never sees them: one that
        doesn't look at the method would hand out a page to nobody in particular.
        """
        method = str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", ""))
        if environ.get("REQUEST_METHOD") != "OPTIONS" or not _TOKENS.match(method):
            return None
        if environ.get("HTTP_ORIGIN") not in self._cors_origins:
            return None
        wanted = str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        allowed = [("Access-Control-Allow-Headers", wanted)] if _TOKENS.match(wanted) else []
        return [
            *self.cors_headers(environ),
            ("Access-Control-Allow-Methods", method),
            *allowed,
            ("Access-Control-Max-Age", "600"),
        ]

    def visitor(self, environ: dict[str, Any]) -> Visitor:
        """Who is asking. Every current browser says so (Fetch Metadata); for the others we guess."""
        return Visitor.PROGRAM if self._matching(self._api, environ) else visitor(environ)

    def cors_headers(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        """What lets a script of a configured origin read the answer."""
        if not self._cors_origins:
            return []
        origin = environ.get("HTTP_ORIGIN")
        if origin not in self._cors_origins:
            return [("Vary", "Origin")]
        return [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", str(origin)),
            ("Access-Control-Allow-Credentials", "true"),
        ]

    def _matching(self, patterns: tuple[Pattern, ...], environ: dict[str, Any]) -> Pattern | None:
        if not patterns:
            return None
        wanted = path(environ)
        if wanted is None or is_unsafe(wanted):
            return None
        method = str(environ.get("REQUEST_METHOD", ""))
        return next((pattern for pattern in patterns if pattern.matches(method, wanted)), None)


def is_unsafe(path: str) -> bool:
    """Whether others may read the path in another way; such a one is never public."""
    return _UNSAFE.search(path) is not None


def visitor(environ: dict[str, Any]) -> Visitor:
    """Person, form or program, by the request's headers."""
    method = environ.get("REQUEST_METHOD")
    # Purpose and X-Moz are what older browsers send for Sec-Purpose.
    purpose = f"{environ.get('HTTP_SEC_PURPOSE', '')} {environ.get('HTTP_PURPOSE', '')}"
    if "prefetch" in purpose or "preview" in purpose or environ.get("HTTP_X_MOZ") == "prefetch":
        return Visitor.PROGRAM
    if environ.get("HTTP_X_REQUESTED_WITH") or environ.get("HTTP_UPGRADE", "").lower() == "websocket":
        return Visitor.PROGRAM
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    if mode is not None:
        person = mode == "navigate" and environ.get("HTTP_SEC_FETCH_DEST", "document") == "document"
    else:
        person = "text/html" in environ.get("HTTP_ACCEPT", "")
    if not person:
        return Visitor.PROGRAM
    return Visitor.PERSON if method in {"GET", "HEAD"} else Visitor.FORM
