"""`saml-wsgi sync`: what it says, what it ends with, and that its options are heeded."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sqlite3
import subprocess
import sys
import textwrap
import types

import pytest
from click.testing import CliRunner

from saml_wsgi import synchronising
from saml_wsgi.cli import main
from saml_wsgi.directories.arrival.lease import Lease
from saml_wsgi.directories.arrival.values import Run
from saml_wsgi.model import Changes
from saml_wsgi.testing.population import PopulationInMemory

OPTIONS = "resolvers = existing\nsource.corp.use = crowd_in_memory:factory\n"
OWN_TABLE = "directory.table = staff\ndirectory.columns.username = login\n"
NAMES = [f"user{number:02}" for number in range(20)]


class Corp:
    """A configuration with a source in memory, and the command as the shell runs it."""

    def __init__(self, configured, population: PopulationInMemory) -> None:
        self.configured = configured
        self.people = population
        self.wiki = configured(OPTIONS)

    def options(self, text: str) -> None:
        self.wiki = self.configured(OPTIONS + text)

    def sync(self, *arguments: str):
        result = CliRunner().invoke(main, ["sync", self.wiki.ini, *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def done(self, *arguments: str):
        result = self.sync(*arguments)
        assert result.exit_code == 0, result.output
        return result

    def active(self) -> list[str]:
        return sorted(user["username"] for user in self.wiki.listed("--active"))


@pytest.fixture
def corp(configured, monkeypatch) -> Corp:
    """Twenty people, whom a source of a module of its own tells."""
    population = PopulationInMemory(tells_changes=True)
    for name in NAMES:
        population.put(f"uid:{name}", username=name, email=f"{name}@example.test", groups=("Staff",))
    module = types.ModuleType("crowd_in_memory")
    module.factory = lambda context: population
    monkeypatch.setitem(sys.modules, "crowd_in_memory", module)
    return Corp(configured, population)


# -- a run --


def test_everybody_becomes_a_user(corp):
    """After the first run each person is a user of the source, and the summary says how many are new."""
    result = corp.done()
    assert "Synchronised with corp: everybody was read" in result.stdout
    assert "  20  new\n" in result.stdout
    assert corp.active() == NAMES
    assert {user["managed_by"] for user in corp.wiki.listed()} == {"ldap:corp"}


def test_what_changed_is_told(corp):
    """A second run reads what changed, and says what became of it."""
    corp.done()
    corp.people.change("uid:user03", email="third@example.test")
    result = corp.done()
    assert "what changed was read" in result.stdout
    assert "  1  changed\n" in result.stdout
    assert corp.wiki.user("user03").email == "third@example.test"


def test_full_reads_everybody(corp):
    """With --full whoever left is found at once."""
    corp.done()
    corp.people.remove("uid:user03")
    corp.done()
    assert len(corp.active()) == 20
    result = corp.done("--full")
    assert "  1    since they aren't there any more\n" in result.stdout
    assert len(corp.active()) == 19
    assert len(corp.wiki.listed()) == 20


@pytest.mark.parametrize("option", ["sync.incremental = off\n", ""])
def test_the_operator_may_want_everybody_each_time(corp, option):
    """`sync.incremental = off` has everybody read in every run."""
    corp.options(option)
    corp.done()
    corp.people.remove("uid:user03")
    corp.done()
    assert len(corp.active()) == (19 if option else 20)


def test_a_dry_run_only_says_it(corp):
    """With --dry-run each person is named with what would be done, and nobody is made."""
    result = corp.done("--dry-run")
    assert "Nothing was written." in result.stdout
    assert "This would be done:" in result.stdout
    assert "  user07  new\n" in result.stdout
    assert corp.wiki.listed() == []
    assert corp.sync("--history").stdout == "No run has been recorded.\n"


def test_people_who_are_left_alone_are_named(corp):
    """A user who is somebody else's here stays as it is, and is told; adoption is an option."""
    corp.wiki.make("user05", email="mine@example.test")
    result = corp.done()
    assert "People who aren't here as the source has them:" in result.stdout
    assert "user05" in result.stdout
    assert corp.wiki.user("user05").managed_by == "local"
    corp.options("sync.adopt = local\n")
    assert "  1  taken over\n" in corp.done("--full").stdout
    assert corp.wiki.user("user05").managed_by == "ldap:corp"
    assert corp.wiki.user("user05").email == "user05@example.test"


def test_the_options_of_the_resolver_hold(corp):
    """What `resolver.ldap.never` names isn't written by a synchronisation, either; groups are mapped."""
    corp.wiki = corp.configured(
        OPTIONS.replace("resolvers = existing", "resolvers = ldap")
        + "resolver.ldap.never = email\ngroups.map = Staff -> Everybody\n"
    )
    corp.done()
    assert {(user["email"], *user["groups"]) for user in corp.wiki.listed()} == {("", "Everybody")}


def test_control_characters_of_a_directory_command_no_terminal(corp):
    """What a directory says is made visible before it is printed."""
    corp.people.put("uid:evil\x1b[2J", username="evil\x1b[2J")
    result = corp.done()
    assert "\x1b" not in result.output


