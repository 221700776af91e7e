"""What is promised of the store, the directories and the links, on a real PostgreSQL."""

import pytest

from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.stores.sql import SQLStore
from saml_wsgi.testing.contracts import (
    AdministeredDirectoryContract,
    AdministeredLinksContract,
    AttendanceContract,
    GroupRegisterContract,
    StandingsContract,
    StoreContract,
)
from tests.unit.directories import own_table
from tests.unit.directories.own_table import Application

pytestmark = pytest.mark.real("postgresql")


@pytest.fixture
def application(postgres_url):
    return Application(postgres_url)


class TestStoreOnPostgresql(StoreContract):
    @pytest.fixture
    def make_store(self, postgres_url):
        return lambda clock: SQLStore(postgres_url, clock=clock)


class TestDirectoryOnPostgresql(AdministeredDirectoryContract, AttendanceContract, GroupRegisterContract):
    @pytest.fixture
    def directory(self, postgres_url):
        return SQLDirectory(postgres_url)


class TestLinksOnPostgresql(AdministeredLinksContract, StandingsContract):
    @pytest.fixture
    def links(self, postgres_url):
        return SQLLinks(postgres_url)


class TestTableDirectoryOnPostgresql(own_table.TableContract):
    pass


class TestExactTableDirectoryOnPostgresql(own_table.ExactTableContract):
    pass


class TestTableLinksOnPostgresql(own_table.TableLinksContract):
    pass


class TestTableOfTheApplicationOnPostgresql(own_table.TableStories):
    pass
