"""What a configuration would be: found without starting it, and without leaving anything behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from saml_wsgi import federation, synchronising, wiring
from saml_wsgi.config.certificates import term
from saml_wsgi.config.kinds import duration_text
from saml_wsgi.config.lookup import is_known
from saml_wsgi.config.settings import Settings, hidden_by_defaults, read_anyway
from saml_wsgi.config.urls import without_password
from saml_wsgi.errors import ConfigurationError, Problem, Problems
from saml_wsgi.middleware.urls import Site

#: All that our metadata tells of.
_TOLD: Final = frozenset(
    {"base_url", "prefix", "sp.entity_id", "sp.certificate", "sp.private_key", "idp.signed"}
)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Report:
    """What ``saml-wsgi check`` shows: every problem and warning, and what the middleware would be."""

    problems: tuple[Problem, ...]
    facts: tuple[tuple[str, str], ...]


def check(
    options: Mapping[str, object],
    *,
    here: str | None,
    global_conf: Mapping[str, str] = _NOTHING,
    connect: bool = False,
) -> Report:
    """What a configuration would be, and everything that is wrong with it.

    Args:
        connect: Ask the servers of each source that can be examined, too.
    """
    problems = Problems()
    hidden_by_defaults(global_conf, options, problems)
    parts = wiring.build(options, here=here, problems=problems, look_only=True)
    facts = _facts(parts) if parts else []
    if parts:
        told = {problem.key for problem in problems.warnings}
        for warning in synchronising.warnings(parts):
            if warning.key not in told:
                problems.warn(warning.key, warning.reason, warning.cure)
    if parts and connect:
        facts += _met(parts, problems)
    return Report((*problems.fatal, *problems.warnings), tuple(facts))


def metadata(
    options: Mapping[str, object], *, here: str | None, global_conf: Mapping[str, str] = _NOTHING
) -> bytes:
    """Our SAML metadata, for upload at the identity provider.

    Needs nothing but what it tells of: at JumpCloud ours comes first, before there is metadata of theirs,
    and whoever uploads it needn't know the secrets.

    Raises:
        ConfigurationError: With every problem of what it tells of, and of options that don't exist.
    """
    problems = Problems()
    hidden_by_defaults(global_conf, options, problems)
    settings = read_anyway(options, here=here, problems=problems)
    ours = [problem for problem in problems.fatal if problem.key in _TOLD or not is_known(problem.key)]
    if ours:
        raise ConfigurationError(*ours)
    site = Site(settings.base_url, settings.prefix)
    from saml_wsgi.protocol import metadata as writer

    key = federation.signing_key(settings)
    return writer.write(
        entity_id=federation.entity_id(settings, site),
        acs_url=site.url("acs"),
        certificate=key.certificate if key else None,
        signs_requests=key is not None,
        wants_assertions_signed=settings.idp.signed in {"assertion", "both"},
    )


def _facts(parts: wiring.Parts) -> list[tuple[str, str]]:
    provider = parts.provider
    idp = provider.identity_provider
    return [
        ("application", parts.site.base_url),
        ("entity id", provider.entity_id),
        ("ACS URL", provider.acs_url),
        ("identity provider", idp.entity_id),
        ("sign-on address", f"{idp.sso_url} ({idp.request_binding})"),
        ("certificates", "; ".join(term(pem) for pem in idp.certificates)),
        ("resolvers", ", ".join(resolver.name for resolver in parts.settings.resolvers)),
        ("sources", ", ".join(parts.sources) or "none"),
        ("sessions", without_password(parts.settings.store.url)),
        ("users", _users(parts.settings)),
        *synchronising.facts(parts),
        ("records", _records(parts.settings)),
        ("fingerprint", parts.settings.fingerprint),
    ]


@runtime_checkable
class Examined(Protocol):
    """A source that has servers to ask."""

    def examine(self) -> tuple[Sequence[tuple[str, str]], Sequence[str]]:
        """What was found there, and why a server can't be used."""


def _met(parts: wiring.Parts, problems: Problems) -> list[tuple[str, str]]:
    """What the sources' servers say, on lines of their own below the source."""
    facts: list[tuple[str, str]] = []
    for name, source in parts.sources.items():
        if not isinstance(source, Examined):
            continue
        found, failures = source.examine()
        facts += [(f"{name}: {what}", fact) for what, fact in found]
        for failure in failures:
            problems.add(f"source.{name}.servers", f"{failure}.", "See to it, or correct the options.")
    return facts


def _users(settings: Settings) -> str:
    directory = settings.directory
    if directory.use not in {"sql", "table"}:
        return directory.use
    place = without_password(directory.url or settings.store.url)
    return f"{place}, table {directory.table}" if directory.table else place


def _records(settings: Settings) -> str:
    records = settings.records
    if not records.keep:
        return "none are kept"
    return f"kept for {duration_text(records.keep)}, {'with' if records.values else 'without'} values"
