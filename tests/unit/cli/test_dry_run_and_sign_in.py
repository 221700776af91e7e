"""A dry run says what a sign-in then does: the same resolvers over the same people, twice."""

from __future__ import annotations

import sqlite3

import pytest

from saml_wsgi import database
from saml_wsgi.cli.dry_run import decide
from saml_wsgi.model import FIELDS, Assertion, Changes, Resolution

IDP = "JumpCloud"
TABLE = """
resolver.jit.update_existing = yes
directory.table = people
directory.columns.id = number
directory.columns.username = login
directory.columns.email = mail
"""
MARA = {
    "username": "mara@x.test",
    "email": "mara@x.test",
    "groups": ("old", "staff"),
    "managed_by": f"jit:{IDP}",
}
SAID = {"email": "mara@x.test", "firstname": "Mara", "memberOf": ("staff", "new")}


def asserted(name_id="mara@x.test", **attributes):
    said = {name: (value,) if isinstance(value, str) else value for name, value in attributes.items()}
    return Assertion(IDP, IDP, "_1", name_id, "", said, "", 0, None, 60)


def everything(file):
    connection = sqlite3.connect(file)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


# What is configured; who is there (and whether switched off); who is pinned to them; what is asserted.
SITUATIONS = {
    "nobody is there": ("", [], None, SAID),
    "nobody may be made": ("resolvers = existing\n", [], None, SAID),
    "somebody who changed": ("", [MARA], None, SAID),
    "somebody who changed, pinned": ("", [MARA], "NameID:mara@x.test", SAID),
    "pinned to another": ("", [MARA], "NameID:somebody@x.test", SAID),
    "existing": ("resolvers = existing\n", [MARA], None, SAID),
    "existing, by e-mail, of two": (
        "resolvers = existing\nmatch = email\n",
        [MARA, {**MARA, "username": "other"}],
        None,
        SAID,
    ),
    "switched off": ("", [{**MARA, "active": False}], None, SAID),
    "switched on": ("resolver.jit.reactivate = yes\n", [{**MARA, "active": False}], None, SAID),
    "somebody else's": ("", [{**MARA, "managed_by": "ldap:corporate"}], None, SAID),
    "made by an administrator": ("", [{**MARA, "managed_by": "local"}], None, SAID),
    "left alone": ("resolver.jit.never = first_name\ngroups.managed = staff\n", [MARA], None, SAID),
    "groups unsaid": ("groups.default = everybody\n", [MARA], None, {"email": "new@x.test"}),
    "only groups that are known": ("groups.create = no\n", [MARA], None, SAID),
    "not allowed": ("allow.domains = y.test\n", [MARA], None, SAID),
    "denied by a group": ("deny.groups = new\n", [], None, SAID),
    "something is missing": ("resolver.jit.required = last_name\n", [MARA], None, SAID),
    "the matching name changed": (
        "link.source = staffnumber\n",
        [MARA],
        "attr:staffnumber:7",
        {**SAID, "staffnumber": "7", "username": "mara@x.test"},
    ),
    "own table, nobody is there": (TABLE, [], None, SAID),
    "own table, somebody who changed": (TABLE, [MARA], None, {**SAID, "email": "new@x.test"}),
}


@pytest.fixture
def situation(configured, request):
    """The parts of a configuration, with people in the database."""
    options, people, pinned, said = SITUATIONS[request.param]
    wiki = configured(options)
    file = wiki.folder / "saml_wsgi.db"
    url = f"sqlite:///{file}"
    database.create(url)
    if "directory.table" in options:
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE people (number INTEGER PRIMARY KEY, login TEXT UNIQUE, mail TEXT)")
        connection.commit()
        connection.close()
    parts = wiki.parts()
    for person in people:
        values = dict(person)
        active = values.pop("active", True)
        user = wiki.make(values.pop("username"), managed_by=values.pop("managed_by"), **values)
        if not active:
            parts.directory.update(user, Changes({"active": False}))
        if pinned is not None:
            parts.links.pin(IDP, pinned, user.id)
    yield parts, file, asserted(**said)
    database.disconnect(url)


@pytest.mark.parametrize("situation", SITUATIONS, indirect=True)
def test_what_is_said_is_what_is_done(situation):
    """The dry run writes nothing; then the sign-in has its outcome, and leaves the user as it said."""
    parts, file, assertion = situation
    before = everything(file)
    said = decide(parts, assertion)
    assert everything(file) == before
    done = parts.chain.resolve(assertion)
    if not isinstance(done, Resolution):
        assert (said.code, said.detail) == (done.code, done.detail)
        assert said.shown is not None
        return
    assert (said.code, said.resolver, said.outcome) == ("signed_in", done.resolver, done.outcome)
    found = parts.directory.get(done.user.id)
    for name in FIELDS:
        assert said.user.value(name) == found.value(name)
    assert (said.user.groups, said.user.active) == (found.groups, found.active)
    assert said.user.managed_by == found.managed_by
    assert (said.before is None) == (done.outcome == "created")
    assert {one.name: one.origin for one in said.fields if one.origin} == {
        name: origin for name, origin in done.origins.items() if name != "groups"
    }
    assert bool(said.written) == (everything(file) != before)
    pinned = [one.link for one in said.written if one.link is not None]
    for idp, subject in pinned:
        assert parts.links.follow(idp, subject) == found.id
