"""Reading a whole directory: everything comes, or an error does; whatever a server does in between."""

from __future__ import annotations

import contextlib

import pytest

from saml_wsgi.directories.ldap.connection import Lost
from saml_wsgi.directories.ldap.requests import Control
from saml_wsgi.errors import SourceUnavailable
from tests.unit.directories.ldap.paging import (
    EVERYBODY,
    Asked,
    Pages,
    Paging,
    client_of,
    cookie,
    entry,
    reference,
    result,
    tlv,
)


@pytest.fixture
def reading():
    """Reads everybody from a server that answers so: the names, in order; how many came at once is kept."""
    with contextlib.ExitStack() as ending:

        def read(answer, *, size=3, controls=(), **options):
            server = ending.enter_context(Paging(answer))
            client = ending.enter_context(contextlib.closing(client_of(server, **options)))
            reader = ending.enter_context(client.reading())
            pages = reader.pages(*EVERYBODY, size=size, page_timeout=0.5, controls=controls)
            read.server, read.portions = server, []
            names = []
            for page in pages:
                read.portions.append(len(page))
                names += [found.dn.removesuffix(",dc=test") for found in page]
            return names

        yield read


def _names(count):
    return [f"uid=u{i}" for i in range(count)]


@pytest.mark.parametrize("steady", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7, 50])
def test_pages_until_the_last(reading, count, steady):
    """Everybody comes once, page by page, also where the cookie is always the same one."""
    assert reading(Pages(count, steady=steady)) == _names(count)
    assert all(1 <= portion <= 3 for portion in reading.portions)
    assert [asked.page[0] for asked in reading.server.asked] == [3] * max(1, -(-count // 3))
    assert reading.server.connections == 1


def test_a_server_that_has_smaller_pages(reading):
    """A page has as many as the server likes (MaxPageSize): that it is short doesn't end anything."""
    assert reading(Pages(25, largest=10), size=1000) == _names(25)
    assert reading.portions == [10, 10, 5]


@pytest.mark.parametrize("code", [1, 3, 4, 10, 11, 32, 50, 51, 52, 80])
@pytest.mark.parametrize("page", [1, 2, 4])
def test_any_other_result_than_success(reading, code, page):
    """A limit, a refusal, a referral at any page: never that the rest isn't there."""
    with pytest.raises(SourceUnavailable, match=r"in part|answers: |has no "):
        reading(Pages(12, on_page={page: lambda said: [*said[:-1], result(code)]}))


def test_the_limit_of_a_server(reading):
    """A cap, as JumpCloud has one at 10,000: those who came are counted in the error."""

    def capped(asked):
        people = [entry(f"uid=u{i}", uid=b"u") for i in range(10_000)]
        return [*people, result(4)]

    with pytest.raises(SourceUnavailable, match=r"sizeLimitExceeded \(4\), after 10000 entries"):
        reading(capped, size=500)


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("ending", [0, 1, 3])
def test_a_connection_that_breaks(reading, page, ending):
    """Wherever the connection ends, what came before isn't everything; no other server goes on."""
    with pytest.raises(Lost, match="hung up"):
        reading(Pages(12, on_page={page: lambda said: said[:ending]}))
    assert reading.server.connections == 1


@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_server_that_is_slow(reading, page):
    """Waiting for a page ends at its time."""
    with pytest.raises(Lost, match=r"in time|timed out"):
        reading(Pages(12, on_page={page: lambda said: [*said[:2], None]}))


@pytest.mark.parametrize("code", [12, 53])
def test_paging_that_is_refused(reading, code):
    """A server without pages is asked for everything at once; its limits still count."""

    def answer(asked):
        return [result(code)] if asked.page else Pages(7)(asked)

    assert reading(answer) == _names(7)
    assert [asked.page for asked in reading.server.asked] == [(3, b""), None]
    with pytest.raises(SourceUnavailable, match=r"in part: sizeLimitExceeded"):
        reading(lambda asked: [result(code)] if asked.page else [*Pages(7)(asked)[:-1], result(4)])
    with pytest.raises(SourceUnavailable, match="in part"):
        reading(lambda asked: [result(code)])


def test_refused_in_the_middle(reading):
    """What refuses a later page doesn't begin anew."""
    with pytest.raises(SourceUnavailable, match="in part"):
        reading(Pages(12, on_page={2: lambda said: [result(53)]}))
    assert len(reading.server.asked) == 2


def test_paging_that_is_ignored(reading):
    """A server that knows no pages says everything; one that forgets them in the middle isn't believed."""
    assert reading(lambda asked: [*Pages(7)(asked)[:-1], result(0)], size=1000) == _names(7)
    with pytest.raises(SourceUnavailable, match="whether there are more pages"):
        reading(Pages(12, on_page={3: lambda said: [*said[:-1], result(0)]}))


@pytest.mark.parametrize("value", [b"", b"\x30", b"\x30\x03\x02\x01\x00", b"\x30\x80\x02\x01\x00\x04\x00"])
def test_a_cookie_that_cannot_be_read(reading, value):
    """Whether there are more pages has to be said so that it can be read."""
    control = tlv(0xA0, tlv(0x30, tlv(4, b"1.2.840.113556.1.4.319") + tlv(4, value)))
    with pytest.raises(Lost):
        reading(Pages(4, on_page={2: lambda said: [*said[:-1], (result(0), control)]}))


def test_pages_that_do_not_end(reading):
    """A server that begins anew, or has nothing but empty pages, isn't followed for ever."""

    def anew(asked):
        return [*Pages(3)(Asked(1, "", None, ()))[:-1], (result(0), cookie(b"more"))]

    with pytest.raises(SourceUnavailable, match="again and again"):
        reading(anew)
    assert len(reading.server.asked) <= 3
    with pytest.raises(SourceUnavailable, match="empty pages"):
        reading(lambda asked: [(result(0), cookie(b"more"))])


def test_pages_in_a_circle_of_another_length(reading):
    """Going round in circles is noticed wherever the pages begin."""
    state = iter(range(10**6))

    def circle(asked):
        people = [f"uid=u{next(state) % 7}" for _ in range(3)]
        return [*(entry(dn, uid=b"u") for dn in people), (result(0), cookie(b"more"))]

    with pytest.raises(SourceUnavailable, match="again and again"):
        reading(circle)


def test_empty_pages_in_between(reading):
    """A page may have nobody, and others follow (RFC 2696, 3)."""
    pages = Pages(4)

    def answer(asked):
        if asked.page[1] == b"on":
            return pages(Asked(asked.connection, asked.base, (3, b""), ()))
        return pages(asked) if asked.page[1] else [(result(0), cookie(b"on"))]

    assert reading(answer) == _names(4)


def test_more_is_elsewhere_in_a_reading(reading):
    """A reference at any page is more that nobody asked, unless it has no people, or the operator says so."""
    other = Pages(7, on_page={2: lambda said: [reference("ldap://b.test/dc=b"), *said]})
    with pytest.raises(SourceUnavailable, match="more is at"):
        reading(other)
    assert reading(other, ignore_references=True) == _names(7)
    own = Pages(7, on_page={3: lambda said: [reference("ldap://x/CN=Configuration,DC=corp,DC=test"), *said]})
    assert reading(own) == _names(7)


@pytest.mark.parametrize(
    "said",
    [
        tlv(0x79, b""),
        tlv(0x79, tlv(4, b"ldap://b.test")),
        tlv(0x6B, b""),
        result(0, 0x61),
        tlv(0x64, tlv(4, b"uid=u")),
        b"\x64\x05\x04\x09",
    ],
)
def test_answers_that_are_none(reading, said):
    """What isn't an answer to a search ends the reading."""
    with pytest.raises(Lost):
        reading(Pages(12, on_page={2: lambda told: [told[0], said, *told[1:]]}))


def test_controls_of_the_caller(reading):
    """They come with each page, also where there turn out to be none."""
    deleted = Control("1.2.840.113556.1.4.417", critical=True)
    reading(Pages(4), controls=(deleted,))
    assert [asked.controls[0] for asked in reading.server.asked] == [deleted[:2]] * 2
    reading(lambda asked: [result(12)] if asked.page else [result(0)], controls=(deleted,))
    assert reading.server.asked[-1].controls == (deleted[:2],)


def test_large_pages_in_portions(reading):
    """A page of large groups is handed on as it comes: its size isn't the memory's."""
    big = b"x" * 1_500_000

    def answer(asked):
        return [*(entry(f"cn=g{i}", member=big) for i in range(8)), (result(0), cookie(b""))]

    assert len(reading(answer, size=500)) == 8
    assert reading.portions == [3, 3, 2]
