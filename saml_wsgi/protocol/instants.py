"""Times as SAML writes them (SAML 2.0 Core, 1.3.3): xs:dateTime in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)


#: The beginning of the year 9999.
_END: Final = 253_370_764_800


def read(text: str) -> float | None:
    """Seconds since the epoch, or None if the text isn't an instant with a time zone."""
    match = _INSTANT.match(text.strip(" \t\r\n"))
    if not match:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
        seconds = moment.timestamp() + (float(f"0.{match[2]}") if match[2] else 0.0)
    except (ValueError, OverflowError):
        return None
    # What can't be written again is no time that anybody means.
    return seconds if 0 <= seconds < _END else None


def write(seconds: float) -> str:
    """The instant, to the second."""
    return _written(int(seconds))


@lru_cache(maxsize=16)
def _written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
