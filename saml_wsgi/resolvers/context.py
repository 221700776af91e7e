"""What a resolver's factory is given, and how it says that an option of its own is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap
from saml_wsgi.resolvers.pipeline import check_match


@dataclass(frozen=True, slots=True)
class ResolverContext:
    """What the configuration holds for every resolver; a factory takes what it needs.

    Attributes:
        name: The resolver's name in the chain, as in ``resolver.<name>.use``.
        directory: Where users are kept.
        links: Which subject is which user for good; None where ``link.source`` is ``off``.
        mapping: Which attributes say what (``attributes.*``).
        match: The field that finds a user.
        link_source: The names whose value identifies a person for good.
    """

    name: str
    directory: Directory
    links: Links | None = None
    mapping: AttributeMap = field(default_factory=AttributeMap)
    match: str = "username"
    link_source: tuple[str, ...] = (NAME_ID,)

    def key(self, option: str) -> str:
        """An option of this resolver as an operator writes it."""
        return f"resolver.{self.name}.{option}"


def refuse_unknown(context: ResolverContext, unknown: Iterable[str], known: Collection[str]) -> None:
    """Raise ConfigurationError, naming each option that this resolver doesn't have."""
    problems = []
    for option in unknown:
        near = difflib.get_close_matches(option, known, n=1)
        cure = f"It has: {', '.join(sorted(known))}." if known else "It has none."
        if near:
            cure = f"Did you mean {context.key(near[0])}?"
        problems.append(Problem(context.key(option), "This resolver has no such option.", cure))
    if problems:
        raise ConfigurationError(*problems)


def match_option(context: ResolverContext, match: str | None) -> str:
    """The field that finds a user: this resolver's own, or else everybody's.

    Raises:
        ConfigurationError: It is no field of a user.
    """
    if match is None:
        return context.match
    check_match(match, option=context.key("match"))
    return match
