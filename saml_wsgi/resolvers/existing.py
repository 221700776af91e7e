"""``existing``: somebody made the users; this resolver finds them (manual provisioning)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.model import Assertion, Denied, Resolution
from saml_wsgi.resolvers.context import ResolverContext, refuse_unknown
from saml_wsgi.resolvers.finding import Finder
from saml_wsgi.resolvers.pipeline import Pipeline
from saml_wsgi.resolvers.rules import Rules

#: Refusals that somebody who makes users can do something about.
_ASKED_FOR: Final = frozenset({"not_found", "inactive"})


class ExistingResolver:
    """Finds a user whom somebody made. Never writes users; at the first match it pins the person.

    Has no opinion (None) on somebody whom it doesn't find, so that the next resolver is asked; at the
    end of a chain that is ``not_found``. A user who is found but must not come in ends the chain.

    Args:
        directory: Where the users are.
        links: Which subject is which user for good; None: nobody is pinned.
        rules: By which people are found, and who may sign in. Only what matters for that is read.
        ask: One sentence for a person who has no user, or an inactive one: whom to ask.

    Attributes:
        ask: The same.
    """

    def __init__(
        self, directory: Directory, links: Links | None = None, rules: Rules | None = None, *, ask: str = ""
    ) -> None:
        rules = rules or Rules()
        rules = rules if rules.name else replace(rules, name="existing")
        self.ask = ask
        self._pipeline = Pipeline(Finder(directory, links, rules))

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, a refusal, or None if there is no such user.

        Refuses with ``missing_attribute``, ``attribute_unusable``, ``ambiguous``, ``inactive``,
        ``mismatch``, ``link_conflict``, ``not_allowed``; and with ``not_found`` if the person is pinned
        to a user who was deleted.

        Raises:
            Unavailable: The directory doesn't answer.
        """
        answer = self._pipeline.resolve(assertion)
        if isinstance(answer, Denied) and answer.code in _ASKED_FOR:
            return replace(answer, explanation=self.ask)
        return answer


def factory(
    context: ResolverContext, *, match: str | None = None, ask: str = "", **unknown: str
) -> ExistingResolver:
    """The resolver ``existing`` from a configuration.

    Args:
        match: As the option ``match``, for this resolver alone.
        ask: What stands on the page of somebody who has no user: whom to ask.

    Raises:
        ConfigurationError: An option is unknown, or its value can't be used.
    """
    refuse_unknown(context, unknown, {"match", "ask"})
    return ExistingResolver(context.directory, context.links, context.rules(match), ask=" ".join(ask.split()))
