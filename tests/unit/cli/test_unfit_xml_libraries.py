"""Where lxml and xmlsec don't fit each other, the commands say what to do, and pytest runs all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

INI = """
[filter:saml]
use = egg:saml_wsgi
base_url = https://wiki.example.test
idp.metadata = file:jumpcloud.xml
session.secret = hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N
"""


@pytest.fixture
def run(tmp_path, saml_idp):
    """Runs Python in a folder with an ini, where xmlsec fails as it does beside another libxml2."""
    (tmp_path / "xmlsec.py").write_text(
        "raise RuntimeError('(100, \\'lxml & xmlsec libxml2 library version mismatch\\')')\n"
    )
    (tmp_path / "wiki.ini").write_text(INI)
    (tmp_path / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


COMMAND = ("-c", "from saml_wsgi.cli import main; main(prog_name='saml-wsgi')")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "wiki.ini"),
        ("metadata", "wiki.ini"),
        ("database", "create", "wiki.ini"),
        ("database", "upgrade", "wiki.ini"),
        ("users", "list", "wiki.ini"),
        ("links", "list", "wiki.ini"),
        ("demo", "--check"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_commands_name_the_cure(run, arguments):
    """Each command that needs SAML ends with 1 and says which two to reinstall, without a traceback."""
    done = run(*COMMAND, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "lxml and xmlsec bring different versions of libxml2" in " ".join(done.stderr.split())
    assert "pip install --force-reinstall lxml xmlsec" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_help_is_there_all_the_same(run):
    """--help lists the commands, since none of them needs SAML for that."""
    done = run(*COMMAND, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "metadata" in done.stdout


def test_other_peoples_tests_run(run, tmp_path):
    """pytest, which loads our plug-in in every run, doesn't notice."""
    (tmp_path / "test_theirs.py").write_text("def test_theirs():\n    pass\n")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py")
    assert done.returncode == 0, done.stdout + done.stderr
