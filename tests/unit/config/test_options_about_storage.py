"""Options that say where users are kept, what else knows them, and what is remembered of a sign-in."""

from __future__ import annotations

import pytest

from saml_wsgi.config.secrets import Secret
from saml_wsgi.config.settings import SourceSettings

TABLE = {"directory.table": "people", "directory.columns.username": "login"}


def test_users_are_kept_in_tables_of_ours(reading):
    """Without an option the directory is `sql`, records stay for a month, and there is one way in."""
    found = reading().good
    assert (found.directory.use, found.directory.table, found.directory.columns) == ("sql", None, {})
    assert (found.records.keep, found.records.values) == (30 * 24 * 3600, False)
    assert found.emergency.sign_in is False
    assert found.sources == ()


def test_a_table_of_the_applications_own(reading):
    """`directory.table` and its columns make the directory a table."""
    found = reading({**TABLE, "directory.columns.id": "login", "directory.case": "exact"}).good.directory
    assert (found.use, found.table, found.case) == ("table", "people", "exact")
    assert found.columns == {"username": "login", "id": "login"}
    named = reading({**TABLE, "directory.use": "table", "directory.columns.email": "E-mail address"}).good
    assert named.directory.columns["email"] == "E-mail address"


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"directory.table": "people"}, {"directory.columns.username"}),
        ({"directory.use": "table"}, {"directory.table"}),
        (
            {"directory.columns.email": "mail", "directory.columns.id": "id"},
            {"directory.columns.email", "directory.columns.id"},
        ),
        ({"directory.case": "exact"}, {"directory.case"}),
        ({**TABLE, "directory.use": "sql"}, set(TABLE)),
        ({**TABLE, "directory.use": "myapp:people"}, set(TABLE)),
        ({**TABLE, "match": "email"}, {"directory.columns.email"}),
        ({**TABLE, "directory.columns.email": "login"}, {"directory.columns.email"}),
        ({**TABLE, "directory.option.flavour": "x"}, {"directory.option.flavour"}),
        ({"directory.option.flavour": "x"}, {"directory.option.flavour"}),
        ({"directory.use": "my app"}, {"directory.use"}),
        ({**TABLE, "directory.columns.email": "mail # theirs"}, {"directory.columns.email"}),
        ({"source.saml.use": "x:y"}, {"source.saml.use"}),
        ({"source.h r.use": "x:y"}, {"source.h r.use"}),
        ({"source.hr.use": "x y"}, {"source.hr.use"}),
        ({"records.keep": "0", "records.values": "yes"}, {"records.values"}),
        ({"emergency.sign_in": "yes", "store.url": "memory:"}, {"emergency.sign_in"}),
    ],
)
def test_contradictions(reading, options, keys):
    """What would do nothing, or can't be meant, is told under its key, all of it at once."""
    found = reading(options)
    assert {problem.key for problem in found.fatal} == keys
    assert all(problem.cure for problem in found.fatal)


def test_a_directory_from_elsewhere_has_options(reading):
    """What stands behind `directory.option.` is passed on as text."""
    found = reading(
        {
            "directory.use": "myapp.people:Directory",
            "directory.option.a.b": "x",
            "directory.option.flag": True,
        }
    ).good.directory
    assert (found.use, found.options) == ("myapp.people:Directory", {"a.b": "x", "flag": "yes"})


def test_sources_are_those_that_are_written(reading):
    """Each `source.<name>.…` makes a source, in the order in which they are written."""
    found = reading(
        {
            "source.hr.use": "myapp.hr:Source",
            "source.hr.password": Secret("hunter2"),
            "source.phone_book.table": "\nDomain Users",
        }
    ).good.sources
    assert found == (
        SourceSettings("hr", "myapp.hr:Source", {"password": "hunter2"}),
        SourceSettings("phone_book", "phone_book", {"table": "\nDomain Users"}),
    )
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({}, True),
        ({"resolver.jit.sources": "saml other"}, True),
        ({"resolver.jit.sources": "saml hr"}, False),
        ({"resolver.jit.sources": ["hr", "saml"]}, False),
        ({"resolver.jit.use": "myapp:Resolver"}, False),
    ],
)
def test_a_source_that_nobody_asks_is_warned_of(reading, options, warned):
    """A source does nothing by itself; whether somebody else's resolver asks it can't be known."""
    found = reading({"source.hr.use": "myapp.hr:Source", **options})
    assert found.good
    assert [warning.key for warning in found.warnings] == (["source.hr.use"] if warned else [])


# -- the fingerprint --


def test_equal_configurations_have_one_fingerprint(reading):
    """However a value is written, in whatever order, the fingerprint is of what it means."""
    one = reading({"session.idle": "60 min", "idp.signed": "Both"}).good.fingerprint
    assert one == reading({"idp.signed": "both", "session.idle": "1 h"}).good.fingerprint
    assert len(one) == 12
    assert int(one, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"session.idle": "50 min"},
        {"groups.map": "a -> b"},
        {"resolver.jit.required": "email"},
        {"resolver.jit.use": "existing"},
        {"source.hr.use": "x:y"},
        {"source.hr.page": "2"},
        {"directory.use": "myapp:people"},
        {**TABLE},
        {"idp.metadata": "<EntityDescriptor>other</EntityDescriptor>"},
    ],
)
def test_other_configurations_have_others(reading, change):
    """Any option but a secret has a part in the fingerprint."""
    assert reading(change).good.fingerprint != reading().good.fingerprint


@pytest.mark.parametrize(
    "secret",
    [
        {"session.secret": "qT7wLm2ZxV9bNc4KsPd8HfJ3yRg6UaEe"},
        {"store.url": "postgresql+psycopg://u:hunter2@db/wiki"},
        {"resolver.jit.bind_password": "hunter2"},
        {"source.hr.api_key": "hunter2"},
        {"directory.use": "a:b", "directory.option.token": "hunter2"},
    ],
)
def test_a_secret_has_no_part_in_the_fingerprint(reading, secret):
    """Who reads a record must not be able to try out secrets with it."""
    changed = {key: f"{value}-changed" for key, value in secret.items() if key != "directory.use"}
    assert reading(secret).good.fingerprint == reading({**secret, **changed}).good.fingerprint
