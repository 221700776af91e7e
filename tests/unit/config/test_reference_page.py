"""The reference page tells every option."""

from __future__ import annotations

import re

from saml_wsgi.config.options import GROUPS, TABLE
from saml_wsgi.config.reference import markdown


def test_every_option_has_a_row():
    """Each option of the table stands on the page, once, by itself or with its family, with four cells."""
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    told = list(dict.fromkeys(option.family or key for key, option in TABLE.items()))
    told += [row[0] for group in GROUPS for row in group.open]
    assert sorted(row.split("`")[1] for row in rows) == sorted(told)
    for row in rows:
        assert row.replace("\\|", "").count("|") == 5
        assert all(cell.strip() for cell in row.strip("|").split("|"))


def test_no_key_is_there_twice():
    """The table has each key once: a double would hide the other."""
    keys = [option.key for group in GROUPS for option in group.options]
    assert len(keys) == len(set(keys))


def test_the_page_shows_defaults_as_one_writes_them():
    """Durations and sizes have units, and what is required is said to be."""
    page = markdown()
    assert "| `session.lifetime` | 1 min to 30 d | `8 h` |" in page
    assert "| `idp.max_message` | 16 KiB to 4 MiB | `256 KiB` |" in page
    assert "| `idp.max_elements` | 100 to 100000 | one for each 50 bytes of the message, and 100 |" in page
    assert "| `base_url` | URL | **required** |" in page


def test_the_page_says_which_options_may_be_references():
    """Each secret option shows that it may stand elsewhere."""
    rows = {line.split("`")[1]: line for line in markdown().splitlines() if line.startswith("| `")}
    for key, option in TABLE.items():
        assert ("`env:NAME`" in rows[option.family or key]) == option.secret


def test_a_family_is_what_its_options_have_in_common():
    """Whoever reads `attributes.<field>.lower` finds every option of the family by writing a field there."""
    for key, option in TABLE.items():
        if option.family:
            assert re.fullmatch(re.sub("<[a-z]+>", r"\\w+", re.escape(option.family)), key)
            others = [other for other in TABLE.values() if other.family == option.family]
            assert {other.help for other in others} == {option.help}
            assert {other.convert for other in others} == {option.convert}


def test_options_whose_names_are_open_are_told():
    """Plug-ins have options of their own, which no table knows: the page says how they are written."""
    page = markdown()
    for name in ("resolver.<name>.use", "source.<name>.<option>", "directory.option.<name>"):
        assert f"| `{name}` |" in page
