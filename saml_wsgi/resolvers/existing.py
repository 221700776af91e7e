"""``existing``: somebody made the users; this resolver finds them (manual provisioning)."""

from __future__ import annotations

from collections.abc import Sequence

from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.model import Assertion, Denied, Resolution
from saml_wsgi.resolvers.context import ResolverContext, match_option, refuse_unknown
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap
from saml_wsgi.resolvers.pipeline import Pipeline


class ExistingResolver:
    """Finds a user whom somebody made. Never writes users; at the first match it pins the person.

    Has no opinion (None) on somebody whom it doesn't find, so that the next resolver is asked; at the
    end of a chain that is ``not_found``. A user who is found but must not come in ends the chain.

    Args:
        directory: Where the users are.
        links: Which subject is which user for good; None: nobody is pinned.
        mapping: Which attributes say what; only the one that matches is read.
        match: The field, one of ``model.FIELDS``, whose asserted value finds the user.
        link_source: The names whose value identifies a person for good; see :class:`Pipeline`.
        name: What the operator calls this resolver.

    Raises:
        ConfigurationError: ``match`` is no field of a user.
    """

    def __init__(
        self,
        directory: Directory,
        links: Links | None = None,
        mapping: AttributeMap | None = None,
        *,
        match: str = "username",
        link_source: Sequence[str] = (NAME_ID,),
        name: str = "existing",
    ) -> None:
        self.name = name
        self._pipeline = Pipeline(
            name=name,
            directory=directory,
            links=links,
            mapping=mapping or AttributeMap(),
            match=match,
            link_source=tuple(link_source),
        )

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, a refusal, or None if there is no such user.

        Refuses with ``missing_attribute``, ``attribute_unusable``, ``ambiguous``, ``inactive``,
        ``mismatch``, ``link_conflict``; and with ``not_found`` if the person is pinned to a user who
        was deleted.

        Raises:
            Unavailable: The directory doesn't answer.
        """
        return self._pipeline.resolve(assertion)


def factory(context: ResolverContext, *, match: str | None = None, **unknown: str) -> ExistingResolver:
    """The resolver ``existing`` from a configuration.

    Args:
        match: As the option ``match``, for this resolver alone.

    Raises:
        ConfigurationError: An option is unknown, or its value can't be used.
    """
    refuse_unknown(context, unknown, {"match"})
    return ExistingResolver(
        context.directory,
        context.links,
        context.mapping,
        match=match_option(context, match),
        link_source=context.link_source,
        name=context.name,
    )
