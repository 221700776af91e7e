"""What an attacker sends writes no lines into the log, and what is secret never stands there."""

from __future__ import annotations

import pytest

from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.transports import Sent, call, environ_for
from tests.attack.encrypting import encrypted
from tests.attack.forging import FORGERIES
from tests.attack.scene import ACS, SECRET, SSO, WIKI
from tests.unit.protocol.tampering import AUDIENCE, NAME_ID, add, at, put, together, write

LINES = "a\nCRITICAL saml_wsgi.events event=sign_in user=admin\r\n\x1b[2Jb"
#: The same without what XML can't hold.
XML_LINES = "a\nCRITICAL saml_wsgi.events event=sign_in user=admin\r\n\u0085\u2028\u202e\u200bb"


def assert_plain(log):
    """One line a record, of printable ASCII."""
    assert log.lines
    for line in log.lines:
        assert line.isascii(), line
        assert line.isprintable(), line


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(write(NAME_ID, XML_LINES), id="NameID"),
        pytest.param(
            write("Assertion/AttributeStatement/Attribute/AttributeValue", XML_LINES), id="attribute"
        ),
        pytest.param(put("Assertion/AttributeStatement/Attribute", Name=XML_LINES), id="attribute's name"),
        pytest.param(write(AUDIENCE, XML_LINES), id="audience"),
        pytest.param(write("Assertion/Issuer", XML_LINES), id="issuer"),
        pytest.param(put(".", Destination=XML_LINES), id="destination"),
        pytest.param(put("Assertion", Version=XML_LINES), id="version"),
        pytest.param(put("Assertion", IssueInstant=XML_LINES), id="time"),
        pytest.param(put("Status/StatusCode", Value=XML_LINES), id="status"),
        pytest.param(put("Assertion/AuthnStatement", SessionIndex=XML_LINES), id="session index"),
        pytest.param(add(".", "<x/>"), id="an element of nobody's"),
    ],
)
def test_lines_in_a_message(scene, tamper):
    """Whatever a signed message holds, a record stays one line of printable ASCII."""
    here = scene()
    here.browser.follow(here.post(here.answer(tamper=tamper)))
    assert_plain(here.log)


@pytest.mark.parametrize("algorithm", [XML_LINES, "x" * 10_000])
def test_lines_in_an_algorithm(scene, algorithm):
    """What anybody may write into a message that isn't verified is quoted, and short."""
    here = scene()

    def change(tree):
        at(tree, "Signature/SignedInfo/SignatureMethod").set("Algorithm", algorithm)

    here.post(here.tampered(change))
    assert here.code == "algorithm_refused"
    assert_plain(here.log)
    assert max(map(len, here.log.lines)) < 3_000


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_TYPE": LINES},
        {"CONTENT_LENGTH": LINES},
        {"HTTP_COOKIE": LINES},
        {"REQUEST_METHOD": LINES},
        {"PATH_INFO": f"/saml/{LINES}"},
        {"PATH_INFO": LINES},
        {
            "PATH_INFO": "/saml/login",
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": f"return_to={LINES}&attempt={LINES}",
        },
        {"PATH_INFO": "/saml/resume", "REQUEST_METHOD": "GET", "QUERY_STRING": f"slot={LINES}"},
        {"HTTP_USER_AGENT": LINES, "HTTP_ACCEPT": LINES, "REMOTE_ADDR": LINES},
        {"HTTP_SEC_FETCH_SITE": LINES, "HTTP_ORIGIN": LINES, "HTTP_HOST": LINES},
    ],
    ids=" ".join,
)
def test_lines_in_a_request(scene, environ):
    """Whatever stands in a request line or a header, a record stays one line of printable ASCII."""
    here = scene()
    here.post(b"<x/>")
    request = environ_for(Sent("POST", ACS, (("Content-Type", "application/x-www-form-urlencoded"),)))
    call(here.service.app, request | environ)
    assert_plain(here.log)


