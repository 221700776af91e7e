"""A resolver of one's own: partners share a user, staff are the next resolver's, nobody else comes in."""

from __future__ import annotations

from saml_wsgi import Assertion, Denied, User


class DoorResolver:
    """Asked first; see ``wiki.ini``.

    Args:
        context: What the configuration holds for every resolver; not needed here.
        staff: The group that is left to the next resolver.
        partners: The groups whose members share one user.
    """

    def __init__(self, context: object, *, staff: str, partners: tuple[str, ...] = ()) -> None:
        del context
        self.staff = staff
        self.partners = frozenset(partners)

    def resolve(self, assertion: Assertion, /) -> User | Denied | None:
        """Staff are left to the next; partners are signed in; everybody else is told no."""
        groups = assertion.attributes.get("memberOf", ())
        if self.staff in groups:
            return None
        if self.partners.intersection(groups):
            return User(id="partner", username="partner", display_name="A partner")
        return Denied("not_allowed", "neither staff nor partner", "Partners ask their contact person.")
