"""Sign-in records: what the operator reads about an attempt, found by what the person reads out."""

from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from saml_wsgi import Denied, Resolution, User, current_reference
from saml_wsgi.errors import DirectoryUnavailable, SourceUnavailable, StoreUnavailable

WIKI = "https://wiki.example.test"
HEADER = "Saml-Wsgi-Reference"
VALUES = ("mara@example.test", "Lindqvist", "Mara", "Wiki Editors", "Engineering (Backend)", "Staff")


@pytest.fixture
def records():
    """The sign-in records of a middleware, newest first."""
    return lambda app: list(app._recorder._journal.recent())


@pytest.fixture
def post(to_answer):
    """Goes to the identity provider and posts its answer; the answer of the ACS, before it is followed."""

    def go(browser, username="mara", url=f"{WIKI}/"):
        return browser.submit(to_answer(browser, browser.get(url), username))

    return go


def reference_on(page):
    """The reference that a page of ours shows."""
    return re.search(r"<dt>Reference</dt>\s*<dd[^>]*>(?:<\w+>)?([2-9A-Z]{10})", page.text)[1]


def replace_resolver(app, answer):
    """Let a function of the test decide who somebody is."""

    class Own:
        def resolve(self, assertion):
            return answer(assertion)

    app._resolver = Own()


# -- one record, of an attempt whose message verified --


def test_the_record_of_a_first_sign_in(protect, browse, post, records, saml_clock):
    """A sign-in leaves one record: when, who, what was done and where each value came from."""
    app = protect()
    page = post(browse(app))
    (record,) = records(app)
    assert record.reference == page.header(HEADER)
    assert (record.code, record.outcome, record.resolver) == ("signed_in", "created", "jit")
    assert record.at == saml_clock.time()
    assert record.idp == "JumpCloud"
    assert {"NameID", "email", "memberOf"} <= set(record.arrived)
    assert record.origins["email"] == "saml:email"
    assert {"username", "email", "groups"} <= set(record.changes)
    assert [step for step, _ in record.steps] == ["read", "verified", "resolved", "recorded"]
    assert record.user == app.sessions._directory.find("username", "mara@example.test")[0].id


def test_each_attempt_has_a_record_of_its_own(protect, browse, post, records, saml_clock, saml_idp):
    """Later sign-ins say what changed, and what didn't."""
    app = protect()
    post(browse(app))
    saml_clock.advance(60)
    post(browse(app))
    saml_idp.change_person("mara", lastname="Berg")
    saml_clock.advance(60)
    post(browse(app))
    assert [record.outcome for record in records(app)] == ["updated", "unchanged", "created"]
    assert set(records(app)[0].changes) == {"last_name"}
    assert records(app)[1].changes == {}
    assert len({record.reference for record in records(app)}) == 3


def test_a_refusal_has_a_record(protect, browse, post, records):
    """Whom no resolver knows is told a reference, and the operator finds the reason by it."""
    app = protect(resolvers="existing")
    page = post(browse(app))
    (record,) = records(app)
    assert page.status == 403
    assert record.reference == reference_on(page) == page.header(HEADER)
    assert (record.code, record.user, record.outcome) == ("not_found", "", "")
    assert "existing" in record.detail
    assert [step for step, _ in record.steps] == ["read", "verified", "resolved", "recorded"]


@pytest.mark.parametrize(
    ("error", "code", "detail", "status"),
    [
        (DirectoryUnavailable("it is locked"), "directory_unavailable", "it is locked", 503),
        (SourceUnavailable("no route"), "source_unavailable", "no route", 503),
        (ZeroDivisionError("Lindqvist"), "internal_error", "ZeroDivisionError", 500),
    ],
)
def test_trouble_has_a_record(protect, browse, post, records, error, code, detail, status):
    """What fails once somebody is verified is recorded, without the text of a stranger's exception."""
    app = protect()

    def fail(_):
        raise error

    replace_resolver(app, fail)
    page = post(browse(app))
    (record,) = records(app)
    assert page.status == status
    assert record.reference == page.header(HEADER) == reference_on(page)
    assert (record.code, record.detail) == (code, detail)
    assert [step for step, _ in record.steps] == ["read", "verified", "recorded"]


def test_steps_tell_where_the_time_went(protect, browse, post, records, saml_clock):
    """Each step has the microseconds since the arrival, so that a slow resolver is seen to be slow."""
    app = protect()

    def slowly(_):
        saml_clock.advance(0.25)
        raise SourceUnavailable("gave up")

    replace_resolver(app, slowly)
    post(browse(app))
    assert records(app)[0].steps == (("read", 0), ("verified", 0), ("recorded", 250_000))


def test_why_is_told_to_the_person(protect, browse, post):
    """What a resolver explains is on the page; its detail is for the operator alone."""
    app = protect()
    replace_resolver(app, lambda _: Denied("not_found", "the detail", "Please ask Sam in room 3."))
    page = post(browse(app))
    assert "Please ask Sam in room 3." in page.text
    assert "the detail" not in page.text


