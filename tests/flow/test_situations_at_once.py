"""What a sign-in costs in statements, and what two of them do at the same moment."""

from __future__ import annotations

import multiprocessing

import pytest

from saml_wsgi import from_options
from tests.flow.situations_people import JOSE, MARA, MARA_BY_HAND, MARA_HERE
from tests.flow.situations_posting import at_once, post, prepared
from tests.flow.situations_watch import about, reads, statements, writes


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="as it comes"),
        pytest.param({"match": "email"}, id="match = email"),
        pytest.param({"groups.managed": "Staff\nWiki *", "groups.default": "Staff"}, id="managed groups"),
        pytest.param({"allow.groups": "Staff", "allow.domains": "example.test"}, id="allowed groups"),
        pytest.param({"resolvers": "existing"}, id="existing"),
    ],
)
def test_a_sign_in_that_changes_nothing(scene, options):
    """One read of the directory, one of the links, and no write: also at the second sign-in of all."""
    scene.start()
    scene.arrive(MARA)
    scene.start(options)
    with statements(scene.url) as seen:
        record = scene.arrive(MARA).record
    assert record.outcome == "unchanged"
    assert len(reads(seen, "saml_wsgi_users")) == 1, about(seen, "saml_wsgi_users")
    assert len(reads(seen, "saml_wsgi_links")) == 1, about(seen, "saml_wsgi_links")
    assert writes(seen) == []


@pytest.mark.parametrize("match", ["username", "email", "employee_id"])
def test_from_an_index(scene, match):
    """Whatever a sign-in asks of the database is answered from an index, however many users there are."""
    scene.start({"match": match})
    says = MARA.but(employeeNumber="1001")
    scene.arrive(says)
    with statements(scene.url) as seen:
        scene.arrive(says)
        scene.arrive(says.but(lastname="Berg", memberOf=("New",)))
    asked = [statement for statement in seen if statement.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert about(asked, "saml_wsgi_users")
    plan = [row for statement in asked for row in scene.ask(f"EXPLAIN QUERY PLAN {statement}")]
    assert not [detail for *_, detail in plan if detail.startswith("SCAN")], plan


def test_existing_and_then_jit(scene):
    """A chain asks each of its resolvers; the one that isn't reached reads nothing."""
    scene.start()
    scene.arrive(MARA)
    scene.start({"resolvers": "existing jit"})
    with statements(scene.url) as seen:
        assert scene.arrive(MARA).record.resolver == "existing"
    assert len(reads(seen, "saml_wsgi_users")) == 1
    assert writes(seen) == []


def test_a_local_user_who_is_not_changed(scene):
    """update_existing = no: what differs is left alone at each sign-in, and costs no write."""
    scene.people([MARA_BY_HAND])
    scene.start()
    scene.arrive(MARA)  # pins her
    with statements(scene.url) as seen:
        assert scene.arrive(MARA).record.outcome == "unchanged"
    assert writes(seen) == []


def test_the_day_of_the_last_sign_in(scene):
    """When somebody signed in is kept exact to a day: one small write a day, and nothing else changes."""
    scene.start()
    scene.arrive(MARA)
    before = scene.picture()
    user_id = next(iter(before.accounts))
    first = scene.parts.directory.get(user_id).seen
    assert abs(first - scene.clock.time()) <= 86400
    scene.clock.advance(2 * 86400)
    with statements(scene.url) as seen:
        assert scene.arrive(MARA).record.outcome == "unchanged"
    assert len(writes(seen)) == 1
    assert scene.parts.directory.get(user_id).seen >= first + 86400
    assert scene.picture() == before
    with statements(scene.url) as seen:
        scene.arrive(MARA)
    assert writes(seen) == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="pinned"),
        pytest.param({"link.source": "off"}, id="no links"),
        pytest.param({"match": "email"}, id="by address"),
        pytest.param({"resolvers": "existing jit"}, id="existing, jit"),
    ],
)
def test_two_first_sign_ins_in_threads(scene, options):
    """Two first sign-ins of one person at once: both get in, and there is one user."""
    scene.start(options)
    for number in range(5):
        says = MARA.but(name_id=f"id-{number}", username=f"mara{number}", email=f"mara{number}@example.test")
        ready = [prepared(scene, says) for _ in range(2)]
        assert at_once(scene.app, ready) == [("303 See Other", 1)] * 2
    accounts = scene.picture().accounts.values()
    assert sorted(account.username for account in accounts) == [f"mara{number}" for number in range(5)]
    assert {account.groups for account in accounts} == {MARA_HERE.groups}


