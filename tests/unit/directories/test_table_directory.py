"""Users in a table of the application's own, on SQLite."""

import pytest

from tests.unit.directories import own_table
from tests.unit.directories.own_table import Application


@pytest.fixture
def application(patient):
    return Application(patient)


class TestTableDirectory(own_table.TableContract):
    pass


class TestExactTableDirectory(own_table.ExactTableContract):
    pass


class TestTableLinks(own_table.TableLinksContract):
    pass


class TestTableOfTheApplication(own_table.TableStories):
    pass
