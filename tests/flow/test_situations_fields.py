"""What JIT writes into the fields of a user: policies, defaults, transformations, compositions."""

from __future__ import annotations

import pytest

from tests.flow.situations import Situation, created, refused, unchanged, updated
from tests.flow.situations_people import MARA, MARA_HERE

WITH_DOMAIN = MARA.but(username="mara@example.test")

ABSENT_AND_EMPTY = (
    Situation(
        "the last name doesn't arrive any more: it stays",
        MARA.without("lastname"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
    ),
    Situation(
        "the last name arrives empty: it stays", MARA.but(lastname=""), unchanged(MARA_HERE), earlier=(MARA,)
    ),
    Situation(
        "the last name arrives empty, and may be cleared",
        MARA.but(lastname=""),
        updated(MARA_HERE.but(last_name=""), "last_name"),
        earlier=(MARA,),
        options={"resolver.jit.clear": "last_name"},
    ),
    Situation(
        "only what arrives empty is cleared, not what doesn't arrive",
        MARA.without("lastname"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
        options={"resolver.jit.clear": "last_name"},
    ),
    Situation(
        "another field arrives empty, which may not be cleared",
        MARA.but(lastname="", firstname=""),
        updated(MARA_HERE.but(last_name=""), "last_name"),
        earlier=(MARA,),
        options={"resolver.jit.clear": "last_name"},
    ),
    Situation(
        "what matches can't be cleared",
        MARA.but(email=""),
        refused("missing_attribute", "email"),
        earlier=(MARA,),
        options={"match": "email", "resolver.jit.clear": "first_name"},
    ),
    Situation(
        "an address is required and doesn't arrive: what was expected and what arrived is named",
        MARA.without("email"),
        refused("missing_attribute", "email", "mail", "lastname"),
        options={"resolver.jit.required": "email"},
    ),
    Situation(
        "an address is required and arrives empty",
        MARA.but(email=""),
        refused("missing_attribute", "email"),
        options={"resolver.jit.required": "email"},
    ),
    Situation(
        "two fields are required and arrive",
        MARA,
        created(MARA_HERE),
        options={"resolver.jit.required": "email last_name"},
    ),
    Situation(
        "a required field isn't there at a later sign-in",
        MARA.without("lastname"),
        refused("missing_attribute", "last_name"),
        earlier=(MARA,),
        options={"resolver.jit.required": "email last_name"},
    ),
)

POLICIES = (
    Situation(
        "never: not at the first sign-in",
        MARA,
        created(MARA_HERE.but(display_name="")),
        options={"resolver.jit.never": "display_name"},
    ),
    Situation(
        "never: not later",
        MARA.but(displayname="Somebody"),
        unchanged(MARA_HERE, left=("display_name",)),
        there=(MARA_HERE,),
        options={"resolver.jit.never": "display_name"},
    ),
    Situation(
        "on_create: at the first sign-in",
        MARA,
        created(MARA_HERE),
        options={"resolver.jit.on_create": "first_name"},
    ),
    Situation(
        "on_create: not later",
        MARA.but(firstname="Marie", lastname="Berg"),
        updated(MARA_HERE.but(last_name="Berg"), "last_name", left=("first_name",)),
        earlier=(MARA,),
        options={"resolver.jit.on_create": "first_name"},
    ),
    Situation(
        "groups on_create: they don't follow later",
        MARA.but(memberOf=("Sales",)),
        unchanged(MARA_HERE, left=("groups",)),
        earlier=(MARA,),
        options={"resolver.jit.on_create": "groups"},
    ),
    Situation(
        "groups never",
        MARA,
        created(MARA_HERE.but(groups=())),
        options={"resolver.jit.never": "groups"},
    ),
)

DEFAULTS = (
    Situation(
        "a default, where nothing was asserted",
        MARA.without("displayname"),
        created(MARA_HERE.but(display_name="mara (guest)")),
        options={"resolver.jit.defaults": "display_name = {username} (guest)"},
    ),
    Situation(
        "what is asserted goes before a default",
        MARA,
        created(MARA_HERE),
        options={"resolver.jit.defaults": "display_name = {username} (guest)"},
    ),
    Situation(
        "a default is for new users only",
        MARA.without("displayname"),
        unchanged(MARA_HERE.but(display_name="")),
        there=(MARA_HERE.but(display_name=""),),
        options={"resolver.jit.defaults": "display_name = {username} (guest)"},
    ),
    Situation(
        "two defaults",
        MARA.without("displayname", "email"),
        created(MARA_HERE.but(display_name="Guest", email="mara@guests.example.test")),
        options={"resolver.jit.defaults": "display_name = Guest\nemail = {username}@guests.example.test"},
    ),
)

COMPOSED = (
    Situation(
        "a composed name",
        MARA.without("displayname"),
        created(MARA_HERE.but(display_name="Lindqvist, Mara"), display_name="saml:{lastname}, {firstname}"),
        options={"attributes.display_name.format": "{lastname}, {firstname}"},
    ),
    Situation(
        "a composed name goes before a default candidate",
        MARA.but(displayname="M."),
        created(MARA_HERE),
        options={"attributes.display_name.format": "{firstname} {lastname}"},
    ),
    Situation(
        "a candidate that was written goes before a composed name",
        MARA.but(displayname="M."),
        created(MARA_HERE.but(display_name="M.")),
        options={
            "attributes.display_name": "displayname",
            "attributes.display_name.format": "{firstname} {lastname}",
        },
    ),
    Situation(
        "a candidate that was written and didn't arrive gives way to a composed name",
        MARA.without("displayname"),
        created(MARA_HERE),
        options={
            "attributes.display_name": "displayname",
            "attributes.display_name.format": "{firstname} {lastname}",
        },
    ),
    Situation(
        "a part is missing: the name is left alone",
        MARA.without("displayname", "lastname"),
        unchanged(MARA_HERE),
        there=(MARA_HERE,),
        options={"attributes.display_name.format": "{firstname} {lastname}"},
    ),
    Situation(
        "composed of the names that we give to fields",
        MARA.without("displayname"),
        created(MARA_HERE),
        options={"attributes.display_name.format": "{first_name} {last_name}"},
    ),
    Situation(
        "a username that is composed",
        MARA.but(site="oslo"),
        created(MARA_HERE.but(username="oslo-mara")),
        options={"attributes.username.format": "{site}-{username}", "attributes.username": "login"},
    ),
)

CHANGED = (
    Situation(
        "the domain is cut",
        WITH_DOMAIN,
        created(MARA_HERE, username="saml:username (changed)"),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "the Windows domain is cut",
        MARA.but(username="CORP\\mara"),
        created(MARA_HERE),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "nothing is there to cut",
        MARA,
        created(MARA_HERE, username="saml:username"),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "cut and in small letters, and then matched",
        MARA.but(username="CORP\\MARA"),
        unchanged(MARA_HERE),
        there=(MARA_HERE,),
        options={"attributes.username.cut_domain": "yes", "attributes.username.lower": "yes"},
    ),
    Situation(
        "an address in small letters",
        MARA.but(email="Mara@Example.TEST"),
        created(MARA_HERE, email="saml:email (changed)"),
        options={"attributes.email.lower": "yes"},
    ),
    Situation(
        "replaced by a regular expression",
        MARA.but(username="x-mara-ext"),
        created(MARA_HERE.but(username="mara.ext")),
        options={"attributes.username.replace": r"^x- -> " "\n" r"^(.*)-ext$ -> \1.ext"},
    ),
    Situation(
        "replaced before it is written in small letters",
        MARA.but(username="MARA-EXT"),
        created(MARA_HERE.but(username="mara")),
        options={"attributes.username.replace": "-EXT$ -> ", "attributes.username.lower": "yes"},
    ),
    Situation(
        "nothing is left of the username",
        MARA.but(username="@example.test"),
        refused("missing_attribute", "username"),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "what is left of the username can't be read",
        MARA.but(username="m\u0430ra@example.test"),
        refused("attribute_unusable", "username"),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "two people become one by a transformation: the second is refused",
        MARA.but(username="mara@example.com", name_id="id-other"),
        refused("link_conflict"),
        earlier=(WITH_DOMAIN,),
        options={"attributes.username.cut_domain": "yes"},
    ),
    Situation(
        "an employee number by its OID",
        MARA.but(**{"urn:oid:2.16.840.1.113730.3.1.3": "1001"}),
        created(MARA_HERE.but(employee_id="1001")),
    ),
)

ROWS = (*ABSENT_AND_EMPTY, *POLICIES, *DEFAULTS, *COMPOSED, *CHANGED)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_written(scene, row):
    """Each situation of fields has the outcome that is promised, and nothing else is written."""
    scene.play(row)
