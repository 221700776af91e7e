"""Groups: what they are called here, and which memberships are written."""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from saml_wsgi import names
from saml_wsgi.errors import ConfigurationError, Refused
from saml_wsgi.resolvers.groups import MOST_LEFT, AssertedGroup, GroupRules, MappedGroups


def mapped(rules: GroupRules, *groups: str) -> MappedGroups:
    return rules.mapped(AssertedGroup(group, group) for group in groups)


@pytest.mark.parametrize(
    ("lines", "asserted", "expected"),
    [
        ((), ["b", "a"], ("a", "b")),
        ((), ["A", "a"], ("A",)),
        ((("wiki", "editors"),), ["Wiki", "other"], ("editors", "other")),
        ((("wiki", "a | b|c"),), ["wiki"], ("a", "b", "c")),
        ((("wiki", "a"), ("WIKI", "b")), ["wiki"], ("a", "b")),
        ((("wiki", "a"), ("/w.*/", "b")), ["wiki"], ("a", "b")),
        ((("/wiki-(.+)/", r"\1"),), ["wiki-x", "a wiki-y"], ("a wiki-y", "x")),
        ((("/wiki-(.+)/", r"\1|all"),), ["wiki-x"], ("all", "x")),
        ((("/wiki-(.+)/", r"\1"),), ["wiki-x|admins"], ("x|admins",)),
        ((("/wiki-(.*)/", r"\1"),), ["wiki-"], ()),
        ((("/WIKI/", "a"),), ["wiki"], ("wiki",)),
        ((("/(?i)WIKI/", "a"),), ["wiki"], ("a",)),
        ((("/a/b", "x"), ("/", "y"), ("//", "z")), ["/a/b", "/", "//"], ("x", "y", "z")),
        ((("wiki", r"\1"),), ["wiki"], (r"\1",)),
        ((("dn:cn=x,ou=y", "a"),), ["CN=X, OU=Y", "cn=x,ou=z"], ("a", "cn=x,ou=z")),
        ((("cn=x,ou=y", "a"),), ["CN=x,ou=y", "cn=x, ou=y"], ("a", "cn=x, ou=y")),
    ],
)
def test_mapping(lines, asserted, expected):
    """Names, regular expressions and distinguished names are renamed; all lines that match count."""
    assert mapped(GroupRules(map=lines), *asserted).names == expected


def test_what_no_line_matches_can_be_dropped():
    """With unmapped = drop only what is listed counts, and the rest is told."""
    found = mapped(GroupRules(map=(("wiki", "editors"),), unmapped="drop"), "wiki", "hr")
    assert found.names == ("editors",)
    assert found.left == {"hr": "no line of groups.map matches it"}


@pytest.mark.parametrize(
    ("dn", "asserted", "expected"),
    [
        ("whole", "cn=Wiki,ou=x", ("cn=Wiki,ou=x",)),
        ("cn", "cn=Wiki,ou=x", ("W",)),
        ("cn", "cn=Other,ou=x", ("Other",)),
        ("cn", r"cn=R\, D,ou=x", ("R, D",)),
        ("cn", "cn=Whole,ou=x", ("S",)),
        ("cn", "a=b", ("b",)),
        ("cn", "cn=,ou=x", ("cn=,ou=x",)),
        ("cn", "no dn", ("no dn",)),
    ],
)
def test_distinguished_names(dn, asserted, expected):
    """With dn = cn the first value is taken before lines match by name; dn: lines look at all of it."""
    rules = GroupRules(dn=dn, map=(("wiki", "W"), ("dn:cn=whole,ou=x", "S")))
    assert mapped(rules, asserted).names == expected


# -- privileged groups --

PRIVILEGED = GroupRules(
    dn="cn",
    map=(
        ("Wiki Admins", "admins"),
        ("dn:cn=root,ou=it", "Admins"),
        ("/wiki-(.+)/", r"\1"),
        ("/boss/", "admins"),
    ),
    privileged=("ADMINS",),
)


@pytest.mark.parametrize(
    ("asserted", "expected"),
    [
        ("Wiki Admins", ("admins",)),
        ("wiki admins", ()),
        ("Ｗiki Admins", ()),
        ("cn=Root, ou=IT", ("Admins",)),
        ("cn=root,ou=elsewhere", ("root",)),
        ("admins", ()),
        ("Admins", ()),
        ("\uff41\uff44\uff4d\uff49\uff4e\uff53", ()),
        ("wiki-admins", ()),
        ("wiki-ADMINS", ()),
        ("boss", ()),
        ("cn=admins,ou=x", ()),
        ("cn=Wiki Admins,ou=anywhere", ()),
    ],
)
def test_privileged_groups(asserted, expected):
    """They come from an exact line alone: not as asserted, by a pattern, or out of a distinguished name."""
    found = mapped(PRIVILEGED, asserted)
    assert found.names == expected
    if not expected:
        assert "privileged" in next(iter(found.left.values()))


