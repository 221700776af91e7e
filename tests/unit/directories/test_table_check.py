"""An application's table that isn't what the configuration says, told of all at once."""

import pytest

from saml_wsgi import database
from saml_wsgi.directories.table import TableDirectory, examine
from saml_wsgi.errors import ConfigurationError
from saml_wsgi.model import Profile
from tests.unit.directories.own_table import COLUMNS, FEW, INDICES, TABLE, Application


@pytest.fixture
def application(patient):
    return Application(patient)


def problems(application, columns=COLUMNS, name="accounts", **options):
    """What is wrong, by its key."""
    with pytest.raises(ConfigurationError) as caught:
        TableDirectory(application.url, name, columns, **options)
    assert all(problem.cure for problem in caught.value.problems)
    return {problem.key: problem.reason for problem in caught.value.problems}


def warnings(application, columns=COLUMNS, **options):
    found = application.directory(columns, **options).warnings
    assert all(warning.cure and not warning.fatal for warning in found)
    return {warning.key: warning.reason for warning in found}


def test_a_table_that_fits(application):
    """Nothing is said of a table with unique names and the indices that it needs."""
    application.make_table()
    assert warnings(application, match=("email", "employee_id"), writable=True) == {}


def test_a_file_that_is_not_there(tmp_path):
    """A database that isn't there is told of, and not made."""
    url = f"sqlite:///{tmp_path}/theirs.db"
    with pytest.raises(ConfigurationError) as caught:
        examine(url, "accounts", COLUMNS)
    assert [problem.key for problem in caught.value.problems] == ["directory.url"]
    assert list(tmp_path.iterdir()) == []
    database.disconnect(url)


def test_a_file_that_is_no_database(tmp_path):
    """What can't be read as a database is a problem of the URL."""
    (tmp_path / "theirs.db").write_bytes(b"certainly not SQLite" * 500)
    with pytest.raises(ConfigurationError, match="not a database"):
        examine(f"sqlite:///{tmp_path}/theirs.db", "accounts", COLUMNS)


def test_examining_writes_nothing(application, tmp_path):
    """Looking at a table leaves its file as it was, and waits for no writer."""
    application.make_table()
    before = (tmp_path / "state.db").read_bytes()
    with application.engine.begin():
        examine(application.url, "accounts", COLUMNS, writable=True, match=("email",))
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_table_that_is_not_there(application):
    """A table that isn't there is told of, with one that has nearly its name."""
    application.make_table()
    with pytest.raises(ConfigurationError, match="Did you mean accounts") as caught:
        examine(application.url, "acounts", COLUMNS)
    assert [problem.key for problem in caught.value.problems] == ["directory.table"]
    assert "no table 'people.accounts'" in problems(application, name="people.accounts")["directory.table"]


@pytest.mark.parametrize(
    "name", ['accounts"; DROP TABLE accounts; --', "accounts'", "", "main.accounts.x", "\0"]
)
def test_a_table_of_any_name(application, name):
    """Whatever stands there, it is the name of a table, which isn't there."""
    application.make_table()
    problems(application, name=name)
    assert application.rows() == []


def test_a_table_with_its_schema(application):
    """A schema may be named before the table."""
    application.make_table()
    directory = TableDirectory(application.url, "main.accounts", COLUMNS, writable=True)
    user = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=("idp", "s"))
    assert directory.get(user.id) == user


def test_everything_that_is_wrong_at_once(application):
    """All wrong columns are told together, each under its own key."""
    application.make_table(
        "CREATE TABLE {name} (a INTEGER, b INTEGER, login INTEGER, enabled TEXT)", indices=()
    )
    columns = {"username": "login", "email": "mail", "active": "enabled", "shoe_size": "a"}
    found = problems(application, columns, case="maybe", match=("employee_id",))
    assert found == {
        "directory.columns.username": "the column login is of type INTEGER.",
        "directory.columns.email": "the table accounts has no column 'mail'.",
        "directory.columns.active": "the column enabled is of type TEXT.",
        "directory.columns.shoe_size": "it is no field of a user.",
        "directory.columns.id": "the table accounts has no primary key.",
        "directory.columns.employee_id": "people are matched by it, and it has no column.",
        "directory.case": "'maybe' isn't known.",
    }


