"""The commands, from their arguments to what they print and how they end."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from lxml import etree

import saml_wsgi
from saml_wsgi.cli import COMMANDS, LazyGroup, main

SECRET = "Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa"

INI = f"""
[pipeline:main]
pipeline = saml app

[app:app]
use = egg:saml_wsgi#whoami

[filter:saml]
use = egg:saml_wsgi
base_url = https://wiki.example.test
idp.metadata = file:idp.xml
session.secret = {SECRET}
"""


@pytest.fixture
def ini(tmp_path: Path, saml_idp) -> Callable[..., str]:
    """Writes an ini that only we may read, beside real metadata; its path."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"))

    def write(text: str = INI, *, mode: int = 0o600, name: str = "wiki.ini") -> str:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    return write


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs a command, as the shell would."""

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(main, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_the_version_is_printed(run):
    """--version tells the package's version."""
    result = run("--version")
    assert result.exit_code == 0
    assert saml_wsgi.__version__ in result.output


def test_every_command_is_listed_and_exists(run):
    """--help lists each command of the table, and each can be loaded."""
    result = run("--help")
    assert result.exit_code == 0
    assert isinstance(main, LazyGroup)
    for name in COMMANDS:
        assert name in result.output
        assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_a_command_that_is_not_there_is_a_wrong_use(run):
    """An unknown command ends with 2."""
    assert run("nonsense").exit_code == 2


def test_no_command_is_imported_before_it_is_needed():
    """The version is printed without importing what the commands need."""
    program = (
        "import sys\n"
        "from saml_wsgi.cli import main\n"
        "main(['--version'], standalone_mode=False)\n"
        "sys.exit(any(name.startswith('saml_wsgi.cli.') or name == 'paste.deploy' for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_a_good_configuration_passes_the_check(run, ini):
    """`check` ends with 0, and shows what the configuration would be, without its secret."""
    result = run("check", ini())
    assert result.exit_code == 0, result.output
    assert "It would start." in result.output
    for fact in (
        "https://wiki.example.test/saml/acs",
        "https://wiki.example.test/saml/metadata",
        "saml_wsgi.db",
        "jit",
    ):
        assert fact in result.output
    assert SECRET not in result.output


def test_a_bad_configuration_fails_the_check_with_everything_at_once(run, ini):
    """`check` ends with 1, and tells key, reason and cure of each problem."""
    bad = INI.replace("https://wiki", "http://wiki").replace("session.secret =", "sesion.secret =")
    result = run("check", ini(bad))
    assert result.exit_code == 1
    assert "It would not start: 3 problems." in result.output
    for said in (
        "base_url",
        "anybody on the way",
        "Did you mean session.secret?",
        "session.secret\n",
        "required",
    ):
        assert said in result.output
    assert SECRET not in result.output


def test_a_warning_passes_the_check(run, ini):
    """A warning is shown, and the command ends with 0 all the same."""
    result = run("check", ini(INI + "idp.allow_sha1 = yes\n"))
    assert result.exit_code == 0
    assert "idp.allow_sha1" in result.output
    assert "It would start: 1 warning." in result.output


def test_the_check_refuses_what_default_hides(run, ini):
    """The trap of [DEFAULT] is told with its cure."""
    result = run("check", ini(f"[DEFAULT]\nsession.secret = {SECRET}\n{INI}"))
    assert result.exit_code == 1
    assert "get session.secret = session.secret" in " ".join(result.output.split())
    assert "It would not start: 1 problem." in result.output


@pytest.mark.parametrize(
    ("secret", "mode", "warned"),
    [(SECRET, 0o644, True), (SECRET, 0o640, False), ("env:WIKI_SECRET", 0o644, False)],
)
def test_a_secret_that_everybody_can_read_is_warned_of(run, ini, monkeypatch, secret, mode, warned):
    """A literal secret in a world-readable ini is a warning; a reference, or a closed file, is none."""
    monkeypatch.setenv("WIKI_SECRET", SECRET)
    result = run("check", ini(INI.replace(SECRET, secret), mode=mode))
    assert result.exit_code == 0
    assert ("everybody on this machine" in result.output) == warned


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["metadata"],
        ["database", "create"],
        ["database", "upgrade"],
        ["users", "list"],
        ["links", "list"],
    ],
)
def test_every_command_tells_a_missing_file_and_a_broken_one(run, ini, command):
    """A missing file is a wrong use (2), a broken one a problem (1), for every command alike."""
    missing = run(*command, "/nowhere/wiki.ini")
    assert missing.exit_code == 2
    assert "There is no file" in missing.output
    broken = run(*command, ini(f"{INI}match = 100%\n"))
    assert broken.exit_code == 1
    assert "match in [filter:saml]" in " ".join(broken.output.split())
    assert run(*command).exit_code == 2


