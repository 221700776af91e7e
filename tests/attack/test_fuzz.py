"""Accepted means: name, attributes and audience are byte for byte what was signed. Only ours is raised.

``SAML_WSGI_FUZZ_SECONDS`` lets the long one go on for longer; so does ``python -m tests.attack.fuzz``.
"""

from __future__ import annotations

import base64
import os
import random
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attack.fuzz import Fuzz

SECONDS = float(os.environ.get("SAML_WSGI_FUZZ_SECONDS", "12"))


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    """Good messages of every kind, and the service that they are for."""
    return Fuzz(tmp_path_factory.mktemp("fuzz"))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_any_change(fuzz, chance):
    """A message with a few changes is what it was, or refused; Hypothesis looks for the least change."""
    fuzz.one(chance)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(fuzz, body):
    """Whatever is posted, the answer is one of ours, and nobody is signed in."""
    page = fuzz.scene.post_body(body)
    assert page.status in {400, 403}
    assert page.all("Set-Cookie") == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", "RelayState=x&"]))
def test_any_message(fuzz, message, before):
    """Whatever a form's SAMLResponse holds, the answer is one of ours, and nobody is signed in."""
    body = f"{before}SAMLResponse={quote(base64.b64encode(message))}"
    page = fuzz.scene.post_body(body.encode())
    assert page.status in {303, 403}
    assert page.all("Set-Cookie") == []


def test_for_a_while(fuzz):
    """As many changed messages as fit into the time; the seed is told where one breaks the promise."""
    seed = random.randrange(1 << 32)
    before = fuzz.counts["accepted"]
    try:
        fuzz.run(SECONDS, random.Random(seed))
    except AssertionError as error:
        error.add_note(f"seed {seed}")
        raise
    # Changes that nobody minds are part of it: else only parsers would have been tried.
    assert fuzz.counts["accepted"] > before
    assert {"signature_invalid", "shape_refused", "schema_invalid"} <= set(fuzz.counts)
