"""The source ``ldap`` against a real Active Directory (Samba's): what it finds, whom it doesn't believe."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import pytest

from saml_wsgi.errors import SourceUnavailable
from tests.real import samba
from tests.real.samba import BASE, DOMAIN, LASTING, NORMAL, OFF, PASSWORD, READER, instant

pytestmark = pytest.mark.real("samba")


def name() -> str:
    """A name that nobody else in the domain has."""
    return f"p{uuid.uuid4().hex[:10]}"


@pytest.fixture
def groups(domain, unit):
    """Makes groups whose names nobody else has; what a person is in besides is left out."""

    def make(*members):
        return domain.group(f"g{uuid.uuid4().hex[:10]}", *members, under=unit)

    return make


def own(profile):
    """The names of groups that a test made."""
    return [group for group in profile.groups if group.startswith("g") and len(group) == 11]


def called(dn):
    """The first value of a distinguished name."""
    return dn.partition("=")[2].partition(",")[0]


def test_what_an_active_directory_knows(domain, unit, corp):
    """Every field, where it came from, the identifier in its usual form, and whether the account is on."""
    uid = name()
    dn = domain.person(
        uid,
        under=unit,
        mail="mara@example.test",
        givenName="Mara",
        sn="Lindqvist",
        displayName="Mara Lindqvist",
        employeeID="1001",
    )
    mara = corp().look_up({"username": uid.upper()})
    assert (mara.username, mara.email, mara.employee_id) == (uid, "mara@example.test", "1001")
    assert (mara.first_name, mara.last_name, mara.display_name) == ("Mara", "Lindqvist", "Mara Lindqvist")
    assert (mara.active, mara.origins["active"]) == (True, "userAccountControl")
    assert mara.groups == ("Domain Users", "Users")
    guid = uuid.UUID(bytes_le=bytes(domain.read(dn, "objectGUID")["objectGUID"][0]))
    assert mara.subject == f"objectGUID:{guid}"
    assert corp().look_up({"username": name()}) is None


@pytest.mark.parametrize(
    ("attributes", "active", "by"),
    [
        ({"control": NORMAL | LASTING | OFF}, False, "userAccountControl"),
        ({"accountExpires": instant(time.time() - 3600)}, False, "accountExpires"),
        ({"accountExpires": instant(time.time() + 3600)}, True, "userAccountControl"),
        ({"accountExpires": "0"}, True, "userAccountControl"),
        ({}, True, "userAccountControl"),
    ],
)
def test_who_is_switched_off_there(domain, unit, corp, attributes, active, by):
    """Whoever is disabled or has expired is inactive, and who it is stays known."""
    uid = name()
    domain.person(uid, under=unit, **attributes)
    profile = corp().look_up({"username": uid})
    assert (profile.active, profile.origins["active"]) == (active, by)
    assert profile.subject.startswith("objectGUID:")


def test_names_that_stay_themselves(domain, unit, corp):
    """The identifier stays when somebody gets another name or another place; who left isn't found."""
    uid, other = name(), name()
    dn = domain.person(uid, under=unit)
    source = corp()
    before = source.look_up({"username": uid})
    dn = domain.rename(dn, r"Lindqvist (Mara)\, née")
    domain.change(dn, sAMAccountName=other)
    after = source.look_up({"username": other})
    assert (after.subject, after.username) == (before.subject, other)
    assert source.look_up({"username": uid}) is None
    inner = domain.unit(f"OU=Inner,{unit}")
    dn = domain.move(dn, inner)
    assert source.look_up({"username": other}).subject == before.subject
    dn = domain.move(dn, samba.ELSEWHERE)
    assert source.look_up({"username": other}) is None
    domain.delete(domain.move(dn, unit))
    assert source.look_up({"username": other}) is None


@pytest.mark.parametrize("options", [{}, {"groups": "member", "nested": True}])
def test_groups_of_groups(domain, unit, corp, groups, options):
    """Groups of groups count, by the server's rule or by walking, and loops end."""
    uid = name()
    inner = groups(domain.person(uid, under=unit))
    outer = groups(inner)
    around = groups(outer)
    domain.join(inner, around)
    groups()
    profile = corp(**options).look_up({"username": uid})
    assert own(profile) == sorted(map(called, (inner, outer, around)))


