"""`saml-wsgi users disable --unseen`: people of whom nothing was seen for long, and nobody else."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import pytest

DAY = 86400


def dated(wiki, username, *, seen=None, created=None):
    """A user who was last seen, and made, so many days ago."""
    user = wiki.user(username)
    now = int(time.time())
    with contextlib.closing(sqlite3.connect(wiki.folder / "saml_wsgi.db")) as connection:
        for column, days in (("seen", seen), ("created", created)):
            if days is not None:
                connection.execute(
                    f"UPDATE saml_wsgi_users SET {column} = ? WHERE id = ?", (now - days * DAY, user.id)
                )
        connection.commit()


@pytest.fixture
def office(wiki):
    """Some who came lately, some who didn't, and some who never did."""
    wiki.make("daily", managed_by="jit:sso")
    dated(wiki, "daily", seen=1, created=400)
    wiki.make("gone", managed_by="jit:sso")
    dated(wiki, "gone", seen=91, created=400)
    wiki.make("new")
    dated(wiki, "new", created=5)
    wiki.make("never")
    dated(wiki, "never", created=91)
    wiki.make("ldap", managed_by="ldap:corp")
    dated(wiki, "ldap", seen=400, created=400)
    return wiki


def active(wiki):
    return sorted(user["username"] for user in wiki.listed("--active"))


def test_the_unseen_are_disabled(office):
    """Those not seen for so long, and those who never came since they were made; LDAP's users are LDAP's."""
    cookie, _ = office.parts().sessions.admit(office.user("new"), lifetime=3600)
    result = office.users("disable", "--unseen", "90d")
    assert result.exit_code == 0, result.output
    assert "2 users disabled." in result.output
    assert active(office) == ["daily", "ldap", "new"]
    assert office.parts().sessions.recognise(cookie) is not None
    assert "0 users disabled." in office.users("disable", "--unseen", "90d").output


def test_a_dry_run_only_names_them(office):
    """Who it would be, and since when."""
    result = office.users("disable", "--unseen", "90 d", "--dry-run")
    assert "gone: last seen " in result.output
    assert "never: never seen, there since " in result.output
    assert result.output.endswith("2 users would be disabled.\n")
    assert active(office) == ["daily", "gone", "ldap", "never", "new"]


@pytest.mark.parametrize(
    "arguments", [[], ["gone", "--unseen", "90d"], ["--unseen", "soon"], ["--unseen", "9"]]
)
def test_who_is_meant_must_be_said(office, arguments):
    """Names, or a span of at least a day: one of both, or it is a wrong use."""
    assert office.users("disable", *arguments).exit_code == 2
    assert len(active(office)) == 5


def test_more_than_half_of_all_has_to_be_meant(wiki):
    """A directory that was just upgraded, or a slip of the pen, locks nobody out."""
    for number in range(12):
        wiki.make(f"u{number}")
        dated(wiki, f"u{number}", created=100 if number < 7 else 10)
    result = wiki.users("disable", "--unseen", "90d")
    assert result.exit_code == 1
    assert "7 of 12" in result.stderr
    assert len(active(wiki)) == 12
    assert "7 users disabled." in wiki.users("disable", "--unseen", "90d", "--yes").output
    assert len(active(wiki)) == 5
