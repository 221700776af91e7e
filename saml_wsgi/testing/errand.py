"""What a browser is told to do, and what it says of that in the headers of the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from saml_wsgi.testing.cookies import is_loopback, site

_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) saml_wsgi.testing"
_HTML: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(frozen=True, slots=True)
class Errand:
    """What the browser was told to do; enough to do it again.

    Attributes:
        initiator: The page that started it; None: the person typed the address.
        chain: The URLs before this one in a chain of redirects.
        mode: ``navigate`` for a page, else what ``fetch()`` was told.
        extra: Headers in place of the browser's own.
    """

    method: str
    url: str
    body: bytes = b""
    content_type: str = ""
    initiator: str | None = None
    chain: tuple[str, ...] = ()
    mode: str = "navigate"
    credentials: bool = True
    extra: Mapping[str, str] = field(default_factory=dict)


def headers(errand: Errand, cookie: str) -> list[tuple[str, str]]:
    """The headers of the errand's next request, with that ``Cookie``."""
    parts, home = urlsplit(errand.url), errand.initiator
    navigation = errand.mode == "navigate"
    headers = {
        "User-Agent": _AGENT,
        "Accept": _HTML if navigation else "*/*",
        "Accept-Language": "en",
        "Content-Type": errand.content_type,
        "Origin": _origin_header(errand),
        "Referer": _referrer(home, errand.url) if home else "",
    }
    if navigation:
        headers["Upgrade-Insecure-Requests"] = "1"
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        headers["Sec-Fetch-Site"] = _relation(errand)
        headers["Sec-Fetch-Mode"] = errand.mode
        headers["Sec-Fetch-Dest"] = "document" if navigation else "empty"
    headers["Cookie"] = cookie
    given = {name.lower() for name in errand.extra}
    own = [(name, value) for name, value in headers.items() if name.lower() not in given]
    return [(name, value) for name, value in [*own, *errand.extra.items()] if value]


def origin(url: str) -> str:
    """Scheme and host (and port) of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _origin_header(errand: Errand) -> str:
    """The Origin of a form or a script; ``null`` once another origin redirected to a third (Fetch §4.4)."""
    cors = errand.mode == "cors" and origin(errand.initiator or "") != origin(errand.url)
    if errand.method in ("GET", "HEAD") and not cors:
        return ""
    home = origin(errand.initiator or "")
    hops = pairwise((*errand.chain, errand.url))
    tainted = any(origin(here) != home and origin(here) != origin(there) for here, there in hops)
    return "null" if tainted or not errand.initiator else home


def _referrer(home: str, url: str) -> str:
    """``strict-origin-when-cross-origin``, what browsers do unless a page says otherwise."""
    if home.startswith("https:") and not url.startswith("https:"):
        return ""
    return home.partition("#")[0] if origin(home) == origin(url) else f"{origin(home)}/"


def _relation(errand: Errand) -> str:
    """Sec-Fetch-Site: the worst relation of the initiator to any URL of the chain (Fetch Metadata §2.2)."""
    home = errand.initiator
    if home is None:
        return "none"
    urls = (*errand.chain, errand.url)
    if any(site(home) != site(url) for url in urls):
        return "cross-site"
    same = all(origin(home) == origin(url) for url in urls)
    return "same-origin" if same else "same-site"
