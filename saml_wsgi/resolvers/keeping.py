"""A source that keeps the people: what it says now of one of them, and what it said last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

from saml_wsgi import names
from saml_wsgi.errors import Refused, SourceUnavailable
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock, Population, Standings, WritableDirectory
from saml_wsgi.model import Changes, Profile, User
from saml_wsgi.resolvers.enrichment import keys_of, told
from saml_wsgi.resolvers.finding import Finder, Found
from saml_wsgi.resolvers.identification import Facts, KnownAs, Person, keeper
from saml_wsgi.resolvers.mapping import NAMES

logger = our_logger("saml_wsgi.resolvers")

#: The states of a :class:`~saml_wsgi.model.Standing`.
ACTIVE: Final = "active"
INACTIVE: Final = "inactive"
MISSING: Final = "missing"

#: That a source said the same again is written so many seconds later at the earliest.
EXACT_TO: Final = 3600


class Kept(NamedTuple):
    """A person who is there, and may use their account."""

    known_as: KnownAs
    facts: Facts


@dataclass(frozen=True, slots=True)
class Keeper:
    """Asks the source that keeps the people, and sees to it that its word holds here.

    Attributes:
        name: The source's.
        source: It.
        directory: Where users are written.
        standings: What it said last, and which of its subjects is which user.
        finder: Finds users.
        max_age: For how many seconds its last word counts where it doesn't answer; None: not at all.
    """

    name: str
    source: Population
    directory: WritableDirectory
    standings: Standings
    finder: Finder
    clock: Clock
    max_age: int | None = None

    @property
    def owner(self) -> str:
        """What its users have as ``managed_by``."""
        return keeper(self.name)

    def learn(self, person: Person) -> Kept | None:
        """What it says of the person; None if it knows nobody of that name, and no user here was theirs.

        A user of the source whom it doesn't know any more, or who is switched off there, is switched off
        here, too. All other users stay as they are.

        Raises:
            Refused: ``inactive``; ``mismatch``, if it found somebody else; ``missing_attribute`` and
                ``attribute_unusable``, if what it says can't be used; and as :meth:`Finder.find`.
            SourceUnavailable: It doesn't answer.
            Ambiguous: It knows several.
        """
        profile = self._known(self.source.look_up(keys_of(self.finder.rules, person)))
        if profile is None:
            found = self._own(person)
            if found is None:
                return None
            profile = self._by_other_names(found.user, person)
            if profile is None:
                self._turn_out(found.user, self.standings.subject_of(self.owner, found.user.id), MISSING)
        elif profile.active is not False:
            self._check_meant(profile, person)
        if profile.active is False:
            self._turn_out(self._user_of(profile, person), profile.subject, INACTIVE, profile)
        if not profile.subject:
            detail = f"the source {self.name} doesn't say what identifies this person for good"
            raise Refused("attribute_unusable", detail)
        facts = told(self.finder.rules, self.name, profile, self.source.fields)
        return Kept(KnownAs(self.name, profile.subject, facts.profile.username or ""), facts)

    def switched_off(self, user: User) -> bool:
        """Whether the user is inactive since the source said so, and not since somebody here did."""
        if user.active or user.managed_by != self.owner:
            return False
        standing = self.standings.standing(self.owner, user.id)
        return standing is not None and standing.state in {INACTIVE, MISSING}

    def confirm(self, user: User, known_as: KnownAs) -> None:
        """Keep that the source said just now that the person is there."""
        if user.managed_by == self.owner:
            self._note(user, known_as.subject, ACTIVE)

    def last_known(self, person: Person, down: SourceUnavailable) -> User:
        """The user as the source confirmed it last, while it doesn't answer.

        The time counts from its own last word: this leaves no trace, so that an outage doesn't renew itself.

        Raises:
            SourceUnavailable: ``down``, unless a user of the source is active by its last word, and that
                is no older than ``max_age``.
            Refused: As :meth:`Finder.find`, and ``link_conflict``.
        """
        found = None if self.max_age is None else self._own(person)
        if found is None or not found.user.active:
            raise down
        standing = self.standings.standing(self.owner, found.user.id)
        if standing is None or standing.state != ACTIVE:
            raise down
        age = int(self.clock.time()) - standing.confirmed
        # Hosts' clocks differ a little; what lies further ahead is no time that anything was said at.
        if self.max_age is None or not -EXACT_TO <= age <= self.max_age:
            detail = f"{down.detail}; user {found.user.id} was confirmed {age} seconds ago, max_age is over"
            raise SourceUnavailable(detail) from down
        logger.warning(
            "the source %s doesn't answer (%s): user %s is signed in as confirmed %d seconds ago",
            self.name,
            down.detail,
            found.user.id,
            age,
        )
        return found.user

    # -- who it is --

    def _known(self, profile: Profile | None) -> Profile | None:
        # "Nobody may sign in who isn't there" is said by a profile of nobody.
        return None if profile is None or (profile.active is False and not profile.subject) else profile

    def _own(self, person: Person) -> Found | None:
        """The user of this source that what is asserted finds."""
        found = self.finder.find(person)
        if found is None or found.user.managed_by != self.owner:
            return None
        self.finder.check_subject(found, person)
        return found

    def _by_other_names(self, user: User, person: Person) -> Profile | None:
        """What it says of its user by the names that are kept here.

        Somebody who is called something else at the identity provider only mustn't be taken for one who left.
        """
        fields = sorted({*NAMES, self.finder.rules.match})
        keys = {field: user.value(field) for field in fields if user.value(field)}
        if keys == keys_of(self.finder.rules, person):
            return None
        return self._known(self.source.look_up(keys))

    def _check_meant(self, profile: Profile, person: Person) -> None:
        """A source may find people by something else than what says here who is meant, such as an address.

        It may also show one of several names, so where another one shows it is asked by the name alone.
        """
        field, name = self.finder.rules.match, person.name
        said = profile.value(field)
        if not said or said == name or (field in NAMES and names.key(said) == names.key(name)):
            return
        asked = keys_of(self.finder.rules, person)
        # An address that stands for the username is looked for as an address, too.
        alone = {one: value for one, value in asked.items() if names.key(value) == names.key(name)}
        if alone != asked:
            found = self.source.look_up(alone)
            if found is None or found.subject != profile.subject:
                detail = f"the source {self.name} found somebody whose {field} isn't the asserted one"
                raise Refused("mismatch", f"{detail}: look at what finds people there, and at match")

    def _user_of(self, profile: Profile, person: Person) -> User | None:
        """The user here of somebody who is switched off there."""
        linked = self.standings.follow(self.owner, profile.subject)
        if linked is not None:
            return self.directory.get(linked)
        found = self._own(person)
        if found is None or self.standings.subject_of(self.owner, found.user.id) is not None:
            return None  # the user is somebody else's, who was called so before
        self.standings.pin(self.owner, profile.subject, found.user.id)
        return found.user

    # -- what becomes of it --

    def _turn_out(
        self, user: User | None, subject: str | None, state: str, profile: Profile | None = None
    ) -> NoReturn:
        """Refuse somebody of whom it says no, and switch their user off."""
        why = "" if profile is None else _why(profile.origins)
        detail = {
            INACTIVE: f"the source {self.name} says that this person is switched off{why}",
            MISSING: f"the source {self.name} doesn't know this person any more",
        }[state]
        if user is not None and user.managed_by == self.owner:
            # The state first: an inactive user whose state is active is an administrator's doing.
            self._note(user, subject, state)
            if user.active:
                self.directory.update(user, Changes({"active": False}))
                detail += f"; user {user.id} was switched off"
        raise Refused("inactive", detail)

    def _note(self, user: User, subject: str | None, state: str) -> None:
        if not subject:
            return
        standing, now = self.standings.standing(self.owner, user.id), int(self.clock.time())
        was = "" if standing is None else standing.state
        if not user.active and was not in {INACTIVE, MISSING}:
            return  # whom an administrator switched off isn't switched on when the source goes to and fro
        if standing is None or was != state or now >= standing.confirmed + EXACT_TO:
            self.standings.note(self.owner, subject, state, now)


def _why(origins: Mapping[str, str]) -> str:
    return f": {origins['active']}" if origins.get("active") else ""
