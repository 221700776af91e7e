"""What is wrong between options that are right by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saml_wsgi import names
from saml_wsgi.config.certificates import belong_together
from saml_wsgi.config.convert import shown
from saml_wsgi.config.kinds import duration_text
from saml_wsgi.config.options.storage import COLUMNS
from saml_wsgi.config.urls import MEMORY
from saml_wsgi.errors import Problems
from saml_wsgi.model import FIELDS


def check(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    """Note every contradiction.

    Args:
        given: What was written, by key.
        values: What could be read, and defaults; what couldn't is absent.
    """
    _check_idp(given, problems)
    _check_sp(values, problems)
    _check_weak(values, problems)
    _check_match(given, values, problems)
    _check_attributes(given, values, problems)
    _check_access(values, problems)
    _check_privileged(values, problems)
    _check_public(values, problems)
    _check_directory(given, values, problems)
    _check_records(values, problems)
    _check_session(given, values, problems)
    _check_emergency(values, problems)


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


def _check_weak(values: Mapping[str, Any], problems: Problems) -> None:
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


def _check_match(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    field = values.get("match")
    if field and values.get(f"attributes.{field}") == () and f"attributes.{field}.format" not in given:
        key = f"attributes.{field}"
        problems.add(key, f"it is off, and match = {field} needs it.", "Name an attribute.")


def _check_attributes(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    """A change to what is taken from nowhere does nothing."""
    for field in (*FIELDS, "groups"):
        if values.get(f"attributes.{field}") != () or f"attributes.{field}.format" in given:
            continue
        for change in ("cut_domain", "replace", "lower"):
            if f"attributes.{field}.{change}" in given:
                problems.add(
                    f"attributes.{field}.{change}",
                    f"it does nothing, since attributes.{field} is off.",
                    "Remove one of the two.",
                )


def _check_access(values: Mapping[str, Any], problems: Problems) -> None:
    allowed, denied = ({names.key(name) for name in values.get(key, ())} for key in _ALLOW_DENY)
    if allowed and allowed <= denied:
        problems.add(
            "allow.groups",
            "every group of it stands in deny.groups, too, so nobody may sign in.",
            "Remove it from one of the two.",
        )
    everybodys = {names.key(name) for name in values.get("groups.default", ())}
    for key, listed, who in (("allow.groups", allowed, "everybody"), ("deny.groups", denied, "nobody")):
        if listed & everybodys:
            problems.add(
                key,
                f"a group of it stands in groups.default, so {who} may sign in.",
                "Remove it from one of the two.",
            )


_ALLOW_DENY = ("allow.groups", "deny.groups")


def _check_privileged(values: Mapping[str, Any], problems: Problems) -> None:
    """Nobody can ever get a privileged group that no line names; that may be meant, or a misspelling."""
    given = {
        names.key(right.strip())
        for left, rights in values.get("groups.map", ())
        if not left.startswith("/")
        for right in rights.split("|")
    }
    for name in values.get("groups.privileged", ()):
        if names.key(name) not in given:
            reason = f"no line of groups.map gives {name}, so nobody gets it at a sign-in."
            problems.warn("groups.privileged", reason, f"Write a line such as: asserted name -> {name}.")


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


def _check_directory(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    if "directory.use" not in values:
        return  # what was meant isn't known
    use = values["directory.use"]
    if use in {None, "sql", "table"}:
        for key in given:
            if key.startswith("directory.option."):
                cure = "Remove it; or name that directory: directory.use = module:attribute."
                problems.add(key, "only a directory from elsewhere has options of its own.", cure)
    if use in {None, "table"} and "directory.table" in given:
        _check_columns(given, values, problems)
    elif use == "table":
        cure = "Name the application's table, and its columns."
        problems.add("directory.table", "it is required where directory.use = table.", cure)
    else:
        _refuse_columns(use, given, values, problems)


def _refuse_columns(
    use: str | None, given: Mapping[str, object], values: Mapping[str, Any], problems: Problems
) -> None:
    """Nothing reads what is said of a table of the application's own."""
    reason, cure = (
        f"it says nothing to directory.use = {use}.",
        "Write directory.option.NAME for its options.",
    )
    if use is None:
        reason, cure = "it does nothing without directory.table.", "Name the application's table."
    elif use == "sql":
        reason, cure = "directory.use = sql keeps users in tables of ours.", "Remove one of the two."
    about = ["directory.table", *(f"directory.columns.{name}" for name in COLUMNS)]
    for key in [key for key in about if key in given]:
        problems.add(key, reason, cure)
    if values.get("directory.case") == "exact":
        problems.add("directory.case", reason, cure)


def _check_columns(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    if "directory.columns.username" not in given:
        problems.add(
            "directory.columns.username",
            "it is required where directory.table is written.",
            "Name the column with the user's name, which is unique.",
        )
    match = values.get("match")
    if match not in {None, "username"} and f"directory.columns.{match}" not in given:
        problems.add(
            f"directory.columns.{match}",
            f"it is required where match = {match}.",
            "Name the column by which people are found.",
        )
    taken: dict[str, str] = {}
    for name in COLUMNS:
        key = f"directory.columns.{name}"
        column = values.get(key)
        # The column of the name may well be what identifies a user for good.
        if column and column in taken and {name, taken[column]} != {"id", "username"}:
            reason = f"{shown(column)} is directory.columns.{taken[column]} already."
            problems.add(key, reason, "Name a column of its own, or leave it away.")
        elif column:
            taken[column] = name


def _check_records(values: Mapping[str, Any], problems: Problems) -> None:
    if values.get("records.keep") == 0 and values.get("records.values"):
        reason = "it does nothing, since records.keep = 0 keeps none."
        problems.add("records.values", reason, "Remove it, or keep records.")


def _check_session(given: Mapping[str, object], values: Mapping[str, Any], problems: Problems) -> None:
    lifetime, idle = values.get("session.lifetime"), values.get("session.idle")
    if "session.idle" in given and lifetime is not None and idle is not None and idle > lifetime:
        problems.add(
            "session.idle",
            f"it is {duration_text(idle)}, longer than session.lifetime ({duration_text(lifetime)}).",
            "Write at most as much as session.lifetime.",
        )
    if values.get("session.secret") in values.get("session.secret_fallbacks", ()):
        problems.warn(
            "session.secret_fallbacks",
            "it holds the secret that session.secret is.",
            "Remove it there: fallbacks are earlier secrets.",
        )


def _check_emergency(values: Mapping[str, Any], problems: Problems) -> None:
    if values.get("emergency.sign_in") and values.get("store.url") == MEMORY:
        problems.add(
            "emergency.sign_in",
            "the addresses are made by a command, which doesn't see the memory of the server.",
            "Set store.url to a database, or remove this option.",
        )
