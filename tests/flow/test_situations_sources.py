"""Sources beside the assertion: what they add, what goes before what, and what happens when they fail."""

from __future__ import annotations

import pytest

from saml_wsgi.testing.browser import SignInFailed
from tests.flow.situations import Situation, created, refused, updated
from tests.flow.situations_people import MARA, MARA_HERE
from tests.flow.situations_scene import WIKI

PARTS = "tests.flow.situations_parts"
HR = {"resolver.jit.sources": "saml hr", "source.hr.use": f"{PARTS}:hr"}
SOURCES = (
    Situation(
        "a source adds what wasn't asserted",
        MARA,
        created(MARA_HERE.but(employee_id="1001"), employee_id="hr:employee_id", last_name="saml:lastname"),
        options=HR,
    ),
    Situation(
        "a source goes before what is asserted; what it says to be empty counts as said",
        MARA,
        created(
            MARA_HERE.but(employee_id="1001", last_name="Lindqvist-Berg", first_name=""),
            last_name="hr:last_name",
            email="saml:email",
        ),
        options=HR | {"resolver.jit.sources": "hr saml"},
    ),
    Situation(
        "a source updates a user",
        MARA,
        updated(MARA_HERE.but(employee_id="1001"), "employee_id"),
        there=(MARA_HERE,),
        options=HR,
    ),
    Situation(
        "a source is asked by her address, too",
        MARA,
        created(MARA_HERE.but(employee_id="1001")),
        options=HR | {"source.hr.key": "email", "source.hr.ident": "mara@example.test"},
    ),
    Situation(
        "a source is asked by what matches",
        MARA.but(employeeNumber="77"),
        updated(MARA_HERE.but(employee_id="77", last_name="Lindqvist-Berg"), "last_name"),
        there=(MARA_HERE.but(employee_id="77"),),
        options=HR
        | {
            "match": "employee_id",
            "resolver.jit.sources": "hr saml",
            "source.hr.key": "employee_id",
            "source.hr.ident": "77",
        },
    ),
    Situation(
        "a source says that a name is empty, which may be cleared",
        MARA,
        updated(
            MARA_HERE.but(employee_id="1001", last_name="Lindqvist-Berg", first_name=""),
            "employee_id",
            "last_name",
            "first_name",
        ),
        there=(MARA_HERE,),
        options=HR | {"resolver.jit.sources": "hr saml", "resolver.jit.clear": "first_name"},
    ),
    Situation(
        "a source doesn't know her",
        MARA,
        created(MARA_HERE),
        options=HR | {"source.hr.ident": "jose"},
    ),
    Situation(
        "a source is down: try again, and nobody is made",
        MARA,
        refused("source_unavailable", "connection refused", status=503),
        options={"resolver.jit.sources": "saml hr", "source.hr.use": f"{PARTS}:down"},
    ),
    Situation(
        "a source is down: who is there already isn't signed in either",
        MARA,
        refused("source_unavailable", status=503),
        there=(MARA_HERE,),
        options={"resolver.jit.sources": "saml hr", "source.hr.use": f"{PARTS}:down"},
    ),
    Situation(
        "a source knows two of her",
        MARA,
        refused("ambiguous"),
        options={"resolver.jit.sources": "saml hr", "source.hr.use": f"{PARTS}:twofold"},
    ),
    Situation(
        "the second of two sources answers, where the first doesn't know her",
        MARA,
        created(MARA_HERE.but(employee_id="1001"), employee_id="payroll:employee_id"),
        options=HR
        | {
            "resolver.jit.sources": "saml hr payroll",
            "source.hr.ident": "jose",
            "source.payroll.use": f"{PARTS}:hr",
        },
    ),
)

ROWS = SOURCES


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_sources(scene, row):
    """Each situation of sources has the outcome that is promised, and nothing else is written."""
    scene.play(row)


def test_a_source_with_a_bug(scene):
    """What a source raises by mistake is an internal error: nobody is signed in, nobody is made."""
    scene.start({"resolver.jit.sources": "saml hr", "source.hr.use": f"{PARTS}:buggy"})
    scene.arrange(MARA)
    browser = scene.browser()
    with pytest.raises(SignInFailed) as failure:
        browser.sign_in(f"{WIKI}/", "visitor")
    page = failure.value.page
    assert page.status == 500
    assert "internal_error" in page.text
    assert "a bug of mine" not in page.text
    assert not scene.picture().rows
