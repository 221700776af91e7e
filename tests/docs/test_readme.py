"""What the README promises about commands, files and versions is true of the project."""

from __future__ import annotations

import configparser
import logging
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Each is one line, and works in a fresh clone with only Python, venv and pip. Run by hand and by CI.
DEMO = "python3 -m venv .venv && .venv/bin/pip install -q '.[demo]' && .venv/bin/saml-wsgi demo"
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox run -e py"


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def tox():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def test_commands_are_the_recorded_ones():
    """The README has exactly these two commands, each a block of one line."""
    assert re.findall(r"^```sh\n((?:.*\n)*?)```$", README, re.MULTILINE) == [f"{DEMO}\n", f"{TESTS}\n"]


def test_demo_command_has_what_it_needs(project):
    """There is an extra demo, a command saml-wsgi, and it has a command demo."""
    from saml_wsgi.cli import COMMANDS

    assert "demo" in project["optional-dependencies"]
    assert project["scripts"]["saml-wsgi"] == "saml_wsgi.cli:main"
    assert "demo" in COMMANDS


def test_test_command_has_what_it_needs(tox):
    """Tox knows the environment that the README names."""
    assert "py" in re.split(r"[,\s]+", tox["tox"]["env_list"])


def test_ci_runs_the_same_command():
    """What the README says passes the tests is what CI runs."""
    assert f"test_command='{TESTS}'" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_quickstart_begins_with_the_same_command():
    """The quickstart's demo command is the README's."""
    assert f"```sh\n{DEMO}\n```" in (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")


def test_contributing_begins_with_the_same_command():
    """CONTRIBUTING's test command is the README's, and each environment it names exists."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"```sh\n{TESTS}\n```" in text


@pytest.mark.parametrize("name", ["py", "lint", "typing", "docs", "real"])
def test_contributing_names_environments_that_exist(tox, name):
    """Each environment that CONTRIBUTING names is tox's."""
    assert f"`tox run -e {name}`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert name == "py" or tox.has_section(f"testenv:{name}")


def test_documented_commands_are_all_commands():
    """The page about commands has a line for each command, and no other."""
    from saml_wsgi.cli import COMMANDS

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `saml-wsgi (\w+)", page, re.MULTILINE)) == set(COMMANDS)


def test_documented_events_are_all_events():
    """The page about commands names every event that the log can have, at its level, and no other."""
    from saml_wsgi.events import _LEVELS

    emitted = set()
    for module in (ROOT / "saml_wsgi").rglob("*.py"):
        for first in re.findall(r"\.emit\(\s*([^,]+),", module.read_text(encoding="utf-8")):
            emitted |= set(re.findall(r'"(\w+)"', first))
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert told == {name: logging.getLevelName(_LEVELS.get(name, logging.INFO)).lower() for name in emitted}


def test_changelog_has_this_version():
    """The changelog speaks of the version at hand, released or not."""
    from saml_wsgi import __version__

    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert __version__ in README


@pytest.mark.parametrize(
    "page",
    [
        page
        for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
        for page in ROOT.glob(pattern)
        if "_build" not in page.parts
    ],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_to_files(page):
    """Every relative link leads to a file of the project, whether read here or in a browser."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).is_file(), target
