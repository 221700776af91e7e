"""Reading a whole directory, and finding one person in it: a real OpenLDAP, and the libraries that ask it.

The goals: a reading takes at most 0.17 of what ldap3's own paged search takes, and less than python-ldap
with its values decoded; a person is found on a pooled connection within 1.5 ms.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib.util import find_spec
from shutil import which
from typing import Any, Final

import ldap3

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.directories.ldap.source import LDAPSource
from saml_wsgi.resolvers.context import SourceContext
from tests.benchmarks.elsewhere import Elsewhere, elsewhere
from tests.benchmarks.harness import Benchmark, Case, Missing
from tests.real import openldap
from tests.real.openldap import BASE, GROUPS, PASSWORD, PEOPLE, READER, OpenLDAP

_COUNT: Final = 10_000
_PAGE: Final = 500
_PERSON: Final = "(objectClass=inetOrgPerson)"
_ATTRIBUTES: Final = (
    *("uid", "cn", "sn", "givenName", "displayName", "mail"),
    *("employeeNumber", "title", "telephoneNumber", "memberOf"),
)
_READ: Final = "ldap3 paged_search, on an open connection"
_FOUND: Final = "ldap3 search, on an open connection"
#: Debian's packages belong to Debian's Python, whose version needs not be ours.
_SYSTEM: Final = "/usr/bin/python3"
#: A Python that has what this one hasn't got, for whoever wants to compare with it.
_OTHER: Final = os.environ.get("BENCHMARK_PYTHON", _SYSTEM)


def benchmarks() -> Iterator[Benchmark]:
    reading, finding = f"ldap, {_COUNT:,} people x {len(_ATTRIBUTES)} attributes", "ldap, one person"
    lacking = openldap.missing() or ("" if find_spec("trustme") else "PyPI package trustme")
    if lacking:
        yield Benchmark(reading, _READ, (Missing(_READ, f"needs {lacking}"),))
        yield Benchmark(finding, _FOUND, (Missing(_FOUND, f"needs {lacking}"),))
        return
    with ExitStack() as ending:
        server = OpenLDAP(tree(_COUNT), "127.31.0.10")
        ending.callback(server.remove)
        server.start()
        found = source(server)
        ending.enter_context(closing(found.client))
        stock = ldap3.Connection(ldap3.Server(server.plain, get_info=ldap3.NONE), READER, PASSWORD)
        stock.bind()
        ending.callback(stock.unbind)
        cases = (
            Case(_READ, _all_read(lambda: _stock(stock)), note=f"ldap3 {ldap3.__version__}"),
            Case(
                "ours: a reading, with its connection",
                _all_read(lambda: read(found.client)),
                note="goal: a ratio of at most 0.17",
            ),
            *_peers(ending, server),
            _ldapsearch(server),
        )
        yield Benchmark(reading, _READ, cases)
        yield Benchmark(finding, _FOUND, tuple(_finding(found, stock)))


def tree(count: int) -> str:
    """A directory with so many people."""
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example",
        f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people",
        "\n".join(
            [
                f"dn: {READER}",
                "objectClass: organizationalRole",
                "objectClass: simpleSecurityObject",
                f"userPassword: {PASSWORD}",
            ]
        ),
        *map(_person, range(count)),
    ]
    return "\n\n".join(entries) + "\n"


def _person(number: int) -> str:
    uid = _uid(number)
    lines = [
        f"dn: uid={uid},{PEOPLE}",
        "objectClass: inetOrgPerson",
        f"uid: {uid}",
        f"cn: Mara Lindqvist {number}",
        "sn: Lindqvist",
        "givenName: Mara",
        f"displayName: Mara Lindqvist {number}",
        f"mail: {uid}@example.test",
        f"employeeNumber: E{number:07}",
        "title: Engineer",
        "telephoneNumber: +49 30 1234567",
        *(f"memberOf: cn=group number {(number + more) % 200:04},{GROUPS}" for more in range(3)),
    ]
    return "\n".join(lines)


def _uid(number: int) -> str:
    return f"user{number:07}"


def source(server: OpenLDAP) -> LDAPSource:
    """The source of that directory."""
    return factory(
        SourceContext("benchmark"),
        preset="openldap",
        servers=(server.plain,),
        base=PEOPLE,
        bind_dn=READER,
        password=PASSWORD,
        groups="memberOf",
        group_base=GROUPS,
    )


def _all_read(read: Callable[[], int]) -> Callable[[], None]:
    """AssertionError unless everybody came: who reads less is faster."""

    def run() -> None:
        found = read()
        if found != _COUNT:
            raise AssertionError(found)

    return run


def _stock(connection: Any) -> int:
    found = connection.extend.standard.paged_search(
        PEOPLE, _PERSON, attributes=_ATTRIBUTES, paged_size=_PAGE, generator=True
    )
    return sum(1 for _ in found)


def read(client: Client) -> int:
    """How many there are: everybody is read."""
    with client.reading() as reader:
        pages = reader.pages(PEOPLE, "SUBTREE", _PERSON, _ATTRIBUTES, size=_PAGE, page_timeout=60)
        return sum(map(len, pages))


def _peers(ending: ExitStack, server: OpenLDAP) -> Iterator[Elsewhere | Missing]:
    task = {
        "url": server.plain,
        "user": READER,
        "password": PASSWORD,
        "base": PEOPLE,
        "filter": _PERSON,
        "attributes": _ATTRIBUTES,
        "page": _PAGE,
        "count": _COUNT,
    }
    for name, what, module in (
        ("python-ldap, bytes", "python_ldap", "ldap"),
        ("python-ldap, decoded", "python_ldap_decoded", "ldap"),
        ("bonsai", "bonsai", "bonsai"),
    ):
        python = sys.executable if find_spec(module) else _OTHER
        yield ending.enter_context(elsewhere(name, what, python, os.environ, task))


def _ldapsearch(server: OpenLDAP) -> Case | Missing:
    name = "limit: ldapsearch, its output thrown away"
    program = which("ldapsearch")
    if program is None:
        return Missing(name, "needs Debian package ldap-utils")
    command = [
        *(program, "-x", "-LLL", "-H", server.plain, "-D", READER, "-w", PASSWORD),
        *("-b", PEOPLE, "-E", f"pr={_PAGE}/noprompt", _PERSON, *_ATTRIBUTES),
    ]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    if said.count(b"dn: ") != _COUNT:
        raise AssertionError(said[:1000])
    return Case(name, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def _finding(asked: LDAPSource, stock: Any) -> Iterator[Case]:
    """One person, another one each time."""
    numbers = itertools.cycle(range(0, _COUNT, 7))

    def fresh() -> str:
        return _uid(next(numbers))

    def by_stock(uid: str) -> None:
        stock.search(PEOPLE, f"(&{_PERSON}(uid={uid}))", attributes=_ATTRIBUTES, size_limit=2)
        (found,) = stock.response
        assert found["attributes"]["uid"] == [uid]

    def by_us(uid: str) -> None:
        with asked.client.look_up() as session:
            wanted = f"(&{_PERSON}(uid={uid}))"
            (found,) = session.search(PEOPLE, "SUBTREE", wanted, _ATTRIBUTES, most=1)
        assert found.texts("uid") == [uid]

    def by_source(uid: str) -> None:
        profile = asked.look_up({"username": uid})
        assert profile is not None
        assert profile.username == uid
        assert profile.groups is not None
        assert len(profile.groups) == 3

    yield Case(_FOUND, by_stock, fresh, note=f"ldap3 {ldap3.__version__}")
    yield Case("ours: the same search, on a pooled connection", by_us, fresh)
    yield Case(
        "ours: a whole look-up, with state and groups", by_source, fresh, note="goal: at most 1,500 us"
    )
