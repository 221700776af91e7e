"""The options of the source ``ldap``: every problem at once, and no weak connection by accident."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saml_wsgi import factories
from saml_wsgi.directories.ldap.servers import is_loopback
from saml_wsgi.errors import ConfigurationError
from saml_wsgi.factories import SOURCE
from saml_wsgi.interfaces import Population
from saml_wsgi.resolvers.context import SourceContext


def _wrong(make, **options):
    with pytest.raises(ConfigurationError) as error:
        make(**options)
    assert all(problem.reason and problem.cure for problem in error.value.problems)
    return [problem.key.removeprefix("source.corp.") for problem in error.value.problems]


def test_all_problems_at_once(make):
    """Each option that is wrong is told, under its own key, with a cure."""
    assert _wrong(
        make,
        preset="novell",
        servers=("ldap.example.test", "ldaps://u:p@x"),
        base="people",
        bind_dn="",
        password="",
        filter="(uid=",
        find_by=("phone",),
        email=("not an attribute",),
        groups="all",
        group_name="(",
        state=("sleepy",),
        inactive_when=("x",),
        unknown="maybe",
        org_id="x",
        connections=-1,
        key="no key",
        page_size=0,
        read_timeout=timedelta(0),
    ) == [
        "preset", "org_id", "base", "bind_dn", "password", "servers", "servers", "read_timeout", "page_size",
        "connections", "email", "groups", "group_name", "filter", "find_by", "state", "inactive_when",
        "unknown", "key",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"servers": ("ldap://ldap.example.test",)}, ["servers"]),
        ({"servers": ("ldap://ldap.example.test",), "allow_plaintext": True}, []),
        ({"servers": ("ldap://ldap.example.test",), "starttls": True}, []),
        ({"servers": ("ldap://127.0.0.1:3890",)}, []),
        ({"servers": ("ldap://localhost.example.test",)}, ["servers"]),
        ({"allow_plaintext": True}, ["allow_plaintext"]),
        ({"starttls": True}, ["starttls"]),
        ({"servers": ("ldap://127.0.0.1",), "allow_unverified_tls": True}, ["allow_unverified_tls"]),
        ({"ca_file": "/nowhere/ca.pem"}, ["ca_file"]),
        ({"ca_file": __file__}, ["ca_file"]),
        ({"anonymous": True}, ["bind_dn", "password"]),
        ({"anonymous": True, "bind_dn": None, "password": None}, []),
        ({"password": None}, ["password"]),
        ({"preset": "jumpcloud", "base": None}, ["org_id"]),
        ({"preset": "jumpcloud", "org_id": "o=x,dc=evil", "base": None}, ["org_id"]),
        ({"nested": True, "groups": "memberOf"}, ["nested"]),
        ({"username": ("none",), "find_by": ("username",)}, ["find_by"]),
        ({"servers": ("ldaps://a.test", "ldaps://A.test:636")}, ["servers"]),
        ({"servers": tuple(f"ldaps://h{n}.test" for n in range(9))}, ["servers"]),
        ({"servers": ("ldaps://h.test:0",)}, ["servers"]),
        ({"servers": ("ldaps://h.test:99999",)}, ["servers"]),
    ],
)
def test_what_starts(make, options, keys):
    """Plaintext and unverified TLS need a switch each; a switch that would do nothing is told."""
    if keys:
        assert _wrong(make, **options) == keys
    else:
        make(**options)


@pytest.mark.parametrize(
    ("options", "key", "fields"),
    [
        ({}, "entryUUID", 6),
        ({"preset": "active_directory"}, "objectGUID", 6),
        ({"preset": "jumpcloud", "org_id": "0" * 24, "base": None}, "uid", 6),
        ({"key": "OBJECTGUID", "employee_id": ("none",)}, "objectGUID", 5),
        ({"key": "staffNumber"}, "staffnumber", 6),
    ],
)
def test_what_is_synchronised(make, options, key, fields):
    """Each preset has its key, kept in one spelling; a field that no attribute has isn't spoken of."""
    source = make(**options)
    assert (source.people.key, len(source.fields)) == (key, fields)
    assert isinstance(source, Population)


def test_certificates_are_checked(make):
    """Certificate and host name are verified unless the operator asks for the contrary in so many words."""
    context = make().client.access.context
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
    context = make(allow_unverified_tls=True).client.access.context
    assert (context.check_hostname, context.verify_mode.name) == (False, "CERT_NONE")


def test_the_password_is_a_reference(monkeypatch, tmp_path):
    """It may stand in the environment or in a file, and is shown nowhere."""
    options = {
        "preset": "openldap",
        "servers": "ldaps://ldap.example.test",
        "base": "dc=test",
        "bind_dn": "cn=r,dc=test",
    }
    monkeypatch.setenv("LDAP_PASSWORD", "hunter22")
    (tmp_path / "password").write_text("hunter22\n")
    for written in ("env:LDAP_PASSWORD", f"file:{tmp_path}/password", "hunter22"):
        made = factories.make(SOURCE, "ldap", options | {"password": written}, SourceContext("corp"))
        assert made.client.access.password == "hunter22"
        assert "hunter22" not in repr(made.client.access)
    with pytest.raises(ConfigurationError, match=r"source\.corp\.password"):
        factories.make(SOURCE, "ldap", options | {"password": "env:NOT_THERE"}, SourceContext("corp"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("localhost.x", False)],
)
def test_the_loopback(host, expected):
    """What never leaves this machine."""
    assert is_loopback(host) is expected
