"""What a synchronisation brings, on a real PostgreSQL."""

import pytest

from tests.unit.directories.arrival.stories import ArrivalStories

pytestmark = pytest.mark.real("postgresql")


class TestArrivalsOnPostgresql(ArrivalStories):
    @pytest.fixture
    def url(self, postgres_url):
        return postgres_url
