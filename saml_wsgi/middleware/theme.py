"""The templates that pages are rendered from: an operator's folder in front of ours."""

from __future__ import annotations

import base64
import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from markupsafe import Markup

if TYPE_CHECKING:
    from saml_wsgi.middleware.pages import Page

#: What an operator's folder may hold in place of ours, one by one.
TEMPLATES: Final = (
    "base.html",
    "confirm_sign_out.html",
    "emergency.html",
    "post_form.html",
    "refused.html",
    "sign_in_again.html",
    "signed_out.html",
)
STYLE: Final = "style.css"

#: Sends the form. The method is taken from its prototype, since a field named ``submit`` would hide it.
_SCRIPT: Final = 'HTMLFormElement.prototype.submit.call(document.getElementById("to-idp"))'

_INLINE = re.compile(r"<(style|script)\b[^>]*>(.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """A page to try a template with.

    Attributes:
        make: Renders it; raises what the template raises.
        needed: What must be found on it, by what a person calls it.
    """

    template: str
    make: Callable[[], Page]
    needed: Mapping[str, str]


class Unusable(Exception):
    """A folder can't be used for templates at all."""

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(reason)
        self.cure = cure


class Theme:
    """One set of templates.

    Args:
        folder: Is searched first, ours afterwards. The originals are always to be had below
            ``saml_wsgi/``, so that a template can extend what it replaces.

    Templates are read once: a file that changes is seen at the next start, where it is checked.

    Raises:
        Unusable: The folder can't be read or replaces nothing, or its style can't be used.
    """

    def __init__(self, folder: str | None = None) -> None:
        ours = PackageLoader("saml_wsgi.middleware", "templates")
        self.folder = folder
        self._names = () if folder is None else _templates_in(folder)
        operators = [] if folder is None else [FileSystemLoader(folder)]
        loader = ChoiceLoader([*operators, ours, PrefixLoader({"saml_wsgi": ours})])
        self._environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        try:
            source, _, _ = loader.get_source(self._environment, STYLE)
        except (OSError, UnicodeError) as error:
            raise Unusable(f"{STYLE} can't be read: {error}.", "Write it in UTF-8.") from error
        # The browser's parser turns every line end into a line feed before it computes the hash.
        style = source.replace("\r\n", "\n").replace("\r", "\n")
        if "</style" in style.lower() or "<!--" in style or "\0" in style:
            raise Unusable(f"{STYLE} has text that can't stand in a style element.", "Write CSS alone.")
        self._style = Markup(style)  # noqa: S704 - a file of ours or the operator's, nobody else's
        self._script = Markup(_SCRIPT)  # noqa: S704 - a constant
        self.style_source = _source(style)
        self.script_source = _source(_SCRIPT)

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        """The page as text. Raises whatever a template can raise."""
        shared = {"style": self._style, "script": self._script}
        return self._environment.get_template(template).render({**shared, **values})

    def faults(self, samples: Iterable[Sample]) -> list[str]:
        """What is wrong with the operator's templates, each thing once."""
        found: dict[str, None] = {}
        for name in self._names:
            if name != STYLE:
                try:
                    self._environment.get_template(name)
                except Exception as error:  # noqa: BLE001 - somebody else's template: anything, reported
                    found[self._explain(error)] = None
        for sample in samples:
            try:
                html = sample.make().body.decode()
            except Exception as error:  # noqa: BLE001 - likewise
                found[self._explain(error)] = None
                continue
            for name, text in sample.needed.items():
                if text not in html:
                    found[f"{sample.template} doesn't show what it must: {name}"] = None
            for kind, content in _INLINE.findall(html):
                if content not in (self._style, self._script):
                    found[f"{sample.template} has a {kind} element that browsers will refuse"] = None
        return list(found)

    def _explain(self, error: Exception) -> str:
        """What is wrong, with the file and the line where they are the operator's."""
        if isinstance(error, TemplateSyntaxError):
            return f"{error.name or 'a template'}, line {error.lineno}: {error.message}"
        place = ""
        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename)
            if self.folder is not None and path.is_relative_to(self.folder):
                place = f"{path.name}, line {frame.lineno}: "
        return f"{place}{type(error).__name__}: {error}"


def _templates_in(folder: str) -> tuple[str, ...]:
    try:
        names = {entry.name for entry in Path(folder).iterdir() if entry.is_file()}
    except OSError as error:
        raise Unusable(
            f"{folder!r} can't be read as a folder: {error.strerror}.", "Name a folder."
        ) from error
    if not names & {*TEMPLATES, STYLE}:
        raise Unusable(
            f"Nothing in {folder!r} replaces a page.", f"Names that do: {', '.join((*TEMPLATES, STYLE))}."
        )
    return tuple(sorted(name for name in names if name == STYLE or name.endswith(".html")))


def _source(text: str) -> str:
    """The CSP source that allows exactly this inline text (CSP Level 3, section 2.3.1)."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
