"""Users kept elsewhere, and sources: made by name, looked at, and handed to the resolvers."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import sqlite3
import subprocess
import sys

import pytest

from saml_wsgi import ConfigurationError, database, examination, from_options
from saml_wsgi.wiring import assemble, start

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"

PLUGIN = '''
from saml_wsgi.errors import DirectoryUnavailable, SourceUnavailable
from saml_wsgi.model import Profile, User

SEEN = []
ADA = User("1", "ada", email="ada@example.test")


class ReadOnly:
    """Users that nobody here may write."""

    def __init__(self, context, *, pages: int = 1):
        SEEN.append((context, pages))

    def find(self, field, value, /):
        return [ADA] if ADA.value(field) == value else []

    def get(self, user_id):
        return ADA if user_id == ADA.id else None


class Writable(ReadOnly):
    def create(self, profile, /, *, managed_by, link=None):
        return ADA

    def update(self, user, changes, /):
        return user


class Pins:
    def follow(self, idp, subject):
        return None

    def pin(self, idp, subject, user_id):
        return True

    def subject_of(self, idp, user_id):
        return None


class WithLinks(Writable):
    links = Pins()


class OddLinks(Writable):
    links = object()


class Half(ReadOnly):
    def create(self, profile, /, *, managed_by, link=None):
        return ADA


class OldCreate(Writable):
    def create(self, profile):
        return ADA


class NoGet:
    def __init__(self, context):
        pass

    def find(self, field, value):
        return []


class OneArgument(ReadOnly):
    def find(self, value):
        return []


class Awaited(ReadOnly):
    async def get(self, user_id):
        return None


def down(context):
    raise DirectoryUnavailable("it sleeps")


class Source:
    def __init__(self, context, *, table: str, limits: tuple[int, ...] = ()):
        self.made_with = (context.name, table, limits)

    def look_up(self, keys, /):
        return Profile(display_name="Ada Lovelace")


class NoKeys:
    def __init__(self, context):
        pass

    def look_up(self):
        return None


def asleep(context):
    raise SourceUnavailable("it sleeps")


class Asking:
    """A resolver that shows what it was given."""

    def __init__(self, context):
        SEEN.append(context)

    def resolve(self, assertion):
        return None
'''


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A module of the application's own, importable as ``people_plugin``."""
    (tmp_path / "people_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("people_plugin")
    sys.modules.pop("people_plugin", None)


@pytest.fixture
def good(saml_idp, tmp_path):
    """Options that work; with changes, of which None removes one."""

    def options(changes=None):
        chosen = {
            "base_url": "https://wiki.example.test",
            "idp.metadata": saml_idp.metadata("wiki"),
            "session.secret": SECRET,
            "store.url": f"sqlite:///{tmp_path}/wiki.db",
            **(changes or {}),
        }
        return {key: value for key, value in chosen.items() if value is not None}

    return options


@pytest.fixture
def own_table(tmp_path):
    """The options of an application's own table, in a database that our tables were added to."""
    path = tmp_path / "application.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table people (number integer primary key, login text unique not null, mail text, age int)"
        )
        connection.execute("insert into people values (7, 'ada', 'ada@example.test', 36)")
    connection.close()
    path.chmod(0o600)
    url = f"sqlite:///{path}"
    database.create(url)
    return {
        "directory.url": url,
        "directory.table": "people",
        "directory.columns.username": "login",
        "directory.columns.email": "mail",
        "resolvers": "existing",
    }


def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]


def problems(options):
    """Every problem that keeps it from starting, by key."""
    with pytest.raises(ConfigurationError) as error:
        from_options(app, options)
    return {problem.key: problem for problem in error.value.problems}


# -- directories --


def test_a_directory_of_ones_own(good, plugin):
    """`directory.use` is called with the URL, the clock and its options; resolvers and sessions ask it."""
    given = {"directory.use": "people_plugin:Writable", "directory.option.pages": "7"}
    parts = start(good(given), here=None)
    ((context, pages),) = plugin.SEEN
    assert pages == 7
    assert context.url == parts.settings.directory.url
    assert context.clock is parts.clock
    assert isinstance(parts.directory, plugin.Writable)
    assert parts.sessions._directory is parts.directory
    assert parts.links.follow("idp", "NameID:ada") is None  # ours, in the database


def test_a_directory_may_keep_the_links(good, plugin, tmp_path):
    """With `links` of its own, a directory needs no database of ours, and none is made."""
    options = {"directory.use": "people_plugin:WithLinks", "store.url": "memory:"}
    parts = start(good(options), here=None)
    assert parts.links is plugin.WithLinks.links
    assert list(tmp_path.glob("*.db")) == []


def test_links_need_a_place(good, plugin):
    """Where nobody keeps links, there must be a database, or no links."""
    options = {"directory.use": "people_plugin:Writable", "store.url": "memory:"}
    assert set(problems(good(options))) == {"directory.url"}
    assert from_options(app, good({**options, "link.source": "off"}))


