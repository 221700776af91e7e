"""When two names are the same name: one rule for usernames, e-mail addresses and look-ups."""

from __future__ import annotations

import unicodedata


def key(name: str) -> str:
    """The form under which a name is compared and kept unique.

    Unicode compatibility forms are folded (NFKC) and letter case is ignored, so that ``Ada``, ``ADA``
    and full-width ``Ａｄａ`` can't be three people (UTS #39, RFC 8265 for the reasons). Letters of
    different scripts that look alike stay different.
    """
    # Case folding can undo normalisation, so it is done on both sides (Unicode 3.13, D146).
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
