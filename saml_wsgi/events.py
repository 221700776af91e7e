"""What happened: told to the log, and to whoever else observes.

The reference of the attempt that is under way is known to everything that runs in it
(:func:`current_reference`), and stands in every line that one of our loggers writes meanwhile.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Any, Final

from saml_wsgi.interfaces import Observer
from saml_wsgi.model import Event

#: 32 letters and digits, none of which looks like another.
_READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

_FAILURES = {"refused": logging.WARNING, "unavailable": logging.ERROR, "internal_error": logging.ERROR}
#: A way in past the identity provider is worth a look each time.
_LEVELS = {**_FAILURES, "emergency_sign_in": logging.WARNING}
#: How many refusals a process remembers, and how much of each one's detail.
_REMEMBERED: Final = 200
_LONGEST: Final = 500

_current: Final[ContextVar[str]] = ContextVar("saml_wsgi_reference", default="")


def reference() -> str:
    """A new reference: ten characters that a person can read out on the phone."""
    return "".join([_READABLE[byte & 31] for byte in secrets.token_bytes(10)])


def current_reference() -> str:
    """The reference of the sign-in that is under way, or ``""``.

    It stands on the person's page, in the header ``Saml-Wsgi-Reference``, in the sign-in record, and in
    our log lines. A resolver that logs it makes its own lines findable, too.
    """
    return _current.get()


class UnderReference:
    """``with UnderReference(reference): …``: what is logged meanwhile carries it."""

    __slots__ = ("_reference", "_token")

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def __enter__(self) -> None:
        self._token: Token[str] = _current.set(self._reference)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class _Referring(logging.Filter):
    """Adds the reference to a record that doesn't have it, as ``saml_reference`` and at the line's end."""

    def filter(self, record: logging.LogRecord) -> bool:
        current = _current.get()
        if current and not hasattr(record, "saml_reference"):
            record.saml_reference = current
            if isinstance(record.args, tuple) and record.args:
                # The message stays a template: what groups lines by it goes on doing so.
                record.msg, record.args = f"{record.msg} reference=%s", (*record.args, current)
            else:
                record.msg = f"{record.msg} reference={current}"
        return True


_referring: Final = _Referring()


def our_logger(name: str) -> logging.Logger:
    """The logger of that name; its lines carry the reference of the attempt that is under way.

    A filter of the logger ``saml_wsgi`` wouldn't see what is logged below it, so each one has it.
    """
    found = logging.getLogger(name)
    found.addFilter(_referring)
    return found


logger = our_logger("saml_wsgi.events")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A refusal that this process remembers.

    Attributes:
        at: When, in seconds since the epoch.
        event: What; its ``private`` is cut to 500 characters.
    """

    at: float
    event: Event


class Events:
    """Passes each event to the log and to the observers; an observer that fails harms nobody."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = (log, *observers)
        self._recent: deque[Remembered] = deque(maxlen=_REMEMBERED)

    def emit(
        self, name: str, /, *, code: str = "", reference: str = "", private: str = "", **fields: Any
    ) -> None:
        event = Event(name, code, reference, fields, private)
        if name in _FAILURES:
            # Of what anybody may send, only so much stays in memory.
            kept = replace(event, private=private[:_LONGEST])
            self._recent.append(Remembered(time.time(), kept))
        for observer in self._observers:
            try:
                observer(event)
            except Exception:  # an observer is somebody else's code, and never worth a sign-in
                logger.exception("an observer failed on the event %s", name)

    def recent(self) -> tuple[Remembered, ...]:
        """The last 200 refusals and failures that this process saw, newest first.

        A message that couldn't be verified leaves no sign-in record, since anybody can send one: this,
        and its line in the log, is where its reference is found.
        """
        # A deque that another thread appends to can be copied, but not iterated.
        return tuple(reversed(self._recent.copy()))


def log(event: Event) -> None:
    """Write the event as one line and as ``extra`` fields (``event``, ``code``, ``reference``, …).

    What came from outside is quoted, so that nobody can write lines of their own into the log.
    """
    level = _LEVELS.get(event.name, logging.INFO)
    if not logger.isEnabledFor(level):
        return
    named = event.reference or _current.get()
    shown = {"event": event.name, "code": event.code, "reference": named, **event.fields}
    text = " ".join(f"{key}={_quote(value)}" for key, value in shown.items() if value != "")
    if event.private:
        text += f" detail={_quote(event.private)}"
    logger.log(
        level,
        "%s",
        text,
        extra={f"saml_{key}": value for key, value in shown.items()},
    )


def _quote(value: Any) -> str:
    text = str(value)
    if text.isascii() and text.isprintable() and " " not in text and '"' not in text:
        return text
    return ascii(text[:500])
