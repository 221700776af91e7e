"""Scripted sign-ins through pysaml2's identity provider, from its metadata and ours alone."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from lxml import etree

from saml_wsgi.testing.browser import Browser, Page
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.transports import HTTPTransport
from tests.real.pysaml2 import Pysaml2
from tests.real.service import Service
from tests.real.simplesamlphp import PEOPLE
from tests.real.tls import Authority

pytestmark = pytest.mark.real("pysaml2")

ADA, ZOE = PEOPLE
KEY = SigningKey.cached("service")
OURS = {"sp__private_key": KEY.private_key.decode(), "sp__certificate": KEY.certificate.decode()}

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"


@pytest.fixture
def browser(authority: Authority) -> Browser:
    return Browser(HTTPTransport(context=authority.client))


@pytest.fixture
def answered(pysaml: Pysaml2, service: Service, browser: Browser) -> Callable[..., Page]:
    """Starts the service with some options, and goes as far as the page that carries pysaml2's answer."""

    def go(options: dict[str, str] | None = None, **registered: Any) -> Page:
        service.serve(pysaml.metadata(), **(options or {}))
        pysaml.register(service.metadata(), **registered)
        page = browser.get(f"{service.origin}/pages/7?edit=1", follow=True)
        assert page.status == 200, page.text
        assert page.url.startswith(pysaml.origin)
        return page

    return go


def message(page: Page) -> Any:
    return etree.fromstring(base64.b64decode(page.form().values["SAMLResponse"]))


def seen(page: Page) -> dict[str, Any]:
    """What the application says that it received."""
    found = re.search(r'<pre id="seen">(.*?)</pre>', page.text)
    assert found, f"{page!r} isn't the application's:\n{page.text}"
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize(
    ("sign", "signed"),
    [("response", ["Response"]), ("assertion", ["Assertion"]), ("both", ["Response", "Assertion"])],
)
def test_signed(
    answered: Callable[..., Page],
    browser: Browser,
    service: Service,
    sign: str,
    signed: list[str],
    algorithm: str,
) -> None:
    """Response, assertion or both signed with SHA-256 or SHA-512: the person gets the page."""
    page = answered(sign=sign, algorithm=algorithm)
    found = [element.getparent().tag.partition("}")[2] for element in message(page).iter(_SIGNATURE)]
    assert found == signed
    assert algorithm.encode() in etree.tostring(message(page))
    there = browser.submit(page, follow=True)
    assert there.url == f"{service.origin}/pages/7?edit=1"
    assert seen(there)["user"] == "ada@example.com"


def test_names_that_are_object_identifiers(
    answered: Callable[..., Page], browser: Browser, service: Service
) -> None:
    """Attributes whose names are urn:oid, with a FriendlyName, need no mapping, but for groups."""
    page = answered({"attributes__groups": "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"}, sign="assertion", person=ZOE)
    attributes = list(message(page).iter(f"{_ASSERTION}Attribute"))
    assert all(attribute.get("Name").startswith("urn:oid:") for attribute in attributes)
    assert {attribute.get("FriendlyName") for attribute in attributes} >= {"mail", "sn", "givenName"}
    there = seen(browser.submit(page, follow=True))
    assert there["name"] == "Zoë Müller-Łukasiewicz"
    assert sorted(there["groups"]) == ["Vertrieb & Südwest", "staff"]
    (user,) = service.users()
    assert (user["first_name"], user["last_name"]) == ("Zoë", "Müller-Łukasiewicz")
    assert user["email"] == "zoe@example.com"


def test_valid_for_a_day(answered: Callable[..., Page], browser: Browser) -> None:
    """An assertion that says it is valid for a day is accepted."""
    assert seen(browser.submit(answered(minutes=1440), follow=True))["user"] == "ada@example.com"


@pytest.mark.parametrize("allow_sha1", ["no", "yes"])
@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
def test_sha1(
    answered: Callable[..., Page],
    browser: Browser,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    sign: str,
    allow_sha1: str,
) -> None:
    """A signature with SHA-1 is refused, and the log says so, unless the operator allows it."""
    page = browser.submit(answered({"idp__allow_sha1": allow_sha1}, sign=sign, algorithm="sha1"), follow=True)
    if allow_sha1 == "yes":
        assert seen(page)["user"] == "ada@example.com"
        return
    assert page.status == 403
    assert "code=algorithm_refused" in caplog.text
    assert "rsa-sha1" in caplog.text
    assert service.users() == []


