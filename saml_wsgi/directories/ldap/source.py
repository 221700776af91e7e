"""What an LDAP directory knows of a person, asked while they sign in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from saml_wsgi import names
from saml_wsgi.directories.ldap import account, escaping
from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry, Searcher
from saml_wsgi.directories.ldap.membership import Membership
from saml_wsgi.errors import Ambiguous, Refused, SourceUnavailable
from saml_wsgi.model import FIELDS, Profile

#: Fields whose values are compared as names, not letter by letter.
_NAMES: Final = frozenset({"username", "email"})
_KINDS: Final = {"ldaps": "TLS", "starttls": "StartTLS", "none": "in the clear"}


@dataclass(frozen=True, slots=True)
class People:
    """Where people are in a directory, and what of them is what.

    Attributes:
        base: Where they are.
        wanted: The filter that each fits.
        find_by: The fields by which somebody is found: the first of them that is known, and no other.
        fields: For each of our fields the attributes that may have it, in the order in which they count.
        state: Rules of :mod:`~saml_wsgi.directories.ldap.account`.
        inactive_when: See :func:`saml_wsgi.directories.ldap.account.state`.
        is_everybody: Whether nobody may sign in who isn't there.
    """

    base: str
    wanted: str
    find_by: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    state: tuple[str, ...]
    inactive_when: tuple[tuple[str, str], ...]
    membership: Membership
    is_everybody: bool

    def find(self, keys: Mapping[str, str], ask: Searcher) -> Profile | None:
        """The person with these values, as :class:`saml_wsgi.interfaces.Source` has it.

        Raises:
            SourceUnavailable: The directory doesn't answer, or not fully.
            Ambiguous: It has two of them.
            Refused: ``attribute_unusable``: what it says can't be used.
        """
        field = next((field for field in self.find_by if keys.get(field)), None)
        if field is None:
            return self._nobody(f"none of {', '.join(self.find_by)} is known")
        value = keys[field]
        attributes = self.fields[field]
        if field == "username" and names.key(keys.get("email", "")) == names.key(value):
            # Many identity providers assert an address as the username, and directories have short ones.
            attributes += tuple(name for name in self.fields["email"] if name not in attributes)
        try:
            asked = [escaping.equals(attribute, value) for attribute in attributes]
        except UnicodeEncodeError:
            raise Refused("attribute_unusable", f"{field} isn't valid Unicode text") from None
        wanted = f"(&{self.wanted}{escaping.either(asked)})"
        found = ask.search(self.base, SUBTREE, wanted, self.attributes, most=1)
        if len(found) > 1:
            raise Ambiguous(f"{found[0].shown} and {found[1].shown} both have this {field}")
        # A directory may find José for Jose, or compare in ways that nobody here knows of.
        if not found or not _has(found[0], attributes, names.key if field in _NAMES else str, value):
            return self._nobody(f"nobody below {self.base} has this {field}")
        return self.profile(found[0], ask, field, value)

    def profile(self, entry: Entry, ask: Searcher, field: str = "", value: str = "") -> Profile:
        """An entry in our terms.

        Args:
            field: By which it was found, and with which value: of several ones, that one counts.
        """
        active, by = account.state(entry, self.state, self.inactive_when)
        if active is False:
            return Profile(active=False, origins=MappingProxyType({"active": by}))
        values: dict[str, str] = {}
        origins: dict[str, str] = {"active": by} if by else {}
        for name in FIELDS:
            for attribute in self.fields[name]:
                text = _one(entry, attribute, value if name == field else "")
                if text:
                    values[name] = text
                    origins[name] = attribute
                    break
        uid = values.get("username", "")
        groups = self.membership.of(entry, uid, ask)
        return Profile(**values, groups=groups, active=active, origins=MappingProxyType(origins))

    @property
    def attributes(self) -> list[str]:
        """What an entry is asked for, and nothing more."""
        wanted = [
            *(attribute for name in FIELDS for attribute in self.fields[name]),
            *self.state,
            *(attribute for attribute, _ in self.inactive_when),
            *self.membership.attributes,
        ]
        return list({attribute.lower(): attribute for attribute in wanted}.values())

    def _nobody(self, why: str) -> Profile | None:
        if not self.is_everybody:
            return None
        return Profile(active=False, origins=MappingProxyType({"active": why}))


def _has(entry: Entry, attributes: tuple[str, ...], same: Callable[[str], str], value: str) -> bool:
    return any(same(text) == same(value) for attribute in attributes for text in entry.texts(attribute))


def _one(entry: Entry, attribute: str, asked: str) -> str:
    """One value where there may be several: the one asked for, the one in the name, the first."""
    found = entry.texts(attribute)
    if len(found) < 2:
        return found[0] if found else ""
    parts = escaping.parts(entry.dn)
    named = parts[0].value if parts and parts[0].kind == attribute.lower() else ""
    for wanted in (asked, named):
        for text in found:
            if wanted and names.key(text) == names.key(wanted):
                return text
    return found[0]


class LDAPSource:
    """An LDAP directory as a :class:`saml_wsgi.interfaces.Source`."""

    def __init__(self, client: Client, people: People) -> None:
        self.client = client
        self.people = people

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        """The one person with these values, or None.

        Raises:
            SourceUnavailable: No server answers, or it answers only in part.
            Ambiguous: There are two.
            Refused: ``attribute_unusable``: what it says can't be used.
        """
        with self.client.look_up() as session:
            return self.people.find(keys, session)

    def examine(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Ask each server, and show somebody who is there: for ``saml-wsgi check --connect``.

        Returns:
            What was found, and why a server can't be used.
        """
        facts: list[tuple[str, str]] = []
        failures: list[str] = []
        shown = False
        for server in self.client.access.servers:
            alone = self.client.alone(server)
            try:
                with alone.look_up() as session:
                    found = session.search(
                        self.people.base, SUBTREE, self.people.wanted, self.people.attributes, most=1
                    )
                    user = self.client.access.user
                    who = "anonymous" if user is None else f"bound as {user}"
                    facts.append((str(server), f"{_KINDS[server.tls]}, {who}"))
                    if not found:
                        failures.append(f"{server}: nobody is below {self.people.base}, or shown to who asks")
                    elif not shown:
                        shown = True
                        facts += self._sample(found[0], session)
            except SourceUnavailable as error:
                failures.append(error.detail)
            finally:
                alone.close()
        return facts, failures

    def _sample(self, entry: Entry, ask: Searcher) -> list[tuple[str, str]]:
        facts = [("for example", entry.shown)]
        try:
            profile = self.people.profile(entry, ask)
        except Refused as error:
            return [*facts, ("  can't be used", error.detail)]
        for name in FIELDS:
            text = profile.value(name)
            if text is not None:
                facts.append((f"  {name}", f"{text} ({profile.origins[name]})"))
        if profile.groups is not None:
            facts.append(("  groups", ", ".join(profile.groups[:10]) or "none"))
        said = {None: "not said", True: "yes", False: "no"}[profile.active]
        by = profile.origins.get("active")
        facts.append(("  active", f"{said} ({by})" if by else said))
        return facts