# -- no record: what anybody can send --


def test_a_message_that_does_not_verify_leaves_none(protect, browse, post, records, saml_idp, caplog):
    """It leaves a line in the log, and its place among the last refusals of this process."""
    saml_idp.change_app("wiki", canonicalisation="inclusive")
    app = protect()
    page = post(browse(app))
    assert page.status == 403
    assert records(app) == []
    (remembered,) = app._events.recent()
    assert remembered.event.code == "algorithm_refused"
    assert remembered.event.reference == page.header(HEADER) == reference_on(page)
    assert f"reference={page.header(HEADER)}" in caplog.text


def test_a_message_that_was_used_leaves_none(protect, browse, to_answer, records):
    """The same answer again, as the back button sends it, adds nothing to the store."""
    app = protect()
    browser = browse(app)
    carrier = to_answer(browser, browser.get(f"{WIKI}/"))
    first = browser.submit(carrier)
    for _ in range(3):
        again = browser.submit(carrier)
        assert again.header(HEADER) not in (None, first.header(HEADER))
    assert [record.reference for record in records(app)] == [first.header(HEADER)]


def test_a_replayed_message_leaves_none(protect, browse, to_answer, records):
    """Nor does it where another browser state makes it be verified again: it is refused as replayed."""
    app = protect()
    browser = browse(app)
    begun = browser.get(f"{WIKI}/")
    carrier = to_answer(browser, begun)
    before = [(cookie.name, cookie.value) for cookie in browser.cookies]
    browser.submit(carrier)
    for name, value in before:
        browser.cookies.keep(f"{WIKI}/saml/", f"{name}={value}; Path=/saml; Secure; SameSite=None")
    browser.submit(carrier)
    codes = [remembered.event.code for remembered in app._events.recent()]
    assert codes == ["replayed"]
    assert len(records(app)) == 1


# -- how long, how much --


def test_records_may_be_off(protect, browse, sign_in, records):
    """With `records.keep = 0` people sign in and nothing is kept."""
    app = protect(records__keep="0")
    assert sign_in(browse(app)).status == 200
    assert records(app) == []


def test_records_end(protect, browse, post, records, saml_clock):
    """After `records.keep` a record is gone."""
    app = protect(records__keep="2 h")
    post(browse(app))
    saml_clock.advance(7199)
    assert len(records(app)) == 1
    saml_clock.advance(2)
    assert records(app) == []


def stored(tmp_path):
    """Everything that the database holds as sign-in records."""
    import sqlite3

    with sqlite3.connect(tmp_path / "saml_wsgi.db") as database:
        rows = database.execute("SELECT value FROM saml_wsgi_state WHERE key LIKE 'login:%'").fetchall()
    database.close()
    return b"\n".join(value for (value,) in rows).decode()


@pytest.mark.parametrize("resolvers", ["jit", "existing"])
def test_no_value_is_in_a_record(protect, browse, post, tmp_path, saml_idp, saml_clock, resolvers):
    """Unless they are asked for, no value of an attribute, no cookie and no secret is in what is stored."""
    app = protect(resolvers=resolvers, groups__create="no", groups__privileged="Staff")
    browser = browse(app)
    post(browser)
    saml_clock.advance(1)
    saml_idp.change_person("mara", lastname="Berg", groups=("Staff", "Secret Project"))
    post(browse(app))
    text = stored(tmp_path)
    assert '"code"' in text
    for value in (*VALUES, "Berg", "Secret Project", "for-tests-only"):
        assert value not in text, value
    for cookie in browser.cookies:
        assert cookie.value not in text, cookie.name


def test_values_may_be_shown(protect, browse, post, records):
    """With `records.values = yes` the values that were written are there."""
    app = protect(records__values="yes")
    post(browse(app))
    changes = records(app)[0].changes
    assert changes["last_name"] == "Lindqvist"
    assert set(changes["groups"].split(" | ")) == {"Staff", "Wiki Editors", "Engineering (Backend)"}


def test_equal_configurations_have_equal_fingerprints(protect, browse, post):
    """A record says which configuration it was, so that a change of it is seen."""
    prints = []
    for options in ({}, {}, {"session__idle": "30 min"}):
        app = protect(**options)
        page = post(browse(app))
        prints.append(app._recorder._journal.read(page.header(HEADER)).configuration)
    assert re.fullmatch(r"[0-9a-f]{12}", prints[0])
    assert prints[0] == prints[1] != prints[2]


# -- the store --


def test_the_session_and_its_record_are_one_transaction(protect, browse, post, monkeypatch):
    """They are stored in one call: a crash leaves both, or neither."""
    app = protect()
    calls = []
    put_all = app.sessions._store.put_all
    monkeypatch.setattr(
        app.sessions._store, "put_all", lambda entries: (calls.append(entries), put_all(entries))
    )
    post(browse(app))
    assert [[entry.key.partition(":")[0] for entry in entries] for entries in calls] == [["session", "login"]]


