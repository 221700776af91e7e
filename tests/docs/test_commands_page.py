"""Every command that the documentation shows is one that there is."""

from __future__ import annotations

import re

import click
import pytest

from saml_wsgi.cli import main
from tests.docs.reading import PAGES, ROOT, commands

SHOWN = [
    pytest.param(arguments, id=f"{page.relative_to(ROOT)}: {' '.join(arguments)}")
    for page in PAGES
    for arguments in commands(page)
]


def _command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and its arguments."""
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, name
        command = found
    return command, words


@pytest.mark.parametrize("arguments", SHOWN)
def test_shown_commands_can_be_typed(arguments, tmp_path, monkeypatch):
    """A command in a block has a name, options and as many arguments as there are."""
    monkeypatch.chdir(tmp_path)
    for word in arguments:
        if re.fullmatch(r"\w+\.(csv|json|txt|ini)", word):
            (tmp_path / word).write_text("{}", encoding="utf-8")
    command, rest = _command(arguments)
    with command.make_context(command.name, rest):
        pass


@pytest.mark.parametrize(("group", "page"), [("users", "users.md"), ("links", "users.md")])
def test_groups_of_commands_are_told_whole(group, page):
    """The page has a row for each command of the group, and no other; the page of all commands lists them."""
    found = main.get_command(click.Context(main), group)
    assert isinstance(found, click.Group)
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    told = re.findall(rf"^\| `saml-wsgi {group} ([\w-]+)", text, re.MULTILINE)
    assert sorted(told) == sorted(found.commands)
    overview = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `saml-wsgi {group} …` \| (.*)$", overview, re.MULTILINE)
    assert row is not None
    assert set(found.commands) <= set(re.findall(r"`([\w-]+)`", row[1]))
