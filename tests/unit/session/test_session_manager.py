"""Sessions one by one: what is asked of the store and the directory, and when."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from saml_wsgi.errors import DirectoryUnavailable, StoreUnavailable
from saml_wsgi.model import Entry
from saml_wsgi.session import manager
from saml_wsgi.signing import digest
from tests.unit.session.conftest import MARA, NOW


def test_what_a_sign_in_leaves_behind(office):
    """A new id, a record under its hash, and tags by which it can be found."""
    one = office()
    cookie, session = one.sign_in()
    id_ = cookie.rpartition(".")[0]
    assert len(id_) == 43
    assert session.key == digest(id_)
    ((name, ((kept,),), _),) = one.store.calls
    assert (name, kept.key) == ("put_all", f"session:{session.key}")
    assert id_.encode() not in kept.value
    assert kept.ttl == 3600 + 60 + 1
    subject = "2:jc:4:mara"
    assert kept.tags == (
        f"user:{digest('7')}",
        f"subject:{digest(subject)}",
    )
    assert one.sign_in()[0] != cookie
    for tag in kept.tags:
        assert len(one.store.tagged(tag)) == 2


def test_tags_tell_subjects_apart(office):
    """A provider's name and a NameID can't be split in another way to make one tag."""
    one = office()
    one.sign_in(idp="a", name_id="b:c")
    one.sign_in(idp="a:b", name_id="c")
    tags = [args[0][0].tags for name, args, _ in one.store.calls if name == "put_all"]
    assert tags[0][0] == tags[1][0]
    assert not set(tags[0][1:]) & set(tags[1][1:])


def test_what_a_session_knows(office):
    """The session holds who it is, what was asserted, and its times."""
    _, session = office(lifetime=1000).sign_in()
    assert (session.user, session.attributes, session.origins) == (
        MARA,
        {"groups": ("x", "y")},
        {"email": "saml:mail"},
    )
    assert (session.idp, session.name_id, session.name_id_format, session.session_index) == (
        "jc",
        "mara",
        "f",
        "_s",
    )
    assert (session.created, session.seen, session.checked, session.expires) == (NOW, NOW, NOW, NOW + 1000)


@pytest.mark.parametrize(("ends", "expires"), [(None, 1000), (999, 999), (1001, 1000)])
def test_it_ends_no_later_than_the_identity_providers(office, ends, expires):
    """The earlier of both ends counts."""
    _, session = office(lifetime=1000).sign_in(session_not_on_or_after=None if ends is None else NOW + ends)
    assert session.expires == NOW + expires


def test_a_request_costs_nothing_while_it_is_known(office):
    """Within `session.cache` neither store nor directory is asked, and the same object comes back."""
    one = office(cache=5)
    cookie, _ = one.sign_in()
    known = one.sessions.recognise(cookie)
    assert known.environ == {"who": "mara", "cookie": cookie}
    one.clock.advance(4.9)
    assert one.sessions.recognise(cookie) is known
    assert one.store.asked("get") == 1
    one.clock.advance(0.1)
    assert one.sessions.recognise(cookie) is not known
    assert one.store.asked("get") == 2


def test_without_cache_the_store_is_asked_each_time(office):
    """With `session.cache = 0` nothing is trusted from before."""
    one = office(cache=0)
    cookie, session = one.sign_in()
    for count in (1, 2, 3):
        assert one.sessions.recognise(cookie)
        assert one.store.asked("get") == count
    one.process().end(session, cookie)
    assert one.sessions.recognise(cookie) is None


def test_what_is_known_never_outlives_the_session(office):
    """What is remembered is forgotten at the end of lifetime or idle time, before `session.cache` is over."""
    one = office(cache=60, idle=600, lifetime=630)
    cookie, _ = one.sign_in()
    one.clock.advance(590)
    assert one.sessions.recognise(cookie)
    one.clock.advance(39.9)
    assert one.sessions.recognise(cookie)
    one.clock.advance(0.1)
    assert one.sessions.recognise(cookie) is None


def test_nobodys_cookie_asks_nobody(office):
    """A cookie that we didn't sign doesn't reach the store."""
    one = office()
    cookie, session = one.sign_in()
    for other in ("", "x", cookie[:-3], session.key, one.keys.sign("logout", cookie.partition(".")[0])):
        assert one.sessions.recognise(other) is None
    assert one.store.asked("get") == 0


def test_a_moved_record_is_nobodys(office):
    """Whoever writes the store can't put one session into another's place."""
    one = office()
    cookie, session = one.sign_in()
    _, others = one.sign_in(user=dataclasses.replace(MARA, id="8", username="jose"))
    one.store.put(f"session:{session.key}", one.store.get(f"session:{others.key}"), 60)
    assert one.sessions.recognise(cookie) is None


@pytest.mark.parametrize(("idle", "interval"), [(60, 6), (300, 30), (3600, 60), (86_400, 60), (5, 1)])
def test_touching(office, idle, interval):
    """A session in use is written once an interval: a tenth of the idle time, a minute at most."""
    one = office(idle=idle, cache=0, recheck=100_000)
    cookie, _ = one.sign_in()
    one.clock.advance(interval - 1)
    assert one.sessions.recognise(cookie).session.seen == NOW
    assert one.store.asked("replace") == 0
    one.clock.advance(1)
    assert one.sessions.recognise(cookie).session.seen == NOW + interval
    assert one.sessions.recognise(cookie)
    assert one.store.asked("replace") == 1


def test_idle_time_is_exact(office):
    """A session ends when `session.idle` has passed since it was seen, and not a second earlier."""
    one = office(idle=600, cache=0)
    cookie, _ = one.sign_in()
    one.clock.advance(599)
    assert one.sessions.recognise(cookie)
    one.clock.advance(599)
    assert one.sessions.recognise(cookie)
    one.clock.advance(600)
    assert one.sessions.recognise(cookie) is None


@pytest.mark.parametrize(
    ("idle", "lifetime", "after", "ttl"),
    [(600, 3600, 0, 661), (600, 3600, 590, 661), (3600, 3600, 0, 3601), (600, 700, 590, 111)],
)
def test_how_long_the_store_keeps_it(office, idle, lifetime, after, ttl):
    """The store forgets a session soon after it can't be used any more, at each writing anew."""
    one = office(idle=idle, lifetime=lifetime, cache=0)
    cookie, _ = one.sign_in()
    one.clock.advance(after)
    one.sessions.recognise(cookie)
    writes = {"put_all": lambda args: args[0][0].ttl, "replace": lambda args: args[2]}
    assert [writes[name](args) for name, args, _ in one.store.calls if name in writes][-1] == ttl


