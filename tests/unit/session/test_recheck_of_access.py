"""Whether somebody who is signed in still may be: asked with the user as of now (``session.recheck``)."""

from __future__ import annotations

import dataclasses

import pytest

from saml_wsgi.errors import Refused, StoreUnavailable
from saml_wsgi.session.recheck import as_of_now
from tests.unit.session.conftest import MARA, NOW


class Door:
    """Lets everybody in until told otherwise, and remembers whom it looked at."""

    def __init__(self) -> None:
        self.seen, self.code = [], ""

    def __call__(self, session):
        self.seen.append(session)
        if self.code:
            raise Refused(self.code, "in none of a")


@pytest.fixture
def door():
    return Door()


def test_who_may_not_any_more_is_out(office, door):
    """The session ends for good at the re-check, not before it, and it is told why."""
    one = office(recheck=300, cache=0)
    one.sessions = one.process(readmit=door)
    cookie, session = one.sign_in()
    door.code = "not_allowed"
    one.clock.advance(299)
    assert one.sessions.recognise(cookie)
    one.clock.advance(1)
    assert one.sessions.recognise(cookie) is None
    assert [(event.name, event.code, event.private) for event in one.happened] == [
        ("session_ended", "not_allowed", "in none of a")
    ]
    door.code = ""
    assert one.sessions.recognise(cookie) is None
    assert one.store.inner.get(f"session:{session.key}") is None


def test_it_is_out_though_the_store_is_down(office, door):
    """What is known now holds, whether or not the store can be told."""
    one = office(recheck=300, grace=3600)
    one.sessions = one.process(readmit=door)
    cookie, _ = one.sign_in()
    one.clock.advance(300)
    door.code = "not_allowed"
    one.store.after["get"] = lambda: setattr(one.store, "down", True)
    assert one.sessions.recognise(cookie) is None
    one.clock.advance(10)
    with pytest.raises(StoreUnavailable):
        one.process(readmit=door).recognise(cookie)
    assert one.sessions.recognise(cookie) is None


def test_it_is_looked_at_as_of_now(office, door):
    """The user is the directory's, and the groups that were left since the sign-in are remembered."""
    one = office(recheck=300, cache=0)
    one.sessions = one.process(readmit=door)
    cookie, _ = one.sign_in()
    for groups in (("b",), ("c",), ("B", "c")):
        one.directory.user = dataclasses.replace(MARA, groups=groups)
        one.clock.advance(300)
        assert one.sessions.recognise(cookie)
    assert [(seen.user.groups, seen.lost) for seen in door.seen] == [
        (("b",), ("a",)),
        (("c",), ("a", "b")),
        (("B", "c"), ("a",)),
    ]
    # Whatever process goes on with it.
    assert one.process().recognise(cookie).session.lost == ("a",)


def test_users_of_no_directory(office, door):
    """A user whom no directory knows isn't looked at again: nothing could have changed."""
    one = office(recheck=0, user=None)
    one.sessions = one.process(readmit=door)
    cookie, _ = one.sign_in(in_directory=False)
    one.clock.advance(1000)
    assert one.sessions.recognise(cookie)
    assert door.seen == []


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (None, "not_found"),
        (dataclasses.replace(MARA, active=False), "inactive"),
        (dataclasses.replace(MARA, active=False, username="grace"), "inactive"),
        (dataclasses.replace(MARA, username="grace"), "not_found"),
    ],
)
def test_who_is_gone(office, user, code):
    """A user who is switched off, gone, or somebody else now, has no session."""
    _, session = office().sign_in()
    with pytest.raises(Refused) as refused:
        as_of_now(session, user, NOW)
    assert refused.value.code == code
