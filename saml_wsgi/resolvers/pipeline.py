"""Which user is it? One pipeline: ``existing`` and ``jit`` are presets of it.

    identify → find → admit → write → find again, by the same rule → admit

*Finding* asks the directory for the user whose ``match`` field has the asserted value, and the links
for the user who is pinned to the asserted subject; what they say must not contradict each other.
Nothing is kept between calls, and everything is read and written through the directory and the links
that were handed in: over ones that only record what would be written, the same code is a dry run.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final, NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Ambiguous, ConfigurationError, DirectoryConflict, Problem, Refused
from saml_wsgi.interfaces import Directory, Links, WritableDirectory
from saml_wsgi.model import FIELDS, Assertion, Changes, Denied, Profile, Resolution, User
from saml_wsgi.resolvers.mapping import NAME_ID, AttributeMap, arrived, identifying, is_address, values_of

#: The origin of a value that the directory had already.
KEPT: Final = "directory"


@dataclass(frozen=True, slots=True)
class _Person:
    """Whom the assertion is about: the value that matches, and what identifies them for good."""

    idp: str
    name: str
    subject: str | None
    profile: Profile


class _Found(NamedTuple):
    user: User
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Finds the user of an assertion and, given a ``writer``, creates and updates it.

    Attributes:
        name: What the operator calls this resolver.
        directory: Where users are found.
        mapping: Which attributes say what.
        match: The field, one of ``model.FIELDS``, whose asserted value finds the user.
        links: Which subject is which user for good; None: nobody is pinned.
        link_source: The names (``NameID`` or attributes) whose value is the subject: the first one that
            arrived counts. Empty: nobody is pinned.
        writer: Where users are created and updated, the same place as ``directory``; None: never.
        owner: Who writes: its users are ``managed_by`` ``<owner>:<idp.name>``, and no others are
            written or admitted. Without a writer it has no meaning.

    **Absent and empty.** An attribute that didn't arrive, or arrived empty, leaves its field alone.
    Groups follow the assertion whenever their attribute arrived, also to none.

    **The matching field is never overwritten**, nor is a username by another spelling of itself: a user
    who was found by a link, and whose matching value is another one now, keeps the old one.

    **Subjects** are kept with the name of their source (:func:`subject_from`). Those that are e-mail
    addresses, or the matching name itself, are compared as names are (:func:`saml_wsgi.names.key`), all
    others exactly: opaque identifiers may differ in case alone. A person who brings none of the
    attributes in ``link_source`` is refused, since leaving one out would get around the link. Only where
    nothing but a transient NameID was to be had, nobody is pinned; then a user who is pinned already is
    refused (``link_conflict``), for the same reason: people can ask for a transient one.
    """

    name: str
    directory: Directory
    mapping: AttributeMap
    match: str = "username"
    links: Links | None = None
    link_source: tuple[str, ...] = (NAME_ID,)
    writer: WritableDirectory | None = None
    owner: str = ""

    def __post_init__(self) -> None:
        check_match(self.match)

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, or why not; None if nobody is found and nobody may be created.

        Raises:
            Unavailable: The directory doesn't answer.
        """
        try:
            return self._resolve(self._identify(assertion))
        except (Refused, DirectoryConflict, Ambiguous) as no:
            return Denied(no.code, no.detail)

    def _resolve(self, person: _Person) -> Resolution | None:
        found = self._find(person)
        if found is None:
            if self.writer is None:
                return None
            try:
                user = self._create(self.writer, person)
            except DirectoryConflict as conflict:
                # Two first sign-ins of one person at once: the other one has made the user.
                found = self._find(person)
                if found is None:
                    raise Refused("conflict", f"{conflict.detail}, and it isn't this person's") from conflict
            else:
                found = self._find_again(user, person)
                self._pin(found, person)  # only where the directory couldn't do it itself
                self._admit(found.user, person)
                return self._resolution(found.user, person, "created", _everything(person.profile))
        return self._sign_in(found, person)

    def _sign_in(self, found: _Found, person: _Person) -> Resolution:
        """A user whom we know: nothing is written unless something changed."""
        user = found.user
        self._admit(user, person)
        # First the pin: a person who turns out to be another one must not have changed anything.
        wrote = self._pin(found, person)
        changes = Changes()
        if self.writer is not None:
            changes = self._changes(user, person.profile)
            if changes:
                self.writer.update(user, changes)
                wrote = True
        if wrote:
            user = self._find_again(user, person).user
            self._admit(user, person)
        return self._resolution(user, person, "updated" if changes else "unchanged", changes)

    # -- identify --

    def _identify(self, assertion: Assertion) -> _Person:
        needed = {self.match} if self.writer is None else {self.match, "username"}
        profile = self.mapping.profile(assertion, only=needed if self.writer is None else None)
        for field in sorted(needed):
            source = profile.origins.get(field)
            if source is None:
                raise Refused("missing_attribute", self._missing(assertion, field))
            identifying(assertion, source.removeprefix("saml:"))
        name = profile.value(self.match)
        assert name is not None
        if self.match == "email" and not is_address(name):
            detail = f"{profile.origins['email']} isn't an e-mail address, and match = email"
            raise Refused("attribute_unusable", detail)
        return _Person(assertion.idp, name, self._subject(assertion, profile), profile)

    def _subject(self, assertion: Assertion, profile: Profile) -> str | None:
        """What identifies the person for good; None if nobody is to be pinned."""
        if self.links is None or not self.link_source:
            return None
        for source in self.link_source:
            if any(values_of(assertion, source) or ()):
                value = identifying(assertion, source)
                is_name = is_address(value) or profile.origins.get(self.match) == f"saml:{source}"
                return subject_from(source, names.key(value) if is_name else value)
        if set(self.link_source) == {NAME_ID}:
            return None
        detail = f"link.source expects one of {', '.join(self.link_source)}; arrived: {arrived(assertion)}"
        raise Refused("missing_attribute", detail)

    def _missing(self, assertion: Assertion, field: str) -> str:
        candidates = self.mapping.candidates(field)
        detail = f"{field} is expected in {' or '.join(candidates) or 'nothing'} (attributes.{field})"
        if assertion.transient and NAME_ID in candidates:
            detail += (
                ", but the NameID is transient: it is another one at each sign-in and identifies nobody."
                f" Name an attribute in attributes.{field}, have the identity provider send a lasting NameID,"
                " or set idp.nameid_stable = true if transient is only what its format says"
            )
        return f"{detail}; arrived: {arrived(assertion)}"

    # -- find --

    def _find(self, person: _Person) -> _Found | None:
        """The one user whom both the match and the link mean, or None."""
        matches = self.directory.find(self.match, person.name)
        if len(matches) > 1:
            ids = ", ".join(user.id for user in matches[:10])
            raise Refused("ambiguous", f"{len(matches)} users match by {self.match}: {ids}")
        matched = matches[0] if matches else None
        if matched is not None and not self._is_named(matched, person.name):
            detail = f"the directory found user {matched.id}, whose {self.match} is another one"
            raise Refused("mismatch", detail)
        linked = None
        if self.links is not None and person.subject is not None:
            linked = self.links.follow(person.idp, person.subject)
        if linked is None:
            return None if matched is None else _Found(matched, linked=False)
        if matched is None:
            return _Found(self._linked(linked), linked=True)
        if matched.id != linked:
            detail = f"{self.match} finds user {matched.id}, but the person is linked to user {linked}"
            raise Refused("mismatch", detail)
        return _Found(matched, linked=True)

    def _is_named(self, user: User, name: str) -> bool:
        # A directory whose collation ignores accents would sign andre in as andré.
        if self.match not in {"username", "email"}:
            return True  # how other fields compare is the directory's affair
        return names.key(user.value(self.match)) == names.key(name)

    def _linked(self, user_id: str) -> User:
        user = self.directory.get(user_id)
        if user is None:
            # Not "nobody": a user who was deleted on purpose must not be made again.
            raise Refused(
                "not_found", f"the person is linked to user {user_id}, which doesn't exist any more"
            )
        return user

    def _find_again(self, user: User, person: _Person) -> _Found:
        found = self._find(person)
        if found is None or found.user.id != user.id:
            other = "nobody" if found is None else f"user {found.user.id}"
            raise Refused("mismatch", f"after writing user {user.id}, the same rule finds {other}")
        return found

    def _admit(self, user: User, person: _Person) -> None:
        if not user.active:
            raise Refused("inactive", f"user {user.id} is not active")
        if self.writer is not None and user.managed_by != self._managed_by(person):
            detail = f"user {user.id} is managed by {user.managed_by}, not by {self._managed_by(person)}"
            raise Refused("managed_elsewhere", detail)

    # -- write --

    def _create(self, writer: WritableDirectory, person: _Person) -> User:
        link = None if person.subject is None else (person.idp, person.subject)
        return writer.create(person.profile, managed_by=self._managed_by(person), link=link)

    def _pin(self, found: _Found, person: _Person) -> bool:
        """Pin the person to the user, unless they are; whether that wrote anything."""
        if self.links is None or found.linked:
            return False
        if person.subject is None:
            if self.link_source and self.links.subject_of(person.idp, found.user.id) is not None:
                detail = f"user {found.user.id} is linked to a subject of {person.idp}, and none arrived"
                raise Refused("link_conflict", detail)
            return False
        if not self.links.pin(person.idp, person.subject, found.user.id):
            detail = f"user {found.user.id} is linked to another subject of {person.idp}"
            raise Refused("link_conflict", detail)
        return True

    def _changes(self, user: User, profile: Profile) -> Changes:
        values: dict[str, str | bool | tuple[str, ...]] = {}
        for field in FIELDS:
            new, old = profile.value(field), user.value(field)
            if not new or new == old or field == self.match:
                continue
            if field == "username" and names.key(new) == names.key(old):
                continue
            values[field] = new
        if profile.groups is not None and set(profile.groups) != set(user.groups):
            values["groups"] = profile.groups
        return Changes(values)

    def _managed_by(self, person: _Person) -> str:
        return f"{self.owner}:{person.idp}"

    def _resolution(self, user: User, person: _Person, outcome: str, changes: Changes) -> Resolution:
        said = person.profile if self.writer is not None else Profile()
        return Resolution(user, outcome, changes, origins(user, said), self.name)


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


def origins(user: User, said: Profile, other: str = KEPT) -> dict[str, str]:
    """Where the user's values came from: what was said, or else ``other``."""
    found = {
        field: said.origins.get(field, other) if said.value(field) == user.value(field) else other
        for field in FIELDS
        if user.value(field)
    }
    if user.groups:
        same = said.groups is not None and set(said.groups) == set(user.groups)
        found["groups"] = said.origins.get("groups", other) if same else other
    return found


def _everything(profile: Profile) -> Changes:
    values: dict[str, str | bool | tuple[str, ...]] = {}
    for field in FIELDS:
        value = profile.value(field)
        if value:
            values[field] = value
    if profile.groups:
        values["groups"] = profile.groups
    return Changes(values)


def check_match(match: str, *, option: str = "match") -> None:
    """Raise ConfigurationError, under the option's name, unless it is a field of a user."""
    if match not in FIELDS:
        near = difflib.get_close_matches(match, FIELDS, n=1)
        cure = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(FIELDS)}."
        raise ConfigurationError(Problem(option, f"{match!r} is no field of a user.", cure))
