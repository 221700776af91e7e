"""The guides to LDAP and the page about synchronised users, followed with OpenLDAP and Samba."""

from __future__ import annotations

import json
import re
import time

import ldap3
import pytest

from tests.docs import conftest as following
from tests.docs.reading import DOCS, blocks, command, commands, run, the_ini
from tests.real import samba
from tests.real.jumpcloud_tree import EDITORS, STAFF, JumpCloudTree
from tests.real.openldap import BASE, OpenLDAP, tree

pytestmark = pytest.mark.real("openldap")

reader, scene = following.reader, following.scene

GUIDE, PAGE = "jumpcloud_ldap.md", "synchronisation.md"
ORGANISATION = "5f1b0c2d3e4f5a6b7c8d9e0f"
CROWD = {f"colleague{number}": (STAFF,) for number in range(9)}
#: Where the page's directory is.
EXAMPLE = "dc=example,dc=com"


# -- JumpCloud with LDAP synchronisation --


@pytest.fixture
def jumpcloud():
    """A directory with JumpCloud's shape, for the organisation of the guide."""
    people = {"mara": (STAFF, EDITORS), "jose": (STAFF,), "yuki": (STAFF,), **CROWD}
    found = JumpCloudTree(ORGANISATION, people, "127.31.0.40")
    yield found
    found.remove()


@pytest.fixture
def console(scene):
    """What the guide's first step sets in JumpCloud."""
    for person in scene.idp.people:
        scene.idp.change_person(person.username, email=f"{person.username}@example.com")
    scene.idp.change_app("wiki", nameid_field="username")
    return scene.idp


@pytest.fixture
def application(scene, console, jumpcloud):
    """The guide's ini, with JumpCloud's server at another address."""
    return with_guide(scene, jumpcloud)


def with_guide(scene, jumpcloud, more=()):
    server = jumpcloud.server
    there = {"source.jumpcloud.servers": server.tls, "source.jumpcloud.ca_file": server.ca}
    return scene.reader.load(the_ini(GUIDE, "source.jumpcloud.org_id"), "wiki.ini", {**there, **dict(more)})


def synchronise(*options: str) -> tuple[int, str]:
    result = run("sync", "wiki.ini", *options)
    return result.exit_code, result.output


def test_the_guide_from_the_first_command_to_the_sign_in(scene, application):
    """Its commands in their order make users of people, without the reader; who signs in is one of these."""
    said = {}
    for arguments in commands(DOCS / GUIDE):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        said[" ".join(arguments)] = result.output
    checked, planned, done, listed = said.values()
    assert re.search(r"jumpcloud: +people +12\n", checked)
    assert "12  new" in planned
    assert "Nothing was written." in planned
    assert "12  new" in done
    assert "mara@example.com" in listed
    assert "wiki-reader" not in listed
    user = scene.sign_in(application, "mara")
    assert (user.username, user.managed_by, set(user.groups)) == ("mara", "ldap:jumpcloud", {STAFF, EDITORS})
    (shown,) = [
        each
        for each in json.loads(run("users", "list", "wiki.ini", "--json").output)
        if each["id"] == user.id
    ]
    assert shown["username"] == "mara"


@pytest.mark.parametrize("options", [{}, {"match": "email"}])
def test_nameid_may_stay_the_address(scene, console, jumpcloud, options):
    """With *email* as NameID people are the users whom the synchronisation made, as step 1 says."""
    console.change_app("wiki", nameid_field="email")
    application = with_guide(scene, jumpcloud, options)
    assert synchronise()[0] == 0
    assert scene.sign_in(application, "mara").username == "mara"
    assert len(json.loads(run("users", "list", "wiki.ini", "--json").output)) == 12


