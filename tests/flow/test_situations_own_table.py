"""People in a table of the application's own, in SQLite: written as far as the policy allows."""

from __future__ import annotations

import pytest

from tests.flow.situations_of_own_tables import OwnTableStories
from tests.flow.situations_own_table import Story


@pytest.fixture
def story(scene) -> Story:
    """The application's database, in a file of its own."""
    return Story(scene, f"sqlite:///{scene.folder}/app.db")


class TestOwnTableOnSQLite(OwnTableStories):
    pass
