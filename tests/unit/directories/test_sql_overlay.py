"""What a synchronisation brings, seen and written on SQLite."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from saml_wsgi import database
from saml_wsgi.database.tables import arriving, users
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.overlay import FIND
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import FIELDS, Profile
from tests.unit.directories.bringing import SOURCE, Bringing
from tests.unit.directories.overlaid import OverlayStories
from tests.unit.directories.written_meanwhile import WriteStories


class TestOverlayOnSQLite(OverlayStories, WriteStories):
    @pytest.fixture
    def url(self, url, patient):
        return patient


VALUES = ["", "a", "A", "b", "\u00e9", "e\u0301"]
NAMES = ["ada", "Bob", "carl", "dora", "\u00c9ve"]
CHANGE = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(VALUES) for name in FIELDS if name != "username"},
        "names": st.lists(st.sampled_from(["g", "G", "h", "i"]), unique=True),
        "active": st.just(False),
        "managed_by": st.just(SOURCE),
        "state": st.sampled_from(["active", "inactive", "missing"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    changes=st.dictionaries(st.integers(0, 3), CHANGE, max_size=4),
    renamed=st.permutations(NAMES),
    flipped=st.booleans(),
    some=st.sets(st.sampled_from(VALUES), min_size=1),
)
def test_settling_changes_nothing_of_what_is_seen(url, changes, renamed, flipped, some):
    """However people are changed and renamed, each question has the same answer before and after."""
    with database.connect(url).begin() as connection:
        for table in ("users", "links", "arriving"):
            connection.execute(text(f"DELETE FROM saml_wsgi_{table}"))
        connection.execute(text("UPDATE saml_wsgi_sync SET generation = 0"))
    directory, links, bringing = SQLDirectory(url), SQLLinks(url), Bringing(url)
    people = [
        directory.create(Profile(username=name, email="a", groups=("g", "k")), managed_by=SOURCE)
        for name in NAMES[:4]
    ]
    for number, user in enumerate(people):
        bringing.pinned(user.id, f"uid:{number}")
    # All who are there get another one's name, or their own in another form; the fifth name is new.
    for number, user in enumerate(people):
        bringing.change(user.id, username=renamed[number], **changes.get(number, {}))
    bringing.new("n1", "new", names=["k"])

    def answers():
        return [
            [directory.get(user.id) for user in people],
            directory.everybody(),
            *(sorted(map(repr, directory.find(name, value))) for name in FIELDS for value in (*some, *NAMES)),
            directory.known_groups(["g", "h", "I", "k", "x"]),
            [links.standing(SOURCE, user.id) for user in people],
            links.listed(),
        ]

    if flipped:
        bringing.flip()
    before = answers()
    if flipped:
        assert [user.username for user in before[0]] == list(renamed[:4])
        bringing.settle()
        assert bringing.waiting() == {}
    else:
        assert before[0] == people
    assert answers() == before


@pytest.mark.parametrize("field", ["username", "email", "employee_id"])
def test_whoever_arrives_is_matched_by_an_index(url, field):
    """Neither the users nor what is arriving is read as a whole to identify somebody."""
    asked = FIND[field].params(wanted="x").compile(compile_kwargs={"literal_binds": True})
    with database.reading(database.connect(url)).connect() as connection:
        plan = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}"))]
    assert not any(step.startswith("SCAN") for step in plan), plan


def test_what_arrives_is_kept_in_the_same_form():
    """What is laid over a user's values has columns of the same name and type."""
    for name in (*FIELDS, "username_key", "email_key", "active", "managed_by"):
        assert repr(arriving.c[name].type) == repr(users.c[name].type)
