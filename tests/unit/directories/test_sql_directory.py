"""Users in tables of ours: the contract, and what is this directory's own."""

import os
import signal
import sqlite3
import string
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable, Refused
from saml_wsgi.model import FIELDS, Changes, Profile, User
from saml_wsgi.names import key
from saml_wsgi.testing.clock import FakeClock
from saml_wsgi.testing.contracts import (
    AdministeredDirectoryContract,
    AttendanceContract,
    GroupRegisterContract,
)

IDP = "https://idp.example/saml"


class TestSQLDirectory(AdministeredDirectoryContract, AttendanceContract, GroupRegisterContract):
    @pytest.fixture
    def directory(self, patient):
        return SQLDirectory(patient)


@pytest.fixture
def clock():
    return FakeClock(time=1_800_000_000)


@pytest.fixture
def directory(url, clock):
    return SQLDirectory(url, clock=clock)


def rows(url, table):
    with database.reading(database.connect(url)).connect() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM saml_wsgi_{table}")).mappings()]


def test_create_pins_the_link(url, directory):
    """A user that is created with a link can be followed to, from that moment."""
    user = directory.create(Profile(username="ada"), managed_by="local", link=(IDP, "s-1"))
    assert SQLLinks(url).follow(IDP, "s-1") == user.id


def test_create_respects_a_link_made_elsewhere(url, directory):
    """A subject that SQLLinks pinned is taken for create too, and no user is left behind."""
    SQLLinks(url).pin(IDP, "s-1", "somebody")
    with pytest.raises(DirectoryConflict, match="pinned"):
        directory.create(Profile(username="ada", groups=("g",)), managed_by="local", link=(IDP, "s-1"))
    assert rows(url, "users") == rows(url, "groups") == []


@pytest.mark.parametrize("username", [None, "", "  "])
def test_a_user_needs_a_username(url, directory, username):
    """Without a username there is no user, and the reason is one that a person can be told."""
    with pytest.raises(Refused) as caught:
        directory.create(Profile(username=username, email="ada@example.com"), managed_by="local")
    assert caught.value.code == "missing_attribute"
    assert rows(url, "users") == []


def test_a_username_is_never_emptied(directory):
    """An update can't take the username away."""
    user = directory.create(Profile(username="ada"), managed_by="local")
    with pytest.raises(Refused) as caught:
        directory.update(user, Changes({"username": "", "email": "ada@example.com"}))
    assert caught.value.code == "missing_attribute"
    assert directory.get(user.id) == user


UNHOLDABLE = ["a\0b", "\ud800", "x" * 2049]


@pytest.mark.parametrize("value", UNHOLDABLE)
@pytest.mark.parametrize("field", [*FIELDS, "groups"])
def test_what_cannot_be_kept_is_refused(url, directory, field, value):
    """NUL, half a surrogate pair and what is too long are refused for every field, and nothing is written."""
    content = (value,) if field == "groups" else value
    with pytest.raises(Refused) as caught:
        directory.create(Profile(**{"username": "ada", field: content}), managed_by="local")
    assert caught.value.code == "attribute_unusable"
    assert rows(url, "users") == []

    user = directory.create(Profile(username="ada"), managed_by="local")
    with pytest.raises(Refused) as caught:
        directory.update(user, Changes({"first_name": "Ada", field: content}))
    assert caught.value.code == "attribute_unusable"
    assert directory.get(user.id) == user


@pytest.mark.parametrize("link", [(IDP, ""), ("", "s"), (IDP, "s\0"), ("\ud800", "s"), (IDP, "x" * 1537)])
def test_a_link_that_cannot_be_kept_is_refused(url, directory, link):
    """An empty or impossible subject is refused, and no user is made."""
    with pytest.raises(Refused) as caught:
        directory.create(Profile(username="ada"), managed_by="local", link=link)
    assert caught.value.code == "attribute_unusable"
    assert rows(url, "users") == []


def test_a_manager_that_cannot_be_kept_is_refused(directory):
    """What managed_by says is held to the same rule."""
    with pytest.raises(Refused):
        directory.create(Profile(username="ada"), managed_by="jit:\0")


@pytest.mark.parametrize("name", ["id", "managed_by", "username_key", "created", "nonsense"])
def test_only_what_is_a_users_can_be_changed(directory, name):
    """A change of anything but the fields, groups and active is the caller's mistake."""
    user = directory.create(Profile(username="ada"), managed_by="local")
    with pytest.raises(ValueError, match=name):
        directory.update(user, Changes({name: "x"}))


def test_find_by_an_unknown_field(directory):
    """Looking by something that isn't a field is the caller's mistake."""
    with pytest.raises(ValueError, match="password"):
        directory.find("password", "x")


def test_ids_say_nothing(directory):
    """An id is random: nobody can tell who came first, or guess another."""
    ids = [directory.create(Profile(username=name), managed_by="local").id for name in "abc"]
    assert all(len(user_id) == 32 and set(user_id) <= set(string.hexdigits.lower()) for user_id in ids)
    assert len(set(ids)) == 3


def test_rows_are_dated(url, directory, clock):
    """A row says when it was made and when it was last changed."""
    user = directory.create(Profile(username="ada"), managed_by="local")
    clock.advance(60)
    directory.update(user, Changes({"groups": ("staff",)}))
    clock.advance(60)
    directory.update(user, Changes())
    (row,) = rows(url, "users")
    assert (row["created"], row["updated"]) == (1_800_000_000, 1_800_000_060)


