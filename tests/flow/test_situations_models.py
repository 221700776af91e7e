"""Manual provisioning, chains and resolvers of one's own: the models beside JIT alone."""

from __future__ import annotations

import pytest
from paste.deploy import loadfilter

from tests.flow.conftest import wiki
from tests.flow.situations import (
    TRANSIENT,
    Situation,
    created,
    refused,
    unchanged,
    updated,
)
from tests.flow.situations_people import JOSE, JOSE_HERE, MARA, MARA_BY_HAND, MARA_HERE
from tests.flow.situations_scene import WIKI

EXISTING = {"resolvers": "existing"}
ASK = {"resolvers": "existing", "resolver.existing.ask": "Ask the wiki team, room 17."}
BOTH = {"resolvers": "existing jit"}
PARTS = "tests.flow.situations_parts"
PINNED = MARA_BY_HAND.but(subject="NameID:id-mara")

EXISTING_ONLY = (
    Situation(
        "she is there: signed in and pinned, and not a letter of her is changed",
        MARA,
        unchanged(PINNED),
        there=(MARA_BY_HAND, JOSE_HERE),
        options=EXISTING,
    ),
    Situation(
        "she is there, made by JIT: not changed either",
        MARA.but(lastname="Berg", memberOf=()),
        unchanged(MARA_HERE),
        there=(MARA_HERE,),
        options=EXISTING,
    ),
    Situation(
        "she is there, managed by an LDAP synchronisation",
        MARA,
        unchanged(PINNED.but(managed_by="ldap:corp")),
        there=(MARA_BY_HAND.but(managed_by="ldap:corp"),),
        options=EXISTING,
    ),
    Situation(
        "found by her address",
        MARA,
        unchanged(PINNED.but(username="m.berg")),
        there=(MARA_BY_HAND.but(username="m.berg"),),
        options=EXISTING | {"match": "email"},
    ),
    Situation(
        "found by her address, by an option of this resolver alone",
        MARA,
        unchanged(PINNED.but(username="m.berg")),
        there=(MARA_BY_HAND.but(username="m.berg"),),
        options=EXISTING | {"resolver.existing.match": "email"},
    ),
    Situation(
        "found by her employee number",
        MARA.but(employeeNumber="1001"),
        unchanged(PINNED.but(username="m.berg", employee_id="1001")),
        there=(MARA_BY_HAND.but(username="m.berg", employee_id="1001"),),
        options=EXISTING | {"match": "employee_id"},
    ),
    Situation("she isn't there", MARA, refused("not_found"), there=(JOSE_HERE,), options=EXISTING),
    Situation(
        "she isn't there, and is told whom to ask",
        MARA,
        refused("not_found", shown="Ask the wiki team, room 17."),
        there=(JOSE_HERE,),
        options=ASK,
    ),
    Situation(
        "she is inactive, and is told whom to ask",
        MARA,
        refused("inactive", shown="Ask the wiki team, room 17."),
        there=(MARA_BY_HAND.but(active=False),),
        options=ASK,
    ),
    Situation(
        "her username was given to somebody else",
        MARA.but(name_id="id-other"),
        refused("link_conflict"),
        there=(PINNED,),
        options=EXISTING,
    ),
    Situation(
        "two have her address",
        MARA,
        refused("ambiguous"),
        there=(MARA_BY_HAND, JOSE_HERE.but(email="mara@example.test")),
        options=EXISTING | {"match": "email"},
    ),
    Situation(
        "her NameID changes each time: signed in and not pinned",
        MARA.but(name_id_format=TRANSIENT),
        unchanged(MARA_BY_HAND),
        there=(MARA_BY_HAND,),
        options=EXISTING | {"idp.nameid_stable": "false"},
    ),
    Situation(
        "only what finds her matters: a first name of 300 letters",
        MARA.but(firstname="M" * 300),
        unchanged(PINNED),
        there=(MARA_BY_HAND,),
        options=EXISTING,
    ),
)

CHAINS = (
    Situation(
        "existing knows her: JIT isn't asked",
        MARA,
        unchanged(PINNED),
        there=(MARA_BY_HAND,),
        options=BOTH | {"resolver.jit.update_existing": "yes"},
    ),
    Situation(
        "existing doesn't know her: JIT makes her", MARA, created(MARA_HERE), there=(JOSE_HERE,), options=BOTH
    ),
    Situation(
        "existing knows her, inactive: JIT isn't asked",
        MARA,
        refused("inactive"),
        there=(MARA_HERE.but(active=False),),
        options=BOTH | {"resolver.jit.reactivate": "yes"},
    ),
    Situation(
        "existing finds nobody by the address, JIT finds her by the name",
        MARA.but(email="mara@example.com"),
        updated(MARA_HERE.but(email="mara@example.com"), "email"),
        there=(MARA_HERE.but(subject=""),),
        options=BOTH | {"resolver.existing.match": "email", "link.source": "NameID"},
    ),
    Situation(
        "a resolver of one's own refuses: nobody else is asked",
        MARA,
        refused("not_allowed", "mara is barred", shown="Write to it@example.test."),
        options={
            "resolvers": "staff jit",
            "resolver.staff.use": f"{PARTS}:staff",
            "resolver.staff.barred": "jose mara",
        },
    ),
    Situation(
        "a resolver of one's own has no opinion: JIT makes her",
        MARA,
        created(MARA_HERE),
        options={
            "resolvers": "staff jit",
            "resolver.staff.use": f"{PARTS}:staff",
            "resolver.staff.group": "Board",
        },
    ),
    Situation(
        "a resolver of one's own can't ask: nobody else is asked, and nobody is made",
        MARA,
        refused("source_unavailable", "connection refused", status=503),
        options={"resolvers": "out jit", "resolver.out.use": f"{PARTS}:out"},
    ),
)


