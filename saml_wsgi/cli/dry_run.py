"""A sign-in that doesn't happen: what the configured resolvers would make of an assertion."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from saml_wsgi import names
from saml_wsgi.errors import CODES, Problems, Refused, Unavailable
from saml_wsgi.interfaces import Directory, Links
from saml_wsgi.model import FIELDS, Assertion, Denied, Resolution, User
from saml_wsgi.rehearsal import Nobody, Rehearsal, Written

if TYPE_CHECKING:
    from saml_wsgi.wiring import Parts

SIGNED_IN: Final = "signed_in"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the user.

    Attributes:
        now: Its value in the directory.
        then: Its value after the sign-in.
        origin: Where that comes from.
        left: Why something else that was asserted isn't written.
    """

    name: str
    now: str
    then: str
    origin: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """What becomes of memberships.

    Attributes:
        left: Groups that were asserted and not joined, or not left, each with the reason.
    """

    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    origin: str = ""
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """The page that the person would see."""

    status: int
    title: str
    text: str
    explanation: str
    advice: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What would happen.

    Attributes:
        code: ``signed_in``, or a slug of :data:`saml_wsgi.errors.CODES`.
        detail: Why not, for the operator.
        shown: What the person would read; None where they are signed in.
        user: Who would be signed in, as they would be then.
        before: The same user now; None where the directory doesn't know them.
        pinned: The subject that is pinned to the user already, or ``""``.
        written: What would be written, also where somebody is refused in the end.
    """

    code: str
    detail: str = ""
    shown: Shown | None = None
    resolver: str = ""
    outcome: str = ""
    user: User | None = None
    before: User | None = None
    fields: tuple[FieldChange, ...] = ()
    groups: GroupChanges = field(default_factory=GroupChanges)
    pinned: str = ""
    written: tuple[Written, ...] = ()

    @property
    def signs_in(self) -> bool:
        return self.code == SIGNED_IN


def decide(parts: Parts, assertion: Assertion) -> Decision:
    """Ask the configured resolvers, over a directory and links that are never written.

    Raises:
        ConfigurationError: The resolvers can't be made.
    """
    from saml_wsgi import plugins

    directory, links = _there(parts)
    rehearsal = Rehearsal(directory, links)
    problems = Problems()
    chain = plugins.chain(
        parts.settings,
        rehearsal,
        rehearsal,
        problems,
        sources=parts.sources,
        idp_name=parts.provider.idp_name,
        clock=parts.clock,
    )
    problems.raise_if_fatal()
    assert chain is not None
    try:
        answer = chain.resolve(assertion)
        if isinstance(answer, Resolution):
            known = links if parts.settings.link.source else Nobody()
            return _signed_in(answer, directory, known, rehearsal, assertion)
    except Refused as refused:
        answer = Denied(refused.code, refused.detail, refused.explanation)
    except Unavailable as error:
        answer = Denied(error.code, error.detail)
    except Exception as error:  # noqa: BLE001 - a resolver may be anybody's, and raise whatever it likes
        answer = Denied("internal_error", _told(error))
    return refusal(answer.code, answer.detail, answer.explanation, tuple(rehearsal.written))


def refusal(
    code: str, detail: str = "", explanation: str = "", written: tuple[Written, ...] = ()
) -> Decision:
    """Nobody is signed in; with what :meth:`saml_wsgi.middleware.pages.Pages.refused` shows then."""
    page, more = (CODES[code], explanation) if CODES[code].shown else (CODES["response_refused"], "")
    advice, more = (more, "") if more and page.asks else (page.advice, more)
    shown = Shown(page.status, page.title, page.text, more, advice)
    return Decision(code, detail, shown, written=written)


def _signed_in(
    answer: Resolution, directory: Directory, links: Links, rehearsal: Rehearsal, assertion: Assertion
) -> Decision:
    user, before = answer.user, directory.get(answer.user.id)
    left = dict(answer.left)
    fields = tuple(
        FieldChange(
            name,
            before.value(name) if before else "",
            user.value(name),
            answer.origins.get(name, ""),
            left.pop(name, ""),
        )
        for name in FIELDS
    )
    if before is not None and before.active != user.active:
        said = {True: "yes", False: "no"}
        change = FieldChange("active", said[before.active], said[user.active], left=left.pop("active", ""))
        fields = (*fields, change)
    current = {names.key(group): group for group in (before.groups if before else ())}
    future = {names.key(group): group for group in user.groups}
    groups = GroupChanges(
        joins=tuple(sorted(future[name] for name in future.keys() - current.keys())),
        leaves=tuple(sorted(current[name] for name in current.keys() - future.keys())),
        stays=tuple(sorted(future[name] for name in future.keys() & current.keys())),
        origin=answer.origins.get("groups", ""),
        left=left,
    )
    return Decision(
        SIGNED_IN,
        resolver=answer.resolver,
        outcome=answer.outcome,
        user=user,
        before=before,
        fields=fields,
        groups=groups,
        pinned=(links.subject_of(assertion.idp, user.id) or "") if before else "",
        written=tuple(rehearsal.written),
    )


def _there(parts: Parts) -> tuple[Directory, Links]:
    """The users as they are. A database that the first start will make has nobody in it yet."""
    settings = parts.settings
    url = settings.directory.url or settings.store.url
    if settings.directory.use == "table" or not url.startswith("sqlite"):
        return parts.directory, parts.links
    from saml_wsgi import database

    if Path(database.connect(url, option="directory.url").url.database or "").exists():
        return parts.directory, parts.links
    nobody = Nobody()
    if settings.directory.use == "sql":
        return nobody, nobody
    # A directory from elsewhere may bring its own.
    return parts.directory, parts.links if hasattr(parts.directory, "links") else nobody


def _told(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
