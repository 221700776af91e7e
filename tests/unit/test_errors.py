"""Codes, and what is said of them to whom."""

from __future__ import annotations

import re

import pytest

from saml_wsgi import errors
from saml_wsgi.errors import CODES, ConfigurationError, Problem, Problems, Refused


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_something(code):
    """A code is a slug with a status, a heading, a sentence and advice."""
    shown = CODES[code]
    assert re.fullmatch(r"[a-z][a-z0-9_]+", code)
    assert 400 <= shown.status < 600
    assert shown.title
    assert shown.advice
    assert shown.text.endswith(".")


def test_what_is_wrong_with_a_message_is_the_operators_business():
    """No code of the protocol's checks may leave the server, and all of them end with one status."""
    hidden = {code for code, shown in CODES.items() if not shown.shown}
    assert {"signature_invalid", "replayed", "audience_mismatch", "xml_forbidden", "expired"} <= hidden
    assert {CODES[code].status for code in hidden} == {CODES["response_refused"].status}
    assert not hidden & {"response_refused", "not_found", "cookie_refused", "idp_refused", "internal_error"}


def test_the_table_is_frozen():
    """Nobody adds a code at run time."""
    with pytest.raises(TypeError):
        CODES["mine"] = CODES["not_found"]


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SamlWsgiError)
    ],
)
def test_one_tree(kind):
    """Every error has a code that is in the table, and so a status."""
    assert kind.code in CODES
    if kind is Refused:
        assert Refused("expired", "x").status == 403
    elif kind is not ConfigurationError:
        error = kind("a detail")
        assert (error.detail, error.status) == ("a detail", CODES[kind.code].status)


def test_refusals():
    """A refusal names a known code; its detail is the operator's, its explanation anybody's."""
    refused = Refused("expired", "2 s late", "Look at your clock.")
    assert (refused.code, refused.detail, refused.explanation) == (
        "expired",
        "2 s late",
        "Look at your clock.",
    )
    assert str(refused) == "expired: 2 s late"
    assert str(Refused("expired")) == "expired"
    with pytest.raises(ValueError, match="unknown code 'nope'"):
        Refused("nope")


def test_problems_are_collected():
    """Every problem is told at once, in order; warnings stop nothing."""
    problems = Problems()
    problems.warn("a", "is odd.")
    problems.raise_if_fatal()
    problems.add("b", "is wrong.", "Mend it.")
    problems.include(
        ConfigurationError(Problem("c", "is missing.", ""), Problem("d", "is old.", "Renew it."))
    )
    with pytest.raises(ConfigurationError) as error:
        problems.raise_if_fatal()
    assert [problem.key for problem in error.value.problems] == ["b", "c", "d"]
    assert [problem.key for problem in problems.warnings] == ["a"]
    assert str(error.value) == (
        "saml_wsgi can't start, 3 problems:\n"
        "  - b: is wrong. Mend it.\n  - c: is missing.\n  - d: is old. Renew it."
    )
    assert "1 problem:" in str(ConfigurationError(Problem("a", "b", "c")))
