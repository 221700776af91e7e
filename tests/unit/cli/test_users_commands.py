"""`saml-wsgi users`: list, show, add, set, delete, and what becomes of sessions and links."""

from __future__ import annotations

import csv
import io
import json

import pytest

from saml_wsgi.model import Changes


def start_session(wiki, user):
    """Signs the user in; the cookie's value."""
    cookie, _ = wiki.parts().sessions.admit(user, lifetime=3600)
    return cookie


def is_signed_in(wiki, cookie) -> bool:
    """What another process of the application makes of that cookie."""
    return wiki.parts().sessions.recognise(cookie) is not None


def test_warnings_are_left_to_the_check(configured, caplog):
    """A command says what it was asked; what is weak in the configuration stands in the server's log."""
    wiki = configured("idp.allow_sha1 = yes\n")
    assert wiki.users("list").exit_code == 0
    assert not caplog.records
    wiki.parts()
    assert "idp.allow_sha1" in caplog.text


def test_nobody_is_listed_where_nobody_is(wiki):
    """A new database has no users, in every form of the list."""
    assert wiki.users("list").output == ""
    assert wiki.listed() == []
    assert len(wiki.users("list", "--csv").stdout.splitlines()) == 1


def test_a_user_is_made_by_an_administrator(wiki):
    """Fields and groups are kept; the user is `local`, so that no sign-in changes it."""
    result = wiki.users(
        "add",
        "josé",
        *("--email", "jose@example.test", "--first-name", "José", "--last-name", "Olivares"),
        *("--display-name", "José O.", "--employee-id", "0042", "--group", "editors", "--group", "Editors"),
    )
    assert result.exit_code == 0, result.output
    (user,) = wiki.listed()
    assert user["id"] in result.output
    wanted = {
        "username": "josé",
        "email": "jose@example.test",
        "first_name": "José",
        "last_name": "Olivares",
        "display_name": "José O.",
        "employee_id": "0042",
        "groups": ["editors"],
        "active": True,
        "managed_by": "local",
        "seen": None,
    }
    assert user.items() >= wanted.items()
    assert user["created"].endswith("Z")


def test_nobody_is_made_twice(wiki):
    """Another spelling of a username is the same user."""
    wiki.make("mara")
    result = wiki.users("add", "MARA")
    assert result.exit_code == 1
    assert "already" in result.stderr
    assert len(wiki.listed()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", ""],
        ["add", " mara"],
        ["add", "ma\u200bra"],
        ["add", "m\u0430ra"],
        ["add", "m" * 257],
        ["add", "mara", "--email", "a\nb"],
        ["add", "mara", "--group", " "],
        ["set", "mara", "--username", "m\u0430ra"],
        ["set", "mara"],
        ["set", "mara", "--group", "a", "--no-group"],
    ],
)
def test_what_could_not_sign_in_is_not_written(wiki, arguments):
    """A value that no sign-in may bring can't be typed either: a wrong use, and nothing is written."""
    result = wiki.users(*arguments)
    assert result.exit_code == 2
    assert wiki.listed() == []


def test_fields_are_changed_and_others_stay(wiki):
    """`set` writes what is named: another text, an empty one, other groups or none."""
    before = wiki.make("mara", email="m@example.test", first_name="Mara", groups=("Staff", "hr"))
    result = wiki.users("set", "Mara", "--email", "new@example.test", "--first-name", "", "--group", "staff")
    assert result.exit_code == 0, result.output
    user = wiki.user("mara")
    assert (user.id, user.email, user.first_name, user.groups) == (
        before.id,
        "new@example.test",
        "",
        ("Staff",),
    )
    assert "is so already" in wiki.users("set", "mara", "--group", "STAFF").output
    wiki.users("set", "mara", "--no-group", "--username", "mara.l")
    assert wiki.user("mara.l").groups == ()


def test_nobody_takes_anothers_name(wiki):
    """A username that is somebody else's ends the command with 1, and nothing is written."""
    wiki.make("mara")
    wiki.make("jose")
    result = wiki.users("set", "jose", "--username", "Mara", "--email", "x@example.test")
    assert result.exit_code == 1
    assert "taken" in result.stderr
    assert wiki.user("jose").email == ""


