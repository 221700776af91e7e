"""What an operator writes of a resolver's policy becomes what a :class:`Policy` takes."""

from __future__ import annotations

from dataclasses import replace

from saml_wsgi.errors import ConfigurationError, Problems
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.context import ResolverContext
from saml_wsgi.resolvers.transformation import Template


def who_may_be_made(
    groups: tuple[str, ...], domains: tuple[str, ...], context: ResolverContext, problems: Problems
) -> Access:
    """``allow_groups`` and ``allow_domains`` of a resolver; what can't be meant is noted."""
    try:
        return Access(allow_groups=groups, allow_domains=domains)
    except ConfigurationError as error:
        for problem in error.problems:
            key = context.key(problem.key.replace(".", "_"))
            problems.include(ConfigurationError(replace(problem, key=key)))
    return Access()


def defaults(lines: str, key: str, problems: Problems) -> tuple[tuple[str, Template], ...]:
    """Lines ``field = text``; what can't be meant is noted."""
    found: dict[str, Template] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        name, equals, text = (part.strip() for part in line.partition("="))
        if not equals or not name or not text:
            problems.add(key, f"{line!r} isn't a field, = and a text.", "Write display_name = {username}.")
            continue
        if name in found:
            problems.add(key, f"{name} has two lines.", "Write one.")
        try:
            found[name] = Template(text)
        except ValueError as error:
            problems.add(key, f"{name}: {error}.", "Write {username}, and {{ for a brace that is meant.")
    return tuple(found.items())
