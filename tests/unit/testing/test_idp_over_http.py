"""The test identity provider as applications meet it: requests, checks, answers; over sockets, too."""

import base64
import threading
import zlib
from contextlib import contextmanager
from urllib.parse import quote_plus, urlencode, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from saml_wsgi.testing import App, Browser, JumpCloudIdP, SigningKey
from saml_wsgi.testing.people import PEOPLE

SSO = "https://sso.example.test"
WIKI = "https://wiki.example.test"
SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def request_xml(issuer=f"{WIKI}/saml/metadata", acs=f"{WIKI}/saml/acs", extra="", body="", version="2.0"):
    address = f'AssertionConsumerServiceURL="{acs}"' if acs else ""
    return (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_req1" Version="{version}" '
        f'IssueInstant="2026-01-01T00:00:00Z" {address} {extra}>'
        f"<saml:Issuer>{issuer}</saml:Issuer>{body}</samlp:AuthnRequest>"
    ).encode()


def deflated(xml):
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(xml) + packer.flush()).decode()


def redirect_url(xml, relay_state=None, key=None, app="wiki"):
    query = f"SAMLRequest={quote_plus(deflated(xml))}"
    if relay_state is not None:
        query += f"&RelayState={quote_plus(relay_state)}"
    if key is not None:
        query += f"&SigAlg={quote_plus(SHA256)}"
        private = serialization.load_pem_private_key(key.private_key, None)
        signature = private.sign(query.encode(), PKCS1v15(), hashes.SHA256())
        query += f"&Signature={quote_plus(base64.b64encode(signature).decode())}"
    return f"{SSO}/saml2/{app}?{query}"


def signed_xml(key, xml=None):
    root = etree.fromstring(xml or request_xml())
    signature = xmlsec.template.create(
        root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    root.insert(1, signature)
    reference = xmlsec.template.add_reference(signature, xmlsec.constants.TransformSha256, uri="#_req1")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key.private_key, xmlsec.constants.KeyDataFormatPem)
    context.register_id(root, "ID")
    context.sign(signature)
    return etree.tostring(root)


def posted(xml, **fields):
    return {"SAMLRequest": base64.b64encode(xml).decode(), **fields}


@pytest.fixture
def browser(saml_idp, saml_browser):
    return saml_browser({SSO: saml_idp})


def sign_in(browser, page, username="mara", password=None):
    """Fill in the login form."""
    password = f"{username}-demo" if password is None else password
    return browser.submit(page, {"username": username, "password": password}, follow=True)


def answer(page):
    """The message that the page would post."""
    form = page.form()
    return form, etree.fromstring(base64.b64decode(form.values["SAMLResponse"]))


def status_codes(root):
    tag = "{urn:oasis:names:tc:SAML:2.0:protocol}StatusCode"
    return [element.get("Value").rpartition(":")[2] for element in root.iter(tag)]


def test_an_application_asks_by_redirect(browser, saml_idp, saml_clock):
    """A request by HTTP-Redirect survives the login and is answered with its ID and RelayState."""
    page = browser.get(redirect_url(request_xml(), "h/é <&>"), initiator=f"{WIKI}/page", follow=True)
    assert urlsplit(page.url).path == "/login"
    form, root = answer(sign_in(browser, page))
    assert form.values["RelayState"] == "h/é <&>"
    assert root.get("InResponseTo") == "_req1"
    assert saml_idp.received[-1].binding == "redirect"
    saml_clock.advance(60)
    again = browser.get(redirect_url(request_xml()), initiator=f"{WIKI}/page")
    assert again.status == 200
    instant = "{urn:oasis:names:tc:SAML:2.0:assertion}AuthnStatement"
    assert answer(again)[1].find(f".//{instant}").get("AuthnInstant") == (
        root.find(f".//{instant}").get("AuthnInstant")
    )


def test_an_application_asks_by_post(browser):
    """A request by HTTP-POST is answered from the session, which a cross-site POST itself can't show."""
    sign_in(browser, browser.get(f"{SSO}/login"))
    first = browser.post(f"{SSO}/saml2/wiki", posted(request_xml(), RelayState="r"), initiator=f"{WIKI}/page")
    assert first.status == 303
    assert "idp_session" not in dict(first.request.headers).get("Cookie", "")
    form, root = answer(browser.follow(first))
    assert root.get("InResponseTo") == "_req1"
    assert form.values["RelayState"] == "r"


@pytest.mark.parametrize(
    "state", ["suspended", "staged", "locked", "password expired", "deleted", "unassigned"]
)
def test_nobody_but_active_people_reach_the_application(browser, saml_idp, state):
    """Every other state ends on a page of the identity provider: nothing is posted to the ACS."""
    saml_idp.change_person("mara", state=state)
    page = browser.get(redirect_url(request_xml()), follow=True)
    end = sign_in(browser, page)
    assert end.status == 403
    assert all(form.url.startswith(SSO) for form in end.forms)
    assert not saml_idp.sent


