"""Processes that are killed in the middle of a sign-in: nobody is half a user."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from pathlib import Path

from tests.flow.situations_own_table import Story
from tests.flow.situations_people import MARA, MARA_HERE
from tests.flow.situations_posting import post, prepared
from tests.flow.situations_watch import assert_sound, each_statement

_FORK = multiprocessing.get_context("fork")


def dies(scene, ready, number, url):
    """Post in a child that is killed with -9 at its n-th statement; whether it came to that."""

    def run():
        count = itertools.count(1)

        def tell(_statement):
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        with each_statement(url, tell):
            post(scene.app, ready)
        os._exit(0)

    process = _FORK.Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def until_it_survives(scene, url, person, prepare, check):
    """Kill a sign-in of another person at each statement, one after the other; how often it was killed."""
    for number in range(1, 500):
        says = person(number)
        prepare(says)
        killed = dies(scene, prepared(scene, says), number, url)
        check(says, killed)
        assert post(scene.app, prepared(scene, says)) == ("303 See Other", 1)
        check(says, False)
        if not killed:
            return number - 1
    raise AssertionError("the sign-in never came to its end")


def numbered(number):
    return MARA.but(name_id=f"id-{number}", username=f"mara{number}", email=f"mara{number}@example.test")


def account_of(scene, says):
    found = [
        account
        for account in scene.picture().accounts.values()
        if account.username == says.attributes["username"]
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_killed_at_a_first_sign_in(scene):
    """Kill -9 at any statement of a first sign-in leaves no user and no link, or the whole user."""
    scene.start()

    def check(says, killed):
        account = account_of(scene, says)
        number = says.name_id.removeprefix("id-")
        whole = MARA_HERE.but(
            username=f"mara{number}", email=f"mara{number}@example.test", subject=f"NameID:{says.name_id}"
        )
        assert account == whole or (killed and account is None)
        pinned = f"link NameID:{says.name_id}" in scene.picture().rows
        assert pinned == (account is not None)

    times = until_it_survives(scene, scene.url, numbered, lambda says: None, check)
    assert times > 10
    assert_sound(scene.file)


def test_killed_at_a_sign_in_that_changes_something(scene):
    """Kill -9 at any statement of an update leaves the user as it was, or as it should be."""
    scene.start()

    def whole(says, **changes):
        number = says.name_id.removeprefix("id-")
        return MARA_HERE.but(
            username=f"mara{number}",
            email=f"mara{number}@example.test",
            subject=f"NameID:{says.name_id}",
            **changes,
        )

    def earlier(says):
        before = says.but(firstname="Mara", lastname="Berg", memberOf=("Sales", "Staff"))
        assert post(scene.app, prepared(scene, before)) == ("303 See Other", 1)

    def check(says, killed):
        old = whole(says, last_name="Berg", groups=("Sales", "Staff"))
        account = account_of(scene, says)
        assert account == whole(says) or (killed and account == old)

    times = until_it_survives(scene, scene.url, numbered, earlier, check)
    assert times > 10
    assert_sound(scene.file)


def test_killed_in_an_own_table(scene):
    """The same where the user is a row of the application's and the rest is kept beside it."""
    url = f"sqlite:///{scene.folder}/app.db"
    story = Story(scene, url)
    story.start()

    def check(says, killed):
        username = says.attributes["username"]
        rows = [row for row in story.own.rows() if row["login"] == username]
        subject = f"NameID:{says.name_id}"
        assert len(rows) <= 1
        assert (subject in story.own.links()) == bool(rows)
        if rows:
            user = scene.parts.directory.get(str(rows[0]["id"]))
            assert (user.last_name, user.groups) == ("Lindqvist", ("Staff", "Wiki Editors"))
            assert user.managed_by == "jit:JumpCloud"
        else:
            assert killed

    times = until_it_survives(scene, url, numbered, lambda says: None, check)
    assert times > 3
    assert_sound(Path(f"{scene.folder}/app.db"))


def test_killed_at_a_change_in_an_own_table(scene):
    """The application's columns and the groups beside them change together, or not at all."""
    url = f"sqlite:///{scene.folder}/app.db"
    story = Story(scene, url)
    story.start()
    old, new = ("Berg", ("Sales", "Staff")), ("Lindqvist", ("Staff", "Wiki Editors"))

    def earlier(says):
        before = says.but(lastname="Berg", memberOf=("Sales", "Staff"))
        assert post(scene.app, prepared(scene, before)) == ("303 See Other", 1)

    def check(says, killed):
        (user,) = scene.parts.directory.find("username", says.attributes["username"])
        found = (user.last_name, user.groups)
        assert found == new or (killed and found == old)

    times = until_it_survives(scene, url, numbered, earlier, check)
    assert times > 3
    assert_sound(Path(f"{scene.folder}/app.db"))
