"""What a directory's entries mean, by preset: fields, groups, switched off or not."""

from __future__ import annotations

import struct
import time

import pytest

from saml_wsgi.errors import Ambiguous, Refused, SourceUnavailable

AD = {"preset": "active_directory", "base": "OU=Staff,DC=corp,DC=test"}
JUMPCLOUD = {"preset": "jumpcloud", "org_id": "0123456789abcdef01234567", "servers": None, "base": None}
DN = "CN=Mara,OU=Staff,DC=corp,DC=test"
SID = bytes.fromhex("010500000000000515000000") + struct.pack("<4I", 1, 2, 3, 1105)


def test_jumpcloud_from_the_organisation_alone(make, find, person):
    """The organisation's id says where the server, the people and who asks are."""
    source = make(**JUMPCLOUD, bind_dn="reader, the")
    base = "ou=Users,o=0123456789abcdef01234567,dc=jumpcloud,dc=com"
    assert source.people.base == base
    assert [str(server) for server in source.client.access.servers] == ["ldaps://ldap.jumpcloud.com:636"]
    assert source.client.access.user == f"uid=reader\\, the,{base}"
    mara = person(uid="mara", mail="m@x.test", cn="Mara L", memberOf=[f"cn=A (b),{base}", "cn=C,dc=other"])
    profile, script = find(mara, **JUMPCLOUD)
    assert (profile.display_name, profile.groups, profile.active) == ("Mara L", ("A (b)",), None)
    assert script.asked[0][0] == base
    profile, _ = find([], **JUMPCLOUD)
    assert profile.active is False


def test_active_directory(find, person):
    """Fields, groups of groups and the primary group, each found by the directory's own rules."""
    mara = person(
        DN, sAMAccountName="mara", displayName="Mara L", employeeID="7", userAccountControl="512",
        accountExpires="9223372036854775807", objectSid=SID, primaryGroupID="513",
    )  # fmt: skip
    users = person("CN=Users,DC=corp,DC=test", cn="Users")
    profile, script = find(mara, users, [person("CN=A,DC=corp,DC=test", cn="A")], **AD)
    assert (profile.username, profile.employee_id, profile.active) == ("mara", "7", True)
    assert profile.groups == ("A", "Users")
    primary, chain = script.asked[1][2], script.asked[2][2]
    assert primary.endswith("\\01\\02\\00\\00))")  # 513
    assert "(member:1.2.840.113556.1.4.1941:=CN=Mara,OU=Staff,DC=corp,DC=test)" in chain
    assert "(member:1.2.840.113556.1.4.1941:=CN=Users,DC=corp,DC=test)" in chain
    assert script.asked[2][0] == "dc=corp,dc=test"


def _filetime(seconds):
    return str(int((seconds + 11_644_473_600) * 10_000_000))


@pytest.mark.parametrize(
    ("attributes", "active"),
    [
        ({"userAccountControl": "512"}, True),
        ({"userAccountControl": "514"}, False),
        ({"userAccountControl": "66050"}, False),
        ({"userAccountControl": "512", "accountExpires": "0"}, True),
        ({"userAccountControl": "512", "accountExpires": _filetime(time.time() - 60)}, False),
        ({"userAccountControl": "512", "accountExpires": _filetime(time.time() + 3600)}, True),
    ],
)
def test_state_in_active_directory(find, person, attributes, active):
    """Disabled and expired accounts are switched off."""
    profile, _ = find(person(DN, sAMAccountName="mara", **attributes), groups="none", **AD)
    assert profile.active is active
    assert bool(profile.username) is active


@pytest.mark.parametrize("value", [None, "x", "", ["512", "514"], "1" * 40, b"\xff"])
def test_state_that_cannot_be_read(find, person, value):
    """An account of which nobody can say whether it is switched off signs nobody in."""
    attributes = {} if value is None else {"userAccountControl": value}
    with pytest.raises((SourceUnavailable, Refused)):
        find(person(DN, sAMAccountName="mara", **attributes), **AD)


@pytest.mark.parametrize(
    ("attributes", "active"),
    [
        ({}, None),
        ({"shadowExpire": "-1"}, None),
        ({"shadowExpire": "1"}, False),
        ({"shadowExpire": "0"}, False),
        ({"shadowExpire": "99999"}, True),
        ({"pwdAccountLockedTime": "000001010000Z"}, False),
        ({"pwdAccountLockedTime": "20260101120000Z"}, None),
        ({"employeeType": "Former"}, False),
    ],
)
def test_state_in_openldap(find, person, attributes, active):
    """Expiry, a lock for good, and what the operator says switch an account off."""
    profile, _ = find(person(uid="mara", **attributes), groups="none", inactive_when=("employeeType=former",))
    assert profile.active is active


