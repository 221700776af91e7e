"""``jit``: users are made at their first sign-in and kept current at each later one (just in time)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.interfaces import Links, Source, WritableDirectory
from saml_wsgi.model import Assertion, Denied, Resolution
from saml_wsgi.resolvers import policy_options
from saml_wsgi.resolvers.context import ResolverContext, refuse_unknown
from saml_wsgi.resolvers.finding import Finder
from saml_wsgi.resolvers.pipeline import Pipeline, Writing
from saml_wsgi.resolvers.policy import SAML, Policy
from saml_wsgi.resolvers.rules import Rules

_OPTIONS: Final = frozenset(
    {
        "match",
        "required",
        "never",
        "on_create",
        "clear",
        "update_existing",
        "reactivate",
        "defaults",
        "allow_groups",
        "allow_domains",
        "sources",
    }
)


class JITResolver:
    """Creates a user from the assertion at the first sign-in, and updates it when something changed.

    Its users are ``managed_by`` ``jit:<idp.name>``. Users whom an administrator or the application made
    (``local``) are signed in, and left as they are unless the policy says otherwise. All others are
    refused: a person whom LDAP or another identity provider keeps doesn't come in this way after
    having been removed there. It always has an opinion, so nothing can follow it in a chain.

    Args:
        directory: Where the users are kept.
        links: Which subject is which user for good; None: nobody is pinned. A new user and its link are
            written in one transaction where the directory keeps both.
        rules: By which people are found, and who may sign in.
        policy: What is written.

    Raises:
        ConfigurationError: The policy can't be meant; the problems' keys are its own names.
    """

    def __init__(
        self,
        directory: WritableDirectory,
        links: Links | None = None,
        rules: Rules | None = None,
        policy: Policy | None = None,
    ) -> None:
        rules, policy = rules or Rules(), policy or Policy()
        policy.check(rules.match)
        rules = rules if rules.name else replace(rules, name="jit")
        self._pipeline = Pipeline(Finder(directory, links, rules), Writing(directory, policy))

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, made or updated as needed, or a refusal; never None.

        Refuses with ``missing_attribute`` (the username, the field that matches, what is required, or
        the subject), ``attribute_unusable``, ``ambiguous``, ``inactive``, ``managed_elsewhere``,
        ``mismatch``, ``link_conflict``, ``not_allowed``, ``conflict``; and with ``not_found`` if the
        person is pinned to a user who was deleted.

        Raises:
            Unavailable: The directory or a source doesn't answer.
        """
        return self._pipeline.resolve(assertion)


def factory(
    context: ResolverContext,
    *,
    match: str | None = None,
    required: tuple[str, ...] = (),
    never: tuple[str, ...] = (),
    on_create: tuple[str, ...] = (),
    clear: tuple[str, ...] = (),
    update_existing: bool = False,
    reactivate: bool = False,
    defaults: str = "",
    allow_groups: tuple[str, ...] = (),
    allow_domains: tuple[str, ...] = (),
    sources: tuple[str, ...] = (SAML,),
    **unknown: str,
) -> JITResolver:
    """The resolver ``jit`` from a configuration; what the options mean stands at :class:`Policy`.

    Args:
        match: As the option ``match``, for this resolver alone.
        defaults: Lines ``field = text``, in which ``{username}`` and other fields may stand.
        allow_groups: Only members of one of these are made.
        allow_domains: Only people with an e-mail address in one of these domains are made.
        sources: ``saml`` and names of ``source.<name>``.

    Raises:
        ConfigurationError: An option is unknown, its value can't be used, or the directory can't be
            written.
    """
    refuse_unknown(context, unknown, _OPTIONS)
    problems = Problems()
    if not isinstance(context.directory, WritableDirectory):
        reason = "It creates users, and this directory has no methods create and update."
        cure = "Use the resolver existing, or a directory that can be written."
        raise ConfigurationError(Problem(context.key("use"), reason, cure))
    rules = context.rules(match)
    policy = Policy(
        required=required,
        never=never,
        on_create=on_create,
        clear=clear,
        update_existing=update_existing,
        reactivate=reactivate,
        defaults=policy_options.defaults(defaults, context.key("defaults"), problems),
        allow=policy_options.who_may_be_made(allow_groups, allow_domains, context, problems),
        sources=_sources(sources, context.sources, context.key("sources"), problems),
    )
    try:
        policy.check(rules.match, context.key)
    except ConfigurationError as error:
        problems.include(error)
    problems.raise_if_fatal()
    return JITResolver(context.directory, context.links, rules, policy)


def _sources(
    wanted: Iterable[str], there: Mapping[str, Source], key: str, problems: Problems
) -> tuple[tuple[str, Source | None], ...]:
    found: dict[str, Source | None] = {}
    for name in wanted:
        if name in found:
            problems.add(key, f"{name} occurs twice.", "Name each source once.")
        elif name != SAML and name not in there:
            known = ", ".join((SAML, *sorted(there)))
            problems.add(key, f"There is no source {name!r}; there are: {known}.", f"Set source.{name}.use.")
        found[name] = None if name == SAML else there.get(name)
    return tuple(found.items())