# -- the re-check --


def test_the_recheck(office):
    """The directory is asked every `session.recheck`, and what it says is the session's from then on."""
    one = office(recheck=300, cache=0)
    cookie, _ = one.sign_in()
    one.clock.advance(299)
    one.sessions.recognise(cookie)
    assert one.directory.asked == 0
    one.directory.user = dataclasses.replace(MARA, email="new@x.test", groups=("c",))
    one.clock.advance(1)
    assert one.sessions.recognise(cookie).session.user == one.directory.user
    assert one.sessions.recognise(cookie).session.checked == NOW + 300
    assert one.directory.asked == 1
    assert one.process().recognise(cookie).session.user == one.directory.user


def test_a_user_who_was_renamed(office):
    """A new name under the same employee number, or another spelling of the old one, ends nothing."""
    one = office(recheck=300)
    cookie, _ = one.sign_in(user=dataclasses.replace(MARA, employee_id="17"))
    one.directory.user = dataclasses.replace(MARA, employee_id="17", username="mara.new")
    one.clock.advance(300)
    assert one.sessions.recognise(cookie).session.user.username == "mara.new"
    one.directory.user = dataclasses.replace(one.directory.user, employee_id="", username="MARA.new")
    one.clock.advance(300)
    assert one.sessions.recognise(cookie).session.user.username == "MARA.new"


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (None, "not_found"),
        (dataclasses.replace(MARA, active=False), "inactive"),
        pytest.param(
            dataclasses.replace(MARA, username="grace"), "not_found", id="an id that is another's now"
        ),
    ],
)
def test_a_user_who_is_gone_or_off(office, user, code):
    """The session ends for everybody, at once, and it is told why."""
    one = office(recheck=300)
    cookie, session = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.directory.user = user
    one.clock.advance(300)
    assert one.sessions.recognise(cookie) is None
    assert [(event.name, event.code) for event in one.happened] == [("session_ended", code)]
    one.directory.user = MARA
    assert one.sessions.recognise(cookie) is None
    assert one.store.inner.get(f"session:{session.key}") is None


