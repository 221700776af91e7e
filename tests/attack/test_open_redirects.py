"""However somebody spells a place to go to, the browser stays here."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attack.scene import ACS, SSO, WIKI

HOST = "evil.test"

#: Places that aren't ours, in every spelling that some browser, proxy or library once took for another one.
ELSEWHERE = [
    f"https://{HOST}/",
    f"http://{HOST}/",
    f"HTTPS://{HOST}/",
    f"//{HOST}/",
    f"///{HOST}/",
    f"////{HOST}",
    f"/\\{HOST}/",
    f"\\\\{HOST}/",
    f"\\/{HOST}/",
    f"/\\/{HOST}",
    f"https:{HOST}",
    f"https:/{HOST}",
    f"https:///{HOST}",
    f"https:\\\\{HOST}",
    f"https://{HOST}\\@wiki.example.test/",
    f"https://wiki.example.test@{HOST}/",
    f"https://wiki.example.test:443@{HOST}/",
    f"https://wiki.example.test.{HOST}/",
    f"https://wiki.example.test%2e{HOST}/",
    f"https://{HOST}#https://wiki.example.test/",
    f"https://{HOST}?https://wiki.example.test/",
    f"{WIKI}//{HOST}/",
    f"{WIKI}/\\{HOST}/",
    f"{WIKI}\\{HOST}",
    f"/%2f{HOST}/",
    f"/%5c{HOST}/",
    f"%2f%2f{HOST}/",
    f"/%09/{HOST}/",
    f"/\t/{HOST}/",
    f"/\r/{HOST}",
    f"/\n/{HOST}",
    f"\t//{HOST}/",
    f" //{HOST}/",
    f"\x0b//{HOST}/",
    f"\x0c//{HOST}/",
    f"\x00//{HOST}/",
    f"/\x00/{HOST}",
    f"/\u2215{HOST}",
    f"//{HOST}\u3002test",
    f"/\uff0f{HOST}/",
    f"\u200b//{HOST}/",
    f"/.//{HOST}/",
    f"/..//{HOST}/",
    f"/./\\{HOST}/",
    f"//{HOST}:80#@wiki.example.test/",
    f"//[::1]@{HOST}/",
    f"javascript:alert(1)//{WIKI}/",
    "javascript://wiki.example.test/%0aalert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://wiki.example.test/x",
    "view-source:https://wiki.example.test/",
    f"/page\r\nLocation: https://{HOST}/",
    "/page\r\nSet-Cookie: a=b",
    f"/page%0d%0aLocation:%20https://{HOST}/",
    "?",
    "#",
    "",
    ".",
    "page",
    "/" * 2_000,
    f"/{'a' * 2_100}",
    f"//{HOST}/" + "a" * 65_536,
]


def assert_ours(location: str | None) -> None:
    """An absolute URL of ours, that no browser could read in another way."""
    assert location is not None
    assert location.startswith(f"{WIKI}/")
    assert not location.startswith(f"{WIKI}//")
    assert re.fullmatch(r"[\x21-\x5b\x5d-\x7e]+", location)


@pytest.mark.parametrize("place", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_a_relay_state_that_nobody_asked_for(scene, place):
    """With `accept`, whoever is signed in unasked ends on a page of ours, whatever the RelayState says."""
    here = scene(idp__unsolicited="accept")
    page = here.post(here.answer(in_response_to=None, relay_state=place))
    if page.status == 413:  # a form so large is never read
        return
    while page.location:
        assert_ours(page.location)
        page = here.browser.follow(page, hops=1)
    assert page.text == "mara@example.test"


@pytest.mark.parametrize("place", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_a_relay_state_that_is_taken_along(scene, place):
    """With `restart`, the round trip leads to the identity provider and back to a page of ours."""
    here = scene()
    page = here.post(here.answer(in_response_to=None, relay_state=place))
    if page.status == 413:
        return
    while page.location:
        assert_ours(page.location)
        page = here.browser.follow(page, hops=1)
    assert page.form().url.startswith(f"{SSO}/")
    here.request = re.search(r' ID="([^"]+)"', _request(page))[1]
    page = here.post(here.answer())
    while page.location:
        assert_ours(page.location)
        page = here.browser.follow(page, hops=1)
    assert page.text == "mara@example.test"


def _request(page):
    return base64.b64decode(page.form().values["SAMLRequest"]).decode()


@pytest.fixture(scope="module")
def signed_in(services):
    """Somebody whom `login` sends straight on."""
    here = services().scene()
    here.sign_in()
    return here


@pytest.mark.parametrize("place", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_a_return_to(signed_in, place):
    """`login` leads on to pages of ours alone."""
    page = signed_in.browser.get(f"{WIKI}/saml/login?return_to={quote(place, safe='')}")
    assert page.status == 303
    assert_ours(page.location)


NASTY = st.text(
    st.sampled_from("/\\:@?#.;%&=[]\t\r\n\x00 \x0b\x0c\x85\u2028\uff0f\u2215aswiki")
    | st.characters(blacklist_categories=("Cs",)),
    max_size=60,
)
PARTS = st.lists(
    NASTY
    | st.sampled_from([WIKI, "https:", "//", HOST, "wiki.example.test", "/saml", "javascript:", "%2f", ".."]),
    max_size=6,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(PARTS)
def test_any_return_to(signed_in, place):
    """Whatever `return_to` says, the answer leads to a page of ours."""
    page = signed_in.browser.get(f"{WIKI}/saml/login?{urlencode({'return_to': place})}")
    assert_ours(page.location)


@settings(max_examples=60, deadline=None)
@given(PARTS)
def test_any_relay_state(services, place):
    """Whatever an unsolicited RelayState says, the answer leads to `login`, and names our own path."""
    here = services().scene()
    page = here.post(here.answer(in_response_to=None, relay_state=place))
    assert page.location.startswith(f"{WIKI}/saml/login?restart=1&return_to=%2F")
    target = unquote(page.location.partition("return_to=")[2])
    assert not target.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": HOST},
        {"X-Forwarded-Host": HOST},
        {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"},
        {"Forwarded": f"host={HOST};proto=http"},
        {"X-Original-URL": f"https://{HOST}/", "X-Rewrite-URL": f"//{HOST}/"},
    ],
)
def test_no_address_comes_from_a_header(scene, headers):
    """Requests and redirects name the configured address, whatever host the client says it wants."""
    here = scene()
    page = here.browser.get(f"{WIKI}/page", headers=headers)
    assert f'AssertionConsumerServiceURL="{ACS}"' in _request(page)
    assert HOST not in page.text + _request(page)
    page = here.browser.post(ACS, dict(here.answer().fields), initiator=f"{SSO}/", headers=headers)
    assert_ours(page.location)
    assert HOST not in str(page.headers)


@pytest.mark.parametrize("path", [f"//{HOST}/", f"/\\{HOST}/", f"/%5c{HOST}", f"/%2f{HOST}", f"/.//{HOST}"])
def test_the_page_first_asked_for(scene, path):
    """The address somebody is lured to becomes the target as it is: below our own origin."""
    here = scene()
    here.request = here.begin(path)
    page = here.post(here.answer())
    while page.location:
        assert page.location.startswith(f"{WIKI}/")
        assert "\\" not in page.location
        page = here.browser.follow(page, hops=1)
    assert page.text == "mara@example.test"
