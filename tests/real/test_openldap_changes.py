"""An OpenLDAP read again and again: the copy is the directory after each reading."""

from __future__ import annotations

import random

import ldap3
import pytest

from saml_wsgi.directories.ldap import changes
from saml_wsgi.directories.ldap.options import factory
from saml_wsgi.resolvers.context import SourceContext
from tests.real.local_copy import LocalCopy, live
from tests.real.openldap import BASE, GROUPS, PASSWORD, PEOPLE, READER, OpenLDAP, tree

pytestmark = pytest.mark.real("openldap")

NAMES = ["mara", "jose", "noor", "twin1", "twin2", "s*r (x)"]


@pytest.fixture
def slapd(request):
    """A server that says how far it has come, unless it isn't to."""
    # Who came in the very second in which the last reading began may be taken for new: not these.
    old = "createTimestamp: 20200101000000Z"
    people = tree().replace("objectClass: inetOrgPerson", f"objectClass: inetOrgPerson\n{old}")
    server = OpenLDAP(people, counting=getattr(request, "param", True))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def admin(slapd):
    server = ldap3.Server(slapd.plain, get_info=ldap3.NONE)
    connection = ldap3.Connection(
        server, f"cn=admin,{BASE}", "admin-demo", auto_bind=True, raise_exceptions=True, check_names=False
    )
    yield connection
    connection.unbind()


class Office:
    """The people, and the copy of them."""

    def __init__(self, source, admin):
        self.source, self.admin = source, admin
        self.copy = LocalCopy(source)
        self.names = list(NAMES)

    def hire(self, uid, under=PEOPLE, **attributes):
        dn = f"uid={uid},{under}"
        classes = ["inetOrgPerson", "shadowAccount"]
        self.admin.add(dn, classes, {"uid": uid, "cn": uid, "sn": "Name"} | attributes)
        self.names.append(uid)
        return dn

    def change(self, dn, **attributes):
        found = {name: [(ldap3.MODIFY_REPLACE, value)] for name, value in attributes.items()}
        self.admin.modify(dn, found)

    def check(self, *, complete, why="", read=None):
        """Reads, and compares with what the directory says when it is asked for each alone."""
        self.copy.refresh()
        assert (self.copy.complete, why in self.copy.why) == (complete, True), self.copy.why
        assert read is None or self.copy.read <= read
        assert self.copy.people == live(self.source, self.names)


@pytest.fixture
def office(slapd, admin):
    source = factory(
        SourceContext("corp"),
        preset="openldap",
        servers=(slapd.tls,),
        ca_file=slapd.ca,
        base=PEOPLE,
        bind_dn=READER,
        password=PASSWORD,
        nested=True,
    )
    yield Office(source, admin)
    source.client.close()


def test_what_an_openldap_shows_of_changes(office, admin):
    """Whoever changed or came is read alone; who left, and what changes groups, has everybody read."""
    mara, noor = f"uid=mara,{PEOPLE}", f"uid=noor,{PEOPLE}"
    office.check(complete=True)
    office.check(complete=False, read=1)
    office.change(mara, mail="m.lindqvist@example.test", employeeNumber=[])
    office.check(complete=False, read=2)
    office.hire("new", mail="new@example.test")
    office.check(complete=False, read=2)
    admin.add(f"cn=printer,{BASE}", "device")
    office.check(complete=False, read=2)
    admin.delete(noor)
    office.check(complete=True, why="people went")
    office.check(complete=False, read=1)
    # A name is what groups refer to, and nobody puts it right there.
    admin.modify_dn(mara, "uid=mara2")
    office.names.append("mara2")
    office.check(complete=True, why="people went, came back, or have another name")
    office.check(complete=False, read=1)


def test_groups_of_an_openldap_that_change(office, admin):
    """Whatever happens to a group has everybody read, and then changes can be told again."""
    wiki = f"cn=Wiki Editors,{GROUPS}"
    jose = f"uid=twin1,{PEOPLE}"
    office.check(complete=True)
    for change in (
        lambda: admin.modify(wiki, {"member": [(ldap3.MODIFY_ADD, jose)]}),
        lambda: admin.modify_dn(wiki, "cn=Editors"),
        lambda: admin.add(f"cn=Outer,{GROUPS}", "groupOfNames", {"member": f"cn=Editors,{GROUPS}"}),
        lambda: admin.delete(f"cn=Loop B,{GROUPS}"),
        lambda: admin.modify_dn(GROUPS, "ou=teams"),
    ):
        office.check(complete=False, read=1)
        change()
        office.check(complete=True, why="group")
    office.check(complete=False, read=1)


def test_units_of_an_openldap_that_move(office, admin):
    """People whose unit is moved away go with it, though nothing was written to their entries."""
    inner = f"ou=inner,{PEOPLE}"
    admin.add(inner, "organizationalUnit")
    office.hire("within", under=inner)
    office.check(complete=True)
    admin.modify_dn(inner, "ou=inner", new_superior=BASE)
    office.check(complete=True, why="people went")
    assert "within" not in {profile.username for profile in office.copy.people.values()}
    admin.modify_dn(f"ou=inner,{BASE}", "ou=inner", new_superior=PEOPLE)
    office.check(complete=True, why="people went, came back")


def test_a_day_that_comes(office, monkeypatch):
    """Whose last day has come is switched off by the next reading, though nobody wrote anything."""
    day = int(changes.time.time()) // 86_400 + 2
    office.hire("leaver", shadowExpire=str(day))
    office.check(complete=True)
    assert office.source.look_up({"username": "leaver"}).active is True
    moment = day * 86_400.0 + 60
    monkeypatch.setattr(changes.time, "time", lambda: moment)
    reading = office.source.read(office.copy._cursor)
    assert not reading.complete
    subject = office.source.look_up({"username": "leaver"}).subject
    assert subject in {member.subject for page in reading for member in page}


@pytest.mark.parametrize("slapd", [False], indirect=True)
def test_a_server_that_does_not_count(office):
    """Where no server says how far it has come everybody is read each time, and it is said why."""
    office.check(complete=True, why="contextCSN")
    office.check(complete=True, why="contextCSN")


@pytest.mark.parametrize("seed", [1, 2])
def test_any_course_of_events_in_an_openldap(office, admin, seed):
    """After any changes in any order the copy is the directory, whichever way it was read."""
    chance = random.Random(seed)
    inside = [office.hire(f"p{number}") for number in range(8)]
    numbers = iter(range(100, 10_000))
    group = f"cn=Wiki Editors,{GROUPS}"

    def hire():
        inside.append(office.hire(f"p{next(numbers)}"))

    def leave():
        if len(inside) > 3:
            admin.delete(inside.pop(chance.randrange(len(inside))))

    def describe():
        office.change(chance.choice(inside), displayName=f"d{next(numbers)}")

    def rename():
        number = chance.randrange(len(inside))
        uid = f"p{next(numbers)}"
        admin.modify_dn(inside[number], f"uid={uid}")
        inside[number] = f"uid={uid},{PEOPLE}"
        office.names.append(uid)

    def members():
        office.change(group, member=chance.sample(inside, 2))

    kinds = set()
    for _ in range(40):
        for _ in range(chance.randrange(3)):
            chance.choice([hire, leave, describe, describe, describe, rename, members])()
        office.copy.refresh()
        kinds.add(office.copy.complete)
        assert office.copy.people == live(office.source, office.names)
    assert kinds == {True, False}