def test_users_of_no_directory_are_not_rechecked(office):
    """A user whom no directory knows stays to the end of the session."""
    one = office(recheck=0, user=None)
    cookie, _ = one.sign_in(in_directory=False)
    one.clock.advance(1000)
    assert one.sessions.recognise(cookie)
    assert one.directory.asked == 0
    without = one.process(directory=None)
    assert without.recognise(cookie)


def test_the_directory_is_down(office):
    """While the directory is down a known session goes on for `session.grace`; an unknown one doesn't."""
    one = office(recheck=60, grace=30, cache=0)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.directory.down = True
    one.clock.advance(59)
    assert one.sessions.recognise(cookie)
    one.clock.advance(1)
    assert one.sessions.recognise(cookie)
    with pytest.raises(DirectoryUnavailable):
        one.process().recognise(cookie)
    one.clock.advance(29)
    with pytest.raises(DirectoryUnavailable):
        one.sessions.recognise(cookie)


# -- outages --


def test_grace_is_counted_once(office):
    """In an outage a session goes on for `session.grace` since it was verified, however often it is used."""
    one = office(grace=60)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.down = True
    for _ in range(11):
        one.clock.advance(5)
        assert one.sessions.recognise(cookie)
    one.clock.advance(4.9)
    assert one.sessions.recognise(cookie)
    one.clock.advance(0.1)
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(cookie)


def test_no_grace_beyond_the_session(office):
    """An outage doesn't prolong a session."""
    one = office(grace=3600, lifetime=100)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.down = True
    one.clock.advance(99)
    assert one.sessions.recognise(cookie)
    one.clock.advance(1)
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(cookie)


def test_without_grace(office):
    """With `session.grace = 0` an outage is felt as soon as the cache is over."""
    one = office(grace=0, cache=0)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(cookie)


def test_the_breaker(office):
    """A store that failed isn't asked again for a second, by nobody; then by one."""
    one = office(grace=60, cache=0)
    first, _ = one.sign_in()
    second, _ = one.sign_in()
    assert one.sessions.recognise(first)
    asked = one.store.asked("get")
    one.store.down = True
    one.clock.advance(1)
    for _ in range(20):
        assert one.sessions.recognise(first)
        with pytest.raises(StoreUnavailable):
            one.sessions.recognise(second)
    assert one.store.asked("get") == asked + 1
    one.store.down = False
    one.clock.advance(0.9)
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(second)
    one.clock.advance(0.1)
    assert one.sessions.recognise(second)
    assert one.sessions.recognise(first)


def test_an_outage_while_it_is_written(office):
    """If the session was read and can't be written, grace holds as well."""
    one = office(grace=120, cache=0, idle=600)
    cookie, _ = one.sign_in()
    known = one.sessions.recognise(cookie)
    one.clock.advance(60)
    one.store.after["get"] = lambda: setattr(one.store, "down", True)
    assert one.sessions.recognise(cookie) is known
    assert one.store.asked("replace") == 1
    one.clock.advance(60)
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(cookie)


def test_no_sign_in_in_an_outage(office):
    """A session that can't be kept isn't begun."""
    one = office()
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sign_in()


# -- the end --