@pytest.mark.parametrize("encrypt", ["aes128-gcm", "aes256-gcm"])
@pytest.mark.parametrize(
    ("sign", "self_contained"),
    # pysaml2 itself fails where an assertion is neither signed nor self-contained.
    [("response", True), ("assertion", True), ("assertion", False), ("both", True), ("both", False)],
)
def test_encrypted_by_gcm(
    answered: Callable[..., Page], browser: Browser, sign: str, encrypt: str, self_contained: bool
) -> None:
    """An assertion encrypted for the key in our metadata signs in, also one that was signed before.

    python3-saml by itself refuses the latter: put back into the Response, its prefixes change.
    """
    page = answered(OURS, sign=sign, encrypt=encrypt, self_contained=self_contained)
    assert message(page).find(f"{_ASSERTION}EncryptedAssertion") is not None
    assert message(page).find(f"{_ASSERTION}Assertion") is None
    assert encrypt.encode() in etree.tostring(message(page))
    assert seen(browser.submit(page, follow=True))["user"] == "ada@example.com"


@pytest.mark.parametrize("encrypt", ["aes128-cbc", "aes256-cbc"])
@pytest.mark.parametrize(
    ("sign", "allow_cbc", "accepted"),
    [
        ("response", "yes", True),
        ("both", "yes", True),
        ("assertion", "yes", False),
        ("response", "no", False),
        ("both", "no", False),
        ("assertion", "no", False),
    ],
)
def test_encrypted_by_cbc(
    answered: Callable[..., Page],
    browser: Browser,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    encrypt: str,
    sign: str,
    allow_cbc: str,
    accepted: bool,
) -> None:
    """CBC signs in with idp.allow_cbc and inside a signed Response; otherwise the log says why."""
    page = browser.submit(
        answered(OURS | {"idp__allow_cbc": allow_cbc}, sign=sign, encrypt=encrypt), follow=True
    )
    if accepted:
        assert seen(page)["user"] == "ada@example.com"
        return
    assert page.status == 403
    assert "code=encryption_refused" in caplog.text
    assert "idp.allow_cbc" in caplog.text
    assert service.users() == []


@pytest.mark.parametrize(("allow_cbc", "accepted"), [("yes", True), ("no", False)])
def test_what_pysaml2_does_by_itself(
    answered: Callable[..., Page],
    browser: Browser,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    allow_cbc: str,
    accepted: bool,
) -> None:
    """Triple DES in CBC, pysaml2's only choice without help, is as good as AES in CBC: only where allowed."""
    options = OURS | {"idp__allow_cbc": allow_cbc}
    page = browser.submit(answered(options, sign="both", encrypt="tripledes-cbc"), follow=True)
    if accepted:
        assert seen(page)["user"] == "ada@example.com"
        return
    assert page.status == 403
    assert "code=encryption_refused" in caplog.text
    assert "tripledes-cbc" in caplog.text
    assert service.users() == []


def test_without_a_key_nothing_is_encrypted(answered: Callable[..., Page], browser: Browser) -> None:
    """Metadata without a key asks for no encryption, and pysaml2 then sends the assertion as it is."""
    page = answered(sign="both", encrypt="aes128-gcm")
    assert message(page).find(f"{_ASSERTION}Assertion") is not None
    assert seen(browser.submit(page, follow=True))["user"] == "ada@example.com"


def test_an_answer_is_used_once(
    answered: Callable[..., Page], browser: Browser, service: Service, authority: Authority
) -> None:
    """The same encrypted answer in another browser signs nobody in."""
    page = answered(OURS, sign="both", encrypt="aes128-gcm")
    assert browser.submit(page, follow=True).url == f"{service.origin}/pages/7?edit=1"
    thief = Browser(HTTPTransport(context=authority.client))
    assert not thief.submit(page).text.count("Hello")
    assert service.count("POST", "/saml/acs") == 2
