"""What is wrong between the synchronisation and the rest: sources, resolvers, the directory."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from saml_wsgi.config.convert import shown
from saml_wsgi.config.kinds import duration_text
from saml_wsgi.config.plugged import Plugged
from saml_wsgi.errors import Problems

#: What every source is whose people can be copied, as far as we know. Others show it when they are made.
_LDAP: Final = "ldap"
#: Of the resolvers that we know, those that never let in whom a synchronisation brought.
_OWN_ONLY: Final = frozenset({"jit"})

GUIDE: Final = "An application that synchronises by itself"


def elsewhere(use: str) -> tuple[str, str]:
    """Why users of a directory that isn't ``sql`` can't be synchronised, and what to do."""
    whose = "a table of the application's own" if use == "table" else "a directory from elsewhere"
    cure = (
        "Who fills that place is the application's business: resolvers = existing finds users there (see the "
        f"guide: {GUIDE}). Or leave directory.use and directory.table away."
    )
    return f"users are kept in {whose}, and only tables of ours are synchronised.", cure


def synchronised(chosen: str | None, sources: Sequence[Plugged]) -> str | None:
    """The source whose people are copied, as far as a configuration alone tells it."""
    if chosen is not None:
        return chosen
    readable = [source.name for source in sources if source.use == _LDAP]
    return readable[0] if len(readable) == 1 else None


def check(
    given: Mapping[str, object],
    values: Mapping[str, Any],
    resolvers: Sequence[Plugged],
    sources: Sequence[Plugged],
    problems: Problems,
) -> None:
    """Note every contradiction.

    Args:
        given: What was written, by key.
        values: What could be read, and defaults; what couldn't is absent.
    """
    written = [key for key in given if key.startswith("sync.")]
    if not written:
        return  # whether anything is to be synchronised isn't known
    _check_source(written, values, sources, problems)
    _check_directory(written, given, values, problems)
    _check_times(given, values, problems)
    if resolvers and all(resolver.use in _OWN_ONLY for resolver in resolvers):
        problems.warn(
            "resolvers",
            "jit turns away users whom a synchronisation brought (managed_elsewhere), and no other resolver "
            "is asked.",
            "Write resolvers = ldap; or existing.",
        )


def _check_source(
    written: Sequence[str], values: Mapping[str, Any], sources: Sequence[Plugged], problems: Problems
) -> None:
    if "sync.source" not in values:
        return  # what was meant isn't known
    chosen, names = values["sync.source"], [source.name for source in sources]
    if chosen is None and not sources:
        cure = "Write source.NAME.use = ldap and its options, or remove it."
        problems.warn(written[0], "it does nothing: there is no source whose people could be copied.", cure)
    elif chosen is None and synchronised(None, sources) is None and _several(sources):
        cure = f"Write sync.source = NAME. There are: {', '.join(names)}."
        problems.add("sync.source", "it is required where there are several sources.", cure)
    elif chosen is not None and chosen not in names:
        near = difflib.get_close_matches(chosen, names, n=1)
        cure = f"Did you mean {near[0]}?" if near else f"Write source.{chosen}.use = ldap and its options."
        problems.add("sync.source", f"there is no source {shown(chosen)}.", cure)


def _several(sources: Sequence[Plugged]) -> bool:
    return sum(source.use == _LDAP for source in sources) > 1


def _check_directory(
    written: Sequence[str], given: Mapping[str, object], values: Mapping[str, Any], problems: Problems
) -> None:
    if "directory.use" not in values:
        return  # what was meant isn't known
    use = values["directory.use"] or ("table" if "directory.table" in given else "sql")
    if use == "sql":
        return
    problems.warn(written[0], *elsewhere(use))


def _check_times(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    every = values.get("sync.every")
    if values.get("sync.incremental") == "off" and "sync.full_every" in given:
        reason = "it does nothing, since sync.incremental = off has everybody read each time."
        problems.add("sync.full_every", reason, "Remove one of the two.")
        return
    for key in ("sync.full_every", "sync.warn_after"):
        span = values.get(key)
        if key in given and span is not None and every is not None and span < every:
            reason = f"it is {duration_text(span)}, shorter than sync.every ({duration_text(every)})."
            problems.add(key, reason, "Write at least as much as sync.every.")
