"""When two texts are the same distinguished name (RFC 4514)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.resolvers.distinguished import parse


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=Staff,ou=Groups", "CN=staff,OU=GROUPS"),
        ("cn=Staff,ou=Groups", " cn = Staff , ou = Groups "),
        (r"cn=a\,b,ou=x", r"cn=a\2cb,ou=x"),
        (r"cn=a\,b,ou=x", r"cn=a\2Cb,ou=x"),
        ("cn=\u00e9", r"cn=\c3\A9"),
        ("cn=a+uid=b,ou=x", "uid=b + cn=a,ou=x"),
        (r"cn=\20a", r"cn=\ a"),
        (r"cn=a\ ", r"cn=a\20"),
        ("2.5.4.3=a", "2.5.4.3 = A"),
        ("cn=a=b", r"cn=a\=b"),
        (r"cn=a\#", "cn=a#"),
        ("cn=,ou=x", "cn= ,ou=x"),
    ],
)
def test_same(one, other):
    """Case, spaces around separators, escapes and the order within an RDN make no difference."""
    assert parse(one).key == parse(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=a,ou=x", "cn=a,ou=y"),
        ("cn=a,ou=x", "cn=a"),
        ("cn=a,ou=x", "ou=x,cn=a"),
        ("cn=a,ou=x", "uid=a,ou=x"),
        (r"cn=a\,ou=x", "cn=a,ou=x"),
        (r"cn=a\,ou\=x", "cn=a,ou=x"),
        (r"cn=a\ ", "cn=a "),
        ("cn=a+uid=b", "cn=a,uid=b"),
        ("cn=ab", "cn=a b"),
    ],
)
def test_different(one, other):
    """Another value, type, order or number of RDNs is another name."""
    assert parse(one).key != parse(other).key


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("cn=Staff,ou=x", "Staff"),
        ("cn= Staff ,ou=x", "Staff"),
        (r"cn=R\26D\, Oslo,ou=x", "R&D, Oslo"),
        (r"cn=a\\,ou=x", "a\\"),
        (r"cn=\C3\A9t\c3\a9", "\u00e9t\u00e9"),
        ("uid=a+cn=b", "a"),
        ("cn=,ou=x", ""),
        ("cn=#0401", "#0401"),
    ],
)
def test_first_value(text, first):
    """The first RDN's value is told unescaped."""
    assert parse(text).first == first


@pytest.mark.parametrize(
    "text",
    [
        "",
        "staff",
        "=a",
        "cn",
        "cn=a,",
        ",cn=a",
        "cn=a,,ou=x",
        "cn=a;ou=x",
        'cn="a"',
        "cn=a<b",
        "cn=a\\",
        r"cn=a\g",
        r"cn=\ff",
        "c n=a",
        "1a=b",
        "cn=a\x00",
        "cn=a+",
        "1..2=a",
    ],
)
def test_what_is_none(text):
    """Everything else is the name of a group, not a distinguished name."""
    assert parse(text) is None


_ESCAPED = str.maketrans({character: f"\\{character}" for character in '"+,;<>\\#= '})


@given(st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8")), min_size=1, max_size=4))
def test_what_is_escaped_comes_back(values):
    """Any value that is written with escapes is read as it was."""
    text = ",".join(f"cn={value.translate(_ESCAPED)}" for value in values)
    hexed = ", ".join("CN=" + "".join(f"\\{byte:02x}" for byte in value.encode()) for value in values)
    read = parse(text)
    assert read.first == values[0]
    assert len(read.key) == len(values)
    assert read.key == parse(hexed).key


@given(st.text(alphabet='cn=ou,+\\ 2"a;#', max_size=40))
def test_whatever_is_read(text):
    """Reading ends with a name or without one, whatever the text."""
    read = parse(text)
    assert read is None or (len(read.key) >= 1 and read.key == parse(text.upper().replace("\\", "\\")).key)
