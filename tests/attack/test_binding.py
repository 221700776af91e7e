"""Only what this browser asked for, once, at this address, now (promise 2)."""

from __future__ import annotations

from itertools import product

import pytest

from tests.attack.forging import FORGERIES
from tests.attack.scene import ACS, ENTITY_ID, SIGNING, WIKI, assert_refused
from tests.attack.wrapping import SHAPES
from tests.unit.protocol.tampering import (
    AUDIENCE,
    CONDITIONS,
    DATA,
    STATEMENT,
    add,
    drop,
    moved,
    put,
    twice,
    write,
)

CLAIMS = ("own", "absent", "unknown", "another browser's", "another tab's")
COOKIES = ("pending", "none", "answered", "spoilt", "unbound", "stolen")
MODES = ("restart", "refuse", "accept")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cookie", COOKIES)
@pytest.mark.parametrize(
    ("response", "confirmation"),
    [pytest.param(*claims, id=", ".join(claims)) for claims in product(CLAIMS, CLAIMS)],
)
def test_in_response_to(scene, mode, cookie, response, confirmation):
    """A response signs in only if Response and SubjectConfirmationData both name this browser's own request.

    Only with `accept` one that names none in both places does, too. The Response's is the attacker's to
    choose, since the assertion alone is signed.
    """
    here = scene(idp__unsolicited=mode)
    own = here.request
    other = here.service.scene().request
    tab = here.begin("/other") if "another tab's" in {response, confirmation} else None
    claims = {
        "own": own,
        "absent": None,
        "unknown": "_0",
        "another browser's": other,
        "another tab's": tab,
    }
    if cookie == "answered":
        here.browser.follow(here.post(here.answer()))
    if cookie == "stolen":
        # What a host beside ours can do: plant pending cookies of its own. It can't plant what binds them.
        thief, here = here, here.service.scene()
        thief.share(here, browser=False)
    for kept in list(here.browser.cookies):
        session = kept.name == here.service.app._cookies.session
        unbound = cookie == "unbound" and kept.name.endswith("_b")
        if cookie == "none" or unbound or (cookie == "answered" and session):
            here.browser.cookies.remove(kept)
        if cookie == "spoilt" and "_p" in kept.name:
            here.browser.cookies.keep(
                ACS, f"{kept.name}={kept.value[:-4]}AAAA; Path=/saml; Secure; SameSite=None"
            )
    before = here.service.users()
    form = here.tampered(
        put(".", InResponseTo=claims[response]),
        "jose",
        sign="assertion",
        in_response_to=claims[confirmation],
    )
    page = here.post(form)
    # Another tab's own request is as good as this one's.
    solicited = cookie == "pending" and response == confirmation and response in {"own", "another tab's"}
    if cookie == "answered":
        solicited = response == confirmation == "another tab's"
    unsolicited = mode == "accept" and response == confirmation == "absent"
    name = here.service.app._cookies.session
    set_cookies = [value for value in page.all("Set-Cookie") if value.startswith(f"{name}=")]
    if solicited or unsolicited:
        assert len(set_cookies) == 1
        here.browser.follow(page)
        assert here.who == "jose@example.test"
    else:
        assert set_cookies == []
        assert page.status == 403 or page.location.startswith((f"{WIKI}/saml/login", f"{WIKI}/saml/resume"))
        assert here.who == ""
        assert here.service.users() == before


@pytest.mark.parametrize("sign", SIGNING)
def test_the_answer_of_another_browser(scene, sign):
    """Login CSRF: an attacker's own good answer, posted from the victim's browser, signs nobody in there."""
    attacker = scene()
    victim = attacker.service.scene()
    page = victim.post(attacker.answer("jose", sign=sign))
    assert page.location == f"{WIKI}/saml/login?restart=1&return_to=%2F"
    assert page.all("Set-Cookie") == []
    assert victim.who == ""


def test_the_cookie_of_another_browser_does_not_travel(scene):
    """The pending cookie is bound to its path, to https and to this host; what binds it, by its name."""
    here = scene()
    found = {
        kept.name[-2]: (kept.path, kept.secure, kept.http_only, kept.host_only, kept.same_site)
        for kept in here.browser.cookies
    }
    assert found == {"p": ("/saml", True, True, True, "None"), "_": ("/", True, True, True, "None")}
    assert here.cookie("_b").name.startswith("__Host-")


