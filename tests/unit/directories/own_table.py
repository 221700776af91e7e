"""An application that has a table of users already, and what is true of it on every database."""

import pytest
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.directories.table import TableDirectory
from saml_wsgi.errors import DirectoryConflict, Refused
from saml_wsgi.model import FIELDS, Changes, Profile, User
from saml_wsgi.testing.contracts import (
    AdministeredDirectoryContract,
    AdministeredLinksContract,
    AttendanceContract,
    GroupRegisterContract,
    StandingsContract,
)

IDP = "https://idp.example/saml"

#: Every field has a column, and none is called as we call it.
COLUMNS = {
    "username": "login",
    "email": "Mail Address",
    "first_name": "given",
    "last_name": "family",
    "display_name": "shown",
    "employee_id": "number",
    "active": "enabled",
}
#: Only the two columns that many applications have.
FEW = {"username": "login", "email": "Mail Address"}
SERIAL = {"sqlite": "INTEGER PRIMARY KEY", "postgresql": "SERIAL PRIMARY KEY"}
TABLE = """
    CREATE TABLE {name} (
        id {key},
        login VARCHAR(150) NOT NULL UNIQUE,
        "Mail Address" VARCHAR(254),
        given TEXT NOT NULL DEFAULT '',
        family TEXT,
        shown TEXT,
        number VARCHAR(20),
        enabled BOOLEAN NOT NULL DEFAULT TRUE,
        note TEXT NOT NULL DEFAULT 'theirs'
    )
"""
INDICES = (
    "CREATE UNIQUE INDEX accounts_login ON {name} (lower(login))",
    'CREATE INDEX accounts_mail ON {name} (lower("Mail Address"))',
    "CREATE INDEX accounts_number ON {name} (number)",
)