def test_the_end(office):
    """An ended session is gone from the store and this process at once, from others after their cache."""
    one = office(cache=5)
    other = one.process()
    cookie, session = one.sign_in()
    assert one.sessions.recognise(cookie)
    assert other.recognise(cookie)
    assert one.sessions.end(session, cookie) is True
    assert one.sessions.recognise(cookie) is None
    assert one.store.inner.get(f"session:{session.key}") is None
    one.clock.advance(5)
    assert other.recognise(cookie) is None


def test_the_end_in_an_outage(office):
    """A sign-out that the store doesn't hear holds here for as long as the session would have lived."""
    one = office(lifetime=1000, idle=1000, cache=0)
    cookie, session = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.down = True
    assert one.sessions.end(session, cookie) is False
    assert [(event.name, event.code) for event in one.happened] == [("unavailable", "store_unavailable")]
    asked = one.store.asked("get")
    assert one.sessions.recognise(cookie) is None
    assert one.store.asked("get") == asked
    one.store.down = False
    one.clock.advance(998)
    assert one.sessions.recognise(cookie) is None
    assert one.process().recognise(cookie)  # the weakness that the page owns up to


def test_tombstones_are_cleared_away(office):
    """What this process remembers of ended sessions is forgotten when they would have ended anyhow."""
    one = office(lifetime=100)
    for _ in range(3):
        cookie, session = one.sign_in()
        one.sessions.end(session, cookie)
    assert len(one.sessions._ended) == 3
    one.clock.advance(100)
    cookie, session = one.sign_in()
    one.sessions.end(session, cookie)
    assert list(one.sessions._ended) == [session.key]


def test_an_end_while_it_is_verified(office):
    """If a session ends here between the look into the store and the answer, the answer is no."""
    one = office()
    cookie, session = one.sign_in()
    one.store.after["get"] = lambda: one.sessions.end(session, cookie)
    assert one.sessions.recognise(cookie) is None
    assert one.sessions.recognise(cookie) is None
    assert one.sessions._known == {}


def test_an_end_elsewhere_while_it_is_written(office):
    """A late write doesn't revive a session that ended elsewhere meanwhile."""
    one = office(cache=0)
    cookie, session = one.sign_in()
    one.clock.advance(60)
    one.store.before["replace"] = lambda: one.store.inner.pop(f"session:{session.key}")
    assert one.sessions.recognise(cookie) is None
    assert one.store.inner.get(f"session:{session.key}") is None


def test_an_end_while_others_ask(office):
    """However many threads ask while a session ends, none of them sees it afterwards."""
    one = office(cache=0)
    cookie, session = one.sign_in()
    ended, wrong = threading.Event(), []
    ready = threading.Barrier(5)

    def ask():
        ready.wait()
        for _ in range(200):
            before = ended.is_set()
            if one.sessions.recognise(cookie) is not None and before:
                wrong.append(True)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    ready.wait()
    one.sessions.end(session, cookie)
    ended.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert one.sessions._known == {}


def test_memory_is_bounded(office, monkeypatch):
    """A process remembers so many sessions and no more; the oldest goes, and comes back when asked for."""
    sample = manager.Known(office().sign_in()[1], "", {}, 0, 0)
    monkeypatch.setattr(manager, "_MOST_REMEMBERED", 3 * sample.weight)
    one = office()
    cookies = [one.sign_in()[0] for _ in range(5)]
    for cookie in cookies:
        assert one.sessions.recognise(cookie)
    assert list(one.sessions._known) == cookies[2:]
    assert one.sessions.recognise(cookies[0])
    assert list(one.sessions._known) == [*cookies[3:], cookies[0]]


def test_a_session_that_is_gone_is_not_remembered(office):
    """What the store doesn't know any more isn't kept in memory either."""
    one = office(cache=5)
    cookie, session = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.inner.pop(f"session:{session.key}")
    one.clock.advance(5)
    assert one.sessions.recognise(cookie) is None
    assert one.sessions._known == {}


# -- tokens --


