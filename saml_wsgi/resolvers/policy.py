"""What a resolver writes: which fields, whose users, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from saml_wsgi import names
from saml_wsgi.errors import Problems
from saml_wsgi.interfaces import Source
from saml_wsgi.model import FIELDS, Changes, Profile, User
from saml_wsgi.resolvers.access import EVERYBODY, Access
from saml_wsgi.resolvers.identification import Facts
from saml_wsgi.resolvers.provenance import DEFAULT
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.resolvers.transformation import Template, check_length

#: Whom an administrator or the application made.
LOCAL: Final = "local"

#: The source that is the assertion itself.
SAML: Final = "saml"

_WRITTEN: Final = (*FIELDS, "groups")

#: Fields that a directory may keep in another of Unicode's forms than the one that arrived.
_COMPOSED: Final = frozenset({"username", "email"})

Register = Callable[[Sequence[str]], Iterable[str]]


class Place(NamedTuple):
    """Where users are kept, as far as it matters for what is written.

    Attributes:
        fields: The fields that are kept there.
        register: Which of some names are groups already; None: nobody can say.
    """

    fields: Collection[str] = FIELDS
    register: Register | None = None


class Decision(NamedTuple):
    """What is to be written, before anything is.

    Attributes:
        user: The user as it would be.
        changes: What is new of it.
        left: For each field or group that was asserted and isn't written, why.
        profile: What a new user is made from.
    """

    user: User
    changes: Changes
    left: Mapping[str, str]
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is written. Fields that are in none of the lists are written whenever they change.

    Attributes:
        owner: Who writes: its users are ``managed_by`` ``<owner>:<name>``, the name being that of the
            identity provider, or of the source that keeps people.
        required: Fields that must have a value, beside the username and the one that matches.
        never: Fields, or ``groups``, that aren't written at all.
        on_create: Fields, or ``groups``, that are written when a user is made, and never after that.
        clear: Fields that become empty when they arrive empty. All others stay as they are.
        update_existing: Whether ``local`` users are kept current, too; they stay ``local``.
        reactivate: Whether users of the same owner who were switched off are switched on again.
        authoritative: Whether users of the same owner follow what is known exactly. What is said to be
            empty becomes empty, or its default; and where people are known by something that lasts, the
            field that matches is written, too.
        defaults: What new users have where nothing was said: a field, and a :class:`Template` of fields.
        allow: Who may be made.
        sources: Who is asked, in the order in which they count; None stands for the assertion.
    """

    owner: str = "jit"
    required: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    on_create: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    update_existing: bool = False
    reactivate: bool = False
    authoritative: bool = False
    defaults: tuple[tuple[str, Template], ...] = ()
    allow: Access = EVERYBODY
    sources: tuple[tuple[str, Source | None], ...] = field(default=((SAML, None),))

    def check(self, match: str, option: Callable[[str], str] = str) -> None:
        """Raise ConfigurationError with everything that can't be meant, under the names of the options.

        Args:
            match: The field that finds users.
            option: What an operator calls an option of this resolver.
        """
        problems = Problems()
        kept = {"username", match}
        for name, listed, possible in (
            ("required", self.required, FIELDS),
            ("never", self.never, tuple(one for one in _WRITTEN if one not in kept)),
            ("on_create", self.on_create, _WRITTEN),
            ("clear", self.clear, tuple(one for one in FIELDS if one not in kept)),
            ("defaults", tuple(one for one, _ in self.defaults), tuple(f for f in FIELDS if f not in kept)),
        ):
            for one in dict.fromkeys(listed):
                if one not in possible:
                    reason = f"{one!r} can't be listed here."
                    problems.add(option(name), reason, f"Use {', '.join(possible)}.")
        for one in sorted({*self.never} & {*self.on_create}):
            reason = f"{one} is listed as never, too."
            problems.add(option("on_create"), reason, "Take it out of one of them.")
        for one in sorted({*self.never} & {*self.clear, *(name for name, _ in self.defaults)}):
            reason = f"{one} is never written, and another option says what to write."
            problems.add(option("never"), reason, "Take it out of one of them.")
        for one, template in self.defaults:
            for name in template.names:
                if name not in FIELDS:
                    cure = f"Use {', '.join(FIELDS)}."
                    problems.add(option("defaults"), f"{one}: {{{name}}} is no field of a user.", cure)
        if not self.sources:
            problems.add(option("sources"), "It is empty.", f"Write {SAML}.")
        problems.raise_if_fatal()

    # -- whose user it is --

    def managed_by(self, name: str) -> str:
        """What users that were made here have as ``managed_by``."""
        return f"{self.owner}:{name}"

    def owns(self, user: User, name: str) -> bool:
        """Whether the user was made here."""
        return user.managed_by == self.managed_by(name)

    def admits(self, user: User, name: str) -> bool:
        """Whether somebody whom nobody else keeps is meant."""
        return self.owns(user, name) or user.managed_by == LOCAL

    # -- what is written --

    def new(self, facts: Facts, rules: Rules, name: str, place: Place) -> Decision:
        """The user to make.

        Args:
            name: Of the identity provider, or of the source that keeps people.

        Raises:
            Refused: ``attribute_unusable``, if a default becomes too long.
        """
        profile, groups = facts
        left: dict[str, str] = {}
        values: dict[str, str | bool | tuple[str, ...]] = {}
        origins = dict(profile.origins)
        for one in FIELDS:
            value = profile.value(one)
            if value and (why := self._why_never(one, place, new=True)):
                left[one] = why
            elif value:
                values[one] = value
        for one, _ in self.defaults:
            text = self._default(one, profile) if one in place.fields and one not in values else ""
            if text:
                values[one] = text
                origins[one] = DEFAULT
        if "groups" not in self.never:
            joined, others = rules.groups.memberships((), groups, place.register)
            _add(left, others)
            if joined:
                values["groups"] = joined
        elif groups is not None and groups.names:
            left["groups"] = _NEVER
        made = Profile(**values, origins=origins)  # type: ignore[arg-type]  # each by its own name
        user = User("", **values, managed_by=self.managed_by(name))  # type: ignore[arg-type]  # likewise
        return Decision(user, Changes(values), left, made)

    def known(self, user: User, facts: Facts, rules: Rules, name: str, place: Place) -> Decision:
        """What changes of a user who is there already.

        Args:
            name: As in :meth:`new`.

        Raises:
            Refused: ``attribute_unusable``, if a default becomes too long.
        """
        profile, groups = facts
        owned = self.owns(user, name)
        exactly, writes = owned and self.authoritative, owned or self.update_existing
        values: dict[str, str | bool | tuple[str, ...]] = {}
        left: dict[str, str] = {}
        for one in FIELDS:
            new, old = profile.value(one), user.value(one)
            if exactly and new == "":
                new = self._default(one, profile)
            if new is None or new == old or (one in _COMPOSED and names.composed(new) == old):
                continue
            why = "" if exactly else self._why_not(one, new, old, rules.match)
            why = why or self._why_never(one, place) or ("" if writes else _OFF)
            if why:
                left[one] = why
            else:
                values[one] = new
        why = self._why_never("groups", place) or ("" if writes else _OFF)
        # Nobody need be asked which groups there are if none is joined.
        joined, others = rules.groups.memberships(user.groups, groups, _all if why else place.register)
        if not why:
            _add(left, others)
            if joined != user.groups:
                values["groups"] = joined
        elif joined != user.groups:
            left["groups"] = why
        if self.reactivate and not user.active and owned:
            values["active"] = True
        would_be = replace(user, **values) if values else user  # type: ignore[arg-type]
        return Decision(would_be, Changes(values), left, profile)

    def _default(self, name: str, profile: Profile) -> str:
        """What a field has where nothing was said; ``""``: nothing either."""
        for one, template in self.defaults:
            if one == name:
                text = template.fill(profile.value) or ""
                check_length(text, f"defaults, {name}")
                return text
        return ""

    def _why_not(self, name: str, new: str, old: str, match: str) -> str:
        if name in {"username", match} and names.key(new) == names.key(old):
            return "another spelling of the same name"
        if name == match:
            return "the field that matches is never overwritten"
        if not new and name not in self.clear:
            return "it arrived empty, and clear doesn't name it"
        return ""

    def _why_never(self, name: str, place: Place, *, new: bool = False) -> str:
        if name in self.never:
            return _NEVER
        if name in self.on_create and not new:
            return "written only when a user is made (on_create)"
        return "" if name in place.fields or name == "groups" else "the directory has no place for it"


_NEVER: Final = "never written (never)"
_OFF: Final = "somebody else made the user, and update_existing is off"


def _all(groups: Sequence[str]) -> Sequence[str]:
    return groups


def _add(left: dict[str, str], groups: Mapping[str, str]) -> None:
    """Add why groups were left; one that is called like a field is told apart."""
    for group, why in groups.items():
        left[f"group {group}" if group in (*_WRITTEN, "active") else group] = why
