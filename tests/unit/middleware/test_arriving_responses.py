"""A response arrives: what is looked into, and what is discarded unread."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Refused
from saml_wsgi.middleware.arrival import Kind, sort
from saml_wsgi.model import PendingRequest
from saml_wsgi.protocol.bindings import PostedForm
from saml_wsgi.protocol.provider import Message
from saml_wsgi.protocol.requests import Kept


class Provider:
    """Reads what is written on the box, and counts how often it had to."""

    def __init__(self, answers):
        self.answers, self.read_count, self.pending = answers, 0, self

    def read(self, saml_response):
        self.read_count += 1
        if isinstance(self.answers, Exception):
            raise self.answers
        return Message(None, self.answers)

    def attempt(self, relay_state):
        return {"first": 0, "second": 1, "third": 2}.get(relay_state)


def kept(id_, *, done=False):
    return Kept(PendingRequest(id_, "/", "jc", 0), done, 0)


OURS = {1: kept("_a"), 3: kept("_b"), 2: kept("_c", done=True)}


@pytest.mark.parametrize(
    ("pending", "answers", "relay_state", "policy", "kind", "slot", "reads"),
    [
        pytest.param(OURS, "_a", "", "restart", Kind.EXPECTED, 1, 1, id="ours"),
        pytest.param(OURS, "_b", "third", "refuse", Kind.EXPECTED, 3, 1, id="ours, whatever the relay state"),
        pytest.param(OURS, "_c", "", "restart", Kind.USED, 2, 1, id="answered before"),
        pytest.param(OURS, "_x", "", "restart", Kind.RESTART, None, 1, id="another's"),
        pytest.param(OURS, None, "", "restart", Kind.RESTART, None, 1, id="unsolicited beside ours"),
        pytest.param(OURS, None, "", "refuse", Kind.REFUSE, None, 1, id="unsolicited and refused"),
        pytest.param(OURS, None, "first", "restart", Kind.RETRY, None, 1, id="displaced"),
        pytest.param({}, "_a", "", "restart", Kind.RESTART, None, 0, id="no cookie"),
        pytest.param({}, "_a", "", "refuse", Kind.REFUSE, None, 0, id="no cookie, refused"),
        pytest.param({}, "_a", "first", "restart", Kind.RETRY, None, 0, id="no cookie, once"),
        pytest.param({}, "_a", "second", "restart", Kind.NO_COOKIE, None, 0, id="no cookie, twice"),
        pytest.param({}, "_a", "third", "accept", Kind.NO_COOKIE, None, 0, id="no cookie, three times"),
        pytest.param(
            {}, "_a", "first", "accept", Kind.RETRY, None, 0, id="no cookie, though unsolicited is fine"
        ),
        pytest.param({}, "_a", "", "accept", Kind.EXPECTED, None, 1, id="accepted unsolicited"),
    ],
)
def test_which_kind_it_is(pending, answers, relay_state, policy, kind, slot, reads):
    """Only a response to a request of this browser is verified; without one nothing is even parsed."""
    provider = Provider(answers)
    arrival = sort(PostedForm(b"x", relay_state), pending, provider, policy)
    assert (arrival.kind, arrival.slot, provider.read_count) == (kind, slot, reads)
    assert (arrival.message is not None) is (kind is Kind.EXPECTED)
    assert arrival.request == (pending[slot].request if kind is Kind.EXPECTED and slot is not None else None)


def test_what_the_guard_refuses():
    """A browser with a pending request sees that its response was refused; another one is sent on."""
    refusing = Provider(Refused("shape_refused"))
    with pytest.raises(Refused, match="shape_refused"):
        sort(PostedForm(b"x", ""), OURS, refusing, "restart")
    assert sort(PostedForm(b"x", ""), {}, refusing, "restart").kind is Kind.RESTART
