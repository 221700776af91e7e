"""Short-lived state that the processes of one application share: sessions, used assertions."""

from __future__ import annotations

from typing import Final

#: The longest key or tag.
LONGEST: Final = 200


def check(*names: str, ttl: int = 1) -> None:
    """Hold the caller to the contract of keys, tags and ttl, in every store alike.

    Raises:
        ValueError: A name is too long or isn't printable ASCII, or the ttl isn't positive.
    """
    for name in names:
        if len(name) > LONGEST or not name.isascii() or not name.isprintable():
            raise ValueError(f"a key or tag must be at most {LONGEST} printable ASCII characters")
    if ttl < 1:
        raise ValueError("a ttl must be at least one second")
