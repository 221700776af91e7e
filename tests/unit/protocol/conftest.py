"""A service provider as the middleware has it, without the middleware."""

from __future__ import annotations

from typing import Any

import pytest

from saml_wsgi.errors import Refused
from saml_wsgi.model import Assertion, PendingRequest
from saml_wsgi.protocol.idp import Fixed, read_metadata
from saml_wsgi.protocol.provider import Demands, ServiceProvider, SigningKey
from saml_wsgi.protocol.requests import PendingRequests
from saml_wsgi.signing import Keys
from saml_wsgi.stores.memory import MemoryStore

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
ENTITY_ID = "https://wiki.example.test/saml/metadata"
ACS_URL = "https://wiki.example.test/saml/acs"


class Service:
    """A service provider, and one request of a browser that waits for its answer."""

    def __init__(self, idp: Any, clock: Any, *, key: Any = None, **demands: Any) -> None:
        self.idp = idp
        self.pending = PendingRequests(Keys(SECRET, context=ENTITY_ID), clock)
        self.provider = ServiceProvider(
            entity_id=ENTITY_ID,
            acs_url=ACS_URL,
            source=Fixed(read_metadata(idp.metadata("wiki").encode()), clock),
            pending=self.pending,
            store=MemoryStore(clock=clock),
            clock=clock,
            demands=Demands(**demands),
            # A key of the test kit: PEM, in bytes.
            signing_key=key and SigningKey(key.private_key.decode(), key.certificate.decode()),
        )
        self.request: PendingRequest = self.provider.request("/page").pending

    def consume(self, form: Any, request: PendingRequest | None = None) -> Assertion:
        """What a posted form says, if it answers our request."""
        message = self.provider.read(form.fields["SAMLResponse"].encode())
        return self.provider.consume(message, request or self.request)

    def assertion(self, **how: Any) -> Assertion:
        """What a response to our request says. ``how``: see JumpCloudIdP.response."""
        return self.consume(self.idp.response("wiki", "mara", in_response_to=self.request.id, **how))

    def outcome(self, **how: Any) -> str:
        """``ok``, or the code with which that response is refused."""
        try:
            self.assertion(**how)
        except Refused as refused:
            return refused.code
        return "ok"


@pytest.fixture
def service(saml_idp, saml_clock):
    """Makes service providers that trust the fixture's identity provider."""

    def make(**demands: Any) -> Service:
        return Service(saml_idp, saml_clock, **demands)

    return make
