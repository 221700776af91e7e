"""``jit``: users are made at their first sign-in and kept current at each later one (just in time)."""

from __future__ import annotations

from collections.abc import Sequence

from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.interfaces import Links, WritableDirectory
from saml_wsgi.model import Assertion, Denied, Resolution
from saml_wsgi.resolvers.context import ResolverContext, match_option, refuse_unknown
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap
from saml_wsgi.resolvers.pipeline import Pipeline


class JITResolver:
    """Creates a user from the assertion at the first sign-in, and updates it when something changed.

    Its users are ``managed_by`` ``jit:<idp.name>``. It neither changes nor admits anybody else's: a
    person whom LDAP or an administrator keeps is refused here, so that nobody who was removed there
    comes in this way. It always has an opinion, so nothing can follow it in a chain. What is written
    and what is left alone stands at :class:`~saml_wsgi.resolvers.pipeline.Pipeline`.

    Args:
        directory: Where the users are kept.
        links: Which subject is which user for good; None: nobody is pinned. A new user and its link are
            written in one transaction where the directory keeps both.
        mapping: Which attributes say what.
        match: The field, one of ``model.FIELDS``, whose asserted value finds the user.
        link_source: The names whose value identifies a person for good; see :class:`Pipeline`.
        name: What the operator calls this resolver.

    Raises:
        ConfigurationError: ``match`` is no field of a user.
    """

    def __init__(
        self,
        directory: WritableDirectory,
        links: Links | None = None,
        mapping: AttributeMap | None = None,
        *,
        match: str = "username",
        link_source: Sequence[str] = (NAME_ID,),
        name: str = "jit",
    ) -> None:
        self.name = name
        self._pipeline = Pipeline(
            name=name,
            directory=directory,
            links=links,
            mapping=mapping or AttributeMap(),
            match=match,
            link_source=tuple(link_source),
            writer=directory,
            owner="jit",
        )

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, made or updated as needed, or a refusal; never None.

        Refuses with ``missing_attribute`` (the username, or the field that matches, or the subject),
        ``attribute_unusable``, ``ambiguous``, ``inactive``, ``managed_elsewhere``, ``mismatch``,
        ``link_conflict``, ``conflict``; and with ``not_found`` if the person is pinned to a user who
        was deleted.

        Raises:
            Unavailable: The directory doesn't answer.
        """
        return self._pipeline.resolve(assertion)


def factory(context: ResolverContext, *, match: str | None = None, **unknown: str) -> JITResolver:
    """The resolver ``jit`` from a configuration.

    Args:
        match: As the option ``match``, for this resolver alone.

    Raises:
        ConfigurationError: An option is unknown, its value can't be used, or the directory can't be
            written.
    """
    refuse_unknown(context, unknown, {"match"})
    if not isinstance(context.directory, WritableDirectory):
        reason = "It creates users, and this directory has no methods create and update."
        cure = "Use the resolver existing, or a directory that can be written."
        raise ConfigurationError(Problem(context.key("use"), reason, cure))
    return JITResolver(
        context.directory,
        context.links,
        context.mapping,
        match=match_option(context, match),
        link_source=context.link_source,
        name=context.name,
    )
