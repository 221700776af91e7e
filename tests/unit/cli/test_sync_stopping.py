"""`saml-wsgi sync --watch` stops between two runs when it is told to, and not in one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from saml_wsgi.cli.sync.stopping import Stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(number):
    """Whoever waits is woken up, and knows why."""
    with Stopping() as stopping:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        assert stopping.wait(60) is True
    assert stopping.asked


def test_a_signal_before_the_wait_counts():
    """What arrives during a run isn't forgotten: the run goes on, and no further one begins."""
    with Stopping() as stopping:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(60) is True


def test_without_a_signal_the_wait_ends_by_itself():
    """The next run begins when its time has come."""
    with Stopping() as stopping:
        assert stopping.wait(0) is False
        assert stopping.wait(0.01) is False


def test_the_handlers_are_put_back():
    """Afterwards signals do what they did before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Stopping():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_signal_ends_the_process():
    """Whoever can't wait for the end of a run sends another one."""
    script = (
        "import os, signal\n"
        "from saml_wsgi.cli.sync.stopping import Stopping\n"
        "with Stopping() as stopping:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print(stopping.asked, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (-signal.SIGTERM, b"True", b"")
