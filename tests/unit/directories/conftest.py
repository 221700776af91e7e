"""A database with its tables, and nothing of it left open afterwards."""

import pytest

from saml_wsgi import database


@pytest.fixture
def url(tmp_path):
    """The URL of a database that is ready, and gives up soon when it is locked."""
    url = f"sqlite:///{tmp_path}/state.db?timeout=0.05"
    database.prepare(url)
    yield url
    database.disconnect(url)


@pytest.fixture
def patient(tmp_path, url):
    """The same database for those who wait for each other as long as a server would."""
    patient = f"sqlite:///{tmp_path}/state.db"
    yield patient
    database.disconnect(patient)
