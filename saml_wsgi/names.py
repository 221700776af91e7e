"""When two names are the same name, and what can't be one: for usernames, addresses and look-ups."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point), beside controls and formats.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
#: Scripts of which each has letters that look like those of the others.
_LOOK_ALIKE: Final = ("LATIN", "GREEK", "CYRILLIC")


def key(name: str) -> str:
    """The form under which a name is compared and kept unique.

    Unicode compatibility forms are folded (NFKC) and letter case is ignored, so that ``Ada``, ``ADA``
    and full-width ``Ａｄａ`` can't be three people (UTS #39; RFC 8265, 3.3). Letters of different scripts
    that look alike stay different; see :func:`is_readable`. So do ``straße`` and ``strasse``: they are
    two people, and two domains.
    """
    if name.isascii():
        return name.lower()
    # Small letters can undo normalisation, so it is done on both sides. A final sigma is a sigma.
    small = unicodedata.normalize("NFKC", name).lower().replace("ς", "σ")
    return unicodedata.normalize("NFKC", small)


def composed(name: str) -> str:
    """The name in Unicode's compatibility form, in the letter case that it has: how a table is to keep it
    whose database can do no more than ignore letter case (RFC 8265, 3.3: width mapping, composition).
    """
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def shows_all(name: str) -> bool:
    """Whether each of its characters can be seen, as far as letters and marks go."""
    return name.isascii() or _UNSEEN.search(name) is None


def is_readable(name: str) -> bool:
    """Whether a person who reads the name knows which one it is.

    Nothing invisible, and no Latin, Greek and Cyrillic letters side by side: ``аdmin`` with a Cyrillic
    ``а`` is nobody's name (UTS #39, 5.2). A name that is wholly of one script stays what it is. Letters
    count as what they are compared as: a full-width or a bold ``d`` is a Latin one.
    """
    if name.isascii():
        return True
    letters = filter(str.isalpha, unicodedata.normalize("NFKC", name))
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in letters}
    return shows_all(name) and len(scripts.intersection(_LOOK_ALIKE)) <= 1
