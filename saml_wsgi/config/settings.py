"""The settings: frozen, typed, and complete. An option's key is its path here: ``settings.idp.clock_skew``.

Durations are whole seconds, sizes bytes, paths absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from saml_wsgi.config.certificates import FileOrText
from saml_wsgi.config.fingerprint import fingerprint
from saml_wsgi.config.plugged import Texts
from saml_wsgi.config.reading import Values, hidden_by_defaults, read_values
from saml_wsgi.config.removals import Share
from saml_wsgi.config.secrets import Secret
from saml_wsgi.errors import ConfigurationError, Problems
from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.transformation import TextChange

__all__ = [
    "AttributeSettings",
    "CorsSettings",
    "DirectorySettings",
    "EmergencySettings",
    "IdpSettings",
    "LinkSettings",
    "PageSettings",
    "RecordSettings",
    "ResolverSettings",
    "SessionSettings",
    "Settings",
    "SourceSettings",
    "SpSettings",
    "StoreSettings",
    "SyncSettings",
    "hidden_by_defaults",
    "read",
]


@dataclass(frozen=True, slots=True)
class CorsSettings:
    """``cors.``: origins as browsers send them, lower case and without a default port."""

    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdpSettings:
    """``idp.``: either ``metadata``, or ``entity_id``, ``sso_url`` and ``certificate`` are given."""

    metadata: FileOrText | None
    entity_id: str | None
    sso_url: str | None
    certificate: tuple[str, ...]
    name: str | None
    request_binding: Literal["auto", "redirect", "post"]
    signed: Literal["either", "assertion", "response", "both"]
    unsolicited: Literal["restart", "refuse", "accept"]
    clock_skew: int
    max_age: int
    max_authn_age: int | None
    max_validity: int
    max_message: int
    max_elements: int | None
    nameid_stable: Literal["auto", "yes", "no"]
    force_authn: bool
    authn_context: tuple[str, ...]
    allow_sha1: bool
    allow_cbc: bool


@dataclass(frozen=True, slots=True)
class SpSettings:
    """``sp.``: ``certificate`` (PEM) and ``private_key`` belong together, or neither is given."""

    entity_id: str | None
    certificate: str | None
    private_key: Secret | None


@dataclass(frozen=True, slots=True)
class AttributeSettings:
    """``attributes.``: ordered names for each field; empty: taken from nowhere.

    Attributes:
        changes: What is done to the text of a field or of ``groups``, where anything is
            (``attributes.<field>.replace``, …).
    """

    username: tuple[str, ...]
    email: tuple[str, ...]
    first_name: tuple[str, ...]
    last_name: tuple[str, ...]
    display_name: tuple[str, ...]
    employee_id: tuple[str, ...]
    groups: tuple[str, ...]
    changes: Mapping[str, TextChange] = field(hash=False)


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """``link.``: ``source`` is empty where nobody is linked."""

    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """One resolver of the chain.

    Attributes:
        use: The name of an entry point, or ``module:attribute``.
        options: What was written behind ``resolver.<name>.``, as text (a list in code: its entries); may
            hold secrets.
    """

    name: str
    use: str
    options: Mapping[str, Texts] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Something that knows people; see :class:`ResolverSettings`."""

    name: str
    use: str
    options: Mapping[str, Texts] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """``directory.``.

    Attributes:
        url: None where only ``store.url = memory:`` was given.
        use: ``sql``, ``table``, the name of an entry point, or ``module:attribute``.
        table: The application's own, or None.
        columns: Its columns by what they hold (one of ``model.FIELDS``, ``id``, ``active``).
        options: What was written behind ``directory.option.``; may hold secrets.
    """

    url: str | None = field(repr=False)
    use: str
    table: str | None
    columns: Mapping[str, str] = field(hash=False)
    case: Literal["ignore", "exact"]
    options: Mapping[str, Texts] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """``store.``: the URL may hold a password; ``config.urls.without_password`` is for showing it."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """``records.``: ``keep`` is 0 where none are kept."""

    keep: int
    values: bool


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """``session.``: ``idle`` is at most ``lifetime``; the fallbacks are newest first."""

    secret: Secret
    secret_fallbacks: tuple[Secret, ...]
    lifetime: int
    idle: int
    idp_end: Literal["honour", "ignore"]
    cache: int
    recheck: int
    grace: int


@dataclass(frozen=True, slots=True)
class PageSettings:
    """``pages.``: a folder, and text to show."""

    templates: str | None
    support: str | None


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """``emergency.``."""

    sign_in: bool


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """``sync.``.

    Attributes:
        source: None where it wasn't written: then it is the only one that can be read as a whole.
        max_removals: A share of the active users, or a number of them.
        adopt: Of ``local`` and ``jit``, whose users become the source's.
    """

    source: str | None
    every: int
    full_every: int
    incremental: Literal["auto", "off"]
    max_removals: Share | int
    adopt: tuple[str, ...]
    warn_after: int
    keep: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was configured, or its default.

    Attributes:
        here: The folder that relative paths were relative to, or None.
        base_url: Without a slash at its end.
        public: Patterns as written, one an entry.
        api: Likewise.
        remote_user: Fields of the user, in the order in which they are tried.
        scrub: Names of headers or of environ keys.
        match: One of ``model.FIELDS``.
        groups: ``groups.``.
        access: ``allow.`` and ``deny.``.
        fingerprint: Twelve hexadecimal digits, the same for configurations that are equal but for secrets.
    """

    here: str | None
    base_url: str
    prefix: str
    public: tuple[str, ...]
    api: tuple[str, ...]
    challenge: Literal["always", "on_401"]
    remote_user: tuple[str, ...]
    scrub: tuple[str, ...]
    match: str
    resolvers: tuple[ResolverSettings, ...]
    sources: tuple[SourceSettings, ...]
    cors: CorsSettings
    idp: IdpSettings
    sp: SpSettings
    attributes: AttributeSettings
    groups: GroupRules
    access: Access
    link: LinkSettings
    directory: DirectorySettings
    store: StoreSettings
    records: RecordSettings
    session: SessionSettings
    pages: PageSettings
    emergency: EmergencySettings
    sync: SyncSettings
    fingerprint: str