# -- what is refused --


def leave(corp: Corp, count: int) -> None:
    corp.done()
    for name in NAMES[:count]:
        corp.people.remove(f"uid:{name}")


def test_too_many_removals_change_nothing(corp):
    """Beyond the limit nobody is switched off; it says code, numbers and cure, and ends with 1."""
    leave(corp, 6)
    result = corp.sync("--full")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Nothing was changed (too_many_removals): 6 of 20 users" in result.stderr
    assert "--max-removals" in result.stderr
    assert corp.active() == NAMES


def test_one_run_may_remove_more(corp):
    """--max-removals counts in place of the limit, exactly."""
    leave(corp, 6)
    assert corp.sync("--full", "--max-removals", "5").exit_code == 1
    corp.done("--full", "--max-removals", "6")
    assert corp.active() == NAMES[6:]


@pytest.mark.parametrize(("written", "code"), [("30 percent", 0), ("6", 0), ("5", 1), ("20 percent", 1)])
def test_the_limit_is_an_option(corp, written, code):
    """`sync.max_removals` is a share of the users, at least 5, or a number."""
    corp.options(f"sync.max_removals = {written}\n")
    leave(corp, 6)
    assert corp.sync("--full").exit_code == code


def test_a_source_that_is_down_is_told(corp):
    """It ends with 1 and changes nothing; the log isn't told the same again."""
    leave(corp, 1)
    corp.people.fails_after = 0
    result = corp.sync("--full")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Nothing was changed (")
    assert "synchronisation of corp" not in result.stderr
    assert corp.active() == NAMES


def test_another_run_is_said_to_be_under_way(corp):
    """While another process holds the lease it ends with 3, and says who that is."""
    corp.done()
    url = corp.wiki.parts().settings.directory.url
    with Lease(url, "corp", holder="other-host"):
        result = corp.sync()
    assert result.exit_code == 3
    assert "Another run is under way (busy): other-host" in result.stderr
    assert corp.sync().exit_code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "there is no source"),
        ("source.hr.use = crowd_in_memory:asked\n", "there is no source"),
        ("source.hr.use = crowd_in_memory:asked\nsync.source = hr\n", "not read as a whole"),
        (
            "source.one.use = crowd_in_memory:factory\nsource.two.use = crowd_in_memory:factory\n",
            "there are several",
        ),
        (
            "source.one.use = crowd_in_memory:factory\n" + OWN_TABLE,
            "An application that synchronises by itself",
        ),
    ],
)
def test_what_cant_be_synchronised_is_explained(corp, options, said):
    """No source, several, one that only answers questions, or users elsewhere: 1, and what to do."""
    sys.modules["crowd_in_memory"].asked = lambda context: types.SimpleNamespace(look_up=lambda keys: None)
    assert corp.sync("--history").exit_code == 0  # the tables are there
    corp.wiki = corp.configured("resolvers = existing\n" + options)
    with contextlib.closing(sqlite3.connect(corp.wiki.folder / "saml_wsgi.db")) as connection:
        connection.execute("CREATE TABLE staff (id INTEGER PRIMARY KEY, login TEXT UNIQUE)")
    result = corp.sync()
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--history", "--full"],
        ["--history", "--watch"],
        ["--history", "--dry-run"],
        ["--history", "--max-removals", "9"],
        ["--watch", "--dry-run"],
        ["--watch", "--max-removals", "9"],
        ["--max-removals", "-1"],
        ["--max-removals", "5%"],
    ],
)
def test_contradicting_options_are_a_wrong_use(corp, arguments):
    """What can't be meant together ends with 2, and nothing is done."""
    assert corp.sync(*arguments).exit_code == 2
    assert corp.wiki.listed() == []


# -- for programs --


def test_json_holds_the_whole_report(corp):
    """Numbers, code, cure and people stand in one object, also where it is refused."""
    corp.wiki.make("user05")
    told = json.loads(corp.done("--json").stdout)
    assert (told["code"], told["kind"], told["source"]) == ("done", "full", "corp")
    assert (told["counts"]["read"], told["counts"]["created"], told["counts"]["elsewhere"]) == (20, 19, 1)
    assert [each["person"] for each in told["told"]] == ["user05"]
    corp.people.fails_after = 0
    result = corp.sync("--json", "--full")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["cure"]


def test_the_history_tells_each_run(corp):
    """When it was, what kind, what came of it; for programs everything."""
    leave(corp, 6)
    corp.sync("--full")
    corp.done()
    said = corp.done("--history").stdout
    results = ["done", "done", "too_many_removals"]
    assert sorted(line.split()[5] for line in said.splitlines()[1:]) == results
    assert "20 new" in said
    runs = json.loads(corp.done("--history", "--json").stdout)
    assert sorted(run["code"] for run in runs) == results
    assert runs[0]["started"] <= runs[0]["finished"]


