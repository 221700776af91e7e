"""Parts become a synchronisation: which source, by whose rules, into which tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from saml_wsgi.config.kinds import duration_text
from saml_wsgi.config.removals import Share
from saml_wsgi.config.settings import Settings
from saml_wsgi.config.synchronised import elsewhere
from saml_wsgi.errors import ConfigurationError, DirectoryUnavailable, Problem
from saml_wsgi.interfaces import Population
from saml_wsgi.resolvers.identification import keeper
from saml_wsgi.resolvers.ldap import LDAPResolver
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.sync.limits import Limit
from saml_wsgi.sync.report import Report
from saml_wsgi.wiring import Parts

if TYPE_CHECKING:
    from saml_wsgi.directories.arrival.history import History
    from saml_wsgi.directories.arrival.values import Gone, Run
    from saml_wsgi.sync.run import Synchronisation

#: Of the resolvers that we know, those that never let in whom a synchronisation brought.
_OWN_ONLY: Final = frozenset({"jit"})
#: Those that ask a source while somebody signs in, so that nobody need have been synchronised.
_LIVE: Final = frozenset({"ldap"})


def chosen(parts: Parts) -> tuple[str, Population]:
    """The source whose people are copied, behind its name.

    Raises:
        ConfigurationError: There is none, or several, or users aren't kept in tables of ours.
    """
    refuse_elsewhere(parts.settings)
    name = parts.settings.sync.source
    possible = {name: source for name, source in parts.sources.items() if isinstance(source, Population)}
    if name is None and len(possible) == 1:
        name = next(iter(possible))
    if name is None and possible:
        cure = f"Write sync.source = NAME. There are: {', '.join(possible)}."
        raise _refusal("there are several sources whose people could be copied.", cure)
    if name is None:
        cure = "Write source.NAME.use = ldap, and its options."
        raise _refusal("there is no source whose people could be copied.", cure)
    if name not in possible:
        reason = f"the source {name} can be asked for somebody, but not read as a whole."
        raise _refusal(reason, "Name one with source.NAME.use = ldap.")
    return name, possible[name]


def refuse_elsewhere(settings: Settings) -> None:
    """Raise ConfigurationError unless users are kept in tables of ours."""
    use = settings.directory.use
    if use != "sql":
        key = "directory.table" if use == "table" else "directory.use"
        raise ConfigurationError(Problem(key, *elsewhere(use)))


def synchronisation(parts: Parts) -> Synchronisation:
    """What ``saml-wsgi sync`` runs.

    Fields and groups are written by the options of the resolver ``ldap`` that searches the same source, if
    there is one: at a sign-in and by a synchronisation a user becomes the same.

    Raises:
        ConfigurationError: As :func:`chosen`.
    """
    from saml_wsgi.sync.run import Synchronisation

    name, population = chosen(parts)
    sync = parts.settings.sync
    rules, policy = _as_at_sign_ins(parts, name)
    return Synchronisation(
        population,
        name,
        _url(parts),
        rules=rules,
        policy=policy,
        limit=_limit(sync.max_removals),
        adopt=sync.adopt,
        full_every=0 if sync.incremental == "off" else sync.full_every,
        keep=sync.keep,
        clock=parts.clock,
    )


def history(parts: Parts) -> History:
    """The records of the runs.

    Raises:
        ConfigurationError: Users aren't kept in tables of ours.
    """
    from saml_wsgi.directories.arrival.history import History

    refuse_elsewhere(parts.settings)
    return History(_url(parts))


# -- who left --


def missed(parts: Parts, *, before: int) -> Sequence[Gone]:
    """Users whom their source hasn't known since before that moment, in seconds since the epoch.

    Raises:
        ConfigurationError: Users aren't kept in tables of ours.
        DirectoryUnavailable: The database doesn't answer.
    """
    from saml_wsgi.directories.arrival.purge import Purge

    refuse_elsewhere(parts.settings)
    purge, after = Purge(_url(parts)), ""
    found: list[Gone] = []
    while page := purge.listed(before, after=after):
        found += page
        after = page[-1].user_id
    return found


def remove(parts: Parts, gone: Sequence[Gone]) -> Iterator[tuple[Gone, bool]]:
    """Delete them one by one, while nobody synchronises; whether each was still gone, and there.

    Raises:
        Busy: Somebody synchronises; nobody was deleted.
        LostLease: Somebody synchronises since a moment ago; the rest wasn't deleted.
        DirectoryUnavailable: The database doesn't answer; the rest wasn't deleted.
    """
    from saml_wsgi.directories.arrival.lease import Lease
    from saml_wsgi.directories.arrival.purge import Purge
    from saml_wsgi.directories.sql import SQLDirectory

    assert isinstance(parts.directory, SQLDirectory)
    purge = Purge(_url(parts))
    with Lease(_url(parts), "users purge", clock=parts.clock) as lease:
        for each in gone:
            lease.renew()
            yield each, purge.remove(parts.directory, each)


# -- what an operator should know --


def facts(parts: Parts) -> list[tuple[str, str]]:
    """What is synchronised, and since when; nothing where nothing can be."""
    try:
        name, _ = chosen(parts)
    except ConfigurationError:
        return []
    runs, finished = _known(parts, name)
    if finished:
        return [("synchronisation", f"{name}, last complete {_ago(parts, finished)}")]
    return [("synchronisation", f"{name}, {'never complete' if runs else 'never run'}")]


def warnings(parts: Parts) -> Iterator[Problem]:
    """What is worth a warning, of a synchronisation that there is or should be."""
    try:
        name, _ = chosen(parts)
    except ConfigurationError:
        return
    uses = {resolver.use for resolver in parts.settings.resolvers}
    runs, finished = _known(parts, name)
    if not runs and not finished:
        if parts.settings.sync.source is not None or not (uses & _LIVE or _is_asked(parts, name)):
            cure = "Run: saml-wsgi sync FILE.ini --dry-run, then without it, then regularly."
            yield _warning("sync.source", f"the people of {name} were never copied.", cure)
        return
    if uses <= _OWN_ONLY:
        reason = "jit turns away users whom a synchronisation brought, and no other resolver is asked."
        yield _warning("resolvers", reason, "Write resolvers = ldap; or existing.")
    late = parts.clock.time() - finished
    if late > parts.settings.sync.warn_after:
        since = f"for {_span(late)}" if finished else "at all"
        yield _warning(
            "sync.every",
            f"no synchronisation with {name} has come to its end {since}{_last(runs)}.",
            "See what the last ones did: saml-wsgi sync FILE.ini --history. Whoever is switched off there "
            "may still be in here.",
        )


def _known(parts: Parts, name: str) -> tuple[Sequence[Run], int]:
    """The newest run of that source, and when one last came to its end."""
    try:
        found = history(parts)
        return found.last(1, source=name), found.last_finished(keeper(name))
    except DirectoryUnavailable:
        return (), 0  # no database yet; or told of elsewhere


def _last(runs: Sequence[Run]) -> str:
    for run in runs:
        try:
            report = Report.from_json(run.report) if run.finished else None
        except (ValueError, TypeError):
            report = None
        if report is None:
            return "; the last one is under way, or was killed"
        if not report.done:
            return f"; the last one ended with {report.code}"
    return ""


def _ago(parts: Parts, moment: int) -> str:
    return f"{_span(parts.clock.time() - moment)} ago"


def _span(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit in (86_400, 3_600, 60):
        if whole >= 2 * unit:
            return duration_text(whole - whole % unit)
    return duration_text(whole)


def _is_asked(parts: Parts, name: str) -> bool:
    """Whether a resolver asks the source beside the assertion; what others from elsewhere ask isn't known."""
    for resolver in parts.settings.resolvers:
        written = resolver.options.get("sources", ())
        if resolver.use not in {"jit", "existing"} or name in (
            written.split() if isinstance(written, str) else written
        ):
            return True
    return False


# -- parts --


def _as_at_sign_ins(parts: Parts, name: str) -> tuple[Rules, Policy]:
    for _, resolver in parts.chain.resolvers:
        if isinstance(resolver, LDAPResolver) and resolver.source_name == name:
            return resolver.rules, resolver.policy
    return Rules(groups=parts.settings.groups), Policy()


def _url(parts: Parts) -> str:
    return parts.settings.directory.url or parts.settings.store.url


def _limit(removals: Share | int) -> Limit:
    return Limit(percent=removals.percent) if isinstance(removals, Share) else Limit(number=removals)


def _refusal(reason: str, cure: str) -> ConfigurationError:
    return ConfigurationError(Problem("sync.source", reason, cure))


def _warning(key: str, reason: str, cure: str) -> Problem:
    return Problem(key, reason, cure, fatal=False)
