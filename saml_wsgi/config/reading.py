"""All options are read, and everything that is wrong with them is found, also what is wrong between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from saml_wsgi.config import synchronised
from saml_wsgi.config.contradictions import check
from saml_wsgi.config.convert import Place, Unfit, is_unset, shown
from saml_wsgi.config.declare import Option
from saml_wsgi.config.lookup import did_you_mean, is_known, plugin_option
from saml_wsgi.config.options import TABLE
from saml_wsgi.config.plugged import Plugged, Texts, Use, as_texts, is_plugin_name
from saml_wsgi.config.secrets import Secret
from saml_wsgi.config.strength import GENERATE
from saml_wsgi.config.urls import MEMORY
from saml_wsgi.errors import Problems
from saml_wsgi.model import FIELDS

_DATABASE_FILE: Final = "saml_wsgi.db"

#: What the rest of a configuration is tried with where these couldn't be read. Nothing is started with it.
_STAND_INS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "base_url": "https://unknown.invalid",
        "session.secret": Secret("a stand-in that signs nothing"),
        "store.url": MEMORY,
    }
)


@dataclass(frozen=True, slots=True)
class Values:
    """Typed values by key, and what is plugged in.

    Attributes:
        complete: Whether each option could be read; else harmless values stand in for some.
    """

    here: str | None
    complete: bool
    by_key: Mapping[str, Any]
    resolvers: tuple[Plugged, ...]
    sources: tuple[Plugged, ...]
    directory_options: Mapping[str, Texts]

    def group(self, name: str) -> dict[str, Any]:
        """The values of one group by the last part of their key; ``""`` for keys without a dot."""
        split = ((*key.rpartition("."), value) for key, value in self.by_key.items() if key != "resolvers")
        return {leaf: value for group, _, leaf, value in split if group == name}


def read_values(options: Mapping[str, object], *, here: str | None, problems: Problems) -> Values:
    """The values; harmless ones stand in for those that couldn't be read."""
    noted = {problem.key for problem in problems.fatal}
    folder = None if here is None else str(Path(here).absolute())
    given = _check_keys(options, problems)
    values: dict[str, Any] = {}
    for option in TABLE.values():
        try:
            values[option.key] = _value(option, given, folder, problems)
        except Unfit as unfit:
            # What is only missing because it is hidden (hidden_by_defaults) was told already.
            if option.key in given or option.key not in noted:
                problems.add(option.key, unfit.reason, unfit.cure)
    plugged = _plugged(given, values.get("resolvers"), problems)
    _check_sources(*plugged[:2], values.get("sync.source"), problems)
    check(given, values, problems)
    synchronised.check(given, values, *plugged[:2], problems)
    _derive(given, values)
    complete = all(key in values for key in TABLE)
    for option in TABLE.values():
        values.setdefault(option.key, _STAND_INS.get(option.key, option.default))
    return Values(folder, complete, MappingProxyType(values), *plugged)


def database_urls(
    options: Mapping[str, object],
    *,
    here: str | None,
    problems: Problems,
    global_conf: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, str]:
    """The databases that are configured, each once, by the option that names them.

    Whatever else is wrong with the configuration: who makes the tables needn't know the secrets.
    """
    keys = ("store.url", "directory.url")
    hidden = {key: value for key, value in global_conf.items() if key in keys}
    hidden_by_defaults(hidden, options, problems)
    folder = None if here is None else str(Path(here).absolute())
    given = {key: options[key] for key in keys if not is_unset(options.get(key))}
    found: dict[str, str] = {}
    for key in keys:
        try:
            url = _value(TABLE[key], given, folder, problems)
        except Unfit as unfit:
            problems.add(key, unfit.reason, unfit.cure)
        else:
            if url is not None and url != MEMORY and url not in found.values():
                found[key] = url
    return found


def hidden_by_defaults(
    global_conf: Mapping[str, object], local_conf: Mapping[str, object], problems: Problems
) -> None:
    """Refuse options that PasteDeploy hides: a key that is in ``[DEFAULT]`` never reaches a filter.

    It is dropped even where the filter's own section sets it, so that a secret of one's own would
    silently lose to nothing.
    """
    for key in global_conf:
        if is_known(key) and key not in local_conf:
            problems.add(
                key,
                "it stands in [DEFAULT], or was set for the whole file, and such an option never reaches a "
                "filter, even where the filter's section has it as well.",
                f"Remove it from [DEFAULT], or write `get {key} = {key}` into the filter's section to use "
                "the one that stands there.",
            )


