"""The options of ``source.<name>.use = ldap``, and everything that is wrong with them at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from saml_wsgi.directories.ldap import escaping
from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.people_options import (
    FIND_BY,
    Context,
    domain,
    fields_of,
    membership,
    people,
)
from saml_wsgi.directories.ldap.presets import JUMPCLOUD, JUMPCLOUD_SERVER, PRESETS, jumpcloud_base
from saml_wsgi.directories.ldap.servers import Access, read_servers, tls_context
from saml_wsgi.directories.ldap.source import LDAPSource
from saml_wsgi.errors import Problems

_ORGANISATION: Final = re.compile(r"[0-9a-f]{24}")
#: Seconds that a look-up may take, and that a page of a reading may.
_LONGEST: Final = 60.0
_LONGEST_PAGE: Final = 600.0
#: No server sends more at once, and few send as many.
_LARGEST_PAGE: Final = 5000


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
    find_by: tuple[str, ...] = FIND_BY,
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
    key: str = "",
    page_size: int = 500,
    read_timeout: timedelta = timedelta(seconds=60),
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
    if not 0 < read_timeout.total_seconds() <= _LONGEST_PAGE:
        problems.add(context.key("read_timeout"), "no page takes that long.", "Write 1 s to 10 min.")
    if not 1 <= page_size <= _LARGEST_PAGE:
        problems.add(context.key("page_size"), f"it is {page_size}.", f"Write 1 to {_LARGEST_PAGE}.")
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
    who = people(
        context,
        usual,
        problems,
        base=base,
        wanted=filter or usual.people,
        find_by=find_by,
        fields=fields_of(context, usual, written, problems),
        state=state,
        inactive_when=inactive_when,
        unknown=unknown,
        key=key,
        groups=membership(
            context,
            usual,
            problems,
            groups=groups,
            base=group_base or (base if preset == JUMPCLOUD else domain(base)),
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
    return LDAPSource(
        Client(access, ignore_references=ignore_references),
        who,
        preset=preset,
        page_size=page_size,
        page_timeout=read_timeout.total_seconds(),
    )


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
