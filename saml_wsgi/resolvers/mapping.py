"""What the identity provider calls things, and what the application calls them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.model import FIELDS, Assertion, Profile

#: The candidate that means the subject's NameID, never an attribute that happens to be called so.
NAME_ID: Final = "NameID"

#: The longest value of a field, a group's name or a subject, in characters. SAML Core 8.3.7 and 8.3.8
#: allow no more in an identifier; what is longer is refused, never cut (cut names can be equal).
LONGEST: Final = 256

#: The most groups that one person may have.
MOST_GROUPS: Final = 10_000

_SHOWN_NAMES: Final = 40
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


@dataclass(frozen=True, slots=True)
class AttributeMap:
    """For each field of a person, the names under which it may arrive, best first.

    ``NameID`` among them means the subject's NameID. The defaults are JumpCloud's names, then those
    of the LDAP schema (RFC 4519, RFC 2798; plain and as URN) and of WS-Federation's claims.
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
    groups: tuple[str, ...] = ("memberOf", "groups", "Roles")

    def candidates(self, field: str) -> tuple[str, ...]:
        """The names under which a field (one of ``model.FIELDS``, or ``groups``) may arrive."""
        found: tuple[str, ...] = getattr(self, field)
        return found

    def profile(self, assertion: Assertion, *, only: Collection[str] | None = None) -> Profile:
        """What the assertion says of the person, in the application's terms.

        A field takes the first non-empty value of the first candidate that has one. A candidate that
        is present without one makes the field ``""`` (said to be empty) if no later one has a value;
        a field of which no candidate is present is None (not said). Groups are all values of the
        first candidate present, sorted, each once, empty ones dropped. A transient NameID counts as
        absent: it is another one at the next sign-in. An e-mail address is taken as asserted; whether
        it is one matters only where it says who somebody is (:func:`is_address`).

        Args:
            only: The fields that matter; by default all. What doesn't matter can't refuse anybody.

        Raises:
            Refused: ``attribute_unusable``, if a value is longer than 256 characters (names and addresses
                also as :func:`saml_wsgi.names.key` makes them), or there are more than 10,000 groups.
        """
        said: dict[str, str] = {}
        origins: dict[str, str] = {}
        for field in FIELDS:
            if only is None or field in only:
                self._take(assertion, field, said, origins)
        groups = None
        if only is None or "groups" in only:
            groups = self._groups(assertion, origins)
        return Profile(**said, groups=groups, origins=origins)

    def _take(self, assertion: Assertion, field: str, said: dict[str, str], origins: dict[str, str]) -> None:
        for source in self.candidates(field):
            values = values_of(assertion, source)
            if values is None:
                continue
            value = next(filter(None, values), "")
            said[field] = value
            if value:
                _check_length(value, source)
                if field in {"username", "email"}:  # the directory keeps the folded form too
                    _check_length(names.key(value), source)
                origins[field] = f"saml:{source}"
                return

    def _groups(self, assertion: Assertion, origins: dict[str, str]) -> tuple[str, ...] | None:
        for source in self.groups:
            values = values_of(assertion, source)
            if values is None:
                continue
            groups = {value.strip() for value in values} - {""}
            if len(groups) > MOST_GROUPS:
                detail = (
                    f"{source} has {len(groups)} groups, and {MOST_GROUPS} are the most that are accepted"
                )
                raise Refused("attribute_unusable", detail)
            for group in groups:
                _check_length(group, source)
            if groups:
                origins["groups"] = f"saml:{source}"
            return tuple(sorted(groups))
        return None


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
    A name with invisible characters, or with white space at its ends, looks like another one.

    Raises:
        Refused: ``attribute_unusable``, if there are several values, or the value is longer than 256
            characters (as written, or as :func:`saml_wsgi.names.key` makes it), or not printable.
    """
    values = {value for value in values_of(assertion, source) or () if value}
    if len(values) != 1:
        detail = f"{source} must have one value to say who somebody is, and has {len(values)}"
        raise Refused("attribute_unusable", detail)
    (value,) = values
    _check_length(value, source)
    _check_length(names.key(value), source)
    if not value.isprintable() or value != value.strip():
        detail = f"{source} has invisible characters, or white space at its ends: nobody can be named so"
        raise Refused("attribute_unusable", detail)
    return value


def is_address(value: str) -> bool:
    """Whether it has the shape of an e-mail address: one ``@``, something on both sides, no white space."""
    local, at, domain = value.partition("@")
    return bool(local and at and domain) and "@" not in domain and not any(map(str.isspace, value))


def arrived(assertion: Assertion) -> str:
    """The names, never the values, of what the assertion carries: for an operator to read."""
    found = [NAME_ID + (" (transient)" if assertion.transient else ""), *sorted(assertion.attributes)]
    shown = ", ".join(name[:100] for name in found[:_SHOWN_NAMES])
    more = len(found) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _check_length(value: str, source: str) -> None:
    if len(value) > LONGEST:
        detail = (
            f"a value of {source} has {len(value)} characters, and {LONGEST} are the most that are accepted"
        )
        raise Refused("attribute_unusable", detail)
