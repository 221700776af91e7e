"""Sign-ins through the whole middleware by what many identity providers send, in all their habits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from saml_wsgi.testing.keys import SigningKey
from tests.flow.conftest import WIKI
from tests.flow.pairs import pairwise

KEY = SigningKey.cached("service")
OPTIONS = {
    "sp__private_key": KEY.private_key.decode(),
    "sp__certificate": KEY.certificate.decode(),
    "idp__allow_cbc": "yes",
}

_FORMAT = "urn:oasis:names:tc:SAML:{}:nameid-format:{}"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_URN = "urn:oid:"

#: Each row's value is a set of knobs that belong together.
HABITS: dict[str, list[dict[str, Any]]] = {
    "signed": [{"sign": "response"}, {"sign": "assertion"}, {"sign": "both"}],
    "algorithm": [{"algorithm": "sha256"}, {"algorithm": "sha512"}],
    "encrypted": [
        {"encrypt": name}
        for name in ("", "aes128-gcm", "aes192-gcm", "aes256-gcm", "aes128-cbc", "aes192-cbc", "aes256-cbc")
    ],
    "key": [
        {"key_transport": "rsa-oaep-mgf1p"},
        {"key_transport": "rsa-oaep-mgf1p", "oaep_digest": "sha1"},
        {"key_transport": "rsa-oaep-mgf1p", "oaep_digest": "sha256"},
        {"key_transport": "rsa-oaep"},
        {"key_transport": "rsa-oaep", "oaep_digest": "sha256", "oaep_mask": "sha256"},
        {"key_transport": "rsa-oaep", "oaep_digest": "sha512", "oaep_mask": "sha1"},
    ],
    "place": [{"encrypted_key": "inside"}, {"encrypted_key": "beside"}],
    "prefixes": [
        {},
        {"protocol_prefix": "samlp", "assertion_prefix": "saml", "signature_prefix": "dsig"},
        {"protocol_prefix": "", "assertion_prefix": "", "signature_prefix": "", "encryption_prefix": ""},
        {"protocol_prefix": "a", "assertion_prefix": "a", "signature_prefix": "a", "encryption_prefix": "a"},
        {"protocol_prefix": "saml", "assertion_prefix": "samlp", "signature_prefix": "xenc"},
    ],
    "times": [{"timestamps": "seconds"}, {"timestamps": "milliseconds"}],
    "validity": [
        {},
        {"conditions_before": 0, "conditions_after": 60, "confirmation_after": 60},
        {"conditions_after": 86400, "confirmation_after": 86400},
        {"conditions_after": 86400, "session_not_on_or_after": 28800},
    ],
    "layout": [{}, {"indented": True}, {"indented": True, "padded_name_id": True}, {"padded_name_id": True}],
    "names": [
        {},
        {
            "attributes": (
                (f"{_URN}0.9.2342.19200300.100.1.3", "email"),
                (f"{_URN}2.5.4.42", "firstname"),
                (f"{_URN}2.5.4.4", "lastname"),
            ),
            "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
        },
        {
            "attributes": (
                (f"{_CLAIMS}emailaddress", "email"),
                (f"{_CLAIMS}givenname", "firstname"),
                (f"{_CLAIMS}surname", "lastname"),
            ),
        },
    ],
    "types": [{}, {"xsi_type": True}, {"xsi_type": True, "inclusive_namespaces": "xs"}],
    "groups": [{"groups": "one"}, {"groups": "repeated"}],
    "order": [{"attribute_order": "configured"}, {"attribute_order": "shuffled"}],
    "empty": [
        {"empty_fields": "omitted"},
        {"empty_fields": "sent", "constant_attributes": (("department", ""),)},
    ],
    "certificate": [{"key_info": True}, {"key_info": False}],
    "lines": [{"signature_lines": "lf"}, {"signature_lines": "crlf"}, {"signature_lines": "none"}],
    "declaration": [{"xml_declaration": True}, {"xml_declaration": False}],
    "session": [{"session_index": True}, {"session_index": False}],
    "subject": [
        {},
        {"nameid_format": _FORMAT.format("1.1", "emailAddress")},
        {"nameid_format": _FORMAT.format("2.0", "persistent")},
        {"nameid_format": _FORMAT.format("1.1", "unspecified")},
    ],
    "request": [{"declare_redirect": False}, {"declare_redirect": True}],
}


def knobs(row: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The row as knobs; by CBC only inside a signed Response, since nothing else is accepted."""
    together = {name: value for habit in row.values() for name, value in habit.items()}
    if together["encrypt"].endswith("cbc") and together["sign"] == "assertion":
        together["sign"] = "both"
    return together


ROWS = [knobs(row) for row in pairwise(HABITS)]


@pytest.fixture
def signs_in(protect, browse, sign_in, saml_idp):
    """Signs somebody in whose identity provider has these habits; the application's answer."""

    def go(username="soren", **habits):
        saml_idp.change_app("wiki", sp_certificate=KEY.certificate.decode(), **habits)
        return sign_in(browse(protect(**OPTIONS)), f"{WIKI}/pages/7?edit=1", username)

    return go


def assert_is_soren(page: Any) -> None:
    assert page.status == 200, page.text
    assert page.url == f"{WIKI}/pages/7?edit=1"
    seen = json.loads(page.text)
    assert seen["remote_user"] == seen["user"]["email"] == "soren@example.test"
    assert seen["user"]["first_name"] == "Søren"
    assert seen["user"]["last_name"] == "O'Brien & Sønner"
    # Their order is nobody's promise where attributes are shuffled.
    groups = sorted(["Staff", "Büro Köln", 'R&D <"Labs">'])
    assert sorted(seen["user"]["groups"]) == sorted(seen["attributes"]["memberOf"]) == groups


@pytest.mark.parametrize("habits", ROWS, ids=range(len(ROWS)))
def test_every_two_habits_together(signs_in, habits):
    """Whichever two habits an identity provider has, people sign in, and are who it said."""
    assert_is_soren(signs_in(**habits))


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
@pytest.mark.parametrize("encrypt", ["", "aes128-gcm", "aes256-gcm"])
@pytest.mark.parametrize(
    "habit",
    [
        {"timestamps": "milliseconds"},
        {"conditions_after": 86400, "confirmation_after": 86400},
        {"indented": True, "padded_name_id": True},
        HABITS["prefixes"][2],
        HABITS["names"][1],
        HABITS["names"][2],
    ],
    ids=["milliseconds", "valid for a day", "pretty-printed", "no prefixes", "urn:oid names", "claims URIs"],
)
def test_well_known_habits(signs_in, sign, encrypt, habit):
    """The habits that are seen most, whatever is signed and encrypted."""
    assert_is_soren(signs_in(sign=sign, encrypt=encrypt, **habit))


def test_the_rows_meet():
    """The selection has each pair of values at least once, and far fewer rows than combinations."""
    rows = pairwise({"a": [1, 2, 3], "b": [1, 2, 3, 4], "c": [1, 2]})
    for one, other, count in (("a", "b", 12), ("a", "c", 6), ("b", "c", 8)):
        assert len({(row[one], row[other]) for row in rows}) == count
    assert len(rows) < 24
    assert len(ROWS) < 100
