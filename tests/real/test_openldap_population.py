"""The people of a real OpenLDAP, read as a whole: the same as what is found of each while they sign in."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest

from saml_wsgi.directories.ldap.escaping import equals
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.errors import Refused, SourceUnavailable
from saml_wsgi.interfaces import Population
from saml_wsgi.resolvers.context import SourceContext
from tests.real.openldap import BASE, GROUPS, LIMITED, PASSWORD, PEOPLE, READER, OpenLDAP
from tests.real.openldap_crowd import AWKWARD, crowd

pytestmark = pytest.mark.real("openldap")

COUNT = 1700
#: What is in every tree of these tests: twins, and so on.
OTHERS = 6


@pytest.fixture(scope="module")
def slapd():
    """Nobody changes it."""
    server = OpenLDAP(crowd(COUNT), "127.32.0.1")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def source(slapd):
    """Makes the source."""
    made = []

    def make(**options):
        usual = {
            "preset": "openldap",
            "servers": (slapd.plain,),
            "base": PEOPLE,
            "bind_dn": READER,
            "password": PASSWORD,
        }
        made.append(factory(SourceContext("corp"), **(usual | options)))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


def _told(ask):
    """A profile, or why there's none; that one look-up can't follow groups is as good as a refusal."""
    try:
        return ask()
    except (Refused, SourceUnavailable) as error:
        return error.detail


WAYS = [
    {"groups": "none"},
    {"groups": "memberOf"},
    {"groups": "memberOf", "group_name": "dn"},
    {"groups": "memberUid"},
    {"groups": "member"},
    {"groups": "member", "nested": True},
    {"groups": "member", "nested": True, "group_name": "dn"},
    {"groups": "member", "nested": True, "group_filter": "(!(cn=Level 3))"},
    {"groups": "member", "group_name": "description"},
    {"groups": "member", "key": "uid", "inactive_when": ("employeeNumber=1",), "state": ("none",)},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_the_same_as_one_by_one(source, options):
    """Whoever is read is who is found while they sign in: fields, groups, state, and who it is for good."""
    corp = source(**options)
    assert isinstance(corp, Population)
    reading = corp.read("")
    members = [member for page in reading for member in page]
    assert reading.complete
    assert len(members) == COUNT + len(AWKWARD) + OTHERS
    assert len({member.subject for member in members}) == len(members)
    read = {member.subject: _told(member.profile) for member in members}
    looked_for = [f"p{number}" for number in range(120)] + list(AWKWARD) + ["mara", "jose", "noor"]
    compared = 0
    with corp.client.reading() as ask:
        for name in looked_for:
            (entry,) = ask.search(PEOPLE, "SUBTREE", equals("uid", name), [corp.people.key], most=1)
            alone = _told(lambda name=name: corp.look_up({"username": name.strip()}))
            found = read[corp.people.subject(entry)]
            # Of several groups that can't be named, either way tells one.
            assert found == alone or "has no description" in str(found), name
            compared += not isinstance(alone, str)
    assert compared > 100 or options.get("group_name") == "description"


def test_groups_of_the_crowd(source):
    """Groups in groups, in rings, written in other ways, and those that are too deep to be followed."""
    read = _by_username(source(nested=True))
    assert {"All", "Team 1", "Upper", "Lists (é), ≠ #1"} <= set(read["p1"].groups)
    assert {"Unique", "Team 3"} <= set(read["p13"].groups)
    assert {f"Level {number}" for number in range(8)} <= set(read["p14"].groups)
    assert {"Ring A", "Ring B", "Ring C"} <= set(read["p6"].groups)
    assert "Escaped" in read["com, ma"].groups
    assert "Escaped" in read["plus+sign"].groups
    assert "Escaped" in read["a=b"].groups
    assert "p7" not in read


def _by_username(corp):
    found = {}
    for page in corp.read(""):
        for member in page:
            profile = _told(member.profile)
            if not isinstance(profile, str) and profile.username:
                found[profile.username] = profile
    return found


def test_digests(source):
    """A second reading says the same of everybody; another way to groups says something else of some."""
    corp = source(nested=True)
    first = {member.subject: member.digest for page in corp.read("") for member in page}
    assert first == {member.subject: member.digest for page in corp.read("") for member in page}
    flat = {member.subject: member.digest for page in source().read("") for member in page}
    assert first.keys() == flat.keys()
    assert first != flat
    assert source().fingerprint not in {corp.fingerprint, source(key="uid").fingerprint}
    assert source().fingerprint == source(password="another", timeout=timedelta(seconds=3)).fingerprint


@pytest.mark.parametrize("size", [1, 499, 500, 5000])
def test_pages(source, size):
    """However many people a page has, everybody comes once."""
    corp = source(page_size=size, groups="none", filter="(|(uid=p1*)(uid=mara))")
    pages = list(corp.read(""))
    assert max(map(len, pages)) <= size
    members = [member.subject for page in pages for member in page]
    assert len(members) == len(set(members)) == 812


def test_a_limit_of_the_server(source):
    """Where a server's limit cuts the people off, nobody is told a part of them as the whole."""
    with pytest.raises(SourceUnavailable, match="in part"):
        list(source(bind_dn=LIMITED).read(""))


def test_nobody_without_a_key(source):
    """Where somebody can't be identified nobody could say who is missing: it isn't a reading."""
    with pytest.raises(SourceUnavailable, match="employeeNumber"):
        list(source(key="employeeNumber").read(""))
    narrow = source(key="employeeNumber", filter="(employeeNumber=*)")
    subjects = {member.subject for page in narrow.read("") for member in page}
    assert "employeeNumber:1001" in subjects


def test_memory(source):
    """What a reading keeps doesn't grow with the people."""
    corp = source(groups="memberOf", page_size=100)
    list(corp.read(""))
    tracemalloc.start()
    try:
        peaks = []
        for number, page in enumerate(corp.read("")):
            for member in page:
                _told(member.profile)
            if number in {4, 15}:
                peaks.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 200_000


def test_what_check_says(source):
    """The key of somebody, and how many there are."""
    facts, failures = source().examine()
    assert not failures
    said = dict(facts)
    assert said["  key"].startswith("entryUUID:")
    assert said["people"] == str(COUNT + len(AWKWARD) + OTHERS)
    said = dict(source(key="seeAlso", bind_dn=READER).examine()[0])
    assert said["  key"].startswith("none")


def test_check_of_a_reader_who_is_limited(source):
    """Somebody who may read one entry can count one."""
    only = source(bind_dn=LIMITED, filter="(uid=mara)", groups="none")
    assert dict(only.examine()[0])["people"] == "1"


def test_groups_elsewhere(source):
    """Groups outside their base don't count, and a base that isn't there is an error."""
    assert _by_username(source(group_base=PEOPLE))["mara"].groups == ()
    with pytest.raises(SourceUnavailable, match="has no"):
        list(source(group_base=f"ou=nowhere,{BASE}").read(""))
    assert _by_username(source(group_base=GROUPS))["mara"].groups == ("Loop A", "Wiki Editors")
