"""The pages about synchronised users name every code, every number, every option, and only those."""

from __future__ import annotations

import configparser
import inspect
import re
import shlex
import shutil
import subprocess

import click
import pytest

from saml_wsgi.cli import main
from saml_wsgi.cli.sync import telling
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.directories.ldap.presets import PRESETS
from saml_wsgi.sync.refusal import CURES
from saml_wsgi.sync.report import COUNTED
from tests.docs.reading import DOCS, blocks

PAGE = DOCS / "synchronisation.md"
TEXT = PAGE.read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table that has this heading."""
    table = text.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    assert table, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_every_code_has_its_row():
    """A run that isn't done says one of the codes of the table, in which each has a cause and a cure."""
    told = rows(TEXT, "| code | what happened | what to do |")
    assert [cells[0].strip("`") for cells in told] == list(CURES)
    assert all(len(cells) == 3 and all(cells) for cells in told)


def test_every_number_has_its_row():
    """What a run counts is told in its words and by its name in the JSON; `read` explains itself."""
    told = {cells[1].strip("`"): cells[0] for cells in rows(TEXT, "| in words | in the JSON's")}
    assert list(told) == [name for name in COUNTED if name != "read"]
    for name, words in told.items():
        assert telling._label(name).partition(" (")[0] == words


@pytest.mark.parametrize("name", [block.name for block in blocks(PAGE) if block.name.startswith("wiki-sync")])
def test_units_can_be_installed(name, tmp_path):
    """Each unit is one that systemd takes, and the service runs a command that there is."""
    for block in blocks(PAGE):
        if block.name.startswith("wiki-sync"):
            # What is at home on another machine isn't on this one.
            text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", block.text, flags=re.MULTILINE)
            (tmp_path / block.name).write_text(text.replace("User=wiki\n", ""), encoding="utf-8")
    (unit,) = [block for block in blocks(PAGE) if block.name == name]
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(unit.text)
    if "Service" in parsed:
        program, command, *words = shlex.split(parsed["Service"]["ExecStart"])
        assert program.endswith("/saml-wsgi")
        (tmp_path / "wiki.ini").write_text("", encoding="utf-8")
        words = [str(tmp_path / "wiki.ini") if word.endswith(".ini") else word for word in words]
        found = main.get_command(click.Context(main), command)
        with found.make_context(command, words):
            pass
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=False,
        )
        # Of the machine's own units it may have its opinions as well.
        assert "wiki-sync" not in done.stderr, done.stderr


def test_every_option_of_a_source_is_told():
    """The page about LDAP has a row for each option of a source, and none that there isn't."""
    text = (DOCS / "ldap.md").read_text(encoding="utf-8")
    told = [
        name
        for cells in rows(text, "| option | default | means |")
        for name in re.findall(r"`(\w+)`", cells[0])
    ]
    assert sorted(told) == sorted(set(inspect.signature(factory).parameters) - {"context"})


def test_what_presets_mean_is_told():
    """The table of presets has each with its key and its username."""
    text = (DOCS / "ldap.md").read_text(encoding="utf-8")
    told = {cells[0].strip("`"): cells for cells in rows(text, "| preset | key | username |")}
    assert set(told) == set(PRESETS)
    for name, preset in PRESETS.items():
        assert told[name][1:3] == [f"`{preset.key}`", f"`{preset.fields['username'][0]}`"]
