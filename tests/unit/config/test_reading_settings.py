"""Options as a whole: defaults, what is required, unknown keys, and what must fit together."""

from __future__ import annotations

import dataclasses

import pytest

from saml_wsgi.config.options import TABLE
from saml_wsgi.config.reading import database_urls
from saml_wsgi.config.secrets import Secret
from saml_wsgi.config.settings import ResolverSettings, hidden_by_defaults, read
from saml_wsgi.config.urls import without_password
from saml_wsgi.errors import Problems


def test_three_keys_are_enough(reading, here):
    """An ini of three keys has every other value by default, and its database beside it."""
    settings = reading().good
    assert settings.prefix == "/saml"
    assert settings.resolvers == (ResolverSettings("jit", "jit", {}),)
    assert settings.store.url == f"sqlite:///{here}/saml_wsgi.db"
    assert settings.directory.url == settings.store.url
    assert settings.here == str(here)
    assert reading().warnings == ()


def test_every_option_is_an_attribute_of_the_settings(reading):
    """The path of an attribute is the option's key, but for those that are one value together."""

    def paths(value, prefix=""):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if dataclasses.is_dataclass(inner) and type(inner).__name__.endswith("Settings"):
                yield from paths(inner, f"{prefix}{field.name}.")
            else:
                yield f"{prefix}{field.name}"

    together = {
        "attributes.changes": {key for key in TABLE if key.startswith("attributes.") and key.count(".") == 2},
        "groups": {key for key in TABLE if key.startswith("groups.")},
        "access": {key for key in TABLE if key.startswith(("allow.", "deny."))},
        "directory.columns": {key for key in TABLE if key.startswith("directory.columns.")},
    }
    derived = {"here", "sources", "directory.options", "fingerprint"}
    single = set(TABLE).difference(*together.values())
    assert set(paths(reading().good)) == single | set(together) | derived


def test_a_default_is_what_would_have_been_read(reading):
    """Each default, written out as the reference shows it, is read as itself."""
    for key, option in TABLE.items():
        if option.default is None or option.without or option.default in ((), ""):
            continue
        if key == "resolvers" or key.startswith("groups.") or option.family:
            continue  # part of a value
        written = option.default_text.replace("`", "")
        value = reading({key: written}).good
        for part in key.split("."):
            value = getattr(value, part)
        assert value == option.default, key


def test_defaults_of_groups_are_those_of_the_rules(reading):
    """The defaults that the reference shows for groups are what rules without an option do."""
    groups = reading().good.groups
    for key, option in TABLE.items():
        if key.startswith("groups."):
            assert getattr(groups, key.removeprefix("groups.")) == option.default
            assert getattr(type(groups)(), key.removeprefix("groups.")) == option.default


def test_what_is_required_is_named(reading):
    """Each required key that is missing is a problem of its own, all at once."""
    found = reading({"base_url": None, "idp.metadata": None, "session.secret": None})
    assert found.settings is None
    assert [problem.key for problem in found.fatal] == ["base_url", "session.secret", "idp.metadata"]


def test_everything_wrong_is_told_at_once(reading):
    """One reading finds wrong values, unknown keys and contradictions together."""
    found = reading(
        {"base_url": "x", "idp.signed": "x", "no.such": "x", "session.lifetime": "x", "match": ""}
    )
    assert {problem.key for problem in found.fatal} == {
        "base_url",
        "idp.signed",
        "no.such",
        "session.lifetime",
    }


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("sesion.secret", "session.secret"),
        ("session.secrets", "session.secret"),
        ("session_secret", "session.secret"),
        ("Session.Secret", "session.secret"),
        ("base-url", "base_url"),
        ("baseurl", "base_url"),
        ("metadata", "idp.metadata"),
        ("idp.meta_data", "idp.metadata"),
        ("resolver", "resolver.NAME.OPTION"),
        ("resolver.jit", "resolver.jit.OPTION"),
        ("resolvers.jit.use", "resolver.jit.use"),
        ("attribute.email.lower", "attributes.email.lower"),
        ("attributes.username.cutdomain", "attributes.username.cut_domain"),
        ("attributes.employeeid", "attributes.employee_id"),
        ("group.map", "groups.map"),
        ("groups.priviledged", "groups.privileged"),
        ("allow.group", "allow.groups"),
        ("allow_domains", "allow.domains"),
        ("deny.group", "deny.groups"),
        ("record.keep", "records.keep"),
        ("directory.column.username", "directory.columns.username"),
        ("directory.tables", "directory.table"),
        ("directory.options.flavour", "directory.option.flavour"),
        ("source", "source.NAME.OPTION"),
        ("source.hr", "source.hr.OPTION"),
        ("sources.hr.use", "source.hr.use"),
        ("emergency.signin", "emergency.sign_in"),
        ("unmapped", "groups.unmapped"),
        ("groups.allow", "allow.groups"),
        ("directory.columns.user_name", "directory.columns.username"),
        ("jit.required", "resolver.jit.required"),
    ],
)
def test_an_unknown_key_is_refused_with_a_guess(reading, key, meant):
    """A misspelt option is never ignored, and the probable one is named."""
    problem = reading({key: "x"}).only
    assert problem.key == key
    assert meant in problem.cure


