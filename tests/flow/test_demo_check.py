"""``saml-wsgi demo --check``: a whole round trip over HTTP in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

COMMAND = Path(sysconfig.get_path("scripts")) / "saml-wsgi"


@pytest.fixture
def run(tmp_path):
    """Runs saml-wsgi demo in an empty folder, as somebody would who has just installed it."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [sys.executable, COMMAND, "demo", *map(str, arguments)],
            cwd=tmp_path,
            env={**env, "PYTHONIOENCODING": "utf-8", **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


def test_everything_goes_as_promised(run, tmp_path):
    """It ends with 0, tells every step, warns of nothing, and leaves nothing behind."""
    done = run("--check", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    steps = [line for line in lines if line.startswith("ok ")]
    assert len(steps) == 15
    assert lines[-1] == "All 15 steps went as promised."
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_without_unicode_is_no_obstacle(run):
    """What it can't show becomes a question mark."""
    assert run("--check", PYTHONIOENCODING="ascii").returncode == 0


def test_an_application_without_the_middleware_fails_the_check(run, tmp_path):
    """It isn't a check that always succeeds: without the filter, it says which step had which outcome."""
    assert run("--check", "--folder", "demo").returncode == 0
    ini = tmp_path / "demo" / "demo.ini"
    ini.write_text(ini.read_text().replace("pipeline = saml application", "pipeline = application"))
    done = run("--check", "--folder", "demo")
    assert done.returncode == 1
    assert "FAILED  2  a program without a session asks for /api/me" in done.stdout
    assert "expected 401 and JSON with login_url; got 401 Unauthorized" in done.stdout
    assert "1 of 15 steps went as promised" in done.stdout


def test_a_refused_sign_in_fails_the_check_and_shows_the_log(run, tmp_path):
    """With `resolvers = existing` nobody is created, so the way ends at the answer, and the log says why."""
    assert run("--check", "--folder", "demo").returncode == 0
    ini = tmp_path / "demo" / "demo.ini"
    ini.write_text(ini.read_text().replace("#resolvers = existing", "resolvers = existing"))
    (tmp_path / "demo" / "demo.db").unlink()
    done = run("--check", "--folder", "demo")
    assert done.returncode == 1
    assert "FAILED  6" in done.stdout
    assert "code=not_found" in done.stderr


def test_the_edits_are_what_is_checked(run, tmp_path):
    """A path below the host, another prefix and another host name work as well."""
    assert run("--check", "--folder", "demo").returncode == 0
    ini = tmp_path / "demo" / "demo.ini"
    text = ini.read_text().replace("http://localhost:", "http://127.0.0.1:")
    place = next(line for line in text.splitlines() if line.startswith("base_url"))
    ini.write_text(text.replace(place, f"{place}/wiki\nprefix = /sso\nidp.request_binding = redirect"))
    done = run("--check", "--folder", "demo")
    assert done.returncode == 0, done.stdout
    assert "/wiki/sso/acs" in done.stdout
    assert "302, redirect to http://127.0.0.1:" in done.stdout


def test_it_says_what_to_install(run, tmp_path):
    """Without waitress there is one friendly line."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'waitress' else find(name, *rest)\n"
    )
    done = run("--check", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'saml_wsgi[demo]'" in done.stderr
    assert "Traceback" not in done.stderr
