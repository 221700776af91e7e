"""Ctrl-C and SIGTERM end the demonstration whenever they come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from saml_wsgi.demo.running import until_stopped

#: Waits once for each line of Python that waiting consists of, and is interrupted just there.
EVERY_MOMENT = """
import itertools, os, signal, sys
from saml_wsgi.demo import running

running._LOOK = 0.01  # come round to the next line soon
for moment in range(60):
    lines = itertools.count()

    def step(frame, event, argument):
        if next(lines) == moment:
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGTERM)
        return step

    with running.until_stopped() as wait:
        signal.alarm(10)  # ends the process if the wait doesn't end
        sys.settrace(step)
        wait()
    assert next(lines) > moment
print("all ended")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(number):
    """Each of the two ends the wait, before it and during it; afterwards the handlers are what they were."""
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with until_stopped() as wait:
        signal.raise_signal(number)
        wait()
    with until_stopped() as wait:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
        timer.start()
        wait()
        timer.join()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_the_second_signal_is_the_usual_one():
    """Whoever presses Ctrl-C twice gets out."""
    with until_stopped():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="Windows has no alarm")
def test_no_moment_is_a_bad_one():
    """Whichever line of waiting a signal interrupts, the wait ends: no lock is taken twice."""
    done = subprocess.run(
        [sys.executable, "-c", EVERY_MOMENT], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "all ended\n"), done.stderr
