"""The demonstration's people as an LDAP directory has them: a small tree, written as LDIF (RFC 2849)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final

from saml_wsgi.directories.ldap.escaping import name_value
from saml_wsgi.testing.people import Person

SUFFIX: Final = "dc=example,dc=test"
PEOPLE: Final = f"ou=people,{SUFFIX}"
GROUPS: Final = f"ou=groups,{SUFFIX}"
#: Who asks, and who may change everything.
READER: Final = f"cn=reader,{SUFFIX}"
ADMIN: Final = f"cn=admin,{SUFFIX}"

#: What stands in a line as it is; everything else is written as base64.
_PLAIN: Final = re.compile(r"[!-9;=-~]([ -~]*[!-~])?")
#: The first of January 1970, in days: whoever expired then is switched off.
_LONG_AGO: Final = "1"


def ldif(people: Iterable[Person], password: str) -> str:
    """The tree. People who are suspended at the identity provider are switched off here, too."""
    everybody = tuple(people)
    entries = [
        [
            ("dn", SUFFIX),
            ("objectClass", "dcObject"),
            ("objectClass", "organization"),
            ("dc", "example"),
            ("o", "Example"),
        ],
        [("dn", PEOPLE), ("objectClass", "organizationalUnit"), ("ou", "people")],
        [("dn", GROUPS), ("objectClass", "organizationalUnit"), ("ou", "groups")],
        [
            ("dn", READER),
            ("objectClass", "organizationalRole"),
            ("objectClass", "simpleSecurityObject"),
            ("cn", "reader"),
            ("userPassword", password),
        ],
        *([*_person(person)] for person in everybody),
        *([*_group(name, everybody)] for name in _groups(everybody)),
    ]
    return "\n\n".join("\n".join(_line(*each) for each in entry) for entry in entries) + "\n"


def person_dn(person: Person) -> str:
    """What the person is called there."""
    return f"uid={name_value(person.username)},{PEOPLE}"


def _person(person: Person) -> Iterator[tuple[str, str]]:
    yield "dn", person_dn(person)
    yield "objectClass", "inetOrgPerson"
    yield "objectClass", "shadowAccount"
    yield "uid", person.username
    yield "cn", person.displayname
    yield "displayName", person.displayname
    yield "givenName", person.firstname
    yield "sn", person.lastname
    yield "mail", person.email
    yield "employeeNumber", person.value("employee_identifier")
    if person.state == "suspended":
        yield "shadowExpire", _LONG_AGO


def _groups(people: Iterable[Person]) -> Iterable[str]:
    return dict.fromkeys(group for person in people for group in person.groups)


def _group(name: str, people: Iterable[Person]) -> Iterator[tuple[str, str]]:
    yield "dn", f"cn={name_value(name)},{GROUPS}"
    yield "objectClass", "groupOfNames"
    yield "cn", name
    for person in people:
        if name in person.groups:
            yield "member", person_dn(person)


def _line(attribute: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{attribute}: {value}"
    return f"{attribute}:: {base64.b64encode(value.encode()).decode('ascii')}"
