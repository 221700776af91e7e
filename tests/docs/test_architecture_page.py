"""The page about how it is built names every room, and the layers that import-linter holds."""

from __future__ import annotations

import re
import tomllib

from saml_wsgi.testing import contracts
from tests.docs.reading import ROOT, blocks

PAGE = ROOT / "docs" / "architecture.md"


def test_layers_are_those_that_are_held():
    """The page's list of layers is the contract's, line by line."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers"]
    (shown,) = [block.text for block in blocks(PAGE, "text") if "errors\n" in block.text]
    assert shown.splitlines() == [layer.replace("saml_wsgi.", "") for layer in layers]


def test_every_room_is_named():
    """Each module and package of the top is on the page, and what the table names is there."""
    package = ROOT / "saml_wsgi"
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in package.iterdir()
        if (path / "__init__.py").is_file() or path.suffix == ".py"
    } - {"__init__.py"}
    named = set(re.findall(r"`([a-z_]+(?:/|\.py))`", PAGE.read_text(encoding="utf-8")))
    assert named == rooms


def test_seams_are_interfaces():
    """Each seam of the page is a protocol of interfaces.py, and each of those is on the page."""
    text = PAGE.read_text(encoding="utf-8")
    source = (ROOT / "saml_wsgi" / "interfaces.py").read_text(encoding="utf-8")
    protocols = set(re.findall(r"^class (\w+)\(", source, re.MULTILINE))
    section = text.partition("## The seams\n")[2].partition("\n## ")[0]
    assert protocols <= set(re.findall(r"`([A-Z]\w+)`", section))


def test_every_contract_is_told():
    """The page about testing has each suite in its table."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    assert set(contracts.__all__) <= set(re.findall(r"`(\w+Contract)`", text))
