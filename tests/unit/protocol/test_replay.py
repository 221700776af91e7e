"""What is used up stays used up: as long as it could be accepted again, and for nobody else."""

from __future__ import annotations

import dataclasses

import pytest

from saml_wsgi.errors import Refused, StoreUnavailable
from saml_wsgi.model import Assertion
from saml_wsgi.protocol import replay
from saml_wsgi.protocol.requests import PENDING_FOR
from saml_wsgi.stores.memory import MemoryStore

GOOD = Assertion("jc", "JumpCloud", "_a", "mara", "", {}, "", 0, None, 0)


class Noting(MemoryStore):
    """A store that notes what it is asked to add."""

    def __init__(self, **options):
        super().__init__(**options)
        self.added = []

    def add(self, key, value, ttl, /, *, also=()):
        self.added += [(name, ttl) for name in (key, *also)]
        return super().add(key, value, ttl, also=also)


@pytest.mark.parametrize(
    ("second", "request_id", "accepted"),
    [
        ({}, "_r", False),
        ({}, "_other", False),
        ({}, None, False),
        ({"id": "_b"}, "_r", False),
        ({"id": "_b"}, "_other", True),
        ({"id": "_b"}, None, True),
        ({"idp": "another"}, "_r", True),
        ({"id": "_r"}, "_s", True),
    ],
)
def test_once(saml_clock, second, request_id, accepted):
    """Neither an assertion nor an answer to a request is accepted twice, for each provider by itself."""
    store = MemoryStore(clock=saml_clock)
    replay.accept_once(store, GOOD, "_r", seconds=60)
    again = dataclasses.replace(GOOD, **second)
    if accepted:
        replay.accept_once(store, again, request_id, seconds=60)
        return
    with pytest.raises(Refused, match="replayed"):
        replay.accept_once(store, again, request_id, seconds=60)


def test_names_do_not_run_into_each_other(saml_clock):
    """A provider's name and an ID can't be split in another way to collide."""
    store = MemoryStore(clock=saml_clock)
    replay.accept_once(store, dataclasses.replace(GOOD, idp="a", id=":b"), None, seconds=60)
    replay.accept_once(store, dataclasses.replace(GOOD, idp="a:", id="b"), None, seconds=60)


def test_what_the_store_sees(saml_clock):
    """Keys are hashes: whoever reads the store learns no IDs. Both are kept equally long."""
    store = Noting(clock=saml_clock)
    replay.accept_once(store, GOOD, "_request", seconds=77)
    (assertion, first), (request, second) = store.added
    assert assertion.startswith("used:")
    assert request.startswith("used:")
    assert len(assertion) == len(request) == 48
    assert (first, second) == (77, 77)


def test_an_outage_accepts_nobody():
    """If the store doesn't answer, it isn't known, and that is what is said."""

    class Down:
        def add(self, *_, also):
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        replay.accept_once(Down(), GOOD, "_r", seconds=60)


@pytest.mark.parametrize("validity", [120, 3000, 86_400])
def test_it_is_remembered_until_it_could_not_be_accepted_any_more(service, saml_clock, validity):
    """Until the capped validity and the skew are over, and the request isn't pending, a copy is refused."""
    one = service(max_age=86_400 * 2, max_validity=86_400)
    one.provider._store = store = Noting(clock=saml_clock)
    form = one.idp.response(
        "wiki",
        "mara",
        in_response_to=one.request.id,
        conditions_after=validity,
        confirmation_after=validity,
    )
    one.consume(form)
    kept = {ttl for _, ttl in store.added}
    assert kept == {max(validity + 180 + 1, PENDING_FOR + 300)}
    saml_clock.advance(validity + 179)
    with pytest.raises(Refused, match="replayed"):
        one.consume(form)
    saml_clock.advance(1)
    with pytest.raises(Refused, match="expired"):
        one.consume(form)


def test_what_is_refused_uses_nothing_up(service, saml_clock):
    """Only what passed every check is noted."""
    one = service()
    one.provider._store = store = Noting(clock=saml_clock)
    for how in ({"sign": "none"}, {"conditions_after": -500}, {"session_not_on_or_after": 5}):
        with pytest.raises(Refused):
            one.assertion(**how)
    assert store.added == []
