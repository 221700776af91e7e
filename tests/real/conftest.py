"""Meetings with servers and a browser that nobody in this project wrote.

A test names whom it meets (``@pytest.mark.real("chromium")``). Where that isn't installed the test is
skipped and says what to install; with ``SAML_WSGI_REQUIRE_REAL=1`` it fails instead, so that a build
machine can't pass by having nothing to meet.
"""

from __future__ import annotations

import functools
import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.directories.ldap.source import LDAPSource
from saml_wsgi.resolvers.context import SourceContext
from tests.real import chromium, openldap, postgresql, pysaml2, samba, simplesamlphp
from tests.real.chromium import Chromium
from tests.real.postgresql import Postgresql
from tests.real.pysaml2 import Pysaml2
from tests.real.samba import Samba
from tests.real.service import Service
from tests.real.serving import ADDRESSES, PYSAML2, SERVICE, SIMPLESAMLPHP, Server
from tests.real.simplesamlphp import SimpleSAMLphp
from tests.real.tls import Authority

_MISSING = {
    "chromium": functools.cache(chromium.missing),
    "openldap": functools.cache(openldap.missing),
    "postgresql": functools.cache(postgresql.missing),
    "pysaml2": functools.cache(pysaml2.missing),
    "samba": functools.cache(samba.missing),
    "simplesamlphp": functools.cache(simplesamlphp.missing),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("real"):
        for what in mark.args:
            if what == "samba" and os.geteuid() != 0:
                # Nothing that could be installed: its ports are fixed, and below 1024.
                pytest.skip("Samba needs root for ports 389 and 636")
            if missing := _MISSING[what]():
                reason = f"{what} isn't installed: {missing}"
                if os.environ.get("SAML_WSGI_REQUIRE_REAL") == "1":
                    pytest.fail(f"{reason} (SAML_WSGI_REQUIRE_REAL=1)", pytrace=False)
                pytest.skip(reason)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority(*ADDRESSES)


@pytest.fixture
def bind(authority: Authority) -> Iterator[Callable[..., Server]]:
    """Bind a server to an address of 127/8, with TLS or without; all that were bound are stopped."""
    servers: list[Server] = []

    def bind(address: str, *, tls: bool = True) -> Server:
        servers.append(Server(address, authority if tls else None))
        return servers[-1]

    yield bind
    for server in reversed(servers):
        server.stop()


@pytest.fixture(scope="session")
def simplesaml(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[SimpleSAMLphp]:
    idp = SimpleSAMLphp(tmp_path_factory.mktemp("simplesamlphp"), SIMPLESAMLPHP, authority)
    idp.start()
    yield idp
    idp.stop()


@pytest.fixture(scope="session")
def pysaml(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Pysaml2]:
    idp = Pysaml2(tmp_path_factory.mktemp("pysaml2"), PYSAML2, authority)
    idp.start()
    yield idp
    idp.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgresql]:
    server = Postgresql()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres: Postgresql) -> str:
    """A database with the tables of saml_wsgi, and nothing else in it."""
    return postgres.prepared()


@pytest.fixture(scope="session")
def domain() -> Iterator[Samba]:
    """An Active Directory for the whole session; a test works in organisational units of its own."""
    found = samba.furnished()
    yield found
    found.remove()


@pytest.fixture
def unit(domain: Samba) -> Iterator[str]:
    """An organisational unit of the domain for people and groups of the test's own."""
    dn = domain.unit(f"OU={uuid.uuid4().hex[:12]},{samba.PEOPLE}")
    yield dn
    domain.clear(dn)


@pytest.fixture
def corp(domain: Samba, unit: str) -> Iterator[Callable[..., LDAPSource]]:
    """Makes the source of the people in that unit, asked by an ordinary account over TLS."""
    made: list[LDAPSource] = []

    def make(**options: Any) -> LDAPSource:
        usual: dict[str, Any] = {
            "preset": "active_directory",
            "servers": (domain.tls,),
            "ca_file": domain.ca,
            "base": unit,
            "bind_dn": samba.READER,
            "password": samba.PASSWORD,
        }
        made.append(factory(SourceContext("corp"), **(usual | options)))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


@pytest.fixture
def service(bind: Callable[..., Server], tmp_path: Path) -> Service:
    """Bound, not serving yet: the identity provider has to hear of it first."""
    return Service(bind(SERVICE), tmp_path)


@pytest.fixture
def browse(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., Chromium]]:
    """Start a Chromium with a fresh profile; every one that was started is ended."""
    numbers = itertools.count()
    browsers: list[Chromium] = []

    def browse(*, without_cookies: tuple[str, ...] = ()) -> Chromium:
        browser = Chromium(tmp_path / f"chromium-{next(numbers)}", authority, without_cookies)
        browsers.append(browser)
        browser.start()
        return browser

    yield browse
    for browser in browsers:
        browser.stop()