def test_a_change_that_may_not_last_is_warned_of(wiki):
    """Whoever is managed by something else may be changed again by the next sign-in."""
    wiki.make("mara", managed_by="jit:https://sso.example.test/saml2/wiki")
    result = wiki.users("set", "mara", "--email", "x@example.test")
    assert result.exit_code == 0
    assert "managed by jit:" in result.stderr
    assert "Warning" not in wiki.users("set", "mara", "--email", "x@example.test").stderr


@pytest.mark.parametrize("command", ["show", "set", "delete", "disable", "enable", "unlink", "let-in"])
def test_who_is_not_there_is_told(configured, command):
    """One sentence on the standard error, and 1."""
    wiki = configured("emergency.sign_in = yes\n")
    more = {"set": ["--no-group"], "delete": ["--yes"]}.get(command, [])
    result = wiki.users(command, "nobody\x1b[2J", *more)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no user nobody\\x1b[2J.\n"


def test_lists_are_filtered(wiki):
    """By who may sign in, and by who keeps the record: exactly, or by its kind."""
    wiki.make("mara", managed_by="jit:one")
    wiki.make("jose", managed_by="jit:two")
    gone = wiki.make("lena")
    wiki.parts().directory.update(gone, Changes({"active": False}))

    def names(*arguments):
        return sorted(user["username"] for user in wiki.listed(*arguments))

    assert names() == ["jose", "lena", "mara"]
    assert names("--active") == ["jose", "mara"]
    assert names("--inactive") == ["lena"]
    assert names("--managed-by", "jit") == ["jose", "mara"]
    assert names("--managed-by", "jit:two") == ["jose"]
    assert names("--managed-by", "ldap") == []


def test_lists_go_beyond_a_page(wiki):
    """More users than are read at once are all listed, each once."""
    table = "username\n" + "".join(f"u{number}\n" for number in range(1100))
    assert wiki.users("import", "-", stdin=table).exit_code == 0
    assert len({user["username"] for user in wiki.listed()}) == 1100


def test_a_list_for_spreadsheets_holds_no_formula(wiki):
    """What a person or a group is called is never run by the program that opens the list."""
    wiki.make("=cmd|' /c calc'!a0", display_name="@sum(1)", groups=("staff", "+x"))
    cells = next(csv.DictReader(io.StringIO(wiki.users("list", "--csv").stdout)))
    assert cells["username"] == "'=cmd|' /c calc'!a0"
    assert cells["display_name"] == "'@sum(1)"
    assert cells["groups"] == "'+x;staff"


def test_a_user_is_shown_with_all_that_is_kept(wiki):
    """Fields, groups, state, whose record it is, when last seen, and links."""
    user = wiki.make("mara", email="m@example.test", groups=("hr", "staff"))
    parts = wiki.parts()
    parts.links.pin("sso", "employee_number:7", user.id)
    parts.directory.saw(user.id, 1_700_000_000)
    lines = dict(
        line.split(maxsplit=1) for line in wiki.users("show", "MARA").output.splitlines() if " " in line
    )
    assert lines["username"] == "mara"
    assert lines["groups"] == "hr, staff"
    assert lines["active"] == "yes"
    assert lines["seen"] == "2023-11-14"
    assert lines["link"].startswith("employee_number:7 at sso since ")
    shown = json.loads(wiki.users("show", "mara", "--json").stdout)
    assert shown["groups"] == ["hr", "staff"]
    assert shown["links"][0].items() >= {"idp": "sso", "subject": "employee_number:7"}.items()


def test_whoever_is_deleted_is_gone_wholly(wiki):
    """The record, its links and its sessions; the name is free again."""
    user = wiki.make("mara")
    wiki.parts().links.pin("sso", "a:1", user.id)
    cookie = start_session(wiki, user)
    result = wiki.users("delete", "mara", "--yes")
    assert result.exit_code == 0, result.output
    assert "mara is deleted, 1 session ended." in result.output
    assert wiki.listed() == []
    assert wiki.listed(group="links") == []
    assert not is_signed_in(wiki, cookie)
    assert wiki.users("add", "mara").exit_code == 0


@pytest.mark.parametrize(("answer", "left"), [("n\n", 2), ("", 2), ("y\n", 0)])
def test_deleting_is_asked_for(wiki, answer, left):
    """Without --yes nobody is deleted but by an explicit yes, and what goes is shown before."""
    wiki.parts().links.pin("sso", "a:1", wiki.make("mara", display_name="Mara L.").id)
    wiki.make("jose")
    result = wiki.users("delete", "mara", "jose", stdin=answer)
    assert "mara (Mara L.), 1 link" in result.output
    assert result.exit_code == (1 if left else 0)
    assert len(wiki.listed()) == left


def test_nobody_is_deleted_if_somebody_is_not_there(wiki):
    """All are looked up first: a slip of the pen does nothing by halves."""
    wiki.make("mara")
    assert wiki.users("delete", "--yes", "mara", "mar").exit_code == 1
    assert len(wiki.listed()) == 1


def test_whoever_is_disabled_is_out_at_once(wiki):
    """The user can't sign in any more, and every session ends; nobody else's does."""
    mara, jose = wiki.make("mara"), wiki.make("jose")
    cookies = [start_session(wiki, mara), start_session(wiki, mara)]
    other = start_session(wiki, jose)
    result = wiki.users("disable", "mara")
    assert result.output == "mara is disabled, 2 sessions ended.\n"
    assert wiki.user("mara").active is False
    assert not any(is_signed_in(wiki, cookie) for cookie in cookies)
    assert is_signed_in(wiki, other)
    assert wiki.users("disable", "mara").output == "mara was disabled already, 0 sessions ended.\n"
    assert wiki.users("enable", "mara").output == "mara is enabled.\n"
    assert wiki.user("mara").active is True
    assert wiki.users("enable", "mara").output == "mara was enabled already.\n"


def test_what_a_synchronisation_switched_off_is_warned_of(wiki):
    """A user managed by LDAP may be switched off again by the next synchronisation."""
    user = wiki.make("mara", managed_by="ldap:corp")
    wiki.parts().directory.update(user, Changes({"active": False}))
    assert "ldap:corp" in wiki.users("enable", "mara").stderr


def test_who_may_come_back_is_warned_of(configured):
    """Where signing in enables users again, disabling one of jit's isn't enough, and that is said.

    A synchronisation leaves switched off whom an administrator switched off, but not whom it did itself.
    """
    wiki = configured("resolvers = jit\nresolver.jit.reactivate = yes\n")
    wiki.make("mara", managed_by="jit:sso")
    wiki.make("jose")
    wiki.make("lena", managed_by="ldap:corp")
    assert "reactivate = yes" in wiki.users("disable", "mara").stderr
    assert wiki.users("disable", "jose").stderr == ""
    assert wiki.users("disable", "lena").stderr == ""
    assert "ldap:corp had switched off before" in wiki.users("disable", "lena").stderr
    assert wiki.user("mara").active is False


def test_sessions_in_a_process_alone_are_not_promised_to_end(configured):
    """With store.url = memory: another process ends no session, and the command says when they end."""
    wiki = configured("store.url = memory:\ndirectory.url = sqlite:///users.db\nsession.recheck = 2 min\n")
    wiki.make("mara")
    assert "sessions end within 120 s" in wiki.users("disable", "mara").output


def test_links_of_a_user_are_forgotten(wiki):
    """All of them, or those to one identity provider; others stay."""
    mara, jose = wiki.make("mara"), wiki.make("jose")
    links = wiki.parts().links
    for idp, subject, user in (("a", "n:1", mara), ("b", "n:1", mara), ("a", "n:2", jose)):
        assert links.pin(idp, subject, user.id)
    assert "n:1 at b" in wiki.users("unlink", "mara", "--idp", "b").output
    assert [link["idp"] for link in wiki.listed("--user", "mara", group="links")] == ["a"]
    wiki.users("unlink", "mara")
    assert [link["username"] for link in wiki.listed(group="links")] == ["jose"]
    assert "has no link" in wiki.users("unlink", "mara").output


def test_a_database_that_is_down_is_told(configured, tmp_path):
    """One sentence on the standard error, no traceback, and 1."""
    wiki = configured()
    wiki.make("mara")
    (tmp_path / "saml_wsgi.db").unlink()
    (tmp_path / "saml_wsgi.db").mkdir()
    for command in (["list"], ["show", "mara"], ["disable", "mara"], ["import", "-"]):
        result = wiki.users(*command, stdin="username\nmara\n")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr
        assert "Traceback" not in result.output
