"""What release 0.1 left behind, and what must be true of it after an upgrade, on every database."""

from pathlib import Path

from sqlalchemy import inspect, text

from saml_wsgi import database
from saml_wsgi.directories.links import SQLLinks
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import Changes, User
from saml_wsgi.stores.sql import SQLStore
from saml_wsgi.testing.clock import FakeClock

HERE = Path(__file__).parent
ADA = User(
    id="3ea5a25218d94dfb8ea48528b0acef66",
    username="Ada",
    email="Ada@Example.com",
    first_name="Ada",
    last_name="Lovelace",
    display_name="Ada Lovelace",
    groups=("Analysts", "B\u00fcro K\u00f6ln", "staff"),
    managed_by="jit:jumpcloud",
)
GRACE = User(id="2fb94c799c28408f9c77deb641c549ff", username="grace", groups=("Staff",), active=False)


def content():
    """The rows of :file:`version_1.sql`, statement by statement."""
    lines = (HERE / "version_1.sql").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("INSERT")]


def schema(url):
    """Tables with their columns, keys and indices, as far as they can be compared."""
    found = {}
    with database.reading(database.connect(url)).connect() as connection:
        inspector = inspect(connection)
        for table in inspector.get_table_names():
            columns = {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            }
            indices = sorted(
                (index["name"], tuple(index["column_names"]), bool(index["unique"]))
                for index in inspector.get_indexes(table)
            )
            keys = inspector.get_pk_constraint(table)["constrained_columns"]
            foreign = [
                (key["constrained_columns"], key["referred_table"], key["options"])
                for key in inspector.get_foreign_keys(table)
            ]
            found[table] = (columns, indices, keys, foreign)
    return found


def check_people(url):
    """Everybody is who they were, and what is new works for them."""
    directory, links = SQLDirectory(url), SQLLinks(url)
    assert directory.get(ADA.id) == ADA
    assert list(directory.find("username", "GRACE")) == [GRACE]
    assert [(entry.user, entry.created) for entry in directory.everybody()] == [
        (GRACE, 1_700_000_000),
        (ADA, 1_700_000_000),
    ]
    assert links.follow("jumpcloud", "NameID:s-1") == ADA.id
    assert directory.get(ADA.id).seen > 1_700_000_000  # nobody noted it, so it counts from the upgrade on
    asked = ["ANALYSTS", "bu\u0308ro k\u00f6ln", "staff", "strangers"]
    assert directory.known_groups(asked) == frozenset(asked[:3])
    directory.saw(ADA.id, 4_000_000_000)
    assert directory.get(ADA.id).seen == 4_000_000_000
    numbered = directory.update(ADA, Changes({"employee_id": "17"}))
    assert list(directory.find("employee_id", "17")) == [numbered]
    store = SQLStore(url, clock=FakeClock(time=1_700_000_001))
    assert store.get("session:1") == b"\x00\xffvalue"
    assert list(store.tagged("user:ada")) == ["session:1"]


def version(url):
    with database.reading(database.connect(url)).connect() as connection:
        return connection.execute(text("SELECT version FROM saml_wsgi_schema")).scalar()
