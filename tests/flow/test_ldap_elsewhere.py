"""The resolver ``ldap`` where users aren't in tables of ours, and where nothing is written at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from saml_wsgi import database
from saml_wsgi.cli.dry_run import decide
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Assertion
from tests.flow.situations_company import LDAP, MARA_THERE, OWNER, Town
from tests.flow.situations_own_table import Story
from tests.flow.situations_people import JOSE, MARA

NADIA = MARA.but(name_id="id-nadia", username="nadia")
NADIA_THERE = {"username": "nadia", "email": "nadia@corp.test", "first_name": "Nadia", "groups": ("Staff",)}


class Elsewhere:
    """A directory of somebody else's that keeps no links."""

    def __init__(self, context, file: str) -> None:
        database.create(f"sqlite:///{file}")
        real = SQLDirectory(f"sqlite:///{file}")
        self.find, self.get, self.create, self.update = real.find, real.get, real.create, real.update


def elsewhere(context, *, file: str) -> Elsewhere:
    """It keeps users in a file."""
    return Elsewhere(context, file)


@pytest.fixture
def story(scene):
    """An application with a table of its own, Mara in it, and the company that knows Nadia and Mara."""
    made = Story(scene, scene.url)
    made.start(**{key.replace(".", "__"): value for key, value in LDAP.items()})
    company = scene.parts.sources["corp"]
    company.has("uuid:nadia", **NADIA_THERE)
    company.has("uuid:mara", **MARA_THERE)
    return made, company


def test_in_the_applications_own_table(story):
    """A colleague gets a row, which is renamed, switched off and on with them; others stay."""
    made, company = story
    made.arrive(MARA, "signed_in", "unchanged")
    made.assert_untouched()
    first = made.arrive(NADIA, "signed_in", "created")
    made.assert_added(login="nadia", mail="nadia@corp.test", given="Nadia")
    company.has("uuid:nadia", username="nadia.z")
    renamed = made.arrive(NADIA.but(username="nadia.z"), "signed_in", "updated")
    assert renamed.user["id"] == first.user["id"]
    nadia = company.people.pop("uuid:nadia")
    made.arrive(NADIA.but(username="nadia.z"), "inactive")
    assert [row["is_enabled"] for row in made.own.rows() if row["login"] == "nadia.z"] in ([False], [0])
    company.people["uuid:nadia"] = nadia
    back = made.arrive(NADIA.but(username="nadia.z"), "signed_in", "updated")
    assert back.user["id"] == first.user["id"]


def test_in_a_directory_from_elsewhere(scene, tmp_path):
    """Links and last words are kept by us where the directory doesn't, also where link.source is off."""
    scene.start(
        LDAP
        | {
            "directory.use": f"{__name__}:elsewhere",
            "directory.option.file": f"{tmp_path}/elsewhere.db",
            "link.source": "off",
        }
    )
    company = scene.parts.sources["corp"]
    company.has("uuid:mara", **MARA_THERE)
    user_id = scene.arrive(MARA).user["id"]
    company.has("uuid:mara", username="mara.berg")
    assert scene.arrive(MARA.but(username="mara.berg")).user["id"] == user_id
    company.has("uuid:mara", active=False)
    assert scene.arrive(MARA.but(username="mara.berg")).record.code == "inactive"
    assert not scene.parts.directory.get(user_id).active
    company.has("uuid:mara", active=True)
    assert scene.arrive(MARA.but(username="mara.berg")).user["id"] == user_id
    assert scene.ask("SELECT idp, subject, state FROM saml_wsgi_links") == [(OWNER, "uuid:mara", "active")]


def said(says) -> Assertion:
    """What the identity provider would have said, for a dry run."""
    return Assertion(
        idp="JumpCloud",
        issuer="",
        id="",
        name_id=says.name_id,
        name_id_format=says.name_id_format,
        attributes={name: (text,) for name, text in says.attributes.items() if isinstance(text, str)},
        session_index="",
        authn_instant=0,
        session_not_on_or_after=None,
        expires=0,
    )


def test_a_dry_run(scene):
    """What a sign-in would do is told, made or switched off, and nothing is written."""
    one = Town(scene)
    one.company.has("uuid:mara", **MARA_THERE)
    one.company.has("uuid:jose", username="jose")
    one.arrives(JOSE)
    one.company.people.pop("uuid:jose")

    def content():
        with closing(sqlite3.connect(scene.file)) as connection:
            return list(connection.iterdump())

    before = content()
    made = decide(scene.parts, said(MARA))
    assert (made.code, made.outcome, made.user.email) == ("signed_in", "created", "mara@corp.test")
    assert [(one.what, one.link, one.state) for one in made.written] == [
        ("create", (OWNER, "uuid:mara"), ""),
        ("pin", ("JumpCloud", "NameID:id-mara"), ""),
        ("note", None, "active"),
    ]
    left = decide(scene.parts, said(JOSE))
    assert (left.code, [(one.what, one.state) for one in left.written]) == (
        "inactive",
        [("note", "missing"), ("update", "")],
    )
    assert content() == before
