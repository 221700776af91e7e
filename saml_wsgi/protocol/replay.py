"""Each assertion signs in once, and each request is answered once, wherever they arrive."""

from __future__ import annotations

from saml_wsgi.errors import Refused
from saml_wsgi.interfaces import Store
from saml_wsgi.model import Assertion
from saml_wsgi.signing import digest


def accept_once(store: Store, assertion: Assertion, request_id: str | None, *, seconds: int) -> None:
    """Note that the assertion and the request it answers are used up now, both or neither.

    Only for what verified: else anybody could use up somebody's assertion by naming its ID.

    Args:
        seconds: For how long they could be accepted again, had they not been noted.

    Raises:
        Refused: ``replayed``.
        StoreUnavailable: It isn't known; nobody may be signed in.
    """
    answered = [_key("request", assertion.idp, request_id)] if request_id is not None else []
    if not store.add(_key("assertion", assertion.idp, assertion.id), b"1", seconds, also=answered):
        used = f"the assertion {assertion.id!r} or the request {request_id!r}"
        raise Refused("replayed", f"{used} was used before")


def _key(kind: str, idp: str, id_: str) -> str:
    # The length keeps ("a", "bc") and ("ab", "c") apart: an IdP's name is free text.
    return f"used:{digest(f'{kind}:{len(idp)}:{idp}:{id_}')}"
