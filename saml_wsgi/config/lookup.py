"""Which option a key is, or was meant to be."""

from __future__ import annotations

import difflib
import re
from typing import Final

from saml_wsgi.config.options import TABLE

_RESOLVER_OPTION: Final = re.compile(r"resolver\.(?P<name>[^.]+)\.(?P<option>.+)", re.DOTALL)


def resolver_option(key: str) -> tuple[str, str] | None:
    """The name and the option of ``resolver.<name>.<option>``, or None if it is none."""
    found = _RESOLVER_OPTION.fullmatch(key)
    return (found["name"], found["option"]) if found else None


def is_known(key: str) -> bool:
    """Whether this is the name of an option."""
    return key in TABLE or resolver_option(key) is not None


def did_you_mean(key: str) -> str | None:
    """The option that was probably meant, or None."""
    wanted = re.sub(r"[^a-z0-9.]+", "_", key.lower()[:128])
    if wanted.startswith("resolvers.") and resolver_option(wanted.replace("resolvers.", "resolver.", 1)):
        return f"resolver.{key.partition('.')[2]}"
    if wanted in TABLE:
        return wanted
    spelled = {name.replace(".", "_"): name for name in TABLE}
    if name := spelled.get(wanted.replace(".", "_")):
        return name
    leaves = [name for name in TABLE if name.rpartition(".")[2] == wanted]
    if len(leaves) == 1:
        return leaves[0]
    near = difflib.get_close_matches(wanted, TABLE, n=1, cutoff=0.7)
    return near[0] if near else None
