"""Where each value of a user came from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from saml_wsgi import names
from saml_wsgi.model import FIELDS, Profile, User

#: The origin of a value that the directory had already.
KEPT: Final = "directory"

#: The origin of a value that an option puts where nothing was said.
DEFAULT: Final = "default"


def origins(user: User, said: Profile, other: str = KEPT, *, default: Collection[str] = ()) -> dict[str, str]:
    """For each field that the user has a value of, where it came from.

    Groups can come from several places, which are told together: ``saml:memberOf, default, directory``.

    Args:
        said: What was said of the person, and where.
        other: Where everything came from that wasn't said.
        default: The groups of everybody.
    """
    found = {
        field: said.origins.get(field, other) if said.value(field) == user.value(field) else other
        for field in FIELDS
        if user.value(field)
    }
    if user.groups and user.groups == said.groups and not default:
        found["groups"] = said.origins.get("groups", other)
    elif user.groups:
        asserted = {names.key(group) for group in said.groups or ()}
        everybodys = {names.key(group) for group in default}
        keys = {names.key(group) for group in user.groups}
        places = {
            said.origins.get("groups", other): keys & asserted,
            DEFAULT: keys & everybodys - asserted,
            other: keys - asserted - everybodys,
        }
        found["groups"] = ", ".join(place for place, some in places.items() if some)
    return found
