"""``ldap``: a directory keeps the people; who signs in is searched there, and is here what is said there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.interfaces import Clock, Links, Population, Source, Standings, WritableDirectory
from saml_wsgi.model import Assertion, Denied, Resolution
from saml_wsgi.resolvers import policy_options
from saml_wsgi.resolvers.context import ResolverContext, refuse_unknown
from saml_wsgi.resolvers.finding import Finder
from saml_wsgi.resolvers.keeping import EXACT_TO, Keeper
from saml_wsgi.resolvers.pipeline import Pipeline, Writing
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules

#: Who writes: its users are ``managed_by`` ``ldap:<source>``, whatever the resolver is called.
OWNER: Final = "ldap"

REFUSE: Final = "refuse"
LAST_KNOWN: Final = "use_last_known"

_OPTIONS: Final = frozenset(
    {
        "source",
        "match",
        "required",
        "never",
        "on_create",
        "update_existing",
        "defaults",
        "allow_groups",
        "allow_domains",
        "source_down",
        "max_age",
    }
)


class LDAPResolver:
    """Searches the person in a source that keeps the people, and keeps the user here as it says.

    Its users are ``managed_by`` ``ldap:<source>`` and pinned to what identifies them there for good, as a
    synchronisation does it: whoever is renamed there is renamed here. A user of the source whom it doesn't
    know any more, or who is switched off there, is switched off here at once; switched on again when it
    says so, unless an administrator here did it. Users whom an administrator or the application made
    (``local``) are signed in, and left as they are unless the policy says otherwise. Those of ``jit`` are
    refused.

    Has no opinion (None) on somebody whom the source doesn't know and who was never its user.

    Args:
        source_name: The source's name.
        source: Keeps the people.
        directory: Where the users are kept.
        standings: What the source said last, and which of its subjects is which user.
        links: Which subject of the identity provider is which user; None: nobody is pinned.
        rules: By which people are found, and who may sign in.
        policy: What is written. Its ``owner``, ``authoritative`` and ``sources`` are set here.
        max_age: For how many seconds the source's last word on somebody counts where it doesn't answer.
            None: nobody is signed in then.
        clock: The time.

    Attributes:
        source_name: The same.
        rules: The same.
        policy: The same, as it is applied: also by a synchronisation.

    Raises:
        ConfigurationError: The policy can't be meant; the problems' keys are its own names.
    """

    def __init__(
        self,
        source_name: str,
        source: Population,
        directory: WritableDirectory,
        standings: Standings,
        links: Links | None = None,
        rules: Rules | None = None,
        policy: Policy | None = None,
        *,
        max_age: int | None = None,
        clock: Clock = time,
    ) -> None:
        rules = rules or Rules()
        policy = replace(
            policy or Policy(), owner=OWNER, authoritative=True, sources=((source_name, source),)
        )
        policy.check(rules.match)
        self.source_name = source_name
        self.rules = rules if rules.name else replace(rules, name=OWNER)
        self.policy = policy
        finder = Finder(directory, links, self.rules, standings)
        self._pipeline = Pipeline(
            finder,
            Writing(directory, policy),
            Keeper(source_name, source, directory, standings, finder, clock, max_age),
        )

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, as the source says; a refusal; or None if the source doesn't know the person.

        Refuses with ``inactive``, ``missing_attribute``, ``attribute_unusable``, ``ambiguous``,
        ``managed_elsewhere``, ``mismatch``, ``link_conflict`` (a recycled name), ``not_allowed``,
        ``conflict``; and with ``not_found`` if the person is pinned to a user who was deleted.

        Raises:
            SourceUnavailable: The source doesn't answer, and ``max_age`` doesn't help. Then no other
                resolver may be asked: somebody who was removed there would come in.
            Unavailable: The directory or the links don't answer.
        """
        return self._pipeline.resolve(assertion)


