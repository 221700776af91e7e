"""What happened: told to the log, and to whoever else observes."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any

from saml_wsgi.interfaces import Observer
from saml_wsgi.model import Event

logger = logging.getLogger("saml_wsgi.events")

#: 32 letters and digits, none of which looks like another.
_READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

_LEVELS = {"refused": logging.WARNING, "unavailable": logging.ERROR, "internal_error": logging.ERROR}


def reference() -> str:
    """A new reference: ten characters that a person can read out on the phone."""
    return "".join([_READABLE[byte & 31] for byte in secrets.token_bytes(10)])


class Events:
    """Passes each event to the log and to the observers; an observer that fails harms nobody."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = (log, *observers)

    def emit(
        self, name: str, /, *, code: str = "", reference: str = "", private: str = "", **fields: Any
    ) -> None:
        event = Event(name, code, reference, fields, private)
        for observer in self._observers:
            try:
                observer(event)
            except Exception:  # an observer is somebody else's code, and never worth a sign-in
                logger.exception("an observer failed on the event %s", name)


def log(event: Event) -> None:
    """Write the event as one line and as ``extra`` fields (``event``, ``code``, ``reference``, …).

    What came from outside is quoted, so that nobody can write lines of their own into the log.
    """
    shown = {"event": event.name, "code": event.code, "reference": event.reference, **event.fields}
    text = " ".join(f"{key}={_quote(value)}" for key, value in shown.items() if value != "")
    if event.private:
        text += f" detail={_quote(event.private)}"
    logger.log(
        _LEVELS.get(event.name, logging.INFO),
        "%s",
        text,
        extra={f"saml_{key}": value for key, value in shown.items()},
    )


def _quote(value: Any) -> str:
    text = str(value)
    if text.isascii() and text.isprintable() and " " not in text and '"' not in text:
        return text
    return ascii(text[:500])
