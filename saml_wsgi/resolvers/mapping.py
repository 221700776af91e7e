"""What the identity provider calls things, and what the application calls them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import ConfigurationError, Problem, Refused
from saml_wsgi.model import FIELDS, Assertion, Profile
from saml_wsgi.resolvers.groups import AssertedGroup
from saml_wsgi.resolvers.transformation import LONGEST, UNCHANGED, Template, TextChange, check_length

__all__ = ["LONGEST", "MOST_GROUPS", "NAMES", "NAME_ID", "AttributeMap", "TextChange"]

#: The candidate that means the subject's NameID, never an attribute that happens to be called so.
NAME_ID: Final = "NameID"

#: The most groups that one person may have.
MOST_GROUPS: Final = 10_000

#: The fields that are compared by :func:`saml_wsgi.names.key`; all others are compared exactly.
NAMES: Final = frozenset({"username", "email"})

_SHOWN_NAMES: Final = 40
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


class Said(NamedTuple):
    """What an assertion says of one field.

    Attributes:
        text: As changed, with white space at its ends; ``""``: said to be empty.
        source: The candidate, or the format in braces, from which it came; ``""`` where it is empty.
        origin: The same for a person to read: ``saml:email (changed)``.
        most: How many different values the source has; more than one can't say who somebody is.
    """

    text: str = ""
    source: str = ""
    origin: str = ""
    most: int = 1


@dataclass(frozen=True, slots=True)
class AttributeMap:
    """For each field of a person, the names under which it may arrive, best first.

    ``NameID`` among them means the subject's NameID. The defaults are JumpCloud's names, then those
    of the LDAP schema (RFC 4519, RFC 2798; plain and as URN) and of WS-Federation's claims.

    Attributes:
        changes: What is done to the text of a field, or of each group, by name.

    Raises:
        ConfigurationError: Something is to be done to a field that there isn't, or that can't be done
            to groups.
    """

    username: tuple[str, ...] = (
        NAME_ID,
        "username",
        "uid",
        "urn:oid:0.9.2342.19200300.100.1.1",
        "eduPersonPrincipalName",
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
        "email",
        "mail",
        "urn:oid:0.9.2342.19200300.100.1.3",
        f"{_CLAIMS}upn",
        f"{_CLAIMS}emailaddress",
    )
    email: tuple[str, ...] = (
        "email",
        "mail",
        "emailAddress",
        f"{_CLAIMS}emailaddress",
        "urn:oid:0.9.2342.19200300.100.1.3",
    )
    first_name: tuple[str, ...] = (
        "firstname",
        "firstName",
        "first_name",
        "givenName",
        f"{_CLAIMS}givenname",
        "urn:oid:2.5.4.42",
    )
    last_name: tuple[str, ...] = (
        "lastname",
        "lastName",
        "last_name",
        "sn",
        "surname",
        f"{_CLAIMS}surname",
        "urn:oid:2.5.4.4",
    )
    display_name: tuple[str, ...] = (
        "displayname",
        "displayName",
        "display_name",
        "cn",
        "urn:oid:2.16.840.1.113730.3.1.241",
    )
    employee_id: tuple[str, ...] = (
        "employeeNumber",
        "employeeIdentifier",
        "urn:oid:2.16.840.1.113730.3.1.3",
    )
    groups: tuple[str, ...] = ("memberOf", "groups", "Roles")
    changes: Mapping[str, TextChange] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        problems = []
        for name, change in self.changes.items():
            if name != "groups" and name not in FIELDS:
                cure = f"There are {', '.join(FIELDS)} and groups."
                problems.append(Problem(f"attributes.{name}", "Users have no such field.", cure))
            if name == "groups" and (change.cut_domain or change.format):
                reason = "Groups can be replaced and written small, nothing else."
                problems.append(Problem("attributes.groups", reason, "See groups.map."))
        if problems:
            raise ConfigurationError(*problems)

    def candidates(self, field: str) -> tuple[str, ...]:
        """The names under which a field (one of ``model.FIELDS``, or ``groups``) may arrive."""
        found: tuple[str, ...] = getattr(self, field)
        return found

    def expected(self, field: str) -> str:
        """Where the field's value is looked for, for an operator to read."""
        sources = list(self.candidates(field))
        composed = self.changes.get(field, UNCHANGED).format
        return " or ".join([*sources, composed] if composed else sources) or "nothing"

    def profile(
        self, assertion: Assertion, *, only: Collection[str] | None = None, separator: str = ""
    ) -> Profile:
        """What the assertion says of the person, in the application's terms.

        A field takes the first non-empty value of the first candidate that has one; where none has,
        its format composes one. What :class:`TextChange` says is done to it, and white space at its
        ends is dropped. A candidate that is present without a value makes the field ``""`` (said to be
        empty) if no later one has a value; a field of which no candidate is present is None (not
        said). Groups are all values of the first candidate present, sorted, each once, empty ones
        dropped; :class:`~saml_wsgi.resolvers.groups.GroupRules` name them. A transient NameID counts as
        absent: it is another one at the next sign-in. An e-mail address is taken as asserted; whether
        it is one matters only where it says who somebody is (:func:`is_address`).

        Args:
            only: The fields that matter; by default all. What doesn't matter can't refuse anybody.
            separator: What stands between groups within one value, if anything.

        Raises:
            Refused: ``attribute_unusable``, if a value is longer than 256 characters (names and addresses
                also as :func:`saml_wsgi.names.key` makes them), or there are more than 10,000 groups.
        """
        values, origins = self.fields(assertion, only=only)
        groups = None
        if only is None or "groups" in only:
            groups = self._groups(assertion, separator, origins)
        return Profile(**values, groups=groups, origins=origins)

    def fields(
        self, assertion: Assertion, *, only: Collection[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The values of :meth:`profile` without groups, and where they come from.

        Raises:
            Refused: ``attribute_unusable``, as there.
        """
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for name in FIELDS:
            said = self.said(assertion, name) if only is None or name in only else None
            if said is None:
                continue
            values[name] = text = said.text.strip()
            if text:
                if name in NAMES:  # the directory keeps the folded form too
                    check_length(names.key(text), said.source)
                origins[name] = said.origin
        return values, origins

    def said(self, assertion: Assertion, field: str) -> Said | None:
        """What the assertion says of one field, before white space is dropped; None: nothing.

        Raises:
            Refused: ``attribute_unusable``, if a value is too long.
        """
        return self._said(assertion, field, frozenset())

    def identifying(self, assertion: Assertion, field: str) -> str:
        """The field's value, fit to say who somebody is; see :func:`identifying`.

        Raises:
            Refused: ``attribute_unusable``, if it isn't.
        """
        said = self.said(assertion, field) or Said()
        return _identifying(said.text, said.source or field, said.most if said.source else 0)

    def asserted_groups(
        self, assertion: Assertion, separator: str = ""
    ) -> tuple[str, frozenset[AssertedGroup]] | None:
        """The attribute that says which groups there are, and them; None if there is none.

        One of which ``attributes.groups.replace`` left nothing is among them, without a text: nobody joins
        it, but it can keep somebody out.

        Raises:
            Refused: ``attribute_unusable``, if there are too many, or a name is too long.
        """
        change = self.changes.get("groups", UNCHANGED)
        for source in self.groups:
            values = values_of(assertion, source)
            if values is None:
                continue
            parts = [part for value in values for part in (value.split(separator) if separator else (value,))]
            said = {part.strip() for part in parts} - {""}
            if len(said) > MOST_GROUPS:
                detail = f"{source} has {len(said)} groups, and {MOST_GROUPS} are the most that are accepted"
                raise Refused("attribute_unusable", detail)
            groups = (AssertedGroup(group, change.apply(group, source).strip()) for group in said)
            return source, frozenset(groups)
        return None

    def _groups(
        self, assertion: Assertion, separator: str, origins: dict[str, str]
    ) -> tuple[str, ...] | None:
        found = self.asserted_groups(assertion, separator)
        if found is None:
            return None
        source, groups = found
        named = {group.text for group in groups} - {""}
        if named:
            origins["groups"] = f"saml:{source}"
        return tuple(sorted(named))

    def _said(self, assertion: Assertion, field: str, composing: frozenset[str]) -> Said | None:
        change = self.changes.get(field)
        present = False
        text, source, most = "", "", 1
        for candidate in self.candidates(field):
            values = values_of(assertion, candidate)
            if values is None:
                continue
            present = True
            filled = _filled(values)
            if filled:
                text, source, most = (
                    filled[0],
                    candidate,
                    len(filled) if len(filled) < 2 else len(set(filled)),
                )
                break
        else:
            if change is not None and change.template is not None:
                text, most = self._composed(assertion, change.template, composing | {field})
                source = change.format if text else ""
        if not source:
            return Said() if present else None
        if change is None:
            check_length(text, source)
            return Said(text, source, f"saml:{source}", most)
        made = change.apply(text, source)
        if not made.strip():
            return Said()
        origin = f"saml:{source}" if made == text else f"saml:{source} (changed)"
        return Said(made, source, origin, most)

    def _composed(
        self, assertion: Assertion, template: Template, composing: frozenset[str]
    ) -> tuple[str, int]:
        """The text, ``""`` where a part of it isn't there, and how many values its parts have at most."""
        counts = [1]

        def part(name: str) -> str | None:
            values = values_of(assertion, name)
            if values is None and name in FIELDS and name not in composing:
                said = self._said(assertion, name, composing)
                counts.append(said.most if said else 1)
                return said.text if said else None
            filled = _filled(values)
            counts.append(len(set(filled)))
            return filled[0] if filled else None

        return template.fill(part) or "", max(counts)


def values_of(assertion: Assertion, source: str) -> Sequence[str] | None:
    """The values that arrived under a name (or as the ``NameID``); None if it isn't there.

    A transient NameID isn't there.
    """
    if source == NAME_ID:
        return None if assertion.transient else (assertion.name_id,)
    return assertion.attributes.get(source)


def identifying(assertion: Assertion, source: str) -> str:
    """The one value that arrived under a name, fit to say who somebody is.

    SAML keeps no order among several values, so that "the first" could be somebody else tomorrow.
    A name with invisible characters, with look-alike letters of several scripts or with white space
    at its ends looks like another one (:func:`saml_wsgi.names.is_readable`).

    Raises:
        Refused: ``attribute_unusable``, if there are several values, or the value is longer than 256
            characters (as written, or as :func:`saml_wsgi.names.key` makes it), not printable, or not
            readable.
    """
    filled = _filled(values_of(assertion, source))
    return _identifying(filled[0] if filled else "", source, len(set(filled)))


def identifying_text(value: str, source: str) -> str:
    """The value, unless it is unfit to say who somebody is.

    Raises:
        Refused: ``attribute_unusable``, as :func:`identifying`.
    """
    return _identifying(value, source, 1 if value.strip() else 0)


def is_address(value: str) -> bool:
    """Whether it has the shape of an e-mail address: one ``@``, something on both sides, no white space."""
    local, at, domain = value.partition("@")
    one = "@" not in domain and names.key(value).count("@") == 1
    return bool(local and at and domain) and one and not any(map(str.isspace, value))


def arrived(assertion: Assertion) -> str:
    """The names, never the values, of what the assertion carries: for an operator to read."""
    found = [NAME_ID + (" (transient)" if assertion.transient else ""), *sorted(assertion.attributes)]
    shown = ", ".join(name[:100] for name in found[:_SHOWN_NAMES])
    more = len(found) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _filled(values: Sequence[str] | None) -> list[str]:
    return [value for value in values or () if value.strip()]


def _identifying(value: str, source: str, count: int) -> str:
    if count != 1:
        detail = f"{source} must have one value to say who somebody is, and has {count}"
        raise Refused("attribute_unusable", detail)
    check_length(value, source)
    check_length(names.key(value), source)
    if not value.isprintable() or value != value.strip():
        detail = f"{source} has invisible characters, or white space at its ends: nobody can be named so"
        raise Refused("attribute_unusable", detail)
    if not names.is_readable(value):
        detail = f"{source} has invisible letters, or letters of several scripts that look alike"
        raise Refused("attribute_unusable", detail)
    return value
