"""`saml-wsgi users import`: a table of users is checked as a whole, and then made so."""

from __future__ import annotations

import sqlite3

import pytest

from saml_wsgi import wiring
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes

TABLE = """\
username,email,first_name,groups,active
mara,mara@example.test,Mara,editors;hr,
José,jose@example.test,José,,yes
lena,,,,no
"""


def write(wiki, text, name="people.csv", encoding="utf-8"):
    path = wiki.folder / name
    path.write_text(text, encoding=encoding)
    return str(path)


def test_users_are_made(wiki):
    """Each line makes a user who is `local`, active unless it says no."""
    result = wiki.users("import", write(wiki, TABLE, encoding="utf-8-sig"))
    assert result.exit_code == 0, result.output
    assert result.stdout == "3 made, 0 changed, 0 left.\n"
    users = {user["username"]: user for user in wiki.listed()}
    assert users["mara"]["groups"] == ["editors", "hr"]
    assert users["José"]["email"] == "jose@example.test"
    assert [users[name]["active"] for name in ("mara", "José", "lena")] == [True, True, False]
    assert {user["managed_by"] for user in users.values()} == {"local"}


def test_a_second_import_writes_nothing(wiki):
    """What is so already isn't written again, whatever the spelling of names and groups."""
    wiki.users("import", write(wiki, TABLE))
    again = TABLE.replace("mara,", "MARA,", 1).replace("editors;hr", "HR;Editors")
    assert wiki.users("import", write(wiki, again)).stdout == "0 made, 0 changed, 3 left.\n"
    assert wiki.user("mara").groups == ("editors", "hr")
    assert wiki.user("mara").username == "mara"


def test_users_are_brought_up_to_date(wiki):
    """Columns that are there are written, an empty cell clears; others, and other people, are left alone."""
    wiki.make("mara", email="m@example.test", last_name="Lindqvist", employee_id="7", groups=("hr",))
    wiki.make("other", email="o@example.test")
    result = wiki.users("import", "-", stdin="username,email,employee_id,groups\nMara,new@example.test,,\n")
    assert result.stdout == "0 made, 1 changed, 0 left.\n"
    mara = wiki.user("mara")
    assert (mara.email, mara.last_name, mara.employee_id) == ("new@example.test", "Lindqvist", "")
    assert mara.groups == ()
    assert wiki.user("other").email == "o@example.test"


def test_whoever_is_disabled_by_a_table_is_out_at_once(wiki):
    """`active` no ends the sessions too, and says how many."""
    user = wiki.make("mara")
    cookie, _ = wiki.parts().sessions.admit(user, lifetime=3600)
    result = wiki.users("import", "-", stdin="username,active\nmara,no\n")
    assert "line 2: mara is disabled, 1 session ended." in result.stdout
    assert wiki.user("mara").active is False
    assert wiki.parts().sessions.recognise(cookie) is None


def test_nothing_is_written_where_anything_is_wrong(wiki):
    """All problems are told by line, on the standard error, and no user is made."""
    result = wiki.users("import", "-", stdin="username,email,active\nmara,,\nMARA,,\njo,,perhaps\n ,,\n,x,\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "line 3",
        "line 4",
        "line 6",
        "Error",
    ]
    assert "3 problems; nothing was written." in result.stderr
    assert wiki.listed() == []


def test_a_dry_run_says_what_would_be_and_writes_nothing(wiki):
    """Each line that would write, and which fields; in the end the same counts."""
    wiki.make("mara", email="mara@example.test", groups=("hr",))
    result = wiki.users("import", "--dry-run", write(wiki, TABLE))
    assert result.stdout.splitlines() == [
        "line 2: change mara: first_name, groups",
        "line 3: create José",
        "line 4: create lena",
        "Would be: 2 made, 1 changed, 0 left.",
    ]
    assert [user["username"] for user in wiki.listed()] == ["mara"]
    assert wiki.user("mara").groups == ("hr",)


def test_users_of_others_are_warned_of(wiki):
    """Users that a sign-in may change again are counted by who manages them, once each."""
    wiki.make("mara", managed_by="jit:sso")
    wiki.make("jose", managed_by="jit:sso")
    result = wiki.users("import", "-", stdin="username,email\nmara,a@example.test\njose,b@example.test\n")
    assert result.exit_code == 0
    assert result.stderr.count("Warning") == 1
    assert "2 users to change, managed by jit:sso" in result.stderr


