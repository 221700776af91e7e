"""The guides, followed to the end: from the console to a sign-in, and through what goes wrong."""

from __future__ import annotations

import re

import pytest

from tests.docs.reading import DOCS, Block, blocks, command, does, run, the_ini


def reference_on(refusal) -> str:
    """The reference of a page that says no: the header's, which stands on the page as well."""
    reference = refusal.header("Saml-Wsgi-Reference")
    assert reference
    assert reference in refusal.text
    return reference


# -- manual provisioning --


@pytest.fixture
def manual(scene):
    """The guide to manual provisioning, up to its fifth step, at a JumpCloud whose addresses it uses."""
    for person in scene.idp.people:
        scene.idp.change_person(person.username, email=f"{person.username}@example.com")
    application = scene.reader.load(the_ini("jumpcloud_manual.md", "idp.metadata"), "wiki.ini")
    does("jumpcloud_manual.md", "check")
    (people,) = [block for block in blocks(DOCS / "jumpcloud_manual.md") if block.name == "people.csv"]
    scene.reader.read(people)
    does("jumpcloud_manual.md", "add")
    does("jumpcloud_manual.md", "import")
    return application


def test_manual_users_are_made_and_come_in(scene, manual):
    """Those of the command and those of the table sign in, with the groups that they have here."""
    assert "mara@example.com" in does("jumpcloud_manual.md", "list")
    user = scene.sign_in(manual, "mara")
    assert (user.username, user.groups, user.managed_by) == ("mara", (), "local")
    assert scene.sign_in(manual, "jose").groups == ("editors", "hr")


def test_manual_strangers_are_told_whom_to_ask(scene, manual):
    """Whoever has no user reads code, sentence and reference; the reference leads to the record."""
    refusal = scene.refused(manual, "soren")
    assert "not_found" in refusal.text
    assert "Write to accounts@example.com for an account." in refusal.words
    shown = command("jumpcloud_manual.md", "logins")
    result = run(*shown[:-1], reference_on(refusal))
    assert result.exit_code == 0, result.output
    assert "not_found" in result.output


def test_manual_a_changed_address(scene, manual):
    """A new address is not_found, then link_conflict, and after the guide's two commands the same user."""
    before = scene.sign_in(manual, "mara")
    scene.idp.change_person("mara", email="mara.l@example.com")
    assert "not_found" in scene.refused(manual, "mara").text
    does("jumpcloud_manual.md", "set")
    assert "link_conflict" in scene.refused(manual, "mara").text
    does("jumpcloud_manual.md", "move")
    assert scene.sign_in(manual, "mara").id == before.id


def test_manual_what_goes_wrong(scene, manual):
    """Switched off is inactive; a user deleted past the commands is not_found, until the link is removed."""
    scene.sign_in(manual, "mara")
    assert run("users", "disable", "wiki.ini", "mara").exit_code == 0
    assert "inactive" in scene.refused(manual, "mara").text
    assert run("users", "enable", "wiki.ini", "mara").exit_code == 0
    scene.sign_in(manual, "mara")
    assert run("users", "set", "wiki.ini", "jose", "--email", "mara@example.com").exit_code == 0
    assert "ambiguous" in scene.refused(manual, "mara").text


@pytest.mark.parametrize(
    ("field", "options", "employee_id"),
    [
        ("username", {}, ""),
        ("email", {"match": "employee_id", "link.source": "employeeNumber"}, "E-0409"),
    ],
)
def test_manual_the_other_ways_to_be_found(scene, field, options, employee_id):
    """The first step's table: by username as it is, by employee number with its options."""
    scene.idp.change_app("wiki", nameid_field=field)
    ini = Block(DOCS / "jumpcloud_manual.md", 1, "ini", "", "resolvers = existing\n")
    application = scene.reader.load(ini, "wiki.ini", options)
    added = run("users", "add", "wiki.ini", "mara", "--employee-id", employee_id)
    assert added.exit_code == 0, added.output
    assert scene.sign_in(application, "mara").username == "mara"


# -- changing the model --


