"""An Active Directory (Samba's) read again and again: the copy is the directory after each reading."""

from __future__ import annotations

import random
import time
import uuid
from datetime import datetime

import pytest

from saml_wsgi.directories.ldap import changes
from tests.real import samba
from tests.real.local_copy import LocalCopy, live
from tests.real.samba import LASTING, NORMAL, OFF, instant

pytestmark = pytest.mark.real("samba")


def fresh(kind):
    """A name that nobody else in the domain has."""
    return f"{kind}{uuid.uuid4().hex[:10]}"


class Office:
    """People and groups of a unit, and the copy of them."""

    def __init__(self, domain, unit, source):
        self.domain, self.unit, self.source = domain, unit, source
        self.copy = LocalCopy(source)
        self.names = []

    def hire(self, **attributes):
        uid = fresh("p")
        self.names.append(uid)
        return self.domain.person(uid, **({"under": self.unit} | attributes))

    def group(self, *members):
        return self.domain.group(fresh("g"), *members, under=self.unit)

    def check(self, *, complete, why=""):
        """Reads, and compares with what the directory says when it is asked for each alone."""
        self.copy.refresh()
        assert (self.copy.complete, why in self.copy.why) == (complete, True), self.copy.why
        assert self.copy.people == live(self.source, self.names)


@pytest.fixture
def office(domain, unit, corp):
    return Office(domain, unit, corp())


def test_everybody_as_when_asked_alone(office):
    """A reading of everybody says of each what a look-up does: nested groups, primary ones, switched off."""
    people = [office.hire(mail=f"m{number}@example.test", sn="Lindqvist") for number in range(25)]
    inner = office.group(*people[:9])
    outer = office.group(inner, people[20])
    office.domain.join(inner, outer)
    office.hire(control=NORMAL | LASTING | OFF)
    office.hire(accountExpires=instant(time.time() - 60))
    office.check(complete=True)
    assert len(office.copy.people) == 27
    assert sum(profile.active is False for profile in office.copy.people.values()) == 2


def test_what_is_read_after_each_change(domain, office):
    """Whoever changed or came is read alone; who left, and what changes groups, has everybody read."""
    mara, noor, jose = office.hire(mail="mara@example.test"), office.hire(), office.hire()
    office.group(mara)
    elsewhere = domain.person(fresh("e"), under=samba.ELSEWHERE)
    office.names.append(elsewhere.partition("=")[2].partition(",")[0])
    office.check(complete=True)
    office.check(complete=False)
    assert office.copy.read == 0
    domain.change(mara, mail="m.lindqvist@example.test")
    office.check(complete=False)
    assert office.copy.read == 1
    domain.change(mara, mail=None, userAccountControl=str(NORMAL | LASTING | OFF))
    office.check(complete=False)
    assert [profile.active for profile in office.copy.people.values()].count(False) == 1
    domain.change(mara, userAccountControl=str(NORMAL | LASTING))
    office.check(complete=False)
    office.hire()
    office.check(complete=False)
    assert (office.copy.read, len(office.copy.people)) == (1, 4)
    noor = domain.rename(noor, fresh("renamed"))
    office.check(complete=False)
    domain.delete(jose)
    office.check(complete=True, why="people went")
    assert len(office.copy.people) == 3
    office.check(complete=False)
    noor = domain.move(noor, samba.ELSEWHERE)
    office.check(complete=True, why="people went")
    domain.move(elsewhere, office.unit)
    office.check(complete=True, why="people went, came back")
    domain.move(noor, office.unit)
    domain.move(elsewhere.replace(samba.ELSEWHERE, office.unit), samba.ELSEWHERE)
    office.check(complete=True, why="people went")
    office.names.append(fresh("p"))
    domain.change(mara, sAMAccountName=office.names[-1])
    office.check(complete=False)
    assert office.names[-1] in {profile.username for profile in office.copy.people.values()}


def test_groups_that_change(domain, office):
    """Whatever happens to a group that may count has everybody read, and then changes can be told again."""
    mara, noor = office.hire(), office.hire()
    inner = office.group(mara)
    outer = office.group()
    hidden = domain.group(fresh("h"), under=samba.ELSEWHERE)
    office.check(complete=True)
    for change in (
        lambda: domain.join(inner, noor),
        lambda: domain.leave(inner, mara),
        lambda: domain.join(outer, inner),
        lambda: domain.rename(outer, fresh("g")),
        lambda: domain.join(hidden, inner),
        lambda: domain.delete(inner),
        lambda: office.group(mara),
        lambda: domain.delete(hidden),
    ):
        office.check(complete=False)
        change()
        office.check(complete=True, why="group")
    office.check(complete=False)


