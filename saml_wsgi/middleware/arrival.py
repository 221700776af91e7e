"""A response arrives: which kind is it, and which request of this browser does it answer?

Responses come by a cross-site POST that anybody can make a browser send. Only one that answers a
request of this very browser is looked into; everything else is discarded unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from saml_wsgi.model import PendingRequest
from saml_wsgi.protocol.bindings import PostedForm
from saml_wsgi.protocol.provider import Message, ServiceProvider
from saml_wsgi.protocol.requests import Kept


class Kind(Enum):
    """What to do with a response.

    EXPECTED: verify it. USED: it was answered before; only lead the browser on. RETRY: this browser
    showed no cookie, once: another round trip. NO_COOKIE: twice: say so. RESTART, REFUSE: unsolicited.
    """

    EXPECTED = "expected"
    USED = "used"
    RETRY = "retry"
    NO_COOKIE = "no_cookie"
    RESTART = "restart"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A response, sorted.

    Attributes:
        message: Only where it is to be verified.
        request: What it answers; None: unsolicited, and accepted.
        slot: Which cookie holds that request.
    """

    kind: Kind
    message: Message | None = None
    request: PendingRequest | None = None
    slot: int | None = None


def sort(
    form: PostedForm, pending: Mapping[int, Kept], provider: ServiceProvider, unsolicited: str
) -> Arrival:
    """Which kind it is.

    Args:
        form: What was posted.
        pending: What this browser holds, by slot. A browser that holds nothing has nothing parsed.
        unsolicited: ``idp.unsolicited``.

    Raises:
        Refused: It is for this browser to see, and the guard doesn't let it through.
    """
    if pending:
        message = provider.read(form.saml_response)
        for slot, kept in pending.items():
            if kept.request.id == message.in_response_to:
                if kept.done:
                    return Arrival(Kind.USED, slot=slot)
                return Arrival(Kind.EXPECTED, message, kept.request, slot)
    attempt = provider.pending.attempt(form.relay_state)
    if attempt is not None:
        return Arrival(Kind.RETRY if attempt == 0 else Kind.NO_COOKIE)
    if unsolicited == "accept":
        return Arrival(Kind.EXPECTED, provider.read(form.saml_response))
    return Arrival(Kind.REFUSE if unsolicited == "refuse" else Kind.RESTART)
