"""What is done to the text of a field before it counts."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saml_wsgi.errors import ConfigurationError, Refused
from saml_wsgi.resolvers.mapping import AttributeMap, TextChange
from saml_wsgi.resolvers.transformation import Template


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (TextChange(), "Ada@X.test", "Ada@X.test"),
        (TextChange(lower=True), "ADA", "ada"),
        (TextChange(cut_domain=True), "ada@x.test", "ada"),
        (TextChange(cut_domain=True), "a@b@x.test", "a@b"),
        (TextChange(cut_domain=True), "CORP\\ada", "ada"),
        (TextChange(cut_domain=True), "CORP\\ada@x.test", "ada"),
        (TextChange(cut_domain=True), "CORP\\a\\b", "a\\b"),
        (TextChange(cut_domain=True), "ada", "ada"),
        (TextChange(cut_domain=True), "@x.test", ""),
        (TextChange(replace=((r"\.", "_"),)), "a.b.c", "a_b_c"),
        (TextChange(replace=((r"^ext-(.+)$", r"\1.ext"),)), "ext-ada", "ada.ext"),
        (TextChange(replace=(("a", "b"), ("b", "c"))), "ab", "cc"),
        (TextChange(replace=(("x", ""),)), "xx", ""),
        (TextChange(replace=(("A", "B"),), lower=True), "aA", "ab"),
        (TextChange(replace=(("@", "-"),), cut_domain=True, lower=True), "A@b@C", "a-b"),
    ],
)
def test_order_and_effect(change, before, after):
    """The domain is cut, then patterns are replaced in their order, then letters become small."""
    assert change.apply(before, "uid") == after


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (TextChange(), "x" * 257),
        (TextChange(cut_domain=True), "a@" + "x" * 256),
        (TextChange(replace=(("", "y"),)), "x" * 200),
        (TextChange(replace=(("x", "yy"), ("y", ""))), "x" * 129),
        (TextChange(lower=True), "\u0130" * 200),
    ],
)
def test_length_is_bounded_on_the_way(change, text):
    """Text that is too long before, between or after the changes is refused."""
    with pytest.raises(Refused, match="attribute_unusable"):
        change.apply(text, "uid")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"replace": (("(", ""),)}, "replace"),
        ({"replace": (("a", r"\1"),)}, "replace"),
        ({"replace": (("a", r"\g<b>"),)}, "replace"),
        ({"replace": (("a{99999999999999999999}", ""),)}, "replace"),
        ({"format": "{a"}, "format"),
        ({"format": "a}"}, "format"),
        ({"format": "{}"}, "format"),
        ({"format": "{a{b}}"}, "format"),
    ],
)
def test_what_cannot_be_read_does_not_start(options, key):
    """A bad pattern, replacement or format is a problem of the configuration."""
    with pytest.raises(ConfigurationError) as error:
        TextChange(**options)
    assert [problem.key for problem in error.value.problems] == [key]


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        (r"^(a+)+$", False),
        (r"([a-z]*)*x", False),
        (r"(?:(a|b)+c?)*", False),
        (r"(a{2,})+", False),
        (r"^(.+)@example\.com$", True),
        (r"(a{1,3}b)+", True),
        (r"[^@]+@(.+)", True),
        (r"(?=a+)b*", True),
    ],
)
def test_what_could_take_minutes_does_not_start(pattern, starts):
    """A repetition within a repetition without end isn't taken: what arrives could hold a worker for ever."""
    if starts:
        assert TextChange(replace=((pattern, "x"),))
        return
    with pytest.raises(ConfigurationError, match="itself repeated"):
        TextChange(replace=((pattern, "x"),))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{a} {b}", "1 2"),
        ("{ a }", "1"),
        ("{{{a}}}", "{1}"),
        ("{urn:oid:2.5.4.42}", "3"),
        ("plain", "plain"),
        ("{a}{gone}", None),
        ("{a}{empty}", None),
    ],
)
def test_templates(text, filled):
    """Names in braces are replaced, doubled braces are literal, and a part without a value is no text."""
    assert Template(text).fill({"a": "1", "b": "2", "urn:oid:2.5.4.42": "3", "empty": ""}.get) == filled


@given(st.text(max_size=60))
@example("{{}}{a}{{")
def test_any_template(text):
    """Every template is refused, or fills to a text in which nothing is lost."""
    try:
        template = Template(text)
    except ValueError:
        return
    literal = text.replace("{{", "").replace("}}", "")
    assert set(literal) - set("{}") <= set((template.fill(lambda name: name) or "") + " " + text)
    assert Template(text.replace("{", "{{").replace("}", "}}")).fill(lambda _: None) == text


# -- within the map --


def test_the_origin_tells_of_a_change(asserted):
    """Where a value came from says whether it was changed."""
    mapping = AttributeMap(changes={"username": TextChange(lower=True), "email": TextChange(lower=True)})
    profile = mapping.profile(asserted("ADA", email="ada@x.test"))
    assert (profile.username, profile.email) == ("ada", "ada@x.test")
    assert profile.origins == {"username": "saml:NameID (changed)", "email": "saml:email"}


