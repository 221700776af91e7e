"""`saml-wsgi users purge`: who left the directory long ago is deleted, and nobody else."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import time
import types

import pytest

from saml_wsgi import synchronising
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.model import Changes
from saml_wsgi.testing.population import PopulationInMemory

DAY = 86400
OPTIONS = "resolvers = existing\nsource.corp.use = crowd_for_purges:factory\n"


@pytest.fixture
def population(monkeypatch) -> PopulationInMemory:
    people = PopulationInMemory()
    for name in ("mara", "jose", "lena", "noor"):
        people.put(f"uid:{name}", username=name, groups=("Staff",))
    module = types.ModuleType("crowd_for_purges")
    module.factory = lambda context: people
    monkeypatch.setitem(sys.modules, "crowd_for_purges", module)
    return people


@pytest.fixture
def office(configured, population):
    """Mara and jose left 91 and 10 days ago, lena is switched off there, and noor is there."""
    wiki = configured(OPTIONS)
    work = synchronising.synchronisation(wiki.parts())
    assert work.run().done
    wiki.make("local")
    population.remove("uid:mara")
    population.remove("uid:jose")
    population.change("uid:lena", active=False)
    assert work.run(full=True).done
    with contextlib.closing(sqlite3.connect(wiki.folder / "saml_wsgi.db")) as connection:
        for name, days in (("mara", 91), ("jose", 10), ("lena", 400)):
            connection.execute(
                "UPDATE saml_wsgi_links SET since = ? WHERE subject = ?",
                (int(time.time()) - days * DAY, f"uid:{name}"),
            )
        connection.commit()
    return wiki


def names(wiki):
    return sorted(user["username"] for user in wiki.listed())


def test_who_left_long_ago_is_deleted(office):
    """Beyond the age the user goes with links and sessions; who is switched off or left lately stays."""
    mara = office.user("mara")
    cookie, _ = office.parts().sessions.admit(mara, lifetime=3600)
    result = office.users("purge", "--missing", "90d", "--yes")
    assert result.exit_code == 0, result.output
    assert "mara: not at ldap:corp since " in result.output
    assert "mara is deleted, 1 session ended.\n1 user deleted.\n" in result.output
    assert names(office) == ["jose", "lena", "local", "noor"]
    assert office.parts().links.listed(user_id=mara.id) == ()
    assert office.parts().sessions.recognise(cookie) is None
    assert office.users("purge", "--missing", "90d").output == "Nobody has been missing for so long.\n"


def test_it_asks_first(office):
    """Without a yes nobody is deleted."""
    result = office.users("purge", "--missing", "1 d", stdin="n\n")
    assert result.exit_code == 1
    assert "Delete 2 users?" in result.output
    assert len(names(office)) == 5
    office.users("purge", "--missing", "1 d", stdin="y\n")
    assert names(office) == ["lena", "local", "noor"]


def test_a_dry_run_names_them_all(office):
    """Who it would be, and since when."""
    result = office.users("purge", "--missing", "1 d", "--dry-run")
    assert result.output.splitlines()[-1] == "2 users would be deleted."
    assert "jose: not at ldap:corp since " in result.output
    assert len(names(office)) == 5


def test_whom_an_administrator_enabled_stays(office):
    """Somebody who may sign in isn't deleted for having left the directory."""
    office.parts().directory.update(office.user("mara"), Changes({"active": True}))
    assert office.users("purge", "--missing", "90d").output == "Nobody has been missing for so long.\n"


def test_nobody_is_deleted_while_a_run_is_under_way(office):
    """It ends with 3: somebody may be coming back just now."""
    url = office.parts().settings.directory.url
    with Lease(url, "corp", holder="other-host"):
        result = office.users("purge", "--missing", "90d", "--yes")
    assert result.exit_code == 3
    assert "other-host" in result.stderr
    assert len(names(office)) == 5


def test_whoever_comes_back_while_it_asks_stays(office, population, monkeypatch):
    """Between the question and the answer a run may bring somebody back."""
    monkeypatch.setattr("saml_wsgi.cli.users.purging.click.confirm", lambda *_, **__: back())

    def back():
        population.put("uid:mara", username="mara", groups=("Staff",))
        assert synchronising.synchronisation(office.parts()).run(full=True).done

    result = office.users("purge", "--missing", "90d")
    assert "mara is there again, or was gone already." in result.output
    assert "0 users deleted." in result.output
    assert office.user("mara").active


@pytest.mark.parametrize("arguments", [[], ["--missing", "soon"], ["--missing", "23 h"], ["--missing", "0"]])
def test_the_age_must_be_said(office, arguments):
    """A span of at least a day, or it is a wrong use."""
    assert office.users("purge", *arguments).exit_code == 2
    assert len(names(office)) == 5


def test_users_elsewhere_are_not_purged(configured):
    """In a table of the application's nobody is synchronised, so nobody is missing: it says so."""
    wiki = configured()
    wiki.make("mara")
    with contextlib.closing(sqlite3.connect(wiki.folder / "saml_wsgi.db")) as connection:
        connection.execute("CREATE TABLE staff (id INTEGER PRIMARY KEY, login TEXT UNIQUE)")
    wiki = configured("resolvers = existing\ndirectory.table = staff\ndirectory.columns.username = login\n")
    result = wiki.users("purge", "--missing", "90d")
    assert result.exit_code == 1
    assert "only tables of ours are synchronised" in " ".join(result.stderr.split())
