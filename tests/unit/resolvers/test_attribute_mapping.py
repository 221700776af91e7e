"""What of an assertion becomes a profile, and what can't."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from saml_wsgi.errors import Refused
from saml_wsgi.model import FIELDS, Assertion
from saml_wsgi.resolvers.mapping import AttributeMap, arrived, identifying, is_address


def test_fields_and_origins(asserted):
    """Each field takes its attribute's value, and the profile says where it came from."""
    profile = AttributeMap().profile(
        asserted(
            "ada",
            email="ada@x.test",
            firstname="Ada",
            lastname="L",
            displayname="Ada L",
            employeeNumber="7",
            memberOf=["b", "a"],
        )
    )
    assert [profile.value(field) for field in FIELDS] == ["ada", "ada@x.test", "Ada", "L", "Ada L", "7"]
    assert profile.groups == ("a", "b")
    assert profile.origins == {
        "username": "saml:NameID",
        "email": "saml:email",
        "first_name": "saml:firstname",
        "last_name": "saml:lastname",
        "display_name": "saml:displayname",
        "employee_id": "saml:employeeNumber",
        "groups": "saml:memberOf",
    }


@pytest.mark.parametrize(
    ("attributes", "email", "origin"),
    [
        ({"b": "2"}, "2", "saml:b"),
        ({"a": "1", "b": "2"}, "1", "saml:a"),
        ({"a": "", "b": "2"}, "2", "saml:b"),
        ({"a": [], "b": "2"}, "2", "saml:b"),
        ({"a": ["", "1"], "b": "2"}, "1", "saml:a"),
        ({"a": "", "b": ""}, "", None),
        ({"a": []}, "", None),
        ({}, None, None),
        ({"A": "1"}, None, None),
        ({"a": "  ", "b": " 2 "}, "2", "saml:b"),
        ({"a": " "}, "", None),
    ],
)
def test_candidates(asserted, attributes, email, origin):
    """The first candidate with a value counts; present without one is "", absent everywhere is None."""
    profile = AttributeMap(email=("a", "b")).profile(asserted(**attributes))
    assert profile.email == email
    assert profile.origins.get("email") == origin


def test_an_attribute_that_is_called_name_id_is_not_the_name_id(asserted):
    """The candidate NameID is the subject's, whatever attributes are called."""
    assert AttributeMap().profile(asserted("ada", NameID="eve")).username == "ada"
    assert AttributeMap().profile(asserted("x9", transient=True, NameID="eve")).username is None


def test_transient_name_id(asserted):
    """A transient NameID gives no field a value; a later candidate does."""
    mapping = AttributeMap(username=("NameID", "uid"), email=("NameID",))
    profile = mapping.profile(asserted("_7f", transient=True, uid="ada"))
    assert (profile.username, profile.email) == ("ada", None)


@pytest.mark.parametrize(
    ("attributes", "groups"),
    [
        ({}, None),
        ({"g": []}, ()),
        ({"g": ["", " "]}, ()),
        ({"g": [" b ", "a", "b", "", "a"]}, ("a", "b")),
        ({"g": [], "h": ["admins"]}, ()),
        ({"h": ["x"]}, ("x",)),
    ],
)
def test_groups(asserted, attributes, groups):
    """Groups are the first present candidate's values, stripped, sorted, each once; absent is None."""
    assert AttributeMap(groups=("g", "h")).profile(asserted(**attributes)).groups == groups


@pytest.mark.parametrize("field", [*FIELDS, "groups"])
def test_length_is_bounded(asserted, field):
    """256 characters are accepted whole; one more refuses, and nothing is cut."""
    mapping = AttributeMap(**{field: ("a",)})
    profile = mapping.profile(asserted(a="x" * 256))
    assert (profile.groups if field == "groups" else profile.value(field)) in ("x" * 256, ("x" * 256,))
    with pytest.raises(Refused, match=r"^attribute_unusable: .*257 characters"):
        mapping.profile(asserted(a="x" * 257))


def test_what_folds_to_something_long_is_refused(asserted):
    """A name is bounded as it is compared, not only as it is written."""
    with pytest.raises(Refused, match="attribute_unusable"):
        AttributeMap().profile(asserted("\ufdfa" * 200))


def test_number_of_groups_is_bounded(asserted):
    """10,000 groups are accepted, one more refuses."""
    many = [str(number) for number in range(10_001)]
    assert len(AttributeMap().profile(asserted(memberOf=many[1:])).groups) == 10_000
    with pytest.raises(Refused, match="attribute_unusable"):
        AttributeMap().profile(asserted(memberOf=many))


def test_only_what_matters_can_refuse(asserted):
    """A field that wasn't asked for is neither taken nor a reason to refuse."""
    profile = AttributeMap().profile(
        asserted("ada", email="x" * 300, memberOf=["y" * 300]), only={"username"}
    )
    assert (profile.username, profile.email, profile.groups) == ("ada", None, None)


@pytest.mark.parametrize(
    "values",
    [
        ["ada", "bob"],
        ["ada", "Ada"],
        [],
        [""],
        ["ada\u200b"],
        ["\u202eada"],
        ["ada\u00a0"],
        [" ada"],
        ["a\nb"],
        ["x" * 257],
        ["\ufdfa" * 200],
        [" "],
        ["\u0430dmin"],
        ["ad\u034fa"],
    ],
)
def test_what_says_who_somebody_is(asserted, values):
    """Nobody is identified by several values, none, invisible characters, or one that is too long."""
    with pytest.raises(Refused, match="attribute_unusable"):
        identifying(asserted(uid=values), "uid")


@pytest.mark.parametrize(
    "value", ["ada", "Ada Lovelace", "ada@x.test", "Ælfrēd", "李", "\u0430\u0434\u0430", "x" * 256]
)
def test_what_may_say_who_somebody_is(asserted, value):
    """Printable names of any script identify, also if the value is repeated."""
    assert identifying(asserted(uid=[value, value, ""]), "uid") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@x.test", True),
        ("a@b", True),
        ("@x.test", False),
        ("ada@", False),
        ("ada", False),
        ("", False),
        ("a@b@c", False),
        ("a b@c", False),
        ("a@b\tc", False),
    ],
)
def test_address(value, expected):
    """An address has one @ with something on both sides, and no white space."""
    assert is_address(value) is expected


def test_arrived_names_no_value(asserted):
    """What an operator reads lists names, bounded, and no values."""
    text = arrived(asserted("secret", email="secret", transient=True))
    assert text == "NameID (transient), email"
    many = arrived(asserted(**{f"attribute{number:04}" * 20: "secret" for number in range(1000)}))
    assert "secret" not in many
    assert len(many) < 5000
    assert many.endswith(" and 961 more")


@given(
    name_id=st.text(max_size=300),
    attributes=st.dictionaries(
        st.sampled_from(["email", "mail", "firstname", "memberOf", "groups", "other"]),
        st.lists(st.text(max_size=300), max_size=4).map(tuple),
    ),
    transient=st.booleans(),
)
def test_whatever_is_asserted(name_id, attributes, transient):
    """Every value was asserted, whole but for its ends, and a value has an origin; or it is refused."""
    assertion = Assertion("i", "i", "_1", name_id, "", attributes, "", 0, None, 0, transient)
    try:
        profile = AttributeMap().profile(assertion)
    except Refused:
        event("refused")
        return
    said = {value.strip() for values in attributes.values() for value in values} | {name_id.strip(), ""}
    for field in FIELDS:
        value = profile.value(field)
        assert value is None or value in said
        assert bool(value) == (field in profile.origins)
    assert set(profile.groups or ()) <= said