def test_tokens_belong_to_one_session(office):
    """A sign-out form's token is good for its own session alone, and isn't the session's cookie."""
    one = office()
    cookie, session = one.sign_in()
    _, other = one.sign_in()
    token = one.sessions.token(session)
    assert one.sessions.owns_token(session, token)
    assert one.process().owns_token(session, token)
    for wrong in (
        "",
        "x",
        cookie,
        session.key,
        one.sessions.token(other),
        one.keys.sign("session", session.key),
    ):
        assert not one.sessions.owns_token(session, wrong)
    assert one.sessions.recognise(token) is None


def test_a_session_in_use_is_seen_to_be_in_use(office):
    """However long a process may remember, whoever keeps clicking isn't idle."""
    one = office(idle=60, cache=60)
    cookie, _ = one.sign_in()
    for _ in range(100):
        one.clock.advance(3)
        assert one.sessions.recognise(cookie)


def test_an_outage_revives_nobody(office):
    """A session that had been idle for too long before the store went away doesn't come back."""
    one = office(idle=60, grace=3600)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.clock.advance(3000)
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sessions.recognise(cookie)


def test_who_is_switched_off_is_out_even_if_the_store_cannot_be_told(office):
    """The verdict counts at once: a store that fails just then doesn't keep anybody in."""
    one = office(recheck=10, grace=3600)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.directory.user = None
    one.clock.advance(11)
    one.store.after["get"] = lambda: setattr(one.store, "down", True)
    assert one.sessions.recognise(cookie) is None
    assert one.sessions.recognise(cookie) is None


# -- what is stored beside it --


def test_what_is_stored_beside_a_session(office):
    """What belongs to a sign-in is stored in one call with the session, and made with it at hand."""
    one = office()
    made = []

    def beside(session):
        made.append(session)
        return [Entry("login:x", b"record", 60, ("logins",))]

    _, session = one.sign_in(beside=beside)
    ((name, (entries,), _),) = one.store.calls
    assert (name, [entry.key for entry in entries]) == ("put_all", [f"session:{session.key}", "login:x"])
    assert made == [session]
    assert one.store.get("login:x") == b"record"


def test_neither_of_them(office):
    """If the store can't take them, there is neither a session nor what belongs to it."""
    one = office()
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sign_in(beside=lambda _: [Entry("login:x", b"record", 60)])
    assert one.store.inner.get("login:x") is None
    assert one.store.inner.tagged(f"user:{digest('7')}") == []


# -- without an identity provider --


@pytest.mark.parametrize(("lifetime", "lasts"), [(900, 900), (100_000, 8 * 3600)])
def test_admitting(office, lifetime, lasts):
    """A user is signed in without an identity provider, for the shorter of both lifetimes, as any other."""
    one = office(recheck=300, idle=100_000)
    cookie, session = one.sessions.admit(MARA, lifetime=lifetime)
    assert session.user == MARA
    assert (session.idp, session.name_id, session.session_index, dict(session.attributes)) == ("", "", "", {})
    assert session.expires == NOW + lasts
    assert one.process().recognise(cookie).session == session
    one.clock.advance(300)
    one.directory.user = dataclasses.replace(MARA, active=False)
    assert one.sessions.recognise(cookie) is None


def test_who_was_admitted_is_nobodys_subject(office):
    """Such a session is found by its user, and not by the subject of an identity provider."""
    one = office()
    one.sessions.admit(MARA, lifetime=60)
    ((_, ((kept,),), _),) = one.store.calls
    assert kept.tags == (f"user:{digest('7')}",)


# -- every session of a user --


def test_ending_all(office):
    """Every session of the user ends, here and elsewhere, whoever started it; nobody else's does."""
    one = office(cache=0)
    other = one.process()
    cookies = [one.sign_in()[0], one.sign_in()[0], other.admit(MARA, lifetime=60)[0]]
    friend, _ = one.sign_in(user=dataclasses.replace(MARA, id="8"))
    one.directory.user = None
    one.sessions.recognise(cookies[0])
    assert one.sessions.end_all("7") == 3
    assert [other.recognise(cookie) for cookie in cookies] == [None] * 3
    assert [one.sessions.recognise(cookie) for cookie in cookies] == [None] * 3
    assert one.sessions.recognise(friend)
    assert one.sessions.end_all("7") == 0
    told = [dict(event.fields) for event in one.happened if event.name == "session_ended"]
    assert told == [{"user": "7", "sessions": 3}, {"user": "7", "sessions": 0}]


