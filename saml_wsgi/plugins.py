"""Plug-ins: the resolvers, the sources and the directory that a configuration names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Never

from saml_wsgi.config.settings import ResolverSettings, Settings, SourceSettings
from saml_wsgi.directories.unopened import Unopened
from saml_wsgi.errors import ConfigurationError, Problems, SamlWsgiError, SourceUnavailable
from saml_wsgi.factories import DIRECTORY, LINKS, RESOLVER, SOURCE, check_shape, make
from saml_wsgi.interfaces import Clock, Directory, Links, Reading, Resolver, Source, Standings
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.chain import Chain
from saml_wsgi.resolvers.context import DirectoryContext, ResolverContext, SourceContext
from saml_wsgi.resolvers.identification import keeper
from saml_wsgi.resolvers.mapping import AttributeMap

_NONE: Final[Mapping[str, Source]] = MappingProxyType({})


def attribute_map(settings: Settings) -> AttributeMap:
    """Which attributes say what, and what is done to their text."""
    attributes = settings.attributes
    return AttributeMap(
        username=attributes.username,
        email=attributes.email,
        first_name=attributes.first_name,
        last_name=attributes.last_name,
        display_name=attributes.display_name,
        employee_id=attributes.employee_id,
        groups=attributes.groups,
        changes=attributes.changes,
    )


def chain(
    settings: Settings,
    directory: Directory,
    links: Links,
    problems: Problems,
    *,
    sources: Mapping[str, Source] = _NONE,
    idp_name: str = "",
    clock: Clock = time,
) -> Chain | None:
    """The resolvers that are configured; None where one of them can't be made.

    With an :class:`~saml_wsgi.directories.unopened.Unopened` directory they are tried as far as they can be.

    Args:
        sources: What :func:`sources` made.
        idp_name: The identity provider's name.
        clock: The time.
    """
    faulty = {problem.key for problem in problems.fatal}
    if idp_name in map(keeper, sources):
        # Links to both would be the same rows, and each user has one of each.
        reason = f"{idp_name!a} is how links to people of a source are called here."
        problems.add("idp.name", reason, "Write another name, or give the source another one.")
    mapping = attribute_map(settings)
    made: list[tuple[str, Resolver]] = []
    for wanted in settings.resolvers:
        context = ResolverContext(
            name=wanted.name,
            directory=directory,
            links=links if settings.link.source else None,
            mapping=mapping,
            match=settings.match,
            link_source=settings.link.source,
            groups=settings.groups,
            access=settings.access,
            sources=sources,
            idp_name=idp_name,
            standings=links if isinstance(links, Standings) else None,
            clock=clock,
        )
        if any(key.startswith(context.key("")) for key in faulty):
            continue  # what was meant isn't known
        try:
            made.append((wanted.name, resolver(wanted, context)))
        except ConfigurationError as error:
            problems.include(error)
        except SamlWsgiError as error:
            # Why the directory or a source couldn't be opened is told already.
            if not isinstance(directory, Unopened):
                cure = "See to it that it can, then start again."
                problems.add(context.key("use"), f"it can't be used now: {error}.", cure)
    if not made:
        return None
    try:
        found = Chain(made, directory, settings.access, mapping=mapping, groups=settings.groups)
    except ConfigurationError as error:
        problems.include(error)
        return None
    return found if len(made) == len(settings.resolvers) else None


def resolver(wanted: ResolverSettings, context: ResolverContext) -> Resolver:
    """Make the resolver that ``resolver.<name>.use`` names: ``factory(context, **options)``.

    A factory asks nothing of the directory: the tables may not be made yet.

    Raises:
        ConfigurationError: See :func:`saml_wsgi.factories.make`.
        Unavailable: What the factory needs doesn't answer.
    """
    made: Resolver = make(RESOLVER, wanted.use, wanted.options, context)
    return made


def sources(settings: Settings, problems: Problems) -> Mapping[str, Source]:
    """The sources that are configured, by name.

    What stands in for one that can't be made knows nobody's name, so that the resolvers which ask it
    can be tried all the same.
    """
    faulty = {problem.key for problem in problems.fatal}
    made: dict[str, Source] = {}
    for wanted in settings.sources:
        context = SourceContext(wanted.name)
        made[wanted.name] = _Unmade()
        if any(key.startswith(context.key("")) for key in faulty):
            continue  # what was meant isn't known
        try:
            made[wanted.name] = source(wanted, context)
        except ConfigurationError as error:
            problems.include(error)
        except SamlWsgiError as error:
            cure = "See to it that it can, then start again."
            problems.add(context.key("use"), f"it can't be used now: {error}.", cure)
    return MappingProxyType(made)


def source(wanted: SourceSettings, context: SourceContext) -> Source:
    """Make the source that ``source.<name>.use`` names; see :func:`resolver`."""
    made: Source = make(SOURCE, wanted.use, wanted.options, context)
    return made


def directory(settings: Settings, clock: Clock) -> Directory:
    """Make the directory that ``directory.use`` names, which is neither ``sql`` nor ``table``.

    It need not be one that can be written. If it has an attribute ``links``, that keeps the links.

    Raises:
        ConfigurationError: See :func:`saml_wsgi.factories.make`; or its ``links`` aren't fit for it.
        Unavailable: What the factory needs doesn't answer.
    """
    wanted = settings.directory
    context = DirectoryContext(wanted.url or "", clock)
    made: Directory = make(DIRECTORY, wanted.use, wanted.options, context)
    links = getattr(made, "links", None)
    if links is not None:
        check_shape(
            LINKS, links, f"{wanted.use!r} has links of the type {type(links).__name__}", "directory.use"
        )
    return made


class _Unmade:
    """A source that couldn't be made, of any kind."""

    fields: Final = FIELDS
    fingerprint: Final = ""

    def look_up(self, keys: Mapping[str, str], /) -> Never:
        del keys
        self._refuse()

    def read(self, since: str, /) -> Reading:
        del since
        self._refuse()

    def _refuse(self) -> Never:
        raise SourceUnavailable("it couldn't be made")