@pytest.mark.parametrize("shown", [True, False])
def test_users_of_jits_are_taken_over(scene, console, jumpcloud, shown):
    """With the two lines of step 3 everybody stays who they are; with the guide's ini alone they don't."""
    console.change_app("wiki", nameid_field="email")
    before = scene.sign_in(scene.reader.load(the_ini("jumpcloud.md", "idp.name"), "wiki.ini"), "mara")
    (lines,) = [block.text for block in blocks(DOCS / GUIDE, "text") if "sync.adopt" in block.text]
    more = dict(line.split(" = ") for line in lines.splitlines()) if shown else {}
    application = with_guide(scene, jumpcloud, more)
    code, said = synchronise("--dry-run")
    assert (code, "taken over" in said) == (0, shown)
    assert synchronise()[0] == 0
    if shown:
        after = scene.sign_in(application, "mara")
        assert (after.id, after.managed_by) == (before.id, "ldap:jumpcloud")
    else:
        assert "mismatch" in scene.refused(application, "mara").text


def test_what_goes_wrong_at_the_sign_in(scene, application, jumpcloud):
    """Never there is not_found, not there any more is inactive, and no answer is source_unavailable."""
    assert synchronise()[0] == 0
    assert "not_found" in scene.refused(application, "soren").text
    jumpcloud.take_out(["mara"])
    assert "inactive" in scene.refused(application, "mara").text
    jumpcloud.server.stop()
    assert "source_unavailable" in scene.refused(application, "jose").text


def test_what_goes_wrong_in_a_run(scene, console, application, jumpcloud, monkeypatch):
    """Each code of the guide comes by its cause, and changes nothing."""
    assert synchronise()[0] == 0
    listed = run("users", "list", "wiki.ini").output
    with monkeypatch.context() as wrong:
        wrong.setenv("LDAP_PASSWORD", "wrong")
        code, said = synchronise()
    assert (code, "unavailable" in said, "invalidCredentials" in said) == (1, True, True)
    reader = jumpcloud.dn("wiki-reader")
    with_guide(scene, jumpcloud, {"source.jumpcloud.org_id": "0" * 24, "source.jumpcloud.bind_dn": reader})
    code, said = synchronise()
    assert (code, "(unavailable)" in said, "has no" in " ".join(said.split())) == (1, True, True)
    with_guide(scene, jumpcloud, {"source.jumpcloud.filter": "(objectClass=account)"})
    code, said = synchronise()
    assert (code, "(empty)" in said) == (1, True)
    with_guide(scene, jumpcloud)
    jumpcloud.take_out(CROWD)
    code, said = synchronise()
    assert (code, "(too_many_removals)" in said, "9 of 12" in said) == (1, True, True)
    assert run("users", "list", "wiki.ini").output == listed
    code, said = synchronise("--max-removals", "9")
    assert (code, "9  switched off" in said) == (0, True)


# -- synchronised users --


@pytest.fixture
def directory():
    """An OpenLDAP server with the names that the page has."""
    server = OpenLDAP(tree().replace(BASE, EXAMPLE), "127.31.0.41", base=EXAMPLE)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def admin(directory):
    """Who may change everything there."""
    connection = ldap3.Connection(
        directory.plain, f"cn=admin,{EXAMPLE}", "admin-demo", auto_bind=True, raise_exceptions=True
    )
    yield connection
    connection.unbind()


@pytest.fixture
def wiki(scene, directory):
    """The page's first ini."""
    return with_page(scene, directory, "sync.every")


def with_page(scene, directory, *having):
    there = {"source.corp.servers": directory.tls, "source.corp.ca_file": directory.ca}
    return scene.reader.load(the_ini(PAGE, *having), "wiki.ini", there)


def test_the_pages_commands_in_their_order(scene, wiki):
    """Checked, planned, done, remembered, and nobody to delete: each command ends with 0."""
    said = []
    for arguments in commands(DOCS / PAGE):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        said.append(result.output)
    checked, planned, done, remembered, purged = said
    assert "bound as cn=reader" in checked
    assert "Nothing was written." in planned
    assert "new" in done
    (row,) = remembered.splitlines()[1:]
    assert re.search(r" corp +full +done ", row)
    assert purged == "Nobody has been missing for so long.\n"
    assert scene.sign_in(wiki, "mara").managed_by == "ldap:corp"