def test_a_run_without_an_end_is_told(corp):
    """One that was killed stands in the history as such, and a record that nobody can read does no harm."""
    corp.done()
    history = synchronising.history(corp.wiki.parts())
    history.begin(Run("killed", "corp", 2_000_000_000))
    history.begin(Run("odd", "corp", 2_000_000_001, 2_000_000_002, "[]"))
    lines = corp.done("--history").stdout.splitlines()
    assert "no end: it is under way, or was killed" in lines[2]
    assert len(json.loads(corp.done("--history", "--json").stdout)) == 3


# -- without an end --

WATCHING = """
import sys, types
from saml_wsgi.testing.population import PopulationInMemory

population = PopulationInMemory(page_size=1)
population.put("uid:mara", username="mara")
population.put("uid:jose", username="jose")
module = types.ModuleType("crowd_in_memory")
module.factory = lambda context: population
sys.modules["crowd_in_memory"] = module

from saml_wsgi.cli import main
main(sys.argv[1:])
"""


def started(corp: Corp, *arguments: str, script: str = WATCHING) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), "sync", corp.wiki.ini, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching_ends_between_two_runs(corp, number):
    """It tells a line for each run, and a signal ends it with 0, without a traceback."""
    process = started(corp, "--watch")
    try:
        line = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "corp: full, 2 read, 2 new" in line
    assert (process.returncode, rest, errors) == (0, "", "")


def test_watching_tells_programs_a_line_for_each_run(corp):
    """With --json each line is a report."""
    process = started(corp, "--watch", "--json")
    try:
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert json.loads(line)["counts"]["created"] == 2


def test_a_run_in_the_middle_of_watching_comes_to_its_end(corp):
    """A signal that arrives while people are read ends nothing by half: the run is complete."""
    script = WATCHING.replace(
        "module = types",
        "read = population.read\n"
        "def read_signalled(since):\n"
        "    import os, signal\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return read(since)\n"
        "population.read = read_signalled\n"
        "module = types",
        1,
    )
    process = started(corp, "--watch", script=script)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "2 new" in said
    assert len(said.splitlines()) == 1


def test_a_single_run_is_given_up_when_it_is_told_to(corp):
    """SIGTERM ends it with 1; its record says so, nothing is changed, and the next run isn't kept out."""
    script = WATCHING.replace(
        "module = types",
        "def stopped(since):\n"
        "    import os, signal\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "population.read = stopped\n"
        "module = types",
        1,
    )
    process = started(corp, script=script)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    (run,) = json.loads(corp.done("--history", "--json").stdout)
    assert run["code"] == "interrupted"
    assert corp.wiki.listed() == []
    assert corp.sync().exit_code == 0


def test_watching_goes_on_after_failures(corp, monkeypatch):
    """A run that is refused is told, and the next one begins when its time has come."""
    corp.done()
    corp.people.fails_after = 0
    waits = []

    def wait(self, seconds):
        waits.append(seconds)
        corp.people.fails_after = None
        self.asked = len(waits) == 2
        return self.asked

    monkeypatch.setattr("saml_wsgi.cli.sync.stopping.Stopping.wait", wait)
    result = corp.done("--watch", "--full")
    assert "corp: " in result.stderr
    assert "20 as they were" in result.stdout
    assert all(0 < seconds <= 900 for seconds in waits)


def test_watching_names_people_once(corp, monkeypatch):
    """Who is left alone is named when that is new, not every quarter of an hour."""
    corp.wiki.make("user05")
    waits = []

    def wait(self, seconds):
        waits.append(seconds)
        self.asked = len(waits) == 3
        return self.asked

    monkeypatch.setattr("saml_wsgi.cli.sync.stopping.Stopping.wait", wait)
    said = corp.done("--watch", "--full").stdout
    assert len([line for line in said.splitlines() if line.lstrip().startswith("user05")]) == 1
    assert said.count("corp: full") == 3


def test_warnings_go_to_the_standard_error(corp, monkeypatch):
    """What else is logged as a warning is seen by whoever runs it by hand."""
    read = corp.people.read

    def warning(since):
        logging.getLogger("saml_wsgi.directories.ldap").warning("one server doesn't answer")
        return read(since)

    monkeypatch.setattr(corp.people, "read", warning)
    assert "WARNING: one server doesn't answer" in corp.done().stderr
    assert not any(
        isinstance(each, logging.StreamHandler) for each in logging.getLogger("saml_wsgi").handlers
    )


def test_an_administrators_word_holds(corp):
    """Whom an administrator switched off stays so, and is told."""
    corp.done()
    user = corp.wiki.user("user01")
    corp.wiki.parts().directory.update(user, Changes({"active": False}))
    result = corp.done("--full")
    assert "stay switched off here" in result.stdout
    assert "user01" not in corp.active()


def test_signals_mean_what_they_did(corp):
    """Afterwards SIGTERM ends the process as before."""
    before = signal.getsignal(signal.SIGTERM)
    corp.done()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_dry_run_beyond_the_limit_names_everybody(corp):
    """What the cure says can be done: --dry-run shows who is meant, though the run would be refused."""
    leave(corp, 6)
    result = corp.sync("--full", "--dry-run")
    assert result.exit_code == 1
    assert "too_many_removals" in result.stderr
    assert all(name in result.stderr for name in NAMES[:6])
    assert corp.active() == NAMES
