"""`saml-wsgi check` and a synchronisation: when it last was complete, and what is worth a warning."""

from __future__ import annotations

import sys
import time
import types

import pytest
from click.testing import CliRunner

from saml_wsgi import synchronising, wiring
from saml_wsgi.cli import main
from saml_wsgi.cli.inifile import load
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.population import PopulationInMemory

SOURCE = "source.corp.use = crowd_to_check:factory\n"
EXISTING = f"resolvers = existing\n{SOURCE}"


@pytest.fixture
def population(monkeypatch) -> PopulationInMemory:
    people = PopulationInMemory()
    people.put("uid:mara", username="mara")
    module = types.ModuleType("crowd_to_check")
    module.factory = lambda context: people
    module.asked = lambda context: types.SimpleNamespace(look_up=lambda keys: None)
    monkeypatch.setitem(sys.modules, "crowd_to_check", module)
    return people


@pytest.fixture
def check(configured, population):
    """What check says of these options; a run may be so many seconds old."""

    def check(options, *, age=None, down=False):
        wiki = configured(options)
        if age is not None:
            section = load(wiki.ini)
            clock = FakeClock(time.time() - age)
            parts = wiring.start(section.options, here=section.here, clock=clock)
            population.fails_after = 0 if down else None
            assert synchronising.synchronisation(parts).run().done is not down
        result = CliRunner().invoke(main, ["check", wiki.ini])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    return check


def test_a_run_that_was_complete_lately_is_a_fact(check):
    """It says which source is synchronised, and since when; nothing is warned of."""
    said = check(f"{EXISTING}sync.source = corp\n", age=600)
    assert "synchronisation corp, last complete 10 min ago" in said
    for warned in ("warning sync", "warning source", "warning resolvers"):
        assert warned not in said


def test_nothing_is_said_without_a_source(check, configured):
    """Whoever synchronises nothing reads nothing of it, and no database is made."""
    said = check("")
    assert "synchronisation" not in said
    assert not (configured().folder / "saml_wsgi.db").exists()


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        (EXISTING, True),
        (f"resolvers = ldap\n{SOURCE}sync.source = corp\n", True),
        (f"resolvers = ldap\n{SOURCE}", False),
        (f"resolvers = jit\nresolver.jit.sources = saml corp\n{SOURCE}", False),
    ],
)
def test_a_source_that_was_never_synchronised(check, options, warned):
    """Where only a synchronisation could use the source, that it never ran is worth a warning."""
    said = check(options)
    assert ("were never copied" in said) is warned
    assert "never run" in said


@pytest.mark.parametrize(
    ("options", "age", "warned"),
    [
        ("", 3500, False),
        ("", 3700, True),
        ("sync.every = 1 h\n", 3700, False),
        ("sync.every = 1 h\n", 15000, True),
        ("sync.warn_after = 1 d\n", 80000, False),
    ],
)
def test_too_long_without_a_complete_run(check, options, age, warned):
    """After `sync.warn_after` (four times `sync.every`) it is warned of, with live look-ups, too."""
    assert ("has come to its end for" in check(EXISTING + options, age=age)) is warned
    live = EXISTING.replace("existing", "ldap")
    assert ("has come to its end for" in check(live + options)) is warned


def test_why_the_last_run_failed_is_told(check):
    """A run that was refused isn't a complete one, and its code stands in the warning."""
    check(EXISTING, age=7200)
    said = check(EXISTING, age=60, down=True)
    assert "has come to its end for 2 h; the last one ended with " in said
    assert "--history" in said


def test_a_run_that_never_was_complete_is_warned_of(check):
    """One that was refused from the first time on is no less overdue."""
    said = check(EXISTING, age=60, down=True)
    assert "has come to its end at all; the last one ended with " in said
    assert "never complete" in said


def test_a_chain_that_lets_nobody_in_is_warned_of(check):
    """With `jit` alone everybody whom a run brought is refused, and that is said once."""
    said = check(f"resolvers = jit\nresolver.jit.sources = saml corp\n{SOURCE}", age=60)
    assert said.count("jit turns away users whom a synchronisation brought") == 1
    said = check(f"resolvers = jit\nresolver.jit.sources = saml corp\n{SOURCE}sync.source = corp\n")
    assert said.count("jit turns away users whom a synchronisation brought") == 1


def test_a_source_that_only_answers_questions_is_none_to_synchronise(check):
    """A source that can't be read as a whole has no line."""
    said = check("resolver.jit.sources = saml hr\nsource.hr.use = crowd_to_check:asked\n")
    assert "synchronisation" not in said
