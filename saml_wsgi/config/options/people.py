"""Who somebody is: what is asserted, how it is read, who decides, and who may come in."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.kinds import Choice, Flag
from saml_wsgi.config.people import (
    Arrows,
    AttributeNames,
    Domains,
    Format,
    GroupNames,
    Separator,
)
from saml_wsgi.config.plugged import PluginNames
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.mapping import AttributeMap

_NAMES: Final = AttributeMap()
_GROUPS: Final = GroupNames()
_REPLACE: Final = Arrows("a line `pattern -> replacement` or more", patterns=True, most=64)

_MEANING: Final = {
    "username": "The user's name, which is unique. A NameID that is labelled `transient` names nobody for "
    "good: there the next one counts.",
    "email": "The e-mail address.",
    "first_name": "The given name.",
    "last_name": "The family name.",
    "display_name": "The name to show.",
    "employee_id": "What identifies a person for good where e-mail addresses are given to others again, such "
    "as an employee number.",
}


def _changes(field: str) -> tuple[Option, ...]:
    """What may be done to the text of a field, or of each group."""
    replace = Option(
        f"attributes.{field}.replace",
        _REPLACE,
        (),
        "What is replaced in the value, line by line in this order: a regular expression of Python's, and "
        r"what stands in its place everywhere (`\1` is its first group). For any field, and `groups`.",
        family="attributes.<field>.replace",
    )
    lower = Option(
        f"attributes.{field}.lower",
        Flag(),
        False,
        "Whether the value is made lower case, after everything else. For any field, and `groups`.",
        family="attributes.<field>.lower",
    )
    if field == "groups":
        return replace, lower
    return (
        Option(
            f"attributes.{field}.format",
            Format(),
            "",
            "What the value is composed of where no attribute has it: `{firstname} {lastname}`. In braces: "
            "an attribute, `NameID`, or one of our fields; if one of them is absent, so is the value. Where "
            "`attributes.<field>` isn't written, this alone counts.",
            without="not composed",
            family="attributes.<field>.format",
        ),
        Option(
            f"attributes.{field}.cut_domain",
            Flag(),
            False,
            r"Whether the last `@` and what follows, and a `DOMAIN\` in front, are dropped, before anything "
            "else.",
            family="attributes.<field>.cut_domain",
        ),
        replace,
        lower,
    )


GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "Attributes",
        "Which attributes of the assertion say what: ordered names, the first that has a value counts. "
        "`NameID` is the subject's name identifier. What was found can be changed; what is empty after that "
        "counts as said to be empty.",
        (
            *(
                Option(
                    f"attributes.{field}",
                    # Without a name nobody can be a user.
                    AttributeNames(off=field != "username"),
                    _NAMES.candidates(field),
                    _MEANING[field],
                )
                for field in FIELDS
            ),
            Option("attributes.groups", AttributeNames(), _NAMES.groups, "The names of groups."),
            *(option for field in (*FIELDS, "groups") for option in _changes(field)),
        ),
    ),
    Group(
        "Who is it?",
        "Resolvers decide which user of the application a person is. An option of a resolver is written "
        "`resolver.<name>.<option>`; `resolver.<name>.use` says what the resolver is: the name of an entry "
        "point (`jit`, `existing`), or `module:attribute`. It is `<name>` where it isn't written. Sources "
        "know more of people than the assertion says; a resolver that asks some names them in its option "
        "`sources`.",
        (
            Option(
                "match",
                Choice(FIELDS),
                "username",
                "The field by which a person is found among the application's users. User names and e-mail "
                "addresses are compared without regard to letter case, others letter by letter.",
            ),
            Option(
                "link.source",
                AttributeNames(),
                ("NameID",),
                "What identifies a person for good: the user found first is linked to it. `off` links "
                "nobody.",
            ),
            Option(
                "resolvers", PluginNames(), ("jit",), "The resolvers, in the order in which they are asked."
            ),
        ),
        open=(
            (
                "resolver.<name>.use",
                "entry point or `module:attribute`",
                "`<name>`",
                "What the resolver of that name is.",
            ),
            (
                "resolver.<name>.<option>",
                "as the resolver says",
                "as the resolver says",
                "An option of that resolver.",
            ),
            (
                "source.<name>.use",
                "entry point or `module:attribute`",
                "`<name>`",
                "A source of that name, and what it is.",
            ),
            (
                "source.<name>.<option>",
                "as the source says",
                "as the source says",
                "An option of that source.",
            ),
        ),
    ),
    Group(
        "Groups",
        "What becomes of the groups that the identity provider asserts. Names are compared without regard to "
        "letter case. If the attribute isn't there, groups are left alone; if it is there and empty, the "
        "person leaves all that are managed.",
        (
            Option(
                "groups.separator",
                Separator(),
                "",
                "What separates several groups in one value.",
                without="each value is one group",
            ),
            Option(
                "groups.map",
                Arrows("a line `left -> right` or more"),
                (),
                "What asserted groups are called here. Left: a name; `/regular expression/`, which must "
                "match it all; or `dn:cn=wiki,ou=groups,o=example`, a distinguished name. Right: a name, or "
                r"several with `|` between them; `\1` is the expression's first group. All lines that match "
                "count.",
            ),
            Option(
                "groups.unmapped",
                Choice(("keep", "drop")),
                "keep",
                "What happens to groups that no line of `groups.map` matches.",
            ),
            Option(
                "groups.dn",
                Choice(("whole", "cn")),
                "whole",
                "What a distinguished name is called that no line `dn:` matches: itself, or by the value of "
                "its first part (`wiki` for `cn=wiki,ou=groups`).",
            ),
            Option("groups.default", _GROUPS, (), "Groups that everybody is in who signs in."),
            Option(
                "groups.managed",
                _GROUPS,
                ("*",),
                "The groups, or patterns with `*`, whose members the identity provider decides: there, "
                "people join and leave as asserted. All other memberships stay as they are.",
            ),
            Option(
                "groups.create",
                Flag(),
                True,
                "Whether people may join a group that nobody here has named and the directory doesn't know.",
            ),
            Option(
                "groups.privileged",
                _GROUPS,
                (),
                "Groups that nobody gets but by a line of `groups.map` whose left is a name or `dn:`.",
            ),
        ),
    ),
    Group(
        "Who may sign in?",
        "Looked at before anything is written. The groups that count are the user's and the asserted ones. "
        "Who may be *created* is an option of the resolver: `resolver.jit.allow_groups` and "
        "`resolver.jit.allow_domains`.",
        (
            Option(
                "allow.groups",
                _GROUPS,
                (),
                "Only people in one of these groups may sign in.",
                without="everybody may",
            ),
            Option(
                "allow.domains",
                Domains(),
                (),
                "Only people with an e-mail address of one of these domains may sign in. Subdomains aren't "
                "meant.",
                without="everybody may",
            ),
            Option("deny.groups", _GROUPS, (), "People in one of these groups may not, whatever else holds."),
        ),
    ),
)