def test_by_whom_somebody_is_found(find, person):
    """The first field that is known is looked for, and no other; an address as the name, among both."""
    _, script = find(keys={"username": "mara", "email": "old@x.test"})
    assert [asked[2] for asked in script.asked] == ["(&(objectClass=inetOrgPerson)(uid=mara))"]
    profile, script = find(
        person(uid="mara", mail=["m@x.test", "M@x.test"]),
        keys={"username": "m@x.test", "email": "M@X.test"},
        groups="none",
    )
    assert script.asked[0][2] == "(&(objectClass=inetOrgPerson)(|(uid=m@x.test)(mail=m@x.test)))"
    assert profile.username == "mara"


def test_equal_for_the_directory_alone(find, person):
    """Somebody whose name is another one by our rule isn't the person who was meant."""
    assert find(person(uid="jose"), keys={"username": "jos\u00e9"})[0] is None
    options = {"find_by": ("employee_id",), "groups": "none"}
    assert find(person(employeeNumber="a7"), keys={"employee_id": "A7"}, **options)[0] is None
    assert find(person(employeeNumber="A7"), keys={"employee_id": "A7"}, **options)[0].employee_id == "A7"


def test_two_people(find, person):
    """Two entries are nobody's."""
    with pytest.raises(Ambiguous):
        find([person(uid="mara"), person("uid=b,dc=test", uid="mara")])


def test_several_values(find, person):
    """Of several values the one asked for counts, then the one in the entry's name, then the first."""
    profile, _ = find(person(uid=["z", "MARA", "a"], mail=["b@x.test", "a@x.test"]), groups="none")
    assert (profile.username, profile.email) == ("MARA", "b@x.test")
    profile, _ = find(person(uid=["z", "mara"], mail="a@x.test"), keys={"email": "a@x.test"}, groups="none")
    assert profile.username == "mara"


@pytest.mark.parametrize("value", [b"\xff\xfe\x00", "a\x00b", "a\nb", "\x1b[31m", b"\xed\xa0\x80"])
@pytest.mark.parametrize("attribute", ["givenName", "uid"])
def test_values_that_are_no_text(find, person, value, attribute):
    """Binary junk and control characters are refused, and never shown as they are."""
    values = {"uid": "mara", attribute: value}
    with pytest.raises(Refused) as refused:
        find(person(**values), groups="none")
    assert refused.value.code == "attribute_unusable"
    assert refused.value.detail.isprintable()


def test_thousands_of_groups(find, person):
    """A great many groups are read; beyond what any resolver takes, nobody is told a part of them."""
    base = "dc=example,dc=test"
    many = [f"cn=g{number},{base}" for number in range(10_000)]
    profile, _ = find(person(uid="mara", memberOf=many), groups="memberOf")
    assert len(profile.groups) == 10_000
    with pytest.raises(SourceUnavailable):
        find(person(uid="mara", memberOf=[*many, f"cn=more,{base}"]), groups="memberOf")


def test_values_in_portions(find, person):
    """Groups that a server tells in portions are all read, or it isn't an answer."""
    dn = "cn={},dc=example,dc=test"
    first = person(uid="mara", memberOf__range__0__1=[dn.format("a"), dn.format("b")])
    last = person(memberOf__range__2__STAR=dn.format("c"))
    last = type(last)(last.dn, {"memberof;range=2-*": next(iter(last.attributes.values()))})
    profile, script = find(first, last, groups="memberOf")
    assert profile.groups == ("a", "b", "c")
    assert script.asked[1][3] == ("memberOf;range=2-*",)
    with pytest.raises(SourceUnavailable):
        find(first, [], groups="memberOf")


def test_groups_that_never_end(find, person):
    """Groups in groups end at a stated depth: an error, not a part of them."""
    chain = [person(f"cn=g{n},dc=example,dc=test", cn=f"g{n}") for n in range(20)]
    with pytest.raises(SourceUnavailable, match="deep"):
        find(person(uid="mara"), *chain, nested=True)


@pytest.mark.parametrize("group", ["nonsense", "cn=,dc=example,dc=test"])
def test_groups_without_a_name(find, person, group):
    """A group that can't be named may be a denied one: the person is refused."""
    options = {"groups": "memberOf", "group_base": "dc=example,dc=test"}
    if group == "nonsense":  # below nothing
        assert find(person(uid="mara", memberOf=group), **options)[0].groups == ()
    else:
        with pytest.raises(Refused):
            find(person(uid="mara", memberOf=group), **options)
    with pytest.raises(Refused):
        find(person(uid="mara"), person("cn=x,dc=test"))


def test_whole_names_of_groups(find, person):
    """With ``group_name = dn`` two groups of one name in different places stay two."""
    groups = ["cn=a,ou=x,dc=example,dc=test", "cn=a,ou=y,dc=example,dc=test"]
    profile, _ = find(person(uid="mara", memberOf=groups), groups="memberOf", group_name="dn")
    assert profile.groups == tuple(groups)
    assert find(person(uid="mara", memberOf=groups), groups="memberOf")[0].groups == ("a",)