def test_a_primary_group_that_changes(domain, office):
    """Whoever gets another primary group has other groups after the next reading."""
    mara = office.hire()
    primary = office.group(mara)
    office.check(complete=True)
    sid = domain.read(primary, "objectSid")["objectSid"][0]
    domain.change(mara, primaryGroupID=str(int.from_bytes(sid[-4:], "little")))
    office.check(complete=True)
    office.check(complete=False)


def test_units_that_move(domain, office):
    """A unit that is renamed changes nobody; one that is moved away or back takes its people with it."""
    inner = domain.unit(f"OU=Inner,{office.unit}")
    office.hire(under=inner)
    office.hire()
    office.check(complete=True)
    inner = domain.rename(inner, "Within")
    office.check(complete=False)
    inner = domain.move(inner, samba.ELSEWHERE)
    office.check(complete=True, why="people went")
    assert len(office.copy.people) == 1
    domain.move(inner, office.unit)
    office.check(complete=True, why="people went, came back")
    assert len(office.copy.people) == 2


def test_an_account_that_expires(office, monkeypatch):
    """Whose time is up is switched off by the next reading, though nobody wrote anything."""
    office.hire(accountExpires=instant(time.time() + 900))
    office.hire(accountExpires=instant(time.time() + 90_000))
    office.check(complete=True)
    assert all(profile.active for profile in office.copy.people.values())
    later = time.time() + 1200
    monkeypatch.setattr(changes.time, "time", lambda: later)
    monkeypatch.setattr("saml_wsgi.directories.ldap.population.datetime", _At(later))
    office.copy.refresh()
    assert (office.copy.complete, office.copy.read) == (False, 1)
    assert sorted(profile.active for profile in office.copy.people.values()) == [False, True]


class _At:
    """A calendar that stands still."""

    def __init__(self, moment):
        self._moment = moment

    def now(self, zone):
        return datetime.fromtimestamp(self._moment, zone)


class Events:
    """Whatever may happen in an office."""

    def __init__(self, office, seed):
        self.office, self.domain = office, office.domain
        self.chance = random.Random(seed)
        self.inside = [office.hire() for _ in range(8)]
        self.outside = []
        self.groups = [office.group(*self.chance.sample(self.inside, 3)) for _ in range(3)]

    def happen(self):
        self.chance.choice(
            [self.hire, self.go, self.come, self.vanish, self.rename, self.describe, self.switch, self.join]
        )()

    def _taken(self, people):
        return people.pop(self.chance.randrange(len(people)))

    def hire(self):
        self.inside.append(self.office.hire())

    def go(self):
        if len(self.inside) > 3:
            self.outside.append(self.domain.move(self._taken(self.inside), samba.ELSEWHERE))

    def come(self):
        if self.outside:
            self.inside.append(self.domain.move(self._taken(self.outside), self.office.unit))

    def vanish(self):
        if len(self.inside) > 3:
            self.domain.delete(self._taken(self.inside))

    def rename(self):
        self.inside.append(self.domain.rename(self._taken(self.inside), fresh("n")))

    def describe(self):
        self.domain.change(self.chance.choice(self.inside), displayName=fresh("d"))

    def switch(self):
        control = NORMAL | LASTING | self.chance.choice([0, OFF])
        self.domain.change(self.chance.choice(self.inside), userAccountControl=str(control))

    def join(self):
        some = self.chance.sample(self.inside, self.chance.randrange(1, 3))
        self.domain.change(self.chance.choice(self.groups), member=some)


@pytest.mark.parametrize("seed", [1, 2])
def test_any_course_of_events(office, seed):
    """After any changes in any order the copy is the directory, whichever way it was read."""
    events = Events(office, seed)
    kinds = set()
    for _ in range(30):
        for _ in range(events.chance.randrange(3)):
            events.happen()
        office.copy.refresh()
        kinds.add(office.copy.complete)
        assert office.copy.people == live(office.source, office.names)
    assert kinds == {True, False}


def test_another_domain_controller(domain, office, corp):
    """What another controller's numbers say means nothing: everybody is read."""
    office.hire()
    office.check(complete=True)
    other = samba.furnished()
    try:
        other.unit(office.unit)
        own = corp(servers=(other.tls,), ca_file=other.ca)
        office.copy.source = own
        office.copy.refresh()
        assert (office.copy.complete, "another domain controller" in office.copy.why) == (True, True)
        assert not office.copy.people
    finally:
        other.remove()
