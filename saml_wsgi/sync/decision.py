"""What becomes of one person: what the source says of them, and what is here, in; what is to be done, out.

Reads and writes nothing. Fields and groups follow the rules of a sign-in
(:mod:`saml_wsgi.resolvers.policy`, :mod:`saml_wsgi.resolvers.groups`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, NamedTuple

from saml_wsgi import names
from saml_wsgi.directories.arrival.values import (
    ACTIVE,
    GONE,
    INACTIVE,
    MISSING,
    ChangedUser,
    Kept,
    NewDigest,
    NewUser,
    Owner,
    Stray,
    check_kept,
)
from saml_wsgi.errors import Refused
from saml_wsgi.interfaces import Member
from saml_wsgi.model import FIELDS, User
from saml_wsgi.resolvers.enrichment import told
from saml_wsgi.resolvers.identification import Facts, keeper
from saml_wsgi.resolvers.policy import Place, Policy
from saml_wsgi.resolvers.rules import Rules

#: In front of the digest of what couldn't be understood, so that it counts as new but once.
_UNUSABLE: Final = "!"
#: In front of what stands for the subject of somebody who has none. No attribute has such a name.
_NOBODY: Final = "no.subject:"
_WHO_MAY_BE_MADE: Final = ("allow_groups of the resolver", "allow_domains of the resolver")


class Person(NamedTuple):
    """Somebody as the source has them, understood.

    Attributes:
        digest: What the link will keep of it.
        name: Their username there, or ``""``.
        facts: None: they are switched off there, or can't be understood.
        refused: Why they can't be understood.
    """

    subject: str
    digest: str
    name: str = ""
    facts: Facts | None = None
    refused: Refused | None = None


class Here(NamedTuple):
    """What is here of a person.

    Attributes:
        kept: The user who is pinned to their subject.
        owner: The user who has their username.
        user: The one of the two who is theirs, whole.
    """

    kept: Kept | None = None
    owner: Owner | None = None
    user: User | None = None


class Decision(NamedTuple):
    """What is to be done.

    Attributes:
        person: The username, for the operator.
        effects: As what it counts: names of :data:`saml_wsgi.sync.report.COUNTED`, and ``ungrouped``,
            ``emptied:<field>``, ``newly_unusable`` where somebody would lose that.
        reason: What the operator is told of it.
        name: The key of the username that the user gets, where it wasn't theirs, or that they are found by.
        holder: The id of the user who has that name now and would have to give it up.
        frees: The id of the user whose present name becomes free.
    """

    subject: str
    person: str
    effects: tuple[str, ...]
    reason: str = ""
    write: NewUser | ChangedUser | NewDigest | None = None
    name: str | None = None
    holder: str | None = None
    frees: str | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows the rules.

    Attributes:
        source: The source's name.
        fields: Of which fields it speaks.
        fingerprint: Of the source's options and of everything here; what was compared under another one
            must be compared again.
        adopt: Whose users become the source's: ``local``, ``jit``.
        place: Who can say which groups there are.
    """

    source: str
    fields: Collection[str]
    fingerprint: str
    rules: Rules
    policy: Policy
    adopt: Collection[str] = ()
    place: Place = field(default_factory=Place)

    @property
    def keeper(self) -> str:
        """What the source's users are managed by."""
        return keeper(self.source)

    # -- understanding --

    def digest(self, content: bytes) -> str:
        """What the link keeps: the same for the same :attr:`Member.digest` under the same rules."""
        return blake2b(content, digest_size=16, key=self.fingerprint.encode()[:64]).hexdigest()

    def is_as_before(self, kept: Kept, digest: str) -> bool:
        """Whether somebody needn't be understood: nothing changed at the source nor here."""
        if kept.digest != digest or kept.managed_by != self.keeper:
            return False
        return kept.state == (ACTIVE if kept.active else INACTIVE)

    def is_expected(self, kept: Kept) -> bool:
        """Whether it is news if the source doesn't know them: it did, or they were switched on here since."""
        return kept.state not in (MISSING, GONE) or (kept.active and kept.managed_by == self.keeper)

    def understand(self, member: Member, digest: str) -> Person:
        """The person in our terms."""
        name = ""
        try:
            profile = member.profile()
            name = (profile.username or "").strip()
            if profile.active is False:
                check_kept((), (), member.subject)
                return Person(member.subject, digest, name)
            facts = told(self.rules, self.source, profile, self.fields)
            self._check_complete(facts)
            values = ((name, facts.profile.value(name) or "") for name in FIELDS)
            check_kept(values, facts.profile.groups or (), member.subject)
        except Refused as refused:
            return Person(member.subject, digest, name, refused=refused)
        return Person(member.subject, digest, facts.profile.username or "", facts)

    def whose(self, kept: Kept | None, owner: Owner | None) -> str | None:
        """The id of the user whom :attr:`Here.user` is to be, or None."""
        if kept is not None:
            return kept.user_id
        if owner is not None and owner.subject is None and self._may_take(owner.managed_by):
            return owner.user_id
        return None

    # -- deciding --

    def decide(self, person: Person, here: Here) -> Decision:
        """What is to be done."""
        kept, owner, user = here
        shown = printable(person.name or (user.username if user is not None else person.subject))
        if person.refused is not None:
            return self._unusable(person, kept, shown)
        if kept is not None:
            if user is None:
                return Decision(person.subject, shown, ("unusable",), "removed here a moment ago")
            if not self._may_take(user.managed_by):
                return Decision(person.subject, shown, ("elsewhere",), f"belongs to {user.managed_by}")
            return self._compare(person, user, kept.state, kept.updated, kept, owner)
        if person.facts is None and (user is None or owner is None):
            return Decision(person.subject, shown, ())
        if owner is None or owner.subject is not None:
            return self._make(person, shown, owner)
        if user is None:
            return Decision(person.subject, shown, ("elsewhere",), f"belongs to {owner.managed_by}")
        return self._compare(person, user, "", owner.updated, None, owner)

    def missing(self, subject: str, kept: Kept, username: str) -> Decision:
        """Somebody whom the source doesn't know any more."""
        loses = kept.active and kept.managed_by == self.keeper
        state = GONE if _is_off_here(kept.state, active=kept.active) else MISSING
        write = ChangedUser(kept.user_id, subject, kept.updated, state=state, active=False if loses else None)
        return Decision(subject, username, ("deactivated", "missing") if loses else (), write=write)

    def astray(self, stray: Stray) -> Decision:
        """A user of the source whose link was removed, and whose name nobody has there.

        Nobody can say who they were there. So they are pinned to nobody's subject: whoever gets the name
        later doesn't get the user, unless somebody here says so.
        """
        subject = f"{_NOBODY}{stray.user_id}"
        write = ChangedUser(stray.user_id, subject, stray.updated, state=MISSING, active=False, pinned=True)
        reason = "their link was removed, and nobody is called so there"
        return Decision(subject, stray.username, ("deactivated", "missing"), reason, write)

    def _unusable(self, person: Person, kept: Kept | None, shown: str) -> Decision:
        assert person.refused is not None
        reason = f"{person.refused.code}: {person.refused.detail}"
        if kept is None or kept.managed_by != self.keeper:
            return Decision(person.subject, shown, ("unusable",), reason)
        digest = _UNUSABLE + person.digest
        write = NewDigest(person.subject, digest, kept) if kept.digest != digest else None
        is_new = kept.active and not kept.digest.startswith(_UNUSABLE)
        effects = ("unusable", "newly_unusable") if is_new else ("unusable",)
        return Decision(person.subject, shown, effects, reason, write)

    def _make(self, person: Person, shown: str, owner: Owner | None) -> Decision:
        """Somebody who has no user: ``owner`` is who has the name, and is another person of the source."""
        assert person.facts is not None
        try:
            decided = self.policy.new(person.facts, self.rules, self.source, self.place)
            self.policy.allow.check(decided.user, options=_WHO_MAY_BE_MADE)
            self._check_added(decided.user, person)
            user = decided.user
        except Refused as refused:
            effects = ("not_made",) if refused.code == "not_allowed" else ("unusable",)
            reason = "" if effects == ("not_made",) else f"{refused.code}: {refused.detail}"
            return Decision(person.subject, shown, effects, reason)
        made = NewUser(
            person.subject,
            "" if self._depends(decided.left) else person.digest,
            user.username,
            user.email,
            user.first_name,
            user.last_name,
            user.display_name,
            user.employee_id,
            user.groups,
        )
        holder = None if owner is None else owner.user_id
        return Decision(
            person.subject, shown, ("created",), write=made, name=names.key(user.username), holder=holder
        )

    def _compare(
        self, person: Person, user: User, state: str, updated: int, kept: Kept | None, owner: Owner | None
    ) -> Decision:
        """Somebody who has a user: pinned to their subject (``kept``), or to be."""
        managed_by = self.keeper if user.managed_by != self.keeper else None
        user = user if managed_by is None else replace(user, managed_by=managed_by)
        effects = ["adopted"] if managed_by is not None else []
        values: dict[str, str] = {}
        groups, active, says, digest, reason = None, None, ACTIVE, person.digest, ""
        if person.facts is None:
            # An administrator's doing must still be known as that when they are switched on there again.
            says = ACTIVE if _is_off_here(state, active=user.active) else INACTIVE
            active = False if user.active else None
            effects += ["deactivated"] if user.active else []
        else:
            try:
                decided = self.policy.known(user, person.facts, self.rules, self.source, self.place)
                self._check_added(decided.user, person)
            except Refused as refused:
                return self._unusable(person._replace(refused=refused), kept, user.username)
            values = {name: decided.user.value(name) for name in FIELDS if name in decided.changes.values}
            groups = decided.user.groups if "groups" in decided.changes.values else None
            digest = "" if self._depends(decided.left) else digest
            active = True if not user.active and state in (INACTIVE, MISSING) else None
            effects += _effects(user, values, groups, active=active)
            reason = "switched off by an administrator here, and stays so" if "left" in effects else ""
        name = holder = None
        if kept is None:
            name = names.key(user.username)
        if "username" in values and names.key(values["username"]) != names.key(user.username):
            name = names.key(values["username"])
            if owner is not None and owner.user_id != user.id:
                if owner.subject is None:
                    reason = f"conflict: the username {printable(person.name)} belongs to {owner.managed_by}"
                    return Decision(person.subject, user.username, ("unusable",), reason)
                holder = owner.user_id
        frees = user.id if name is not None and name != names.key(user.username) else None
        nothing = not values and groups is None and active is None and managed_by is None
        if kept is not None and nothing and says == kept.state:
            write = NewDigest(person.subject, digest, kept) if digest != kept.digest else None
            return Decision(person.subject, user.username, tuple(effects) or ("unchanged",), reason, write)
        change = ChangedUser(
            user_id=user.id,
            subject=person.subject,
            updated=updated,
            state=says,
            digest=digest,
            values=values,
            groups=groups,
            active=active,
            pinned=kept is None,
            managed_by=managed_by,
        )
        counted = tuple(effects) or (("updated",) if kept is None else ("unchanged",))
        return Decision(person.subject, user.username, counted, reason, change, name, holder, frees)

    # -- rules --

    def _may_take(self, managed_by: str) -> bool:
        """Whether users who are managed so are the source's, or become it."""
        return managed_by == self.keeper or managed_by.partition(":")[0] in self.adopt

    def _check_complete(self, facts: Facts) -> None:
        for name in self.policy.required:
            if not facts.profile.value(name):
                detail = f"the source {self.source} has no {name} for this person"
                raise Refused("missing_attribute", detail)

    def _check_added(self, user: User, person: Person) -> None:
        """Refuse what the options add, if it can't be kept; what the source says was looked at before."""
        if self.policy.defaults or self.rules.groups.default:
            check_kept(((name, user.value(name)) for name in FIELDS), user.groups, person.subject)

    def _depends(self, left: object) -> bool:
        """Whether the same content can mean something else tomorrow: which groups there are counted."""
        return bool(left) and not self.rules.groups.create


def _is_off_here(state: str, *, active: bool) -> bool:
    """Whether somebody is switched off, and not since the source said so: whether an administrator did it."""
    return not active and state not in (INACTIVE, MISSING)


def printable(text: str) -> str:
    """What can be shown and kept anywhere, whatever a source calls somebody."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text[:256]


def _effects(
    user: User, values: dict[str, str], groups: tuple[str, ...] | None, *, active: bool | None
) -> list[str]:
    effects = ["updated"] if values or groups is not None else []
    effects += [f"emptied:{name}" for name, value in values.items() if user.value(name) and not value]
    if groups == () and user.groups:
        effects.append("ungrouped")
    if active:
        effects.append("reactivated")
    elif not user.active:
        effects.append("left")
    return effects
