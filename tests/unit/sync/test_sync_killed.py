"""A run in a process of its own, which is killed, or finds no room: the next one makes it good."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from saml_wsgi.sync.refusal import SyncRefused
from saml_wsgi.sync.run import Synchronisation
from saml_wsgi.sync.staging import Staging


def in_a_child(what):
    """The exit status of a process that does it: negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            status = what()
        except BaseException:  # noqa: BLE001 - a child must not go on as a test
            status = 99
        os._exit(status or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def view(world):
    return {(user.username, user.email, user.groups, user.active) for user in world.everybody()}


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("reading", 1),
        ("reading", 4),
        ("writing", 1),
        ("writing", 2),
        ("writing", 150),
        ("writing", 301),
        ("settling", 1),
    ],
)
def test_a_run_that_is_killed(crowd, step, after):
    """Kill -9 leaves the old state or the new one, and nothing else; the next run brings the new one."""
    for number in range(300):
        crowd.source.put(f"uid:new{number}", username=f"new{number}", groups=("Staff", "New"))
    for number in range(5, 20):
        crowd.source.change(f"uid:{number}", email=f"changed{number}@example.test", groups=("Changed",))
    crowd.source.change("uid:2", username="user3")
    crowd.source.change("uid:3", username="user2")
    crowd.source.remove("uid:4")
    old = view(crowd)

    def killed():
        calls = 0

        def watch(now, *_):
            nonlocal calls
            calls += now == step
            if calls == after:
                os.kill(os.getpid(), signal.SIGKILL)

        Synchronisation(crowd.source, "corp", crowd.url, clock=crowd.clock).run(progress=watch)

    crowd.clock.advance(60)
    assert in_a_child(killed) == -signal.SIGKILL
    between = view(crowd)
    assert crowd.sync().code == "done"
    new = view(crowd)
    assert between in (old, new)
    assert (between == new) == (step == "settling")
    assert crowd.user("user3").active
    assert crowd.links.follow("ldap:corp", "uid:2") == crowd.user("user3").id
    assert len(crowd.everybody()) == 320
    assert crowd.done().counts["unchanged"] == 319
    assert crowd.snapshot()[3] == []


def test_no_room_for_what_is_planned(crowd):
    """Where the temporary file can't grow nothing is changed, and the report says what to do."""
    before = crowd.snapshot()
    for number in range(40_000):
        crowd.source.put(f"uid:new{number}", username=f"new{number}", display_name="x" * 250)

    def crammed():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
        report = Synchronisation(crowd.source, "corp", crowd.url, clock=crowd.clock).run()
        return 0 if (report.code, report.applied) == ("no_room", False) else 1

    crowd.clock.advance(60)
    assert in_a_child(crammed) == 0
    assert crowd.snapshot() == before


def test_no_room_in_the_database(crowd):
    """Where our own tables can't grow nothing is changed, and the next run that has room does it all."""
    for number in range(2000):
        crowd.source.put(f"uid:new{number}", username=f"new{number}", display_name="x" * 250)
    before = view(crowd)

    def crammed():
        size = Path(crowd.url.removeprefix("sqlite:///")).stat().st_size + (64 << 10)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        report = Synchronisation(crowd.source, "corp", crowd.url, clock=crowd.clock).run()
        return 0 if (report.code, report.applied) == ("directory_unavailable", False) else 1

    crowd.clock.advance(60)
    assert in_a_child(crammed) == 0
    assert view(crowd) == before
    crowd.clock.advance(600)
    assert crowd.done().counts["created"] == 2000


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux which files are open")
def test_what_is_planned_is_nobody_elses_to_read():
    """The staging file has mode 600 and no name; SQLite keeps that promise as soon as there is a file."""
    with Staging() as staging:
        for number in range(40):
            staging.contest(f"{number}{'x' * 200}{each}" for each in range(2000))
        found = [
            entry.stat()
            for entry in Path("/proc/self/fd").iterdir()
            if "etilqs" in str(entry.readlink() if entry.is_symlink() else "")
        ]
    assert len(found) == 1
    assert found[0].st_mode & 0o777 == 0o600
    assert found[0].st_nlink == 0


def test_a_staging_that_was_closed_refuses():
    """Whatever SQLite says of the file is a refusal with a code, not a traceback."""
    with Staging() as staging:
        pass
    with pytest.raises(SyncRefused, match="no_room"):
        staging.count()
