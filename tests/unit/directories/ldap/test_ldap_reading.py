"""Reading a whole directory: everything comes, or an error does; whatever a server does in between."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.connection import Lost, WrongPassword
from saml_wsgi.directories.ldap.requests import Control
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.errors import SourceUnavailable
from tests.unit.directories.ldap.paging import (
    END,
    Asked,
    Pages,
    Paging,
    cookie,
    entry,
    reference,
    result,
    tlv,
)

EVERYBODY = ("dc=test", "SUBTREE", "(objectClass=*)", ["uid"])


@pytest.fixture
def reading():
    """Reads everybody from a server that answers so: the names, in order; how many came at once is kept."""
    with contextlib.ExitStack() as ending:

        def read(answer, *, size=3, controls=(), **options):
            server = ending.enter_context(Paging(answer))
            client = ending.enter_context(contextlib.closing(_client(server, **options)))
            reader = ending.enter_context(client.reading())
            pages = reader.pages(*EVERYBODY, size=size, page_timeout=0.5, controls=controls)
            read.server, read.portions = server, []
            names = []
            for page in pages:
                read.portions.append(len(page))
                names += [found.dn.removesuffix(",dc=test") for found in page]
            return names

        yield read


def _client(*servers, ignore_references=False, timeout=5.0):
    places = tuple(Server(server.address, server.port, "none") for server in servers)
    access = Access(places, None, "cn=reader,dc=test", "reader-demo", timeout=timeout)
    return Client(access, ignore_references=ignore_references)


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


def test_searches_with_limits():
    """A search ends where enough was found, be the limit the server's or ours; below it, it has to be whole."""
    people = [entry(f"uid=u{i}", uid=b"u") for i in range(2)]
    with (
        Paging(Pages(5000)) as server,
        contextlib.closing(_client(server)) as client,
        client.reading() as reader,
    ):
        assert len(reader.search(*EVERYBODY, most=600)) == 1000
        assert len(server.asked) == 2
        server.answer = lambda asked: [*people, result(4)]
        assert len(reader.search(*EVERYBODY, most=1)) == 2
        with pytest.raises(SourceUnavailable, match="sizeLimitExceeded"):
            reader.search(*EVERYBODY, most=2)
        server.answer = lambda asked: [result(53)] if asked.page else [*people, result(0)]
        assert len(reader.search(*EVERYBODY, most=600)) == 2
        server.answer = lambda asked: [result(32)]
        with pytest.raises(SourceUnavailable, match="has no 'dc=test'") as caught:
            reader.search(*EVERYBODY, most=1)
        assert not isinstance(caught.value, Lost)
        server.answer = lambda asked: [result(51)]
        with pytest.raises(Lost, match="busy"):
            reader.search(*EVERYBODY, most=1)


def test_one_question_at_a_time():
    """A connection on which an answer is under way isn't asked anything else, and isn't kept."""
    with Paging(Pages(9)) as server, contextlib.closing(_client(server)) as client:
        connection = client.connected(client.access.servers[0], time.monotonic() + 5)
        assert not connection.is_stale
        pages = connection.pages(*EVERYBODY, size=3, page_timeout=5)
        next(pages)
        assert connection.is_stale
        with pytest.raises(RuntimeError):
            connection.search(*EVERYBODY, most=1, until=time.monotonic() + 5)
        assert sum(map(len, pages)) == 6
        assert not connection.is_stale
        connection.close()


def test_other_questions_meanwhile():
    """Searches, and other pages, between two pages go over connections of their own to the same server."""
    with (
        Paging(Pages(7)) as server,
        contextlib.closing(_client(server)) as client,
        client.reading() as reader,
    ):
        seen = []
        for page in reader.pages(*EVERYBODY, size=3, page_timeout=5):
            seen += [found.dn for found in page]
            assert reader.search(*EVERYBODY, most=10)
            assert sum(map(len, reader.pages(*EVERYBODY, size=2, page_timeout=5))) == 7
        assert len(seen) == 7
        assert server.connections == 2
        assert str(reader.server) == f"ldap://{server.address}:{server.port}"


def test_who_stops_to_listen():
    """The rest of an answer that nobody waited for is no answer to the next question."""
    with (
        Paging(Pages(9)) as server,
        contextlib.closing(_client(server)) as client,
        client.reading() as reader,
    ):
        pages = reader.pages(*EVERYBODY, size=3, page_timeout=5)
        next(pages)
        pages.close()
        assert len(reader.search(*EVERYBODY, most=20)) == 9
        assert server.connections == 2


def test_one_server_for_all():
    """A reading begins at the first server that answers, and ends with it: no other one goes on."""
    gone = Paging(Pages(3), address="127.31.0.3")
    with gone:
        pass
    lost = Pages(9, on_page={2: lambda said: said[:1]})
    with (
        Paging(lost) as first,
        Paging(Pages(9), address="127.31.0.4") as second,
        contextlib.closing(_client(gone, first, second)) as client,
    ):
        with client.reading() as reader, pytest.raises(Lost):
            list(reader.pages(*EVERYBODY, size=3, page_timeout=5))
        assert not second.asked
        # The next reading begins at one that hasn't failed.
        with client.reading() as reader:
            assert sum(map(len, reader.pages(*EVERYBODY, size=3, page_timeout=5))) == 9
        assert second.asked


def test_one_address_for_all(monkeypatch):
    """One name may stand for several servers: all connections of a reading go to the one that was met."""
    with Paging(Pages(7)) as met, Paging(Pages(9), "127.31.0.4", met.port) as other:
        addresses = [met.address]

        def resolved(host, port, *_):
            address = host if host.startswith("127.") else addresses[-1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        access = Access((Server("dc.example.test", met.port, "none"),), None, "cn=r", "reader-demo")
        with contextlib.closing(Client(access)) as client, client.reading() as reader:
            addresses.append(other.address)
            for _ in reader.pages(*EVERYBODY, size=3, page_timeout=5):
                assert len(reader.search(*EVERYBODY, most=20)) == 7
        assert met.connections == 2
        assert not other.connections


def test_a_search_whose_connection_ended():
    """A connection that the server ended is replaced by another one to the same server; a new one isn't."""
    ending = {1}

    def answer(asked):
        return [*Pages(2)(asked), END] if asked.connection in ending else Pages(2)(asked)

    with Paging(answer) as server, contextlib.closing(_client(server)) as client, client.reading() as reader:
        for _ in range(3):
            assert len(reader.search(*EVERYBODY, most=5)) == 2
        assert server.connections == 2
        server.answer = lambda asked: []
        with pytest.raises(Lost):
            reader.search(*EVERYBODY, most=5)
        assert server.connections == 3


def test_who_may_not_read():
    """A refused password ends a reading before it begins, and isn't tried again at once."""
    with Paging(Pages(3), bind_code=49) as server, contextlib.closing(_client(server)) as client:
        for _ in range(3):
            with pytest.raises(WrongPassword), client.reading():
                pass
        assert server.connections == 1
