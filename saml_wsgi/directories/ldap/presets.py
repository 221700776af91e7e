"""What is usual in JumpCloud's directory, in Active Directory, and in OpenLDAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

#: In which ways groups are found.
GROUP_WAYS: Final = ("memberOf", "member", "memberUid", "in_chain", "none")


@dataclass(frozen=True, slots=True)
class Preset:
    """Where things are, until an option says otherwise.

    Attributes:
        people: The filter that every person fits.
        fields: For each of our fields the attributes that may have it, in the order in which they count.
        state: Rules of :mod:`saml_wsgi.directories.ldap.account`.
        groups: One of :data:`GROUP_WAYS`.
        group_filter: The filter that every group fits.
        key: The attribute that identifies somebody for good: it stays when they are renamed or moved.
        primary_group: Whether a person's primary group is kept apart (``primaryGroupID``).
        unknown: ``refuse`` where to be missing means to be switched off, else ``pass``.
    """

    people: str
    fields: Mapping[str, tuple[str, ...]]
    state: tuple[str, ...]
    groups: str
    group_filter: str
    key: str
    primary_group: bool = False
    unknown: str = "pass"


_PERSON: Final = {
    "username": ("uid",),
    "email": ("mail",),
    "first_name": ("givenName",),
    "last_name": ("sn",),
    "display_name": ("displayName", "cn"),
    "employee_id": ("employeeNumber",),
}

JUMPCLOUD: Final = "jumpcloud"
JUMPCLOUD_SERVER: Final = "ldaps://ldap.jumpcloud.com"

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        JUMPCLOUD: Preset(
            people="(objectClass=inetOrgPerson)",
            fields=MappingProxyType(_PERSON),
            state=(),
            groups="memberOf",
            group_filter="(objectClass=groupOfNames)",
            # Nobody has said that it has entryUUID, which would be another one for who is removed and added.
            key="uid",
            unknown="refuse",
        ),
        "active_directory": Preset(
            people="(&(objectCategory=person)(objectClass=user))",
            fields=MappingProxyType(
                _PERSON
                | {
                    "username": ("sAMAccountName",),
                    "display_name": ("displayName",),
                    "employee_id": ("employeeID",),
                }
            ),
            state=("userAccountControl", "accountExpires"),
            groups="in_chain",
            group_filter="(objectClass=group)",
            key="objectGUID",
            primary_group=True,
        ),
        "openldap": Preset(
            people="(objectClass=inetOrgPerson)",
            fields=MappingProxyType(_PERSON),
            state=("pwdAccountLockedTime", "shadowExpire"),
            groups="member",
            group_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
            key="entryUUID",
        ),
    }
)


def jumpcloud_base(org_id: str) -> str:
    """Where an organisation's people are."""
    return f"ou=Users,o={org_id},dc=jumpcloud,dc=com"