def test_a_username_is_needed(application):
    """The column of the usernames must be named."""
    application.make_table()
    assert problems(application, {"email": "Mail Address"}) == {"directory.columns.username": "it isn't set."}


@pytest.mark.parametrize(
    "kind", ["INTEGER", "BLOB", "DATETIME", "NUMERIC(5)", "STRING", "BOOLEAN", "JSON", ""]
)
def test_a_field_that_is_no_text(application, kind):
    """Only text can be a username; what SQLite would make a number of isn't text."""
    application.make_table(f"CREATE TABLE {{name}} (id {{key}}, login {kind} UNIQUE)", indices=())
    assert "is of type" in problems(application, {"username": "login"})["directory.columns.username"]


@pytest.mark.parametrize("kind", ["BOOLEAN", "INTEGER", "SMALLINT"])
@pytest.mark.parametrize(("value", "active"), [("1", True), ("0", False), ("NULL", False), ("2", False)])
def test_who_is_active(application, kind, value, active):
    """Of Boolean and whole numbers, true and 1 are active, and nothing else is."""
    application.make_table(
        f"CREATE TABLE {{name}} (id {{key}}, login TEXT UNIQUE, on_off {kind})", indices=()
    )
    directory = application.directory({"username": "login", "active": "on_off"})
    application.sql(f"INSERT INTO {{name}} (login, on_off) VALUES ('ada', {value})")
    assert directory.find("username", "ada")[0].active is active


def test_a_key_of_several_columns(application):
    """Where the key has several columns, one must be named that identifies a row alone."""
    ddl = "CREATE TABLE {name} (tenant TEXT, login TEXT UNIQUE, nr INTEGER, PRIMARY KEY (tenant, login))"
    application.make_table(ddl, indices=())
    columns = {"username": "login"}
    assert "2 columns" in problems(application, columns)["directory.columns.id"]
    assert "several rows" in problems(application, {**columns, "id": "nr"})["directory.columns.id"]
    application.sql("CREATE UNIQUE INDEX by_number ON {name} (nr) WHERE nr > 5")
    assert "several rows" in problems(application, {**columns, "id": "nr"})["directory.columns.id"]
    assert application.directory({**columns, "id": "login"}).fields == ("username",)


def test_a_key_of_a_kind_that_cannot_be_one(application):
    """A key must be text, a whole number or a UUID."""
    application.make_table("CREATE TABLE {name} (id REAL PRIMARY KEY, login TEXT UNIQUE)", indices=())
    assert "of type" in problems(application, {"username": "login"})["directory.columns.id"]


def test_columns_that_creating_would_leave_empty(application):
    """Where users are made, each column that needs a value and would get none is told of."""
    application.make_table(
        """
        CREATE TABLE {name} (
            id {key}, login TEXT NOT NULL UNIQUE, mail TEXT NOT NULL,
            password TEXT NOT NULL, tenant INTEGER NOT NULL, made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
            plus INTEGER NOT NULL GENERATED ALWAYS AS (1 + 1)
        )
        """,
        indices=(),
    )
    columns = {"username": "login", "email": "mail"}
    with pytest.raises(ConfigurationError) as caught:
        application.directory(columns, writable=True)
    assert [problem.reason.split(" needs")[0] for problem in caught.value.problems] == [
        "the column password",
        "the column tenant",
    ]
    # Whoever only looks needn't care; whoever makes a user all the same is told.
    directory = application.directory(columns)
    with pytest.raises(ConfigurationError, match="password"):
        directory.create(Profile(username="ada"), managed_by="local")
    application.sql("INSERT INTO {name} (login, mail, password, tenant) VALUES ('ada', '', '', 1)")
    assert directory.find("username", "ada")[0].username == "ada"


