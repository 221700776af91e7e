"""What a browser keeps of a request, and what of it we believe."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.model import PendingRequest
from saml_wsgi.protocol.requests import PENDING_FOR, PendingRequests
from saml_wsgi.signing import Keys
from saml_wsgi.testing.clock import FakeClock

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
NOW = 1_800_000_000
PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=3000)


def pending(time=NOW, secret=SECRET, context="wiki", fallbacks=()):
    return PendingRequests(Keys(secret, fallbacks, context=context), FakeClock(time))


def test_ids_can_not_be_guessed():
    """Each request has an id of 160 random bits that XML takes for a name."""
    ids = {pending().start("/", "jc").id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"_[0-9a-f]{40}", id_) for id_ in ids)
    # Every place varies: none of it is a counter or the time.
    assert all(len({id_[place] for id_ in ids}) == 16 for place in range(1, 41))


def test_it_comes_back_as_it_was():
    """What was packed is unpacked, marked as done or not, with the time of packing."""
    kept = pending()
    request = kept.start("/pages/x?a=1&b=%20", "jc")
    assert request.created == NOW
    for done in (False, True):
        found = kept.unpack(kept.pack(request, done=done))
        assert (found.request, found.done, found.at) == (request, done, NOW)


@given(PLAIN, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=256), st.booleans())
def test_cookies_are_small(target, idp, done):
    """However long a target is, the cookie has at most 900 bytes, and a part of the target survives."""
    kept = pending()
    request = PendingRequest("_" + "a" * 40, "/" + target, idp, NOW)
    packed = kept.pack(request, done=done)
    assert len(packed) <= 900
    assert re.fullmatch(r"[A-Za-z0-9._-]+", packed)
    found = kept.unpack(packed)
    assert found.request.id == request.id
    assert found.request.target in {request.target, request.target.partition("?")[0], "/"}


def incompressible(length):
    import random

    return "".join(
        random.Random(1).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=length)
    )


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/page?q=1", "/page?q=1"),
        (f"/page?q={incompressible(1000)}", "/page"),
        (f"/{incompressible(1000)}", "/"),
        (f"/{incompressible(1000)}?x", "/"),
        ("/" + "a" * 1500, "/" + "a" * 1500),
    ],
)
def test_long_targets_give_way(target, kept):
    """A target that is too long falls back to its path, then to the front page."""
    one = pending()
    assert one.unpack(one.pack(PendingRequest("_a", target, "jc", NOW))).request.target == kept


def test_long_names_of_identity_providers():
    """A long name of an identity provider fits in other scripts, too."""
    one = pending()
    name = "".join(chr(0x4E00 + 37 * number) for number in range(256))
    packed = one.pack(one.start("/", name))
    assert one.unpack(packed) is not None


@pytest.mark.parametrize(
    ("age", "kept"), [(0, True), (PENDING_FOR - 1, True), (PENDING_FOR, False), (-300, True), (-301, False)]
)
def test_requests_end(age, kept):
    """A request is pending for an hour; one from the future only as far as clocks differ."""
    made, later = pending(), pending(NOW + age)
    packed = made.pack(made.start("/", "jc"))
    assert (later.unpack(packed) is not None) is kept
    assert (later.attempt(made.relay_state(1)) == 1) is kept


def test_being_done_does_not_make_it_younger():
    """A request that was answered is kept for an hour after it was made, not after it was answered."""
    clock = FakeClock(NOW)
    one = PendingRequests(Keys(SECRET, context="wiki"), clock)
    request = one.start("/", "jc")
    clock.advance(PENDING_FOR - 1)
    packed = one.pack(request, done=True)
    assert one.unpack(packed).at == NOW + PENDING_FOR - 1
    clock.advance(1)
    assert one.unpack(packed) is None


@pytest.mark.parametrize(
    "stranger",
    [pending(secret="another secret, just as long as ours is"), pending(context="another service")],
    ids=["another secret", "another service"],
)
def test_strangers_are_not_believed(stranger):
    """What another secret or another service signed is nothing."""
    ours = pending()
    assert ours.unpack(stranger.pack(stranger.start("/", "jc"))) is None
    assert ours.attempt(stranger.relay_state(0)) is None


def test_one_thing_is_not_the_other():
    """A relay state is no cookie, and a cookie no relay state, though one key signs both."""
    one = pending()
    assert one.unpack(one.relay_state(0)) is None
    assert one.attempt(one.pack(one.start("/", "jc"))) is None


def test_a_rotated_secret_is_believed():
    """What was signed before the secret changed is good for as long as the old one is a fallback."""
    old = pending()
    packed, handle = old.pack(old.start("/x", "jc")), old.relay_state(1)
    new = pending(secret="another secret, just as long as ours is", fallbacks=[SECRET])
    assert new.unpack(packed).request.target == "/x"
    assert new.attempt(handle) == 1


@pytest.mark.parametrize("attempt", [0, 1, 9])
def test_relay_states(attempt):
    """A relay state is a handle of at most 80 bytes; two are never alike, and the count comes back."""
    one = pending()
    handles = {one.relay_state(attempt) for _ in range(100)}
    assert len(handles) == 100
    for handle in handles:
        assert len(handle.encode()) <= 80
        assert re.fullmatch(r"[A-Za-z0-9._-]+", handle)
        assert one.attempt(handle) == attempt


def test_a_count_can_not_be_changed():
    """Nobody else can count."""
    one = pending()
    handle = one.relay_state(1)
    assert one.attempt("0" + handle[1:]) is None


SPOILT = st.one_of(
    st.text(max_size=100),
    st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=5),
    st.text(alphabet="AZaz09._-", max_size=1000),
    st.binary(max_size=100).map(lambda data: data.decode("latin-1")),
)


@given(SPOILT)
def test_any_text(text):
    """No text that a browser may send is believed, and none raises anything."""
    one = pending()
    assert one.unpack(text) is None
    assert one.attempt(text) is None


@given(st.integers(0, 200), st.characters(min_codepoint=33, max_codepoint=126))
def test_any_change(place, character):
    """One character changed anywhere, and it isn't ours any more."""
    one = pending()
    for whole, read in (
        (one.pack(PendingRequest("_a", "/", "jc", NOW)), one.unpack),
        (one.relay_state(0), one.attempt),
    ):
        place %= len(whole) - 1  # the last character of a signature holds two bits that don't count
        if whole[place] != character:
            assert read(whole[:place] + character + whole[place + 1 :]) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "text",
        [],
        ["_a", "/", "jc", NOW, 0],
        ["_a", "/", "jc", NOW, 0, NOW, "b", 1],
        ["_a", "/", "jc", "soon", 0, NOW],
        ["_a", "/", "jc", None, 0, NOW],
        {"id": "_a"},
    ],
)
def test_other_versions_of_ours(value):
    """What we signed in another shape, as an older version may have, is nothing."""
    one = pending()
    assert one.unpack(one._keys.dumps("pending", value)) is None
