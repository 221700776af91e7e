"""A reading's questions: all to one server, over as many connections as that takes, and with limits."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.connection import Lost, WrongPassword
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.errors import SourceUnavailable
from tests.unit.directories.ldap.paging import END, EVERYBODY, Pages, Paging, client_of, entry, result


def test_searches_with_limits():
    """A search ends where enough was found, be the limit the server's or ours; else it is whole."""
    people = [entry(f"uid=u{i}", uid=b"u") for i in range(2)]
    with (
        Paging(Pages(5000)) as server,
        contextlib.closing(client_of(server)) as client,
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
    with Paging(Pages(9)) as server, contextlib.closing(client_of(server)) as client:
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
        contextlib.closing(client_of(server)) as client,
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
        contextlib.closing(client_of(server)) as client,
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
        contextlib.closing(client_of(gone, first, second)) as client,
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

    with (
        Paging(answer) as server,
        contextlib.closing(client_of(server)) as client,
        client.reading() as reader,
    ):
        for _ in range(3):
            assert len(reader.search(*EVERYBODY, most=5)) == 2
        assert server.connections == 2
        server.answer = lambda asked: []
        with pytest.raises(Lost):
            reader.search(*EVERYBODY, most=5)
        assert server.connections == 3


def test_who_may_not_read():
    """A refused password ends a reading before it begins, and isn't tried again at once."""
    with Paging(Pages(3), bind_code=49) as server, contextlib.closing(client_of(server)) as client:
        for _ in range(3):
            with pytest.raises(WrongPassword), client.reading():
                pass
        assert server.connections == 1
