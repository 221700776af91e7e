"""The page about codes has a cause and a cure for every code, and no others."""

from __future__ import annotations

import re

import pytest

from saml_wsgi.config.options import TABLE
from saml_wsgi.errors import CODES
from tests.docs.reading import PAGES, ROOT

PAGE = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
#: Codes, cause and cure, by the row's first cell.
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]
#: What else looks like a code in a guide's table of what goes wrong.
GUIDES = ("jumpcloud.md", "jumpcloud_manual.md", "users.md")


def test_every_code_has_one_entry():
    """Each code stands in exactly one row, and each row's codes exist."""
    told = [code for cells in ROWS for code in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(told) == sorted(CODES)


def test_every_entry_has_cause_and_cure():
    """No row leaves its reader alone."""
    for cells in ROWS:
        assert len(cells) == 3, cells
        assert all(cells), cells


@pytest.mark.parametrize("heading", ["The message"])
def test_what_people_never_see_stands_apart(heading):
    """The codes that only the log has are those of the section about messages."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    told = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert told == {slug for slug, code in CODES.items() if not code.shown}


@pytest.mark.parametrize("guide", GUIDES)
def test_codes_of_the_guides_exist(guide):
    """What a guide's table calls a code is one."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[a-z_`, ]+`)(?=[ ,])", text, re.MULTILINE)
    told = {code for cell in cells for code in re.findall(r"`(\w+)`", cell) if "_" in code}
    assert told
    assert {code for code in told if code not in TABLE} <= {*CODES, "managed_by", "first_name"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_exist(page):
    """Each option that a page names is one, also those of the fields' families."""
    groups = {key.partition(".")[0] for key in TABLE if "." in key}
    for name in re.findall(r"`([a-z]+(?:\.[a-z_]+)+)(?: = [^`]*)?`", page.read_text(encoding="utf-8")):
        if name.partition(".")[0] in groups and not name.endswith((".py", ".url_")):
            assert name in TABLE, name
