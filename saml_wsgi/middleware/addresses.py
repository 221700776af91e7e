"""Addresses on our pages: which of them a browser may be sent to, and what a policy has to say of them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


def link(url: str) -> str:
    """The URL if a browser may be sent there by it (http, https, or a path of this site), else ``""``."""
    # Browsers drop or mend white space, control characters and backslashes before they look for a scheme.
    if not url.isprintable() or " " in url or "\\" in url:
        return ""
    if url.startswith("/") and not url.startswith("//"):
        return url
    return url if schemes(url) else ""


def schemes(url: str) -> str:
    """The CSP sources for everything with the URL's scheme, or ``""`` if it is no http(s) URL."""
    if not url.isprintable() or " " in url or "\\" in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return {"https": "https:", "http": "http: https:"}.get(parts.scheme, "") if parts.hostname else ""


def source(url: str) -> str:
    """The CSP source for the URL's origin; where CSP has no syntax for it (IPv6, IDN), its scheme."""
    whole = schemes(url)
    parts = urlsplit(url) if whole else None
    return f"{parts.scheme}://{parts.netloc}" if parts and _PLAIN_HOST.fullmatch(parts.netloc) else whole


def host(url: str) -> str:
    """The host of an http(s) URL, or ``""``."""
    return (urlsplit(url).hostname or "") if schemes(url) else ""
