"""By which rules somebody was compared: after a change of any of them, everybody is compared again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from hashlib import blake2b
from typing import Final

from saml_wsgi.interfaces import Population
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules

#: To be counted up whenever the same people and the same options make other users than before.
_MEANING: Final = 1


def fingerprint(population: Population, rules: Rules, policy: Policy, adopt: Collection[str]) -> str:
    """64 hexadecimal digits that are the same for the same rules."""
    groups, allow = rules.groups, policy.allow
    said = (
        _MEANING,
        population.fingerprint,
        sorted(population.fields),
        [(one.name, getattr(groups, one.name)) for one in fields(groups) if one.init],
        [(one.name, getattr(allow, one.name)) for one in fields(allow) if one.init],
        (policy.owner, policy.required, policy.never, policy.on_create),
        [(name, template.text) for name, template in policy.defaults],
        sorted(adopt),
    )
    return blake2b(repr(said).encode(errors="backslashreplace"), digest_size=32).hexdigest()
