"""A filter section is found and resolved as PasteDeploy would do it in production."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click
import pytest
from paste.deploy import loadapp

from saml_wsgi.cli.inifile import load
from saml_wsgi.errors import ConfigurationError

from_here = textwrap.dedent


@pytest.fixture
def write(tmp_path: Path):
    def make(text: str, name: str = "a.ini") -> str:
        (tmp_path / name).write_text(from_here(text))
        return str(tmp_path / name)

    return make


def test_the_only_section_of_ours_is_found(write, tmp_path):
    """Without a name the one section that uses us is taken, whatever else there is."""
    path = write("""
        [app:main]
        use = egg:nobody_has_this
        [filter:other]
        use = egg:nobody_has_this
        [filter:saml]
        use = egg:saml_wsgi
        base_url = https://wiki.example.com
        idp.metadata = file:%(here)s/idp.xml
        public =
            /healthz
            # a comment between
            /static/*
    """)
    section = load(path)
    assert section.section == "filter:saml"
    assert section.options == {
        "base_url": "https://wiki.example.com",
        "idp.metadata": f"file:{tmp_path}/idp.xml",
        "public": "\n/healthz\n/static/*",
    }
    assert section.here == str(tmp_path)
    assert str(section) == f"{path} [filter:saml]"


@pytest.mark.parametrize(
    "uses",
    [
        "use = egg:saml_wsgi",
        "use = egg:saml-wsgi",
        "use = egg:saml_wsgi#main",
        "use = call:saml_wsgi.paste:filter_factory",
        "paste.filter_factory = saml_wsgi.paste:filter_factory",
    ],
)
def test_all_ways_to_use_us_are_known(write, uses):
    """However a section names our factory, it is ours, and only our options are left."""
    assert load(write(f"[filter:x]\n{uses}\nprefix = /a\n")).options == {"prefix": "/a"}


def test_a_section_may_lay_over_another(write):
    """`use = saml` inherits, and the overlay's values win."""
    path = write("""
        [filter:saml]
        use = egg:saml_wsgi
        prefix = /a
        match = email
        [filter:staging]
        use = saml
        prefix = /b
    """)
    assert load(f"{path}#staging").options == {"prefix": "/b", "match": "email"}
    assert load(f"{path}#filter:saml").options == {"prefix": "/a", "match": "email"}
    with pytest.raises(click.UsageError, match="#saml, #staging"):
        load(path)


def test_a_section_may_lay_over_one_in_another_file(write, tmp_path):
    """`use = config:` reaches into another file; `here` stays the first one's."""
    (tmp_path / "base").mkdir()
    write("[filter:saml]\nuse = egg:saml_wsgi\nprefix = /a\nmatch = email\n", "base/base.ini")
    section = load(write("[filter:mine]\nuse = config:base/base.ini#saml\nprefix = /b\n"))
    assert section.options == {"prefix": "/b", "match": "email"}
    assert section.here == str(tmp_path)


def test_default_and_get_and_set_act_as_in_production(write):
    """A key in [DEFAULT] is hidden from the options, a get line brings it back, and set is global."""
    path = write("""
        [DEFAULT]
        session.secret = one
        prefix = /default
        [filter:saml]
        use = egg:saml_wsgi
        prefix = /mine
        get session.secret = session.secret
        set match = email
    """)
    section = load(path)
    assert section.options == {"session.secret": "one"}
    assert section.global_conf["prefix"] == "/default"
    assert section.global_conf["match"] == "email"


def test_a_filter_app_section_is_ours_too(write):
    """[filter-app:main] with next = is a filter as well."""
    path = write("""
        [filter-app:main]
        use = egg:saml_wsgi
        next = wiki
        prefix = /a
        [app:wiki]
        use = egg:saml_wsgi#whoami
    """)
    assert load(path).options == {"prefix": "/a"}


def test_a_filter_in_front_of_ours_is_passed_by(write):
    """filter-with puts another filter around ours; ours is the one that is read."""
    path = write("""
        [filter:base]
        use = egg:saml_wsgi
        match = email
        [filter:saml]
        use = base
        prefix = /a
        filter-with = outer
        [filter:outer]
        use = egg:saml_wsgi
        prefix = /b
    """)
    assert load(f"{path}#saml").options == {"prefix": "/a", "match": "email"}


def test_what_is_found_is_what_production_gets(write, tmp_path, monkeypatch):
    """The options are, key for key, the keyword arguments of the factory under loadapp()."""
    got = {}

    def factory(global_conf, **local_conf):
        got.update(options=local_conf, global_conf=global_conf)
        return lambda app: app

    monkeypatch.setattr("saml_wsgi.paste.filter_factory", factory)
    path = write("""
        [DEFAULT]
        session.secret = one%%two
        [pipeline:main]
        pipeline = b app
        [app:app]
        use = egg:saml_wsgi#whoami
        [filter:a]
        use = egg:saml_wsgi
        Prefix = /a
        public =
            /x
            /y
        [filter:b]
        use = a
        get session.secret = session.secret
        match =
    """)
    loadapp(f"config:{path}")
    section = load(f"{path}#b")
    assert section.options == got["options"]
    assert section.global_conf == got["global_conf"]


def test_looking_for_the_section_imports_nothing_of_others(write):
    """Another filter's package need not be there."""
    path = write("""
        [filter:other]
        use = call:nobody.has.this:factory
        [filter:again]
        use = other
        [filter:lost]
        use = config:nowhere.ini
        [filter:round]
        use = round
        [filter:saml]
        use = egg:saml_wsgi
    """)
    assert load(path).section == "filter:saml"


def test_what_is_not_there_is_a_wrong_use_of_the_command(write, tmp_path):
    """A missing file, a missing section, a file without ours: each is told, as a usage error."""
    with pytest.raises(click.UsageError, match="no file"):
        load(str(tmp_path / "nowhere.ini"))
    with pytest.raises(click.UsageError, match="no file"):
        load(str(tmp_path))
    path = write("[filter:saml]\nuse = egg:saml_wsgi\n[app:main]\nuse = egg:x\n")
    for name in ("main", "other"):
        with pytest.raises(click.UsageError, match="It has: #saml"):
            load(f"{path}#{name}")
    with pytest.raises(click.UsageError, match="No section"):
        load(write("[app:main]\nuse = egg:x\n"))
    twice = write("[filter:saml]\nuse = egg:saml_wsgi\n[filter-app:saml]\nuse = egg:saml_wsgi\nnext = x\n")
    with pytest.raises(click.UsageError, match="Rename one"):
        load(f"{twice}#saml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[filter:saml]\nuse = egg:saml_wsgi\nsession.secret = abc%hunter2\n",
            "session.secret in [filter:saml]",
        ),
        ("[filter:saml]\nuse = egg:saml_wsgi\nsession.secret = %(hunter2)s hunter2\n", "session.secret"),
        ("[DEFAULT]\nx = a%hunter2\n[filter:saml]\nuse = egg:saml_wsgi\n", "x in [DEFAULT]"),
        ("[filter:saml]\nuse = egg:saml_wsgi\na = 1\na = hunter2\n", "a twice"),
        ("[filter:saml]\nuse = egg:saml_wsgi\n[filter:saml]\na = hunter2\n", "is there twice"),
        ("session.secret = hunter2\n[filter:saml]\nuse = egg:saml_wsgi\n", "line 1"),
        ("[filter:saml]\nuse = egg:saml_wsgi\nhunter2\n", "line 3"),
        ("[filter:saml]\nuse = egg:saml_wsgi\nget a = b\n", "isn't in [DEFAULT]"),
        ("[filter:saml]\nuse = egg:saml_wsgi\nrequire = hunter-two\n", "isn't installed"),
    ],
)
def test_a_broken_file_is_explained_without_quoting_it(write, text, said):
    """What configparser and PasteDeploy stumble over is named; the value, which may be a secret, is not."""
    with pytest.raises(ConfigurationError) as raised:
        load(write(text) + "#saml")
    (problem,) = raised.value.problems
    assert said in problem.reason
    assert problem.cure
    assert "hunter2" not in str(problem)
    assert raised.value.__suppress_context__


def test_a_file_that_is_no_text_is_explained(tmp_path):
    """A binary file is no ini."""
    (tmp_path / "a.ini").write_bytes(b"\xff\xfe\x81")
    with pytest.raises(ConfigurationError):
        load(str(tmp_path / "a.ini"))
