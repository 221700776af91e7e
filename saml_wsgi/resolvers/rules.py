"""What an operator chose for a resolver: who is found, and who counts as found."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field

from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.access import EVERYBODY, Access
from saml_wsgi.resolvers.groups import AS_ASSERTED, GroupRules
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """By which a resolver finds people, and whom it lets in.

    Attributes:
        name: What the operator calls the resolver; ``""``: what it is called by itself.
        mapping: Which attributes say what.
        match: The field, one of ``model.FIELDS``, whose asserted value finds the user.
        link_source: The names (``NameID`` or attributes) whose value is the subject: the first one that
            arrived counts. Empty: nobody is pinned.
        groups: How groups are named and written.
        access: Who may sign in.

    Raises:
        ConfigurationError: ``match`` is no field of a user.
    """

    name: str = ""
    mapping: AttributeMap = field(default_factory=AttributeMap)
    match: str = "username"
    link_source: tuple[str, ...] = (NAME_ID,)
    groups: GroupRules = AS_ASSERTED
    access: Access = EVERYBODY

    def __post_init__(self) -> None:
        check_match(self.match)


def fields_of(directory: object) -> Collection[str]:
    """Those of ``model.FIELDS`` that a directory keeps: all, unless its attribute ``fields`` says which.

    An application's own table has no column for some of them.
    """
    kept = getattr(directory, "fields", FIELDS)
    return kept if isinstance(kept, Collection) and "username" in kept else FIELDS


def is_exact(directory: object) -> bool:
    """Whether ``Mara`` and ``mara`` are two people there: no, unless its attribute ``exact`` says so."""
    return getattr(directory, "exact", False) is True


def check_match(match: str, *, option: str = "match") -> None:
    """Raise ConfigurationError, under the option's name, unless it is a field of a user."""
    if match not in FIELDS:
        near = difflib.get_close_matches(match, FIELDS, n=1)
        cure = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(FIELDS)}."
        raise ConfigurationError(Problem(option, f"{match!r} is no field of a user.", cure))
