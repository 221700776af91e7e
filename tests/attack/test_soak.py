"""Ten thousand hostile messages leave nothing behind in the process that refused them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

COUNT = 10_000
#: Resident memory may differ by so much between the first thousand messages and the last one.
MOST_GROWTH = 10 << 20
#: What the garbage collector knows: a cache or a list of refusals without a bound has one for each.
MOST_OBJECTS = 1_000
#: What a refused message is answered with; 413 is for bodies that aren't even read.
REFUSED = {"400", "403", "413"}


def soaked(folder: Path, count: int, kind: str) -> Mapping[str, Any]:
    """What came of so many messages at a process of their own, whose memory is limited."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.attack.soak", str(folder), str(count), kind],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    outcome: Mapping[str, Any] = json.loads(run.stdout)
    return outcome


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """All kinds, in the mix that an attacker with every tool would send, at the most open configuration.

    `idp.unsolicited = accept`, a key to decrypt with, CBC allowed, and a pending request at hand, so that
    nothing is discarded unread.
    """
    return soaked(tmp_path_factory.mktemp("soak"), COUNT, "all")


def test_each_is_refused(outcome):
    """Each of 10,000 different messages is refused, by checks of every stage; none raises anything else."""
    assert sum(outcome["statuses"].values()) == COUNT
    assert set(outcome["statuses"]) <= REFUSED, outcome
    assert outcome["tracebacks"] == []
    # Bytes, shape, schema, signature and content: the mix gets as far as each.
    assert {
        "message_malformed",
        "message_too_large",
        "xml_malformed",
        "xml_forbidden",
        "shape_refused",
        "encryption_refused",
        "schema_invalid",
        "signature_invalid",
        "too_old",
    } <= set(outcome["codes"]), outcome
    # A refusal without a reason would be of no use to the operator.
    assert "" not in outcome["codes"]
    assert "internal_error" not in outcome["codes"]


def test_memory_is_flat(outcome):
    """Resident memory after the last message is within 10 MiB of what it was after the first thousand."""
    assert outcome["end"]["memory"] - outcome["warm"]["memory"] < MOST_GROWTH, outcome


@pytest.mark.parametrize("what", ["files", "threads", "records", "users"])
def test_nothing_is_kept(outcome, what):
    """Nothing is written to the store or the directory; no file stays open, no thread is left over."""
    assert outcome["end"][what] == outcome["warm"][what], outcome
    assert outcome["end"]["records"] == outcome["end"]["users"] == 0


def test_what_is_remembered_of_refusals_is_bounded(outcome):
    """Whatever the process remembers of refused messages doesn't grow with their number."""
    assert outcome["end"]["objects"] - outcome["warm"]["objects"] < MOST_OBJECTS, outcome


def test_names_that_no_message_had_before(tmp_path):
    """Parsers keep names, namespaces and white space for ever; those of refused messages they must not.

    Of messages with 5 or 45 KB of them each, 2,000 must leave no more behind than any others.
    """
    outcome = soaked(tmp_path, 3_000, "names")
    assert set(outcome["statuses"]) <= REFUSED
    assert outcome["end"]["memory"] - outcome["warm"]["memory"] < MOST_GROWTH, outcome
