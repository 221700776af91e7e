"""What a check is, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from saml_wsgi.protocol.engine import Signed
from saml_wsgi.protocol.rules import Rules
from saml_wsgi.protocol.vocabulary import Element


@dataclass(slots=True)
class Reading:
    """A response while it is checked, and what a check found in it for later ones.

    Attributes:
        root: The Response.
        assertion: The element that everything is read from.
        signed: Which signatures cover it.
        rules: What is demanded.
        request_id: The request that it must answer; None: it must answer none.
        requested: When that request was made (for ``force_authn``).
        now: Seconds since the epoch.
        ends: When the message stops being acceptable: the first of them.
    """

    root: Element
    assertion: Element
    signed: Signed
    rules: Rules
    request_id: str | None
    requested: float
    now: float
    data: Element = None
    conditions: Element = None
    statement: Element = None
    name_id: Element = None
    name: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    authenticated: float = 0.0
    session_end: int | None = None
    ends: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: A slug, unique in the table.
        run: Raises Refused, or notes what it found in the reading.
        needs: The check that found what this one looks at.
        of_assertion: Whether it looks at the assertion, or at the Response around it.
    """

    name: str
    run: Callable[[Reading], None]
    needs: str = ""
    of_assertion: bool = True
