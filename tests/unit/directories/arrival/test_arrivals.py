"""What a synchronisation brings, on SQLite."""

import sqlite3

import pytest

from saml_wsgi.errors import DirectoryUnavailable
from tests.unit.directories.arrival.scene import NOW, Scene, new, some
from tests.unit.directories.arrival.stories import ArrivalStories


class TestArrivals(ArrivalStories):
    @pytest.fixture
    def scene(self, patient):
        return Scene(patient)


def test_a_database_that_is_locked(url, tmp_path):
    """Where somebody else writes for too long, each step says that the directory isn't available."""
    scene = Scene(url)
    with scene.run() as arrivals:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for call in (
            arrivals.begin,
            lambda: arrivals.add_new(some(3)),
            lambda: arrivals.flip("", full=True, now=NOW),
        ):
            with pytest.raises(DirectoryUnavailable, match="locked"):
                call()
        other.execute("ROLLBACK")
        other.close()
        assert arrivals.add_new(some(3)) == ()
        arrivals.flip("", full=True, now=NOW)
    assert len(scene.seen()) == 3


def test_ids_are_in_the_order_in_which_they_were_made(scene_of):
    """Later users stand behind earlier ones in every index over ids, and no two have one."""
    scene = scene_of()
    for start in (0, 400, 800):
        scene.bring(new=[new(number) for number in range(start, start + 400)])
    ids = [row[0] for row in scene.rows("SELECT id FROM saml_wsgi_users ORDER BY rowid")]
    assert ids == sorted(set(ids))
    assert len(ids) == 1200


@pytest.fixture
def scene_of(patient):
    return lambda: Scene(patient)
