"""Finding the one user whom an assertion means, and remembering who that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.model import User
from saml_wsgi.resolvers.identification import KnownAs, Person
from saml_wsgi.resolvers.mapping import NAMES
from saml_wsgi.resolvers.rules import Rules


class Found(NamedTuple):
    """A user, and whether the person is pinned to it.

    Attributes:
        linked: By the subject that the identity provider asserts.
        kept: By the subject of the source that keeps the person.
    """

    user: User
    linked: bool
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds users by one rule: the field that matches, and the link, which must not contradict it.

    A person whom a source keeps is found by the link to the source's subject, else by the username that
    they have there; what is asserted must not contradict that.

    Attributes:
        directory: Where users are.
        links: Which subject is which user for good; None: nobody is pinned.
        rules: By which field people are found.
        kept: The links to the subjects of sources that keep people; None: none does.
    """

    directory: Directory
    links: Links | None
    rules: Rules
    kept: Links | None = None

    def find(self, person: Person) -> Found | None:
        """The one user whom everything that is known means, or None.

        Raises:
            Refused: ``ambiguous``; ``mismatch``, if match and link mean different users; ``not_found``,
                if the person is linked to a user who was deleted; ``link_conflict``, if the user is
                linked to another subject of the source that keeps both.
            Unavailable: The directory or the links don't answer.
        """
        found = self._find_asserted(person)
        known_as = person.known_as
        if known_as is None or self.kept is None:
            return found
        linked = self.kept.follow(known_as.keeper, known_as.subject)
        user = self._linked(linked) if linked is not None else self._named(known_as, found, person)
        if user is None:
            return None
        if found is not None and found.user.id != user.id:
            detail = (
                f"what is asserted finds user {found.user.id}, but to the source {known_as.source} the"
                f" person is user {user.id}"
            )
            raise Refused("mismatch", detail)
        if linked is None and user.managed_by == known_as.keeper:
            self._check_vacant(user, known_as)
        return Found(user, found is not None and found.linked, kept=linked is not None)

    def _named(self, known_as: KnownAs, found: Found | None, person: Person) -> User | None:
        """The user who has the username of the source, else whom the assertion finds."""
        name = known_as.username
        asked = self.rules.match == "username" and name == person.name
        if asked and (found is None or names.key(found.user.username) == names.key(name)):
            return None if found is None else found.user
        named = self.directory.find("username", name)
        if len(named) > 1:
            raise Refused("ambiguous", f"{len(named)} users match by username")
        for user in named:
            if user.username != name and names.key(user.username) != names.key(name):
                detail = f"the directory found user {user.id}, whose username is another one"
                raise Refused("mismatch", detail)
            return user
        return None if found is None else found.user

    def _check_vacant(self, user: User, known_as: KnownAs) -> None:
        # A recycled name: another person is called so there now.
        assert self.kept is not None
        if self.kept.subject_of(known_as.keeper, user.id) is not None:
            raise Refused("link_conflict", _elsewhere(user, known_as))

    def _find_asserted(self, person: Person) -> Found | None:
        """The one user whom both the match and the link mean, or None."""
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
        to be had, isn't taken for a user who is pinned: people can ask for a transient one. Only users
        whom a source keeps are pinned to its subjects.

        Raises:
            Refused: ``link_conflict``, if the user or the subject is pinned otherwise.
        """
        wrote = self._pin_asserted(found, person)
        known_as, user = person.known_as, found.user
        if self.kept is None or known_as is None or found.kept or user.managed_by != known_as.keeper:
            return wrote
        if not self.kept.pin(known_as.keeper, known_as.subject, user.id):
            raise Refused("link_conflict", _elsewhere(user, known_as))
        return True

    def check_subject(self, found: Found, person: Person) -> None:
        """As :meth:`pin`, but nothing is written.

        Raises:
            Refused: ``link_conflict``, if the user is pinned to another subject of the identity provider.
        """
        if self.links is None or found.linked:
            return
        pinned = self.links.subject_of(person.idp, found.user.id)
        if pinned is not None and pinned != person.subject:
            detail = f"user {found.user.id} is linked to another subject of {person.idp}"
            raise Refused("link_conflict", detail)

    def _pin_asserted(self, found: Found, person: Person) -> bool:
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


def _elsewhere(user: User, known_as: KnownAs) -> str:
    return (
        f"user {user.id} ({user.username}) is another person of the source {known_as.source}, perhaps one"
        " who left the name to this one: look at saml-wsgi links, and delete the former user, or its link"
    )
