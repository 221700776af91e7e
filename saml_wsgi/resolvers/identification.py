"""Whom an assertion is about: the value that finds them, and what identifies them for good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.model import Assertion, Profile
from saml_wsgi.resolvers.groups import MappedGroups
from saml_wsgi.resolvers.mapping import NAME_ID, NAMES, arrived, identifying, is_address, values_of
from saml_wsgi.resolvers.rules import Rules


class Facts(NamedTuple):
    """What is known of somebody.

    Attributes:
        profile: Their fields. Its groups are the mapped ones.
        groups: Their groups; None: nothing was said of them.
    """

    profile: Profile
    groups: MappedGroups | None


def keeper(source: str) -> str:
    """How a source that keeps people is called in ``managed_by``, and in links to its subjects."""
    return f"ldap:{source}"


class KnownAs(NamedTuple):
    """How a source that keeps people knows one of them.

    Attributes:
        source: The source's name.
        subject: What identifies the person there for good.
        username: Their username there, which may have changed.
    """

    source: str
    subject: str
    username: str

    @property
    def keeper(self) -> str:
        """See :func:`keeper`."""
        return keeper(self.source)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the assertion is about.

    Attributes:
        name: The value of the field that matches.
        subject: What identifies them for good, as links keep it; None: nobody is to be pinned.
        asserted: What the assertion says of them.
        known_as: How the source that keeps them knows them; None: none was asked.
    """

    assertion: Assertion
    name: str
    subject: str | None
    asserted: Facts
    known_as: KnownAs | None = None

    @property
    def idp(self) -> str:
        """The identity provider's name."""
        return self.assertion.idp

    @property
    def said_by(self) -> str:
        """Who says what they are like: the source that keeps them, or the identity provider."""
        return self.assertion.idp if self.known_as is None else self.known_as.source


def identify(
    rules: Rules, assertion: Assertion, *, pinned: bool, only: Collection[str] | None, exact: bool = False
) -> Person:
    """Whom the assertion is about.

    Args:
        pinned: Whether people are pinned at all.
        only: The fields, and perhaps ``groups``, that matter; what doesn't can't refuse anybody.
        exact: Whether names are compared letter by letter where users are, and so for links.

    Raises:
        Refused: ``missing_attribute``, ``attribute_unusable``.
    """
    fields = None if only is None else {*only, rules.match}
    asserted = read(rules, assertion, only=fields)
    if not asserted.profile.value(rules.match):
        raise Refused("missing_attribute", missing(rules, assertion, rules.match))
    name = rules.mapping.identifying(assertion, rules.match)
    if rules.match == "email" and not is_address(name):
        detail = f"{asserted.profile.origins['email']} isn't an e-mail address, and match = email"
        raise Refused("attribute_unusable", detail)
    subject = _subject(rules, assertion, exact=exact) if pinned else None
    return Person(assertion, name, subject, asserted)


def read(rules: Rules, assertion: Assertion, *, only: Collection[str] | None) -> Facts:
    """What the assertion says of the fields, and of the groups by their names here.

    Raises:
        Refused: ``attribute_unusable``.
    """
    wants_groups = only is None or "groups" in only
    values, origins = rules.mapping.fields(assertion, only=only)
    found = rules.mapping.asserted_groups(assertion, rules.groups.separator) if wants_groups else None
    if found is None:
        return Facts(Profile(**values, origins=origins), None)
    source, asserted = found
    groups = rules.groups.mapped(asserted)
    origins["groups"] = f"saml:{source}"
    return Facts(Profile(**values, groups=groups.names, origins=origins), groups)


def missing(rules: Rules, assertion: Assertion, field: str) -> str:
    """What was expected and what arrived instead, for the operator."""
    detail = f"{field} is expected in {rules.mapping.expected(field)} (attributes.{field})"
    if assertion.transient and NAME_ID in rules.mapping.candidates(field):
        detail += (
            ", but the NameID is transient: it is another one at each sign-in and identifies nobody."
            f" Name an attribute in attributes.{field}, have the identity provider send a lasting NameID,"
            " or set idp.nameid_stable = true if transient is only what its format says"
        )
    return f"{detail}; arrived: {arrived(assertion)}"


def subject_from(source: str, value: str) -> str:
    """A subject as the links keep it: what identifies a person for good, and what says so.

    Employee number 1001 and the NameID ``1001`` are two people: ``attr:employee:1001`` and
    ``NameID:1001``. A ``:`` in an attribute's name is written ``%3A``, and a ``%`` ``%25``, so that the
    value always begins behind the second colon.
    """
    if source == NAME_ID:
        return f"{NAME_ID}:{value}"
    name = source.replace("%", "%25").replace(":", "%3A")
    return f"attr:{name}:{value}"


def _subject(rules: Rules, assertion: Assertion, *, exact: bool) -> str | None:
    """What identifies the person for good; None if nobody is to be pinned.

    Subjects that are e-mail addresses, or the name by which the person is found, are compared as names
    are (:func:`saml_wsgi.names.key`, unless ``exact``), all others exactly: opaque identifiers may differ
    in case alone, and where ``Mara`` and ``mara`` are two users, neither may follow the other's link. A
    person who brings none of the attributes in ``link_source`` is refused, since leaving one out would
    get around the link. Only where nothing but a transient NameID was to be had, nobody is pinned.
    """
    for source in rules.link_source:
        if any(value.strip() for value in values_of(assertion, source) or ()):
            value = identifying(assertion, source)
            matching = rules.mapping.said(assertion, rules.match) if rules.match in NAMES else None
            is_name = is_address(value) or (matching is not None and matching.source == source)
            return subject_from(source, names.key(value) if is_name and not exact else value)
    if not rules.link_source or set(rules.link_source) == {NAME_ID}:
        return None
    detail = f"link.source expects one of {', '.join(rules.link_source)}; arrived: {arrived(assertion)}"
    raise Refused("missing_attribute", detail)