@pytest.mark.parametrize("models", [("existing", "jit"), ("jit", "existing")])
def test_a_changed_mind_changes_nobody(scene, models):
    """With another model everybody is the same user as before; new people get what the new model gives."""
    before, after = models
    first = scene.reader.load(
        Block(DOCS / "choosing.md", 1, "ini", "", f"resolvers = {before}\n"), "wiki.ini"
    )
    if before == "existing":
        assert run("users", "add", "wiki.ini", "mara@example.test").exit_code == 0
    user = scene.sign_in(first, "mara")
    second = scene.reader.load(
        Block(DOCS / "choosing.md", 1, "ini", "", f"resolvers = {after}\n"), "wiki.ini"
    )
    same = scene.sign_in(second, "mara")
    assert (same.id, same.display_name, same.managed_by) == (user.id, user.display_name, user.managed_by)
    if after == "jit":
        assert scene.sign_in(second, "jose").managed_by.startswith("jit:")
    else:
        assert "not_found" in scene.refused(second, "jose").text


def test_users_made_by_hand_and_just_in_time(scene):
    """`jit` alone: those made by hand are signed in as they are, or kept current where the option says so."""
    ini = Block(DOCS / "choosing.md", 1, "ini", "", "resolvers = jit\n")
    application = scene.reader.load(ini, "wiki.ini")
    assert run("users", "add", "wiki.ini", "mara@example.test", "--last-name", "Holm").exit_code == 0
    assert scene.sign_in(application, "mara").last_name == "Holm"
    application = scene.reader.load(ini, "wiki.ini", {"resolver.jit.update_existing": "yes"})
    user = scene.sign_in(application, "mara")
    assert (user.last_name, user.managed_by) == ("Lindqvist", "local")


# -- just in time --


def test_jit_makes_and_keeps_current(scene):
    """The guide's ini makes a user with names and groups, and its commands show user and sign-in."""
    application = scene.reader.load(the_ini("jumpcloud.md", "idp.name"), "wiki.ini")
    scene.idp.change_person("mara", email="mara@example.com")
    first = scene.sign_in(application, "mara")
    assert (first.username, first.first_name) == ("mara@example.com", "Mara")
    assert "Wiki Editors" in first.groups
    assert first.managed_by == "jit:jumpcloud"
    assert "signed_in" in does("jumpcloud.md", "logins")
    assert "jit:jumpcloud" in does("jumpcloud.md", "show")
    scene.idp.change_person("mara", lastname="Holm", groups=("Staff",))
    second = scene.sign_in(application, "mara")
    assert (second.id, second.last_name, second.groups) == (first.id, "Holm", ("Staff",))


def test_jit_a_changed_address_is_a_second_user(scene):
    """By NameID alone a changed address makes a second user, as the guide warns."""
    application = scene.reader.load(the_ini("jumpcloud.md", "idp.name"), "wiki.ini")
    first = scene.sign_in(application, "mara")
    scene.idp.change_person("mara", email="mara.l@example.test")
    assert scene.sign_in(application, "mara").id != first.id


def test_jit_an_employee_number_stays_with_a_person(scene):
    """With the guide's link.source a new address is the same user, and an old one isn't the next person's."""
    application = scene.reader.load(the_ini("jumpcloud.md", "link.source"), "wiki.ini")
    first = scene.sign_in(application, "mara")
    scene.idp.change_person("mara", email="mara.l@example.test")
    assert scene.sign_in(application, "mara").id == first.id
    scene.idp.change_person("jose", email="mara@example.test")
    refusal = scene.refused(application, "jose")
    assert re.search("mismatch|link_conflict", refusal.text)


def test_jit_not_everybody(scene):
    """The guide's limits keep new people out who aren't in the group, or bring no address of the domain."""
    application = scene.reader.load(the_ini("jumpcloud.md", "allow_groups"), "wiki.ini")
    assert "not_allowed" in scene.refused(application, "mara").text  # example.test isn't example.com
    scene.idp.change_person("mara", email="mara@example.com")
    assert scene.sign_in(application, "mara").username == "mara@example.com"
    scene.idp.change_person("jose", email="jose@example.com", groups=("Finance",))
    assert "not_allowed" in scene.refused(application, "jose").text
