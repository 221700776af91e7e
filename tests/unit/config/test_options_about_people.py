"""Options that say who somebody is: text, groups, and who may come in."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saml_wsgi.config.convert import Place, Unfit
from saml_wsgi.config.people import Arrows, Domains, Format, GroupNames, Separator
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.transformation import TextChange


def test_nothing_is_changed_unless_it_is_written(reading):
    """By default text is taken as it arrives, groups follow the assertion, and everybody may sign in."""
    found = reading().good
    assert found.attributes.changes == {}
    assert found.groups == GroupRules()
    assert found.access == Access()
    assert found.attributes.employee_id[0] == "employeeNumber"


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_can_be_changed(reading, field):
    """`replace`, `lower`, `cut_domain` and `format` are there for each field."""
    found = reading(
        {
            f"attributes.{field}.replace": "\n^a(.) -> \\1\n-x$ ->",
            f"attributes.{field}.lower": "yes",
            f"attributes.{field}.cut_domain": "on",
            f"attributes.{field}.format": "{firstname} {urn:oid:2.5.4.4}",
        }
    ).good
    assert found.attributes.changes == {
        field: TextChange(
            replace=(("^a(.)", "\\1"), ("-x$", "")),
            lower=True,
            cut_domain=True,
            format="{firstname} {urn:oid:2.5.4.4}",
        )
    }


def test_groups_can_be_replaced_and_lowered_only(reading):
    """The text of groups is changed by `replace` and `lower`; nothing composes a group."""
    found = reading({"attributes.groups.replace": "^wiki- -> ", "attributes.groups.lower": "yes"}).good
    assert found.attributes.changes == {"groups": TextChange(replace=(("^wiki-", ""),), lower=True)}
    for change in ("format", "cut_domain"):
        assert reading({f"attributes.groups.{change}": "yes"}).only.key == f"attributes.groups.{change}"


def test_a_format_alone_counts_unless_attributes_are_named(reading):
    """Where only the format is written, no attribute is looked for; where both are, the format comes last."""
    composed = {"attributes.display_name.format": "{firstname} {lastname}"}
    assert reading(composed).good.attributes.display_name == ()
    both = reading({**composed, "attributes.display_name": "cn"}).good
    assert both.attributes.display_name == ("cn",)
    assert reading({"match": "display_name", **composed}).good.match == "display_name"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("( -> x", "regular expression"),
        ("a -> \\2", "regular expression"),
        ("a -> \\", "regular expression"),
        ("a{99999999999} -> b", "regular expression"),
        ("a => b", "no arrow"),
        ("a->b", "no arrow"),
        ("-> b", "lacks a side"),
        ("a -> b -> c", "several arrows"),
        ("a -> b  # shorter", "has the entry"),
    ],
)
def test_a_replacement_that_can_not_be_made(reading, value, reason):
    """A bad pattern, replacement or line is told under its option, with its cure."""
    problem = reading({"attributes.username.replace": value}).only
    assert problem.key == "attributes.username.replace"
    assert reason in problem.reason
    assert problem.cure


@pytest.mark.parametrize("value", ["{", "a}", "{a} {", "{a}}", "plain", "{{a}}", "{}", "{a} ; {b}"])
def test_a_format_that_composes_nothing(reading, value):
    """Odd braces, and text that would be everybody's, are refused."""
    problem = reading({"attributes.display_name.format": value}).only
    assert problem.key == "attributes.display_name.format"
    assert problem.cure


def test_what_is_off_can_not_be_changed(reading):
    """A change to a field that comes from nowhere would do nothing."""
    found = reading({"attributes.email": "off", "attributes.email.lower": "yes"})
    assert found.only.key == "attributes.email.lower"
    off = {"attributes.email": "off", "attributes.email.lower": "yes", "attributes.email.format": "{mail}"}
    assert reading(off).good.attributes.email == ()


@pytest.mark.parametrize("field", FIELDS)
def test_people_are_matched_by_any_field(reading, field):
    """`match` is any field of a user, which must come from somewhere."""
    assert reading({"match": field}).good.match == field
    if field != "username":
        found = reading({"match": field, f"attributes.{field}": "off"})
        assert found.only.key == f"attributes.{field}"


def test_rules_of_groups(reading):
    """Each option of `groups.` is a part of the rules."""
    found = reading(
        {
            "groups.separator": ";",
            "groups.map": "\nStaff -> staff | everyone\n/team-(.*)/ -> \\1\ndn:cn=Wiki Admins,ou=x -> admins",
            "groups.unmapped": "drop",
            "groups.dn": "cn",
            "groups.default": "everyone",
            "groups.managed": "\nstaff\nteam *",
            "groups.create": "no",
            "groups.privileged": "\nadmins",
        }
    ).good
    assert found.groups == GroupRules(
        separator=";",
        map=(
            ("Staff", "staff | everyone"),
            ("/team-(.*)/", "\\1"),
            ("dn:cn=Wiki Admins,ou=x", "admins"),
        ),
        unmapped="drop",
        dn="cn",
        default=("everyone",),
        managed=("staff", "team *"),
        create=False,
        privileged=("admins",),
    )


