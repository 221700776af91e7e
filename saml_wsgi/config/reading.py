"""All options are read, and everything that is wrong with them is found, also what is wrong between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from saml_wsgi.config.certificates import belong_together
from saml_wsgi.config.convert import Place, Unfit, is_unset, shown, text, word
from saml_wsgi.config.declare import Option
from saml_wsgi.config.kinds import duration_text
from saml_wsgi.config.lookup import did_you_mean, is_known, resolver_option
from saml_wsgi.config.options import TABLE
from saml_wsgi.config.secrets import Secret
from saml_wsgi.config.strength import GENERATE
from saml_wsgi.config.urls import MEMORY
from saml_wsgi.errors import Problems

#: An option of a resolver: text as an ini has it, or the entries of a list that code gave.
Texts: TypeAlias = str | tuple[str, ...]

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
    """Typed values by key, and the resolvers as (name, use, options)."""

    here: str | None
    by_key: Mapping[str, Any]
    resolvers: tuple[tuple[str, str, Mapping[str, Texts]], ...]

    def group(self, name: str) -> dict[str, Any]:
        """The values of one group by the last part of their key; ``""`` for keys without a dot."""
        split = ((*key.rpartition("."), value) for key, value in self.by_key.items() if key != "resolvers")
        return {leaf: value for group, _, leaf, value in split if group == name}


def read_values(
    options: Mapping[str, object], *, here: str | None, problems: Problems, stand_in: bool = False
) -> Values | None:
    """The values, or None if something fatal was found.

    With ``stand_in`` there are always values: harmless ones stand in for those that couldn't be read.
    """
    earlier = len(problems.fatal)
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
    names = values.get("resolvers")
    resolvers = () if names is None else _resolvers(given, names, problems)
    _check_idp(given, problems)
    _check_sp(values, problems)
    _check_who(values, problems)
    _check_public(values, problems)
    _check_session(given, values, problems)
    _place_directory(values)
    if stand_in:
        for option in TABLE.values():
            values.setdefault(option.key, _STAND_INS.get(option.key, option.default))
        return Values(folder, MappingProxyType(values), resolvers)
    complete = all(key in values for key in TABLE)
    if not complete or len(problems.fatal) > earlier:
        return None
    return Values(folder, MappingProxyType(values), resolvers)


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
        elif key == "resolver" or key.startswith("resolver."):
            name = key.removeprefix("resolver").strip(".") or "NAME"
            cure = f"Write {shown_key(f'resolver.{name}.OPTION')}."
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


def _resolvers(
    given: Mapping[str, object], names: tuple[str, ...], problems: Problems
) -> tuple[tuple[str, str, Mapping[str, Texts]], ...]:
    uses = {name: name for name in names}
    options: dict[str, dict[str, Texts]] = {name: {} for name in uses}
    for key, value in given.items():
        split = resolver_option(key)
        if split is None:
            continue
        name, option = split
        if name not in options:
            problems.add(
                shown_key(key),
                f"no resolver is named {shown(name)}.",
                f"Add it to resolvers ({', '.join(names)}), or remove this option.",
            )
            continue
        try:
            if option == "use":
                uses[name] = _use(value)
            else:
                options[name][option] = _as_texts(value)
        except Unfit as unfit:
            problems.add(shown_key(key), unfit.reason, unfit.cure)
    return tuple((name, uses[name], MappingProxyType(options[name])) for name in uses)


_USE: Final = re.compile(r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.]*)?", re.ASCII)


def _use(value: object) -> str:
    content = word(value)
    if not _USE.fullmatch(content):
        raise Unfit(f"it is {shown(content)}.", "Write the name of an entry point, or module:attribute.")
    return content


def _as_texts(value: object) -> Texts:
    if isinstance(value, list | tuple):
        return tuple(_as_text(entry) for entry in value)
    return _as_text(value)


def _as_text(value: object) -> str:
    """A resolver's option as an ini would have it; what it means is the resolver's business."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        # str() refuses very large numbers.
        return f"{value:d}" if abs(value) < 10**18 else hex(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, timedelta) and not value % timedelta(seconds=1):
        return f"{value // timedelta(seconds=1)} s"
    if isinstance(value, str | PurePath):
        return text(value)
    raise Unfit(
        f"it is of the type {type(value).__name__}.",
        "Write text, a number, yes or no, or a list. For objects, compose SAMLMiddleware yourself.",
    )


