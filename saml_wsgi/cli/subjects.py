"""Subjects as an administrator types them, and as links keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from saml_wsgi.cli.listing import visible
from saml_wsgi.names import key
from saml_wsgi.resolvers.identification import subject_from
from saml_wsgi.resolvers.mapping import NAME_ID, NAMES, is_address
from saml_wsgi.resolvers.rules import is_exact
from saml_wsgi.resolvers.transformation import LONGEST

if TYPE_CHECKING:
    from saml_wsgi.interfaces import Links
    from saml_wsgi.wiring import Parts

_ATTRIBUTE: Final = "attr"


def kept(parts: Parts, links: Links, idp: str, subject: str) -> str | None:
    """The subject, as typed or as a sign-in would bring it, if anybody is pinned to it."""
    for spelling in dict.fromkeys((subject, _as_asserted(parts, subject))):
        if spelling is not None and links.follow(idp, spelling) is not None:
            return spelling
    return None


def coming(parts: Parts, subject: str) -> str:
    """The subject as the next sign-in will bring it; what none would bring ends the command."""
    sources = parts.settings.link.source
    if not sources:
        raise click.ClickException("link.source is off, so no sign-in brings a subject.")
    spelling = _as_asserted(parts, subject)
    if spelling is None or _source(subject) not in sources:
        forms = " or ".join(subject_from(source, "VALUE") for source in sources)
        raise click.ClickException(
            f"No sign-in brings {visible(subject)!r}: by link.source it would be {forms}."
        )
    return spelling


def _source(subject: str) -> str | None:
    """The attribute that it comes from, or NameID; None if it isn't written as a subject is."""
    kind, _, rest = subject.partition(":")
    if kind == NAME_ID and rest:
        return NAME_ID
    name, _, value = rest.partition(":")
    if kind == _ATTRIBUTE and name and value:
        return name.replace("%3A", ":").replace("%25", "%")
    return None


def _as_asserted(parts: Parts, subject: str) -> str | None:
    """As a sign-in writes it: addresses, and names by which people are found, without letter case.

    Where ``directory.case = exact``, as they are.
    """
    source = _source(subject)
    if source is None:
        return None
    value = subject.removeprefix(subject_from(source, ""))
    if not value or value != value.strip() or len(value) > LONGEST:
        return None
    match = parts.settings.match
    is_name = match in NAMES and source in getattr(parts.settings.attributes, match)
    folded = (is_name or is_address(value)) and not is_exact(parts.directory)
    return subject_from(source, key(value) if folded else value)