def test_in_code_rules_are_pairs_too(reading):
    """In code the lines of a map may be written as pairs, and an entry of a list may hold a space."""
    found = reading(
        {"groups.map": [("Staff", "staff"), ("A -> B", "ab")], "deny.groups": ["Domain Guests"]}
    ).good
    assert found.groups.map == (("Staff", "staff"), ("A -> B", "ab"))
    assert found.access.deny_groups == ("Domain Guests",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("groups.separator", "; # a comment"),
        ("groups.separator", "and"),
        ("groups.separator", "123456789"),
        ("groups.map", "staff"),
        ("groups.map", "staff ->"),
        ("groups.map", "/(/ -> staff"),
        ("groups.map", "dn:nonsense -> staff"),
        ("groups.unmapped", "forget"),
        ("groups.dn", "ou"),
        ("groups.create", "perhaps"),
        ("groups.default", "x" * 300),
        ("allow.domains", "@example.com"),
        ("allow.domains", "*.example.com"),
        ("allow.domains", "example..com"),
        ("allow.domains", "-"),
    ],
)
def test_rules_that_can_not_be_meant(reading, key, value):
    """What can't be a rule is told under its option, with its cure."""
    problem = reading({key: value}).only
    assert problem.key == key
    assert problem.cure


def test_a_privileged_group_is_nobodys_by_default(reading):
    """A group that everybody is in and only a listed few may be in is a contradiction."""
    found = reading({"groups.default": "Admins", "groups.privileged": "admins", "allow.domains": "x y@"})
    assert {problem.key for problem in found.fatal} == {"groups.default", "allow.domains"}


@pytest.mark.parametrize(
    "key", ["groups.default", "groups.managed", "groups.privileged", "allow.groups", "deny.groups"]
)
def test_one_line_of_groups_with_a_space_is_not_guessed_at(reading, key):
    """`deny.groups = Domain Guests` would deny nobody if it were read as two groups: it is asked for."""
    problem = reading({key: "Domain Guests"}).only
    assert problem.key == key
    assert "one group or several" in problem.reason
    assert reading({key: "\n    Domain Guests"}).good
    assert "comments" in reading({key: "staff # all"}).only.cure


def test_who_may_sign_in(reading):
    """Lists of groups and domains; a domain has no letter case."""
    found = reading(
        {
            "allow.groups": "\nstaff\nDomain Users",
            "allow.domains": "Example.com bücher.example",
            "deny.groups": "x",
        }
    ).good
    assert found.access == Access(("staff", "Domain Users"), ("example.com", "bücher.example"), ("x",))


def test_nobody_could_sign_in(reading):
    """Where every group that is allowed is denied as well, nobody gets in: it doesn't start."""
    assert reading({"allow.groups": "Staff", "deny.groups": "\nstaff\nguests"}).only.key == "allow.groups"
    assert reading({"allow.groups": "\nStaff\nb", "deny.groups": "staff"}).good


@pytest.mark.parametrize("key", ["allow.groups", "deny.groups"])
def test_everybodys_groups_keep_nobody_out(reading, key):
    """A group that everybody is given lets everybody in, or nobody: that isn't meant."""
    assert reading({"groups.default": "\nUsers\nreaders", key: "users"}).only.key == key
    assert reading({"groups.default": "readers", key: "users"}).good


@pytest.mark.parametrize(
    "option", [GroupNames(), Domains(), Format(), Separator(), Arrows("x", patterns=True)]
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(st.text(), st.lists(st.text(), max_size=4), st.none(), st.binary()))
def test_any_value_is_taken_or_refused_in_words(option, value):
    """Whatever is written, there is a value or a reason, never another exception."""
    with contextlib.suppress(Unfit):
        option(value, Place("some.option"))


@given(value=st.text(alphabet="{}ab ", max_size=20))
def test_every_format_that_is_taken_can_be_used(value):
    """The option and whoever composes agree on what a format is."""
    try:
        taken = Format()(value, Place("attributes.email.format"))
    except Unfit:
        return
    assert TextChange(format=taken).template is not None


@given(pattern=st.text(max_size=12), replacement=st.text(alphabet="\\g<1>a", max_size=6))
def test_every_replacement_that_is_taken_can_be_used(pattern, replacement):
    """The option and whoever replaces agree on what a pattern is."""
    try:
        taken = Arrows("x", patterns=True)([(pattern, replacement)], Place("attributes.email.replace"))
    except Unfit:
        return
    TextChange(replace=taken).apply("a text", "email")


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("\nWiki Admins -> Admins | editors", False),
        ("\n/(.*)/ -> admins", True),
        ("\nWiki Admins -> admin", True),
    ],
)
def test_a_privileged_group_that_nobody_can_get(reading, lines, warned):
    """A privileged group that no exact line gives may be misspelt: it starts, with a warning."""
    found = reading({"groups.map": lines, "groups.privileged": "admins"})
    assert found.fatal == ()
    assert [problem.key for problem in found.warnings] == (["groups.privileged"] if warned else [])
