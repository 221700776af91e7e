"""Directories in memory that show, hide and forget: what is asked of one before its changes are read."""

from __future__ import annotations

import uuid

from saml_wsgi.directories.ldap import changes
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.errors import SourceUnavailable
from saml_wsgi.resolvers.context import SourceContext

PEOPLE = "ou=people,dc=example,dc=test"
SETTINGS = "CN=NTDS Settings,CN=DC1"


class Directory:
    """Answers what is asked before a reading; what somebody hides isn't shown."""

    def __init__(self, preset, **options):
        given = {
            "servers": ("ldaps://ldap.example.test",),
            "base": PEOPLE,
            "bind_dn": "cn=x",
            "password": "y",
        }
        self.source = factory(SourceContext("corp"), preset=preset, **(given | options))
        self.preset = preset
        self.people: dict[str, dict[str, str | bytes]] = {}
        self.groups: dict[str, dict[str, str | bytes]] = {}
        self.root: dict[str, object] = {}
        self.database = b"d" * 16
        self.hidden: set[str] = set()
        self.asked: list[str] = []

    def _shown(self, dn, held, attributes):
        shown = {}
        for attribute in attributes:
            value = held.get(attribute)
            if value is not None and attribute not in self.hidden:
                several = value if isinstance(value, list) else [value]
                shown[attribute.lower()] = tuple(
                    each if isinstance(each, bytes) else str(each).encode() for each in several
                )
        return Entry(dn, shown)

    def pages(self, base, scope, wanted, attributes, *, size, page_timeout, controls=()):
        self.asked.append(wanted)
        held = self.people if wanted == self.source.people.wanted else self.groups
        for dn, values in held.items():
            yield [self._shown(dn, values, attributes)]

    def search(self, base, scope, wanted, attributes, *, most):
        if scope == "SUBTREE":
            return [self._shown(dn, values, attributes) for dn, values in self.people.items()][: most + 1]
        if base == SETTINGS and "settings" in self.hidden:
            raise SourceUnavailable("it has no such thing")
        return [self._shown(base, self.root | {"invocationId": self.database}, attributes)]

    def begin(self, since=""):
        return changes.begin(self, self.source.people, since, preset=self.preset, size=500, page_timeout=1.0)

    def read(self, since=""):
        """Reads people as a synchronisation does; what the filter finds is what changed."""
        plan = self.begin(since)
        attributes = self.source.people.attributes
        plan.saw([self._shown(dn, values, attributes) for dn, values in self.people.items()])
        return plan


class Forest(Directory):
    """An Active Directory."""

    def __init__(self, **options):
        super().__init__("active_directory", **options)
        self.root = {"highestCommittedUSN": 100, "dsServiceName": SETTINGS}

    def put(self, name, **held):
        number = self.root["highestCommittedUSN"] = self.root["highestCommittedUSN"] + 1
        dn = f"CN={name},{PEOPLE}"
        usual = {"objectGUID": uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le, "uSNCreated": number}
        self.people[dn] = usual | self.people.get(dn, {}) | {"uSNChanged": number} | held

    def put_group(self, name):
        number = self.root["highestCommittedUSN"] = self.root["highestCommittedUSN"] + 1
        guid = uuid.uuid5(uuid.NAMESPACE_URL, name).bytes_le
        self.groups[f"CN={name}"] = {"objectGUID": guid, "uSNChanged": number}

    def touch(self):
        self.root["highestCommittedUSN"] += 1

    def drop(self, name):
        self.touch()
        del self.people[f"CN={name},{PEOPLE}"]


class Tree(Directory):
    """An OpenLDAP."""

    def __init__(self, **options):
        super().__init__("openldap", **options)
        self.last = {"001": 1, "002": 1}
        self._publish()

    def _publish(self):
        self.root = {
            "namingContexts": ["dc=example,dc=test", "cn=other"],
            "contextCSN": [csn(number, server) for server, number in self.last.items()],
        }

    def put(self, name, server="001"):
        self.last[server] += 1
        number = self.last[server]
        self._publish()
        dn = f"uid={name},{PEOPLE}"
        held = {"entryUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "createTimestamp": time(number)}
        self.people[dn] = held | self.people.get(dn, {}) | {"entryCSN": csn(number, server)}


def time(number):
    return f"202611{number:02d}000000Z"


def csn(number, server):
    return f"{time(number)[:-1]}.000000Z#000000#{server}#000000"
