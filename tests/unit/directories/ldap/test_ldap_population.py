"""A directory's people as a whole: what stands for each, what is the same, and what is no reading at all."""

from __future__ import annotations

import struct
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from saml_wsgi.directories.ldap import group_index, population
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.directories.ldap.population import LDAPReading
from saml_wsgi.errors import Refused, SourceUnavailable

AD = {"preset": "active_directory", "base": "DC=corp,DC=test"}
JUMPCLOUD = {"preset": "jumpcloud", "org_id": "0123456789abcdef01234567", "servers": None, "base": None}
BASE = "ou=people,dc=example,dc=test"
SID = bytes.fromhex("010500000000000515000000") + struct.pack("<4I", 1, 2, 3, 1105)


class Server:
    """Pages by filter, and answers of searches by filter; whatever it is asked stands in ``asked``."""

    def __init__(self, people, *, groups=(), more=(), answers=None):
        self._pages = {"people": [people] if people and isinstance(people[0], Entry) else list(people)}
        self._pages |= {"groups": [list(groups)], "more": [list(more)]}
        self._answers = answers or {}
        self.asked = []
        self.is_open = False

    @contextmanager
    def reading(self):
        self.is_open = True
        try:
            yield self
        finally:
            self.is_open = False

    def pages(self, base, scope, wanted, attributes, *, size, page_timeout, controls=()):
        self.asked.append((base, wanted, tuple(attributes)))
        which = "people" if "person" in wanted.lower() else "more" if "(!" in wanted else "groups"
        for page in self._pages[which]:
            if isinstance(page, Exception):
                raise page
            yield page

    def search(self, base, scope, wanted, attributes, *, most):
        self.asked.append((base, wanted, tuple(attributes)))
        return next((found for part, found in self._answers.items() if part in (wanted, *attributes)), [])


@dataclass
class Changed:
    """Stands for what :mod:`saml_wsgi.directories.ldap.changes` finds out."""

    extra_filter: str
    why: str = ""
    cursor: str = "17"

    @property
    def complete(self):
        return not self.extra_filter

    def saw(self, page):
        assert page


@pytest.fixture
def read(make):
    """Makes a reading of what a server answers."""

    def build(server, *, since="", **options):
        source = make(**options)
        return LDAPReading(
            server,
            source.people,
            preset=options.get("preset", "openldap"),
            size=500,
            page_timeout=60.0,
            since=since,
        )

    return build


@pytest.fixture
def members(read):
    """The people that are read, by subject."""

    def build(server, **options):
        return {member.subject: member for page in read(server, **options) for member in page}

    return build


def somebody(number=1, **attributes):
    """An entry as a server sends it: the same bytes for the same content."""
    usual = {"uid": f"p{number}", "entryUUID": str(uuid.UUID(int=number))}
    values = {
        name.lower(): tuple(
            value.encode() if isinstance(value, str) else value
            for value in (given if isinstance(given, list) else [given])
        )
        for name, given in (usual | attributes).items()
        if given is not None
    }
    dn = f"uid=p{number},{BASE}"
    return Entry(dn, values, repr((dn, sorted(values.items()))).encode())


def group(name, *members, **attributes):
    """A group's entry, with portions of members under ``member;range=…``."""
    values = {"cn": (name.encode(),)} | attributes
    if members:
        values["member"] = tuple(member.encode() for member in members)
    return Entry(f"cn={name},dc=example,dc=test", values)


