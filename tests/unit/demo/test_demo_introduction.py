"""The terminal says everything that somebody needs who has never seen the demonstration."""

from __future__ import annotations

import pytest

from saml_wsgi.demo.folder import Folder
from saml_wsgi.demo.introduction import introduction
from saml_wsgi.demo.running import Demonstration
from saml_wsgi.testing import PEOPLE, App, JumpCloudIdP

BASE, SSO = "http://localhost:8080", "http://localhost:8081"


@pytest.fixture
def demonstration(tmp_path) -> Demonstration:
    app = App.for_service("demo", BASE, label="Demonstration")
    return Demonstration(BASE, JumpCloudIdP(SSO, apps=[app]), app, Folder(tmp_path / "two words"))


def test_it_names_both_addresses_and_the_ini(demonstration):
    """Where to go, and what to edit, stand at the top."""
    said = introduction(demonstration, "saml-wsgi")
    for wanted in (f"{BASE}/\n", f"{SSO}/\n", str(demonstration.folder.ini)):
        assert wanted in said.partition("Who has an account")[0]


def test_it_names_everybody_with_the_password_and_the_state(demonstration):
    """Everybody who has an account can be tried, and who will be turned away is known before."""
    lines = introduction(demonstration, "saml-wsgi").splitlines()
    for person in PEOPLE:
        (line,) = [line for line in lines if line.split()[:2] == [person.username, person.password]]
        assert person.displayname in line
        assert ("suspended" in line) == (person.state == "suspended")
        assert ("wasn't given" in line) == (person.state == "unassigned")


def test_its_commands_can_be_copied(demonstration, tmp_path, monkeypatch):
    """They name the program as it was called, and the ini as it is reached from here."""
    monkeypatch.chdir(tmp_path)
    said = introduction(demonstration, ".venv/bin/saml-wsgi")
    assert '\n      .venv/bin/saml-wsgi check "two words/demo.ini"\n' in said