def test_a_rewritten_name_is_not_exact():
    """What attributes.groups.replace made of a name doesn't open a privileged group."""
    found = PRIVILEGED.mapped([AssertedGroup("x Wiki Admins", "Wiki Admins")])
    assert (found.names, list(found.left)) == ((), ["admins"])
    again = PRIVILEGED.mapped([AssertedGroup("Wiki Admins", "wiki admins")])
    assert again.names == ("admins",)
    dn = PRIVILEGED.mapped([AssertedGroup("cn=root,ou=x", "cn=root,ou=it")])
    assert dn.names == ()


def test_a_privileged_group_from_two_sides():
    """One exact line is enough, whatever else was asserted, and nothing is told to be left then."""
    found = mapped(PRIVILEGED, "admins", "Wiki Admins", "wiki-admins")
    assert (found.names, found.left) == (("admins",), {})


# -- memberships --


@pytest.mark.parametrize(
    ("options", "current", "asserted", "expected"),
    [
        ({}, ("a",), ["b"], ("b",)),
        ({}, ("a",), [], ()),
        ({}, ("a",), None, ("a",)),
        ({}, ("A",), ["a"], ("A",)),
        ({"default": ("all",)}, (), None, ("all",)),
        ({"default": ("all",)}, ("a",), [], ("all",)),
        ({"default": ("all",)}, ("ALL",), ["a"], ("ALL", "a")),
        ({"managed": ("w-*",)}, ("lunch", "w-a"), ["w-b", "x"], ("lunch", "w-b")),
        ({"managed": ("w-*",)}, ("lunch", "w-a"), [], ("lunch",)),
        ({"managed": ("w-*",), "default": ("all",)}, ("w-a",), [], ("all",)),
        ({"managed": ("w-*",), "default": ("all",)}, ("all",), ["w-a"], ("all", "w-a")),
        ({"managed": ()}, ("a",), ["b"], ("a",)),
        ({"managed": ("A",)}, ("a", "b"), [], ("b",)),
    ],
)
def test_memberships(options, current, asserted, expected):
    """Inside the managed set the assertion is followed, outside nothing changes; defaults are added."""
    rules = GroupRules(**options)
    groups = None if asserted is None else mapped(rules, *asserted)
    assert rules.memberships(current, groups)[0] == expected


def test_what_is_outside_the_managed_set_is_told():
    """A group that was asserted and isn't managed is left, unless the user is in it anyway."""
    rules = GroupRules(managed=("w-*",), default=("all",))
    _, left = rules.memberships(("kept",), mapped(rules, "kept", "new", "all", "w-a"))
    assert left == {"new": "outside groups.managed"}


def test_a_privileged_group_follows_the_assertion_like_others():
    """It goes if nothing says it any more, and stays where groups weren't spoken of."""
    rules = GroupRules(map=(("root", "admins"),), privileged=("admins",))
    assert rules.memberships(("admins",), mapped(rules, "admins"))[0] == ()
    assert rules.memberships(("admins",), mapped(rules, "root"))[0] == ("admins",)
    assert rules.memberships(("admins",), None)[0] == ("admins",)


KNOWN = {
    "create": False,
    "map": (("x", "From Map"), ("/y/", "From Pattern"), (r"/z-(.+)/", r"\1")),
    "default": ("everybody",),
    "managed": ("named", "*"),
}


@pytest.mark.parametrize("group", ["x", "y", "named", "NAMED", "everybody", "listed"])
def test_known_groups_are_joined(group):
    """Without create, groups are joined that an option names exactly or the directory knows."""
    rules = GroupRules(**KNOWN)
    joined, left = rules.memberships((), mapped(rules, group), lambda _: ["LISTED"])
    assert (len(joined), left) == (2 if group != "everybody" else 1, {})


@pytest.mark.parametrize("group", ["z-new", "new", "\\1"])
def test_unknown_groups_are_not_joined(group):
    """Without create, a group that nobody made is left and told."""
    rules = GroupRules(**KNOWN)
    for known in (None, lambda _: []):
        joined, left = rules.memberships((), mapped(rules, group), known)
        assert joined == ("everybody",)
        assert list(left.values()) == ["there is no such group, and groups.create is off"]


def test_the_directory_is_asked_only_of_what_it_must_be():
    """Which groups there are is asked of those that would be joined and no option names."""
    rules, asked = GroupRules(create=False, default=("everybody",)), []

    def known(groups):
        asked.append(list(groups))
        return groups

    assert rules.memberships(("a",), mapped(rules, "a"), known)[0] == ("a", "everybody")
    assert asked == []
    assert rules.memberships(("a",), mapped(rules, "a", "b"), known)[0] == ("a", "b", "everybody")
    assert asked == [["b"]]


