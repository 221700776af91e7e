"""The pytest plugin: free to import, and its fixtures work in a project that knows only them."""

import subprocess
import sys

import pytest

from saml_wsgi import testing
from saml_wsgi.testing import FakeClock

pytest_plugins = ["pytester"]

HEAVY = (
    "lxml",
    "xmlsec",
    "webob",
    "cryptography",
    "sqlalchemy",
    "jinja2",
    "click",
    "onelogin",
    "html.parser",
)


def test_importing_the_plugin_costs_nothing():
    """The plugin's module brings in pytest and nothing heavy: it is imported in everybody's test runs."""
    script = (
        "import sys, pytest; before = set(sys.modules); import saml_wsgi.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert {name for name in found.split() if name.startswith("saml_wsgi")} == {
        "saml_wsgi",
        "saml_wsgi.errors",
        "saml_wsgi.interfaces",
        "saml_wsgi.model",
        "saml_wsgi.testing",
        "saml_wsgi.testing.plugin",
    }
    assert not {name for name in found.split() if name.startswith(HEAVY)}


def test_the_fixtures_work_for_others(pytester):
    """A test elsewhere gets identity provider, browser and clock by name, without importing anything."""
    pytester.makepyfile(
        """
        def test_a_sign_in(saml_idp, saml_browser, saml_clock):
            browser = saml_browser({"https://sso.example.test": saml_idp})
            page = browser.get("https://sso.example.test/", follow=True)
            portal = browser.submit(page, {"username": "mara", "password": "mara-demo"}, follow=True)
            assert browser.click(portal, "Wiki").form().url == "https://wiki.example.test/saml/acs"
            saml_clock.advance(9 * 3600)
            assert browser.get("https://sso.example.test/").status == 303

        def test_each_test_begins_anew(saml_idp, saml_browser):
            assert not saml_idp.sent
            assert not list(saml_browser().cookies)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_every_public_name_is_there():
    """What the package lists can be imported from it; anything else is an AttributeError."""
    for name in testing.__all__:
        assert getattr(testing, name).__doc__ or name == "PEOPLE"
    assert set(testing.__all__) == set(testing._ROOMS)
    with pytest.raises(AttributeError):
        testing.unheard_of  # noqa: B018 - the access is the test


def test_the_clock_is_set_and_goes_forwards():
    """A clock moves: advance moves both hands, set only the wall clock; time doesn't run backwards."""
    clock = FakeClock(1000, 5)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (1002.5, 7.5)
    clock.set(10)
    assert (clock.time(), clock.monotonic()) == (10, 7.5)
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)


def test_sample_people_are_varied():
    """Somebody has a name beyond ASCII, groups with commas and parentheses, and not everybody may sign in."""
    people = testing.PEOPLE
    groups = {group for person in people for group in person.groups}
    assert {person.state for person in people} == {"active", "suspended", "unassigned"}
    assert any(not person.displayname.isascii() for person in people)
    for mark in (",", "(", "<", "&"):
        assert any(mark in group for group in groups)
    assert any(not group.isascii() for group in groups)
    assert len({person.value("employee_identifier") for person in people}) == len(people)
    assert people[0].value("unheard_of") == ""
