"""When two names are the same name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.names import key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ada"),
        ("ADA", "ada"),
        ("Ａｄａ", "ada"),
        ("Straße", "STRASSE"),
        ("É", "e\u0301"),
        ("ﬁn", "FIN"),
        ("Ⅳ", "iv"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\u00b5", "\u03bc"),
        ("\u0345", "\u03b9"),
    ],
)
def test_the_same_name(one, other):
    """Letter case and compatibility forms make no difference."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ada", "аdа"), ("ada", "ada "), ("ada", "a.da"), ("jose", "josé"), ("i", "ı")]
)
def test_other_names(one, other):
    """Letters of different scripts, accents, spaces and dots do."""
    assert key(one) != key(other)


@given(st.text(max_size=50))
def test_the_key_of_a_key(name):
    """A key is its own key, normalised and without case: the same name has one form wherever it was made."""
    made = key(name)
    assert key(made) == made
    assert unicodedata.normalize("NFKC", made) == made
    assert key(name.casefold()) == made
