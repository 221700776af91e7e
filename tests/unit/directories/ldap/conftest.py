"""A source without a server: what is searched for is written down, and answered from a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.resolvers.context import SourceContext

USUAL = {
    "preset": "openldap",
    "servers": ("ldaps://ldap.example.test",),
    "base": "ou=people,dc=example,dc=test",
    "bind_dn": "cn=reader,dc=example,dc=test",
    "password": "reader-demo",
}


def entry(dn: str = "uid=mara,ou=people,dc=example,dc=test", **attributes: Any) -> Entry:
    """An entry; a text stands for one value, and ``__`` for what no keyword can have."""
    read = {}
    for name, values in attributes.items():
        several = values if isinstance(values, list) else [values]
        key = name.replace("__range__", ";range=").replace("__", "-").lower()
        read[key] = tuple(value.encode() if isinstance(value, str) else value for value in several)
    return Entry(dn, read)


@dataclass
class Script:
    """Answers each search with what comes next; what was asked stands in ``asked``."""

    answers: list[list[Entry]]
    asked: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)

    def search(self, base, scope, wanted, attributes, *, most):
        self.asked.append((base, scope, wanted, tuple(attributes)))
        return self.answers.pop(0) if self.answers else []


@pytest.fixture
def make():
    """Makes the source; options beside the usual ones, None takes one away."""
    made = []

    def build(**options):
        given = {name: value for name, value in (USUAL | options).items() if value is not None}
        made.append(factory(SourceContext("corp"), **given))
        return made[-1]

    yield build
    for source in made:
        source.client.close()


@pytest.fixture
def find(make):
    """What a source says of somebody, if the directory answers so; the script is handed back, too."""

    def ask(*answers, keys=None, **options):
        script = Script([list(answer) if isinstance(answer, list) else [answer] for answer in answers])
        return make(**options).people.find(keys or {"username": "mara"}, script), script

    return ask


@pytest.fixture
def person():
    """Makes entries."""
    return entry
