"""Values in filters and distinguished names: whatever is in them, they mean themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn

from saml_wsgi import names
from saml_wsgi.directories.ldap.escaping import equals, filter_value, identity, is_below, name_value, parts

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS | st.binary())
def test_a_value_in_a_filter_means_itself(value):
    """A reader of filters finds one comparison, with exactly this value."""
    escaped = filter_value(value)
    assert escaped.isascii()
    assert not set(escaped) & set("()*\x00&|!<>~:")
    unescaped = b""
    rest = escaped
    while rest:
        size = 3 if rest[0] == "\\" else 1
        unescaped += bytes.fromhex(rest[1:3]) if size == 3 else rest[0].encode()
        rest = rest[size:]
    assert unescaped == (value.encode() if isinstance(value, str) else value)


@given(TEXTS.filter(str.strip))
def test_a_filter_stays_one_comparison(value):
    """ldap3, which sends it, reads one comparison of this value, too."""
    tree = parse_filter(f"(&(objectClass=x){equals('uid', value)})", None, False, False, None, False)
    (both,) = tree.elements
    assert len(both.elements) == 2
    assert both.elements[1].assertion["attr"] == "uid"


@given(TEXTS)
def test_a_value_in_a_name_means_itself(value):
    """What is written into a distinguished name is read back, and nothing is added to the name."""
    name = f"uid={name_value(value)},ou=people,dc=test"
    found = parts(name)
    assert found is not None
    assert found[0] == ("uid", value)
    assert [part.value for part in found[1:]] == ["people", "test"]
    assert is_below(name, "OU=People, DC=test")


@given(st.text(st.sampled_from('ab,+=\\ ";#0'), min_size=1))
def test_reading_any_name_ends(text):
    """Whatever a directory calls a name is read or refused."""
    parts(text)


@pytest.mark.parametrize("name", ["", "people", "=x", "uid=a,,dc=test", "uid=\\ff\\fe,dc=test"])
def test_what_is_no_name(name):
    """It isn't taken for one."""
    assert parts(name) is None
    assert not is_below(name, "dc=test")
    assert not is_below("dc=test", name)


def test_names_as_others_read_them():
    """ldap3 sees the same parts in an awkward name."""
    name = "cn=" + name_value('Staff (all), "A" + #1; <x>=\\') + ",ou=groups,dc=test"
    assert [kind for kind, _, _ in parse_dn(name)] == ["cn", "ou", "dc"]


@pytest.mark.parametrize(
    ("name", "base", "expected"),
    [
        ("uid=a,dc=test", "dc=test", True),
        ("dc=test", "dc=test", True),
        ("uid=a\\,dc=test", "dc=test", False),
        ("uid=a,xdc=test", "dc=test", False),
        ("dc=test", "uid=a,dc=test", False),
    ],
)
def test_below(name, base, expected):
    """Names are compared by their parts, not by their ends."""
    assert is_below(name, base) is expected


@given(TEXTS)
def test_one_name_in_several_ways(value):
    """However a name is written and escaped, it is the same one."""
    plain = f"uid={name_value(value)},ou=People,dc=test"
    coded = "".join(f"\\{byte:02x}" for byte in value.encode())
    for other in (f"UID = {coded} , OU=people, DC=Test", f"uid={coded},ou=\\50eople,dc=test"):
        assert identity(other) == identity(plain)


@given(TEXTS, TEXTS)
def test_two_names(one, other):
    """Two names are one only where no more than letter case, compatibility forms and spaces differ."""

    def meant(value):
        return " ".join(word for word in names.key(value).split(" ") if word)

    are_one = identity(f"uid={name_value(one)},dc=test") == identity(f"uid={name_value(other)},dc=test")
    assert are_one is (meant(one) == meant(other))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("cn=a+uid=b,dc=test", "UID=B+cn=A,dc=test", True),
        ("cn=a+uid=b,dc=test", "cn=a,uid=b,dc=test", False),
        ("cn=a+uid=b,dc=test", "cn=a,dc=test", False),
        ("cn=a+uid=b,dc=test", "cn=a\\+uid\\=b,dc=test", False),
        ("cn=a\\,dc=test", "cn=a,dc=test", False),
        ("cn=a=b,dc=test", "cn=a\\=b,dc=test", True),
        ("cn=a  b,dc=test", "cn=a b,dc=test", True),
        ("nonsense \\", "nonsense \\", True),
        ("nonsense \\", "Nonsense \\", False),
        ("", "dc=test", False),
    ],
)
def test_names_that_are_one(one, other, expected):
    """Every part counts, in any order beside a plus; what is no name is at least itself."""
    assert (identity(one) == identity(other)) is expected
