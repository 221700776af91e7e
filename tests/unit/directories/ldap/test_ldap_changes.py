"""What changed since the last reading, and when that can't be told."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.directories.ldap import changes
from saml_wsgi.directories.ldap.connection import Lost
from saml_wsgi.directories.ldap.entries import Entry
from tests.unit.directories.ldap.changing import PEOPLE, Directory, Forest, Tree, csn


@pytest.fixture
def forest():
    made = Forest()
    for name in ("mara", "noor", "jose"):
        made.put(name)
    made.put_group("wiki")
    return made


@pytest.fixture
def tree():
    made = Tree()
    for name in ("mara", "noor", "jose"):
        made.put(name)
    return made


def test_nothing_happened(forest):
    """Where a controller counted nothing, nobody is looked for."""
    cursor = forest.read().cursor
    forest.asked.clear()
    plan = forest.begin(cursor)
    assert (plan.complete, plan.why, forest.asked) == (False, "", [])
    assert json.loads(plan.cursor)["at"] == json.loads(cursor)["at"]


def test_who_changed(forest):
    """Changes are read from the number on that was known at the last reading, and go on from a new one."""
    cursor = forest.read().cursor
    forest.put("mara", mail="m@example.test")
    forest.put("new")
    plan = forest.read(cursor)
    assert not plan.complete
    assert "(uSNChanged>=105)" in plan.extra_filter
    assert json.loads(plan.cursor)["at"][1] == 106
    assert not forest.read(plan.cursor).complete


def test_who_changed_and_is_not_shown(forest):
    """Where somebody who changed isn't among those who are read, the next reading is of everybody."""
    cursor = forest.read().cursor
    forest.put("mara")
    plan = forest.begin(cursor)
    assert (plan.complete, plan.cursor) == (False, "")
    shown = Entry("CN=x", {"objectguid": (uuid.uuid4().bytes,)})
    plan.saw([shown])
    assert plan.cursor == ""


@pytest.mark.parametrize("comes", [None, "new"])
def test_who_went(forest, comes):
    """Nobody says so; where somebody isn't there any more everybody is read, whoever came."""
    cursor = forest.read().cursor
    forest.drop("jose")
    if comes:
        forest.put(comes)
    plan = forest.read(cursor)
    assert (plan.complete, "people went" in plan.why, plan.extra_filter) == (True, True, "")
    assert not forest.read(plan.cursor).complete


def test_who_was_moved_here(forest):
    """Who appears, and was somewhere before, wasn't there at the last reading."""
    cursor = forest.read().cursor
    forest.put("late", uSNCreated=50, uSNChanged=60)
    assert forest.read(cursor).complete


@pytest.mark.parametrize(
    "happens",
    [
        lambda forest: forest.put_group("wiki"),
        lambda forest: forest.put_group("new"),
        lambda forest: forest.groups.clear(),
        lambda forest: forest.groups.update({"CN=moved": forest.groups.pop("CN=wiki")}),
    ],
)
def test_groups_that_changed_came_or_went(forest, happens):
    """Any of it may change whose member somebody is, though nothing is written to people."""
    cursor = forest.read().cursor
    forest.touch()
    happens(forest)
    plan = forest.read(cursor)
    assert (plan.complete, "group" in plan.why) == (True, True)
    assert not forest.read(plan.cursor).complete


def test_groups_that_do_not_count():
    """Where groups are left alone nobody asks for them."""
    forest = Forest(groups="none")
    forest.put("mara")
    cursor = forest.read().cursor
    forest.put_group("wiki")
    assert not forest.read(cursor).complete
    assert set(forest.asked) == {forest.source.people.wanted}


def test_another_database(forest):
    """The numbers of another controller, or of one that was restored, mean nothing."""
    cursor = forest.read().cursor
    forest.database = b"e" * 16
    assert "another domain controller" in forest.read(cursor).why
    forest.database = b"d" * 16
    forest.root["highestCommittedUSN"] -= 1
    assert "went back" in forest.read(cursor).why


@pytest.mark.parametrize(
    "hidden", ["highestCommittedUSN", "dsServiceName", "invocationId", "settings", "uSNChanged", "uSNCreated"]
)
def test_what_who_asks_may_not_see(forest, hidden):
    """Where something is hidden everybody is read, it is said why, and no later reading is promised more."""
    cursor = forest.read().cursor
    forest.hidden.add(hidden)
    forest.put("mara")
    for since in ("", cursor):
        plan = forest.read(since)
        assert (plan.complete, bool(plan.why), plan.cursor) == (True, True, "")


def test_a_server_that_is_lost(forest, monkeypatch):
    """A connection that breaks isn't something that can't be proved: it ends the reading."""

    def search(*_arguments, **_options):
        raise Lost("gone")

    monkeypatch.setattr(forest, "search", search)
    with pytest.raises(Lost):
        forest.begin("")


def test_many_who_changed(forest, monkeypatch):
    """Beyond a number of them everybody is read: nothing is kept for each."""
    monkeypatch.setattr(changes, "_MOST", 1)
    cursor = forest.read().cursor
    forest.put("mara")
    assert not forest.read(cursor).complete
    forest.put("noor")
    assert "more than 1 people" in forest.read(cursor).why


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["at", "when", "groups", "people"]), inner)
            ),
        ).map(json.dumps),
    ).filter(bool)
)
def test_any_text_as_cursor(since):
    """Whatever is kept as a place to begin at that isn't one, everybody is read."""
    forest = Forest()
    forest.put("mara")
    plan = forest.read(since)
    assert (plan.complete, "can't be read" in plan.why, bool(plan.cursor)) == (True, True, True)