def _check_idp(given: Mapping[str, object], problems: Problems) -> None:
    explicit = ("idp.entity_id", "idp.sso_url", "idp.certificate")
    written = [key for key in explicit if key in given]
    if "idp.metadata" in given:
        for key in written:
            if key != "idp.entity_id":
                problems.add(key, "idp.metadata says it already.", "Remove one of the two.")
    elif not written:
        problems.add(
            "idp.metadata",
            "it is required.",
            "Export the metadata from JumpCloud, and write idp.metadata = file:PATH.",
        )
    else:
        for key in explicit:
            if key not in given:
                cure = f"Write it, or idp.metadata instead of {' and '.join(written)}."
                problems.add(key, "it is required where there is no idp.metadata.", cure)


def _check_sp(values: Mapping[str, Any], problems: Problems) -> None:
    pair = ("sp.certificate", "sp.private_key")
    if not all(key in values for key in pair):
        return
    certificate, key = (values[name] for name in pair)
    if certificate is None and key is not None:
        problems.add("sp.certificate", "it is required where sp.private_key is given.", "Write file:PATH.")
    elif key is None and certificate is not None:
        problems.add("sp.private_key", "it is required where sp.certificate is given.", "Write file:PATH.")
    elif key is not None and not belong_together(certificate, key):
        problems.add(
            "sp.private_key", "it isn't the key of sp.certificate.", "Give the two that belong together."
        )


def _check_who(values: Mapping[str, Any], problems: Problems) -> None:
    if values.get("match") == "email" and values.get("attributes.email") == ():
        problems.add("attributes.email", "it is off, and match = email needs it.", "Name an attribute.")
    if values.get("idp.allow_sha1"):
        problems.warn(
            "idp.allow_sha1",
            "signatures with SHA-1 are accepted. They can be forged, and with them any person.",
            "Let the identity provider sign with SHA-256, and remove this option.",
        )
    if values.get("idp.allow_cbc") and values.get("sp.private_key") is None:
        problems.add(
            "idp.allow_cbc",
            "it does nothing without a key to decrypt with.",
            "Set sp.private_key and sp.certificate, or remove it.",
        )
    elif values.get("idp.allow_cbc"):
        problems.warn(
            "idp.allow_cbc",
            "assertions encrypted with AES in CBC mode are accepted, inside signed responses.",
            "Let the identity provider encrypt with AES in GCM mode, and remove this option.",
        )
    if values.get("idp.unsolicited") == "accept":
        problems.warn(
            "idp.unsolicited",
            "a sign-in that nobody here asked for is accepted, so a person can be signed in to somebody "
            "else's account without noticing.",
            "Use restart, unless the identity provider can't answer our requests.",
        )


def _check_public(values: Mapping[str, Any], problems: Problems) -> None:
    """Everything public is legal (an application may ask for sign-ins itself), and rarely meant."""
    if values.get("challenge") != "always":
        return
    for line in values.get("public", ()):
        *methods, path = line.split()
        if path == "/*" and (not methods or "GET" in methods[0].split(",")):
            problems.warn(
                "public",
                f"{shown(line)} makes every page public: nobody is ever asked to sign in.",
                "Name what is public; or write challenge = on_401, where the application asks for sign-ins "
                "itself.",
            )


def _check_session(given: Mapping[str, object], values: dict[str, Any], problems: Problems) -> None:
    lifetime, idle = values.get("session.lifetime"), values.get("session.idle")
    if lifetime is not None and idle is not None and idle > lifetime:
        if "session.idle" in given:
            problems.add(
                "session.idle",
                f"it is {duration_text(idle)}, longer than session.lifetime ({duration_text(lifetime)}).",
                "Write at most as much as session.lifetime.",
            )
        else:
            values["session.idle"] = lifetime
    if values.get("session.secret") in values.get("session.secret_fallbacks", ()):
        problems.warn(
            "session.secret_fallbacks",
            "it holds the secret that session.secret is.",
            "Remove it there: fallbacks are earlier secrets.",
        )


def _place_directory(values: dict[str, Any]) -> None:
    if values.get("directory.url", MEMORY) is None and values.get("store.url") not in {None, MEMORY}:
        values["directory.url"] = values["store.url"]
