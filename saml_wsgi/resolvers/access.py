"""Who may sign in: lists of groups and of e-mail domains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from saml_wsgi import names
from saml_wsgi.errors import Problems, Refused
from saml_wsgi.model import User
from saml_wsgi.resolvers.mapping import is_address

_LONGEST_DOMAIN: Final = 253


@dataclass(frozen=True, slots=True)
class Access:
    """Who may sign in (``allow.*``, ``deny.*``). Empty lists ask nothing.

    Attributes:
        allow_groups: Only members of one of these.
        allow_domains: Only people whose e-mail address is in one of these domains: exactly, not below
            it. Letter case doesn't matter, and a domain is the same as its ASCII form (IDNA).
        deny_groups: No member of any of these, whatever else holds.

    Raises:
        ConfigurationError: An entry can't be meant. The problems' keys are ``allow.groups``,
            ``allow.domains`` and ``deny.groups``.
    """

    allow_groups: tuple[str, ...] = ()
    allow_domains: tuple[str, ...] = ()
    deny_groups: tuple[str, ...] = ()
    _allowed: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())
    _domains: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())
    _denied: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        problems = Problems()
        for key, groups in (("allow.groups", self.allow_groups), ("deny.groups", self.deny_groups)):
            if not all(group.strip() for group in groups):
                problems.add(key, "A name is empty.", "Write a group's name.")
        for group in self.deny_groups:
            if "*" in group:
                reason = f"{group!r} is a pattern, and would keep nobody out."
                problems.add("deny.groups", reason, "Write each group's name.")
        domains = set()
        for domain in self.allow_domains:
            ascii_form = _ascii(domain)
            if ascii_form is None or set(ascii_form) & set("@* ") or not ascii_form:
                problems.add("allow.domains", f"{domain!r} is no domain.", "Write one such as example.com.")
            else:
                domains.add(ascii_form)
        problems.raise_if_fatal()
        object.__setattr__(self, "_allowed", frozenset(map(names.key, self.allow_groups)))
        object.__setattr__(self, "_denied", frozenset(map(names.key, self.deny_groups)))
        object.__setattr__(self, "_domains", frozenset(domains))

    @property
    def needs(self) -> frozenset[str]:
        """What of an assertion matters for it: ``groups``, ``email``, both or nothing."""
        asked = {"groups": self._allowed or self._denied, "email": self._domains}
        return frozenset(name for name, lists in asked.items() if lists)

    def check(
        self,
        user: User,
        *,
        mapped: Iterable[str] = (),
        said: Iterable[str] = (),
        email: str | None = None,
        options: tuple[str, str] = ("allow.groups", "allow.domains"),
    ) -> None:
        """Raise Refused (``not_allowed``) unless the user may sign in.

        Args:
            user: As it is, or would be once everything is written.
            mapped: The groups that the assertion puts the person in, by the application's names.
            said: The groups as the assertion names them. They can keep somebody out, but let nobody in.
            email: The asserted address, which counts if the user has none.
            options: What an operator calls the two lists that allow.
        """
        if self._denied:
            member = {names.key(group): group for group in (*user.groups, *mapped, *said)}
            denied = sorted(member[key] for key in self._denied & member.keys())
            if denied:
                raise Refused("not_allowed", f"member of {_listed(denied)} (deny.groups)")
        if self._allowed and self._allowed.isdisjoint(map(names.key, (*user.groups, *mapped))):
            raise Refused("not_allowed", f"in none of {_listed(self.allow_groups)} ({options[0]})")
        if self._domains:
            address = user.email or email or ""
            domain = _ascii(address.rpartition("@")[2]) if is_address(address) else None
            if domain not in self._domains:
                told = "in another domain" if domain else "unusable" if address else "missing"
                detail = f"the e-mail address is {told}: not in {_listed(self.allow_domains)} ({options[1]})"
                raise Refused("not_allowed", detail)


#: Whoever signs in.
EVERYBODY: Final = Access()


_DEVIATIONS: Final = frozenset("ßς\u200c\u200d")


def _ascii(domain: str) -> str | None:
    """The form in which domains are compared (RFC 3490, ToASCII); None if it can't be one."""
    # IDNA 2003, which Python knows, takes some for others; under IDNA 2008 they make another domain.
    if len(domain) > _LONGEST_DOMAIN or _DEVIATIONS.intersection(domain):
        return None
    domain = names.key(domain)
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _listed(groups: Iterable[str]) -> str:
    found = list(groups)
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return ", ".join(group[:100] for group in found[:10]) + more
