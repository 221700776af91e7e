"""What a real OpenLDAP writes, read by the decoder and by ldap3: the same of every entry."""

from __future__ import annotations

import base64
import contextlib
from urllib.parse import urlsplit

import ldap3
import pytest

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.servers import Access, Server
from saml_wsgi.errors import SourceUnavailable
from tests.real.openldap import BASE, LIMITED, PASSWORD, READER, OpenLDAP, tree

pytestmark = pytest.mark.real("openldap")

EVERYTHING = (BASE, "SUBTREE", "(objectClass=*)", ["*", "+"])
PHOTO = bytes(range(256)) * 300


@pytest.fixture(scope="module")
def slapd():
    """A server whose people have photographs, too."""
    entries = tree().strip().split("\n\n")
    photo = "\n".join(
        [
            f"dn: cn=photo,{BASE}",
            "objectClass: inetOrgPerson",
            "cn: photo",
            "sn: Ünicode",
            "sn;lang-de: Photo",
            f"jpegPhoto:: {base64.b64encode(PHOTO).decode()}",
        ]
    )
    server = OpenLDAP("\n\n".join([*entries, photo]) + "\n")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def _reading(slapd, user):
    address = urlsplit(slapd.plain)
    access = Access((Server(address.hostname, address.port, "none"),), None, user, PASSWORD)
    with contextlib.closing(Client(access)) as client, client.reading() as reader:
        yield reader


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_every_entry_is_equal(slapd, size):
    """Names, binary values, options, operational attributes, in pages of any size, and in one search."""
    theirs = ldap3.Connection(ldap3.Server(slapd.plain, get_info=ldap3.NONE), READER, PASSWORD)
    theirs.bind()
    theirs.search(BASE, "(objectClass=*)", attributes=["*", "+"])
    expected = {
        item["dn"]: {name.lower(): tuple(values) for name, values in item["raw_attributes"].items()}
        for item in theirs.response
    }
    theirs.unbind()
    with _reading(slapd, READER) as reader:
        pages = list(reader.pages(*EVERYTHING, size=size, page_timeout=10))
        assert max(map(len, pages)) <= size
        read = [found for page in pages for found in page]
        assert {found.dn: dict(found.attributes) for found in read} == expected
        assert len(read) == len(expected)
        at_once = reader.search(*EVERYTHING, most=1000)
        assert {found.dn: found.raw for found in at_once} == {found.dn: found.raw for found in read}
    assert expected[f"cn=photo,{BASE}"]["jpegphoto"] == (PHOTO,)


def test_a_limit_that_pages_do_not_lift(slapd):
    """A server's size limit ends a paged reading with an error, where ldap3's ends without a word."""
    with _reading(slapd, LIMITED) as reader, pytest.raises(SourceUnavailable, match=r"sizeLimitExceeded"):
        list(reader.pages(*EVERYTHING, size=5, page_timeout=10))
