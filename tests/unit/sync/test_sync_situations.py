"""Each rule of who becomes what, as a run applies it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from saml_wsgi.database import connect


def reasons(report):
    return {told.person: told.reason for told in report.told}


def test_everybody_becomes_a_user(world):
    """A first run makes a user of each person, with all that the source says, pinned to their subject."""
    world.source.put(
        "uid:mara",
        username="mara",
        email="mara@example.test",
        first_name="Mara",
        last_name="Lindqvist",
        display_name="Mara Lindqvist",
        employee_id="1001",
        groups=("Staff", "Wiki (Editors), old"),
    )
    report = world.done()
    user = world.user("mara")
    assert (user.email, user.first_name, user.last_name) == ("mara@example.test", "Mara", "Lindqvist")
    assert (user.display_name, user.employee_id) == ("Mara Lindqvist", "1001")
    assert user.groups == ("Staff", "Wiki (Editors), old")
    assert (user.active, user.managed_by) == (True, "ldap:corp")
    assert world.links.follow("ldap:corp", "uid:mara") == user.id
    assert (report.kind, report.counts["created"], report.counts["read"]) == ("full", 1, 1)


def test_whoever_is_switched_off_and_unknown_is_not_made(world):
    """Somebody whom the source has switched off and who has no user here gets none."""
    world.source.put("uid:mara", username="mara")
    world.source.put("uid:petra", username="petra", active=False)
    world.done()
    assert world.user("petra") is None


def test_what_changes_there_changes_here(crowd):
    """New values and groups of the source are the user's; the id stays."""
    before = crowd.user("user3")
    crowd.source.change("uid:3", email="new@example.test", groups=("Finance", "Staff"))
    report = crowd.done()
    after = crowd.user("user3")
    assert (after.id, after.email, after.groups) == (before.id, "new@example.test", ("Finance", "Staff"))
    assert (report.counts["updated"], report.counts["unchanged"]) == (1, 19)


def test_what_is_empty_there_is_empty_here(crowd):
    """A field of which the source says nothing any more becomes empty."""
    crowd.source.change("uid:3", display_name=None)
    crowd.done()
    assert crowd.user("user3").display_name == ""


def test_fields_that_the_source_does_not_speak_of_are_left_alone(crowd):
    """What an administrator wrote into a field that isn't the source's stays, and so do groups."""
    crowd.source.fields = ("username", "email")
    crowd.source.change("uid:3", groups=None, display_name=None, email="new@example.test")
    crowd.write("user3", first_name="Ada")
    crowd.done()
    user = crowd.user("user3")
    assert (user.email, user.first_name) == ("new@example.test", "Ada")
    assert (user.display_name, user.groups) == ("User 3", ("Staff",))


def test_whoever_is_switched_off_there_is_switched_off_here(crowd):
    """Switched off at the source: inactive here, and all else stays as it was."""
    crowd.source.change("uid:3", active=False, email="other@example.test")
    report = crowd.done()
    user = crowd.user("user3")
    assert (user.active, user.email, user.groups) == (False, "user3@example.test", ("Staff",))
    assert crowd.state("uid:3") == "inactive"
    assert (report.counts["deactivated"], report.counts["missing"]) == (1, 0)


def test_whoever_is_gone_is_switched_off_not_deleted(crowd):
    """Not there any more: inactive here, with fields and groups as they were."""
    crowd.source.remove("uid:3")
    report = crowd.done()
    assert crowd.user("user3").active is False
    assert crowd.user("user3").groups == ("Staff",)
    assert crowd.state("uid:3") == "missing"
    assert (report.counts["deactivated"], report.counts["missing"]) == (1, 1)


def test_whoever_comes_back_is_switched_on_again(crowd):
    """Missing or inactive, then active at the source: active here, with what the source says now."""
    crowd.source.remove("uid:3")
    crowd.source.change("uid:4", active=False)
    crowd.done()
    crowd.source.put("uid:3", username="user3", email="back@example.test", groups=("Staff",))
    crowd.source.change("uid:4", active=True)
    report = crowd.done()
    assert (crowd.user("user3").active, crowd.user("user3").email) == (True, "back@example.test")
    assert crowd.user("user4").active
    assert (crowd.state("uid:3"), crowd.state("uid:4")) == ("active", "active")
    assert report.counts["reactivated"] == 2


def test_whom_an_administrator_switched_off_stays_so(crowd):
    """Switched off here while the source has them active: left, and told, in each run."""
    crowd.write("user3", active=False)
    for _ in range(2):
        report = crowd.done()
        assert crowd.user("user3").active is False
        assert report.counts["left"] == 1
        assert "administrator" in reasons(report)["user3"]


def test_whom_an_administrator_switched_on_is_switched_off_again(crowd):
    """Switched on here although the source has them switched off: the source decides."""
    crowd.source.change("uid:3", active=False)
    crowd.done()
    crowd.write("user3", active=True)
    report = crowd.done()
    assert crowd.user("user3").active is False
    assert report.counts["deactivated"] == 1


def test_what_was_edited_here_is_put_right(crowd):
    """A field that somebody edited here is again as the source says, though nothing changed there."""
    crowd.write("user3", email="edited@example.test")
    crowd.done()
    assert crowd.user("user3").email == "user3@example.test"


