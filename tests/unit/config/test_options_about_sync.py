"""Options of the synchronisation, and what is wrong between them and the rest."""

from __future__ import annotations

import pytest

from saml_wsgi.config.removals import Share

SOURCE = {"source.corp.use": "ldap", "resolvers": "existing"}


def test_without_an_option_it_is_every_quarter_of_an_hour(reading):
    """The defaults: 15 minutes, everybody once a day, 5 %, nobody adopted, a warning after an hour."""
    sync = reading().good.sync
    assert (sync.source, sync.every, sync.full_every, sync.incremental) == (None, 900, 86400, "auto")
    assert (sync.max_removals, sync.adopt, sync.warn_after, sync.keep) == (Share(5), (), 3600, 90 * 86400)


def test_a_warning_comes_after_four_times_the_interval(reading):
    """Where it isn't written, `sync.warn_after` follows `sync.every`."""
    assert reading({**SOURCE, "sync.every": "1 h"}).good.sync.warn_after == 4 * 3600
    assert reading({**SOURCE, "sync.every": "1 h", "sync.warn_after": "1 d"}).good.sync.warn_after == 86400


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5 %", Share(5)),
        ("2.5%", Share(2.5)),
        ("100 percent", Share(100)),
        ("20", 20),
        ("0", 0),
        (7, 7),
        (Share(1), Share(1)),
    ],
)
def test_removals_are_a_share_or_a_number(reading, written, meant):
    """`5 %` is a share, `20` so many users, and 0 forbids every removal."""
    assert reading({**SOURCE, "sync.max_removals": written}).good.sync.max_removals == meant


@pytest.mark.parametrize(
    "written", ["0 %", "101 %", "0.0%", "-1", "5 % of all", "five", "1e3", "9" * 10, True, 5.0, Share(0), -1]
)
def test_other_removals_are_refused(reading, written):
    """What isn't a share above nothing or a number of users is refused, with a cure."""
    problem = reading({**SOURCE, "sync.max_removals": written}).only
    assert problem.key == "sync.max_removals"
    assert problem.cure


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"sync.source": "crop"}, {"sync.source"}),
        ({"sync.source": "my corp"}, {"sync.source"}),
        ({"source.branch.use": "ldap", "sync.every": "1 h"}, {"sync.source"}),
        ({"sync.incremental": "off", "sync.full_every": "12 h"}, {"sync.full_every"}),
        ({"sync.every": "1 h", "sync.full_every": "30 min"}, {"sync.full_every"}),
        ({"sync.every": "1 h", "sync.warn_after": "30 min"}, {"sync.warn_after"}),
        ({"sync.adopt": "ldap"}, {"sync.adopt"}),
        ({"sync.every": "30 s"}, {"sync.every"}),
        ({"sync.keep": "0"}, {"sync.keep"}),
    ],
)
def test_contradictions_of_the_synchronisation(reading, options, keys):
    """What can't be meant is told under its key, with a cure."""
    found = reading({**SOURCE, **options})
    assert {problem.key for problem in found.fatal} == keys
    assert all(problem.cure for problem in found.fatal)


def test_a_misspelt_source_is_recognised(reading):
    """The cure names the source that was probably meant."""
    assert reading({**SOURCE, "sync.source": "crop"}).only.cure == "Did you mean corp?"


@pytest.mark.parametrize(
    ("options", "key", "said"),
    [
        ({"source.corp.use": None, "sync.every": "1 h"}, "sync.every", "no source"),
        (
            {
                "sync.every": "1 h",
                "directory.table": "people",
                "directory.columns.username": "login",
            },
            "sync.every",
            "a table of the application's own",
        ),
        ({"sync.source": "corp", "directory.use": "myapp:people"}, "sync.source", "from elsewhere"),
        ({"sync.source": "corp", "resolvers": "jit"}, "resolvers", "managed_elsewhere"),
    ],
)
def test_what_a_synchronisation_can_do_nothing_with_is_warned_of(reading, options, key, said):
    """No source, users elsewhere, and a chain that lets nobody in whom it brought: each is told."""
    found = reading({**SOURCE, **options})
    assert found.good
    assert [warning.key for warning in found.warnings] == [key]
    assert said in found.warnings[0].reason


def test_an_own_table_is_shown_the_guide(reading):
    """Whoever has an application that synchronises already reads which guide is theirs."""
    (warning,) = reading({**SOURCE, "directory.use": "myapp:people", "sync.every": "1 h"}).warnings
    assert "An application that synchronises by itself" in warning.cure


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"resolvers": "existing"}, []),
        ({"resolvers": "jit"}, ["source.corp.use"]),
        ({"resolvers": "existing jit", "resolver.jit.sources": "saml"}, []),
        ({"resolvers": "ldap"}, []),
        ({"resolvers": "ldap", "source.branch.use": "ldap"}, ["source.corp.use", "source.branch.use"]),
        (
            {"resolvers": "ldap", "source.branch.use": "ldap", "resolver.ldap.source": "corp"},
            ["source.branch.use"],
        ),
        (
            {"resolvers": "existing", "source.branch.use": "ldap", "sync.source": "corp"},
            ["source.branch.use"],
        ),
    ],
)
def test_a_source_whose_people_are_copied_is_asked(reading, options, warned):
    """The source of the resolver `ldap`, and the one that is synchronised, don't do nothing."""
    found = reading({**SOURCE, **options})
    assert [warning.key for warning in found.warnings] == warned
