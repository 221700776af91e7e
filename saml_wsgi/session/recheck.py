"""What the directory says now of somebody who is signed in (``session.recheck``)."""

from __future__ import annotations

from dataclasses import replace

from saml_wsgi import names
from saml_wsgi.errors import Refused
from saml_wsgi.model import Session, User


def as_of_now(session: Session, user: User | None, now: int) -> Session:
    """The session with the user as the directory has it now, and with the groups that the user left since.

    Raises:
        Refused: The user may not be signed in any more: ``inactive``, or ``not_found`` if that id is nobody's
            or has become somebody else's.
    """
    if user is not None and not user.active:
        raise Refused("inactive")
    if user is None or not _same(user, session.user):
        raise Refused("not_found")
    present = frozenset(map(names.key, user.groups))
    known = {names.key(group): group for group in (*session.lost, *session.user.groups)}
    lost = tuple(sorted(group for key, group in known.items() if key not in present))
    return replace(session, user=user, checked=now, lost=lost)


def _same(user: User, before: User) -> bool:
    """Whether that id still means the same person: an application may give it to the next one."""
    if user.employee_id and before.employee_id:
        return user.employee_id == before.employee_id
    return names.key(user.username) == names.key(before.username)