def in_process(options, folder, ready, barrier, queue):
    app = from_options(None, options, here=folder)
    barrier.wait()
    queue.put(post(app, ready))


def test_two_first_sign_ins_in_processes(scene):
    """Two processes that see one person for the first time at once let her in; there is one user."""
    scene.start()
    options = scene.options
    context = multiprocessing.get_context("fork")
    for number in range(5):
        says = MARA.but(name_id=f"id-{number}", username=f"mara{number}")
        ready = [prepared(scene, says) for _ in range(2)]
        barrier, queue = context.Barrier(2), context.Queue()
        arguments = (options, str(scene.folder))
        processes = [
            context.Process(target=in_process, args=(*arguments, one, barrier, queue)) for one in ready
        ]
        for process in processes:
            process.start()
        assert [queue.get(timeout=60) for _ in processes] == [("303 See Other", 1)] * 2
        for process in processes:
            process.join(60)
    accounts = scene.picture().accounts.values()
    assert sorted(account.username for account in accounts) == [f"mara{number}" for number in range(5)]


def test_one_subject_with_two_names(scene):
    """One subject that arrives under two usernames at once, for the first time, is one user."""
    scene.start()
    for number in range(5):
        says = MARA.but(name_id=f"id-{number}", username=f"mara{number}", email=f"mara{number}@example.test")
        ready = [prepared(scene, says), prepared(scene, says.but(username=f"mara{number}.new"))]
        results = at_once(scene.app, ready)
        assert set(results) <= {("303 See Other", 1), ("403 Forbidden", 0)}
        assert ("303 See Other", 1) in results
        accounts = scene.picture().accounts.values()
        assert len([account for account in accounts if account.email == says.attributes["email"]]) == 1


def test_two_people_want_one_name(scene):
    """Two people whose usernames are made the same, at once: one gets in, the other is refused."""
    scene.start()
    ready = [
        prepared(scene, MARA),
        prepared(scene, MARA.but(name_id="id-other")),
    ]
    assert sorted(at_once(scene.app, ready)) == [("303 See Other", 1), ("403 Forbidden", 0)]
    assert len(scene.picture().accounts) == 1


def test_two_changes_of_one_person(scene):
    """Two sign-ins that say different things of one person at once: the user is what one of them said."""
    scene.start()
    scene.arrive(MARA)
    here = MARA_HERE.but(last_name="One", groups=("A", "B"))
    there = MARA_HERE.but(last_name="Two", groups=("C",))
    for _ in range(5):
        ready = [
            prepared(scene, MARA.but(lastname="One", memberOf=("A", "B"))),
            prepared(scene, MARA.but(lastname="Two", memberOf=("C",))),
        ]
        assert [count for _, count in at_once(scene.app, ready)] == [1, 1]
        (account,) = scene.picture().accounts.values()
        assert account in (here, there)


def test_groups_of_several_people(scene):
    """Several people who join one new group at once are all in it."""
    scene.start()
    people = [
        says.but(name_id=f"id-{number}", username=f"person{number}", memberOf=("New",))
        for number, says in enumerate([MARA, JOSE] * 4)
    ]
    results = at_once(scene.app, [prepared(scene, says) for says in people])
    assert results == [("303 See Other", 1)] * 8
    assert {account.groups for account in scene.picture().accounts.values()} == {("New",)}
