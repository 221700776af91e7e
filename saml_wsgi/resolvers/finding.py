"""Finding the one user whom an assertion means, and remembering who that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.model import User
from saml_wsgi.resolvers.identification import Person
from saml_wsgi.resolvers.mapping import NAMES
from saml_wsgi.resolvers.rules import Rules


class Found(NamedTuple):
    """A user, and whether the person is pinned to it."""

    user: User
    linked: bool


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds users by one rule: the field that matches, and the link, which must not contradict it.

    Attributes:
        directory: Where users are.
        links: Which subject is which user for good; None: nobody is pinned.
        rules: By which field people are found.
    """

    directory: Directory
    links: Links | None
    rules: Rules

    def find(self, person: Person) -> Found | None:
        """The one user whom both the match and the link mean, or None.

        Raises:
            Refused: ``ambiguous``; ``mismatch``, if match and link mean different users; ``not_found``,
                if the person is linked to a user who was deleted.
            Unavailable: The directory or the links don't answer.
        """
        match = self.rules.match
        matches = self.directory.find(match, person.name)
        if len(matches) > 1:
            ids = ", ".join(user.id for user in matches[:10])
            raise Refused("ambiguous", f"{len(matches)} users match by {match}: {ids}")
        matched = matches[0] if matches else None
        if matched is not None and not self._is_named(matched, person.name):
            detail = f"the directory found user {matched.id}, whose {match} is another one"
            raise Refused("mismatch", detail)
        linked = None
        if self.links is not None and person.subject is not None:
            linked = self.links.follow(person.idp, person.subject)
        if linked is None:
            return None if matched is None else Found(matched, linked=False)
        if matched is None:
            return Found(self._linked(linked), linked=True)
        if matched.id != linked:
            detail = f"{match} finds user {matched.id}, but the person is linked to user {linked}"
            raise Refused("mismatch", detail)
        return Found(matched, linked=True)

    def _is_named(self, user: User, name: str) -> bool:
        # A directory whose collation ignores accents would sign andre in as andré.
        value = user.value(self.rules.match)
        return value == name or (self.rules.match in NAMES and names.key(value) == names.key(name))

    def _linked(self, user_id: str) -> User:
        user = self.directory.get(user_id)
        if user is None:
            # Not "nobody": a user who was deleted on purpose must not be made again.
            raise Refused(
                "not_found", f"the person is linked to user {user_id}, which doesn't exist any more"
            )
        return user

    def find_again(self, user: User, person: Person) -> Found:
        """The same user, found by the same rule after something was written.

        Raises:
            Refused: ``mismatch``, if that rule finds another one, or nobody; and as :meth:`find`.
        """
        found = self.find(person)
        if found is None or found.user.id != user.id:
            other = "nobody" if found is None else f"user {found.user.id}"
            raise Refused("mismatch", f"after writing user {user.id}, the same rule finds {other}")
        return found

    def pin(self, found: Found, person: Person) -> bool:
        """Pin the person to the user, unless they are; whether that wrote anything.

        Somebody who brings no subject, which is possible only where nothing but a transient NameID was
        to be had, isn't taken for a user who is pinned: people can ask for a transient one.

        Raises:
            Refused: ``link_conflict``, if the user or the subject is pinned otherwise.
        """
        if self.links is None or found.linked:
            return False
        if person.subject is None:
            if self.rules.link_source and self.links.subject_of(person.idp, found.user.id) is not None:
                detail = f"user {found.user.id} is linked to a subject of {person.idp}, and none arrived"
                raise Refused("link_conflict", detail)
            return False
        if not self.links.pin(person.idp, person.subject, found.user.id):
            detail = f"user {found.user.id} is linked to another subject of {person.idp}"
            raise Refused("link_conflict", detail)
        return True