def test_a_directory_that_can_only_be_read(good, plugin):
    """It will do for `existing`; `jit` says that it can't write there."""
    options = {"directory.use": "people_plugin:ReadOnly"}
    assert from_options(app, good({**options, "resolvers": "existing"}))
    assert "create and update" in problems(good(options))["resolver.jit.use"].reason


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ("NoGet", "no method get(user_id)"),
        ("OneArgument", "find can't be called as find(field, value)"),
        ("Awaited", "coroutine"),
        ("Half", "no method update(user, changes)"),
        ("OldCreate", "create can't be called as create(profile)"),
        ("OddLinks", "no method follow(idp, subject)"),
        ("down", "it sleeps"),
        ("nothing", "can't be loaded"),
    ],
)
def test_directories_that_can_not_be_made(good, plugin, use, reason):
    """What is wrong with a directory is told under `directory.use`, once, beside everything else."""
    options = {"directory.use": f"people_plugin:{use}", "public": "x", "resolvers": "existing"}
    found = problems(good(options))
    assert set(found) == {"directory.use", "public"}
    assert reason in found["directory.use"].reason
    assert found["directory.use"].cure


def test_directories_are_named(good):
    """Whoever mistypes the name of a directory is told which there are."""
    assert "sql, table" in problems(good({"directory.use": "tabel"}))["directory.use"].cure


@pytest.mark.parametrize(("place", "name"), [("sql:SQLDirectory", "sql"), ("table:TableDirectory", "table")])
def test_directories_of_ours_have_names(good, place, name):
    """Whoever names our class is told how it is used."""
    found = problems(good({"directory.use": f"saml_wsgi.directories.{place}"}))
    assert found["directory.use"].cure == f"Write directory.use = {name}."


def test_options_of_a_directory_are_checked(good, plugin):
    """Unknown and unfit options of a directory are told under their own keys."""
    given = {"directory.option.pages": "many", "directory.option.page": "1"}
    found = problems(good({"directory.use": "people_plugin:Writable", **given}))
    assert set(found) == set(given)
    assert "directory.option.pages" in found["directory.option.page"].cure


# -- a table of the application's own --


def test_people_of_an_own_table_are_found(good, own_table):
    """The application's own table is the directory, without code."""
    parts = start(good(own_table), here=None)
    (ada,) = parts.directory.find("username", "Ada")
    assert (ada.id, ada.email, ada.managed_by) == ("7", "ada@example.test", "local")
    assert parts.links.pin("idp", "NameID:ada", "7")
    assert parts.sessions._directory is parts.directory


def test_everything_wrong_with_a_table_is_told(good, own_table):
    """Columns that aren't there are told, each under its key, and beside everything else."""
    wrong = {"directory.columns.email": "maill", "directory.columns.active": "enabled", "public": "x"}
    assert set(problems(good({**own_table, **wrong}))) == set(wrong)
    assert set(problems(good({**own_table, "directory.table": "pepole"}))) == {"directory.table"}


def test_a_match_needs_a_column(good, own_table):
    """What people are looked up by, by the option of all or of one resolver, must be in the table."""
    found = problems(good({**own_table, "resolver.existing.match": "employee_id"}))
    assert set(found) == {"directory.columns.employee_id"}


def test_jit_must_be_able_to_make_users(good, own_table):
    """A table in which no user can be made will do for `existing`, and not for `jit`."""
    with sqlite3.connect(own_table["directory.url"].removeprefix("sqlite:///")) as connection:
        connection.execute(
            "create table staff (id integer primary key, login text unique, pay text not null)"
        )
    connection.close()
    own_table.pop("directory.columns.email")
    own_table["directory.table"] = "staff"
    assert from_options(app, good(own_table))
    found = problems(good({**own_table, "resolvers": "jit"}))
    assert all(key.startswith("directory.") for key in found)
    assert "pay" in str(found)


def test_a_look_at_a_table_writes_nothing(good, own_table, tmp_path):
    """`saml-wsgi check` reads the table, tells of it, and leaves no file and no table behind."""
    path = tmp_path / "bare.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table people (id integer primary key, login text)")
    connection.close()
    path.chmod(0o600)
    report = examination.check(good(own_table), here=None)
    assert ("users", f"{own_table['directory.url']}, table people") in report.facts
    assert not [problem for problem in report.problems if problem.fatal]
    before = path.read_bytes()
    given = {**own_table, "directory.url": f"sqlite:///{path}", "directory.columns.email": "mail"}
    report = examination.check(good(given), here=None)
    told = {problem.key: problem for problem in report.problems if problem.fatal}
    assert set(told) == {"directory.url", "directory.columns.email"}
    assert "database create" in told["directory.url"].cure
    assert path.read_bytes() == before
    assert not (tmp_path / "wiki.db").exists()


