"""Whose account is it? Matching, links, and people who aren't who they were."""

from __future__ import annotations

import pytest

from tests.flow.situations import TRANSIENT, Situation, created, refused, unchanged, updated
from tests.flow.situations_people import JOSE, JOSE_HERE, MARA, MARA_HERE

BY_MAIL = {"match": "email"}
BY_NUMBER = {"match": "employee_id"}
NUMBERED = {"link.source": "employeeNumber"}

FIRST_AND_LATER = (
    Situation("nobody is there: a user is made and pinned", MARA, created(MARA_HERE, email="saml:email")),
    Situation("somebody else is there: they stay as they are", MARA, created(MARA_HERE), there=(JOSE_HERE,)),
    Situation("the second sign-in says the same", MARA, unchanged(MARA_HERE), earlier=(MARA,)),
    Situation(
        "another last name",
        MARA.but(lastname="Berg"),
        updated(MARA_HERE.but(last_name="Berg"), "last_name"),
        earlier=(MARA,),
    ),
    Situation(
        "another e-mail address",
        MARA.but(email="mara@example.com"),
        updated(MARA_HERE.but(email="mara@example.com"), "email"),
        earlier=(MARA,),
    ),
    Situation(
        "several things at once are one update",
        MARA.but(lastname="Berg", displayname="Mara Berg", memberOf=("Staff",)),
        updated(
            MARA_HERE.but(last_name="Berg", display_name="Mara Berg", groups=("Staff",)),
            "last_name",
            "display_name",
            "groups",
        ),
        earlier=(MARA,),
    ),
)

