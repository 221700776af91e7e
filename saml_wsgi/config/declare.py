"""How an option is declared, and how it is told on the reference page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from saml_wsgi.config.convert import Converter
from saml_wsgi.config.kinds import Duration, Size, duration_text, size_text


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        key: As an operator writes it; also the path of the attribute in the settings.
        convert: Makes the typed value.
        default: The typed value where nothing is written; durations in seconds, sizes in bytes.
        help: What it decides, in Markdown, one sentence or a few.
        without: What holds where nothing is written, in words, if the default alone doesn't tell.
        secret: Whether it may be a reference (``env:``, ``file:``) and is never shown.
        required: Whether it must be written.
        family: The name under which the reference page tells once of it and of others that differ in one
            word: ``attributes.<field>.lower``.
    """

    key: str
    convert: Converter
    default: Any
    help: str
    without: str = ""
    secret: bool = False
    required: bool = False
    family: str = ""

    @property
    def default_text(self) -> str:
        """The default as one would write it, or in words."""
        if self.without:
            return self.without
        if isinstance(self.convert, Duration) and self.default is not None:
            return f"`{duration_text(self.default)}`"
        if isinstance(self.convert, Size):
            return f"`{size_text(self.default)}`"
        if isinstance(self.default, bool):
            return "`yes`" if self.default else "`no`"
        if isinstance(self.default, tuple):
            return " ".join(f"`{entry}`" for entry in self.default) or "none"
        return f"`{self.default}`" if self.default is not None else "none"


@dataclass(frozen=True, slots=True)
class Group:
    """Options that belong together on the reference page.

    Attributes:
        open: Rows of the page for options whose names somebody else decides: key, value, default, meaning.
    """

    title: str
    text: str
    options: tuple[Option, ...]
    open: tuple[tuple[str, str, str, str], ...] = ()
