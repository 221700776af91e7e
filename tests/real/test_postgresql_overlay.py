"""What a synchronisation brings, seen and written on a real PostgreSQL."""

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.directories.overlay import FIND
from tests.unit.directories.overlaid import OverlayStories
from tests.unit.directories.written_meanwhile import WriteStories

pytestmark = pytest.mark.real("postgresql")


class TestOverlayOnPostgresql(OverlayStories, WriteStories):
    @pytest.fixture
    def url(self, postgres_url):
        return postgres_url


@pytest.mark.parametrize("field", ["username", "email", "employee_id"])
def test_whoever_arrives_is_matched_by_an_index_of_postgresql(postgres_url, field):
    """Neither the users nor what is arriving is read as a whole to identify somebody."""
    asked = FIND[field].params(wanted="x").compile(compile_kwargs={"literal_binds": True})
    with database.connect(postgres_url).begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = list(connection.execute(text(f"EXPLAIN {asked}")).scalars())
    read = [step for step in plan if "Seq Scan" in step]
    assert all("saml_wsgi_sync" in step for step in read), plan
