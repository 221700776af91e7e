"""What is kept elsewhere, and what must not be shown: ``env:NAME``, ``file:PATH``, and secrets.

Any option that is marked secret may hold a reference instead of the value.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, SupportsIndex

from saml_wsgi.config.convert import NO_INLINE_COMMENTS, Place, Unfit, has_comment, items
from saml_wsgi.config.files import named_file
from saml_wsgi.config.strength import GENERATE, check_strength

_REFERENCE: Final = re.compile(r"(?:env|file):", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secret:
    """Text that doesn't print itself: not in a log, not in a traceback, not pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it where it is used, and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self._text), _encoded(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret is not to be pickled")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def dereference(text: str, here: str | None) -> str:
    """The secret that the text refers to, or the text itself.

    Raises:
        Unfit: The variable isn't set, the file can't be read, or a reference isn't in lower case.
    """
    if text.startswith("env:"):
        return _variable(text.removeprefix("env:").strip())
    if text.startswith("file:"):
        return named_file(text, here).read().rstrip("\r\n")
    if found := _REFERENCE.match(text):
        kind = found.group()
        raise Unfit(f"it begins with {kind}, and references are in lower case.", f"Write {kind.lower()}…")
    return text


def _variable(name: str) -> str:
    if has_comment(name):
        raise Unfit("there is a comment behind it.", NO_INLINE_COMMENTS)
    if not _NAME.fullmatch(name):
        # Not shown: whoever wrote a secret behind env: would find it in a log.
        raise Unfit("what follows env: can't be the name of an environment variable.", "Write env:NAME.")
    value = os.environ.get(name)
    if value is None:
        raise Unfit(f"the environment variable {name} isn't set.", "Set it for the process of the server.")
    if not value.strip():
        raise Unfit(f"the environment variable {name} is empty.", "Set it for the process of the server.")
    return value.rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that signs. Arrives dereferenced."""

    kind: str = "`env:NAME`, `file:PATH` or at least 32 characters"

    def __call__(self, value: object, place: Place, /) -> Secret:
        return _signing_secret(value, place)


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """Earlier secrets, newest first."""

    kind: str = "list of `env:NAME`, `file:PATH` or secrets"

    def __call__(self, value: object, place: Place, /) -> tuple[Secret, ...]:
        if isinstance(value, list | tuple):
            entries: list[object] = list(value)
        elif isinstance(value, Secret):
            entries = [value]
        else:
            entries = list(items(value))
        if len(entries) > 16:
            raise Unfit(
                f"it is a list of {len(entries)} secrets.", "At most 16 are possible; drop the oldest."
            )
        return tuple(_signing_secret(entry, place) for entry in entries)


def _signing_secret(value: object, place: Place) -> Secret:
    content = secret_text(value, place)
    check_strength(content)
    return Secret(content)


def secret_text(value: object, place: Place) -> str:
    """The text of a secret option: a Secret, a reference or a literal.

    Raises:
        Unfit: It is no text, or the reference leads nowhere.
    """
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise Unfit(f"it is of the type {type(value).__name__}, not text.", "Write text.")
    content = dereference(value.strip(), place.here)
    try:
        content.encode()
    except UnicodeEncodeError:
        raise Unfit("it isn't valid Unicode text.", GENERATE) from None
    if "\x00" in content:
        raise Unfit("it has a NUL character.", "Is it the right secret?")
    return content


_SECRET_LEAF: Final = re.compile(r"password|secret|private_key")
_URL_WITH_PASSWORD: Final = re.compile(r"://[^/@]*:[^@]*@")


def literals(options: Mapping[str, object]) -> tuple[str, ...]:
    """The keys whose value holds a secret as such, so that whoever can read it has the secret."""
    return tuple(key for key, value in options.items() if isinstance(value, str) and _is_literal(key, value))


def _is_literal(key: str, value: str) -> bool:
    if key in {"store.url", "directory.url"}:
        return _URL_WITH_PASSWORD.search(value) is not None
    entries = [entry.strip() for entry in value.splitlines() if entry.strip()]
    is_secret = _SECRET_LEAF.search(key.rpartition(".")[2]) is not None
    return is_secret and not all(_REFERENCE.match(entry) for entry in entries)
