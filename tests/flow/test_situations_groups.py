"""Which groups somebody is in afterwards, and which groups nobody gets into by an accident."""

from __future__ import annotations

import pytest

from tests.flow.situations import Situation, created, unchanged, updated
from tests.flow.situations_people import JOSE_HERE, MARA, MARA_BY_HAND, MARA_HERE

DN = "CN=Wiki Editors,OU=Groups,DC=example,DC=test"


def in_groups(*groups):
    return MARA_HERE.but(groups=groups)


def says_groups(*groups):
    return MARA.but(memberOf=groups)


SHAPES = (
    Situation("one attribute with two values", MARA, created(MARA_HERE, groups="saml:memberOf")),
    Situation("two attributes of one name", MARA.but(memberOf=["Staff", "Wiki Editors"]), created(MARA_HERE)),
    Situation(
        "one text with separators, and empty parts",
        MARA.but(memberOf="Staff; Wiki Editors;;"),
        created(MARA_HERE),
        options={"groups.separator": ";"},
    ),
    Situation(
        "no separator is set: the text is one name",
        MARA.but(memberOf="Staff;Wiki Editors"),
        created(in_groups("Staff;Wiki Editors")),
    ),
    Situation("empty values are no groups", says_groups("Staff", "", " "), created(in_groups("Staff"))),
    Situation(
        "one group in two spellings is one", says_groups("Staff", "staff"), created(in_groups("Staff"))
    ),
    Situation("a distinguished name is kept whole", says_groups(DN), created(in_groups(DN))),
    Situation(
        "of a distinguished name the first part",
        says_groups(DN, "Staff"),
        created(in_groups("Staff", "Wiki Editors")),
        options={"groups.dn": "cn"},
    ),
    Situation(
        "groups are replaced and written in small letters",
        says_groups("APP-Wiki", "APP-Staff"),
        created(in_groups("staff", "wiki")),
        options={"attributes.groups.replace": "^APP-(.*)$ -> \\1", "attributes.groups.lower": "yes"},
    ),
)

MAPS = (
    Situation(
        "by name, whatever the case",
        MARA,
        created(in_groups("Wiki Editors", "employees")),
        options={"groups.map": "STAFF -> employees"},
    ),
    Situation(
        "one becomes two",
        says_groups("Staff"),
        created(in_groups("employees", "readers")),
        options={"groups.map": "Staff -> employees | readers"},
    ),
    Situation(
        "by a regular expression",
        says_groups("app-wiki-write", "app-wiki-read"),
        created(in_groups("wiki:read", "wiki:write")),
        options={"groups.map": r"/app-wiki-(.*)/ -> wiki:\1"},
    ),
    Situation(
        "a regular expression must fit the whole name",
        says_groups("app-wiki", "app-wiki-extra", "my-app-wiki"),
        created(in_groups("app-wiki-extra", "my-app-wiki", "wiki")),
        options={"groups.map": "/app-wiki/ -> wiki"},
    ),
    Situation(
        "what an expression finds is one name, whatever stands in it",
        says_groups("app-x|Admins"),
        created(in_groups("x|Admins")),
        options={"groups.map": r"/app-(.*)/ -> \1"},
    ),
    Situation(
        "by a distinguished name, however it is spaced and spelt",
        says_groups(DN),
        created(in_groups("editors")),
        options={"groups.map": "dn:cn=wiki editors, ou=groups , dc=example, dc=test -> editors"},
    ),
    Situation(
        "a distinguished name with an escaped comma",
        says_groups(r"CN=Finance\, Controlling,OU=Groups"),
        created(in_groups("finance")),
        options={"groups.map": r"dn:cn=finance\2c controlling,ou=groups -> finance"},
    ),
    Situation(
        "another branch of the tree is another group",
        says_groups("CN=Wiki Editors,OU=Others,DC=example,DC=test"),
        created(in_groups()),
        options={
            "groups.map": "dn:cn=wiki editors,ou=groups,dc=example,dc=test -> editors",
            "groups.unmapped": "drop",
        },
    ),
    Situation(
        "all lines that fit count",
        says_groups("Staff"),
        created(in_groups("all staff", "employees", "everybody")),
        options={"groups.map": "Staff -> employees\nStaff -> everybody\n/St(.*)/ -> all st\\1"},
    ),
    Situation(
        "what no line fits is dropped",
        MARA,
        created(in_groups("employees")),
        options={"groups.map": "Staff -> employees", "groups.unmapped": "drop"},
    ),
)