def test_direct_groups(domain, unit, corp, groups):
    """By memberOf the groups that name the person count, and the primary one."""
    uid = name()
    inner = groups(domain.person(uid, under=unit))
    groups(inner)
    profile = corp(groups="memberOf").look_up({"username": uid})
    assert profile.groups == tuple(sorted(("Domain Users", called(inner))))


def test_primary_group(domain, unit, corp, groups):
    """The primary group counts, though it doesn't name its members, and so do the groups that it is in."""
    uid = name()
    dn = domain.person(uid, under=unit)
    primary = groups(dn)
    outer = groups(primary)
    sid = domain.read(primary, "objectSid")["objectSid"][0]
    domain.change(dn, primaryGroupID=str(int.from_bytes(sid[-4:], "little")))
    assert not domain.read(primary, "member")["member"]
    profile = corp().look_up({"username": uid})
    assert own(profile) == sorted(map(called, (primary, outer)))


def test_awkward_names_of_groups(domain, unit, corp):
    """Parentheses, commas and letters beyond ASCII mean themselves, in names of groups and of people."""
    uid = name()
    dn = domain.person(uid, under=unit)
    dn = domain.rename(dn, r"Ünal\, (Ayşe) \# 7")
    domain.group(r"Staff (all)\, Nürnberg", dn, under=unit)
    profile = corp().look_up({"username": uid})
    assert profile.groups == ("Domain Users", "Staff (all), Nürnberg", "Users")


@pytest.mark.parametrize("who", [READER, f"CN=reader,CN=Users,{BASE}", "EXAMPLE\\reader"])
def test_who_asks(domain, unit, corp, who):
    """The account that asks is named by principal name, distinguished name, or with its domain."""
    uid = name()
    domain.person(uid, under=unit)
    assert corp(bind_dn=who).look_up({"username": uid})


@pytest.mark.parametrize(
    ("control", "password", "message"),
    [(NORMAL, "wrong", "data 52e"), (NORMAL | OFF, PASSWORD, "data 533")],
)
def test_who_is_refused(domain, unit, corp, control, password, message):
    """A wrong password and a disabled account are told apart in the words of the server."""
    uid = name()
    domain.person(uid, under=unit, control=control)
    with pytest.raises(SourceUnavailable, match=message):
        corp(bind_dn=f"{uid}@{DOMAIN}", password=password).look_up({"username": uid})


def test_tls_is_required(domain, unit, corp):
    """A domain controller takes no password in the clear, and StartTLS is TLS."""
    uid = name()
    domain.person(uid, under=unit)
    with pytest.raises(SourceUnavailable, match="strongerAuthRequired"):
        corp(servers=(domain.plain,), ca_file="").look_up({"username": uid})
    assert corp(servers=(domain.plain,), starttls=True).look_up({"username": uid})
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        corp(ca_file="").look_up({"username": uid})


def test_the_whole_domain_as_base(domain, unit, corp):
    """What is said to be in other parts of the forest holds no people, and doesn't refuse a search."""
    uid = name()
    domain.person(uid, under=unit)
    found = corp(base=BASE)
    assert found.look_up({"username": uid}).username == uid
    assert list(found.read(""))


def test_no_computers(domain, corp):
    """Computers are accounts there, too, and nobody."""
    assert corp(base=BASE).look_up({"username": "DC1$"}) is None
    names = {
        person.profile().username for page in corp(base=BASE, state=("none",)).read("") for person in page
    }
    assert "DC1$" not in names
    assert {"Administrator", "reader"} <= names


def test_what_check_shows_of_a_domain(domain, unit, corp):
    """The server is asked, and somebody is shown."""
    domain.person(name(), under=unit)
    facts, failures = corp().examine()
    assert (facts[0], failures) == ((f"{domain.tls}:636", f"TLS, bound as {READER}"), [])


def test_a_domain_controller_that_comes_back(domain, unit, corp):
    """A connection that broke is replaced, and a controller that is gone is an error within the time."""
    uid = name()
    domain.person(uid, under=unit)
    source = corp(timeout=timedelta(seconds=5))
    assert source.look_up({"username": uid})
    domain.stop()
    try:
        with pytest.raises(SourceUnavailable):
            source.look_up({"username": uid})
    finally:
        domain.start()
    assert source.look_up({"username": uid})