def _check_keys(options: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """The options that are known and have a value."""
    given: dict[str, object] = {}
    keys: Mapping[Any, object] = options  # from code anything may come
    for key, value in keys.items():
        if not isinstance(key, str):
            problems.add("options", f"a key is of the type {type(key).__name__}.", "Keys are text.")
        elif is_known(key):
            if not is_unset(value):
                given[key] = value
        elif (kind := key.partition(".")[0]) in {"resolver", "source"}:
            name = key.removeprefix(kind).strip(".") or "NAME"
            cure = f"Write {shown_key(f'{kind}.{name}.OPTION')}."
            problems.add(shown_key(key), "there is no such option.", cure)
        else:
            meant = did_you_mean(key)
            cure = f"Did you mean {shown_key(meant)}?" if meant else "The documentation lists all options."
            problems.add(shown_key(key), "there is no such option.", cure)
    return given


def shown_key(key: str) -> str:
    """The key as it may be printed: one line, of a reasonable length."""
    return key if re.fullmatch(r"[!-~][ -~]{0,79}", key) else shown(key)


def _value(option: Option, given: Mapping[str, object], here: str | None, problems: Problems) -> Any:
    place = Place(option.key, here, option.secret, problems)
    if option.key in given:
        value = option.convert(given[option.key], place)
        # One key goes with one certificate; the converter is the same for lists of them.
        return value[0] if option.key == "sp.certificate" else value
    if option.key == "store.url":
        if here is None:
            raise Unfit(
                "it is required in code.", "Write sqlite:////PATH, or postgresql+psycopg://…, or memory:."
            )
        return option.convert(f"sqlite:///{_DATABASE_FILE}", place)
    if option.required:
        cure = GENERATE if option.secret else "Write for example https://wiki.example.com."
        raise Unfit("it is required.", cure)
    return option.default


def _plugged(
    given: Mapping[str, object], names: tuple[str, ...] | None, problems: Problems
) -> tuple[tuple[Plugged, ...], tuple[Plugged, ...], Mapping[str, Texts]]:
    """The resolvers in their order, the sources as they are written, the directory's options."""
    uses: dict[tuple[str, str], str] = {("resolver", name): name for name in names or ()}
    options: dict[tuple[str, str], dict[str, Texts]] = {}
    for key, value in given.items():
        split = plugin_option(key)
        if split is None:
            continue
        kind, name, option = split
        try:
            _known(kind, name, names)
            uses.setdefault((kind, name), name)
            if option == "use" and kind != "directory":
                uses[kind, name] = Use()(value, Place(key))
            else:
                options.setdefault((kind, name), {})[option] = as_texts(value)
        except Unfit as unfit:
            problems.add(shown_key(key), unfit.reason, unfit.cure)
    written = {which: MappingProxyType(options.get(which, {})) for which in uses}
    if names is None:
        uses = {which: use for which, use in uses.items() if which[0] != "resolver"}
    resolvers, sources = (
        tuple(Plugged(which[1], uses[which], written[which]) for which in uses if which[0] == kind)
        for kind in ("resolver", "source")
    )
    return resolvers, sources, written.get(("directory", ""), MappingProxyType({}))


def _known(kind: str, name: str, resolvers: tuple[str, ...] | None) -> None:
    """Refuse an option of a resolver that isn't asked, or of a source that can't be called so."""
    if kind == "resolver" and resolvers is not None and name not in resolvers:
        raise Unfit(
            f"no resolver is named {shown(name)}.",
            f"Add it to resolvers (now: {', '.join(resolvers)}), or remove this option.",
        )
    if kind == "source" and not is_plugin_name(name):
        raise Unfit(f"{shown(name)} can't be a source's name.", "A name is made of letters, digits, - and _.")
    if kind == "source" and name == "saml":
        raise Unfit("saml is what the assertion itself is called.", "Give the source another name.")


def _check_sources(
    resolvers: tuple[Plugged, ...], sources: tuple[Plugged, ...], chosen: str | None, problems: Problems
) -> None:
    """Warn of a source that is asked by nobody. What resolvers from elsewhere ask isn't known."""
    uses = {resolver.use for resolver in resolvers}
    if uses - {"jit", "existing", "ldap"}:
        return
    asked: set[str | None] = set()
    for resolver in resolvers:
        for option in ("sources", "source"):
            written = resolver.options.get(option, ())
            asked.update(written.split() if isinstance(written, str) else written)
    if chosen is not None or uses != {"jit"}:
        # Its people are copied, or looked up by the resolver of that name.
        asked.add(synchronised.synchronised(chosen, sources))
    for source in sources:
        if source.name not in asked:
            problems.warn(
                f"source.{source.name}.use",
                "no resolver asks this source.",
                f"Name it where it is to be asked: resolver.jit.sources = saml {source.name}.",
            )


def _derive(given: Mapping[str, object], values: dict[str, Any]) -> None:
    """What follows from other options."""
    if values.get("directory.url", MEMORY) is None and values.get("store.url") not in {None, MEMORY}:
        values["directory.url"] = values["store.url"]
    if values.get("directory.use", "") is None:
        values["directory.use"] = "table" if "directory.table" in given else "sql"
    for field in FIELDS:
        # Whoever says how it is composed, and not which attribute it is, means only that.
        if f"attributes.{field}.format" in given and f"attributes.{field}" not in given:
            values[f"attributes.{field}"] = ()
    if values.get("sync.warn_after", 0) is None:
        values["sync.warn_after"] = 4 * values.get("sync.every", TABLE["sync.every"].default)
    if "session.idle" not in given and "session.lifetime" in values:
        values["session.idle"] = min(values["session.idle"], values["session.lifetime"])