@pytest.mark.parametrize(
    ("key", "values", "subject"),
    [
        ("uid", ["Mara"], "uid:mara"),
        ("UID", ["Mara"], "uid:mara"),
        ("uid", ["z", "P1", "a"], "uid:p1"),
        ("mail", ["z@x.test", "A@x.test"], "mail:a@x.test"),
        ("mail", ["A@x.test", "z@x.test"], "mail:a@x.test"),
        ("objectguid", [uuid.UUID(int=7).bytes_le], f"objectGUID:{uuid.UUID(int=7)}"),
        ("objectSid", [b"mara"], "objectSid:6d617261"),
        ("uid", [], ""),
        ("uid", [""], ""),
    ],
)
def test_who_somebody_is_for_good(make, key, values, subject):
    """The key's value in its usual form, however it is written, and whichever of several comes first."""
    assert make(key=key).people.subject(somebody(**{key: values})) == subject


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uid", b"\xff"),
        ("uid", "a\x00"),
        ("uid", "x" * 1001),
        ("objectGUID", b"123"),
        ("objectSid", [b"1", b"2"]),
    ],
)
def test_keys_that_are_none(make, members, key, value):
    """What can't be a key identifies nobody; and then nobody can say who is missing."""
    entry = somebody(**{key: value})
    with pytest.raises(Refused, match=key):
        make(key=key).people.subject(entry)
    with pytest.raises(SourceUnavailable, match="who is missing"):
        members(Server([entry]), key=key, groups="none")


def test_somebody_without_a_key(members):
    """One person without a key is enough: they may be anybody who seems to be missing."""
    with pytest.raises(SourceUnavailable, match="entryUUID"):
        members(Server([somebody(1), somebody(2, entryUUID=None)]), groups="none")


def test_people_who_cannot_be_used(members):
    """A username that is missing, a value that is no text: that person's fault, and nobody else's."""
    people = [somebody(1), somebody(2, uid=None), somebody(3, sn=b"\xff"), somebody(4, shadowExpire="x")]
    found = list(members(Server(people), groups="none").values())
    assert found[0].profile().username == "p1"
    codes = []
    for member in found[1:]:
        with pytest.raises(Refused) as refused:
            member.profile()
        codes.append(refused.value.code)
    assert codes == ["missing_attribute", "attribute_unusable", "attribute_unusable"]


def test_what_is_the_same(members):
    """Equal entries have equal digests; another value, state or group is another digest."""
    people = [somebody(1)]
    everybody = [group("staff", f"UID=P1, {BASE}")]

    def digest(people, groups=(), **options):
        (member,) = members(Server(people, groups=groups), **options).values()
        return member.digest

    one = digest(people)
    assert one == digest([somebody(1)])
    assert one != digest([somebody(1, sn="New")])
    assert one != digest(people, everybody)
    assert digest(people, everybody) != digest(people, [group("other", f"uid=p1,{BASE}")])
    assert digest(people, [group("a"), *everybody]) == digest(people, everybody)


def test_time_goes_by(members, monkeypatch):
    """An account that came to its end is another one, although nobody wrote anything."""
    today = time.time() // 86_400
    people = [somebody(1, shadowExpire=str(int(today) + 1)), somebody(2)]

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=2)

    before = members(Server(people), groups="none")
    monkeypatch.setattr(population, "datetime", Later)
    after = members(Server(people), groups="none")
    changed = [subject for subject, member in before.items() if member.digest != after[subject].digest]
    assert changed == [f"entryUUID:{uuid.UUID(int=1)}"]
    assert [before[changed[0]].profile().active, after[changed[0]].profile().active] == [True, False]
    assert after[changed[0]].profile().subject == changed[0]
    assert datetime.now(UTC)


def test_a_million_states(members, monkeypatch):
    """However many different ways there are to be switched off, all of them are understood."""
    monkeypatch.setattr(population, "_KEPT_STATES", 3)
    people = [somebody(number, shadowExpire=str(number)) for number in range(10)]
    assert [member.profile().active for member in members(Server(people), groups="none").values()] == [
        False
    ] * 10


@pytest.mark.parametrize(("count", "is_whole"), [(9_999, True), (10_000, False), (10_001, True)])
def test_the_end_of_jumpcloud(members, count, is_whole):
    """JumpCloud ends every search at 10,000 people: exactly so many aren't all of them."""
    people = [somebody(number) for number in range(count)]
    server = Server([people[:5000], people[5000:]])
    if is_whole:
        assert len(members(server, **JUMPCLOUD)) == count
    else:
        with pytest.raises(SourceUnavailable, match="10000"):
            members(server, **JUMPCLOUD)


