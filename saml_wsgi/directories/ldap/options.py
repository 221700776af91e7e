"""The options of ``source.<name>.use = ldap``, and everything that is wrong with them at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Final, Protocol

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.account import RULES
from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.membership import Membership
from saml_wsgi.directories.ldap.presets import (
    GROUP_WAYS,
    JUMPCLOUD,
    JUMPCLOUD_SERVER,
    PRESETS,
    Preset,
    jumpcloud_base,
)
from saml_wsgi.directories.ldap.servers import Access, read_servers, tls_context
from saml_wsgi.directories.ldap.source import LDAPSource, People
from saml_wsgi.errors import Problems
from saml_wsgi.model import FIELDS

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}|[0-9]+(?:\.[0-9]+){1,30}")
_ORGANISATION: Final = re.compile(r"[0-9a-f]{24}")
_NONE: Final = ("none",)
_LONGEST: Final = 60.0
_FIND_BY: Final = ("username", "email")


class Context(Protocol):
    """What of a source's context is used here."""

    def key(self, option: str) -> str:
        """An option as an operator writes it."""


def factory(
    context: Context,
    *,
    preset: str = "",
    org_id: str = "",
    servers: tuple[str, ...] = (),
    starttls: bool = False,
    ca_file: str = "",
    allow_plaintext: bool = False,
    allow_unverified_tls: bool = False,
    bind_dn: str = "",
    password: Annotated[str, "secret"] = "",
    anonymous: bool = False,
    connect_timeout: timedelta = timedelta(seconds=2),
    timeout: timedelta = timedelta(seconds=8),
    connections: int = 4,
    base: str = "",
    filter: str = "",  # noqa: A002 - the option's name
    find_by: tuple[str, ...] = _FIND_BY,
    username: tuple[str, ...] = (),
    email: tuple[str, ...] = (),
    first_name: tuple[str, ...] = (),
    last_name: tuple[str, ...] = (),
    display_name: tuple[str, ...] = (),
    employee_id: tuple[str, ...] = (),
    groups: str = "",
    group_base: str = "",
    group_filter: str = "",
    group_name: str = "cn",
    nested: bool = False,
    state: tuple[str, ...] = (),
    inactive_when: tuple[str, ...] = (),
    unknown: str = "",
    ignore_references: bool = False,
) -> LDAPSource:
    """Make the source ``ldap``. Asks no server anything.

    Raises:
        ConfigurationError: With every option that is wrong.
    """
    problems = Problems()
    usual = PRESETS.get(preset)
    if usual is None:
        cure = f"Write one of {', '.join(PRESETS)}."
        problems.add(context.key("preset"), f"it is {preset!a}." if preset else "it is required.", cure)
        usual = PRESETS["openldap"]
    servers, base, bind_dn = _place(context, preset, org_id, (servers, base, bind_dn), problems)
    _check_names(context, {"base": base, "group_base": group_base}, problems)
    _check_who(context, bind_dn, password, problems, anonymous=anonymous)
    found = read_servers(
        servers,
        starttls=starttls,
        allow_plaintext=allow_plaintext,
        key=context.key("servers"),
        problems=problems,
    )
    tls = None
    if any(server.tls != "none" for server in found):
        tls = tls_context(
            ca_file, verified=not allow_unverified_tls, key=context.key("ca_file"), problems=problems
        )
    _check_switches(
        context,
        found_tls={server.tls for server in found},
        problems=problems,
        allow_plaintext=allow_plaintext,
        allow_unverified_tls=allow_unverified_tls,
        starttls=starttls,
        ca_file=ca_file,
    )
    for option, span in (("connect_timeout", connect_timeout), ("timeout", timeout)):
        if not 0 < span.total_seconds() <= _LONGEST:
            problems.add(context.key(option), "nobody waits that long, or not at all.", "Write 1 s to 60 s.")
    if not 0 <= connections <= 64:
        problems.add(context.key("connections"), f"it is {connections}.", "Write 0 to 64.")
    written = {
        "username": username,
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "display_name": display_name,
        "employee_id": employee_id,
    }
    people = _people(
        context,
        usual,
        problems,
        base=base,
        wanted=filter or usual.people,
        find_by=find_by,
        fields=_fields(context, usual, written, problems),
        state=state,
        inactive_when=inactive_when,
        unknown=unknown,
        membership=_membership(
            context,
            usual,
            problems,
            groups=groups,
            base=group_base or (base if preset == JUMPCLOUD else _domain(base)),
            wanted=group_filter,
            name=group_name,
            nested=nested,
        ),
    )
    problems.raise_if_fatal()
    access = Access(
        servers=found,
        context=tls,
        user=None if anonymous else bind_dn,
        password=password,
        connect_timeout=connect_timeout.total_seconds(),
        timeout=timeout.total_seconds(),
        idle=connections,
    )
    return LDAPSource(Client(access, ignore_references=ignore_references), people)