def test_a_store_that_fails_at_the_end(protect, browse, post, records, monkeypatch, caplog):
    """Nobody is signed in, the person is told to try again, and the log names what couldn't be kept."""
    app = protect()

    def fail(_):
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(app.sessions._store, "put_all", fail)
        page = post(browse(app))
    assert page.status == 503
    assert page.all("Set-Cookie") == []
    assert records(app) == []
    assert f"the sign-in record {page.header(HEADER)} could not be kept: disk full" in caplog.text


def test_a_record_that_can_not_be_kept_alone(protect, browse, post, monkeypatch, caplog):
    """A refusal stays the refusal it was, whether or not its record can be kept."""
    app = protect(resolvers="existing")

    def fail(_):
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(app.sessions._store, "put_all", fail)
    page = post(browse(app))
    assert page.status == 403
    assert "could not be kept" in caplog.text


def test_a_session_that_was_not_kept_has_a_record(protect, browse, post, records, monkeypatch):
    """If only the session could not be stored, the record says so, and not that somebody signed in."""
    app = protect()
    put_all = app.sessions._store.put_all

    def fail_with_sessions(entries):
        if any(entry.key.startswith("session:") for entry in entries):
            raise StoreUnavailable("locked")
        put_all(entries)

    monkeypatch.setattr(app.sessions._store, "put_all", fail_with_sessions)
    page = post(browse(app))
    (record,) = records(app)
    assert (record.reference, record.code, record.detail) == (
        page.header(HEADER),
        "store_unavailable",
        "locked",
    )


def test_what_a_resolver_says_spoils_no_sign_in(protect, browse, sign_in, records):
    """However much, or whatever, a resolver tells, the person gets in and the record is short."""
    app = protect()
    user = User("7", "mara")

    def answer(_):
        told = {f"field {number}" * 100: "x" * 10_000 for number in range(1000)}
        return Resolution(user, origins=told, left=told, resolver="r" * 10_000, in_directory=False)

    replace_resolver(app, answer)
    assert sign_in(browse(app)).json()["remote_user"] == "mara"
    (record,) = records(app)
    assert len(str(record)) < 120_000
    replace_resolver(app, lambda _: Resolution(user, left="not a mapping", in_directory=False))
    assert sign_in(browse(app)).json()["remote_user"] == "mara"
    assert len(records(app)) == 1


# -- the reference --


def test_the_reference_is_everywhere(protect, browse, post, caplog):
    """Every line that we log during an attempt carries the reference of its page, also a resolver's own."""
    caplog.set_level(logging.DEBUG)
    app = protect()
    seen = []

    def answer(_):
        seen.append(current_reference())
        logging.getLogger("saml_wsgi.middleware").error("something was odd")
        raise ZeroDivisionError

    replace_resolver(app, answer)
    caplog.clear()
    page = post(browse(app))
    assert seen == [page.header(HEADER)]
    ours = [
        line for line in caplog.records if line.name.startswith("saml_wsgi") and line.levelno > logging.INFO
    ]
    assert len(ours) == 3
    for line in ours:
        assert line.saml_reference == seen[0]
        assert seen[0] in line.getMessage()
    assert current_reference() == ""


def test_which_answers_have_the_header(protect, browse, sign_in):
    """Refusals and answers of the ACS have it; the application's pages and redirects to sign in don't."""
    browser = browse(protect())
    assert browser.get(f"{WIKI}/page").header(HEADER) is None
    assert browser.get(f"{WIKI}/saml/nowhere").header(HEADER)
    assert browser.get(f"{WIKI}/saml/metadata").header(HEADER) is None
    assert browser.get(f"{WIKI}/saml/acs").header(HEADER)  # not this way
    page = sign_in(browser)
    assert page.header(HEADER) is None
    browser.cookies.clear()
    refused = browser.post(f"{WIKI}/form", {"text": "long"}, initiator=f"{WIKI}/")
    assert refused.header(HEADER) == reference_on(refused)


# -- many at once --


def test_people_who_sign_in_at_once(protect, browse, post, records):
    """Each of many attempts at once has its own record with its own reference."""
    app = protect()
    people = ["mara", "jose", "yuki", "soren"] * 3
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda name: post(browse(app), name), people))
    references = [page.header(HEADER) for page in pages]
    kept = {record.reference: record for record in records(app)}
    assert len(set(references)) == len(people)
    assert set(kept) == set(references)
    assert all(record.code == "signed_in" for record in kept.values())


def test_records_are_shared_by_processes(protect, browse, post, records):
    """Another process with the same store and secret reads them."""
    app = protect()
    page = post(browse(app))
    assert [record.reference for record in records(protect())] == [page.header(HEADER)]
    assert json.dumps(records(protect())[0].detail) == '""'