def test_a_server_that_is_lost(read):
    """What came before doesn't count, there's no cursor, and nothing stays open."""
    server = Server([[somebody(1)], SourceUnavailable("gone")])
    reading = read(server, groups="none")
    with pytest.raises(SourceUnavailable, match="gone"):
        list(reading)
    assert (reading.cursor, server.is_open) == ("", False)
    server = Server([[somebody(1)]], groups=[])
    server._pages["groups"] = [SourceUnavailable("no groups")]
    with pytest.raises(SourceUnavailable, match="no groups"):
        list(read(server))
    assert not server.is_open


def test_who_stops_to_read(read):
    """Whoever doesn't want the rest leaves nothing open, and nobody reads a reading twice."""
    server = Server([[somebody(1)], [somebody(2)]])
    reading = read(server, groups="none")
    pages = iter(reading)
    next(pages)
    assert server.is_open
    pages.close()
    assert not server.is_open
    with pytest.raises(RuntimeError):
        list(reading)
    begun = read(server, groups="none")
    assert begun.complete
    begun.close()
    assert not server.is_open


def test_where_to_begin(read, monkeypatch):
    """A cursor counts with the same options only; then nobody but who may have changed is asked for."""
    begun = []

    def begin(reader, people, since, **_):
        begun.append(since)
        return Changed("(new=1)" if since else "")

    monkeypatch.setattr(population.changes, "begin", begin)
    first = read(Server([somebody(1)]), groups="none")
    list(first)
    assert (begun, first.complete, first.why) == ([""], True, "")
    server = Server([somebody(1)])
    second = read(server, groups="none", since=first.cursor)
    list(second)
    assert (begun[1], second.complete) == ("17", False)
    assert server.asked[0][1] == "(&(objectClass=inetOrgPerson)(new=1))"
    third = read(Server([somebody(1)]), groups="none", last_name=("none",), since=first.cursor)
    assert (third.complete, third.why, begun[2]) == (True, "the source's options changed", "")
    third.close()


def test_groups_of_few(read, monkeypatch):
    """Groups of few who changed are searched for, those of many are read: with the same result."""
    monkeypatch.setattr(population.changes, "begin", lambda *_, **__: Changed("(new=1)"))
    people = [somebody(number) for number in range(60)]
    staff = group("staff", *(person.dn for person in people))

    class Searched(Server):
        def search(self, base, scope, wanted, attributes, *, most):
            self.asked.append(("search", wanted, ()))
            return [staff]

    few = Searched([people], groups=[staff])
    alone = {member.subject: member for page in read(few) for member in page}
    assert sum(asked[0] == "search" for asked in few.asked) == 60
    many = Searched([people, [somebody(number) for number in range(60, 120)]], groups=[staff])
    read_all = [member for page in read(many) for member in page]
    assert sum(asked[0] == "search" for asked in many.asked) == 60
    assert [member.profile().groups for member in read_all] == [("staff",)] * 60 + [()] * 60
    later = Searched([[somebody(number) for number in range(200, 320)], people], groups=[staff])
    at_once = {member.subject: member for page in read(later) for member in page}
    for subject, member in alone.items():
        assert (member.digest, member.profile()) == (at_once[subject].digest, at_once[subject].profile())


def _ad(number, **attributes):
    return somebody(
        number,
        sAMAccountName=f"p{number}",
        userAccountControl="512",
        objectGUID=uuid.UUID(int=number).bytes_le,
        objectSid=SID[:-4] + struct.pack("<I", 1000 + number),
        primaryGroupID="513",
        **attributes,
    )


