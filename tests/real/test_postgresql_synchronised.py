"""What a synchronisation does, with the users in a real PostgreSQL: the same stories, the same outcomes."""

from __future__ import annotations

import pytest

from saml_wsgi.testing.clock import FakeClock
from tests.unit.sync import (
    test_sync_changes,
    test_sync_courses,
    test_sync_faults,
    test_sync_limits,
    test_sync_names,
    test_sync_reports,
    test_sync_rules,
    test_sync_situations,
)
from tests.unit.sync.world import World

pytestmark = pytest.mark.real("postgresql")

#: They are about SQLite's file, or about a clock that isn't the server's.
_ELSEWHERE = ("no_room", "lost_its_lease", "not_there", "told_to_stop")

for _module in (
    test_sync_changes,
    test_sync_courses,
    test_sync_faults,
    test_sync_limits,
    test_sync_names,
    test_sync_reports,
    test_sync_rules,
    test_sync_situations,
):
    for _name, _story in vars(_module).items():
        if _name.startswith("test_") and not any(word in _name for word in _ELSEWHERE):
            globals()[_name] = _story


@pytest.fixture
def world(postgres_url: str) -> World:
    """Nobody anywhere."""
    return World(postgres_url, FakeClock())


@pytest.fixture
def crowd(world: World) -> World:
    """Twenty people, synchronised."""
    return world.fill()


@pytest.fixture
def telling(crowd: World) -> World:
    """A source that tells what changed, read once."""
    return test_sync_changes.once_read(crowd)
