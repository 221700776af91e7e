"""A session in the store: what was written comes back, and nothing that somebody else put there."""

from __future__ import annotations

import dataclasses
import json

import pytest

from saml_wsgi.model import Session, User
from saml_wsgi.session import record
from saml_wsgi.signing import Keys

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
KEYS = Keys(SECRET, context="wiki")

SESSION = Session(
    key="k1",
    user=User(
        "7", "mara", "mara@x.test", "Mara", "Ö", "由紀", "e-7", ("a", "b"), managed_by="jit:jc", seen=86_400
    ),
    attributes={"groups": ("x", "y"), "none": ()},
    idp="jc",
    name_id="mara",
    name_id_format="f",
    session_index="_s",
    created=1,
    expires=2,
    seen=3,
    checked=4,
    origins={"email": "saml:mail"},
    in_directory=False,
    lost=("c",),
)


def test_it_comes_back():
    """Every field comes back as it was, and nothing in it can be changed."""
    found = record.read(record.write(SESSION, KEYS), "k1", KEYS)
    assert found == SESSION
    assert found.user.seen == SESSION.user.seen  # which isn't compared
    assert isinstance(found.attributes["groups"], tuple)
    for mapping in (found.attributes, found.origins):
        with pytest.raises(TypeError):
            mapping["x"] = ()


def test_every_field_is_kept():
    """No field of a session or of its user is forgotten, whatever the model gets."""
    written = json.loads(record.write(SESSION, KEYS).partition(b".")[2])
    assert set(written) == {field.name for field in dataclasses.fields(Session)} | {"v"}
    # Who isn't active has no session.
    assert set(written["user"]) == {field.name for field in dataclasses.fields(User)} - {"active"}


def test_what_an_earlier_version_can_read():
    """A session whose user left no group is written as before there was anything to say of that."""
    plain = dataclasses.replace(SESSION, lost=())
    written = record.write(plain, KEYS)
    assert b"lost" not in written
    assert record.read(written, "k1", KEYS) == plain


def test_a_record_belongs_to_its_key():
    """A record that was moved to another session's place is nobody's."""
    assert record.read(record.write(SESSION, KEYS), "k2", KEYS) is None


@pytest.mark.parametrize("place", range(0, 500, 7))
def test_tampering(place):
    """Whatever byte was changed, it isn't ours any more."""
    sealed = bytearray(record.write(SESSION, KEYS))
    place %= len(sealed)
    if place == 42:
        place = 41  # the last character of the signature holds two bits that don't count
    sealed[place] ^= 1
    assert record.read(bytes(sealed), "k1", KEYS) is None


@pytest.mark.parametrize(
    "sealed", [b"", b".", b"{}", b"null", b"\xff\xfe", b"x.{}", json.dumps({"v": 1}).encode()]
)
def test_what_somebody_put_there(sealed):
    """What wasn't sealed by us is nobody's session, and raises nothing."""
    assert record.read(sealed, "k1", KEYS) is None


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_versions(version):
    """A record of another version isn't guessed at: the person signs in again."""
    data = json.loads(record.write(SESSION, KEYS).partition(b".")[2])
    data["v"] = version
    assert record.read(KEYS.seal("record", json.dumps(data).encode()), "k1", KEYS) is None


def test_other_keys_and_purposes():
    """A record of another service, another secret or sealed for another purpose is none."""
    sealed = record.write(SESSION, KEYS)
    assert record.read(sealed, "k1", Keys(SECRET, context="other")) is None
    assert record.read(sealed, "k1", Keys("another secret, as long as the first", context="wiki")) is None
    data = sealed.partition(b".")[2]
    assert record.read(KEYS.seal("session", data), "k1", KEYS) is None
    rotated = Keys("another secret, as long as the first", [SECRET], context="wiki")
    assert record.read(sealed, "k1", rotated) == SESSION


def test_nothing_that_signs_in():
    """Who reads the store can't sign in: the record doesn't hold what the browser does."""
    from saml_wsgi.signing import digest

    sealed = record.write(dataclasses.replace(SESSION, key=digest("the secret id")), KEYS)
    assert b"the secret id" not in sealed
