"""People who have written another one's key into their own entry."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import Ambiguous

ZED = "cn=Zed,ou=people,dc=example,dc=test"
AARON = "cn=Aaron,ou=people,dc=example,dc=test"


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("mail", {"mail": "aaron@x.test"}),
        ("mail", {"mail": ["zed@x.test", "aaron@x.test"]}),
        ("employeeNumber", {"employeeNumber": "7"}),
        ("uid", {"uid": ["zed", "aaron"]}),
    ],
)
def test_a_key_that_two_people_have(find, person, key, own):
    """Nobody is signed in whose key is another one's, too: they may have written it there."""
    zed = person(ZED, **({"uid": "zed"} | own))
    with pytest.raises(Ambiguous, match="Aaron"):
        find(zed, [zed, person(AARON, **own)], keys={"username": "zed"}, key=key, groups="none")


def test_a_key_that_one_person_has(find, person):
    """Everybody else is asked for once more, by the key, however their name is written then."""
    zed = person(ZED, uid="zed", mail="zed*@x.test")
    again = person(ZED.replace(",", ", ").upper(), mail="zed*@x.test")
    profile, script = find(zed, again, keys={"username": "zed"}, key="mail", groups="none")
    assert profile.subject == "mail:zed*@x.test"
    assert script.asked[1][2].endswith("(mail=zed\\2a@x.test))")


@pytest.mark.parametrize("key", ["uid", "entryUUID", "objectGUID"])
def test_keys_that_cannot_be_shared(find, person, key):
    """Who was found by the key itself, or whose key a server makes, is asked for once."""
    zed = person(ZED, uid="zed", entryUUID="8c1f", objectGUID=bytes(16))
    _, script = find(zed, keys={"username": "zed"}, key=key, groups="none")
    assert len(script.asked) == 1