def test_identity_provider_mix_up(services):
    """A request that went to one identity provider isn't answered by another one."""
    asked, answers = services(idp__name="A"), services(idp__name="B")
    one, other = asked.scene(), answers.scene()
    one.share(other)
    form = other.answer(in_response_to=one.request)
    assert_refused(other, form, "issuer_mismatch")


ISSUER = "Assertion/Issuer"
OTHER = "https://other.example.test"
RESTRICTION = f"{CONDITIONS}/AudienceRestriction"
ONE_MORE = "<saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction>"
NEAR_ACS = (
    "",
    ACS + "/",
    ACS + "/x",
    ACS + "?x",
    ACS + "#x",
    ACS[:-1],
    ACS.upper(),
    ACS.replace("https", "http"),
    ACS.replace("wiki.example.test", "wiki.example.test:443"),
    ACS.replace("wiki.example.test", "wiki.example.test.evil.test"),
    ACS.replace("wiki.", "evil."),
    f"{OTHER}/?{ACS}",
    f"{OTHER}/{ACS}",
    ACS.replace("/acs", "/%61cs"),
)
NEAR_AUDIENCE = (
    "",
    ENTITY_ID + "/",
    ENTITY_ID[:-1],
    ENTITY_ID.upper(),
    OTHER,
    f"{ENTITY_ID} {OTHER}",
    WIKI,
    "*",
)

