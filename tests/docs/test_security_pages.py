"""What the security pages say of codes, options, cookies and limits is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from saml_wsgi.config.options import TABLE
from saml_wsgi.errors import CODES
from saml_wsgi.middleware import incoming, login
from saml_wsgi.middleware.cookies import _BROWSER_FOR, _RESTARTS_FOR, SLOTS, Cookies
from saml_wsgi.middleware.urls import _LONGEST_TARGET, Site
from saml_wsgi.protocol import bindings, guard, idp, requests, text
from saml_wsgi.protocol.requests import PENDING_FOR, PendingRequests
from saml_wsgi.resolvers import mapping
from saml_wsgi.session import manager
from saml_wsgi.signing import Keys
from saml_wsgi.testing import FakeClock

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "security"
PAGES = [*sorted(FOLDER.glob("*.md")), ROOT / "SECURITY.md"]


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables below a heading, without the tables' heads."""
    content = (FOLDER / page).read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", content, re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    lines = [line for line in section[1].splitlines() if line.startswith("|")]
    assert re.fullmatch(r"[|-]+", lines[1]), heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


STAGES = (
    "Transport",
    "Is it this browser's?",
    "Guard",
    "Schema and signature",
    "Decryption",
    "Profile",
    "Once",
)


def refusals() -> dict[str, list[str]]:
    """Stages by the code with which something in them is refused."""
    found: dict[str, list[str]] = {}
    for stage in STAGES:
        for cells in rows("checks.md", stage):
            assert len(cells) == 3, cells
            codes = re.findall(r"`([a-z_]+)`", cells[1])
            assert codes, cells
            for code in codes:
                found.setdefault(code, []).append(stage)
    return found


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if not meaning.shown])
def test_every_private_code_is_in_the_table_of_checks(code):
    """Whatever the log may have as a reason stands in a row of the checks."""
    assert code in refusals()


def test_the_table_of_checks_has_no_other_codes():
    """No row of the checks names a code that there isn't."""
    assert set(refusals()) <= set(CODES)


def test_the_stages_are_in_the_order_of_the_page():
    """The page has these stages, one after the other."""
    content = (FOLDER / "checks.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", content, re.MULTILINE)
    assert tuple(headings[: len(STAGES)]) == STAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_exist(page):
    """Each option that a security page names is one."""
    groups = {key.partition(".")[0] for key in TABLE if "." in key}
    for name in re.findall(r"`([a-z]+\.[a-z_]+)\b", page.read_text(encoding="utf-8")):
        if name.partition(".")[0] in groups:
            assert name in TABLE, name


def test_cookies_are_as_documented():
    """Names, attributes and lifetimes of all cookies stand in the table."""
    keys, clock = Keys("x" * 40, context="wiki"), FakeClock()
    site = Site("https://wiki.example.test")
    pending = PendingRequests(keys, clock)
    cookies = Cookies(site, keys, pending, idp_host="sso.example.test")
    turn = cookies.turn("")
    packed = pending.pack(pending.start("/page", "idp", turn.browser))
    first, browser = cookies.begin(packed, turn)
    assert browser[1].startswith(f"{cookies.browser}={turn.slot}{turn.browser};")
    assert len(turn.browser) * 6 >= 128
    headers = [
        cookies.set_session("v"),
        cookies.set_pending(packed, 0),
        browser,
        cookies.set_restarts(1, clock.time()),
    ]
    lifetimes = [None, PENDING_FOR, _BROWSER_FOR, _RESTARTS_FOR]
    documented = rows("operating.md", "Cookies")
    assert len(documented) == len(headers)
    shown = {None: "until the browser closes", 3600: "1 h", 7200: "2 h", 120: "2 min"}
    for (name, _, attributes, lasts), (_, value), lifetime in zip(
        documented, headers, lifetimes, strict=True
    ):
        pair, *rest = value.split("; ")
        assert name.split("`")[1] == pair.partition("=")[0].replace(keys.tag, "TAG")
        ages = [part for part in rest if part.startswith("Max-Age")]
        assert ages == ([] if lifetime is None else [f"Max-Age={lifetime}"])
        assert lasts.startswith(shown[lifetime])
        assert "HttpOnly" in rest
        told = {part for part in rest if part not in ages and part != "HttpOnly"}
        assert set(attributes.strip("`").split("; ")) == told
    assert first[1].endswith("; SameSite=None")


def test_cookies_below_a_path():
    """With a path in base_url the session's cookie gives up __Host-; the browser's doesn't. So it is told."""
    keys = Keys("x" * 40, context="wiki")
    pending = PendingRequests(keys, FakeClock())
    cookies = Cookies(Site("https://example.test/wiki"), keys, pending, idp_host="sso.example.test")
    assert cookies.session.startswith("__Secure-")
    assert cookies.browser.startswith("__Host-")
    told = " ".join((FOLDER / "operating.md").read_text(encoding="utf-8").split())
    assert "the session's cookie is `__Secure-` with that path" in told
    assert "the browser's is at `/` all the same" in told


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("a message, decoded", f"{TABLE['idp.max_message'].default // 1024} KiB"),
        ("the form that carries it", f"{(bindings.longest_body(1000) - 2000) // 1024} KiB"),
        ("elements of a message", f"{bindings._BYTES_PER_ELEMENT} bytes"),
        ("depth; attributes of an element", f"{guard._DEEPEST}; {guard._MOST_ATTRIBUTES}"),
        ("a NameID, a field of a user, a group's name", f"{text._LONGEST_NAME_ID} characters"),
        ("a NameID, a field of a user, a group's name", f"{mapping.LONGEST} characters"),
        ("an attribute's value", f"{text._LONGEST_VALUE:,} characters"),
        ("groups of a person", f"{mapping.MOST_GROUPS:,}"),
        ("our relay state; others'", f"{bindings._LONGEST_RELAY_STATE // 1024} KiB"),
        ("the page to return to", f"{_LONGEST_TARGET:,} characters"),
        ("pending requests of a browser", f"{SLOTS}, an hour each"),
        ("sign-ins that begin again", f"{login._MOST_RESTARTS} in two minutes"),
        ("metadata", f"{idp._LARGEST_METADATA // 1024**2} MiB"),
        ("what a process remembers of sessions", f"{manager._MOST_REMEMBERED:,} parts: ten for a session"),
    ],
)
def test_limits_are_as_documented(row, limit):
    """Each limit is the number that the page names."""
    told = dict(rows("operating.md", "Limits"))
    assert limit in told[row]


def test_limits_in_prose():
    """A pending request's cookie has the size that the page says, and a form no more fields."""
    page = (FOLDER / "operating.md").read_text(encoding="utf-8")
    assert f"{requests._LARGEST_COOKIE} bytes at most" in page
    assert "in 16 fields" in page
    with pytest.raises(bindings.Refused, match="16 fields"):
        bindings.read_form(b"&".join([b"a=1"] * 17))
    assert incoming._LONGEST_QUERY >= _LONGEST_TARGET


def test_how_to_report_is_reachable():
    """Readme, documentation and contributors' page lead to how a vulnerability is reported."""
    assert "## Reporting a vulnerability" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "](SECURITY.md)" in (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- generated: SECURITY.md -->" in (ROOT / "docs/security.md").read_text(encoding="utf-8")
