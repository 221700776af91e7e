"""Who may sign in, and who may be made: by groups and by the domain of the address."""

from __future__ import annotations

import pytest

from tests.flow.situations import Situation, created, refused, unchanged, updated
from tests.flow.situations_people import MARA, MARA_BY_HAND, MARA_HERE


def in_groups(*groups):
    return MARA_HERE.but(groups=groups)


def says_groups(*groups):
    return MARA.but(memberOf=groups)


ALLOWED = (
    Situation(
        "she is in a group that may sign in", MARA, created(MARA_HERE), options={"allow.groups": "Staff\nIT"}
    ),
    Situation(
        "she is in no group that may sign in: nobody is made",
        MARA,
        refused("not_allowed"),
        options={"allow.groups": "IT"},
    ),
    Situation(
        "she left the group that may sign in: nothing is written",
        says_groups("Staff"),
        refused("not_allowed"),
        there=(in_groups("IT", "Staff"),),
        options={"allow.groups": "IT"},
    ),
    Situation(
        "she is in the group by the application's own doing",
        says_groups("wiki-new"),
        updated(in_groups("IT", "wiki-new"), "groups"),
        there=(in_groups("IT"),),
        options={"allow.groups": "IT", "groups.managed": "wiki-*"},
    ),
    Situation(
        "the group that may sign in is asserted, but not one that we manage",
        says_groups("IT"),
        unchanged(in_groups("Staff")),
        there=(in_groups("Staff"),),
        options={"allow.groups": "it", "groups.managed": "wiki-*"},
    ),
    Situation(
        "the group that may sign in comes of a map",
        says_groups("it-people"),
        created(in_groups("IT")),
        options={"allow.groups": "IT", "groups.map": "it-people -> IT"},
    ),
    Situation(
        "deny goes before allow",
        MARA,
        refused("not_allowed", "Wiki Editors"),
        options={"allow.groups": "Staff", "deny.groups": "\nwiki editors"},
    ),
    Situation(
        "she is in a denied group that replace leaves nothing of",
        MARA,
        refused("not_allowed", "Wiki Editors"),
        options={"deny.groups": "\nWiki Editors", "attributes.groups.replace": "^Wiki.* ->"},
    ),
    Situation("somebody else is denied", MARA, created(MARA_HERE), options={"deny.groups": "Contractors"}),
    Situation(
        "her domain may sign in, whatever the case",
        MARA.but(email="mara@EXAMPLE.test"),
        created(MARA_HERE.but(email="mara@EXAMPLE.test")),
        options={"allow.domains": "Example.Test"},
    ),
    Situation(
        "a subdomain is another domain",
        MARA.but(email="mara@sub.example.test"),
        refused("not_allowed"),
        options={"allow.domains": "example.test"},
    ),
    Situation(
        "a domain in its own letters and in ASCII",
        MARA.but(email="mara@xn--bcher-kva.example"),
        created(MARA_HERE.but(email="mara@xn--bcher-kva.example")),
        options={"allow.domains": "bücher.example"},
    ),
    Situation(
        "no address, and domains matter",
        MARA.without("email"),
        refused("not_allowed"),
        options={"allow.domains": "example.test"},
    ),
    Situation(
        "the kept address counts, where none is asserted",
        MARA.without("email"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
        options={"allow.domains": "example.test"},
    ),
    Situation(
        "an administrator's user whose kept address is of another domain",
        MARA,
        refused("not_allowed"),
        there=(MARA_BY_HAND.but(email="mara@example.com"),),
        options={"allow.domains": "example.test"},
    ),
    Situation(
        "the asserted address counts, where the user has none",
        MARA,
        created(MARA_HERE.but(email="")),
        options={"allow.domains": "example.test", "resolver.jit.never": "email"},
    ),
    Situation(
        "an address with two domains has none",
        MARA.but(email="mara@example.com@example.test"),
        refused("not_allowed"),
        options={"allow.domains": "example.test"},
    ),
    Situation(
        "groups and domains must both be right",
        MARA,
        refused("not_allowed"),
        options={"allow.groups": "Staff", "allow.domains": "example.com"},
    ),
)

CREATABLE = (
    Situation(
        "who is in the group may be made",
        MARA,
        created(MARA_HERE),
        options={"resolver.jit.allow_groups": "Staff"},
    ),
    Situation(
        "who isn't in the group may not be made",
        MARA,
        refused("not_allowed"),
        options={"resolver.jit.allow_groups": "IT"},
    ),
    Situation(
        "who is there already signs in all the same",
        MARA,
        unchanged(MARA_HERE),
        there=(MARA_HERE,),
        options={"resolver.jit.allow_groups": "IT", "resolver.jit.allow_domains": "example.com"},
    ),
    Situation(
        "whose domain is another one may not be made",
        MARA,
        refused("not_allowed"),
        options={"resolver.jit.allow_domains": "example.com"},
    ),
    Situation(
        "whose domain is right may be made",
        MARA,
        created(MARA_HERE),
        options={"resolver.jit.allow_domains": "example.com\nexample.test"},
    ),
)

EXISTING = (
    Situation(
        "the groups that an administrator gave count",
        MARA,
        unchanged(MARA_BY_HAND.but(subject="NameID:id-mara")),
        there=(MARA_BY_HAND,),
        options={"resolvers": "existing", "allow.groups": "sales"},
    ),
    Situation(
        "the groups that are asserted count, too",
        MARA,
        unchanged(MARA_BY_HAND.but(subject="NameID:id-mara")),
        there=(MARA_BY_HAND,),
        options={"resolvers": "existing", "allow.groups": "Staff"},
    ),
    Situation(
        "an asserted group is denied: she isn't even pinned",
        MARA,
        refused("not_allowed", "Wiki Editors"),
        there=(MARA_BY_HAND,),
        options={"resolvers": "existing", "deny.groups": "\nWiki Editors"},
    ),
    Situation(
        "an administrator gave her a group that is denied",
        MARA,
        refused("not_allowed", "Sales"),
        there=(MARA_BY_HAND,),
        options={"resolvers": "existing", "deny.groups": "Sales"},
    ),
)

ROWS = (*ALLOWED, *CREATABLE, *EXISTING)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_may(scene, row):
    """Whoever may not sign in, or may not be made, is refused before anything is written."""
    scene.play(row)