def test_metadata_is_printed_for_upload(run, ini):
    """`metadata` prints one XML document and nothing else, even without the identity provider's."""
    result = run("metadata", ini(INI.replace("idp.metadata", "# idp.metadata")))
    assert result.exit_code == 0, result.output
    root = etree.fromstring(result.stdout_bytes)
    assert root.get("entityID") == "https://wiki.example.test/saml/metadata"
    assert b"https://wiki.example.test/saml/acs" in result.stdout_bytes
    assert result.stdout_bytes.endswith(b">\n")


def test_metadata_needs_no_secret(run, ini):
    """The first step at JumpCloud works before there is a secret, or metadata of theirs."""
    plain = ini(INI.replace("idp.metadata", "# idp.metadata").replace("session.secret", "# session.secret"))
    result = run("metadata", plain)
    assert result.exit_code == 0, result.output
    assert etree.fromstring(result.stdout_bytes).get("entityID")


def test_metadata_knows_the_trap_of_default(run, ini):
    """What [DEFAULT] hides is refused by `metadata`, too."""
    result = run("metadata", ini(f"[DEFAULT]\nsp.entity_id = the wiki\n{INI}"))
    assert result.exit_code == 1
    assert "get sp.entity_id = sp.entity_id" in " ".join(result.stderr.split())


@pytest.mark.parametrize("broken", ["match = 100%\n", "base_url = https://b.test\n", "# Jörg\n"])
def test_a_broken_file_has_a_verdict_too(run, ini, tmp_path, broken):
    """`check` ends with its verdict where the file itself can't be read."""
    path = ini()
    (tmp_path / "wiki.ini").write_bytes(f"{INI}{broken}".encode("latin-1"))
    result = run("check", path)
    assert result.exit_code == 1
    assert result.output.endswith("It would not start: 1 problem.\n")


def test_metadata_of_a_bad_configuration_ends_with_its_problems(run, ini):
    """What is wrong goes to the standard error, so that a redirected output is empty."""
    result = run("metadata", ini(INI.replace("https://wiki", "http://wiki")))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "base_url" in result.stderr


def test_the_tables_are_made_and_upgraded(run, ini, tmp_path):
    """`create` makes the database beside the ini, upgrade finds it up to date; no secret is needed."""
    path = ini(INI.replace(SECRET, "env:NOT_SET_HERE"))
    assert run("database", "create", path).exit_code == 0
    assert run("database", "create", path).exit_code == 0
    with sqlite3.connect(tmp_path / "saml_wsgi.db") as connection:
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    connection.close()
    assert tables
    result = run("database", "upgrade", path)
    assert result.exit_code == 0
    assert "already" in result.output


def test_the_tables_are_made_in_both_databases(run, ini, tmp_path):
    """Where store and directory differ, both are made."""
    text = f"{INI}store.url = sqlite:///a.db\ndirectory.url = sqlite:///b.db\n"
    result = run("database", "create", ini(text))
    assert result.exit_code == 0
    assert (tmp_path / "a.db").exists()
    assert (tmp_path / "b.db").exists()


def test_a_database_that_is_not_there_is_not_upgraded(run, ini):
    """`upgrade` needs tables: it says so, and ends with 1."""
    result = run("database", "upgrade", ini())
    assert result.exit_code == 1
    assert "store.url" in result.stderr


def test_memory_has_no_tables(run, ini, tmp_path):
    """There is nothing to make for memory:, and it is said."""
    result = run("database", "create", ini(f"{INI}store.url = memory:\n"))
    assert result.exit_code == 0
    assert "nothing to make" in result.output


def test_a_wrong_database_url_is_told_without_its_password(run, ini):
    """The URL's problem ends the command with 1, and the password is not shown."""
    result = run("database", "create", ini(f"{INI}store.url = mysql://u:hunter2@db/x\n"))
    assert result.exit_code == 1
    assert "store.url" in result.stderr
    assert "hunter2" not in result.output
