"""A place for a database, and nothing of it left open afterwards."""

import pytest

from saml_wsgi import database


@pytest.fixture
def url(tmp_path):
    """The URL of a database that isn't made yet."""
    url = f"sqlite:///{tmp_path}/state.db"
    yield url
    database.disconnect(url)
