"""People in memory and users in SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from saml_wsgi.database import prepare
from saml_wsgi.testing.clock import FakeClock
from tests.unit.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nobody anywhere."""
    url = f"sqlite:///{tmp_path}/users.db"
    prepare(url)
    return World(url, FakeClock())


@pytest.fixture
def crowd(world: World) -> World:
    """Twenty people, synchronised."""
    return world.fill()
