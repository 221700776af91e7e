"""The options that say where people and groups are, and what of them is what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.account import RULES
from saml_wsgi.directories.ldap.membership import Membership
from saml_wsgi.directories.ldap.people import People
from saml_wsgi.directories.ldap.presets import GROUP_WAYS, Preset
from saml_wsgi.errors import Problems
from saml_wsgi.model import FIELDS

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}|[0-9]+(?:\.[0-9]+){1,30}")
_NONE: Final = ("none",)
FIND_BY: Final = ("username", "email")
#: Keys in the spelling under which what they identify is kept, however an operator writes them.
_KEYS: Final = ("uid", "entryUUID", "objectGUID", "objectSid", "employeeNumber", "employeeID", "mail", "GUID")


class Context(Protocol):
    """What of a source's context is used here."""

    def key(self, option: str) -> str:
        """An option as an operator writes it."""


def _check_filter(context: Context, option: str, written: str, problems: Problems) -> None:
    try:
        parse_filter(written, None, False, False, None, False)
    except (LDAPExceptionError, ValueError, IndexError, TypeError, AttributeError, RecursionError):
        cure = "Write one such as (objectClass=inetOrgPerson), with its parentheses."
        problems.add(context.key(option), f"{ascii(written)[:100]} isn't a filter.", cure)


def fields_of(
    context: Context, usual: Preset, written: Mapping[str, tuple[str, ...]], problems: Problems
) -> Mapping[str, tuple[str, ...]]:
    """Which attributes have which of our fields; what is wrong with them is noted."""
    found: dict[str, tuple[str, ...]] = {}
    for name in FIELDS:
        attributes = written[name] or usual.fields[name]
        found[name] = () if attributes == _NONE else attributes
        for attribute in found[name]:
            _check_attribute(context, name, attribute, problems)
    return MappingProxyType(found)


def _check_attribute(context: Context, option: str, attribute: str, problems: Problems) -> None:
    if not _ATTRIBUTE.fullmatch(attribute):
        cure = "Write its name, such as mail, or none."
        problems.add(context.key(option), f"{ascii(attribute)[:60]} can't be an attribute.", cure)


def membership(
    context: Context,
    usual: Preset,
    problems: Problems,
    *,
    groups: str,
    base: str,
    wanted: str,
    name: str,
    nested: bool,
) -> Membership:
    """How groups are found; what is wrong with it is noted."""
    ways = {way.lower(): way for way in GROUP_WAYS}
    way = ways.get((groups or usual.groups).lower())
    if way is None:
        cure = f"Write one of {', '.join(GROUP_WAYS)}."
        problems.add(context.key("groups"), f"it is {ascii(groups)[:60]}.", cure)
        way = usual.groups
    if nested and way != "member":
        cure = "Write groups = member; in_chain finds nested groups by itself."
        problems.add(context.key("nested"), f"it can't be with groups = {way}.", cure)
    wanted = wanted or ("(objectClass=posixGroup)" if way == "memberUid" else usual.group_filter)
    _check_filter(context, "group_filter", wanted, problems)
    _check_attribute(context, "group_name", name, problems)
    return Membership(
        way,
        base,
        wanted,
        name,
        nested,
        primary=usual.primary_group and way != "none",
        domain=domain(base) if way == "in_chain" else "",
    )


def people(
    context: Context,
    usual: Preset,
    problems: Problems,
    *,
    base: str,
    wanted: str,
    find_by: tuple[str, ...],
    fields: Mapping[str, tuple[str, ...]],
    state: tuple[str, ...],
    inactive_when: tuple[str, ...],
    unknown: str,
    key: str,
    groups: Membership,
) -> People:
    """Who the people are; what is wrong with it is noted."""
    _check_filter(context, "filter", wanted, problems)
    for field in find_by:
        if field not in FIELDS:
            problems.add(context.key("find_by"), f"it has {ascii(field)[:60]}.", f"Use {', '.join(FIELDS)}.")
        elif not fields[field]:
            problems.add(context.key("find_by"), f"it has {field}, which no attribute has.", "Name one.")
    rules = {name.lower(): name for name in RULES}
    chosen = usual.state if not state else () if state == _NONE else state
    for name in chosen:
        if name.lower() not in rules:
            cure = f"Use {', '.join(RULES)}, or none; others with inactive_when."
            problems.add(context.key("state"), f"it has {ascii(name)[:60]}.", cure)
    pairs: list[tuple[str, str]] = []
    for entry in inactive_when:
        attribute, equals, value = entry.partition("=")
        if not equals or not _ATTRIBUTE.fullmatch(attribute.strip()) or not value.strip():
            cure = "Write attribute=value, such as employeeType=former."
            problems.add(context.key("inactive_when"), f"it has {ascii(entry)[:60]}.", cure)
        pairs.append((attribute.strip(), value.strip()))
    if unknown not in {"", "pass", "refuse"}:
        problems.add(context.key("unknown"), f"it is {ascii(unknown)[:60]}.", "Write pass or refuse.")
    return People(
        base=base,
        wanted=wanted,
        find_by=find_by or FIND_BY,
        fields=fields,
        state=tuple(rules[name.lower()] for name in chosen if name.lower() in rules),
        inactive_when=tuple(pairs),
        membership=groups,
        is_everybody=(unknown or usual.unknown) == "refuse",
        key=_key(context, key or usual.key, problems),
    )


def _key(context: Context, written: str, problems: Problems) -> str:
    _check_attribute(context, "key", written, problems)
    return {key.lower(): key for key in _KEYS}.get(written.lower(), written.lower())


def domain(base: str) -> str:
    """The directory's upper end, below which groups are: the dc= parts, or everything."""
    parts = escaping.parts(base) or ()
    ends = len(parts)
    while ends and parts[ends - 1].kind == "dc":
        ends -= 1
    domain = ",".join(f"dc={escaping.name_value(part.value)}" for part in parts[ends:])
    return domain or base
