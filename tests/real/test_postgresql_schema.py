"""The schema on a real PostgreSQL: made once, upgraded as a whole, its indices used."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.database.migrations import MIGRATIONS
from saml_wsgi.errors import ConfigurationError
from tests.unit.database import version_one

pytestmark = pytest.mark.real("postgresql")


@pytest.fixture
def empty(postgres):
    url = postgres.empty()
    yield url
    postgres.drop(url)


@pytest.fixture
def old(empty):
    """A database as release 0.1 left it."""
    made = (version_one.HERE / "version_1_postgresql.sql").read_text(encoding="utf-8")
    engine = database.connect(empty)
    with engine.begin() as connection:
        connection.exec_driver_sql(made)
        # In an order that suits the foreign keys.
        for row in sorted(
            version_one.content(), key=lambda line: ("_users" not in line, "_state" not in line)
        ):
            connection.exec_driver_sql(_as_postgresql(row))
    return empty


def _as_postgresql(row):
    if row.startswith('INSERT INTO "saml_wsgi_users"'):
        before, flag, after = row.rpartition(",1,'") if ",1,'" in row else row.rpartition(",0,'")
        return f"{before},{'TRUE' if flag == ',1,' + chr(39) else 'FALSE'},'{after}"
    return row.replace("X'00FF76616C7565'", r"'\x00ff76616c7565'")


def test_made_by_several_at_once(empty):
    """Whoever starts together finds the tables afterwards, and nobody fails."""
    barrier = threading.Barrier(6)

    def create(_):
        barrier.wait()
        return database.create(empty)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(create, range(6))) == {1 + len(MIGRATIONS)}
    database.require_current(empty)


def test_nobody_starts_without_tables(empty):
    """On PostgreSQL nothing is made on the sly."""
    with pytest.raises(ConfigurationError, match="saml-wsgi database create"):
        database.prepare(empty)


def test_upgrading_from_version_1(old):
    """Users, groups, links and state are there as before, with what version 2 has more."""
    with pytest.raises(ConfigurationError, match="saml-wsgi database upgrade"):
        database.prepare(old)
    assert database.upgrade(old)[0] == 1
    version_one.check_people(old)


def test_upgraded_by_several_at_once(old):
    """Of several who upgrade, one does it, and the others find it done."""
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: database.upgrade(old), range(4)))
    newest = 1 + len(MIGRATIONS)
    assert sorted(done) == [(1, newest)] + [(newest, newest)] * 3
    version_one.check_people(old)


def test_an_upgraded_database_is_as_a_new_one(old, postgres_url):
    """Tables, columns, defaults, keys and indices are the same, whichever way they came."""
    database.upgrade(old)
    assert version_one.schema(old) == version_one.schema(postgres_url)


@pytest.mark.parametrize("field", ["username_key", "email_key", "employee_id"])
def test_people_are_matched_by_an_index(postgres_url, field):
    """Whoever identifies people by one of these fields doesn't read the whole table."""
    with database.connect(postgres_url).begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(
            text(f"EXPLAIN SELECT id FROM saml_wsgi_users WHERE {field} = 'x'")
        ).scalars()
        assert not any("Seq Scan" in step for step in plan)
