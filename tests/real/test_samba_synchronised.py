"""An Active Directory (Samba's) synchronised into our tables, run after run."""

from __future__ import annotations

import uuid

import pytest

from saml_wsgi.database import prepare
from saml_wsgi.directories.sql import SQLDirectory
from saml_wsgi.model import FIELDS
from saml_wsgi.sync.run import Synchronisation
from tests.real import samba
from tests.real.samba import LASTING, NORMAL, OFF

pytestmark = pytest.mark.real("samba")


def fresh():
    """A name that nobody else in the domain has."""
    return f"p{uuid.uuid4().hex[:10]}"


class Company:
    """People in a domain, and the users that they are here."""

    def __init__(self, domain, unit, source, url):
        self.domain, self.unit, self.source = domain, unit, source
        self.directory = SQLDirectory(url)
        self.work = Synchronisation(source, "corp", url)

    def run(self, **options):
        """One run, after which the users are the people of the directory, field by field."""
        report = self.work.run(**options)
        assert report.done, report
        people = [person.profile() for page in self.source.read("") for person in page]
        here = {person.username: person for person in people if person.active}
        users = {user.username: user for user in self.everybody() if user.active}
        assert users.keys() == here.keys()
        for name, user in users.items():
            person = here[name]
            assert user.groups == person.groups
            assert [user.value(field) for field in FIELDS] == [person.value(field) or "" for field in FIELDS]
        return report

    def everybody(self):
        return [listed.user for listed in self.directory.everybody()]

    def user(self, username):
        (found,) = self.directory.find("username", username)
        return found


@pytest.fixture
def company(domain, unit, corp, tmp_path):
    url = f"sqlite:///{tmp_path / 'users.db'}"
    prepare(url)
    return Company(domain, unit, corp(), url)


def test_a_company_over_time(domain, company):
    """Made, changed, renamed, switched off and on, moved away and back, deleted: each run brings it here."""
    names = [fresh() for _ in range(12)]
    people = [
        domain.person(name, under=company.unit, mail=f"{name}@example.test", givenName="Mara", sn="Lindqvist")
        for name in names
    ]
    inner = domain.group("Wiki Editors", people[0], under=company.unit)
    domain.group(r"Staff (all)\, Nürnberg", inner, under=company.unit)
    first = company.run()
    assert (first.kind, first.counts["created"]) == ("full", 12)
    assert company.user(names[0]).groups == (
        "Domain Users",
        "Staff (all), Nürnberg",
        "Users",
        "Wiki Editors",
    )
    again = company.run()
    assert (again.kind, again.counts["read"]) == ("incremental", 0)

    mara = company.user(names[1])
    domain.change(people[1], sAMAccountName=f"{names[1]}x", mail=None, displayName="Mara")
    domain.change(people[2], userAccountControl=str(NORMAL | LASTING | OFF))
    people.append(domain.person(fresh(), under=company.unit))
    report = company.run()
    assert (report.kind, report.counts["read"]) == ("incremental", 3)
    renamed = company.user(f"{names[1]}x")
    assert (renamed.id, renamed.email, renamed.display_name) == (mara.id, "", "Mara")
    assert not company.user(names[2]).active

    domain.change(people[2], userAccountControl=str(NORMAL | LASTING))
    people[3] = domain.move(people[3], samba.ELSEWHERE)
    domain.delete(people[4])
    domain.leave(inner, people[0])
    report = company.run()
    assert report.kind == "full"
    assert company.user(names[2]).active
    assert not company.user(names[3]).active
    assert not company.user(names[4]).active
    assert company.user(names[0]).groups == ("Domain Users", "Users")

    left = company.user(names[3])
    domain.move(people[3], company.unit)
    company.run()
    assert (company.user(names[3]).id, company.user(names[3]).active) == (left.id, True)
    assert company.run().kind == "incremental"
    assert company.run(full=True).kind == "full"


def test_a_domain_controller_that_is_gone(domain, company):
    """Where nobody answers nothing changes, and it is said; the next run goes on."""
    names = [fresh() for _ in range(3)]
    for name in names:
        domain.person(name, under=company.unit)
    company.run()
    before = company.everybody()
    domain.stop()
    try:
        report = company.work.run()
    finally:
        domain.start()
    assert (report.done, report.code) == (False, "unavailable")
    assert company.everybody() == before
    assert company.run().kind == "incremental"


def test_a_unit_that_is_emptied(domain, company):
    """Nobody where there was somebody is refused, and so is a loss of many: everybody stays."""
    people = [domain.person(fresh(), under=company.unit) for _ in range(8)]
    company.run()
    before = company.everybody()
    for number in range(6):
        people[number] = domain.move(people[number], samba.ELSEWHERE)
    assert company.work.run().code == "too_many_removals"
    for number in (6, 7):
        people[number] = domain.move(people[number], samba.ELSEWHERE)
    assert company.work.run().code == "empty"
    assert company.everybody() == before
    for dn in people:
        domain.move(dn, company.unit)
    company.run()
    assert company.everybody() == before
