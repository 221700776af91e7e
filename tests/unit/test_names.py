"""When two names are the same name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.names import composed, is_readable, key, shows_all


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ada"),
        ("ADA", "ada"),
        ("Ａｄａ", "ada"),
        ("É", "e\u0301"),
        ("ﬁn", "FIN"),
        ("Ⅳ", "iv"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\u00b5", "\u03bc"),
    ],
)
def test_the_same_name(one, other):
    """Letter case and compatibility forms make no difference."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ada", "аdа"), ("ada", "ada "), ("ada", "a.da"), ("jose", "josé"), ("i", "ı"), ("straße", "strasse")],
)
def test_other_names(one, other):
    """Letters of different scripts, accents, spaces and dots do."""
    assert key(one) != key(other)


@given(st.text())
def test_composed(name):
    """Composing a name once is enough, and makes no other name of it."""
    assert composed(composed(name)) == composed(name)
    assert unicodedata.is_normalized("NFKC", composed(name))
    assert key(composed(name)) == key(name)


@given(st.text(max_size=50))
def test_the_key_of_a_key(name):
    """A key is its own key, normalised and without case: the same name has one form wherever it was made."""
    made = key(name)
    assert key(made) == made
    assert unicodedata.normalize("NFKC", made) == made
    assert key(name.lower()) == made


@pytest.mark.parametrize(
    "name", ["ada", "josé", "ада", "αδα", "李小龙", "user42", "ملك", "ада-42", "jos\u0065\u0301", "小さい"]
)
def test_what_people_can_read(name):
    """A name of one script, with digits, accents and signs, can be read."""
    assert is_readable(name)


@pytest.mark.parametrize(
    ("name", "unseen"),
    [
        ("аdmin", False),
        ("аdmіn", False),
        ("αda", False),
        # Full-width, bold, encircled and Roman letters are Latin ones where names are compared.
        ("а\uff44\uff4d\uff49\uff4e", False),
        ("\U0001d41aд", False),
        ("а\u24d3\u24dc\u24d8\u24dd", False),
        ("а\u2170", False),
        ("a\u00b5", False),
        ("а\u212a", False),
        ("ada\u3164", True),
        ("a\ufe0fda", True),
        ("\u115f", True),
    ],
)
def test_what_nobody_can_read(name, unseen):
    """Look-alike letters of two scripts, and letters that show nothing, make no name."""
    assert not is_readable(name)
    assert shows_all(name) is not unseen