@pytest.mark.parametrize(
    ("state", "codes"),
    [("suspended", ["Responder", "AuthnFailed"]), ("unassigned", ["Responder", "RequestDenied"])],
)
def test_refusals_may_be_told_in_saml(browser, saml_idp, state, codes):
    """refusals=response: the application gets an error Response that answers its request."""
    saml_idp.change_person("mara", state=state)
    saml_idp.change_app("wiki", refusals="response")
    page = browser.get(redirect_url(request_xml(), "r"), follow=True)
    form, root = answer(sign_in(browser, page))
    assert status_codes(root) == codes
    assert root.get("InResponseTo") == "_req1"
    assert form.values["RelayState"] == "r"


@pytest.mark.parametrize(
    ("username", "password"), [("mara", "wrong"), ("nobody", "mara-demo"), ("", ""), ("mara", "")]
)
def test_a_wrong_password_shows_the_form_again(browser, username, password):
    """The form comes back with what was typed, escaped, and the request still waits."""
    page = browser.get(redirect_url(request_xml()), follow=True)
    again = sign_in(browser, page, username, password)
    assert again.status == 403
    assert again.form().values["username"] == username
    assert not list(browser.cookies)
    assert answer(sign_in(browser, again))[1].get("InResponseTo") == "_req1"


def test_sessions_and_waiting_requests_end(browser, saml_clock):
    """A session lasts eight hours, a request that waits for the login ten minutes."""
    page = browser.get(redirect_url(request_xml()), follow=True)
    saml_clock.advance(601)
    assert sign_in(browser, page).url == f"{SSO}/"
    waiting = dict(page.form().fields)["to"]
    assert browser.get(f"{SSO}/saml2/wiki?pending={waiting}").status == 400
    saml_clock.advance(8 * 3600)
    assert browser.get(f"{SSO}/").status == 303


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (request_xml(issuer=f"{WIKI}/SAML/metadata"), "SP Entity ID"),
        (request_xml(issuer="<![CDATA[<script>]]>"), "&lt;script&gt;"),
        (request_xml(acs="https://evil.example/"), "ACS URLs"),
        (request_xml(version="1.1"), "SAML 2.0"),
        (
            request_xml(extra='ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"'),
            "HTTP-POST",
        ),
        (b"<x/>", "no AuthnRequest"),
        (b"not xml", "well-formed"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
    ],
)
def test_wrong_requests_end_on_a_page(browser, saml_idp, xml, text):
    """A request that doesn't fit the configuration ends on an error page, by either binding."""
    sign_in(browser, browser.get(f"{SSO}/login"))
    by_redirect = browser.get(redirect_url(xml))
    by_post = browser.post(f"{SSO}/saml2/wiki", posted(xml), follow=True)
    for page in (by_redirect, by_post):
        assert page.status == 400
        assert text in page.text
        assert "<script>" not in page.text.lower()
        assert not page.forms
    assert not saml_idp.sent


@pytest.mark.parametrize(
    "query",
    [
        "SAMLRequest=%%%",
        "SAMLRequest=AAAA",
        f"SAMLRequest={quote_plus(deflated(request_xml())[:40])}",
        f"SAMLRequest={quote_plus(deflated(b' ' * 10_000_000))}",
        "SAMLRequest=&SAMLRequest=",
        f"SAMLRequest={quote_plus(deflated(request_xml()))}&RelayState={'r' * 3000}",
    ],
)
def test_broken_requests_end_on_a_page(browser, query):
    """What isn't base64, isn't deflated, is cut off, inflates too far or comes twice is refused."""
    assert browser.get(f"{SSO}/saml2/wiki?{query}").status == 400


def test_an_unregistered_acs_url_may_fall_back_to_the_default(browser, saml_idp):
    """unregistered_acs=default answers at the default ACS URL; several may be registered."""
    other = f"{WIKI}/other/acs"
    saml_idp.change_app("wiki", acs_urls=(f"{WIKI}/saml/acs", other), unregistered_acs="default")
    sign_in(browser, browser.get(f"{SSO}/login"))
    for asked, expected in (
        (other, other),
        ("https://evil.example/", f"{WIKI}/saml/acs"),
        ("", f"{WIKI}/saml/acs"),
    ):
        form, root = answer(browser.get(redirect_url(request_xml(acs=asked))))
        assert form.url == root.get("Destination") == expected


def test_a_signed_request_needs_the_certificate_uploaded(browser, saml_idp):
    """Without an SP certificate a signed request is refused, or passes by a knob, by either binding."""
    key = SigningKey.cached("sp")
    sign_in(browser, browser.get(f"{SSO}/login"))
    assert browser.get(redirect_url(request_xml(), key=key)).status == 400
    assert browser.post(f"{SSO}/saml2/wiki", posted(signed_xml(key))).status == 400
    saml_idp.change_app("wiki", signed_without_certificate="ignore")
    assert browser.get(redirect_url(request_xml(), key=key)).status == 200
    assert browser.post(f"{SSO}/saml2/wiki", posted(signed_xml(key)), follow=True).status == 200


