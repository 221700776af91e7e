"""What is demanded of every response of one identity provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What is demanded of every response. Times are in seconds.

    Attributes:
        idp: The identity provider's name (``idp.name``).
        issuer: Its entity id.
        sp_entity_id: Ours: the audience.
        acs_url: Ours: destination and recipient.
        signed: ``either``, ``assertion``, ``response`` or ``both``.
        clock_skew: How far clocks may differ, in both directions.
        max_age: How old IssueInstant may be.
        max_authn_age: How old AuthnInstant may be, or None.
        max_validity: Caps how long a message is accepted, however long it says.
        force_authn: Whether a fresh authentication was asked for.
        authn_context: Class references of which one is demanded; none: anything goes.
        nameid_stable: Whether a NameID that is labelled transient is one person's for good.
        honour_session_end: Whether SessionNotOnOrAfter ends our session too.
    """

    idp: str
    issuer: str
    sp_entity_id: str
    acs_url: str
    signed: str = "either"
    clock_skew: int = 180
    max_age: int = 300
    max_authn_age: int | None = None
    max_validity: int = 3600
    force_authn: bool = False
    authn_context: tuple[str, ...] = ()
    nameid_stable: bool = False
    honour_session_end: bool = True