def test_a_list_comes_back_as_it_was(wiki):
    """What `list --csv` printed changes nothing when it is imported, formulas and semicolons included."""
    wiki.make("=mara", display_name="+1; -1", groups=("a;b", "CORP\\x", "=c"))
    wiki.parts().directory.update(wiki.make("lena"), Changes({"active": False}))
    before = wiki.listed()
    result = wiki.users("import", "-", stdin=wiki.users("list", "--csv").stdout_bytes)
    assert result.stdout == "0 made, 0 changed, 2 left.\n"
    assert "Passed over" in result.stderr
    assert wiki.listed() == before


def test_a_table_that_is_not_there_is_a_wrong_use(wiki):
    """A missing file ends with 2."""
    assert wiki.users("import", str(wiki.folder / "nowhere.csv")).exit_code == 2


def test_a_line_that_the_directory_refuses_stops_no_other(wiki, monkeypatch):
    """Taken by somebody else meanwhile: the line is told, the others are written, and it ends with 1."""
    plain = wiring.start

    def started(*arguments, **options):
        parts = plain(*arguments, **options)
        find = parts.directory.find
        # As if the user were made between the look-up and the writing.
        blind = lambda field, value: () if value == "mara" else find(field, value)  # noqa: E731 - one line
        monkeypatch.setattr(parts.directory, "find", blind)
        return parts

    wiki.make("mara")
    monkeypatch.setattr(wiring, "start", started)
    result = wiki.users("import", write(wiki, TABLE))
    assert result.exit_code == 1
    assert "line 2: That can't be written: the username is taken." in result.stderr
    assert result.stdout == "2 made, 0 changed, 0 left.\n"


def test_a_database_that_goes_away_stops_at_a_line(wiki, monkeypatch):
    """What was written stays, the line is told, and the next run goes on from there."""
    plain = wiring.start

    def started(*arguments, **options):
        parts = plain(*arguments, **options)
        create = parts.directory.create

        def failing(profile, **more):
            if profile.username == "José":
                raise DirectoryUnavailable("disk full")
            return create(profile, **more)

        monkeypatch.setattr(parts.directory, "create", failing)
        return parts

    monkeypatch.setattr(wiring, "start", started)
    result = wiki.users("import", write(wiki, TABLE))
    assert result.exit_code == 1
    assert "Stopped at line 3. The directory of users doesn't answer: disk full." in result.stderr
    assert [user["username"] for user in wiki.listed()] == ["mara"]
    monkeypatch.undo()
    assert wiki.users("import", write(wiki, TABLE)).stdout == "2 made, 0 changed, 1 left.\n"


@pytest.mark.parametrize("lines", [2000])
def test_many_lines_cost_a_few_statements_each(wiki, lines):
    """An import that finds everything as it is writes nothing to the database."""
    table = "username,groups\n" + "".join(f"u{number},staff\n" for number in range(lines))
    assert wiki.users("import", "-", stdin=table).stdout.startswith(f"{lines} made")
    with sqlite3.connect(wiki.folder / "saml_wsgi.db") as connection:
        watch = connection.execute("PRAGMA data_version").fetchone()
        assert wiki.users("import", "-", stdin=table).stdout.endswith(f"{lines} left.\n")
        assert connection.execute("PRAGMA data_version").fetchone() == watch
    connection.close()


def test_whoever_could_not_sign_in_afterwards_is_warned_of(configured):
    """With match = email, two with one address are ambiguous: in the file, or one of them beside it."""
    wiki = configured("match = email\n")
    wiki.make("old", email="a@example.test")
    table = "username,email\nx,A@example.test\ny,b@example.test\nz,B@example.test\nold,a@example.test\nw,\n"
    result = wiki.users("import", "-", "--dry-run", stdin=table)
    assert [line.split(" has ")[0] for line in result.stderr.splitlines()] == [
        "Warning: line 2: old",
        "Warning: line 4: line 3",
        "Warning: line 5: line 2",
    ]
    assert "old has the same email" in wiki.users("add", "new", "--email", "a@EXAMPLE.test").stderr
    assert "new" in wiki.users("set", "old", "--email", "A@example.test").stderr
    assert wiki.users("add", "alone", "--email", "c@example.test").stderr == ""
