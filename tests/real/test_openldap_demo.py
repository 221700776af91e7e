"""`saml-wsgi demo --resolver ldap`: a directory of this machine's, its people as users, and what is told."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.real("openldap")

COMMAND = Path(sysconfig.get_path("scripts")) / "saml-wsgi"


@pytest.fixture
def run(tmp_path):
    """Runs saml-wsgi in an empty folder; what is left running is ended."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    started = []

    def run(*arguments: str, wait: bool = True):
        process = subprocess.Popen(
            [sys.executable, COMMAND, *arguments],
            cwd=tmp_path,
            env={**env, "PYTHONIOENCODING": "utf-8", "TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        started.append((process, watchdog))
        if wait:
            said, errors = process.communicate()
            return process.returncode, said, errors
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C ends it." in line:
                break
        return process, "".join(lines)

    yield run
    for process, watchdog in started:
        if process.poll() is None:
            # As Ctrl-C: it ends its slapd.
            process.terminate()
            process.communicate()
        watchdog.cancel()


def test_everything_goes_as_promised(run, tmp_path):
    """People of the directory are users before they sign in, come in with its groups; nothing is left."""
    code, said, errors = run("demo", "--resolver", "ldap", "--check")
    assert (code, errors) == (0, ""), said
    assert "6 people read, 5 new users" in said
    assert said.endswith("All 16 steps went as promised.\n")
    assert list(tmp_path.iterdir()) == []


def test_what_it_suggests_can_be_done(run, tmp_path):
    """Its commands can be copied: whoever is switched off in the directory is switched off here."""
    process, said = run("demo", "--resolver", "ldap", wait=False)
    assert "synchronised: 6 people read, 5 new users, 0 switched off" in said
    ini = "saml_wsgi_demo_ldap/demo.ini"
    assert f"sync {ini}" in said
    if shutil.which("ldapmodify"):
        script = re.search(r"^( +ldapmodify .*?\n +\.\n)", said, re.MULTILINE | re.DOTALL)[1]
        lines = "\n".join(line.strip() for line in script.splitlines())
        subprocess.run(["sh", "-c", lines], cwd=tmp_path, check=True, capture_output=True, timeout=60)
        code, told, _ = run("sync", ini)
        assert (code, "1  switched off" in told) == (0, True), told
        _, users, _ = run("users", "list", ini, "--inactive", "--json")
        assert '"username": "mara"' in users
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 0


def test_the_second_time_is_the_same_directory(run, tmp_path):
    """Its port, its people and their users go on after a restart, with --resolver or without."""
    first, said = run("demo", "--resolver", "ldap", wait=False)
    first.send_signal(signal.SIGTERM)
    first.communicate()
    url = re.search(r"ldap://127\.0\.0\.1:\d+", said)[0]
    second, again = run("demo", "--folder", "saml_wsgi_demo_ldap", wait=False)
    assert url in again
    assert "6 people read, 0 new users" in again
    code, _, errors = run("demo", "--resolver", "ldap")
    assert code == 1
    assert "in use" in errors
    assert second.poll() is None


def test_a_database_that_is_broken_is_told(run, tmp_path):
    """What slapd says when it doesn't start is shown."""
    process, _ = run("demo", "--resolver", "ldap", wait=False)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    conf = tmp_path / "saml_wsgi_demo_ldap" / "ldap" / "slapd.conf"
    conf.write_text(conf.read_text() + "nonsense here\n")
    code, _, errors = run("demo", "--resolver", "ldap")
    assert code == 1
    assert "slapd didn't start" in " ".join(errors.split())
    assert "Traceback" not in errors
