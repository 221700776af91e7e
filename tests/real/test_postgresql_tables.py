"""An application's own table on a real PostgreSQL: what SQLite has no like of."""

import uuid

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.directories.table import TableDirectory, examine
from saml_wsgi.errors import ConfigurationError, DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.model import Changes, Profile
from saml_wsgi.testing.contracts.crowd import at_once
from tests.unit.directories.own_table import COLUMNS, FEW, IDP, TABLE, Application

pytestmark = pytest.mark.real("postgresql")


@pytest.fixture
def application(postgres_url):
    return Application(postgres_url)


def test_a_table_that_fits(application):
    """Nothing is said of a table with unique names and the indices that it needs."""
    application.make_table()
    assert application.directory(match=("email", "employee_id"), writable=True).warnings == ()


def test_indices_that_are_missing(application):
    """What would be read as a whole is told of, also while the table is small."""
    application.make_table(TABLE.replace("NOT NULL UNIQUE", "NOT NULL"), indices=())
    keys = [warning.key for warning in application.directory(match=("email", "employee_id")).warnings]
    assert keys == [
        "directory.columns.username",
        "directory.case",
        "directory.case",
        "directory.columns.employee_id",
    ]
    application.sql("CREATE UNIQUE INDEX names ON {name} (lower(login))")
    assert application.directory().warnings == ()


def test_a_table_in_a_schema_of_its_own(application):
    """A schema is named before the table; users of two schemas are two tables."""
    application.sql("CREATE SCHEMA IF NOT EXISTS people")
    application.sql("CREATE TABLE people.accounts (id SERIAL PRIMARY KEY, login TEXT UNIQUE)")
    application.make_table()
    directory = TableDirectory(application.url, "people.accounts", {"username": "login"}, writable=True)
    user = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=(IDP, "s"))
    assert directory.get(user.id) == user
    assert directory.links.follow(IDP, "s") == user.id
    assert application.rows() == []
    with pytest.raises(ConfigurationError, match="no table"):
        examine(application.url, "nobody.accounts", {"username": "login"})


@pytest.mark.parametrize("default", ["", "DEFAULT gen_random_uuid()"])
def test_uuid_keys(application, default):
    """UUIDs are ids, in the one way in which PostgreSQL writes them."""
    application.make_table(TABLE.replace("{key}", f"UUID PRIMARY KEY {default}"))
    directory = application.directory(writable=True)
    user = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=(IDP, "s"))
    assert directory.get(user.id) == user
    assert str(uuid.UUID(user.id)) == user.id
    for other in (user.id.upper(), user.id.replace("-", ""), f"{{{user.id}}}", f"urn:uuid:{user.id}"):
        assert directory.get(other) is None
    assert [listed.user for listed in directory.everybody()] == [user]
    assert directory.everybody(after=user.id) == ()
    assert directory.update(user, Changes({"email": "a@x", "active": False})).active is False
    assert directory.remove(user.id) is True


@pytest.mark.parametrize("key", ["BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BIGSERIAL PRIMARY KEY"])
def test_keys_that_the_database_makes(application, key):
    """Identity columns and sequences give ids."""
    application.make_table(TABLE.replace("{key}", key))
    directory = application.directory(writable=True)
    user = directory.create(Profile(username="ada"), managed_by="x")
    assert directory.get(user.id) == user


def test_a_key_that_nobody_makes(application):
    """A number without a sequence is a problem where users are made."""
    application.make_table(TABLE.replace("{key}", "INTEGER PRIMARY KEY"))
    with pytest.raises(ConfigurationError, match="nothing makes"):
        application.directory(writable=True)


def test_text_of_other_kinds(application):
    """CHAR is read without what fills it up; domains and case-insensitive text are text."""
    application.sql("CREATE EXTENSION IF NOT EXISTS citext")
    application.sql("DROP DOMAIN IF EXISTS address")
    application.sql("CREATE DOMAIN address AS VARCHAR(60) CHECK (VALUE LIKE '%@%')")
    application.sql(
        "CREATE TABLE accounts (id CHAR(40) PRIMARY KEY, login CITEXT UNIQUE, mail address, number CHAR(8))"
    )
    columns = {"username": "login", "email": "mail", "employee_id": "number"}
    directory = application.directory(columns, writable=True)
    profile = Profile(username="Ada", email="ada@x", employee_id="17", groups=("g",))
    user = directory.create(profile, managed_by="x", link=(IDP, "s"))
    assert (user.username, user.email, user.employee_id, user.groups) == ("Ada", "ada@x", "17", ("g",))
    assert directory.get(user.id) == user
    assert directory.links.follow(IDP, "s") == user.id
    for field, value in (("username", "ADA"), ("email", "ADA@X"), ("employee_id", "17")):
        assert list(directory.find(field, value)) == [user]
    assert directory.update(user, Changes({"email": "b@x"})).email == "b@x"
    with pytest.raises(Refused) as caught:
        directory.update(user, Changes({"email": "nobody"}))
    assert caught.value.code == "attribute_unusable"
    assert directory.remove(user.id) is True
    application.sql("DROP TABLE accounts")
    application.sql("DROP DOMAIN address")


