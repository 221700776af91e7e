"""No message hangs, bloats or crashes a worker, or opens a file, whoever sends it (promise 1)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.attack.resource_bodies import BODIES, MESSAGES, REQUESTS
from tests.attack.resource_cases import ENCRYPTED, SIGNED
from tests.attack.resources import Case, Outcome

MEGABYTE = 1 << 20

#: Generous: these detect hanging and bloating, they are no benchmark.
MOST_CPU = 0.5
MOST_MEMORY = 10 * MEGABYTE

ALL = (*SIGNED, *ENCRYPTED, *MESSAGES, *BODIES, *REQUESTS)


@pytest.fixture(scope="module", params=["restart", "accept"], ids=lambda kind: f"unsolicited={kind}")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Outcome]:
    """What came of each case: one process runs them, each in a child of its own with limits.

    By default whoever attacks must hold a pending request, else nothing is decoded. Where unsolicited
    messages are accepted they hold nothing, and everything is looked into.
    """
    folder = tmp_path_factory.mktemp("resources")
    run = subprocess.run(
        [sys.executable, "-m", "tests.attack.resources", str(folder), request.param],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    said = [Outcome(**json.loads(line)) for line in run.stdout.splitlines()]
    return {outcome.name: outcome for outcome in said}


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_resource_attack(outcomes: Mapping[str, Outcome], case: Case) -> None:
    """It is answered as the row says, at once, in little memory, and opens nothing outside."""
    outcome = outcomes[case.name]
    # What had to be killed has no status: it hung, opened the FIFO or a device, or ran into a limit.
    assert outcome.status == case.status, outcome
    assert outcome.code == case.code or not case.code, outcome
    assert outcome.cpu < MOST_CPU, outcome
    assert outcome.memory < MOST_MEMORY, outcome
    assert not outcome.connected, outcome


def test_names_are_distinct() -> None:
    """No row hides another one."""
    assert len({case.name for case in ALL}) == len(ALL)
