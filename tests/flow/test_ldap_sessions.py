"""Out within minutes: what a synchronisation or a sign-in finds reaches the sessions that are running."""

from __future__ import annotations

import pytest

from saml_wsgi.model import Changes
from tests.flow.situations_company import MARA_THERE, Town, is_signed_in
from tests.flow.situations_people import MARA
from tests.flow.situations_scene import WIKI

RECHECK = 301


@pytest.fixture
def town(scene):
    """Makes an application whose people a company keeps, Mara and some others; all are synchronised."""

    def make(**options):
        made = Town(scene, **options)
        made.company.has("uuid:mara", **MARA_THERE)
        for number in range(10):
            made.company.has(f"uuid:{number}", username=f"colleague{number}", groups=("Staff",))
        assert made.sync().code == "done"
        return made

    return make


@pytest.mark.parametrize("leave", [lambda people: people.pop("uuid:mara"), None], ids=["removed", "disabled"])
def test_out_after_a_run(town, leave):
    """Whom a run finds removed or disabled is signed out at the next re-check, and not before the run."""
    one = town()
    browser = one.browser(MARA)
    if leave is None:
        one.company.has("uuid:mara", active=False)
    else:
        leave(one.company.people)
    one.scene.clock.advance(RECHECK)
    assert is_signed_in(browser)
    assert one.sync().code == "done"
    one.scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)
    one.refuses(MARA, "inactive")


def test_out_after_a_sign_in(town):
    """Somebody who is refused in one browser is out in the others, too."""
    one = town()
    browser = one.browser(MARA)
    one.company.has("uuid:mara", active=False)
    one.refuses(MARA, "inactive")
    one.scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)


def test_taken_out_of_the_allowed_group(town):
    """Who isn't in an allowed group any more is out, although the group was asserted at the sign-in."""
    one = town(allow__groups="Staff")
    browser = one.browser(MARA)
    one.scene.clock.advance(RECHECK)
    assert is_signed_in(browser)
    one.company.has("uuid:mara", groups=("Wiki Editors",))
    assert one.sync().code == "done"
    one.scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)
    assert [(event.name, event.code) for event in one.scene.events[-1:]] == [("session_ended", "not_allowed")]


def test_put_into_a_denied_group(town):
    """Who is in a denied group now is out; the others stay."""
    one = town(deny__groups="Leavers")
    browser = one.browser(MARA)
    one.company.has("uuid:mara", groups=("Staff", "leavers"))
    one.sync()
    one.scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)


def test_another_domain(town):
    """Whose address is in no allowed domain any more is out."""
    one = town(allow__domains="corp.test")
    browser = one.browser(MARA)
    one.company.has("uuid:mara", email="mara@elsewhere.test")
    one.sync()
    one.scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)


def test_new_groups_without_signing_in_again(town):
    """What a run brings is what the application sees within the re-check; the session goes on."""
    one = town(allow__groups="Staff")
    browser = one.browser(MARA)
    one.company.has("uuid:mara", groups=("Staff", "Owners"), display_name="Mara L.")
    one.sync()
    one.scene.clock.advance(RECHECK)
    user = browser.get(f"{WIKI}/").json()["user"]
    assert (user["groups"], user["display_name"]) == (["Owners", "Staff"], "Mara L.")


def test_the_request_path_never_asks_the_company(town):
    """Requests of people who are signed in are answered by what is here, also while the company is down."""
    one = town()
    browser = one.browser(MARA)
    one.company.asked.clear()
    one.company.down = True
    for _ in range(5):
        one.scene.clock.advance(RECHECK)
        assert is_signed_in(browser)
    assert one.company.asked == []


def test_an_asserted_group_that_nobody_keeps_here(town):
    """A group that lets somebody in because it is asserted, and was never kept here, goes on doing so."""
    one = town(allow__groups="\nWiki Editors", groups__managed="Staff")
    browser = one.browser(MARA)
    assert browser.get(f"{WIKI}/").json()["user"]["groups"] == ["Staff"]
    one.scene.clock.advance(RECHECK)
    assert is_signed_in(browser)


def test_users_of_jit_are_looked_at_again_too(scene):
    """Whom an administrator took out of the allowed group is out, whichever resolver signed them in."""
    scene.people(())
    scene.start({"allow.groups": "Staff"})
    scene.arrange(MARA)
    browser = scene.browser()
    browser.sign_in(f"{WIKI}/", "visitor")
    scene.clock.advance(RECHECK)
    assert is_signed_in(browser)
    (mara,) = scene.parts.directory.find("username", "mara")
    scene.parts.directory.update(mara, Changes({"groups": ("Wiki Editors",)}))
    scene.clock.advance(RECHECK)
    assert not is_signed_in(browser)