def test_groups_that_stay_are_not_rewritten(url, directory):
    """Replacing groups touches only those that come and go."""
    user = directory.create(Profile(username="ada", groups=("a", "b", "c")), managed_by="local")
    statements = []
    # The pool's one connection, which the directory takes next.
    pooled = database.connect(url).raw_connection()
    pooled.driver_connection.set_trace_callback(statements.append)
    pooled.close()
    directory.get(user.id)
    directory.find("username", "ada")
    assert len(statements) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=st.text(alphabet=st.characters(), min_size=1, max_size=40))
def test_any_username_is_kept_whole_or_refused(directory, name):
    """Whatever the username, it comes back as it was given and is found by its key, or it was refused."""
    impossible = "\0" in name or any("\ud800" <= sign <= "\udfff" for sign in name)
    if impossible or not key(name).strip():
        with pytest.raises(Refused):
            directory.create(Profile(username=name), managed_by="local")
        return
    try:
        user = directory.create(Profile(username=name, email=name, first_name=name), managed_by="local")
    except DirectoryConflict:
        (user,) = directory.find("username", name)
        assert key(user.username) == key(name)
    else:
        assert directory.get(user.id) == user
        assert user.username == user.email == user.first_name == name
        assert list(directory.find("username", name)) == [user]
        assert user in directory.find("email", name)


CREATE = """
import sys
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.errors import DirectoryConflict
from saml_wsgi.model import Profile

directory = SQLDirectory(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    profile = Profile(username=f"user-{number}", groups=("a", "b"))
    try:
        directory.create(profile, managed_by="local", link=("idp", f"subject-{number}"))
        print(number)
    except DirectoryConflict:
        pass
"""


def test_one_person_created_by_several_processes(url, patient):
    """Of processes that create the same people at once, each person is created by one, once."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CREATE, patient], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    created = [number for child in children for number in child.communicate()[0].split()]
    assert [child.returncode for child in children] == [0] * 4
    assert sorted(map(int, created)) == list(range(20))
    assert [len(rows(url, table)) for table in ("users", "groups", "links")] == [20, 40, 20]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("table", ["users", "groups", "links"])
def test_killed_in_the_middle_of_create(url, directory, table):
    """A process that is killed after any of create's statements leaves nothing, and blocks nobody."""
    ada = Profile(username="ada", groups=("a",))
    child = os.fork()
    if not child:
        try:
            engine = database.connect(url)

            @event.listens_for(engine, "after_cursor_execute")
            def die(_connection, _cursor, statement, *_):
                if statement.startswith(f"INSERT INTO saml_wsgi_{table}"):
                    os.kill(os.getpid(), signal.SIGKILL)

            directory.create(ada, managed_by="local", link=(IDP, "s-1"))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert rows(url, "users") == rows(url, "groups") == rows(url, "links") == []
    created = directory.create(ada, managed_by="local", link=(IDP, "s-1"))
    assert list(directory.find("username", "ada")) == [created]


def test_groups_end_with_their_user(url, directory, tmp_path):
    """Deleting a user in the database deletes the memberships."""
    user = directory.create(Profile(username="ada", groups=("a",)), managed_by="local")
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("PRAGMA foreign_keys = ON")
        other.execute("DELETE FROM saml_wsgi_users")
    other.close()
    assert rows(url, "groups") == []
    assert directory.get(user.id) is None


@pytest.mark.parametrize("user_id", ["\0", "\ud800", "x" * 100_000])
def test_update_of_a_user_with_an_impossible_id(directory, user_id):
    """A user whose id no database holds is gone, not a fault."""
    with pytest.raises(DirectoryConflict):
        directory.update(User(id=user_id, username="x"), Changes({"email": "x@example.com"}))


def test_being_seen_is_no_update(url, directory, clock):
    """That a user signed in doesn't date the record anew."""
    user = directory.create(Profile(username="ada"), managed_by="local")
    clock.advance(60)
    directory.saw(user.id, 1_900_000_000)
    (row,) = rows(url, "users")
    assert (row["seen"], row["updated"]) == (1_900_000_000, 1_800_000_000)


def test_a_list_says_when_records_were_made(directory):
    """An administrator sees since when there is a user."""
    directory.create(Profile(username="ada"), managed_by="local")
    assert [listed.created for listed in directory.everybody()] == [1_800_000_000]


def test_remove_is_whole_or_not_at_all(url, directory):
    """If the links can't be removed, the user stays, with the groups."""
    user = directory.create(Profile(username="ada", groups=("a",)), managed_by="local", link=(IDP, "s-1"))
    engine = database.connect(url)

    def interrupt(connection, _cursor, statement, *_):
        if statement.startswith("DELETE FROM saml_wsgi_links"):
            connection.exec_driver_sql("SELECT * FROM the_disk_that_failed")

    event.listen(engine, "after_cursor_execute", interrupt)
    with pytest.raises(DirectoryUnavailable, match="the_disk_that_failed"):
        directory.remove(user.id)
    event.remove(engine, "after_cursor_execute", interrupt)
    assert directory.get(user.id) == user
    assert SQLLinks(url).follow(IDP, "s-1") == user.id
    assert directory.remove(user.id) is True
    assert rows(url, "groups") == rows(url, "links") == []
