"""An OpenLDAP server whose tree looks like JumpCloud's LDAP: one flat container for people and groups.

After what JumpCloud publishes and what clients have seen: ``inetOrgPerson`` with ``memberOf``, groups as
``groupOfNames`` and, beside them, ``posixGroup``; nothing that says who is suspended; no anonymous bind.
"""

from __future__ import annotations

from collections.abc import Iterable

import ldap3

from tests.real.openldap import OpenLDAP

TOP = "dc=jumpcloud,dc=com"
READER, PASSWORD = "wiki-reader", "reader-demo"
STAFF, EDITORS = "Staff (all)", "Wiki Editors"


class JumpCloudTree:
    """A server, and the administrator who binds people to it and takes them out again.

    Args:
        organisation: Its id.
        people: Usernames, and the groups of each.
        address: Of 127/8.

    Attributes:
        server: The server, which is running.
    """

    def __init__(self, organisation: str, people: dict[str, tuple[str, ...]], address: str) -> None:
        self.users = f"ou=Users,o={organisation},{TOP}"
        groups = {group for named in people.values() for group in named}
        entries = [
            f"dn: {TOP}\nobjectClass: dcObject\nobjectClass: organization\no: JumpCloud",
            f"dn: o={organisation},{TOP}\nobjectClass: organization\no: {organisation}",
            f"dn: {self.users}\nobjectClass: organizationalUnit\nou: Users",
            f"{self._person(READER, ())}\nuserPassword: {PASSWORD}",
            *(self._person(uid, named) for uid, named in people.items()),
            *(self._group(name, [uid for uid in people if name in people[uid]]) for name in sorted(groups)),
            f"dn: cn=linux,{self.users}\nobjectClass: posixGroup\ncn: linux\ngidNumber: 5001",
        ]
        self.server = OpenLDAP("\n\n".join(entries) + "\n", address, base=TOP)
        self.server.start()
        self._admin = ldap3.Connection(
            self.server.plain, f"cn=admin,{TOP}", "admin-demo", auto_bind=True, raise_exceptions=True
        )

    def dn(self, uid: str) -> str:
        """A person's distinguished name."""
        return f"uid={uid},{self.users}"

    def take_out(self, uids: Iterable[str]) -> None:
        """As a suspension does, or a group that isn't bound any more: their entries aren't there."""
        for uid in uids:
            self._admin.delete(self.dn(uid))

    def change(self, uid: str, **values: list[str]) -> None:
        """Other values; none at all for an empty list."""
        self._admin.modify(self.dn(uid), {name: [(ldap3.MODIFY_REPLACE, values[name])] for name in values})

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self._admin.unbind()
        self.server.remove()

    def _person(self, uid: str, groups: tuple[str, ...]) -> str:
        lines = [
            f"dn: {self.dn(uid)}",
            "objectClass: inetOrgPerson",
            "objectClass: shadowAccount",
            "objectClass: posixAccount",
            f"uid: {uid}",
            f"cn: {uid} of JumpCloud",
            f"givenName: {uid}",
            "sn: of JumpCloud",
            f"mail: {uid}@example.com",
            "uidNumber: 5000",
            "gidNumber: 5000",
            f"homeDirectory: /home/{uid}",
            "loginShell: /bin/bash",
            *(f"memberOf: cn={name},{self.users}" for name in groups),
        ]
        return "\n".join(lines)

    def _group(self, name: str, members: list[str]) -> str:
        lines = [
            f"dn: cn={name},{self.users}",
            "objectClass: groupOfNames",
            f"cn: {name}",
            f"ou: {name}",
            "description: tagGroup",
            *(f"member: {self.dn(uid)}" for uid in members),
        ]
        return "\n".join(lines)