def test_what_should_be_known_of_a_table_is_logged(good, own_table, caplog):
    """A table that works but could work better is warned of, under its key."""
    with sqlite3.connect(own_table["directory.url"].removeprefix("sqlite:///")) as connection:
        connection.execute("create table slow (id integer primary key, login text)")
    connection.close()
    own_table.pop("directory.columns.email")
    with caplog.at_level(logging.WARNING):
        from_options(app, good({**own_table, "directory.table": "slow"}))
    assert "directory.columns.username: " in caplog.text


# -- sources --


def test_sources_reach_the_resolvers(good, plugin):
    """Each source is made with its options, and every resolver is given all of them, and the rules."""
    parts = start(
        good(
            {
                "source.hr.use": "people_plugin:Source",
                "source.hr.table": "staff",
                "source.hr.limits": "1 2",
                "resolvers": "asking",
                "resolver.asking.use": "people_plugin:Asking",
                "groups.default": "everyone",
                "deny.groups": "guests",
                "attributes.email.lower": "yes",
                "idp.name": "jc",
            }
        ),
        here=None,
    )
    (context,) = plugin.SEEN
    assert context.sources["hr"].made_with == ("hr", "staff", (1, 2))
    assert context.sources is parts.sources
    assert context.groups is parts.settings.groups
    assert context.access is parts.settings.access
    assert context.mapping.changes["email"].lower is True
    assert context.idp_name == "jc"


def test_jit_asks_the_sources_it_names(good, plugin):
    """`resolver.jit.sources` names sources; one that isn't there is told."""
    known = {"source.hr.use": "people_plugin:Source", "source.hr.table": "staff"}
    assert from_options(app, good({**known, "resolver.jit.sources": "saml hr"}))
    assert set(problems(good({**known, "resolver.jit.sources": "saml hrr"}))) == {"resolver.jit.sources"}


@pytest.mark.parametrize(
    ("options", "key", "reason"),
    [
        ({"use": "people_plugin:NoKeys"}, "use", "can't be called as look_up(keys)"),
        ({"use": "people_plugin:Asking"}, "use", "no method look_up(keys)"),
        ({"use": "people_plugin:asleep"}, "use", "it sleeps"),
        ({"use": "nope"}, "use", "there is no source"),
        ({"page": "1"}, "use", "there is no source 'hr'"),
        ({"use": "people_plugin:Source"}, "table", "required"),
        ({"use": "people_plugin:Source", "table": "x", "limits": "1 x"}, "limits", "whole number"),
    ],
)
def test_sources_that_can_not_be_made(good, plugin, options, key, reason):
    """What is wrong with a source is told once, and not again by the resolver that asks it."""
    given = {f"source.hr.{name}": value for name, value in options.items()}
    found = problems(good({**given, "resolver.jit.sources": "hr", "public": "x"}))
    assert set(found) == {f"source.hr.{key}", "public"}
    assert reason in found[f"source.hr.{key}"].reason


# -- all the rest that is wired --


def test_records_arrive(good):
    """`records.*` and the fingerprint are what the middleware writes down with."""
    parts = start(good({"records.keep": "1 h", "records.values": "yes"}), here=None)
    recorder = assemble(app, parts)._recorder
    assert recorder._journal is parts.journal
    assert recorder._values is True
    assert recorder._configuration == parts.settings.fingerprint
    assert parts.journal._keep == 3600


def test_the_emergency_way_in_is_there_where_it_is_on(good):
    """Off by default; on, middleware and commands have the same."""
    assert start(good(), here=None).emergency is None
    parts = start(good({"emergency.sign_in": "yes"}), here=None)
    assert parts.emergency is not None
    assert assemble(app, parts)._emergency is parts.emergency


def test_every_part_is_there(good):
    """Commands find each part under its name, of the very objects that serve."""
    parts = start(good(), here=None)
    names = {field.name for field in dataclasses.fields(parts)}
    assert {"directory", "links", "store", "sessions", "journal", "chain", "settings", "sources"} <= names
    assert assemble(app, parts).sessions is parts.sessions


def test_no_database_is_loaded_that_nobody_needs(saml_idp, plugin, tmp_path):
    """With a directory of one's own and a store in memory, SQLAlchemy is never imported."""
    (tmp_path / "idp.xml").write_text(saml_idp.metadata("wiki"))
    script = f"""
import sys
from saml_wsgi import from_options
from_options(lambda environ, start_response: [], {{
    "base_url": "https://wiki.example.test", "idp.metadata": "file:{tmp_path}/idp.xml",
    "session.secret": "{SECRET}", "store.url": "memory:", "directory.use": "people_plugin:WithLinks",
}})
print([name for name in ("sqlalchemy", "click", "psycopg") if name in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