ROWS = (*EXISTING_ONLY, *CHAINS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_models(scene, row):
    """Each situation of the other provisioning models has the outcome that is promised."""
    scene.play(row)


def test_a_user_of_ones_own(scene):
    """A resolver of one's own that returns a User signs that user in; the directory stays empty."""
    scene.start({"resolvers": "staff", "resolver.staff.use": f"{PARTS}:staff"})
    arrival = scene.arrive(MARA)
    assert arrival.user["id"] == "staff-mara"
    assert arrival.user["groups"] == ["Staff"]
    assert (arrival.record.code, arrival.record.resolver) == ("signed_in", "staff")
    assert not scene.picture().rows
    assert scene.arrive(JOSE.but(memberOf=("Sales",))).record.code == "not_found"


@pytest.mark.parametrize(
    "option", [{"deny.groups": "Staff"}, {"allow.groups": "Board"}, {"allow.domains": "example.com"}]
)
def test_a_user_of_ones_own_may_not(scene, option):
    """Who may sign in is looked at whoever the resolver is."""
    scene.start({"resolvers": "staff", "resolver.staff.use": f"{PARTS}:staff", **option})
    arrival = scene.arrive(MARA)
    assert (arrival.user, arrival.record.code) == (None, "not_allowed")


def test_from_an_ini(scene, tmp_path, saml_browser, sign_in):
    """The whole of it in an ini that PasteDeploy loads: own resolver, source, policies, groups."""
    ini = tmp_path / "wiki.ini"
    (tmp_path / "jumpcloud.xml").write_text(scene.idp.metadata("wiki"), encoding="utf-8")
    ini.write_text(
        f"""
[filter:saml]
use = egg:saml_wsgi
base_url = {WIKI}
idp.metadata = file:jumpcloud.xml
session.secret = for-tests-only-7Qk2ZtYw0sVb4NcX9mLr
store.url = sqlite:///{scene.file}
attributes.username = NameID
attributes.username.cut_domain = yes
attributes.username.replace =
    ^ext- -> x.
    _ -> .
attributes.display_name.format = {{lastname}}, {{firstname}}
groups.map =
    Staff -> employees
    /Engineering \\((.*)\\)/ -> eng-\\1
groups.unmapped = drop
groups.default = people
resolvers = staff jit
resolver.staff.use = {PARTS}:staff
resolver.staff.group = Board
resolver.jit.never = email
resolver.jit.sources = saml hr
source.hr.use = {PARTS}:hr
source.hr.ident = mara
""",
        encoding="utf-8",
    )
    app = loadfilter(f"config:{ini}", name="saml")(wiki)
    browser = saml_browser({WIKI: app, "https://sso.example.test": scene.idp})
    user = sign_in(browser).json()["user"]
    assert {name: user[name] for name in ("username", "display_name", "email", "employee_id", "groups")} == {
        "username": "mara",
        "display_name": "Lindqvist, Mara",
        "email": "",
        "employee_id": "1001",
        "groups": ["employees", "eng-Backend", "people"],
    }


def test_who_is_barred_stays_out(scene):
    """A user who is switched off after a sign-in isn't let in again by whoever made them."""
    scene.start()
    scene.arrive(MARA)
    scene.run("UPDATE saml_wsgi_users SET active = FALSE")
    assert scene.arrive(MARA).record.code == "inactive"


def test_the_record_keeps_no_values(scene):
    """A record names what arrived and what was written, and holds no value of it; unless it is told to."""
    scene.start()
    record = scene.arrive(MARA.but(memberOf=("Staff", "Wiki Editors"))).record
    text = repr(record)
    assert {"username", "email", "memberOf"} <= set(record.arrived)
    assert {"username", "email", "last_name", "groups"} <= set(record.changes)
    for value in ("mara@example.test", "Lindqvist", "Wiki Editors", "id-mara"):
        assert value not in text
    scene.start({"records.values": "yes", "groups.privileged": "Admins"})
    record = scene.arrive(MARA.but(lastname="Berg", memberOf=("Staff", "Admins"))).record
    assert "Berg" in record.changes["last_name"]
    assert "privileged" in record.left["Admins"]