def test_a_column_that_is_no_field_is_not_guessed(reading):
    """`directory.columns.login` may be any field, and none is named rather than a wrong one."""
    problem = reading({"directory.columns.login": "username"}).only
    assert "mean" not in problem.cure


@pytest.mark.parametrize("key", ["", "xyzzy", "a\nb", "\x1b[2J", "x" * 5000, 7, None, ("a",)], ids=repr)
def test_any_other_key_is_refused_on_one_short_line(reading, key):
    """A key that is nothing like an option is told without control characters and at no great length."""
    problem = reading({key: "x"}).only
    assert problem.key.isprintable()
    assert len(str(problem)) < 300


def test_options_of_resolvers_are_passed_on_as_text(reading):
    """What stands behind resolver.NAME. is the resolver's business; use is ours."""
    resolvers = reading(
        {
            "resolvers": "staff jit",
            "resolver.staff.use": "myapp.auth:Staff.Resolver",
            "resolver.staff.filter": "(mail={email})",
            "resolver.staff.a.b": "\nx\ny",
            "resolver.staff.flag": True,
            "resolver.staff.number": 7,
            "resolver.staff.ratio": 0.5,
            "resolver.staff.names": ["a", "b"],
            "resolver.staff.password": Secret("hunter2"),
            "resolver.staff.empty": "",
        }
    ).good.resolvers
    options = {
        "filter": "(mail={email})",
        "a.b": "x\ny",
        "flag": "yes",
        "number": "7",
        "ratio": "0.5",
        "names": ("a", "b"),
        "password": "hunter2",
    }
    assert resolvers == (
        ResolverSettings("staff", "myapp.auth:Staff.Resolver", options),
        ResolverSettings("jit", "jit", {}),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resolver.ldap.url", "ldaps://x"),
        ("resolver.jit.use", "my app"),
        ("resolver.jit.use", "a:b:c"),
        ("resolver.jit.x", object()),
        ("resolver.jit.x", [object()]),
        ("resolver.jit.x", "a\x00b"),
    ],
)
def test_a_wrong_option_of_a_resolver_is_refused(reading, key, value):
    """Options for a resolver that isn't in the chain, and values that can't be text, are problems."""
    assert reading({key: value}).only.key == key


def test_a_session_can_not_idle_longer_than_it_lives(reading):
    """A written idle time beyond the lifetime is a contradiction; the default one gives way."""
    assert reading({"session.lifetime": "30 min", "session.idle": "40 min"}).only.key == "session.idle"
    assert reading({"session.lifetime": "30 min"}).good.session.idle == 1800


def test_matching_by_email_needs_an_email(reading):
    """`match = email` with attributes.email = off would find nobody."""
    assert reading({"match": "email", "attributes.email": "off"}).only.key == "attributes.email"


@pytest.mark.parametrize(("key", "value"), [("idp.allow_sha1", "yes"), ("idp.unsolicited", "accept")])
def test_what_weakens_is_a_warning(reading, key, value):
    """A weakening option works, and is warned of each time."""
    found = reading({key: value})
    assert found.good
    assert [warning.key for warning in found.warnings] == [key]


def test_cbc_needs_a_key(reading):
    """`idp.allow_cbc` without a key to decrypt with would do nothing."""
    assert reading({"idp.allow_cbc": "yes"}).only.key == "idp.allow_cbc"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///var/a.db", "sqlite:///{here}/var/a.db"),
        ("sqlite:///{here}/a.db", "sqlite:///{here}/a.db"),
        ("sqlite:///a.db?timeout=10", "sqlite:///{here}/a.db?timeout=10"),
        ("memory:", "memory:"),
        ("postgresql+psycopg://u:p%40@db:5432/wiki", "postgresql+psycopg://u:p%40@db:5432/wiki"),
        (
            "postgresql+psycopg:///wiki?host=/run/postgresql",
            "postgresql+psycopg:///wiki?host=/run/postgresql",
        ),
    ],
)
def test_a_store_is_a_database_or_memory(reading, here, written, read):
    """SQLite's paths become absolute, the others stay."""
    (here / "var").mkdir()
    settings = reading({"store.url": written.format(here=here)}).good
    assert settings.store.url == read.format(here=here)
    assert settings.directory.url == (None if written == "memory:" else settings.store.url)


