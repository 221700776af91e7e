"""Our cookies: names, attributes, and how they are found among others."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saml_wsgi.middleware.cookies import SLOTS, Cookies, take
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.requests import PendingRequests
from saml_wsgi.signing import Keys
from saml_wsgi.testing.clock import FakeClock

SECRET = "hB2vKx7QeTn4WmZ9RcYs6LpUd3FaGj8N"
NOW = 1_800_000_000


def cookies(
    base="https://wiki.example.test",
    *,
    prefix="/saml",
    idp_host="sso.example.test",
    context="wiki",
    secret=SECRET,
):
    keys = Keys(secret, context=context)
    return Cookies(Site(base, prefix), keys, PendingRequests(keys, FakeClock(NOW)), idp_host=idp_host)


def parts(header):
    name, value = header
    assert name == "Set-Cookie"
    pair, *attributes = value.split("; ")
    return pair.partition("=")[0], sorted(attributes)


@pytest.mark.parametrize(
    ("base", "prefix", "attributes"),
    [
        ("https://wiki.example.test", "__Host-", ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]),
        ("https://wiki.example.test/deep", "__Secure-", ["HttpOnly", "Path=/deep", "SameSite=Lax", "Secure"]),
        ("http://localhost:8000", "", ["HttpOnly", "Path=/", "SameSite=Lax"]),
        ("http://localhost:8000/deep", "", ["HttpOnly", "Path=/deep", "SameSite=Lax"]),
    ],
)
def test_the_session_cookie(base, prefix, attributes):
    """Its name keeps others out, scripts don't see it, and it goes with the attributes it came with."""
    one = cookies(base)
    name, found = parts(one.set_session("v"))
    assert re.fullmatch(f"{prefix}saml_wsgi_[0-9a-f]{{8}}", name)
    assert (name, found) == (one.session, attributes)
    assert one.set_session("v")[1].startswith(f"{name}=v; ")
    name, found = parts(one.clear_session())
    assert (name, found) == (one.session, sorted(["Max-Age=0", *attributes]))
    assert one.clear_session()[1].startswith(f"{name}=; ")


@pytest.mark.parametrize(
    ("base", "idp_host", "prefix", "attributes"),
    [
        (
            "https://wiki.example.test",
            "sso.example.test",
            "__Secure-",
            ["Path=/saml", "SameSite=None", "Secure"],
        ),
        (
            "https://wiki.example.test",
            "wiki.example.test",
            "__Secure-",
            ["Path=/saml", "SameSite=None", "Secure"],
        ),
        (
            "https://w.test/deep",
            "sso.example.test",
            "__Secure-",
            ["Path=/deep/saml", "SameSite=None", "Secure"],
        ),
        ("http://localhost:8000", "sso.example.test", "", ["Path=/saml", "SameSite=None", "Secure"]),
        ("http://localhost:8000", "127.0.0.1", "", ["Path=/saml", "SameSite=None", "Secure"]),
        ("http://localhost:8000", "localhost", "", ["Path=/saml", "SameSite=Lax"]),
    ],
)
def test_the_cookies_of_pending_requests(base, idp_host, prefix, attributes):
    """They come with the identity provider's POST, and only to our own paths."""
    one = cookies(base, idp_host=idp_host)
    name, found = parts(one.set_pending("v", 2))
    assert re.fullmatch(f"{prefix}saml_wsgi_[0-9a-f]{{8}}_p2", name)
    assert found == sorted(["HttpOnly", "Max-Age=3600", *attributes])


def test_slots_take_turns():
    """Four requests go to four slots, one after the other; the fifth displaces the oldest."""
    one = cookies()
    header, drawn, browsers = "", [], set()
    for _ in range(5):
        turn = one.turn(header)
        (_, kept), (_, value) = one.begin("v", turn)
        drawn.append(int(kept.partition("=v")[0][-1]))
        browsers.add(turn.browser)
        header = value.partition(";")[0]
    assert sorted(drawn[:4]) == list(range(SLOTS)) == [0, 1, 2, 3]
    assert drawn[4] == drawn[0]
    assert len(browsers) == 1


@pytest.mark.parametrize(
    "value", ["", "4" + "a" * 22, "1short", "x" * 23, "1" + "a" * 23, "\u0662" + "a" * 22]
)
def test_a_turn_that_says_nothing(value):
    """Without a turn of ours a slot is drawn, and the browser gets a text of its own."""
    one = cookies()
    turns = [one.turn(f"{one.browser}={value}") for _ in range(100)]
    assert {turn.slot for turn in turns} == {0, 1, 2, 3}
    assert len({turn.browser for turn in turns}) == 100


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://wiki.example.test", ("__Host-saml_wsgi_", "; Secure; SameSite=None")),
        ("https://wiki.example.test/wiki", ("__Host-saml_wsgi_", "; Secure; SameSite=None")),
        ("http://localhost:8000", ("saml_wsgi_", "; Secure; SameSite=None")),
    ],
)
def test_no_other_host_can_set_the_browsers_text(base, expected):
    """Wherever the site is mounted, the browser's own text is at the root, which no neighbour may set."""
    one = cookies(base, idp_host="sso.example.test")
    _, (_, header) = one.begin("v", one.turn(""))
    assert header.startswith(expected[0])
    assert header.endswith(f"; Path=/; HttpOnly{expected[1]}")