MANAGED = (
    Situation(
        "a group that isn't asserted any more is left",
        says_groups("Staff"),
        updated(in_groups("Staff"), "groups"),
        earlier=(MARA,),
    ),
    Situation(
        "a group was renamed",
        says_groups("Personnel", "Wiki Editors"),
        updated(in_groups("Personnel", "Wiki Editors"), "groups"),
        earlier=(MARA,),
    ),
    Situation(
        "the same groups in another order and spelling are the same",
        says_groups("WIKI editors", "staff"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
    ),
    Situation(
        "inside the managed set groups follow, outside nothing is touched",
        says_groups("wiki-new", "Sales"),
        updated(in_groups("Admins", "wiki-new"), "groups", left=("groups",)),
        there=(in_groups("Admins", "wiki-old"),),
        options={"groups.managed": "wiki-*"},
    ),
    Situation(
        "a managed set of names",
        says_groups("Staff"),
        updated(in_groups("Admins", "Staff"), "groups"),
        there=(in_groups("Admins", "Wiki Editors"),),
        options={"groups.managed": "Staff\nWiki Editors"},
    ),
    Situation(
        "nothing of the managed set changed",
        says_groups("wiki-old"),
        unchanged(in_groups("Admins", "wiki-old")),
        there=(in_groups("Admins", "wiki-old"),),
        options={"groups.managed": "wiki-*"},
    ),
    Situation(
        "the attribute doesn't arrive: groups are left alone",
        MARA.without("memberOf"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
    ),
    Situation(
        "the attribute arrives without a value: all groups are left",
        says_groups(),
        updated(in_groups(), "groups"),
        earlier=(MARA,),
    ),
    Situation(
        "the attribute arrives with an empty value: all groups are left",
        MARA.but(memberOf=""),
        updated(in_groups(), "groups"),
        earlier=(MARA,),
    ),
    Situation(
        "the attribute arrives without a value: groups outside of the managed set stay",
        says_groups(),
        updated(in_groups("Admins"), "groups"),
        there=(in_groups("Admins", "wiki-old"),),
        options={"groups.managed": "wiki-*"},
    ),
    Situation(
        "an administrator's user keeps their groups",
        MARA,
        unchanged(MARA_BY_HAND.but(subject="NameID:id-mara"), left=("groups",)),
        there=(MARA_BY_HAND,),
    ),
)

EVERYBODY = (
    Situation(
        "everybody who signs in is in a group",
        MARA,
        created(in_groups("Staff", "Wiki Editors", "people")),
        options={"groups.default": "people"},
    ),
    Situation(
        "everybody, also those of whom no groups are said",
        MARA.without("memberOf"),
        updated(in_groups("Staff", "Wiki Editors", "people"), "groups"),
        there=(MARA_HERE,),
        options={"groups.default": "people"},
    ),
    Situation(
        "everybody, also those who are in no group",
        says_groups(),
        updated(in_groups("people"), "groups"),
        there=(MARA_HERE,),
        options={"groups.default": "people"},
    ),
    Situation(
        "a default group outside of the managed set is joined, too",
        says_groups("wiki-new"),
        updated(in_groups("Admins", "people", "wiki-new"), "groups"),
        there=(in_groups("Admins"),),
        options={"groups.default": "people", "groups.managed": "wiki-*"},
    ),
    Situation(
        "somebody who is in the default group already",
        says_groups("Staff", "Wiki Editors"),
        unchanged(in_groups("People", "Staff", "Wiki Editors")),
        there=(in_groups("People", "Staff", "Wiki Editors"),),
        options={"groups.default": "people"},
    ),
)

KNOWN_GROUPS_ONLY = (
    Situation(
        "a group that nobody knows isn't made",
        MARA,
        created(in_groups("Staff"), left=("groups",)),
        there=(JOSE_HERE,),
        options={"groups.create": "no"},
    ),
    Situation(
        "groups that the options name are known",
        says_groups("Staff", "Wiki Editors", "Sales", "x-1"),
        created(in_groups("Sales", "Wiki Editors", "employees", "people"), left=("groups",)),
        options={
            "groups.create": "no",
            "groups.map": "Staff -> employees",
            "groups.default": "people",
            "groups.managed": "Wiki Editors\nSales\nemployees\nx-*",
        },
    ),
)

PRIVILEGED = (
    Situation(
        "asserted by its own name: nobody becomes an administrator so",
        says_groups("Staff", "Admins"),
        created(in_groups("Staff"), left=("groups",)),
        options={"groups.privileged": "Admins"},
    ),
    Situation(
        "asserted by its own name in another spelling",
        says_groups("Staff", "ＡＤＭＩＮＳ"),
        created(in_groups("Staff"), left=("groups",)),
        options={"groups.privileged": "Admins"},
    ),
    Situation(
        "by a line that names it",
        says_groups("Staff", "it-admins"),
        created(in_groups("Admins", "Staff")),
        options={"groups.privileged": "Admins", "groups.map": "it-admins -> Admins"},
    ),
    Situation(
        "by a line that names a distinguished name",
        says_groups("CN=Admins,OU=IT"),
        created(in_groups("Admins")),
        options={"groups.privileged": "Admins", "groups.map": "dn:cn=admins,ou=it -> Admins"},
    ),
    Situation(
        "by a name that only looks like that distinguished name: no",
        says_groups(r"CN=Admins\,OU=IT"),
        created(in_groups(r"CN=Admins\,OU=IT")),
        options={"groups.privileged": "Admins", "groups.map": "dn:cn=admins,ou=it -> Admins"},
    ),
    Situation(
        "by the first part of a distinguished name: no",
        says_groups("CN=Admins,OU=Hobbies"),
        created(in_groups(), left=("groups",)),
        options={"groups.privileged": "Admins", "groups.dn": "cn"},
    ),
    Situation(
        "by a regular expression: no",
        says_groups("app-Admins", "app-Staff"),
        created(in_groups("Staff"), left=("groups",)),
        options={"groups.privileged": "Admins", "groups.map": r"/app-(.*)/ -> \1"},
    ),
    Situation(
        "an administrator who isn't one any more",
        says_groups("Staff"),
        updated(in_groups("Staff"), "groups"),
        there=(in_groups("Admins", "Staff"),),
        options={"groups.privileged": "Admins", "groups.map": "it-admins -> Admins"},
    ),
)

ROWS = (*SHAPES, *MAPS, *MANAGED, *EVERYBODY, *KNOWN_GROUPS_ONLY, *PRIVILEGED)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_groups(scene, row):
    """Each situation of groups has the outcome that is promised, and nothing else is written."""
    scene.play(row)
