"""Which user is it? One pipeline: ``existing``, ``jit`` and ``ldap`` are presets of it.

    identify → find → ask the sources → decide what changes → access → write → find again → admit

*Finding* asks the directory for the user whose ``match`` field has the asserted value, and the links
for the user who is pinned to the asserted subject; what they say must not contradict each other.
Where a source keeps the people it is asked first, since what it calls them for good goes before names.
Nothing is kept between calls, and everything is read and written through the directory and the links
that were handed in: over ones that only record what would be written, the same code is a dry run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from saml_wsgi.errors import Ambiguous, DirectoryConflict, Refused, SourceUnavailable
from saml_wsgi.interfaces import GroupRegister, WritableDirectory
from saml_wsgi.model import Assertion, Changes, Denied, Profile, Resolution, User
from saml_wsgi.resolvers.enrichment import enriched
from saml_wsgi.resolvers.finding import Finder, Found
from saml_wsgi.resolvers.groups import MappedGroups
from saml_wsgi.resolvers.identification import Facts, Person, identify, missing
from saml_wsgi.resolvers.keeping import Keeper
from saml_wsgi.resolvers.mapping import NAMES
from saml_wsgi.resolvers.policy import SAML, Decision, Place, Policy
from saml_wsgi.resolvers.provenance import origins
from saml_wsgi.resolvers.rules import Rules, fields_of, is_exact

_WHO_MAY_BE_MADE: Final = ("allow_groups of the resolver", "allow_domains of the resolver")


@dataclass(frozen=True, slots=True)
class Writing:
    """What makes a resolver write users: where to, the place in which they are found, and what."""

    directory: WritableDirectory
    policy: Policy


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Finds the user of an assertion and, if it may write, creates and updates it.

    Attributes:
        finder: Where and how users are found.
        writing: None: no user is ever written.
        keeper: The source that keeps the people; only where users are written. None: the assertion says
            who they are.

    **Nothing is written** before it is known whose user it is, what would change, and that the user as
    it would be may sign in. The first thing that is written is the link: a person who turns out to be
    another one must not have changed anything.
    """

    finder: Finder
    writing: Writing | None = None
    keeper: Keeper | None = None

    @property
    def rules(self) -> Rules:
        """Who is found, and who counts as found."""
        return self.finder.rules

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied | None:
        """The user, or why not; None if nobody is found and nobody may be created.

        Raises:
            Unavailable: The directory, the links or a source doesn't answer.
        """
        try:
            return self._resolve(assertion)
        except Refused as no:
            return Denied(no.code, no.detail, no.explanation)
        except (DirectoryConflict, Ambiguous) as no:
            return Denied(no.code, no.detail)

    def _resolve(self, assertion: Assertion) -> Resolution | None:
        person = identify(
            self.rules,
            assertion,
            pinned=self.finder.links is not None,
            only=self._needs(),
            exact=is_exact(self.finder.directory),
        )
        if self.keeper is not None and self.writing is not None:
            return self._follow(person, self.keeper, self.writing)
        found = self.finder.find(person)
        if self.writing is None:
            return None if found is None else self._recognise(found, person)
        if found is not None:
            return self._keep_current(found, person, self.writing)
        return self._create(person, self.writing)

    def _needs(self) -> Collection[str] | None:
        """What of an assertion matters; None: everything."""
        if self.writing is None:
            return self.rules.access.needs
        return None if self.keeper is None else self.rules.access.needs | NAMES

    # -- the ways to an answer --

    def _follow(self, person: Person, keeper: Keeper, writing: Writing) -> Resolution | None:
        """A user whom a source keeps, as it says."""
        try:
            kept = keeper.learn(person)
        except SourceUnavailable as down:
            user = keeper.last_known(person, down)
            self._admit(user, person)
            return Resolution(user, origins=origins(user, Profile()), resolver=self.rules.name)
        if kept is None:
            return None
        person = replace(person, known_as=kept.known_as)
        found = self.finder.find(person)
        if found is None:
            resolution = self._create(person, writing, kept.facts)
        else:
            if keeper.switched_off(found.user):
                writing = replace(writing, policy=replace(writing.policy, reactivate=True))
            resolution = self._keep_current(found, person, writing, kept.facts)
        keeper.confirm(resolution.user, kept.known_as)
        return resolution

    def _recognise(self, found: Found, person: Person) -> Resolution:
        """A user whom we never write."""
        self._admit(found.user, person)
        user = found.user
        if self.finder.pin(found, person):
            user = self.finder.find_again(user, person).user
            self._admit(user, person)
        return Resolution(user, origins=origins(user, Profile()), resolver=self.rules.name)

    def _keep_current(
        self, found: Found, person: Person, writing: Writing, kept: Facts | None = None
    ) -> Resolution:
        """A user who is there: nothing is written unless something changed."""
        user, policy = found.user, writing.policy
        self._check_owner(user, person, policy)
        known = self._learn(person, policy, kept)
        decision = policy.known(user, known, self.rules, person.said_by, self._place())
        self._check_access(decision.user, person, known)
        wrote = self.finder.pin(found, person)
        if decision.changes:
            writing.directory.update(user, decision.changes)
            wrote = True
        if wrote:
            user = self.finder.find_again(user, person).user
            self._check_owner(user, person, policy)
            self._admit(user, person, known)
        outcome = "updated" if decision.changes else "unchanged"
        return self._resolution(user, outcome, decision.changes, decision, known)

    def _create(self, person: Person, writing: Writing, kept: Facts | None = None) -> Resolution:
        """A user whom nobody knew."""
        policy = writing.policy
        known = self._learn(person, policy, kept)
        decision = policy.new(known, self.rules, person.said_by, self._place())
        self._check_access(decision.user, person, known)
        policy.allow.check(
            decision.user,
            mapped=_names(person.asserted.groups),
            email=person.asserted.profile.email,
            options=_WHO_MAY_BE_MADE,
        )
        try:
            user = writing.directory.create(
                decision.profile, managed_by=policy.managed_by(person.said_by), link=_first_link(person)
            )
        except DirectoryConflict as conflict:
            # Two first sign-ins of one person at once: the other one has made the user.
            found = self.finder.find(person)
            if found is None:
                raise Refused("conflict", f"{conflict.detail}, and it isn't this person's") from conflict
            return self._keep_current(found, person, writing, kept)
        found = self.finder.find_again(user, person)
        self.finder.pin(found, person)  # what the directory didn't do itself
        self._check_owner(found.user, person, policy)
        self._admit(found.user, person, known)
        return self._resolution(found.user, "created", decision.changes, decision, known)

    # -- what is known --

    def _learn(self, person: Person, policy: Policy, kept: Facts | None) -> Facts:
        """What all sources know of the person, or the one that keeps them; it must be enough."""
        if kept is not None:
            for field in policy.required:
                if not kept.profile.value(field):
                    detail = f"the source {person.said_by} has no {field} for this person"
                    raise Refused("missing_attribute", detail)
            return kept
        known = enriched(self.rules, person, policy.sources)
        for field in ("username", *policy.required):
            if not known.profile.value(field):
                detail = missing(self.rules, person.assertion, field)
                others = [name for name, source in policy.sources if source is not None]
                if others:
                    detail += f"; nor do {', '.join(others)} know it"
                raise Refused("missing_attribute", detail)
        if known.profile.origins["username"].startswith(f"{SAML}:"):
            self.rules.mapping.identifying(person.assertion, "username")
        return known

    def _place(self) -> Place:
        directory = self.finder.directory
        if self.rules.groups.create or not isinstance(directory, GroupRegister):
            return Place(fields_of(directory))
        return Place(fields_of(directory), directory.known_groups)

    # -- who may --

    def _check_owner(self, user: User, person: Person, policy: Policy) -> None:
        name = person.said_by
        if not user.active and not (policy.reactivate and policy.owns(user, name)):
            # It matters more to the person than who keeps the record.
            by = "" if person.known_as is None else f", though to the source {name} they are"
            raise _inactive(user, by)
        if not policy.admits(user, name):
            detail = f"user {user.id} is managed by {user.managed_by}, not by {policy.managed_by(name)}"
            if person.known_as is not None:
                detail += " (a synchronisation can take it over: sync.adopt)"
            raise Refused("managed_elsewhere", detail)

    def _check_access(self, user: User, person: Person, known: Facts | None = None) -> None:
        """What a source says beside the assertion can keep somebody out, too."""
        said = set[str]()
        for facts in (person.asserted, known):
            if facts is not None and facts.groups is not None:
                said |= facts.groups.said
        asserted = person.asserted
        self.rules.access.check(user, mapped=_names(asserted.groups), said=said, email=asserted.profile.email)

    def _admit(self, user: User, person: Person, known: Facts | None = None) -> None:
        if not user.active:
            raise _inactive(user)
        self._check_access(user, person, known)

    def _resolution(
        self, user: User, outcome: str, changes: Changes, decision: Decision, known: Facts
    ) -> Resolution:
        said = decision.profile
        if said.groups != known.profile.groups:
            said = replace(said, groups=known.profile.groups)
        found = origins(user, said, default=self.rules.groups.default)
        return Resolution(user, outcome, changes, found, decision.left, self.rules.name)


def _first_link(person: Person) -> tuple[str, str] | None:
    """What a new user is pinned to in the transaction that makes it: what is known best of the person."""
    if person.known_as is not None:
        return person.known_as.keeper, person.known_as.subject
    return None if person.subject is None else (person.idp, person.subject)


def _inactive(user: User, more: str = "") -> Refused:
    return Refused("inactive", f"user {user.id} is not active{more}")


def _names(groups: MappedGroups | None) -> Sequence[str]:
    return groups.names if groups is not None else ()