@pytest.mark.parametrize(
    "written",
    [
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///nowhere/a.db",
        "sqlite:///.",
        "sqlite:///a.db?cache=shared",
        "sqlite:///50%.db",
        "sqlite:///a\nb.db",
        "postgresql://u:hunter2@db/wiki",
        "postgres://u:hunter2@db/wiki",
        "postgresql+psycopg2://u:hunter2@db/wiki",
        "postgresql+psycopg://u:hunter2@db",
        "postgresql+psycopg://u:hunter2@db/",
        "postgresql+psycopg://u:hunter2/3@db/wiki",
        "postgresql+psycopg://u:12/hunter2@db/wiki",
        "postgresql+psycopg://u:hunter2#3@db/wiki",
        "postgresql+psycopg://u:hunter2?3@db/wiki",
        "postgresql+psycopg://u:hunter2@db:0/wiki",
        "postgresql+psycopg://u:hunter2@db:x/wiki",
        "postgresql+psycopg://u:hunter2@[db/wiki",
        "postgresql+psycopg://u:hunter2 3@db/wiki",
        "mysql://u:hunter2@db/wiki",
        "redis://:hunter2@cache",
        "hunter2:x",
        "saml_wsgi.db",
    ],
)
def test_other_stores_are_refused_without_showing_a_password(reading, written):
    """A URL that can't be used is told of without its password."""
    problem = reading({"store.url": written}).only
    assert problem.key == "store.url"
    assert problem.cure
    assert "hunter2" not in str(problem)


def test_a_database_url_may_be_a_reference(reading, monkeypatch):
    """A URL with a password is kept where secrets are."""
    url = "postgresql+psycopg://wiki:hunter2@db/wiki"
    monkeypatch.setenv("WIKI_DATABASE", url)
    settings = reading({"store.url": "memory:", "directory.url": "env:WIKI_DATABASE"}).good
    assert settings.store.url == "memory:"
    assert settings.directory.url == url


def test_users_are_not_kept_in_memory(reading):
    """A directory that forgets its users is refused."""
    assert reading({"directory.url": "memory:"}).only.key == "directory.url"


def test_a_folder_with_a_percent_sign_is_no_place_for_the_default_database(tmp_path):
    """What SQLAlchemy's versions would read in different ways is refused."""
    folder = tmp_path / "50%"
    folder.mkdir()
    problems = Problems()
    options = {"base_url": "https://a.example", "idp.metadata": "<x/>", "session.secret": "file:s"}
    read(options, here=str(folder), problems=problems)
    assert "store.url" in {problem.key for problem in problems.fatal}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("postgresql+psycopg://u:p@db:5432/wiki", "postgresql+psycopg://u:***@db:5432/wiki"),
        ("postgresql+psycopg://u@db/wiki", "postgresql+psycopg://u@db/wiki"),
        ("postgresql+psycopg://db/wiki?password=p", "postgresql+psycopg://db/wiki?***"),
    ],
)
def test_a_database_is_shown_without_its_password(url, shown):
    """Passwords in the URL, in whatever place, are not shown."""
    assert without_password(url) == shown


def test_in_code_the_store_must_be_named(tmp_path):
    """Without an ini there is no place for a default database."""
    problems = Problems()
    options = {"base_url": "https://a.example", "idp.metadata": "<x/>", "session.secret": "x"}
    read(options, here=None, problems=problems)
    assert "store.url" in {problem.key for problem in problems.fatal}


def test_a_key_in_default_is_refused():
    """PasteDeploy hides it from the filter: the cure is a get line, or to remove it."""
    problems = Problems()
    hidden_by_defaults(
        {"here": "/x", "debug": "1", "session.secret": "x", "prefix": "/p", "resolver.jit.x": "y"},
        {"prefix": "/saml"},
        problems,
    )
    assert [problem.key for problem in problems.fatal] == ["session.secret", "resolver.jit.x"]
    assert "get session.secret = session.secret" in problems.fatal[0].cure


def test_a_hidden_secret_is_not_called_missing_as_well(here):
    """Of a key that [DEFAULT] hides, one problem is told, and nothing starts."""
    problems = Problems()
    hidden_by_defaults({"session.secret": "x"}, {}, problems)
    options = {"base_url": "https://a.example", "idp.metadata": "file:idp.xml"}
    assert read(options, here=str(here), problems=problems) is None
    assert [problem.key for problem in problems.fatal] == ["session.secret"]


def test_problems_of_others_do_not_stop_a_reading(reading, here):
    """Settings are read even if something else was wrong before, so that more problems can be found."""
    problems = Problems()
    problems.add("elsewhere", "it is wrong.")
    good = {"base_url": "https://a.example", "idp.metadata": "file:idp.xml"}
    secret = reading().good.session.secret
    assert read({**good, "session.secret": secret}, here=str(here), problems=problems) is not None


def test_the_databases_are_known_without_the_secrets(here):
    """Whoever makes the tables needs the URLs alone; one that serves both is made once."""
    problems = Problems()
    assert database_urls({}, here=str(here), problems=problems) == {
        "store.url": f"sqlite:///{here}/saml_wsgi.db"
    }
    both = {"store.url": "sqlite:///a.db", "directory.url": "sqlite:///b.db"}
    assert list(database_urls(both, here=str(here), problems=problems)) == ["store.url", "directory.url"]
    same = {"store.url": "sqlite:///a.db", "directory.url": "sqlite:///a.db"}
    assert list(database_urls(same, here=str(here), problems=problems)) == ["store.url"]
    assert database_urls({"store.url": "memory:"}, here=str(here), problems=problems) == {}
    assert problems.fatal == ()
    database_urls(
        {"store.url": "nonsense"}, here=str(here), problems=problems, global_conf={"directory.url": "x"}
    )
    assert sorted(problem.key for problem in problems.fatal) == ["directory.url", "store.url"]