@pytest.mark.parametrize("managed_by", ["local", "jit:jumpcloud", "ldap:other"])
def test_users_of_somebody_else_are_left_alone(world, managed_by):
    """A user of the same username whom somebody else keeps stays as they are, and that is told."""
    world.make("mara", managed_by, email="here@example.test")
    world.source.put("uid:mara", username="Mara", email="there@example.test")
    world.source.put("uid:jose", username="jose")
    report = world.done()
    assert (world.user("mara").managed_by, world.user("mara").email) == (managed_by, "here@example.test")
    assert reasons(report) == {"Mara": f"belongs to {managed_by}"}
    assert report.counts["elsewhere"] == 1


@pytest.mark.parametrize(("adopt", "managed_by"), [("local", "local"), ("jit", "jit:jumpcloud")])
def test_users_are_adopted_where_the_operator_says_so(world, adopt, managed_by):
    """``sync.adopt`` makes the source the keeper of a user of the same name, groups and all."""
    before = world.make("mara", managed_by, email="here@example.test", groups=("Old",))
    world.source.put("uid:mara", username="mara", email="there@example.test", groups=("Staff",))
    report = world.done(adopt=(adopt,))
    user = world.user("mara")
    assert (user.id, user.managed_by) == (before.id, "ldap:corp")
    assert (user.email, user.groups) == ("there@example.test", ("Staff",))
    assert world.links.follow("ldap:corp", "uid:mara") == user.id
    assert report.counts["adopted"] == 1
    assert world.done(adopt=(adopt,)).counts["unchanged"] == 1


def test_only_those_whom_the_operator_names_are_adopted(world):
    """``sync.adopt = jit`` leaves local users alone."""
    world.make("mara")
    world.source.put("uid:mara", username="mara")
    report = world.done(adopt=("jit",))
    assert world.user("mara").managed_by == "local"
    assert report.counts["elsewhere"] == 1


def test_an_adopted_user_who_was_switched_off_stays_so(world):
    """Adoption switches nobody on."""
    world.make("mara")
    world.write("mara", active=False)
    world.source.put("uid:mara", username="mara")
    report = world.done(adopt=("local",))
    assert (world.user("mara").active, world.user("mara").managed_by) == (False, "ldap:corp")
    assert "administrator" in reasons(report)["mara"]


def test_a_user_of_the_source_without_a_link_is_pinned(crowd):
    """A link that was removed is made again for whoever has the username."""
    crowd.links.unpin("ldap:corp", "uid:3")
    crowd.done()
    assert crowd.links.follow("ldap:corp", "uid:3") == crowd.user("user3").id


def test_a_user_whom_somebody_else_keeps_now_is_left_alone(crowd):
    """A pinned user whose record was made somebody else's isn't changed any more, nor switched off."""
    with connect(crowd.url, option="url").begin() as connection:
        changed = text("UPDATE saml_wsgi_users SET managed_by = 'local' WHERE username IN ('user3', 'user4')")
        connection.execute(changed)
    crowd.source.change("uid:4", email="new@example.test")
    report = crowd.done()
    assert reasons(report) == {"user3": "belongs to local", "user4": "belongs to local"}
    assert crowd.user("user4").email == "user4@example.test"
    crowd.source.remove("uid:4")
    assert crowd.done().counts["deactivated"] == 0
    assert crowd.user("user4").active


@pytest.mark.parametrize("code", ["attribute_unusable", "missing_attribute"])
def test_whoever_cannot_be_understood_is_left_as_they_are(crowd, code):
    """What can't be used changes nobody, switches nobody off, and is told with the reason."""
    crowd.source.spoil("uid:3", code, "uid has two values")
    crowd.source.spoil("uid:new", code, "uid has two values")
    for _ in range(2):
        report = crowd.done()
        assert crowd.user("user3").active
        assert crowd.user("user3").email == "user3@example.test"
        assert reasons(report)["user3"] == f"{code}: uid has two values"
        assert report.counts["unusable"] == 2
    assert len(crowd.everybody()) == 20


@pytest.mark.parametrize(
    "said",
    [
        {"username": ""},
        {"username": None},
        {"username": "аdmin"},
        {"username": "new", "email": "x" * 300},
        {"username": "new", "display_name": "nul\0"},
        {"username": "new", "last_name": "\ud800"},
        {"username": "\ud800"},
        {"username": "new", "groups": ("x" * 300,)},
    ],
)
def test_values_that_cannot_be_kept_harm_nobody_else(crowd, said):
    """Hostile values are one person's trouble: all others are synchronised, and the report can be kept."""
    crowd.source.put("uid:new", **said)
    crowd.source.change("uid:3", email="new@example.test")
    report = crowd.done()
    assert crowd.user("user3").email == "new@example.test"
    assert report.counts["unusable"] == 1
    assert len(crowd.everybody()) == 20
    assert crowd.history.last(1)[0].report == report.as_json()


def test_somebody_without_a_subject_is_unusable(crowd):
    """Nobody is made whom nothing identifies."""
    crowd.source.put("", username="nobody")
    report = crowd.done()
    assert report.counts["unusable"] == 1
    assert crowd.user("nobody") is None