def test_an_enumeration_is_no_text(application):
    """A column that takes only certain words can't be a username."""
    application.sql("DROP TYPE IF EXISTS colour CASCADE")
    application.sql("CREATE TYPE colour AS ENUM ('red', 'green')")
    application.sql("CREATE TABLE accounts (id SERIAL PRIMARY KEY, login colour)")
    with pytest.raises(ConfigurationError, match="of type colour"):
        application.directory({"username": "login"})


def test_one_person_created_by_many(application):
    """Of many who create one person at once, however spelt, one does: no index need help."""
    application.make_table(TABLE.replace("NOT NULL UNIQUE", "NOT NULL"), indices=())
    directory = application.directory(writable=True)

    def create(number):
        name = ("ada", "Ada", "ADA", "\uff21da")[number % 4]
        try:
            return directory.create(Profile(username=name, groups=("g",)), managed_by="x", link=(IDP, "s"))
        except DirectoryConflict:
            return None

    made = [user for user in at_once(12, create) if user is not None]
    assert len(made) == len(application.rows()) == 1
    assert list(directory.find("username", "ada")) == made


def test_one_name_taken_by_two_at_once(application):
    """Of users who take one name at once, one gets it."""
    application.make_table(TABLE.replace("NOT NULL UNIQUE", "NOT NULL"), indices=())
    directory = application.directory(writable=True)
    users = [directory.create(Profile(username=f"user-{n}"), managed_by="x") for n in range(8)]

    def rename(number):
        try:
            return directory.update(users[number], Changes({"username": ("ada", "ADA")[number % 2]}))
        except DirectoryConflict:
            return None

    renamed = [user for user in at_once(8, rename) if user is not None]
    assert len(renamed) == 1
    assert list(directory.find("username", "ada")) == renamed


@pytest.fixture
def reader(application):
    """The URL of somebody who may read the application's table, and write ours."""
    application.make_table()
    application.sql("DROP ROLE IF EXISTS reader")
    application.sql("CREATE ROLE reader LOGIN")
    application.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    ours = "saml_wsgi_companions, saml_wsgi_companion_groups, saml_wsgi_links"
    application.sql(f"GRANT INSERT, UPDATE, DELETE ON {ours} TO reader")
    url = application.url.replace("postgres@", "reader@")
    yield url
    database.disconnect(url)
    application.sql("DROP OWNED BY reader")
    application.sql("DROP ROLE reader")


def test_the_right_to_read_is_enough(application, reader):
    """Whoever makes no users needs no right to write to the application's table."""
    user_id = application.add("ada")
    directory = TableDirectory(reader, "accounts", FEW)
    user = directory.get(user_id)
    directory.saw(user_id, 1_800_000_000)
    assert directory.links.pin(IDP, "s", user_id) is True
    changed = directory.update(user, Changes({"groups": ("g",), "active": False}))
    assert (changed.groups, changed.active) == (("g",), False)
    with pytest.raises(DirectoryUnavailable, match="permission denied"):
        directory.update(user, Changes({"email": "a@x"}))


def test_a_row_that_the_application_has_locked(application):
    """While the application holds a row, a write is given up in time, and reads go on."""
    application.make_table()
    user_id = application.add("ada")
    impatient = f"{application.url}&options=-c%20statement_timeout%3D200"
    directory = TableDirectory(impatient, "accounts", COLUMNS)
    user = directory.get(user_id)
    with application.engine.begin() as connection:
        connection.execute(text("SELECT * FROM accounts FOR UPDATE"))
        with pytest.raises(DirectoryUnavailable):
            directory.update(user, Changes({"email": "a@x", "groups": ("g",)}))
        assert directory.get(user_id) == user
    assert directory.update(user, Changes({"email": "a@x"})).email == "a@x"
    database.disconnect(impatient)
