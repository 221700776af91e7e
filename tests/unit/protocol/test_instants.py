"""Times as SAML writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.protocol import instants


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:00.123456789Z", 0.123456789),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T22:30:00-01:30", 0),
        (" \n2026-11-23T12:00:00Z\t", 1795435200),
        ("2026-11-23T12:00:00", None),
        ("2026-11-23 12:00:00Z", None),
        ("2026-11-23t12:00:00z", None),
        ("2026-11-23", None),
        ("20261123T120000Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-23T24:00:01Z", None),
        ("2026-11-23T12:00:00.Z", None),
        ("2026-11-23T12:00:00.1234567890Z", None),
        ("-2026-11-23T12:00:00Z", None),
        ("12026-11-23T12:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("2026-11-23T12:00:00+99:00", None),
        ("2026-11-23T12:00:00Z\0", None),
        ("２０２６-11-23T12:00:00Z", None),
        ("", None),
    ],
)
def test_instants(text, seconds):
    """An instant has a date, a time and a time zone, or it is none."""
    assert instants.read(text) == seconds


@given(st.text(max_size=40))
def test_any_text(text):
    """No text raises anything."""
    instants.read(text)


@given(st.integers(0, 4_000_000_000))
def test_what_is_written_is_read(seconds):
    """What we write comes back, to the second."""
    assert instants.read(instants.write(seconds)) == seconds
    assert instants.write(seconds + 0.9) == instants.write(seconds)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z"]
)
def test_the_ends_of_the_calendar(text):
    """What can't be written again as a time in UTC is no time that anybody means."""
    assert instants.read(text) is None
