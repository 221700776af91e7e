"""The one table of options.

From it come the parsing of an ini and of keyword arguments, "did you mean", ``saml-wsgi check``, and
the reference page.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from saml_wsgi.config.declare import Group
from saml_wsgi.config.options import idp, people, place, sessions, storage, sync

GROUPS: Final[tuple[Group, ...]] = (
    *place.GROUPS,
    *idp.GROUPS,
    *people.GROUPS,
    *storage.GROUPS,
    *sessions.GROUPS,
    *sync.GROUPS,
)

TABLE: Final = MappingProxyType({option.key: option for group in GROUPS for option in group.options})