def _place(
    context: Context, preset: str, org_id: str, given: tuple[tuple[str, ...], str, str], problems: Problems
) -> tuple[tuple[str, ...], str, str]:
    """The servers, the base and who asks; for JumpCloud an organisation's id is enough."""
    servers, base, bind_dn = given
    if preset == JUMPCLOUD:
        servers = servers or (JUMPCLOUD_SERVER,)
        if org_id and not _ORGANISATION.fullmatch(org_id):
            cure = "It has 24 digits from 0 to f, and stands in the settings of JumpCloud's LDAP directory."
            problems.add(context.key("org_id"), f"it is {org_id[:60]!a}.", cure)
        elif not org_id and not base:
            problems.add(context.key("org_id"), "it is required.", "Write the organisation's id.")
        base = base or jumpcloud_base(org_id)
        if bind_dn and "=" not in bind_dn:
            bind_dn = f"uid={escaping.name_value(bind_dn)},{base}"
        return servers, base, bind_dn
    if org_id:
        problems.add(context.key("org_id"), f"it means nothing to {preset or 'no preset'}.", "Remove it.")
    if not servers:
        problems.add(context.key("servers"), "it is required.", "Write ldaps://host, several in a list.")
    if not base:
        problems.add(context.key("base"), "it is required.", "Write where people are: ou=people,dc=…")
    return servers, base, bind_dn


def _check_who(context: Context, bind_dn: str, password: str, problems: Problems, *, anonymous: bool) -> None:
    if anonymous:
        for option, value in (("bind_dn", bind_dn), ("password", password)):
            if value:
                problems.add(context.key(option), "anonymous = yes has no use for it.", "Remove one of them.")
        return
    if not bind_dn:
        cure = "Write the distinguished name, or the user principal name, that asks; or anonymous = yes."
        problems.add(context.key("bind_dn"), "it is required.", cure)
    if not password:
        # RFC 4513, 5.1.2: with an empty password a server says yes, and means nobody.
        problems.add(context.key("password"), "it is required.", "Write env:NAME or file:PATH.")


def _check_switches(
    context: Context,
    *,
    found_tls: set[str],
    problems: Problems,
    allow_plaintext: bool,
    allow_unverified_tls: bool,
    starttls: bool,
    ca_file: str,
) -> None:
    """A switch that does nothing would be believed to do something."""
    if not found_tls:
        return
    unused = "Remove it."
    if starttls and found_tls == {"ldaps"}:
        problems.add(context.key("starttls"), "ldaps:// has TLS already.", unused)
    if allow_plaintext and "none" not in found_tls:
        problems.add(context.key("allow_plaintext"), "every server has TLS.", unused)
    if found_tls == {"none"}:
        for option, value in (("ca_file", ca_file), ("allow_unverified_tls", allow_unverified_tls)):
            if value:
                problems.add(context.key(option), "no server has TLS.", unused)
    elif allow_unverified_tls and ca_file:
        problems.add(context.key("ca_file"), "allow_unverified_tls has no use for it.", "Remove one of them.")


def _check_names(context: Context, given: Mapping[str, str], problems: Problems) -> None:
    for option, name in given.items():
        if name and escaping.parts(name) is None:
            cure = "Write one such as ou=people,dc=example,dc=com."
            problems.add(context.key(option), f"{ascii(name)[:100]} isn't a distinguished name.", cure)


def _check_filter(context: Context, option: str, written: str, problems: Problems) -> None:
    try:
        parse_filter(written, None, False, False, None, False)
    except (LDAPExceptionError, ValueError, IndexError, TypeError, AttributeError, RecursionError):
        cure = "Write one such as (objectClass=inetOrgPerson), with its parentheses."
        problems.add(context.key(option), f"{ascii(written)[:100]} isn't a filter.", cure)


def _fields(
    context: Context, usual: Preset, written: Mapping[str, tuple[str, ...]], problems: Problems
) -> Mapping[str, tuple[str, ...]]:
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


def _membership(
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
    return Membership(way, base, wanted, name, nested, primary=usual.primary_group and way != "none")


def _people(
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
    membership: Membership,
) -> People:
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
        find_by=find_by or _FIND_BY,
        fields=fields,
        state=tuple(rules[name.lower()] for name in chosen if name.lower() in rules),
        inactive_when=tuple(pairs),
        membership=membership,
        is_everybody=(unknown or usual.unknown) == "refuse",
    )


def _domain(base: str) -> str:
    """The directory's upper end, below which groups are: the dc= parts, or everything."""
    parts = escaping.parts(base) or ()
    ends = len(parts)
    while ends and parts[ends - 1].kind == "dc":
        ends -= 1
    domain = ",".join(f"dc={escaping.name_value(part.value)}" for part in parts[ends:])
    return domain or base
