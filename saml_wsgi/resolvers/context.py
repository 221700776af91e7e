"""What a resolver's factory is given, and how it says that an option of its own is wrong."""

from __future__ import annotations

import difflib
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.interfaces import Clock, Directory, Links, Source, Standings
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.access import EVERYBODY, Access
from saml_wsgi.resolvers.groups import AS_ASSERTED, GroupRules
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap
from saml_wsgi.resolvers.rules import Rules, check_match, fields_of


@dataclass(frozen=True, slots=True)
class DirectoryContext:
    """What the configuration holds for a directory from elsewhere: ``factory(context, **options)``.

    Attributes:
        url: ``directory.url``.
        clock: The time.
    """

    url: str
    clock: Clock

    def key(self, option: str) -> str:
        """An option of this directory as an operator writes it."""
        return "directory.use" if option == "use" else f"directory.option.{option}"


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What the configuration holds for a source: ``factory(context, **options)``.

    Attributes:
        name: Its name, as in ``source.<name>.use``.
    """

    name: str

    def key(self, option: str) -> str:
        """An option of this source as an operator writes it."""
        return f"source.{self.name}.{option}"


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
        groups: How groups are named and written (``groups.*``).
        access: Who may sign in (``allow.*``, ``deny.*``). Whoever the resolver finds is checked by it
            anyway; a resolver that writes checks it before it does.
        sources: What else knows people, by name (``source.<name>.use``).
        idp_name: The identity provider's name (``idp.name``).
        standings: What sources that keep people said last, and which of their subjects is which user, also
            where ``links`` is None; None where the directory's own links don't keep that.
        clock: The time.
    """

    name: str
    directory: Directory
    links: Links | None = None
    mapping: AttributeMap = field(default_factory=AttributeMap)
    match: str = "username"
    link_source: tuple[str, ...] = (NAME_ID,)
    groups: GroupRules = AS_ASSERTED
    access: Access = EVERYBODY
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    idp_name: str = ""
    standings: Standings | None = None
    clock: Clock = time

    def key(self, option: str) -> str:
        """An option of this resolver as an operator writes it."""
        return f"resolver.{self.name}.{option}"

    def rules(self, match: str | None = None) -> Rules:
        """By which people are found.

        Args:
            match: The field that finds a user, if this resolver has one of its own.

        Raises:
            ConfigurationError: It is no field of a user, or none that the directory keeps.
        """
        key = "match" if match is None else self.key("match")
        match = match or self.match
        check_match(match, option=key)
        kept = fields_of(self.directory)
        if match not in kept:
            cure = f"Use one of {', '.join(name for name in FIELDS if name in kept)}, or add a column."
            raise ConfigurationError(Problem(key, f"The directory doesn't keep {match}.", cure))
        return Rules(
            name=self.name,
            mapping=self.mapping,
            match=match,
            link_source=self.link_source,
            groups=self.groups,
            access=self.access,
        )


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
