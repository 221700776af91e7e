"""Names that look alike, names that are nobody's, and users who are somebody else's."""

from __future__ import annotations

import pytest

from tests.flow.situations import Situation, created, refused, unchanged, updated
from tests.flow.situations_people import JOSE, JOSE_HERE, MARA, MARA_BY_HAND, MARA_HERE

BY_MAIL = {"match": "email"}

NAMES = (
    Situation(
        "in capitals she is the same", MARA.but(username="MARA"), unchanged(MARA_HERE), earlier=(MARA,)
    ),
    Situation(
        "in capitals she is the same, and the spelling stays where the address matches",
        MARA.but(username="MARA"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "in full-width letters she is the same (NFKC)",
        MARA.but(username="ｍａｒａ"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
    ),
    Situation(
        "a decomposed accent is the same letter",
        JOSE.but(username="jose\u0301"),
        unchanged(JOSE_HERE.but(username="josé")),
        earlier=(JOSE.but(username="josé"),),
    ),
    Situation(
        "an accent makes another name",
        MARA.but(username="marà", name_id="id-other"),
        created(MARA_HERE.but(username="marà", subject="NameID:id-other")),
        earlier=(MARA,),
    ),
    Situation(
        "one Cyrillic letter among Latin ones is nobody's name",
        MARA.but(username="m\u0430ra", name_id="id-other"),
        refused("attribute_unusable", "username"),
        earlier=(MARA,),
    ),
    Situation(
        "one Greek letter among Latin ones in the address that matches",
        MARA.but(email="m\u03b1ra@example.test", name_id="id-other"),
        refused("attribute_unusable", "email"),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "a name that is wholly Cyrillic is one's own",
        MARA.but(username="мара", name_id="id-other"),
        created(MARA_HERE.but(username="мара", subject="NameID:id-other")),
        earlier=(MARA,),
    ),
    Situation(
        "a space of no width", MARA.but(username="ma\u200bra"), refused("attribute_refused", "username")
    ),
    Situation(
        "a letter that shows nothing",
        MARA.but(username="mara\u3164"),
        refused("attribute_unusable", "username"),
    ),
    Situation(
        "a subject with a letter that shows nothing",
        MARA.but(name_id="id-mara\u3164"),
        refused("name_id_refused", "invisible"),
    ),
    Situation(
        "two usernames at once",
        MARA.but(username=["mara", "admin"]),
        refused("attribute_unusable", "username"),
    ),
    Situation(
        "a username of 257 letters", MARA.but(username="m" * 257), refused("attribute_unusable", "username")
    ),
    Situation(
        "a username of 256 letters", MARA.but(username="m" * 256), created(MARA_HERE.but(username="m" * 256))
    ),
    Situation(
        "no username: what was expected and what arrived is named",
        MARA.without("username"),
        refused("missing_attribute", "username", "memberOf"),
    ),
    Situation("an empty username is none", MARA.but(username=""), refused("missing_attribute", "username")),
)

OWNERS = (
    Situation("she is inactive", MARA, refused("inactive"), there=(MARA_HERE.but(active=False),)),
    Situation(
        "she is inactive, ours, and may be made active again",
        MARA,
        updated(MARA_HERE, "active"),
        there=(MARA_HERE.but(active=False),),
        options={"resolver.jit.reactivate": "yes"},
    ),
    Situation(
        "she is inactive, and an administrator's: that stays",
        MARA,
        refused("inactive"),
        there=(MARA_BY_HAND.but(active=False),),
        options={"resolver.jit.reactivate": "yes", "resolver.jit.update_existing": "yes"},
    ),
    Situation(
        "an administrator made her: she is signed in, and not changed",
        MARA,
        unchanged(MARA_BY_HAND.but(subject="NameID:id-mara"), left=("last_name", "display_name", "groups")),
        there=(MARA_BY_HAND,),
    ),
    Situation(
        "an administrator made her, and she may be changed; she stays the administrator's",
        MARA,
        updated(MARA_HERE.but(managed_by="local"), "last_name", "display_name", "groups"),
        there=(MARA_BY_HAND,),
        options={"resolver.jit.update_existing": "yes"},
    ),
    Situation(
        "an LDAP synchronisation manages her",
        MARA,
        refused("managed_elsewhere", "ldap:corp"),
        there=(MARA_HERE.but(managed_by="ldap:corp"),),
        options={"resolver.jit.update_existing": "yes"},
    ),
    Situation(
        "another identity provider manages her",
        MARA,
        refused("managed_elsewhere", "jit:Okta"),
        there=(MARA_HERE.but(managed_by="jit:Okta", subject=""),),
        options={"resolver.jit.update_existing": "yes"},
    ),
)

ROWS = (*NAMES, *OWNERS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_names_and_owners(scene, row):
    """Each situation of names and owners has the outcome that is promised, and nothing else is written."""
    scene.play(row)