LINKS = (
    Situation(
        "another username, the same subject: the link finds her, and what matches isn't overwritten",
        MARA.but(username="mara.berg"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
    ),
    Situation(
        "another username where the address matches: it is written",
        MARA.but(username="mara.berg"),
        updated(MARA_HERE.but(username="mara.berg"), "username"),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "another address where the address matches, the same subject: it stays",
        MARA.but(email="mara@example.com"),
        unchanged(MARA_HERE),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "a recycled address: a newcomer has the address of a user who is pinned to somebody else",
        MARA.but(name_id="id-newcomer", username="maria"),
        refused("link_conflict"),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "a recycled address where usernames match: the newcomer is somebody new",
        MARA.but(name_id="id-newcomer", username="maria"),
        created(MARA_HERE.but(username="maria", subject="NameID:id-newcomer")),
        earlier=(MARA,),
    ),
    Situation(
        "a recycled username: Mara is called jose now, and José is there",
        MARA.but(username="jose"),
        refused("mismatch"),
        earlier=(MARA, JOSE),
    ),
    Situation(
        "a second subject for one user",
        MARA.but(name_id="id-other"),
        refused("link_conflict"),
        earlier=(MARA,),
    ),
    Situation(
        "an opaque subject in capitals is another one",
        MARA.but(name_id="ID-MARA"),
        refused("link_conflict"),
        earlier=(MARA,),
    ),
    Situation(
        "an address as the subject, in capitals, is the same",
        MARA.but(name_id="MARA@example.test"),
        unchanged(MARA_HERE.but(subject="NameID:mara@example.test")),
        earlier=(MARA.but(name_id="mara@Example.test"),),
    ),
    Situation(
        "the user to whom she is pinned was deleted: she isn't made again",
        MARA,
        refused("not_found", "linked"),
        earlier=(MARA,),
        meanwhile="DELETE FROM saml_wsgi_groups; DELETE FROM saml_wsgi_users;",
    ),
    Situation(
        "the user was deleted, and the link, too: she is made anew",
        MARA,
        created(MARA_HERE),
        earlier=(MARA,),
        meanwhile="DELETE FROM saml_wsgi_groups; DELETE FROM saml_wsgi_users; DELETE FROM saml_wsgi_links;",
    ),
    Situation(
        "links are off: whoever has the name is the user, and nothing is pinned",
        MARA.but(name_id="id-other"),
        unchanged(MARA_HERE.but(subject="")),
        earlier=(MARA,),
        options={"link.source": "off"},
    ),
    Situation(
        "an employee number identifies her, whatever her NameID is",
        MARA.but(name_id="mara@example.com", employeeNumber="1001"),
        unchanged(MARA_HERE.but(subject="attr:employeeNumber:1001", employee_id="1001")),
        earlier=(MARA.but(name_id="mara@example.test", employeeNumber="1001"),),
        options=NUMBERED,
    ),
    Situation(
        "an employee number is wanted and doesn't arrive",
        MARA,
        refused("missing_attribute", "employeeNumber", "link.source", "email"),
        options=NUMBERED,
    ),
    Situation(
        "no employee number, but the NameID is the next best",
        MARA,
        created(MARA_HERE),
        options={"link.source": "employeeNumber NameID"},
    ),
    Situation(
        "a NameID that changes at each sign-in pins nobody",
        MARA.but(name_id_format=TRANSIENT),
        created(MARA_HERE.but(subject="")),
        options={"idp.nameid_stable": "false"},
    ),
    Situation(
        "a NameID that changes at each sign-in gets nobody into a pinned account",
        MARA.but(name_id_format=TRANSIENT, name_id="id-of-today"),
        refused("link_conflict"),
        earlier=(MARA,),
        options={"idp.nameid_stable": "false"},
    ),
    Situation(
        "a NameID that is transient by its label only",
        MARA.but(name_id_format=TRANSIENT),
        unchanged(MARA_HERE),
        earlier=(MARA,),
        options={"idp.nameid_stable": "true"},
    ),
    Situation(
        "link.source says which subject, and an administrator's pin decides",
        MARA,
        unchanged(MARA_HERE.but(username="old.name")),
        there=(MARA_HERE.but(username="old.name"),),
    ),
)

MATCHING = (
    Situation(
        "match = email finds an unpinned user",
        MARA,
        updated(MARA_HERE.but(email="Mara@Example.TEST"), "username"),
        there=(MARA_HERE.but(username="m.lindqvist", email="Mara@Example.TEST", subject=""),),
        options=BY_MAIL,
    ),
    Situation(
        "match = email, and what arrives is no address",
        MARA.but(email="mara"),
        refused("attribute_unusable", "email"),
        options=BY_MAIL,
    ),
    Situation(
        "match = employee_id finds her under another name",
        MARA.but(employeeNumber="1001"),
        updated(MARA_HERE.but(employee_id="1001"), "username"),
        there=(MARA_HERE.but(username="m.lindqvist", employee_id="1001"),),
        options=BY_NUMBER,
    ),
    Situation(
        "employee numbers are compared letter by letter",
        MARA.but(employeeNumber="e-1"),
        created(MARA_HERE.but(employee_id="e-1")),
        there=(JOSE_HERE.but(employee_id="E-1"),),
        options=BY_NUMBER,
    ),
    Situation(
        "match = employee_id, and none arrives",
        MARA,
        refused("missing_attribute", "employee_id", "employeeNumber"),
        options=BY_NUMBER,
    ),
    Situation(
        "two users have the address",
        MARA,
        refused("ambiguous", "2"),
        there=(MARA_HERE.but(subject=""), JOSE_HERE.but(email="MARA@example.test")),
        options=BY_MAIL,
    ),
    Situation(
        "somebody new by address has a username that is taken",
        MARA.but(email="new@example.test"),
        refused("conflict"),
        there=(MARA_HERE.but(subject=""),),
        options=BY_MAIL,
    ),
    Situation(
        "she changes her username to one that is taken",
        MARA.but(username="jose"),
        refused("conflict"),
        there=(JOSE_HERE,),
        earlier=(MARA,),
        options=BY_MAIL,
    ),
    Situation(
        "she comes for the first time with a username that is taken: refused, and pinned by the match",
        MARA.but(username="jose"),
        refused("conflict", pinned="NameID:id-mara"),
        there=(JOSE_HERE, MARA_HERE.but(subject="")),
        options=BY_MAIL,
    ),
    Situation(
        "the first candidate that has a value counts",
        MARA.but(uid="m1001"),
        created(MARA_HERE.but(username="m1001"), username="saml:uid"),
        options={"attributes.username": "uid username"},
    ),
    Situation(
        "the first candidate is empty: the next one counts",
        MARA.but(uid=""),
        created(MARA_HERE, username="saml:username"),
        options={"attributes.username": "uid username"},
    ),
    Situation(
        "the NameID is the username",
        MARA.but(name_id="mara@example.test"),
        created(
            MARA_HERE.but(username="mara@example.test", subject="NameID:mara@example.test"),
            username="saml:NameID",
        ),
        options={"attributes.username": "NameID"},
    ),
)


ROWS = (*FIRST_AND_LATER, *LINKS, *MATCHING)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_it_is(scene, row):
    """Each situation of identity has the outcome that is promised, and nothing else is written."""
    scene.play(row)