def read(options: Mapping[str, object], *, here: str | None, problems: Problems) -> Settings | None:
    """Settings from options as they stand in an ini, or typed ones from code.

    Args:
        options: By key. Empty values count as not written.
        here: The folder of the ini file, or None.
        problems: Takes everything that is wrong, of all options at once. No text of a problem holds
            the value of a secret.

    Returns:
        None if this call found something fatal. Nothing is raised for a bad value.
    """
    earlier = len(problems.fatal)
    values = read_values(options, here=here, problems=problems)
    settings = _settings(values, problems)
    return settings if values.complete and len(problems.fatal) == earlier else None


def read_anyway(options: Mapping[str, object], *, here: str | None, problems: Problems) -> Settings:
    """As :func:`read`, with harmless stand-ins for what couldn't be read.

    So that the rest can be tried, and every problem comes to light at once. Where ``problems`` has
    anything fatal afterwards, nothing may be started with these settings.
    """
    return _settings(read_values(options, here=here, problems=problems), problems)


def _settings(values: Values, problems: Problems) -> Settings:
    directory = values.group("directory")
    columns = {name: column for name, column in values.group("directory.columns").items() if column}
    return Settings(
        here=values.here,
        **values.group(""),
        resolvers=tuple(ResolverSettings(*resolver) for resolver in values.resolvers),
        sources=tuple(SourceSettings(*source) for source in values.sources),
        cors=CorsSettings(**values.group("cors")),
        idp=IdpSettings(**values.group("idp")),
        sp=SpSettings(**values.group("sp")),
        attributes=AttributeSettings(**values.group("attributes"), changes=_changes(values)),
        groups=_checked(GroupRules, values.group("groups"), problems),
        access=_checked(Access, _access(values), problems),
        link=LinkSettings(**values.group("link")),
        directory=DirectorySettings(
            **directory, columns=MappingProxyType(columns), options=values.directory_options
        ),
        store=StoreSettings(**values.group("store")),
        records=RecordSettings(**values.group("records")),
        session=SessionSettings(**values.group("session")),
        pages=PageSettings(**values.group("pages")),
        emergency=EmergencySettings(**values.group("emergency")),
        sync=SyncSettings(**values.group("sync")),
        fingerprint=fingerprint(values),
    )


def _changes(values: Values) -> Mapping[str, TextChange]:
    """What is done to the text of each field, where anything is. Its parts were checked one by one."""
    changes = {name: TextChange(**values.group(f"attributes.{name}")) for name in (*FIELDS, "groups")}
    return MappingProxyType({name: change for name, change in changes.items() if change != TextChange()})


def _access(values: Values) -> dict[str, Any]:
    return {
        f"{group}_{leaf}": value for group in ("allow", "deny") for leaf, value in values.group(group).items()
    }


_Rules = TypeVar("_Rules", GroupRules, Access)


def _checked(rules: type[_Rules], given: Mapping[str, Any], problems: Problems) -> _Rules:
    """The rules; those that ask nothing where what was written contradicts itself."""
    try:
        return rules(**given)
    except ConfigurationError as error:
        problems.include(error)
        return rules()