@pytest.mark.parametrize(
    ("attributes", "name", "origin"),
    [
        ({"firstname": "Ada", "lastname": "L"}, "Ada L", "saml:{firstname} {lastname}"),
        ({"firstname": "Ada", "lastname": "L", "displayname": "A. L."}, "A. L.", "saml:displayname"),
        ({"firstname": "Ada", "lastname": "L", "displayname": ""}, "Ada L", "saml:{firstname} {lastname}"),
        ({"firstname": "Ada"}, None, None),
        ({"firstname": "Ada", "lastname": ""}, None, None),
        ({"firstname": "Ada", "displayname": ""}, "", None),
    ],
)
def test_composed_names(asserted, attributes, name, origin):
    """A composed value counts where no candidate has one; a missing part makes it absent."""
    mapping = AttributeMap(changes={"display_name": TextChange(format="{firstname} {lastname}")})
    profile = mapping.profile(asserted(**attributes))
    assert (profile.display_name, profile.origins.get("display_name")) == (name, origin)


def test_a_composed_name_is_changed_too(asserted):
    """What is composed is changed afterwards."""
    change = TextChange(format="{firstname}.{lastname}", lower=True, replace=((" ", "-"),))
    mapping = AttributeMap(username=(), changes={"username": change})
    profile = mapping.profile(asserted(firstname="Ada Maria", lastname="L"))
    assert profile.username == "ada-maria.l"
    assert profile.origins["username"] == "saml:{firstname}.{lastname} (changed)"


def test_parts_of_a_composed_value(asserted):
    """A part is an attribute, the NameID, or one of our fields where no attribute has that name."""
    mapping = AttributeMap(
        display_name=(),
        changes={
            "display_name": TextChange(format="{username}/{NameID}/{last_name}"),
            "last_name": TextChange(lower=True),
        },
    )
    assert mapping.profile(asserted("ada", lastname="L")).display_name == "ada/ada/l"
    assert mapping.profile(asserted("ada", lastname="L", username="u")).display_name == "u/ada/l"
    assert mapping.profile(asserted("x", transient=True, lastname="L", username="u")).display_name is None


def test_fields_that_compose_each_other(asserted):
    """Formats that name each other end: a field isn't part of itself, an attribute of its name is."""
    mapping = AttributeMap(
        username=(),
        email=(),
        changes={"username": TextChange(format="{email}"), "email": TextChange(format="{username}@x.test")},
    )
    profile = mapping.profile(asserted("n1"))
    assert (profile.username, profile.email) == (None, None)
    profile = mapping.profile(asserted("n1", username="ada"))
    assert (profile.username, profile.email) == ("ada@x.test", "ada@x.test")


def test_a_value_that_a_change_empties(asserted):
    """What nothing is left of is said to be empty, and comes from nowhere."""
    mapping = AttributeMap(changes={"email": TextChange(cut_domain=True)})
    profile = mapping.profile(asserted(email="@x.test"))
    assert (profile.email, profile.origins.get("email")) == ("", None)


def test_groups_are_changed_one_by_one(asserted):
    """Each group is replaced and written small by itself; what becomes empty is dropped."""
    change = TextChange(replace=(("^JC[ -]", ""), ("^drop$", "")), lower=True)
    mapping = AttributeMap(changes={"groups": change})
    profile = mapping.profile(asserted(memberOf=["JC Wiki;JC-HR", "drop"]), separator=";")
    assert profile.groups == ("hr", "wiki")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"nickname": TextChange()}, "attributes.nickname"),
        ({"groups": TextChange(cut_domain=True)}, "attributes.groups"),
        ({"groups": TextChange(format="{a}")}, "attributes.groups"),
    ],
)
def test_changes_that_cannot_be_meant(changes, key):
    """Something is done to fields that there are, and to groups only what can be."""
    with pytest.raises(ConfigurationError) as error:
        AttributeMap(changes=changes)
    assert [problem.key for problem in error.value.problems] == [key]


# -- what says who somebody is --


@pytest.mark.parametrize(
    ("change", "attributes", "expected"),
    [
        (TextChange(lower=True), {"uid": "ADA"}, "ada"),
        (TextChange(cut_domain=True), {"uid": "ada@x.test"}, "ada"),
        (TextChange(cut_domain=True), {"uid": ["ada@x.test", "ada@y.test"]}, None),
        (TextChange(cut_domain=True), {"uid": " @x.test"}, None),
        (TextChange(cut_domain=True), {"uid": "ada @x.test"}, None),
        (TextChange(replace=((" ", ""),)), {"uid": "ada "}, "ada"),
        (TextChange(), {"uid": "ada "}, None),
        (TextChange(replace=(("a", "\u0430"),)), {"uid": "ada"}, None),
        (TextChange(format="{first}.{last}"), {"first": "ada", "last": "l"}, "ada.l"),
        (TextChange(format="{first}.{last}"), {"first": ["ada", "eve"], "last": "l"}, None),
        (TextChange(format="{first}.{username}"), {"first": "ada", "username": ["l", "m"]}, None),
    ],
)
def test_identifying_after_a_change(asserted, change, attributes, expected):
    """The changed value says who somebody is if it can, and only if it was made from single values."""
    mapping = AttributeMap(username=("uid",), changes={"username": change})
    assertion = asserted(**attributes)
    if expected is None:
        with pytest.raises(Refused, match="attribute_unusable"):
            mapping.identifying(assertion, "username")
    else:
        assert mapping.identifying(assertion, "username") == expected