def factory(
    context: ResolverContext,
    *,
    source: str | None = None,
    match: str | None = None,
    required: tuple[str, ...] = (),
    never: tuple[str, ...] = (),
    on_create: tuple[str, ...] = (),
    update_existing: bool = False,
    defaults: str = "",
    allow_groups: tuple[str, ...] = (),
    allow_domains: tuple[str, ...] = (),
    source_down: str = REFUSE,
    max_age: timedelta | None = None,
    **unknown: str,
) -> LDAPResolver:
    """The resolver ``ldap`` from a configuration; what most options mean stands at :class:`Policy`.

    Args:
        source: The name of a ``source.<name>`` whose people can be read as a whole; by default the only one.
        match: As the option ``match``, for this resolver alone.
        defaults: Lines ``field = text``, in which ``{username}`` and other fields may stand; what users
            have where the source says nothing.
        allow_groups: Only members of one of these are made.
        allow_domains: Only people with an e-mail address in one of these domains are made.
        source_down: What happens where the source doesn't answer: ``refuse``, or ``use_last_known``.
        max_age: For how long its last word counts then.

    Raises:
        ConfigurationError: An option is unknown, its value can't be used, or the directory can't be
            written.
    """
    refuse_unknown(context, unknown, _OPTIONS)
    problems = Problems()
    if not isinstance(context.directory, WritableDirectory):
        reason = "It writes users, and this directory has no methods create and update."
        cure = "Use the resolver existing, or a directory that can be written."
        raise ConfigurationError(Problem(context.key("use"), reason, cure))
    if context.standings is None:
        reason = "The links of this directory don't keep what a source says."
        cure = "Give them the methods of saml_wsgi.interfaces.Standings; or leave them away, and have ours."
        raise ConfigurationError(Problem(context.key("use"), reason, cure))
    rules = context.rules(match)
    found = _population(source, context.sources, context, problems)
    policy = Policy(
        owner=OWNER,
        required=required,
        never=never,
        on_create=on_create,
        update_existing=update_existing,
        authoritative=True,
        defaults=policy_options.defaults(defaults, context.key("defaults"), problems),
        allow=policy_options.who_may_be_made(allow_groups, allow_domains, context, problems),
    )
    try:
        policy.check(rules.match, context.key)
    except ConfigurationError as error:
        problems.include(error)
    seconds = _age(source_down, max_age, context, problems)
    if found is not None:
        name, population = found
        for field in (field for field in required if field not in population.fields):
            cure = f"Take it out, or name an attribute: source.{name}.{field}."
            problems.add(context.key("required"), f"The source {name} doesn't speak of {field}.", cure)
    problems.raise_if_fatal()
    assert found is not None
    return LDAPResolver(
        *found,
        context.directory,
        context.standings,
        context.links,
        rules,
        policy,
        max_age=seconds,
        clock=context.clock,
    )


def _population(
    wanted: str | None, there: Mapping[str, Source], context: ResolverContext, problems: Problems
) -> tuple[str, Population] | None:
    key = context.key("source")
    readable = {name: source for name, source in there.items() if isinstance(source, Population)}
    listed = ", ".join(sorted(readable)) or "none"
    if wanted is None and len(readable) == 1:
        return next(iter(readable.items()))
    if wanted is None and readable:
        problems.add(key, f"There are several sources that keep people: {listed}.", "Name one.")
    elif wanted is None:
        cure = "Write source.NAME.use = ldap, and its options."
        problems.add(key, "There is no source that keeps people.", cure)
    elif wanted not in there:
        reason = f"There is no source {wanted!r}; there are: {', '.join(sorted(there)) or 'none'}."
        problems.add(key, reason, f"Set source.{wanted}.use.")
    elif wanted not in readable:
        reason = f"The people of {wanted} can't be read as a whole: it is no saml_wsgi.interfaces.Population."
        problems.add(key, reason, f"Use another one ({listed}), or resolver.jit.sources = saml {wanted}.")
    else:
        return wanted, readable[wanted]
    return None


def _age(
    source_down: str, max_age: timedelta | None, context: ResolverContext, problems: Problems
) -> int | None:
    """For how many seconds a last word counts; None: not at all."""
    key = context.key("max_age")
    if source_down not in {REFUSE, LAST_KNOWN}:
        cure = f"Write {REFUSE} or {LAST_KNOWN}."
        problems.add(context.key("source_down"), f"It is {source_down!r}.", cure)
    elif source_down == REFUSE and max_age is not None:
        cure = f"Remove it, or write {context.key('source_down')} = {LAST_KNOWN}."
        problems.add(key, "It does nothing, since nobody is signed in while the source is down.", cure)
    elif source_down == LAST_KNOWN and max_age is None:
        problems.add(key, f"It is required where source_down = {LAST_KNOWN}.", "Write 8 h, for example.")
    elif max_age is not None and max_age.total_seconds() < EXACT_TO:
        reason = "When a source confirmed somebody is kept exact to an hour only."
        problems.add(key, reason, "Write 1 h, or more.")
    return None if max_age is None else int(max_age.total_seconds())
