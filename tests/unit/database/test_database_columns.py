"""What a column can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.database.tables import holds, metadata, tags, users


@pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "a\udfff"])
def test_text_that_no_database_takes(text):
    """NUL and halves of surrogate pairs can't be kept."""
    assert not holds(users.c.username, text)


def test_the_limit_is_in_bytes():
    """A column of 1,024 holds as many bytes of UTF-8, and not one more."""
    assert holds(users.c.username, "x" * 1024)
    assert not holds(users.c.username, "x" * 1025)
    assert holds(users.c.username, "\U0001f511" * 256)
    assert not holds(users.c.username, "\U0001f511" * 257)


def test_the_limit_of_a_foreign_key():
    """A column that refers to another one has that one's limit."""
    assert holds(tags.c.key, "x" * 200)
    assert not holds(tags.c.key, "x" * 201)


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_what_is_held_can_be_encoded(text):
    """Whatever is said to fit is valid UTF-8 without NUL, within the limit."""
    if holds(users.c.username, text):
        encoded = text.encode()
        assert b"\0" not in encoded
        assert len(encoded) <= 1024


#: What we wrote ourselves, and no index has.
UNBOUNDED = {"saml_wsgi_sync_sources.cursor", "saml_wsgi_sync_runs.report", "saml_wsgi_arriving.groups"}


def test_every_text_column_is_bounded():
    """No table has text of unlimited length, but where a synchronisation writes its own account."""
    unbounded = {
        str(column)
        for table in metadata.tables.values()
        for column in table.c
        if column.type.python_type is str and not column.type.length
    }
    assert unbounded == UNBOUNDED
    assert not any(
        str(column) in UNBOUNDED
        for table in metadata.tables.values()
        for index in table.indexes
        for column in index.columns
    )


def test_every_index_fits_postgresql():
    """The columns of every key and index are together below 2,600 bytes a row."""
    for table in metadata.tables.values():
        keys = [table.primary_key.columns, *(index.columns for index in table.indexes)]
        keys += [constraint.columns for constraint in table.constraints if hasattr(constraint, "columns")]
        for key in keys:
            assert sum(getattr(column.type, "length", 8) or 8 for column in key) < 2600