def test_reasons_are_bounded():
    """A record tells of so many groups and how many more there are."""
    rules = GroupRules(unmapped="drop")
    _, left = rules.memberships((), mapped(rules, *map(str, range(MOST_LEFT + 7))))
    assert len(left) == MOST_LEFT + 1
    assert left["…"] == "and 7 more"


# -- what can't be meant --


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"unmapped": "maybe"}, ["groups.unmapped"]),
        ({"dn": "first"}, ["groups.dn"]),
        ({"default": ("",)}, ["groups.default"]),
        ({"managed": (" ",)}, ["groups.managed"]),
        ({"privileged": ("",)}, ["groups.privileged"]),
        ({"default": ("Admins",), "privileged": ("admins",)}, ["groups.default"]),
        ({"map": (("/(/", "a"),)}, ["groups.map"]),
        ({"map": (("/a/", r"\1"),)}, ["groups.map"]),
        ({"map": (("/a/", r"x|\1"),)}, ["groups.map"]),
        ({"map": (("dn:staff", "a"),)}, ["groups.map"]),
        ({"map": (("DN:", "a"),)}, ["groups.map"]),
        ({"map": (("", "a"),)}, ["groups.map"]),
        ({"map": (("a", "b||c"),)}, ["groups.map"]),
        ({"map": (("/(/", "a"), ("b", ""))}, ["groups.map", "groups.map"]),
        ({"dn": "", "unmapped": ""}, ["groups.unmapped", "groups.dn"]),
    ],
)
def test_what_cannot_be_meant(options, keys):
    """Every problem is told at once, under the option's key."""
    with pytest.raises(ConfigurationError) as error:
        GroupRules(**options)
    assert [problem.key for problem in error.value.problems] == keys


def test_a_pattern_that_makes_too_long_a_name():
    """A regular expression can't make a name longer than any may be."""
    with pytest.raises(Refused, match="attribute_unusable"):
        mapped(GroupRules(map=((r"/(.+)/", r"\1\1"),)), "x" * 200)


@pytest.mark.parametrize(
    ("pattern", "group", "fits"),
    [
        ("*", "", True),
        ("*", "x", True),
        ("a*", "A", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-c-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a**c", "ac", True),
        ("*ab*bc*", "abc", False),
        ("*ab*bc*", "abbc", True),
        ("a?", "ab", False),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
    ],
)
def test_managed_patterns(pattern, group, fits):
    """A star stands for any text, nothing else is special, and letter case doesn't matter."""
    assert GroupRules(managed=(pattern,)).manages(group) is fits


_NAME = st.text(alphabet="abAB-*|\\=,/c\uff41\u0430", max_size=8)
_RIGHT = st.lists(st.text(alphabet="abAB-", min_size=1, max_size=4), min_size=1, max_size=3).map("|".join)


@given(
    current=st.lists(_NAME.filter(str.strip), max_size=5).map(lambda some: tuple(sorted(set(some)))),
    asserted=st.none() | st.lists(_NAME.filter(str.strip), max_size=6),
    lines=st.lists(
        st.tuples(_NAME.filter(str.strip).filter(lambda n: not n.startswith("/")), _RIGHT), max_size=4
    ),
    managed=st.lists(st.sampled_from(["*", "a*", "*b", "A", "c-*"]), max_size=2).map(tuple),
    dn=st.sampled_from(["whole", "cn"]),
    unmapped=st.sampled_from(["keep", "drop"]),
)
def test_whatever_arrives(current, asserted, lines, managed, dn, unmapped):
    """Nothing outside the managed set changes, and a privileged group needs a line that names it exactly."""
    rules = GroupRules(
        map=tuple(lines), managed=managed, dn=dn, unmapped=unmapped, privileged=("ab",), default=("c",)
    )
    groups = None if asserted is None else mapped(rules, *asserted)
    after, _ = rules.memberships(current, groups)
    before_keys, after_keys = set(map(names.key, current)), set(map(names.key, after))
    changed = (before_keys ^ after_keys) - {"c"}
    assert all(rules.manages(key) for key in changed)
    assert "c" in after_keys
    if asserted is None:
        assert before_keys <= after_keys
    if "ab" in after_keys - before_keys:
        event("privileged")
        lefts = {names.key(left) for left, right in lines if "ab" in map(names.key, right.split("|"))}
        assert lefts & set(map(names.key, asserted))
    assert rules.memberships(after, groups)[0] == after


def test_what_was_replaced_by_nothing_is_said_all_the_same():
    """A group without a name is nobody's, and can still keep somebody out."""
    found = GroupRules().mapped([AssertedGroup("Contractors", ""), AssertedGroup("Staff", "Staff")])
    assert found.names == ("Staff",)
    assert found.said == {"Contractors", "Staff"}


def test_no_pattern_protects_a_group():
    """Privileged groups are listed by name: a pattern there would protect none, and doesn't start."""
    with pytest.raises(ConfigurationError) as caught:
        GroupRules(privileged=("admin*",))
    assert [problem.key for problem in caught.value.problems] == ["groups.privileged"]