#: What the identity provider itself says wrongly, and the code. The whole is signed as said.
ADDRESSES = {
    **{f"recipient {url!r}": (put(DATA, Recipient=url), "recipient_mismatch") for url in NEAR_ACS},
    "no recipient": (put(DATA, Recipient=None), "recipient_mismatch"),
    **{f"destination {url!r}": (put(".", Destination=url), "destination_mismatch") for url in NEAR_ACS},
    **{f"audience {name!r}": (write(AUDIENCE, name), "audience_mismatch") for name in NEAR_AUDIENCE},
    "no audience restriction": (drop(RESTRICTION), "audience_mismatch"),
    "two restrictions, one not ours": (add(CONDITIONS, ONE_MORE.format(OTHER)), "audience_mismatch"),
    "two restrictions, one empty": (add(CONDITIONS, ONE_MORE.format("")), "audience_mismatch"),
    "no conditions": (drop(CONDITIONS), "conditions_refused"),
    "no end of the conditions": (put(CONDITIONS, NotOnOrAfter=None), "expired"),
    "no end of the confirmation": (put(DATA, NotOnOrAfter=None), "expired"),
    "no data of the confirmation": (drop(DATA), "confirmation_mismatch"),
    "two confirmations": (twice("Assertion/Subject/SubjectConfirmation"), "confirmation_mismatch"),
    "no confirmation": (drop("Assertion/Subject/SubjectConfirmation"), "confirmation_mismatch"),
    "holder of key": (
        put("Assertion/Subject/SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
        "confirmation_mismatch",
    ),
    "other issuer": (write(ISSUER, OTHER), "issuer_mismatch"),
    "empty issuer": (write(ISSUER, ""), "issuer_mismatch"),
    "issuer in other case": (write(ISSUER, "jumpcloud"), "issuer_mismatch"),
    "other issuer of the response": (write("Issuer", OTHER), "issuer_mismatch"),
    "status of somebody who failed": (
        put("Status/StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Responder"),
        "status_mismatch",
    ),
    "empty status": (put("Status/StatusCode", Value=""), "status_mismatch"),
    "success by another name": (put("Status/StatusCode", Value="Success"), "status_mismatch"),
    "SAML 1.1": (put("Assertion", Version="1.1"), "version_mismatch"),
    "a condition of nobody's": (
        add(CONDITIONS, '<saml:Condition xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="x"/>'),
        "schema_invalid",
    ),
}


@pytest.mark.parametrize("mode", ["restart", "accept"])
@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", ADDRESSES)
def test_made_for_somebody_else(scene, name, sign, mode):
    """What was made for another service, place or purpose is refused, however near it comes."""
    tamper, code = ADDRESSES[name]
    here = scene(idp__unsolicited=mode)
    if mode == "accept":
        here.request = None
    assert_refused(here, here.answer(sign=sign, tamper=tamper), code)


@pytest.mark.parametrize("sign", ["response", "both"])
@pytest.mark.parametrize(
    ("change", "code"),
    [(put(".", Destination=None), "destination_mismatch"), (drop("Issuer"), "issuer_mismatch")],
)
def test_what_a_signed_response_must_say(scene, sign, change, code):
    """A Response that is signed names where it goes and who made it."""
    here = scene()
    assert_refused(here, here.answer(sign=sign, tamper=change), code)


@pytest.mark.parametrize("skew", [0, 180, 300])
@pytest.mark.parametrize(
    ("path", "name", "code", "passes", "refused"),
    [
        # In seconds from now: the last that passes, and the first that doesn't.
        (CONDITIONS, "NotBefore", "not_yet_valid", lambda skew: skew, lambda skew: skew + 1),
        (CONDITIONS, "NotOnOrAfter", "expired", lambda skew: 1 - skew, lambda skew: -skew),
        (DATA, "NotBefore", "not_yet_valid", lambda skew: skew, lambda skew: skew + 1),
        (DATA, "NotOnOrAfter", "expired", lambda skew: 1 - skew, lambda skew: -skew),
        ("Assertion", "IssueInstant", "not_yet_valid", lambda skew: skew, lambda skew: skew + 1),
        ("Assertion", "IssueInstant", "too_old", lambda skew: -299 - skew, lambda skew: -300 - skew),
        (STATEMENT, "AuthnInstant", "not_yet_valid", lambda skew: skew, lambda skew: skew + 1),
    ],
)
def test_times_at_their_boundaries(scene, skew, path, name, code, passes, refused):
    """Each time is compared to the second, with `idp.clock_skew` and no other tolerance."""
    here = scene(idp__clock_skew=skew)
    assert_refused(here, here.answer(tamper=moved(path, **{name: refused(skew)})), code)
    here.browser.follow(here.post(here.answer(tamper=moved(path, **{name: passes(skew)}))))
    assert here.who == "mara@example.test"


def unsolicited(scene):
    here = scene(idp__unsolicited="accept", with_key=True)
    here.request = None
    return here


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_where_anything_may_come(scene, name, sign):
    """`idp.unsolicited = accept` weakens nothing else: no forgery gets in."""
    forge, codes = FORGERIES[name]
    here = unsolicited(scene)
    codes = codes | {"issuer_mismatch"} if name == "assertion of another message" else codes
    assert_refused(here, forge(here, sign), *codes, then=here.answer(sign=sign))


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", SHAPES)
def test_wrapping_where_anything_may_come(scene, name, sign):
    """`idp.unsolicited = accept` weakens nothing else: no wrapped message gets in."""
    here = unsolicited(scene)
    form = here.tampered(SHAPES[name], sign=sign)
    assert_refused(here, form, "shape_refused", "schema_invalid", "signature_invalid", "encryption_refused")


@pytest.mark.parametrize("sign", SIGNING)
def test_accepted_once(scene, sign):
    """An unsolicited message signs in once, in whatever browser it is posted the second time."""
    here = unsolicited(scene)
    form = here.answer(sign=sign)
    here.browser.follow(here.post(form))
    assert here.who == "mara@example.test"
    again = here.service.scene()
    assert_refused(again, form, "replayed")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sign", SIGNING)
def test_used_once(scene, sign, mode):
    """A response that was used is not a way in for another browser, even one that has its pending cookie."""
    here = scene(idp__unsolicited=mode)
    thief = here.service.scene()
    here.share(thief)
    form = here.answer(sign=sign)
    here.browser.follow(here.post(form))
    assert here.who == "mara@example.test"
    page = thief.browser.follow(thief.post(form))
    assert page.status == 403
    assert thief.who == ""
    # Another assertion for the request that was answered is none either.
    page = thief.browser.follow(thief.post(thief.answer("jose", in_response_to=here.request, sign=sign)))
    assert page.status == 403
    assert thief.who == ""
