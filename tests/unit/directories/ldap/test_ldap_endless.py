"""Servers that have no end: memory stays flat while they talk."""

from __future__ import annotations

import contextlib
import itertools
import tracemalloc

import pytest

from saml_wsgi.errors import SourceUnavailable
from tests.unit.directories.ldap.paging import (
    EVERYBODY,
    Paging,
    client_of,
    cookie,
    entry,
    reference,
    result,
)

_MIB = 1024 * 1024


def _peak(read):
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_search_with_pages_without_end():
    """However many pages a look-up's answer has, all of them together have so many bytes at most."""
    numbers = itertools.count()

    def answer(asked):
        del asked
        return [entry(f"cn={next(numbers)}", cn=bytes(_MIB)), (result(0), cookie(b"more"))]

    with (
        Paging(answer) as server,
        contextlib.closing(client_of(server)) as client,
        client.reading() as reader,
        pytest.raises(SourceUnavailable, match="more bytes than any may have"),
    ):
        reader.search(*EVERYBODY, most=10_000)
    assert len(server.asked) <= 16  # over a connection that was kept, and over a new one


def test_references_without_end():
    """References beside the entries are looked at, not kept."""
    uri = "ldap://a.test/cn=configuration,dc=" + "x" * 900
    answer = [*([reference(uri)] * 2000), result(0)]
    with (
        Paging(lambda _: answer) as server,
        contextlib.closing(client_of(server)) as client,
        client.reading() as reader,
    ):

        def read():
            assert list(reader.pages(*EVERYBODY, size=3, page_timeout=60)) == []

        assert _peak(read) < _MIB


def test_pages_that_begin_with_long_names():
    """That no page comes again is known without keeping what the pages began with."""
    numbers = itertools.count(1)

    def answer(asked):
        del asked
        number = next(numbers)
        ends = result(0), cookie(b"" if number == 400 else b"more")
        return [entry(f"cn={number}" + "x" * 50_000, cn=b"a"), ends]

    with (
        Paging(answer) as server,
        contextlib.closing(client_of(server)) as client,
        client.reading() as reader,
    ):

        def read():
            count = sum(len(page) for page in reader.pages(*EVERYBODY, size=1, page_timeout=60))
            assert count == 400

        assert _peak(read) < 8 * _MIB