def everything_secret(here, form) -> dict[str, str]:
    """What must never be written down, by what it is."""
    secrets = {
        "session.secret": SECRET,
        "sp.private_key": SigningKey.cached("service").private_key.decode().splitlines()[5],
        "the message": form.fields["SAMLResponse"][400:440],
        "the message's XML": "AttributeStatement>",
        "an attribute": "Lindqvist",
        "a group": "Wiki Editors",
        "an e-mail address": "mara@example.test",
    }
    for kept in here.browser.cookies:
        secrets[f"the cookie {kept.name}"] = kept.value
        secrets[f"the signature of {kept.name}"] = kept.value.rpartition(".")[2]
    return secrets


def assert_discreet(here, form):
    for what, secret in everything_secret(here, form).items():
        assert secret not in here.log.text, what
        for record in here.log.records:
            assert secret not in str(vars(record)), what


def test_a_sign_in_is_discreet(scene):
    """A good sign-in writes no assertion, cookie, key or attribute into the log, at any level."""
    here = scene(with_key=True)
    for form in (here.answer(), encrypted(here)):
        here.sign_in()
        assert here.who == "mara@example.test"
        assert_discreet(here, form)
        here.browser.submit(here.browser.get(f"{WIKI}/saml/logout"), follow=True)
        assert_discreet(here, form)
        here.request = here.begin()


@pytest.mark.parametrize("name", FORGERIES)
def test_a_refusal_is_discreet(scene, name):
    """A message that is refused isn't written into the log, whatever is wrong with it."""
    here = scene(with_key=True)
    form = FORGERIES[name][0](here, "response")
    here.post(form)
    assert_discreet(here, form)


@pytest.mark.parametrize(
    ("options", "how"),
    [
        pytest.param({"resolvers": "existing"}, {}, id="nobody knows them"),
        pytest.param({"match": "email", "attributes__email": "nowhere"}, {}, id="missing attribute"),
        pytest.param({"match": "email", "attributes__email": "lastname"}, {}, id="no e-mail address"),
        pytest.param({"link__source": "nowhere"}, {}, id="nothing to link"),
        pytest.param({}, {"tamper": write(AUDIENCE, "https://other.example.test")}, id="another audience"),
        pytest.param({}, {"conditions_after": -1000}, id="expired"),
        pytest.param({}, {"session_not_on_or_after": 1}, id="a session too short"),
        pytest.param(
            {},
            {"tamper": write("Assertion/AttributeStatement/Attribute/AttributeValue", "Lindqvist\u200e")},
            id="an invisible character in an attribute",
        ),
        pytest.param(
            {},
            {"tamper": write(NAME_ID, "mara@example.test\u200b")},
            id="an invisible character in the NameID",
        ),
        pytest.param(
            {},
            {
                "tamper": together(
                    put(
                        "Assertion/AttributeStatement/Attribute/AttributeValue",
                        **{"{http://www.w3.org/2001/XMLSchema-instance}type": "xs:integer"},
                    ),
                    write("Assertion/AttributeStatement/Attribute/AttributeValue", "Lindqvist"),
                ),
                "xsi_type": True,
            },
            id="a type that it isn't of",
        ),
    ],
)
def test_what_is_wrong_is_said_discreetly(scene, options, how):
    """The reason names what was expected and which attributes came, never what was in them."""
    here = scene(**options)
    form = here.answer(**how)
    page = here.post(form)
    assert page.status == 403, page.location
    assert_discreet(here, form)


def test_a_bug_is_discreet(services, monkeypatch):
    """A traceback names code. It holds no assertion, and the page holds none of it."""
    here = services(resolvers="jit").scene()
    monkeypatch.setattr(here.service.app, "_resolver", None)
    form = here.answer()
    page = here.post(form)
    assert page.status == 500
    assert "Traceback" in here.log.text
    assert "Traceback" not in page.text
    assert "NoneType" not in page.text
    assert_discreet(here, form)


def test_a_store_that_fails_is_discreet(services, monkeypatch):
    """An outage names the trouble, and none of what was to be stored."""
    from saml_wsgi.errors import StoreUnavailable

    here = services(session__grace=0).scene()

    def fail(*_args, **_how):
        raise StoreUnavailable("no route to the host")

    store = here.service.app.provider._store
    monkeypatch.setattr(store, "add", fail)
    monkeypatch.setattr(store, "put", fail)
    form = here.answer()
    page = here.post(form)
    assert page.status == 503
    assert page.all("Set-Cookie") == []
    assert "no route" not in page.text
    assert_discreet(here, form)
    assert SSO not in here.log.text
