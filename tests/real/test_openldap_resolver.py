"""The resolver ``ldap`` and a real OpenLDAP: renamed, locked, unlocked, deleted, and gone for a while."""

from __future__ import annotations

from wsgiref.validate import validator

import ldap3
import pytest

from tests.flow.conftest import wiki
from tests.flow.situations_people import MARA
from tests.flow.situations_scene import Scene
from tests.real.openldap import BASE, PASSWORD, PEOPLE, READER, OpenLDAP, tree

pytestmark = pytest.mark.real("openldap")

OWNER = "ldap:corp"


@pytest.fixture
def slapd():
    """A server of the test's own, which is stopped and changed."""
    server = OpenLDAP(tree(), "127.36.0.1")
    server.start()
    yield server
    server.remove()


@pytest.fixture
def admin(slapd):
    """Who may change everything there."""
    connection = ldap3.Connection(
        slapd.plain, f"cn=admin,{BASE}", "admin-demo", auto_bind=True, raise_exceptions=True
    )
    yield connection
    connection.unbind()


@pytest.fixture
def town(slapd, saml_idp, saml_clock, tmp_path):
    """The application, asking that server."""
    scene = Scene(saml_idp, saml_clock, tmp_path, validator(wiki))
    scene.start(
        {
            "resolvers": "ldap",
            "resolver.ldap.source_down": "use_last_known",
            "resolver.ldap.max_age": "8 h",
            "source.corp.use": "ldap",
            "source.corp.preset": "openldap",
            "source.corp.servers": slapd.tls,
            "source.corp.ca_file": slapd.ca,
            "source.corp.base": PEOPLE,
            "source.corp.bind_dn": READER,
            "source.corp.password": PASSWORD,
            "source.corp.timeout": "2 s",
        }
    )
    yield scene
    scene.parts.sources["corp"].client.close()


def code(scene, says=MARA):
    return scene.arrive(says).record.code


def test_a_colleagues_years(town, admin):
    """One user from the first day on: renamed, locked, back, gone for good; never anybody else."""
    first = town.arrive(MARA)
    assert (first.record.outcome, first.user["groups"]) == ("created", ["Loop A", "Wiki Editors"])
    (kept,) = town.ask(f"SELECT subject, state FROM saml_wsgi_links WHERE idp = '{OWNER}'")
    assert kept[0].startswith("entryUUID:")
    assert kept[1] == "active"

    admin.modify_dn(f"uid=mara,{PEOPLE}", "uid=mara.berg")
    admin.modify(f"uid=mara.berg,{PEOPLE}", {"sn": [(ldap3.MODIFY_REPLACE, ["Berg"])]})
    renamed = MARA.but(username="mara.berg")
    second = town.arrive(renamed)
    assert (second.user["id"], second.user["username"]) == (first.user["id"], "mara.berg")
    assert second.user["last_name"] == "Berg"

    dn = f"uid=mara.berg,{PEOPLE}"
    admin.modify(dn, {"shadowExpire": [(ldap3.MODIFY_REPLACE, ["1"])]})
    assert code(town, renamed) == "inactive"
    assert town.ask("SELECT active FROM saml_wsgi_users") == [(0,)]
    admin.modify(dn, {"shadowExpire": [(ldap3.MODIFY_REPLACE, [])]})
    assert town.arrive(renamed).user["id"] == first.user["id"]

    admin.delete(dn)
    assert code(town, renamed) == "inactive"
    assert town.ask("SELECT active FROM saml_wsgi_users") == [(0,)]
    # The next one of that name is another person.
    entry = {"uid": "mara.berg", "cn": "Mara Berg", "sn": "Berg"}
    admin.add(dn, ["inetOrgPerson"], entry)
    assert code(town, renamed) == "link_conflict"
    assert town.ask("SELECT count(*) FROM saml_wsgi_users") == [(1,)]


@pytest.mark.parametrize("quiet", ["stop", "freeze"])
def test_an_outage(town, slapd, quiet):
    """A server that is gone, or silent, delays a sign-in by its timeout; then its last word counts."""
    assert code(town) == "signed_in"
    getattr(slapd, quiet)()
    assert code(town) == "signed_in"
    assert code(town, MARA.but(username="jose", name_id="id-jose")) == "source_unavailable"
    town.clock.advance(8 * 3600 + 1)
    assert code(town) == "source_unavailable"
    getattr(slapd, {"stop": "start", "freeze": "thaw"}[quiet])()
    assert code(town) == "signed_in"
