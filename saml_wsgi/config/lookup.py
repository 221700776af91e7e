"""Which option a key is, or was meant to be."""

from __future__ import annotations

import difflib
import re
from typing import Final

from saml_wsgi.config.options import TABLE
from saml_wsgi.config.options.storage import COLUMNS

_PLUGIN_OPTION: Final = re.compile(
    r"(?P<kind>resolver|source)\.(?P<name>[^.]+)\.(?P<option>.+)"
    r"|(?P<directory>directory)\.option\.(?P<own>.+)",
    re.DOTALL,
)
#: What people write for the first word of an option whose names are open.
_PLURALS: Final = re.compile(r"resolvers?\.|sources?\.|director(?:y|ies)\.options?\.")


def plugin_option(key: str) -> tuple[str, str, str] | None:
    """An option of a plug-in: its kind, its name, and the option; None if it is none.

    ``resolver.<name>.<option>``, ``source.<name>.<option>``, or ``directory.option.<option>``, whose name
    is ``""``.
    """
    found = _PLUGIN_OPTION.fullmatch(key)
    if found is None:
        return None
    if found["directory"]:
        return "directory", "", found["own"]
    return found["kind"], found["name"], found["option"]


def is_known(key: str) -> bool:
    """Whether this is the name of an option."""
    return key in TABLE or plugin_option(key) is not None


def did_you_mean(key: str) -> str | None:
    """The option that was probably meant, or None."""
    wanted = re.sub(r"[^a-z0-9.]+", "_", key.lower()[:128])
    if found := _PLURALS.match(wanted):
        first = found.group().replace("ies", "y").replace("s.", ".")
        meant = f"{first}{key[found.end() :]}"
        if plugin_option(meant) and meant != key:
            return meant
    if wanted in TABLE:
        return wanted
    spelled = {name.replace(".", "_"): name for name in TABLE}
    if name := spelled.get(wanted.replace(".", "_")):
        return name
    *front, last = wanted.split(".")
    if front[:1] in (["jit"], ["existing"]):
        return f"resolver.{key}"
    if front == ["directory", "columns"]:
        # What it has in common with all others says nothing.
        near = difflib.get_close_matches(last, COLUMNS, n=1)
        return f"directory.columns.{near[0]}" if near else None
    if (turned := ".".join((last, *front))) in TABLE:
        return turned
    leaves = [name for name in TABLE if name.rpartition(".")[2] == wanted]
    if len(leaves) == 1:
        return leaves[0]
    near = difflib.get_close_matches(wanted, TABLE, n=1, cutoff=0.7)
    return near[0] if near else None
