"""Several resolvers, asked in order."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from saml_wsgi import names
from saml_wsgi.errors import (
    CODES,
    Ambiguous,
    DirectoryConflict,
    Problems,
    Refused,
)
from saml_wsgi.interfaces import Directory, Resolver
from saml_wsgi.model import FIELDS, Assertion, Denied, Profile, Resolution, Session, User
from saml_wsgi.resolvers.access import EVERYBODY, Access
from saml_wsgi.resolvers.groups import AS_ASSERTED, GroupRules
from saml_wsgi.resolvers.identification import read
from saml_wsgi.resolvers.jit import JITResolver
from saml_wsgi.resolvers.mapping import AttributeMap
from saml_wsgi.resolvers.provenance import origins
from saml_wsgi.resolvers.rules import Rules


class Chain:
    """Asks each resolver in order; the first that has an opinion decides, the end is ``not_found``.

    What a resolver answers is checked here, whoever wrote it: nobody is signed in who isn't active, has
    no username or may not sign in, and an answer that isn't one is the operator's ``internal_error``.

    Args:
        resolvers: Each with the name that the operator gave it. The first that has a text ``ask`` says
            on the page of ``not_found`` whom to ask.
        directory: Where sessions look their users up again (``session.recheck``), or None. The user of a
            resolver that returns a bare ``User`` is looked up there: what is kept there counts, and an
            id that is somebody else's there is refused. A user whom it doesn't know is taken as is.
        access: Who may sign in, whichever resolver found them.
        mapping: Which attributes say in which groups somebody is, and what their address is.
        groups: What these groups are called here.

    Raises:
        ConfigurationError: There is no resolver, a name occurs twice, something has no method
            ``resolve``, or something follows a ``jit``, which would never be asked.
    """

    def __init__(
        self,
        resolvers: Sequence[tuple[str, Resolver]],
        directory: Directory | None = None,
        access: Access = EVERYBODY,
        *,
        mapping: AttributeMap | None = None,
        groups: GroupRules = AS_ASSERTED,
    ) -> None:
        self._resolvers = tuple(resolvers)
        self._directory = directory
        self._rules = Rules(mapping=mapping or AttributeMap(), groups=groups, access=access)
        _check(self._resolvers)
        asks = (getattr(resolver, "ask", "") for _, resolver in self._resolvers)
        self._ask = next((ask for ask in asks if isinstance(ask, str) and ask), "")

    @property
    def resolvers(self) -> Sequence[tuple[str, Resolver]]:
        """Each with its name, in the order in which they are asked."""
        return self._resolvers

    def readmit(self, session: Session, /) -> None:
        """Look again whether somebody who is signed in may be: the rule of the sign-in, the user as of now.

        What was asserted at the sign-in still counts, but for groups that the user left since: else nobody
        who was taken out of a group would be out of the application.

        Raises:
            Refused: ``not_allowed``; ``attribute_unusable``, after a change of the configuration.
        """
        if not session.idp:
            return  # nobody vouches for whom an operator let in, and they were let in whatever the lists say
        assertion = Assertion(
            idp=session.idp,
            issuer="",
            id="",
            name_id=session.name_id,
            name_id_format=session.name_id_format,
            attributes=session.attributes,
            session_index=session.session_index,
            authn_instant=session.created,
            session_not_on_or_after=None,
            expires=session.expires,
        )
        self._check_access(session.user, assertion, session.lost)

    def resolve(self, assertion: Assertion, /) -> Resolution | Denied:
        """The first opinion.

        Raises:
            Unavailable: What a resolver needs doesn't answer; no other one is asked.
        """
        for name, resolver in self._resolvers:
            try:
                answer = resolver.resolve(assertion)
            except Refused as no:
                answer = Denied(no.code, no.detail, no.explanation)
            except (DirectoryConflict, Ambiguous) as no:
                answer = Denied(no.code, no.detail)
            if answer is not None:
                return self._decide(name, answer, assertion)
        asked = ", ".join(name for name, _ in self._resolvers)
        return Denied("not_found", f"nobody was found; asked: {asked}", self._ask)

    def _decide(self, name: str, answer: object, assertion: Assertion) -> Resolution | Denied:
        if isinstance(answer, User) and not _misshapen(answer):
            answer = self._keep(name, answer)
        elif isinstance(answer, User):
            answer = Resolution(answer)
        if isinstance(answer, Denied):
            if answer.code not in CODES:
                return Denied("internal_error", f"the resolver {name} refused with {_unknown(answer.code)}")
            return replace(answer, detail=f"{name}: {answer.detail}" if answer.detail else name)
        if not isinstance(answer, Resolution) or not isinstance(answer.user, User):
            return _wrong(name, f"answered with {type(answer).__name__}")
        user = answer.user
        if wrong := _misshapen(user):
            return _wrong(name, f"answered with a user whose {wrong}")
        if not user.id or not user.username:
            return _wrong(name, "answered with a user who has no id or no username")
        if not user.active:
            return Denied("inactive", f"{name}: user {user.id} is not active")
        try:
            self._check_access(user, assertion)
        except Refused as no:
            return Denied(no.code, f"{name}: {no.detail}")
        return answer if answer.resolver else replace(answer, resolver=name)

    def _keep(self, name: str, user: User) -> Resolution | Denied:
        kept = self._directory.get(user.id) if self._directory is not None else None
        if kept is None or not user.active:
            return Resolution(user, origins=origins(user, Profile(), name), in_directory=kept is not None)
        if names.key(kept.username) != names.key(user.username):
            return Denied("internal_error", f"user {user.id} has another username in the directory")
        return Resolution(kept, origins=origins(kept, Profile()))

    def _check_access(self, user: User, assertion: Assertion, lost: Sequence[str] = ()) -> None:
        access = self._rules.access
        if not access.needs:
            return
        profile, groups = read(self._rules, assertion, only=access.needs)
        if groups is None:
            access.check(user, email=profile.email)
        else:
            left = frozenset(map(names.key, lost))
            mapped = [group for key, group in groups.keyed.items() if key not in left]
            access.check(user, mapped=mapped, said={*groups.names, *groups.said}, email=profile.email)


def _misshapen(user: Any) -> str:
    """What of a user isn't what it must be, whoever made it; ``""``: nothing.

    A text "no" counts as true, and a text of groups as its letters: both would let somebody in.
    """
    for field in ("id", *FIELDS):
        if not isinstance(getattr(user, field), str):
            return f"{field} is no text"
    if not isinstance(user.active, bool):
        return "active is neither True nor False"
    if not isinstance(user.groups, tuple) or not all(isinstance(group, str) for group in user.groups):
        return "groups are no tuple of texts"
    return ""


def _wrong(name: str, what: str) -> Denied:
    return Denied(
        "internal_error", f"the resolver {name} {what}; it must return a Resolution, a User, a Denied or None"
    )


def _unknown(code: str) -> str:
    near = difflib.get_close_matches(code, CODES, n=1)
    meant = f"did you mean {near[0]}?" if near else "use one of saml_wsgi.errors.CODES, such as not_allowed"
    return f"the unknown code {code!r}; {meant}"


def _check(resolvers: Sequence[tuple[str, object]]) -> None:
    problems = Problems()
    if not resolvers:
        problems.add("resolvers", "No resolver is named.", "Write resolvers = jit, or existing.")
    seen = set()
    for position, (name, resolver) in enumerate(resolvers, start=1):
        if name in seen:
            problems.add("resolvers", f"{name} occurs twice.", "Name each resolver once.")
        seen.add(name)
        if not isinstance(resolver, Resolver):
            reason = f"{type(resolver).__name__} has no method resolve(assertion)."
            problems.add(f"resolver.{name}.use", reason, "See Resolver in saml_wsgi.interfaces.")
        if isinstance(resolver, JITResolver) and position < len(resolvers):
            following = ", ".join(name for name, _ in resolvers[position:])
            reason = f"{name} creates whoever isn't found, so {following} would never be asked."
            problems.add("resolvers", reason, f"Put {name} last.")
    problems.raise_if_fatal()
