"""Whether a secret can have been drawn at random; no proof that it was."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Final

from saml_wsgi.config.convert import Unfit

SHORTEST_SECRET: Final = 32
_LONGEST_SECRET: Final = 1024
_FEWEST_CHARACTERS: Final = 8
GENERATE: Final = (
    "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))' and keep it outside of the "
    "ini file, as env:NAME or file:PATH."
)

#: What examples and templates are full of, compared without letter case and punctuation.
_SAMPLES: Final = re.compile(
    r"change\s*(me|this|it)|replace\s*(me|this|it)|your\s*secret|my\s*secret|secret\s*(key|here|value)|not\s*secret|"
    r"so\s*secret|s3cr3t|top\s*secret|please\s*change|insert|example|placeholder|x{8}|password|passw0rd|"
    r"qwerty|letmein|correct\s*horse|battery\s*staple|deadbeef|default"
)
#: Rows and columns of keyboards, English, German and French.
_ROWS: Final = (
    *("1234567890", "!@#$%^&*()", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopü", "asdfghjklöä"),
    *("yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"),
)
_KEYS: Final = "\n".join([*_ROWS, *(row[::-1] for row in _ROWS)])
#: How long a piece must be to count as typed along a row, or as said before.
_PIECE: Final = 4
#: The commonest, of which a digest looks random.
_COMMONEST: Final = (
    *(
        "",
        "123456",
        "123456789",
        "12345678",
        "12345",
        "1234",
        "1234567890",
        "password",
        "password1",
        "qwerty",
    ),
    *("qwerty123", "abc123", "111111", "123123", "1q2w3e", "admin", "secret", "changeme", "letmein", "test"),
)
_DIGESTS: Final = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


def check_strength(secret: str) -> None:
    """Refuse what nobody drew at random.

    Raises:
        Unfit: Too short, an example, a common password's digest, or one pattern over and over. The secret is
            never shown.
    """
    if len(secret) < SHORTEST_SECRET:
        raise Unfit(f"it is shorter than {SHORTEST_SECRET} characters.", GENERATE)
    if len(secret) > _LONGEST_SECRET:
        raise Unfit(f"it is longer than {_LONGEST_SECRET} characters.", GENERATE)
    if secret[0] in "<{[" and secret[-1] in ">}]":
        raise Unfit("it looks like a placeholder.", GENERATE)
    spaced = re.sub(r"[\W_]+", " ", secret.lower())
    # Long enough words that random text doesn't hold one by accident.
    if _SAMPLES.search(spaced):
        raise Unfit("it looks like an example from documentation.", GENERATE)
    if len(set(secret)) < _FEWEST_CHARACTERS:
        raise Unfit(f"it is made of fewer than {_FEWEST_CHARACTERS} different characters.", GENERATE)
    if _repeats(secret):
        raise Unfit("it is one pattern over and over.", GENERATE)
    if _is_sequence(secret):
        raise Unfit("it is a sequence of neighbouring characters.", GENERATE)
    if _is_typed_along_rows(secret):
        raise Unfit("it is typed along the rows of a keyboard.", GENERATE)
    if _is_digest(secret):
        raise Unfit("it is the digest of one of the commonest passwords.", GENERATE)


def _pieces(secret: str) -> list[str]:
    return [secret[start : start + _PIECE] for start in range(len(secret) - _PIECE + 1)]


def _repeats(secret: str) -> bool:
    """Whether it is a period over and over, or a third of it was said before (of random text: nothing)."""
    if any(secret[period:] == secret[:-period] for period in range(1, len(secret) // 2 + 1)):
        return True
    pieces = _pieces(secret.lower())
    return len(set(pieces)) * 3 < len(pieces) * 2


def _is_sequence(secret: str) -> bool:
    steps = [abs(ord(after) - ord(before)) for before, after in itertools.pairwise(secret)]
    return sum(step <= 1 for step in steps) > len(steps) // 2


def _is_typed_along_rows(secret: str) -> bool:
    typed: set[int] = set()
    for start, piece in enumerate(_pieces(secret.lower())):
        if piece in _KEYS:
            typed.update(range(start, start + _PIECE))
    return len(typed) * 2 > len(secret)


def _is_digest(secret: str) -> bool:
    algorithm = _DIGESTS.get(len(secret))
    if algorithm is None or not re.fullmatch(r"[0-9a-fA-F]+", secret):
        return False
    digests = {
        hashlib.new(algorithm, password.encode(), usedforsecurity=False).hexdigest()
        for password in _COMMONEST
    }
    return secret.lower() in digests