def test_what_another_browser_asked_for_is_not_there():
    """A request that was planted in this browser isn't this browser's."""
    one = cookies()
    turn = one.turn("")
    packed = one._pending.pack(one._pending.start("/x", "jc", turn.browser))
    (_, slot), (_, browser) = one.begin(packed, turn)
    slot, browser = slot.partition(";")[0], browser.partition(";")[0]
    assert list(one.pending(f"{browser}; {slot}")) == [turn.slot]
    assert one.pending(slot) == {}
    other = f"{one.browser}=0{'b' * 22}"
    assert one.pending(f"{other}; {slot}") == {}


def test_names_tell_services_apart():
    """Two services on one host have cookies of their own, also if they share a secret."""
    assert cookies(context="a").session != cookies(context="b").session
    assert (
        cookies(context="a").session
        == cookies(context="a", secret="another, just as long as the first").session
    )


def test_what_the_browser_holds():
    """Every slot that holds something of ours is read; what is foreign or spoilt is as good as absent."""
    one, other = cookies(), cookies(secret="another secret, just as long as ours is")
    request = one._pending.start("/x", "jc")
    good = one._pending.pack(request)
    header = "; ".join(
        [
            one.set_pending(good, 1)[1].partition(";")[0],
            one.set_pending(one._pending.pack(request, done=True), 3)[1].partition(";")[0],
            one.set_pending(other._pending.pack(request), 0)[1].partition(";")[0],
            one.set_pending("x", 2)[1].partition(";")[0],
            "theirs=1",
        ]
    )
    found = one.pending(header)
    assert {slot: (kept.request, kept.done) for slot, kept in found.items()} == {
        1: (request, False),
        3: (request, True),
    }
    assert one.pending("") == {}


@pytest.mark.parametrize(("age", "count"), [(0, 2), (119, 2), (120, 0), (10_000, 0)])
def test_counting_restarts(age, count):
    """Round trips are counted for two minutes; after that the count begins anew."""
    one = cookies()
    name, value = one.set_restarts(2, NOW)
    assert name == "Set-Cookie"
    assert sorted(value.split("; ")[1:]) == [
        "HttpOnly",
        "Max-Age=120",
        "Path=/saml",
        "SameSite=Lax",
        "Secure",
    ]
    assert one.restarts(value.partition(";")[0], NOW + age) == count


@pytest.mark.parametrize("shown", ["", "x=1", "{name}=", "{name}=9.1800000000", "{name}=9.1800000000.AAAA"])
def test_nobody_else_counts(shown):
    """Without a cookie that we signed there is no count at all."""
    one = cookies()
    name = one.set_restarts(1, NOW)[1].partition("=")[0]
    assert one.restarts(shown.format(name=name), NOW) is None


def test_a_count_is_no_session():
    """One cookie's value is nothing in another's place."""
    one = cookies()
    counted = one.set_restarts(1, NOW)[1].partition(";")[0].partition("=")[2]
    assert one._keys.unsign("session", counted) is None
    assert one._pending.unpack(counted) is None


def reference(header, name):
    """The value of the first cookie of that name as browsers write headers: pairs between semicolons."""
    rest = []
    value = None
    for pair in header.split(";"):
        key, equals, found = pair.strip().partition("=")
        if value is None and equals and key + "=" == name:
            value = found.strip()
        else:
            rest.append(pair.strip())
    return value, [pair for pair in rest if pair]


NAME = "__Host-s="
PAIRS = st.lists(
    st.sampled_from(
        ["__Host-s=1", "__Host-s=", "a__Host-s=2", "__Host-s2=3", "a=__Host-s=4", "b=5", "c", "",
         "__host-s=6", "__Host-s=x.y-z_", 'q="1"', "a=b=c"]
    ),
    max_size=6,
)  # fmt: skip


@given(PAIRS, st.sampled_from(["; ", ";", " ; "]))
@example(["a__Host-s=2", "__Host-s=1"], "; ")
@example(["a=__Host-s=4"], "; ")
def test_taking_a_cookie(pairs, separator):
    """The first cookie of exactly that name is found and taken out; all others stay, in order."""
    header = separator.join(pairs)
    value, rest = take(header, NAME)
    expected, others = reference(header, NAME)
    assert value == (expected or "")
    if expected is not None:
        assert [pair.strip() for pair in rest.split(";") if pair.strip()] == others
    else:
        assert rest == header


@given(st.text(alphabet="a=;_Host- s1\t,", max_size=40))
def test_taking_from_any_header(header):
    """No header breaks it, and nothing appears that wasn't there."""
    value, rest = take(header, NAME)
    assert len(value) + len(rest) <= len(header)
    assert value in header


@pytest.mark.parametrize("header", ["a=1 __Host-s=evil; __Host-s=good", "a __Host-s=evil; __Host-s=good"])
def test_another_cookie_holds_the_text_of_ours(header):
    """A cookie of another host in the domain, with a space in its name or value, can't pose as ours."""
    assert take(header, NAME)[0] == "good"


@pytest.mark.parametrize(
    ("header", "value", "rest"),
    [
        ("__Host-s=v", "v", ""),
        ("a=1; __Host-s=v", "v", "a=1"),
        ("__Host-s=v; a=1", "v", "a=1"),
        ("a=1; __Host-s=v; b=2", "v", "a=1; b=2"),
        ("a=1;__Host-s=v;b=2", "v", "a=1;b=2"),
        ("__Host-s=v;", "v", ""),
        ("__Host-s= v ", "v", ""),
        ("a=1", "", "a=1"),
        ("", "", ""),
        ("__Host-s=1; __Host-s=2", "1", "__Host-s=2"),
    ],
)
def test_what_is_left(header, value, rest):
    """What is left is a header that the application can read."""
    assert take(header, NAME) == (value, rest)