@given(st.lists(st.binary(min_size=1), unique=True), st.randoms())
def test_a_set_in_any_order(values, chance):
    """A roll is the same for the same entries in any order, and another one for others."""
    entries = [Entry("", {"key": (value,)}) for value in values]

    def rolled(some):
        roll = changes._Roll()
        for entry in some:
            roll.add(changes._mark(entry, "key", by_name=False))
        return str(roll)

    known = rolled(entries)
    shuffled = chance.sample(entries, len(entries))
    assert rolled(shuffled) == known
    assert all(rolled(shuffled[:end]) != known for end in range(len(entries)))


def test_a_directory_without_changes():
    """JumpCloud's shows none: everybody is read, and there is nothing to be explained."""
    jumpcloud = Directory("jumpcloud", org_id="0" * 24, base="", servers=())
    plan = jumpcloud.read("anything")
    assert (plan.complete, plan.why, plan.cursor) == (True, "", "")


def test_accounts_whose_time_is_up(forest, monkeypatch):
    """Those whose account ended between two readings are read, by the clocks of both with some play."""
    monkeypatch.setattr(changes.time, "time", lambda: 1_000_000.9)
    cursor = forest.read().cursor
    monkeypatch.setattr(changes.time, "time", lambda: 2_000_000.9)
    wanted = forest.read(cursor).extra_filter
    low, high = ((moment + 11_644_473_600) * 10_000_000 for moment in (999_700, 2_000_300))
    assert f"(&(accountExpires>={low})(accountExpires<={high}))" in wanted
    plain = Forest(state=("userAccountControl",))
    plain.put("mara")
    assert plain.read(plain.read().cursor).extra_filter.startswith("(uSNChanged>=")


def test_last_days_that_came(tree, monkeypatch):
    """Those whose last day came are asked for day by day; after too many days everybody is read."""
    monkeypatch.setattr(changes.time, "time", lambda: 10 * 86_400.0 + 1000)
    cursor = tree.read().cursor
    monkeypatch.setattr(changes.time, "time", lambda: 11 * 86_400.0 + 1000)
    plan = tree.read(cursor)
    assert [f"(shadowExpire={day})" in plan.extra_filter for day in (9, 10, 11, 12)] == [
        False,
        True,
        True,
        False,
    ]
    monkeypatch.setattr(changes.time, "time", lambda: 60 * 86_400.0)
    assert "days ago" in tree.read(cursor).why


def test_servers_that_write_together(tree):
    """Changes are read from the last one on that was known of the servers that went on."""
    cursor = tree.read().cursor
    tree.put("mara", server="002")
    plan = tree.read(cursor)
    assert not plan.complete
    assert f"(entryCSN>={csn(1, '002').replace('#', chr(92) + '23')})" in plan.extra_filter
    tree.put("noor")
    assert "(entryCSN>=20261104" in tree.read(plan.cursor).extra_filter


def test_a_server_that_joins_or_goes_back(tree):
    """What another server wrote before may come later, so everybody is read; and where something is older."""
    cursor = tree.read().cursor
    tree.last["003"] = 1
    tree._publish()
    assert "other servers" in tree.read(cursor).why
    del tree.last["003"]
    tree.last["001"] -= 1
    tree._publish()
    assert "went back" in tree.read(cursor).why


def test_a_name_that_others_refer_to(tree):
    """In an OpenLDAP groups name people by their names, so that a new one has everybody read."""
    cursor = tree.read().cursor
    tree.people[f"uid=other,{PEOPLE}"] = tree.people.pop(f"uid=mara,{PEOPLE}")
    tree.last["001"] += 1
    tree._publish()
    assert "another name" in tree.read(cursor).why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"contextCSN": None}, "contextCSN"),
        ({"contextCSN": ["yesterday"]}, "can't be read"),
        ({"contextCSN": [csn(1, "001"), csn(2, "001")]}, "can't be read"),
        ({"namingContexts": ["cn=other"]}, "databases"),
        ({"namingContexts": None}, "databases"),
    ],
)
def test_an_openldap_that_does_not_say(tree, change, why):
    """Where it doesn't say how far it has come, or in a form that nobody knows, everybody is read."""
    cursor = tree.read().cursor
    tree.root |= change
    plan = tree.read(cursor)
    assert (plan.complete, why in plan.why, plan.cursor) == (True, True, "")


def test_stamps_that_are_not_shown(tree):
    """Somebody without a stamp may have changed or not: everybody is read."""
    cursor = tree.read().cursor
    tree.put("mara")
    tree.people[f"uid=noor,{PEOPLE}"]["entryCSN"] = "long ago"
    assert "entryCSN" in tree.read(cursor).why


def test_groups_by_member_of_in_an_openldap():
    """There memberOf may name what isn't a group anywhere else: whatever isn't a person counts."""
    tree = Tree(groups="memberOf")
    tree.put("mara")
    tree.read()
    assert f"(!{tree.source.people.wanted})" in tree.asked