def test_active_directory_at_once(members):
    """Chains through groups that don't count, through the primary group, in rings, and in portions."""
    people = [_ad(1), _ad(2), _ad(3)]
    dn = "cn={},dc=example,dc=test"
    portion = tuple(person.dn.encode() for person in people[1:2])
    counted = [
        group("Users", objectsid=(SID,)),
        group("All", dn.format("Users")),
        group("Far", dn.format("Hidden")),
        group("Ring A", dn.format("Ring B"), people[2].dn),
        group("Ring B", dn.format("Ring A")),
        Entry(dn.format("Large"), {"cn": (b"Large",), "member": (), "member;range=0-0": portion}),
    ]
    hidden = [group("Hidden", people[0].dn)]
    rest = Entry(dn.format("Large"), {"member;range=1-*": (people[2].dn.encode(),)})
    sid = "\\01\\02\\00\\00"
    server = Server(people, groups=counted, more=hidden, answers={"member;range=1-*": [rest]})

    class Primary(type(server)):
        def search(self, base, scope, wanted, attributes, *, most):
            if sid in wanted:
                self.asked.append((base, wanted, ()))
                return counted[:1]
            return super().search(base, scope, wanted, attributes, most=most)

    server.__class__ = Primary
    found = [member.profile() for member in members(server, group_filter="(cn=*)", **AD).values()]
    assert [profile.groups for profile in found] == [
        ("All", "Far", "Users"),
        ("All", "Large", "Users"),
        ("All", "Large", "Ring A", "Ring B", "Users"),
    ]
    assert [profile.subject for profile in found] == [f"objectGUID:{uuid.UUID(int=n)}" for n in (1, 2, 3)]
    assert sum(sid in asked[1] for asked in server.asked) == 1
    assert [asked[1] for asked in server.asked if "objectClass=group" in asked[1]] == [
        "(&(objectClass=group)(!(cn=*)))"
    ]


@pytest.mark.parametrize("answer", [[], [Entry("x", {})], [Entry("x", {"member;range=7-*": (b"x",)})]])
def test_portions_that_do_not_come(members, answer):
    """A group of which a portion of members is missing isn't a group without these members."""
    large = Entry("cn=l,dc=test", {"cn": (b"l",), "member;range=0-1": (b"cn=a", b"cn=b")})
    with pytest.raises(SourceUnavailable, match="not all values"):
        members(Server([somebody(1)], groups=[large], answers={"member;range=2-*": answer}))


def test_groups_in_portions_of_an_entry(members):
    """Groups that a person's entry tells in portions are part of what they are."""
    dn = "cn={},dc=example,dc=test"
    person = somebody(1)
    person.attributes["memberof;range=0-0"] = (dn.format("a").encode(),)
    rest = Entry("x", {"memberof;range=1-*": (dn.format("b").encode(),)})

    def one(answer):
        answers = {"memberOf;range=1-*": [answer]}
        (member,) = members(Server([person], answers=answers), groups="memberOf").values()
        return member

    found = one(rest)
    assert found.profile().groups == ("a", "b")
    assert found.digest != one(Entry("x", {"memberof;range=1-*": (dn.format("c").encode(),)})).digest


def test_a_group_without_a_name(members):
    """Whoever is in it is refused, since it may be one that is denied; nobody else is."""
    dn = f"uid=p1,{BASE}"
    nameless = Entry("cn=x,dc=test", {"member": (dn.encode(), b"\xff")})
    found = list(members(Server([somebody(1), somebody(2)], groups=[nameless])).values())
    with pytest.raises(Refused, match="has no cn"):
        found[0].profile()
    assert found[1].profile().groups == ()


def test_too_many_groups(members):
    """Somebody in more groups than anybody reads can't be used; the others can."""
    dn = f"uid=p1,{BASE}"
    many = [group(f"g{number}", dn) for number in range(10_001)]
    found = list(members(Server([somebody(1), somebody(2)], groups=many)).values())
    with pytest.raises(Refused, match="more than 10000"):
        found[0].profile()
    assert found[1].profile().groups == ()
    in_entry = [f"cn=g{number},dc=example,dc=test" for number in range(10_001)]
    (member,) = members(Server([somebody(1, memberOf=in_entry)]), groups="memberOf").values()
    with pytest.raises(Refused, match="more than 10000"):
        member.profile()


def test_no_room_for_members(read, monkeypatch):
    """Where what is read of groups can't be kept, it isn't a reading, and nothing stays open."""
    monkeypatch.setattr(group_index, "_PREPARED", f"{group_index._PREPARED} PRAGMA max_page_count = 8;")
    dn = "uid=somebody{},ou=people,dc=example,dc=test"
    server = Server([somebody(1)], groups=[group("large", *(dn.format(number) for number in range(5000)))])
    with pytest.raises(SourceUnavailable, match="can't be kept"):
        list(read(server))
    assert not server.is_open
