"""Scripted sign-ins through SimpleSAMLphp, which this project didn't write, from its metadata alone."""

from __future__ import annotations

import base64
import json
import re
from html import unescape
from typing import Any

import pytest
from lxml import etree

from saml_wsgi.testing.browser import Browser, Page
from saml_wsgi.testing.transports import HTTPTransport
from tests.real.service import Service
from tests.real.simplesamlphp import EMAIL, PEOPLE, PERSISTENT, TRANSIENT, UNSPECIFIED, Person, SimpleSAMLphp
from tests.real.tls import Authority

pytestmark = pytest.mark.real("simplesamlphp")

ADA, ZOE = PEOPLE

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_SIGNED = {"assertion": {"Assertion"}, "response": {"Response"}, "both": {"Assertion", "Response"}}


@pytest.fixture
def browser(authority: Authority) -> Browser:
    return Browser(HTTPTransport(context=authority.client))


def sign_in(browser: Browser, page: Page, person: Person, password: str = "") -> Page:
    """Fill in SimpleSAMLphp's form, which the page must be."""
    form = next(index for index, form in enumerate(page.forms) if "password" in form.values)
    fields = {"username": person.username, "password": password or person.password}
    return browser.submit(page, fields, form=form, follow=True)


def go_on(browser: Browser, page: Page) -> Page:
    """What scripts on SimpleSAMLphp's pages do: post the answer; until there is none to post."""
    while any("SAMLResponse" in form.values for form in page.forms):
        page = browser.submit(page, follow=True)
    return page


def signed(page: Page) -> set[str]:
    """The local names of the elements of its answer that have a signature."""
    message = base64.b64decode(page.form().values["SAMLResponse"])
    return {
        signature.getparent().tag.partition("}")[2]
        for signature in etree.fromstring(message).iter(_SIGNATURE)
    }


def seen(page: Page) -> dict[str, Any]:
    """What the application says that it received."""
    found = re.search(r'<pre id="seen">(.*?)</pre>', page.text)
    assert found, f"{page!r} isn't the application's:\n{page.text}"
    return json.loads(unescape(found[1]))


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.username)
@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_a_sign_in_that_began_at_the_service(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser, sign: str, person: Person
) -> None:
    """Whoever asks for a deep link is sent away, signs in, and gets that page, whatever is signed."""
    simplesaml.register(service.entity_id, service.acs, sign=sign, name_id_format=EMAIL)
    service.serve(simplesaml.metadata())
    target = f"{service.origin}/pages/caf%C3%A9?q=a%26b&x=1+2"
    asked = browser.get(target, follow=True)
    assert asked.url.startswith(simplesaml.origin)
    answer = sign_in(browser, asked, person)
    assert signed(answer) == _SIGNED[sign]
    page = go_on(browser, answer)
    assert page.url == target
    there = seen(page)
    assert there["user"] == person.attributes["mail"][0]
    assert there["query"] == "q=a%26b&x=1+2"
    assert sorted(there["groups"]) == sorted(person.attributes["memberOf"])
    assert service.count("POST", "/saml/acs") == 1


@pytest.mark.parametrize("unsolicited", ["restart", "accept"])
@pytest.mark.parametrize("sign", ["assertion", "response", "both"])
def test_a_sign_in_that_began_at_the_identity_provider(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser, sign: str, unsolicited: str
) -> None:
    """An answer that nobody asked for ends signed in, on the page that it names; restarted or accepted."""
    simplesaml.register(service.entity_id, service.acs, sign=sign, name_id_format=EMAIL)
    service.serve(simplesaml.metadata(), idp__unsolicited=unsolicited)
    portal = simplesaml.portal(service.entity_id, relay_state="/reports?year=1843")
    page = go_on(browser, sign_in(browser, browser.get(portal, follow=True), ADA))
    assert page.url == f"{service.origin}/reports?year=1843"
    assert seen(page)["user"] == "ada@example.com"
    assert service.count("POST", "/saml/acs") == (2 if unsolicited == "restart" else 1)


