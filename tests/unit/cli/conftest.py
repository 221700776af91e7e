"""A configuration with real SQLite files, and the commands as the shell runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from saml_wsgi import wiring
from saml_wsgi.cli import main
from saml_wsgi.cli.inifile import load
from saml_wsgi.model import Profile, User

_INI = """
[filter:saml]
use = egg:saml_wsgi
base_url = https://wiki.example.test
idp.metadata = file:idp.xml
session.secret = Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa
"""


class Configured:
    """An ini beside its databases."""

    def __init__(self, folder: Path, options: str) -> None:
        self.folder = folder
        self.ini = str(folder / "wiki.ini")
        (folder / "wiki.ini").write_text(_INI + options)

    def run(self, group: str, command: str, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """``saml-wsgi GROUP COMMAND FILE ARGUMENTS``. No command may end in a traceback."""
        result = CliRunner().invoke(main, [group, command, self.ini, *arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def users(self, command: str, *arguments: str, stdin: str | bytes | None = None) -> Result:
        return self.run("users", command, *arguments, stdin=stdin)

    def listed(self, *arguments: str, group: str = "users") -> list[dict[str, Any]]:
        """What the list says to programs."""
        result = self.run(group, "list", "--json", *arguments)
        assert result.exit_code == 0, result.output
        found: list[dict[str, Any]] = json.loads(result.stdout)
        return found

    def parts(self) -> wiring.Parts:
        """What the application would be made of, in another process."""
        section = load(self.ini)
        return wiring.start(section.options, here=section.here, global_conf=section.global_conf)

    def make(self, username: str, *, managed_by: str = "local", **values: Any) -> User:
        """A user who is there already."""
        profile = Profile(username=username, **values)
        return self.parts().directory.create(profile, managed_by=managed_by)

    def user(self, username: str) -> User:
        """The one user of that name."""
        (found,) = self.parts().directory.find("username", username)
        return found


@pytest.fixture
def configured(tmp_path: Path, saml_idp) -> Callable[..., Configured]:
    """Writes an ini with these further options beside real metadata."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"))

    def write(options: str = "") -> Configured:
        return Configured(tmp_path, options)

    return write


@pytest.fixture
def wiki(configured) -> Configured:
    """The usual configuration: sessions and users in one SQLite file."""
    return configured()
