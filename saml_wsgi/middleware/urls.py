"""Where things are. Every URL comes from ``base_url``: none from Host, SCRIPT_NAME or X-Forwarded-*."""

from __future__ import annotations

from posixpath import normpath
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

#: Our own endpoints, below the prefix.
ENDPOINTS: Final = ("login", "acs", "resume", "logout", "metadata", "emergency")

_LONGEST_TARGET: Final = 2048
_PATH_CHARACTERS: Final = "/:@!$&'()*+,;=~"


class Site:
    """The wrapped application as browsers reach it.

    Args:
        base_url: Its absolute URL, with a path where it is mounted below one; no slash at the end.
        prefix: The path below ``base_url`` that is ours.
    """

    def __init__(self, base_url: str, prefix: str = "/saml") -> None:
        parts = urlsplit(base_url)
        self.base_url = base_url
        self.prefix = prefix
        self.path = parts.path
        self.host = parts.hostname or ""
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.secure = parts.scheme == "https"
        self._endpoints = {f"{prefix}/{name}": name for name in ENDPOINTS}
        self._below = prefix + "/"

    def url(self, endpoint: str) -> str:
        """The absolute URL of one of :data:`ENDPOINTS`."""
        return f"{self.base_url}{self.prefix}/{endpoint}"

    def owns(self, path: str) -> bool:
        """Whether a PATH_INFO is ours to answer."""
        return path.startswith(self._below) or path == self.prefix

    def endpoint(self, path: str) -> str | None:
        """Which endpoint a PATH_INFO names exactly, or None."""
        return self._endpoints.get(path)

    def target(self, environ: dict[str, Any]) -> str:
        """The page that a request asks for: path and query below ``base_url``, ready for a URL."""
        path = str(environ.get("PATH_INFO", "")) or "/"
        mounted = str(environ.get("SCRIPT_NAME", ""))
        if self.path and mounted.startswith(self.path + "/"):
            # Mounted deeper than base_url says, for example by a dispatcher between it and us.
            path = mounted[len(self.path) :] + path
        try:
            target = quote(path.encode("latin-1"), safe=_PATH_CHARACTERS)
        except UnicodeEncodeError:
            return "/"
        query = str(environ.get("QUERY_STRING", ""))
        if query and len(target) + len(query) < _LONGEST_TARGET and _is_plain(query):
            target += "?" + query
        return target if target.startswith("/") and len(target) <= _LONGEST_TARGET else "/"

    def safe_target(self, wanted: str) -> str:
        """A target that somebody handed us, if it can only be a page of this site; else ``/``.

        Accepted is a path that begins with exactly one slash, or an absolute URL below ``base_url``.
        """
        if wanted.startswith((self.base_url + "/", self.base_url + "?")):
            wanted = wanted[len(self.base_url) :]
            wanted = wanted if wanted.startswith("/") else "/" + wanted
        path = wanted.partition("#")[0]
        if (
            not path.startswith("/")
            or path.startswith("//")
            or "\\" in path
            or not _is_plain(path)
            or len(path) > _LONGEST_TARGET
            or self._leads_elsewhere(unquote(path.partition("?")[0]))
        ):
            return "/"
        return path

    def _leads_elsewhere(self, path: str) -> bool:
        """Whether it is an endpoint of ours, or above us, once somebody on the way resolved its dots."""
        segments = path.split("/")
        return ".." in segments or "." in segments or self.owns(normpath(path))

    def absolute(self, target: str) -> str:
        """The URL of a target. Its origin is ours whatever the target holds, since it begins with ``/``."""
        return self.base_url + (target if target.startswith("/") and _is_plain(target) else "/")


def _is_plain(text: str) -> bool:
    """Printable ASCII without a space: nothing that a header or a browser could read in another way."""
    return text.isascii() and text.isprintable() and " " not in text
