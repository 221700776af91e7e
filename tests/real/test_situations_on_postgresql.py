"""The provisioning situations with users in a real PostgreSQL: in our tables, and in the application's."""

from __future__ import annotations

import threading
from wsgiref.validate import validator

import pytest
from sqlalchemy import NullPool, create_engine, text

from saml_wsgi import database
from tests.flow import test_situations_access as access
from tests.flow import test_situations_fields as fields
from tests.flow import test_situations_groups as groups
from tests.flow import test_situations_models as models
from tests.flow import test_situations_names as names
from tests.flow import test_situations_sources as sources
from tests.flow import test_situations_who as who
from tests.flow.conftest import wiki
from tests.flow.situations_of_own_tables import OwnTableStories
from tests.flow.situations_own_table import Story
from tests.flow.situations_people import MARA, MARA_HERE
from tests.flow.situations_posting import at_once, prepared
from tests.flow.situations_scene import Scene

pytestmark = pytest.mark.real("postgresql")

ROWS = (*sources.ROWS, *names.ROWS, *who.ROWS, *fields.ROWS, *groups.ROWS, *access.ROWS, *models.ROWS)


@pytest.fixture(scope="module")
def users_url(postgres):
    """One database for all situations: to make one takes longer than a situation."""
    url = postgres.prepared()
    yield url
    postgres.drop(url)


@pytest.fixture
def scene(saml_idp, saml_clock, tmp_path, users_url):
    """A scene whose users are in PostgreSQL; nobody is there yet."""
    with create_engine(users_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("TRUNCATE saml_wsgi_users, saml_wsgi_groups, saml_wsgi_links"))
    return Scene(saml_idp, saml_clock, tmp_path, validator(wiki), users_url)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_situations(scene, row):
    """Each situation has the same outcome as on SQLite, and nothing else is written."""
    scene.play(row)


@pytest.mark.parametrize("options", [{}, {"link.source": "off"}, {"match": "email"}], ids=str)
def test_first_sign_ins_at_once(scene, options):
    """Eight first sign-ins of one person at once: all get in, and there is one whole user."""
    scene.start(options)
    assert at_once(scene.app, [prepared(scene, MARA) for _ in range(8)]) == [("303 See Other", 1)] * 8
    (account,) = scene.picture().accounts.values()
    assert account in (MARA_HERE, MARA_HERE.but(subject=""))


def test_a_row_that_is_locked(scene):
    """Another transaction holds the user's row for too long: try again, and then it works, unrestarted."""
    scene.start({"directory.url": f"{scene.url}&options=-c%20statement_timeout%3D300"})
    scene.arrive(MARA)
    before = scene.picture()
    says = MARA.but(lastname="Berg", memberOf=("Sales",))
    with create_engine(scene.url, poolclass=NullPool).begin() as connection:
        connection.execute(text("SELECT * FROM saml_wsgi_users FOR UPDATE"))
        arrival = scene.arrive(says)
        assert (arrival.user, arrival.record.code) == (None, "directory_unavailable")
    assert scene.picture() == before
    assert scene.arrive(says).record.outcome == "updated"


def test_connections_that_were_cut(scene):
    """The server ends all connections: the next sign-in opens new ones."""
    scene.start()
    scene.arrive(MARA)
    with create_engine(scene.url, poolclass=NullPool).begin() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))
    assert scene.arrive(MARA).record.outcome == "unchanged"


def test_a_server_that_is_down(saml_idp, saml_clock, tmp_path):
    """The server stops and comes back: try again meanwhile, and then it works, unrestarted."""
    from tests.real.postgresql import Postgresql

    server = Postgresql()
    try:
        server.start()
        url = server.prepared()
        scene = Scene(saml_idp, saml_clock, tmp_path, validator(wiki), url)
        scene.start()
        server._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        arrival = scene.arrive(MARA)
        assert (arrival.user, arrival.page.status) == (None, 503)
        assert arrival.record.code == "directory_unavailable"
        server._run("pg_ctl", "--wait", f"--log={server.folder}/log", "start")
        assert scene.arrive(MARA).record.outcome == "created"
        database.disconnect(url)
    finally:
        server.stop()


class TestOwnTableOnPostgresql(OwnTableStories):
    @pytest.fixture
    def story(self, saml_idp, saml_clock, tmp_path, postgres):
        """The application's database, a new one for each story."""
        url = postgres.empty()
        yield Story(Scene(saml_idp, saml_clock, tmp_path, validator(wiki)), url)
        postgres.drop(url)

    def test_two_make_one_row(self, story):
        """Eight first sign-ins of one person at once make one row of the application's."""
        story.start()
        says = MARA.but(name_id="id-eva", username="eva")
        ready = [prepared(story.scene, says) for _ in range(8)]
        assert at_once(story.scene.app, ready) == [("303 See Other", 1)] * 8
        story.assert_added(login="eva", family="Lindqvist")

    def test_the_application_writes_meanwhile(self, story):
        """What the application writes to other columns at the same moment isn't lost."""
        story.start(resolver__jit__update_existing="yes")
        stop = threading.Event()
        count = [0]

        def write():
            while not stop.is_set():
                count[0] += 1
                story.own.run(f"UPDATE people SET phone = '{count[0]}' WHERE id = 1")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for name in ("One", "Two", "Three"):
                assert story.scene.arrive(MARA.but(lastname=name)).user is not None
        finally:
            stop.set()
            writer.join()
        row = story.own.rows()[0]
        assert (row["phone"], row["family"]) == (str(count[0]), "Three")
