"""Encrypted assertions from SimpleSAMLphp: AES-128 in CBC mode under RSA-OAEP, all that 1.19 does."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from lxml import etree

from saml_wsgi.testing.browser import Browser, Page
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.transports import HTTPTransport
from tests.real.service import Service
from tests.real.simplesamlphp import EMAIL, PEOPLE, SimpleSAMLphp
from tests.real.test_simplesamlphp_logins import go_on, seen, sign_in
from tests.real.tls import Authority

pytestmark = pytest.mark.real("simplesamlphp")

ADA, ZOE = PEOPLE
KEY = SigningKey.cached("service")

_XENC = "{http://www.w3.org/2001/04/xmlenc#}"


@pytest.fixture
def answer(simplesaml: SimpleSAMLphp, service: Service, authority: Authority) -> Callable[..., Page]:
    """Signs in at SimpleSAMLphp, with some options of the service, and gives what came of it."""

    def go(sign: str, **options: str) -> Page:
        simplesaml.register(service.entity_id, service.acs, sign=sign, name_id_format=EMAIL, encrypt_for=KEY)
        pair = {"sp__private_key": KEY.private_key.decode(), "sp__certificate": KEY.certificate.decode()}
        service.serve(simplesaml.metadata(), **pair, **options)
        browser = Browser(HTTPTransport(context=authority.client))
        page = sign_in(browser, browser.get(f"{service.origin}/page", follow=True), ZOE)
        assert algorithms(page) == ["aes128-cbc", "rsa-oaep-mgf1p"]
        return go_on(browser, page)

    return go


def algorithms(page: Page) -> list[str]:
    """By what its answer is encrypted, and the key of that."""
    message = etree.fromstring(base64.b64decode(page.form().values["SAMLResponse"]))
    methods = message.iter(f"{_XENC}EncryptionMethod")
    return [method.get("Algorithm").partition("#")[2] for method in methods]


@pytest.mark.parametrize("sign", ["response", "both"])
def test_cbc_inside_a_signed_response(answer: Callable[..., Page], service: Service, sign: str) -> None:
    """With idp.allow_cbc, in a signed Response, the person signs in and is read in full."""
    page = answer(sign, idp__allow_cbc="yes")
    assert page.url == f"{service.origin}/page"
    assert seen(page)["user"] == "zoe@example.com"
    assert seen(page)["name"] == "Zoë Müller-Łukasiewicz"
    assert sorted(seen(page)["groups"]) == sorted(ZOE.attributes["memberOf"])


@pytest.mark.parametrize(
    ("sign", "allow_cbc"), [("assertion", "yes"), ("response", "no"), ("assertion", "no"), ("both", "no")]
)
def test_cbc_otherwise(
    answer: Callable[..., Page],
    service: Service,
    caplog: pytest.LogCaptureFixture,
    sign: str,
    allow_cbc: str,
) -> None:
    """Without idp.allow_cbc, or where only the assertion is signed, nobody gets in and the log says why."""
    page = answer(sign, idp__allow_cbc=allow_cbc)
    assert page.status == 403
    assert "code=encryption_refused" in caplog.text
    assert "aes128-cbc needs idp.allow_cbc and a signed Response" in caplog.text
    assert "encryption" not in page.text
    assert service.users() == []
