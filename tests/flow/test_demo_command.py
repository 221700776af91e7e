"""``saml-wsgi demo`` as somebody uses it: started, used, edited, ended, and started again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from saml_wsgi.testing import Browser

COMMAND = Path(sysconfig.get_path("scripts")) / "saml-wsgi"
LAST_LINE = "Ctrl-C ends it."


class Started:
    """A running demonstration, and what its terminal shows."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [sys.executable, COMMAND, "demo", *arguments],
            cwd=folder,
            env={**env, "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        # Whatever hangs, the test ends.
        self.watchdog = threading.Timer(120, self.process.kill)
        self.watchdog.start()
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if LAST_LINE in line:
                break
        self.said = "".join(lines)

    def address(self, of: str) -> str:
        return re.search(rf"{of} +(http://\S+)/\n", self.said)[1]

    def end(self, number: int) -> tuple[int, str]:
        """Send the signal; the exit status and what stood on the standard error."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        _, errors = self.process.communicate()
        self.watchdog.cancel()
        return self.process.returncode, errors


@pytest.fixture
def start(tmp_path):
    """Starts demonstrations in an empty folder; ends what a test leaves running."""
    running = []

    def start(*arguments: str) -> Started:
        running.append(Started(tmp_path, *arguments))
        return running[-1]

    yield start
    for started in running:
        started.process.kill()
        started.wait()


def sign_in(started: Started) -> Browser:
    """Mara, from the page that needs a sign-in to that very page."""
    browser = Browser()
    page = browser.get(started.address("The application") + "/reports/1?a=b", follow=True)
    page = browser.follow(browser.submit(page)) if "SAMLRequest" in page.form().values else page
    page = browser.submit(page, {"username": "mara", "password": "mara-demo"}, follow=True)
    page = browser.submit(page, follow=True)
    assert page.url == started.address("The application") + "/reports/1?a=b"
    assert "Mara Lindqvist" in page.text
    return browser


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(start, number):
    """Ctrl-C and SIGTERM end it with 0, without a traceback, though somebody is connected."""
    started = start()
    port = int(started.address("The application").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        code, errors = started.end(number)
    assert (code, errors) == (0, "")


def test_what_happens_is_told(start):
    """A sign-in is a line on the standard error, for whoever watches."""
    started = start()
    sign_in(started)
    code, errors = started.end(signal.SIGINT)
    assert code == 0
    assert "event=sign_in" in errors
    assert "outcome=created" in errors


def test_the_second_time_is_the_same_place(start, tmp_path):
    """Both addresses, the users and a session go on after a restart."""
    first = start()
    browser = sign_in(first)
    first.end(signal.SIGINT)
    second = start()
    assert second.said == first.said
    seen = browser.get(second.address("The application") + "/")
    assert "Mara Lindqvist" in seen.text
    assert {path.name for path in (tmp_path / "saml_wsgi_demo").iterdir()} >= {"demo.ini", "demo.db"}


def test_an_edited_ini_counts(start, tmp_path):
    """Another host name and port in base_url are where it is served."""
    first = start()
    first.end(signal.SIGINT)
    ini = tmp_path / "saml_wsgi_demo" / "demo.ini"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ini.write_text(ini.read_text().replace(first.address("The application"), f"http://127.0.0.1:{port}"))
    second = start()
    assert second.address("The application") == f"http://127.0.0.1:{port}"
    sign_in(second)


def test_both_ports_can_be_chosen(start):
    """--port and --idp-port are where they are."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    started = start("--port", str(ports[0]), "--idp-port", str(ports[1]))
    assert started.address("The application") == f"http://localhost:{ports[0]}"
    assert started.address("The identity provider") == f"http://localhost:{ports[1]}"


def test_two_at_once_keep_apart(start):
    """Another folder is another demonstration: cookies ignore ports, and still nothing is mixed up."""
    one, other = start("--folder", "one"), start("--folder", "other")
    browser = sign_in(one)
    page = browser.get(other.address("The application") + "/")
    assert "Mara" not in page.text
    assert "Mara Lindqvist" in browser.get(one.address("The application") + "/").text


def test_a_port_in_use_says_what_to_do(start, tmp_path):
    """A second one in the same folder names the ini, and the other ways out."""
    start()
    code, errors = start().wait()
    errors = " ".join(errors.split())
    assert code == 1
    for wanted in ("base_url", "in use", str(tmp_path / "saml_wsgi_demo" / "demo.ini"), "--folder"):
        assert wanted in errors
    assert "Traceback" not in errors


def test_a_port_in_use_on_the_command_line_is_named(start, tmp_path):
    """--port and --idp-port are named where they can't be had, and no folder is made for nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, errors = start("--port", port).wait()
        assert (code, "--port" in errors, "in use" in errors) == (1, True, True)
        assert list(tmp_path.iterdir()) == []
        code, errors = start("--idp-port", port).wait()
        assert (code, "--idp-port" in errors, "in use" in errors) == (1, True, True)


def test_two_answers_to_the_same_question_are_refused(start):
    """--port beside an ini that says another port is refused, since one of them would be ignored."""
    first = start()
    port = int(first.address("The application").rpartition(":")[2])
    first.end(signal.SIGINT)
    code, errors = start("--port", str(port % 60000 + 1024)).wait()
    assert code == 1
    assert f"says port {port}" in " ".join(errors.split())


def test_https_in_base_url_is_refused(start, tmp_path):
    """It only serves http, and says so."""
    first = start()
    first.end(signal.SIGINT)
    ini = tmp_path / "saml_wsgi_demo" / "demo.ini"
    ini.write_text(ini.read_text().replace("base_url = http://", "base_url = https://"))
    code, errors = start().wait()
    assert code == 1
    assert "only serves http" in " ".join(errors.split())


def test_its_ini_is_good_for_the_other_commands(start, tmp_path):
    """saml-wsgi check finds nothing wrong with it, and saml-wsgi metadata names the ACS."""
    started = start()
    ini = tmp_path / "saml_wsgi_demo" / "demo.ini"

    def run(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, COMMAND, name, ini], capture_output=True, text=True, timeout=60, check=False
        )

    checked = run("check")
    assert checked.returncode == 0, checked.stdout
    assert "It would start." in checked.stdout
    metadata = run("metadata")
    assert metadata.returncode == 0
    assert f'{started.address("The application")}/saml/acs"' in metadata.stdout