def test_ending_all_ends_what_is_remembered(office):
    """This process doesn't wait for `session.cache` to be over; another one does."""
    one = office(cache=5)
    cookie, _ = one.sign_in()
    other = one.process()
    assert one.sessions.recognise(cookie)
    assert other.recognise(cookie)
    assert one.sessions.end_all("7") == 1
    assert one.sessions.recognise(cookie) is None
    assert other.recognise(cookie)
    one.clock.advance(5)
    assert other.recognise(cookie) is None


def test_ending_all_from_the_command_line(office):
    """A process that has the store, and neither the directory nor any session in mind, ends them all."""
    one = office(cache=0)
    cookie, _ = one.sign_in()
    assert one.process(directory=None).end_all("7") == 1
    assert one.sessions.recognise(cookie) is None


def test_a_session_that_is_read_while_all_end(office):
    """A request that read the session just before it ended doesn't bring it back."""
    one = office(cache=60)
    cookie, _ = one.sign_in()
    one.store.after["get"] = lambda: one.sessions.end_all("7")
    assert one.sessions.recognise(cookie) is None
    assert one.sessions.recognise(cookie) is None


def test_ending_all_in_an_outage(office):
    """If the store doesn't answer, that is said, and what this process knew of ends all the same."""
    one = office(cache=0)
    cookie, _ = one.sign_in()
    assert one.sessions.recognise(cookie)
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sessions.end_all("7")
    one.store.down = False
    assert one.sessions.recognise(cookie) is None


def test_only_sessions_end(office):
    """Something else that is filed under the user isn't touched."""
    one = office()
    one.store.put("note:7", b"v", 60, tags=[f"user:{digest('7')}"])
    assert one.sessions.end_all("7") == 0
    assert one.store.get("note:7") == b"v"


# -- attendance --


@pytest.mark.parametrize(
    ("seen", "noted"),
    [
        (0, True),
        (NOW - 86_400, True),
        (NOW - NOW % 86_400 - 1, True),
        (NOW - NOW % 86_400, False),
        (NOW, False),
    ],
)
def test_attendance(office, seen, noted):
    """The directory is told that somebody signed in, once a day: not again on the day it knows of."""
    one = office()
    one.directory.saw = lambda *told: one.seen.append(told)
    one.seen, sessions = [], one.process()
    one.sign_in(sessions=sessions, user=dataclasses.replace(MARA, seen=seen))
    assert one.seen == ([("7", NOW)] if noted else [])
    one.seen.clear()
    sessions.admit(dataclasses.replace(MARA, seen=seen), lifetime=60)
    assert one.seen == ([("7", NOW)] if noted else [])


def test_attendance_of_strangers(office):
    """A user whom the directory doesn't know is none of its business."""
    one = office()
    one.directory.saw = lambda *told: pytest.fail("it was told")
    one.sign_in(sessions=one.process(), in_directory=False)


@pytest.mark.parametrize("error", [DirectoryUnavailable("gone"), ZeroDivisionError("somebody else's")])
def test_attendance_that_fails(office, caplog, error):
    """A directory that can't note it spoils no sign-in; the log says so."""

    def fail(*_):
        raise error

    one = office()
    one.directory.saw = fail
    cookie, _ = one.sign_in(sessions=one.process())
    assert one.sessions.recognise(cookie)
    assert "it could not be noted that user 7 was here" in caplog.text


def test_no_attendance_without_a_session(office):
    """Who isn't signed in wasn't here."""
    one = office()
    one.directory.saw = lambda *told: pytest.fail("it was told")
    sessions = one.process()
    one.store.down = True
    with pytest.raises(StoreUnavailable):
        one.sign_in(sessions=sessions)