def test_signatures_of_requests_are_verified(browser, saml_idp):
    """With an SP certificate, right signatures pass and wrong ones don't, by either binding."""
    right, wrong = SigningKey.cached("sp"), SigningKey.cached("rotated")
    saml_idp.change_app("wiki", sp_certificate=right.certificate.decode())
    sign_in(browser, browser.get(f"{SSO}/login"))
    sso = f"{SSO}/saml2/wiki"
    assert browser.get(redirect_url(request_xml(), "r&s", key=right)).status == 200
    assert browser.post(sso, posted(signed_xml(right)), follow=True).status == 200
    assert saml_idp.received[-1].signed
    assert browser.get(redirect_url(request_xml(), "r", key=wrong)).status == 400
    assert browser.get(redirect_url(request_xml(), "r", key=right).replace("=r&", "=x&")).status == 400
    assert browser.get(redirect_url(request_xml(), key=right).replace("rsa-sha256", "rsa-md5")).status == 400
    assert browser.post(sso, posted(signed_xml(wrong))).status == 400
    changed = signed_xml(right).replace(b"2026-01-01", b"2026-01-02")
    assert browser.post(sso, posted(changed)).status == 400
    elsewhere = signed_xml(right).replace(b"#_req1", b"http://127.0.0.1:1/")
    assert "shape" in browser.post(sso, posted(elsewhere)).text
    twice = signed_xml(right, signed_xml(right))
    assert "shape" in browser.post(sso, posted(twice)).text


def test_unsigned_requests_may_be_refused_where_a_certificate_is(browser, saml_idp):
    """unsigned_with_certificate=refuse makes signatures a must; the default accepts both."""
    saml_idp.change_app("wiki", sp_certificate=SigningKey.cached("sp").certificate.decode())
    sign_in(browser, browser.get(f"{SSO}/login"))
    assert browser.get(redirect_url(request_xml())).status == 200
    saml_idp.change_app("wiki", unsigned_with_certificate="refuse")
    assert browser.get(redirect_url(request_xml())).status == 400


def test_parts_of_a_request_are_ignored_or_honoured(browser, saml_idp):
    """ForceAuthn, IsPassive and NameIDPolicy have an effect only where the knob says so."""
    policy = '<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:{}"/>'
    passive = redirect_url(request_xml(extra='IsPassive="true"'))
    force = redirect_url(request_xml(extra='ForceAuthn="1"'))
    known = redirect_url(request_xml(body=policy.format("persistent")))
    unknown = redirect_url(request_xml(body=policy.format("kerberos")))
    assert browser.get(passive).status == 303
    sign_in(browser, browser.get(f"{SSO}/login"))
    for url in (passive, force, known, unknown):
        assert status_codes(answer(browser.get(url))[1]) == ["Success"]
    saml_idp.change_app("wiki", honours=frozenset({"ForceAuthn", "IsPassive", "NameIDPolicy"}))
    again = browser.get(force, follow=True)
    assert urlsplit(again.url).path == "/login"
    assert status_codes(answer(sign_in(browser, again))[1]) == ["Success"]
    form = "{urn:oasis:names:tc:SAML:2.0:assertion}NameID"
    assert answer(browser.get(known))[1].find(f".//{form}").get("Format").endswith(":persistent")
    assert status_codes(answer(browser.get(unknown))[1]) == ["Requester", "InvalidNameIDPolicy"]
    browser.cookies.clear()
    assert status_codes(answer(browser.get(passive))[1]) == ["Responder", "NoPassive"]


def test_relay_states_may_stay_away(browser, saml_idp):
    """echo_relay_state=False answers without the RelayState that was sent."""
    saml_idp.change_app("wiki", echo_relay_state=False)
    sign_in(browser, browser.get(f"{SSO}/login"))
    assert "RelayState" not in answer(browser.get(redirect_url(request_xml(), "r")))[0].values


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *arguments):
        """Nothing on the test's output."""


@contextmanager
def served():
    """The identity provider behind a real HTTP server on the loopback."""
    server = make_server("127.0.0.1", 0, None, server_class=WSGIServer, handler_class=QuietHandler)
    idp = JumpCloudIdP(
        f"http://127.0.0.1:{server.server_port}",
        apps=[App.for_service("wiki", "http://localhost:1")],
        people=PEOPLE,
    )
    server.set_app(idp)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield idp
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_round_trip_over_real_http():
    """Over sockets, on http, the same browser signs in and gets the same answers by both bindings."""
    with served() as idp:
        browser = Browser()
        sso = idp.sso_url("wiki")
        page = browser.get(f"{idp.base_url}/", follow=True)
        portal = sign_in(browser, page, "yuki")
        assert "由紀 田中" in portal.text
        form, root = answer(browser.click(portal, "wiki"))
        assert form.url == "http://localhost:1/saml/acs"
        xml = request_xml("http://localhost:1/saml/metadata", "http://localhost:1/saml/acs")
        query = urlencode({"SAMLRequest": deflated(xml), "RelayState": "r"})
        asked = browser.get(f"{sso}?{query}", initiator="http://localhost:1/")
        assert answer(asked)[1].get("InResponseTo") == "_req1"
        by_post = browser.post(sso, posted(xml), initiator="http://localhost:1/", follow=True)
        assert answer(by_post)[1].get("InResponseTo") == "_req1"
        assert root.findtext(".//{*}NameID") == "yuki@example.test"
