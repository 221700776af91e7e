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
        parts.extend(_row(option) for option in group.options)
        parts.append("")
    return "\n".join(parts)


def _row(option: Option) -> str:
    default = "**required**" if option.required else option.default_text
    cells = (f"`{option.key}`", option.convert.kind, default, option.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
