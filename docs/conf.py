"""How Sphinx builds the documentation: ``sphinx-build -n -W -b html docs docs/_build/html``."""

from __future__ import annotations

import importlib.metadata
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from saml_wsgi.config import reference
from saml_wsgi.errors import CODES
from saml_wsgi.middleware.environ import FORGEABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

ROOT: Final = Path(__file__).parent.parent

project = "saml_wsgi"
author = "the authors of saml_wsgi"
copyright = author
release = version = importlib.metadata.version("saml_wsgi")
language = "en_GB"

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "saml_wsgi"
html_copy_source = False
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}

myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"


def codes() -> str:
    """Two tables of all codes: those that people see, and those that only the log has."""
    shown = [
        f"| `{slug}` | {code.status} | {code.text} | {code.advice} |" for slug, code in _codes(shown=True)
    ]
    private = [f"| `{slug}` | {code.status} | {code.text} |" for slug, code in _codes(shown=False)]
    return "\n".join(
        [
            "### Codes that people see\n",
            "| code | status | what the page says | and advises |\n|---|---|---|---|",
            *shown,
            "\n### Codes that only the log has\n",
            "What is wrong with a message that nobody vouched for is the operator's business. People see",
            "`response_refused` and the reference; the log line with that reference has one of these.\n",
            "| code | status | meaning |\n|---|---|---|",
            *private,
        ]
    )


def _codes(*, shown: bool) -> list[tuple[str, Any]]:
    return [(slug, code) for slug, code in CODES.items() if code.shown is shown]


def forgeable() -> str:
    """What is removed from every request, as a list."""
    return "\n".join(f"- `{name}`" for name in sorted(FORGEABLE))


def beside_the_code(name: str) -> str:
    """A page that lives beside the code, with its links as they are from here."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
    for other in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = text.replace(f"]({other})", f"]({other.lower()})")
    return text


#: What stands in a page as ``<!-- generated: NAME -->`` is written by the code that it describes.
GENERATED: Final[dict[str, Callable[[], str]]] = {
    "options": reference.markdown,
    "codes": codes,
    "forgeable": forgeable,
    **{name: partial(beside_the_code, name) for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")},
}


def write_generated(app: Sphinx, docname: str, source: list[str]) -> None:
    """Fill in the generated parts of a page while Sphinx reads it."""
    del app, docname
    for name, write in GENERATED.items():
        source[0] = source[0].replace(f"<!-- generated: {name} -->", write())


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", write_generated)