class Application:
    """The application's side: it reads and writes its table by SQL, and knows nothing of us."""

    def __init__(self, url, name="accounts"):
        self.url = url
        self.name = name
        self.engine = database.connect(url)

    def sql(self, statement, **values):
        """Run a statement; its rows as dictionaries, if it has any."""
        with self.engine.begin() as connection:
            found = connection.execute(text(statement.replace("{name}", self.name)), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    def make_table(self, ddl=TABLE, indices=INDICES):
        self.sql(ddl.replace("{key}", SERIAL[self.engine.dialect.name]))
        for index in indices:
            self.sql(index)
        return self

    def rows(self):
        return self.sql("SELECT * FROM {name} ORDER BY login")

    def add(self, login, **columns):
        """Add a user, as the application does; its id as text."""
        values = {"login": login, **columns}
        names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        statement = f"INSERT INTO {{name}} ({names}) VALUES ({places}) RETURNING id"
        (row,) = self.sql(statement, **values)
        return str(row["id"])

    def directory(self, columns=COLUMNS, **options):
        return TableDirectory(self.url, self.name, columns, **options)


class TableContract(AdministeredDirectoryContract, AttendanceContract, GroupRegisterContract):
    """Needs the fixture ``application``; every field has a column."""

    @pytest.fixture
    def directory(self, application):
        return application.make_table().directory(writable=True)


class ExactTableContract(TableContract):
    """Names are compared as they are written: what is promised of keys isn't, but by the operator's will."""

    test_usernames_match_by_key = None
    test_usernames_match_beyond_ascii = None
    test_emails_match_by_key = None
    test_create_of_a_taken_username = None
    test_update_to_a_taken_username_in_capitals = None

    @pytest.fixture
    def directory(self, application):
        return application.make_table(indices=()).directory(writable=True, case="exact")


class TableLinksContract(AdministeredLinksContract, StandingsContract):
    @pytest.fixture
    def links(self, application):
        application.make_table()
        for number in range(1, 40):
            application.add(f"user-{number}")
        return application.directory().links

    def user_id(self, number):
        return str(number + 1)


class TableStories:
    """Needs the fixture ``application``."""

    @pytest.fixture
    def table(self, application):
        return application.make_table()

    @pytest.fixture
    def directory(self, table):
        return table.directory(writable=True)

    def test_users_of_the_application_are_found(self, table, directory):
        """A row that the application wrote is a user, local, without groups, never seen."""
        user_id = table.add("ada", given="Ada", number="17", enabled=False)
        table.sql('UPDATE {name} SET "Mail Address" = :mail', mail="Ada@Example.com")
        expected = User(
            id=user_id,
            username="ada",
            email="Ada@Example.com",
            first_name="Ada",
            employee_id="17",
            active=False,
        )
        assert directory.get(user_id) == expected
        assert list(directory.find("email", "ada@example.com")) == [expected]
        assert [(listed.user, listed.created) for listed in directory.everybody()] == [(expected, 0)]

    def test_reading_writes_nothing(self, table, directory):
        """Whoever only looks leaves no trace, in no table."""
        user_id = table.add("ada")
        directory.get(user_id)
        directory.find("username", "ada")
        directory.everybody()
        directory.links.follow(IDP, "s-1")
        assert table.sql("SELECT * FROM saml_wsgi_companions") == []

    def test_only_named_columns_are_written(self, table):
        """A column that isn't named keeps what the application put there."""
        directory = table.directory(FEW, writable=True)
        user = directory.create(Profile(username="ada", first_name="Ada"), managed_by="jit:x")
        assert user.first_name == ""
        table.sql("UPDATE {name} SET note = 'changed', given = 'Augusta'")
        directory.update(user, Changes({"email": "a@example.com", "first_name": "Ada"}))
        (row,) = table.rows()
        assert (row["note"], row["given"], row["Mail Address"]) == ("changed", "Augusta", "a@example.com")

    def test_fields_without_a_column_change_nothing(self, table):
        """A change of what there is no column for isn't written, and the directory says what it keeps."""
        directory = table.directory(FEW)
        assert directory.fields == ("username", "email")
        user_id = table.add("ada")
        user = directory.get(user_id)
        assert directory.update(user, Changes({"first_name": "Ada"})) == user
        assert table.sql("SELECT * FROM saml_wsgi_companions") == []
        assert directory.find("first_name", "Ada") == ()

    def test_switched_off_without_a_column(self, table):
        """Without a column for it, who may sign in is kept by us."""
        directory = table.directory(FEW)
        user = directory.get(table.add("ada"))
        assert directory.update(user, Changes({"active": False})).active is False
        assert directory.get(user.id).active is False
        assert table.rows()[0]["enabled"] in (True, 1)
        assert directory.update(user, Changes({"active": True})).active is True

    def test_switched_off_in_its_column(self, table, directory):
        """With a column for it the application sees who is switched off, and may do it itself."""
        user = directory.get(table.add("ada"))
        directory.update(user, Changes({"active": False}))
        assert table.rows()[0]["enabled"] in (False, 0)
        table.sql("UPDATE {name} SET enabled = TRUE")
        assert directory.get(user.id).active is True

    def test_nothing_is_null(self, table, directory):
        """What is emptied is NULL where the column allows it, and reads as nothing."""
        user = directory.create(Profile(username="ada", email="a@x", first_name="A"), managed_by="local")
        updated = directory.update(user, Changes({"email": "", "first_name": ""}))
        assert (updated.email, updated.first_name) == ("", "")
        (row,) = table.rows()
        assert (row["Mail Address"], row["given"]) == (None, "")

    @pytest.mark.parametrize("login", ["", "  "])
    def test_a_row_without_a_username_is_nobody(self, table, directory, login):
        """Nobody can sign in as a row that has no name."""
        user_id = table.add(login, number="17")
        assert directory.get(user_id) is None
        assert directory.find("employee_id", "17") == ()
        assert directory.everybody() == ()
        assert directory.links.pin(IDP, "s-1", user_id) is (login != "")

    def test_what_does_not_fit_is_refused(self, table, directory):
        """A value that is longer than its column is refused rather than cut, and nothing is written."""
        ada = directory.create(Profile(username="ada"), managed_by="local")
        before = table.rows()
        for field, value in (
            ("username", "x" * 151),
            ("employee_id", "9" * 21),
            ("email", "\0"),
            ("email", "\ud800"),
        ):
            with pytest.raises(Refused) as caught:
                directory.create(Profile(**{"username": "grace", field: value}), managed_by="local")
            assert caught.value.code == "attribute_unusable"
            with pytest.raises(Refused):
                directory.update(ada, Changes({field: value}))
        assert table.rows() == before
        directory.update(ada, Changes({"employee_id": "\u00e9" * 20}))

    def test_a_value_that_the_table_refuses(self, application):
        """What a CHECK of the application's forbids is refused as a value, not told as an outage."""
        application.make_table(
            TABLE.replace("number VARCHAR(20)", "number VARCHAR(20) CHECK (number <> '13')")
        )
        directory = application.directory(writable=True)
        with pytest.raises(Refused) as caught:
            directory.create(Profile(username="ada", employee_id="13"), managed_by="local")
        assert caught.value.code == "attribute_unusable"
        assert "'13'" not in caught.value.detail.replace("number <> '13'", "")
        assert application.rows() == []

    def test_a_unique_value_of_somebody_else(self, application):
        """What must be unique in the table and is somebody else's is a conflict, without the value."""
        application.make_table(TABLE.replace("number VARCHAR(20)", "number VARCHAR(20) UNIQUE"))
        directory = application.directory(writable=True)
        application.add("grace", number="secret-17")
        with pytest.raises(DirectoryConflict) as caught:
            directory.create(Profile(username="ada", employee_id="secret-17"), managed_by="local")
        assert "secret-17" not in caught.value.detail
        ada = directory.create(Profile(username="ada"), managed_by="local")
        with pytest.raises(DirectoryConflict):
            directory.update(ada, Changes({"employee_id": "secret-17"}))
        assert directory.get(ada.id) == ada

    def test_two_spellings_of_a_name(self, table, directory):
        """A name that the application has in other letters is taken, whatever index there is."""
        table.sql("DROP INDEX accounts_login")
        table.add("Jo\u00e9n")
        for name in ("JO\u00c9N", "joe\u0301n", "Jo\u00e9n"):
            with pytest.raises(DirectoryConflict):
                directory.create(Profile(username=name), managed_by="local")
        assert len(table.rows()) == 1

    @pytest.mark.parametrize(
        ("ours", "other"), [("\uff21da", "ada"), ("e\u0301va", "\u00c9va"), ("\ufb01lip", "FILIP")]
    )
    def test_a_name_is_kept_composed(self, table, directory, ours, other):
        """A name of ours is found, and taken, in every spelling that is the same name."""
        profile = Profile(username=ours, email=f"{ours}@example.com")
        user = directory.create(profile, managed_by="local")
        assert list(directory.find("username", other)) == [user]
        assert list(directory.find("email", f"{other}@example.com")) == [user]
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username=other), managed_by="local")

    def test_a_new_name_is_kept_composed(self, table, directory):
        """Whoever is renamed is found in every spelling that is the same name."""
        user = directory.create(Profile(username="eva"), managed_by="local")
        user = directory.update(user, Changes({"username": "\uff21da"}))
        assert list(directory.find("username", "ada")) == [user]

    def test_capitals_beyond_ascii(self, table, directory):
        """Capitals that a database can't make small don't hide a name, nor make it free."""
        table.add("\u00c9l\u00e9onore")
        assert len(directory.find("username", "\u00e9l\u00e9onore")) == 1
        table.add("m\u00e9L\u00c9")
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username="M\u00c9l\u00e9"), managed_by="local")

    def test_two_rows_of_one_name_are_both_seen(self, table, directory):
        """Where the application has two who differ by letter case, both are found: nobody is guessed."""
        table.sql("DROP INDEX accounts_login")
        table.add("ada")
        table.add("Ada")
        assert sorted(user.username for user in directory.find("username", "ADA")) == ["Ada", "ada"]

    def test_an_exact_name_is_taken(self, table):
        """With case = exact, the very same name is a conflict, with or without an index."""
        directory = table.directory(case="exact", writable=True)
        table.add("ada")
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username="ada"), managed_by="local")

    def test_exact_names(self, table):
        """With case = exact, letters count: two who differ by them are two people."""
        table.sql("DROP INDEX accounts_login")
        directory = table.directory(case="exact", writable=True)
        table.add("ada")
        assert directory.find("username", "Ada") == ()
        user = directory.create(Profile(username="Ada"), managed_by="local")
        assert list(directory.find("username", "Ada")) == [user]

    def test_the_row_and_the_link_are_one(self, table, directory):
        """A subject that is taken leaves no row of the table behind."""
        directory.create(Profile(username="ada"), managed_by="jit:x", link=(IDP, "s-1"))
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username="grace", groups=("g",)), managed_by="jit:x", link=(IDP, "s-1"))
        assert [row["login"] for row in table.rows()] == ["ada"]
        assert len(table.sql("SELECT * FROM saml_wsgi_companions")) == 1
        assert table.sql("SELECT * FROM saml_wsgi_companion_groups") == []

    def test_a_user_whom_others_refer_to(self, table, directory):
        """A row that other rows of the application need stays, with all that is ours."""
        user = directory.create(Profile(username="ada", groups=("g",)), managed_by="local", link=(IDP, "s-1"))
        table.sql("CREATE TABLE posts (author INTEGER REFERENCES accounts (id))")
        table.sql("INSERT INTO posts VALUES (:author)", author=int(user.id))
        with pytest.raises(DirectoryConflict, match="can't be deleted"):
            directory.remove(user.id)
        assert directory.get(user.id) == user
        assert directory.links.follow(IDP, "s-1") == user.id
        table.sql("DELETE FROM posts")
        assert directory.remove(user.id) is True

    def test_other_views_of_a_number_are_other_ids(self, table, directory):
        """An id is compared as text: 01 isn't 1, and what no number can be is nobody."""
        user_id = table.add("ada")
        for other in (f"0{user_id}", f"+{user_id}", f" {user_id}", f"{user_id}.0", "\u0661", "9" * 30, "-0"):
            assert directory.get(other) is None
            assert directory.remove(other) is False

    # -- ids that come back --

    @pytest.fixture
    def recycled(self, table):
        """What Ada left behind under an id that is Grace's now."""
        directory = table.directory(FEW, writable=True)
        ada = directory.create(
            Profile(username="ada", groups=("admins",)), managed_by="jit:x", link=(IDP, "ada")
        )
        directory.saw(ada.id, 1_800_000_000)
        directory.update(ada, Changes({"active": False}))
        table.sql("DELETE FROM {name}")
        self.add_with_id(table, ada.id, "grace")
        return directory, ada.id

    def add_with_id(self, table, user_id, login):
        table.sql("INSERT INTO {name} (id, login) VALUES (:id, :login)", id=int(user_id), login=login)

    def test_a_recycled_id_brings_nothing(self, recycled):
        """Somebody new under an old id has no group, manager, switch-off or past of the former one."""
        directory, user_id = recycled
        grace = User(id=user_id, username="grace")
        assert directory.get(user_id) == grace
        assert directory.get(user_id).seen == 0
        assert list(directory.find("username", "grace")) == [grace]
        assert [(listed.user, listed.created) for listed in directory.everybody()] == [(grace, 0)]

    def test_a_link_to_a_recycled_id_leads_nowhere(self, recycled):
        """The former owner's subject doesn't sign in as the new one, nor is it shown as theirs."""
        directory, user_id = recycled
        assert directory.links.follow(IDP, "ada") is None
        assert directory.links.subject_of(IDP, user_id) is None
        assert directory.links.listed() == ()
        assert directory.links.listed(user_id=user_id) == ()

    def test_the_new_one_is_pinned_for_good(self, recycled):
        """The new owner of an id is pinned as anybody is, and the former link is gone then."""
        directory, user_id = recycled
        assert directory.links.pin(IDP, "grace", user_id) is True
        assert directory.links.follow(IDP, "grace") == user_id
        assert directory.links.follow(IDP, "ada") is None
        assert directory.get(user_id).groups == ()

    def test_the_former_one_can_be_made_again(self, recycled):
        """Who comes back is a new user, and pinned to it."""
        directory, user_id = recycled
        ada = directory.create(Profile(username="ada"), managed_by="jit:x", link=(IDP, "ada"))
        assert ada.id != user_id
        assert directory.links.follow(IDP, "ada") == ada.id
        assert ada.groups == ()

    @pytest.mark.parametrize("write", ["update", "saw", "pin", "repin"])
    def test_the_first_write_clears_away(self, table, recycled, write):
        """With the first thing that is written for the new one, all of the former one is gone."""
        directory, user_id = recycled
        grace = directory.get(user_id)
        {
            "update": lambda: directory.update(grace, Changes({"groups": ("readers",)})),
            "saw": lambda: directory.saw(user_id, 1_900_000_000),
            "pin": lambda: directory.links.pin(IDP, "grace", user_id),
            "repin": lambda: directory.links.repin(IDP, "grace", user_id),
        }[write]()
        found = directory.get(user_id)
        assert found.active is True
        assert found.managed_by == "local"
        assert found.groups == (("readers",) if write == "update" else ())
        assert all(link["subject"] == "grace" for link in table.sql("SELECT * FROM saml_wsgi_links"))

    def test_a_link_to_a_deleted_row_stays(self, table, directory):
        """While nobody has the id, the link leads to nobody: who was deleted isn't made again unseen."""
        ada = directory.create(Profile(username="ada"), managed_by="jit:x", link=(IDP, "ada"))
        table.add("zoe")  # SQLite gives the last row's number to the next one
        table.sql("DELETE FROM {name} WHERE login = 'ada'")
        assert directory.links.follow(IDP, "ada") == ada.id
        assert directory.get(ada.id) is None
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username="other"), managed_by="jit:x", link=(IDP, "ada"))

    def test_a_user_we_rename_keeps_everything(self, table):
        """A new name that is written here is the same person's."""
        directory = table.directory(FEW, writable=True)
        ada = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=(IDP, "ada"))
        renamed = directory.update(ada, Changes({"username": "countess"}))
        assert renamed.groups == ("g",)
        assert directory.links.follow(IDP, "ada") == ada.id

    def test_a_user_the_application_renames(self, table):
        """Without an employee number, another name is another person; pinned anew at the next sign-in."""
        directory = table.directory(FEW, writable=True)
        ada = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=(IDP, "ada"))
        table.sql("UPDATE {name} SET login = 'countess'")
        assert directory.get(ada.id).groups == ()
        assert directory.links.follow(IDP, "ada") is None
        assert directory.links.pin(IDP, "ada", ada.id) is True

    def test_what_a_source_said_of_the_former_one(self, table):
        """What a source said of somebody is nothing that it said of the next one who has the id."""
        directory = table.directory(FEW, writable=True)
        ada = directory.create(Profile(username="ada"), managed_by="x", link=("ldap:x", "uid:ada"))
        directory.links.note("ldap:x", "uid:ada", "inactive", 1_800_000_000)
        assert directory.links.standing("ldap:x", ada.id).state == "inactive"
        table.sql("UPDATE {name} SET login = 'countess'")
        assert directory.links.standing("ldap:x", ada.id) is None
        directory.links.note("ldap:x", "uid:ada", "active", 1_900_000_000)
        table.sql("UPDATE {name} SET login = 'ada'")
        assert directory.links.standing("ldap:x", ada.id).state == "inactive"

    def test_an_employee_number_outlives_a_name(self, table, directory):
        """With an employee number a renamed user is the same person, and one with another number isn't."""
        ada = directory.create(
            Profile(username="ada", employee_id="17", groups=("g",)), managed_by="x", link=(IDP, "ada")
        )
        table.sql("UPDATE {name} SET login = 'countess'")
        assert directory.get(ada.id).groups == ("g",)
        assert directory.links.follow(IDP, "ada") == ada.id
        table.sql("UPDATE {name} SET login = 'ada', number = '18'")
        assert directory.get(ada.id).groups == ()
        assert directory.links.follow(IDP, "ada") is None

    def test_a_number_that_is_given_later(self, table, directory):
        """A user who gets an employee number stays who it was."""
        ada = directory.create(Profile(username="ada", groups=("g",)), managed_by="x")
        table.sql("UPDATE {name} SET number = '17'")
        assert directory.get(ada.id).groups == ("g",)
        directory.saw(ada.id, 1_800_000_000)
        table.sql("UPDATE {name} SET login = 'countess'")
        assert directory.get(ada.id).groups == ("g",)

    # -- keys of other kinds --

    @pytest.mark.parametrize("kind", ["VARCHAR(36)", "CHAR(32)", "TEXT", "VARCHAR(40)"])
    def test_ids_that_are_text(self, application, kind):
        """Where ids are text and the database makes none, a random one is made that fits."""
        application.make_table(TABLE.replace("{key}", f"{kind} NOT NULL PRIMARY KEY"))
        directory = application.directory(writable=True)
        user = directory.create(Profile(username="ada", groups=("g",)), managed_by="x", link=(IDP, "s"))
        assert len(user.id) in (32, 36)
        assert directory.get(user.id) == user
        assert directory.links.follow(IDP, "s") == user.id
        assert [row["id"] for row in application.rows()] == [user.id]
        assert directory.get(user.id.upper()) is None

    def test_the_username_is_the_key(self, application):
        """A table whose key is the username works; the name then never changes."""
        application.make_table(
            "CREATE TABLE {name} (login VARCHAR(50) NOT NULL PRIMARY KEY, mail TEXT)", indices=()
        )
        directory = application.directory({"username": "login", "email": "mail"}, writable=True)
        user = directory.create(Profile(username="ada", email="a@x"), managed_by="x", link=(IDP, "s"))
        assert user.id == "ada"
        with pytest.raises(DirectoryConflict):
            directory.update(user, Changes({"username": "countess"}))
        assert directory.update(user, Changes({"email": "b@x"})).email == "b@x"

    def test_a_view(self, application):
        """A view will do where nothing is written to it, if its id is named."""
        application.make_table()
        user_id = application.add("ada")
        application.sql("CREATE VIEW people AS SELECT id AS nr, login AS name FROM accounts")
        directory = TableDirectory(application.url, "people", {"id": "nr", "username": "name"})
        assert [user.username for user in directory.find("username", "ADA")] == ["ada"]
        assert directory.links.pin(IDP, "s-1", user_id) is True
        directory.update(directory.get(user_id), Changes({"groups": ("g",), "active": False}))
        assert directory.get(user_id) == User(id=user_id, username="ada", groups=("g",), active=False)

    def test_unusual_names(self, application):
        """Names of tables and columns may have blanks, quotes, signs and capitals, and be words of SQL."""
        ddl = 'CREATE TABLE "Order ""x"" % s" ("select" {key}, "Name %(a)s" TEXT UNIQUE, "\u00dc b" TEXT)'
        kind = application.engine.dialect.name
        if kind == "postgresql":
            ddl = ddl.replace("%", "%%")  # its driver's own sign for a parameter
        with application.engine.begin() as connection:
            connection.exec_driver_sql(ddl.replace("{key}", SERIAL[kind]))
        columns = {"username": "Name %(a)s", "email": "\u00dc b"}
        directory = TableDirectory(application.url, 'Order "x" % s', columns, writable=True, match=("email",))
        user = directory.create(Profile(username="ada", email="a@x", groups=("g",)), managed_by="x")
        assert directory.update(user, Changes({"email": "b@x"})).email == "b@x"
        assert [found.id for found in directory.find("email", "B@x")] == [user.id]
        assert directory.links.pin(IDP, "s", user.id) is True
        assert [listed.user.id for listed in directory.everybody()] == [user.id]
        assert directory.remove(user.id) is True

    def test_every_field_has_a_column(self, directory):
        """The columns that are named are the fields that are kept."""
        assert directory.fields == FIELDS
        assert directory.warnings == ()
