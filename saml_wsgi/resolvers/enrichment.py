"""What other sources know of a person, beside the assertion."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.interfaces import Source
from saml_wsgi.model import FIELDS, Profile
from saml_wsgi.resolvers.groups import AssertedGroup, MappedGroups
from saml_wsgi.resolvers.identification import Facts, Person
from saml_wsgi.resolvers.mapping import MOST_GROUPS, NAMES, identifying_text
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.resolvers.transformation import LONGEST, check_length


def enriched(rules: Rules, person: Person, sources: Sequence[tuple[str, Source | None]]) -> Facts:
    """What is known of the person: each field from the first source that has it.

    The field that matches is always as asserted: it says who is meant. A field that a source says is
    empty counts as said. Groups are named by the same rules, wherever they come from.

    Args:
        sources: In the order in which they count, by name; None stands for the assertion itself.

    Raises:
        SourceUnavailable: One of them doesn't answer. Half of what is known must not be written.
        Ambiguous: One knows several people.
        Refused: ``attribute_unusable``, if a value can't be used; ``inactive``, if one says that the
            person is switched off, whatever the others say.
    """
    if all(source is None for _, source in sources):
        return person.asserted
    asserted = person.asserted.profile
    values: dict[str, Any] = {rules.match: person.name}
    origins = {rules.match: asserted.origins[rules.match]}
    groups: MappedGroups | None = None
    for name, source in sources:
        known = asserted if source is None else source.look_up(keys_of(rules, person))
        if known is None:
            continue
        if known.active is False:
            why = known.origins.get("active")
            detail = f"the source {name} says that this person is switched off"
            raise Refused("inactive", f"{detail}: {why}" if why else detail)
        for field in FIELDS:
            value = known.value(field)
            if value is None or field in values:
                continue
            origin = f"{name}:{field}" if source is not None else known.origins.get(field, "")
            values[field] = value if source is None else _usable(value, field, origin)
            if values[field]:
                origins[field] = origin
        if groups is None and known.groups is not None:
            groups = person.asserted.groups if source is None else _mapped(rules, known.groups, name)
            origins["groups"] = known.origins.get("groups", "") if source is None else f"{name}:groups"
    listed = None if groups is None else groups.names
    profile = Profile(**values, groups=listed, origins=origins)
    return Facts(profile, groups)


def told(rules: Rules, name: str, profile: Profile, fields: Collection[str]) -> Facts:
    """What a source that keeps people says of one of them. It has the last word on each of its fields.

    Args:
        name: The source's.
        fields: Those that it speaks of: what it doesn't say of one of them is empty (``""``).

    Raises:
        Refused: ``missing_attribute``, if it says no username; ``attribute_unusable``, if a value can't
            be used.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for field in FIELDS:
        if field not in fields:
            continue
        values[field] = _usable(profile.value(field) or "", field, f"{name}:{field}")
        if values[field]:
            origins[field] = f"{name}:{field}"
    if not values.get("username"):
        raise Refused("missing_attribute", f"the source {name} has no username for this person")
    if profile.groups is None:
        return Facts(Profile(**values, origins=origins), None)
    groups = _mapped(rules, profile.groups, name)
    origins["groups"] = f"{name}:groups"
    return Facts(Profile(**values, groups=groups.names, origins=origins), groups)


def keys_of(rules: Rules, person: Person) -> dict[str, str]:
    """What is asserted of the person by which a source may know them."""
    asserted = person.asserted.profile
    keys = {field: asserted.value(field) for field in sorted(NAMES)} | {rules.match: person.name}
    return {field: value for field, value in keys.items() if value}


def _usable(value: object, field: str, origin: str) -> str:
    if isinstance(value, str) and len(value) <= LONGEST and value.isascii() and value.isprintable():
        # Nearly all values are so, and a synchronisation looks at millions.
        value = value.strip()
        return identifying_text(value, origin) if field == "username" and value else value
    value = _text(value, origin)
    check_length(value, origin)
    if field in NAMES:
        check_length(names.key(value), origin)
    return identifying_text(value, origin) if field == "username" and value else value


def _mapped(rules: Rules, groups: Iterable[str], name: str) -> MappedGroups:
    origin = f"{name}:groups"
    found = {_text(group, origin) for group in groups} - {""}
    if len(found) > MOST_GROUPS:
        detail = f"{origin} has {len(found)} groups, and {MOST_GROUPS} are the most that are accepted"
        raise Refused("attribute_unusable", detail)
    for group in found:
        check_length(group, origin)
    return rules.groups.mapped(AssertedGroup(group, group) for group in found)


def _text(value: object, origin: str) -> str:
    if not isinstance(value, str):
        raise Refused("attribute_unusable", f"a value of {origin} is {type(value).__name__}, not text")
    if not (value.isascii() and value.isprintable()) and any(map(_is_control, value)):
        raise Refused("attribute_unusable", f"a value of {origin} has control characters")
    return value.strip()


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\n\r"