def test_who_is_gone_is_deleted_by_age_alone(wiki, admin, monkeypatch):
    """Who isn't there any more is switched off, stays for the span of the page, and is deleted then."""
    assert synchronise()[0] == 0
    admin.delete(f"uid=mara,ou=people,{EXAMPLE}")
    assert "since they aren't there any more" in synchronise()[1]
    purge = command(PAGE, "purge")
    assert "Nobody" in run(*purge, "--yes").output
    later = time.time() + 91 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert "mara: not at ldap:corp since" in run(*purge, "--dry-run").output
    assert "mara is deleted" in run(*purge, "--yes").output


def test_reports_for_machines(wiki, directory):
    """A run and the history say in JSON what the page names; a failure ends with 1 and has code and cure."""
    code, said = synchronise("--json")
    report = json.loads(said)
    assert (code, report["code"], report["applied"], report["counts"]["created"] > 0) == (
        0,
        "done",
        True,
        True,
    )
    directory.stop()
    result = run("sync", "wiki.ini", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["code"], report["applied"]) == (1, "unavailable", False)
    assert report["cure"]
    kept = {each["code"]: each for each in json.loads(run("sync", "wiki.ini", "--history", "--json").output)}
    assert (set(kept), kept["done"]["why"]) == ({"done", "unavailable"}, "it is the first time")


def test_check_warns_if_none_has_run(scene, wiki, monkeypatch):
    """After four times sync.every without a run `check` names the option, and still ends with 0."""
    assert synchronise()[0] == 0
    assert "sync.every" not in run("check", "wiki.ini").output
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    result = run("check", "wiki.ini")
    assert (result.exit_code, "sync.every" in result.output) == (0, True)


@pytest.mark.parametrize(("nameid", "signed_in_before"), [("username", False), ("email", True)])
def test_in_an_outage_the_last_word_counts(scene, directory, nameid, signed_in_before):
    """With the page's second ini people come in as they were while the directory is silent; else nobody."""
    scene.idp.change_app("wiki", nameid_field=nameid)
    application = with_page(scene, directory, "source_down")
    assert synchronise()[0] == 0
    if signed_in_before:
        scene.sign_in(application, "mara")
    directory.stop()
    assert scene.sign_in(application, "mara").username == "mara"
    strict = with_page(scene, directory, "sync.every")
    assert "source_unavailable" in scene.refused(strict, "mara").text


def test_in_an_outage_an_address_leads_to_whom_it_led_before(scene, directory):
    """Whose NameID isn't the username here is known in an outage only after a sign-in."""
    scene.idp.change_app("wiki", nameid_field="email")
    application = with_page(scene, directory, "source_down")
    assert synchronise()[0] == 0
    directory.stop()
    assert "source_unavailable" in scene.refused(application, "mara").text


# -- Active Directory --


@pytest.mark.real("samba")
def test_the_guide_to_active_directory(reader, domain, unit, monkeypatch):
    """Its ini, with the domain's names, and its commands make users of people; then changes are read."""
    name = "wanda"
    dn = domain.person(name, under=unit, givenName="Wanda", sn="Ruiz", mail="wanda@example.com")
    domain.group(f"Wiki {unit[3:9]}", dn, under=unit)
    there = {
        "source.corp.servers": domain.tls,
        "source.corp.ca_file": domain.ca,
        "source.corp.base": unit,
        "source.corp.bind_dn": samba.READER,
        "source.corp.password": "env:LDAP_PASSWORD",
    }
    monkeypatch.setenv("LDAP_PASSWORD", samba.PASSWORD)
    reader.load(the_ini("active_directory.md", "source.corp.preset"), "wiki.ini", there)
    for arguments in commands(DOCS / "active_directory.md"):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
    shown = run("users", "show", "wiki.ini", name).output
    assert re.search(r"link +objectguid:\S+ at ldap:corp", shown, re.IGNORECASE)
    assert f"Wiki {unit[3:9]}" in shown
    (kept,) = json.loads(run("sync", "wiki.ini", "--history", "--json").output)
    assert (kept["kind"], kept["why"]) == ("full", "it is the first time")
    assert json.loads(run("sync", "wiki.ini", "--json").output)["kind"] == "incremental"
