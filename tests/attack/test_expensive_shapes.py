"""Well-formed messages of a modest size that once cost seconds or minutes, before any key was looked at.

They run in a child process with a limit on its CPU time, so that one that is expensive again fails a test
and doesn't hang the suite.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from saml_wsgi.errors import Refused
from saml_wsgi.protocol import bindings
from saml_wsgi.protocol.guard import Guard
from saml_wsgi.protocol.parser import parse

xml = sys.stdin.buffer.read()
start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
outcome = "passed"
try:
    bindings.check_text(xml)
    Guard().inspect(parse(xml), xml)
except Refused as refused:
    outcome = refused.code
print(outcome, resource.getrusage(resource.RUSAGE_SELF).ru_utime - start)
"""

_OPEN = (
    b'<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" '
    b'xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r"'
)


def prefixes(count: int) -> bytes:
    return b"".join(b' xmlns:n%d="urn:x"' % number for number in range(count))


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        pytest.param(
            _OPEN + b">" + b"xmlns:" * 40_000 + b"</p:Response>", "passed", id="text like declarations"
        ),
        pytest.param(_OPEN + b">" + b"xmlns " * 40_000 + b"</p:Response>", "passed", id="text and spaces"),
        pytest.param(_OPEN + prefixes(1000) + b"/>", "shape_refused", id="many prefixes"),
        pytest.param(_OPEN + prefixes(10) + b"/>", "passed", id="a few prefixes"),
        pytest.param(
            _OPEN
            + b">"
            + b'<a:e xmlns:x="urn:x" x:b="">a value of some length</a:e>' * 1500
            + b"</p:Response>",
            "passed",
            id="a prefix declared again and again",
        ),
        pytest.param(_OPEN + b">" + b"<e/>" * 60_000 + b"</p:Response>", "shape_refused", id="many elements"),
        pytest.param(
            _OPEN + b">" + b'<e a="" b="" c="" d="" e="" f=""/>' * 4000 + b"</p:Response>",
            "shape_refused",
            id="many attributes",
        ),
    ],
)
def test_costs_little(xml, code):
    """The outcome is as expected, and it takes a small part of the child's limit."""
    run = subprocess.run(
        [sys.executable, "-c", _CHILD], input=xml, capture_output=True, timeout=120, check=False
    )
    outcome, seconds = run.stdout.decode().split()
    assert outcome == code
    assert float(seconds) < 5
