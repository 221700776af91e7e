"""The reference page of the options, from the one table."""

from __future__ import annotations

from saml_wsgi.config.declare import Option
from saml_wsgi.config.options import GROUPS


def markdown() -> str:
    """The reference of all options in Markdown, a section a group, without a title of its own."""
    parts = []
    for group in GROUPS:
        parts.append(f"## {group.title}\n")
        if group.text:
            parts.append(f"{group.text}\n")
        parts.append("| option | value | default | meaning |\n|---|---|---|---|")
        # One row for all options of a family.
        rows = {option.family or option.key: option for option in group.options}
        parts.extend(_row(name, option) for name, option in rows.items())
        parts.extend(_cells(f"`{name}`", *rest) for name, *rest in group.open)
        parts.append("")
    return "\n".join(parts)


def _row(name: str, option: Option) -> str:
    default = "**required**" if option.required else option.default_text
    return _cells(f"`{name}`", option.convert.kind, default, option.help)


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