def test_an_unsolicited_answer_is_refused_where_the_operator_says_so(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser
) -> None:
    """With idp.unsolicited = refuse an answer that nobody asked for ends on a page and signs nobody in."""
    simplesaml.register(service.entity_id, service.acs, name_id_format=EMAIL)
    service.serve(simplesaml.metadata(), idp__unsolicited="refuse")
    asked = browser.get(simplesaml.portal(service.entity_id), follow=True)
    page = go_on(browser, sign_in(browser, asked, ADA))
    assert page.status == 403
    assert "Please start here" in page.text
    assert service.users() == []


def test_the_user_is_created_once_and_updated_later(
    simplesaml: SimpleSAMLphp, service: Service, authority: Authority
) -> None:
    """The first sign-in makes a row in SQLite with what was asserted; the second finds the same one."""
    simplesaml.register(service.entity_id, service.acs, name_id_format=EMAIL)
    service.serve(simplesaml.metadata())
    for _ in range(2):
        browser = Browser(HTTPTransport(context=authority.client))
        asked = browser.get(f"{service.origin}/", follow=True)
        assert seen(go_on(browser, sign_in(browser, asked, ZOE)))["name"] == "Zoë Müller-Łukasiewicz"
    (user,) = service.users()
    assert user["username"] == user["email"] == "zoe@example.com"
    assert (user["first_name"], user["last_name"]) == ("Zoë", "Müller-Łukasiewicz")
    assert user["groups"] == ["Vertrieb & Südwest", "staff"]
    assert user["active"] == 1
    assert user["managed_by"].startswith("jit")


@pytest.mark.parametrize(
    ("name_id_format", "user"),
    [(EMAIL, "zoe@example.com"), (UNSPECIFIED, "zoë"), (PERSISTENT, "zoë"), (TRANSIENT, "zoë")],
    ids=["emailAddress", "unspecified", "persistent", "transient"],
)
def test_every_kind_of_name_identifier(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser, name_id_format: str, user: str
) -> None:
    """A person is known by an attribute, whatever the NameID is; or by a NameID that says who they are."""
    simplesaml.register(service.entity_id, service.acs, name_id_format=name_id_format)
    named = "NameID" if name_id_format == EMAIL else "uid"
    service.serve(simplesaml.metadata(), attributes__username=named)
    page = go_on(browser, sign_in(browser, browser.get(f"{service.origin}/", follow=True), ZOE))
    assert seen(page)["user"] == user


def test_a_wrong_password_never_signs_in(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser
) -> None:
    """With a wrong password the person stays at the identity provider, and the service asks again."""
    simplesaml.register(service.entity_id, service.acs, name_id_format=EMAIL)
    service.serve(simplesaml.metadata())
    asked = browser.get(f"{service.origin}/page", follow=True)
    page = go_on(browser, sign_in(browser, asked, ADA, password="guess"))
    assert page.url.startswith(simplesaml.origin)
    assert "Incorrect username or password" in page.text
    assert service.count("POST", "/saml/acs") == 0
    assert service.users() == []
    assert browser.get(f"{service.origin}/page", follow=True).url.startswith(simplesaml.origin)


def test_an_answer_is_used_once(
    simplesaml: SimpleSAMLphp, service: Service, browser: Browser, authority: Authority
) -> None:
    """The same answer, posted again, leads its own browser on and signs nobody else in."""
    simplesaml.register(service.entity_id, service.acs, name_id_format=EMAIL)
    service.serve(simplesaml.metadata())
    answer = sign_in(browser, browser.get(f"{service.origin}/page?n=1", follow=True), ADA)
    assert "SAMLResponse" in answer.form().values
    assert browser.submit(answer, follow=True).url == f"{service.origin}/page?n=1"
    assert browser.submit(answer, follow=True).url == f"{service.origin}/page?n=1"
    thief = Browser(HTTPTransport(context=authority.client))
    assert thief.submit(answer, follow=True).url.startswith(simplesaml.origin)
    assert thief.get(f"{service.origin}/page?n=1", follow=True).url.startswith(simplesaml.origin)