@pytest.mark.parametrize("key", ["INT NOT NULL PRIMARY KEY", "BIGINT PRIMARY KEY", "VARCHAR(20) PRIMARY KEY"])
def test_ids_that_nobody_makes(application, key):
    """Where users are made, a key that neither the database nor we can make is told of."""
    application.make_table(f"CREATE TABLE {{name}} (id {key}, login TEXT UNIQUE)", indices=())
    assert (
        "nothing makes" in problems(application, {"username": "login"}, writable=True)["directory.columns.id"]
    )
    application.directory({"username": "login"})


def test_one_column_for_two_fields(application):
    """A column may be read as two fields, but not written as two."""
    application.make_table()
    columns = {"username": "login", "email": "login"}
    directory = application.directory(columns)
    application.add("ada@example.com")
    assert directory.find("email", "Ada@example.com")[0].username == "ada@example.com"
    assert "username already" in problems(application, columns, writable=True)["directory.columns.email"]


def test_no_user_is_made_in_a_view(application):
    """A view is for reading."""
    application.make_table()
    application.sql("CREATE VIEW people AS SELECT * FROM {name}")
    columns = {"id": "id", "username": "login"}
    assert "is a view" in problems(application, columns, name="people", writable=True)["directory.table"]


def test_a_view_that_shows_one_id_twice(application):
    """Two rows of one id are two people, and neither is signed in as the other."""
    application.make_table()
    application.add("ada")
    application.add("grace")
    application.sql("CREATE VIEW people AS SELECT one.id, two.login FROM {name} AS one, {name} AS two")
    directory = TableDirectory(application.url, "people", {"id": "id", "username": "login"})
    with pytest.raises(Exception, match="several rows") as caught:
        directory.get("1")
    assert caught.value.code == "directory_unavailable"


def test_a_view_turns_values_into_what_they_must_be(application):
    """Where a column is of the wrong type, or says the opposite, a view puts it right."""
    application.make_table("CREATE TABLE {name} (id {key}, login INTEGER, locked TEXT)", indices=())
    application.sql("INSERT INTO {name} (login, locked) VALUES (17, 'no'), (18, 'yes')")
    application.sql(
        "CREATE VIEW people AS SELECT id, CAST(login AS TEXT) AS login, locked = 'no' AS enabled FROM {name}"
    )
    columns = {"id": "id", "username": "login", "active": "enabled"}
    directory = TableDirectory(application.url, "people", columns)
    assert [directory.find("username", name)[0].active for name in ("17", "18")] == [True, False]


def test_names_without_an_index(application):
    """A look-up that would read the whole table is told of, with the index that it needs."""
    application.make_table(indices=())
    found = warnings(application)
    assert found == {
        "directory.case": "looking somebody up by username reads the whole table: "
        "no index serves lower(login)."
    }
    assert "lower(Mail Address)" in str(application.directory(match=("email",)).warnings[-1])
    assert warnings(application, case="exact") == {}
    assert (
        "by employee_id"
        in warnings(application, case="exact", match=("employee_id",))["directory.columns.employee_id"]
    )


def test_names_that_can_be_there_twice(application):
    """A table in which two can have one name is told of; an index on the lower case will do."""
    ddl = TABLE.replace("NOT NULL UNIQUE", "NOT NULL")
    application.make_table(ddl, indices=("CREATE INDEX names ON {name} (lower(login))",))
    assert list(warnings(application, FEW)) == ["directory.columns.username"]
    application.sql("CREATE UNIQUE INDEX some ON {name} (login) WHERE enabled")
    assert list(warnings(application, FEW)) == ["directory.columns.username"]
    application.sql(INDICES[0])
    assert warnings(application, FEW) == {}
