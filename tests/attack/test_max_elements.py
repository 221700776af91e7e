"""``idp.max_elements``: good messages of that many elements sign in; one element more is refused."""

from __future__ import annotations

import pytest
from lxml import etree

from saml_wsgi.testing.people import Person
from tests.attack.encrypting import encrypted
from tests.attack.scene import Scene, assert_refused

#: More groups than the least that can be configured.
CROWD = Person(username="crowd", email="mara@example.test", groups=tuple(f"g{n:03}" for n in range(120)))


def plain(scene: Scene) -> tuple[int, bytes]:
    """A message of many elements, and how many."""
    message = scene.answer(CROWD, sign="both").message
    return len(list(etree.fromstring(message).iter())), message


def sealed(scene: Scene) -> tuple[int, bytes]:
    """A message of few elements, and how many there are in what was encrypted."""
    counts = []

    def count(assertion: bytes) -> bytes:
        counts.append(len(list(etree.fromstring(assertion).iter())))
        return assertion

    message = encrypted(scene, sign="both", user=CROWD, text=count).message
    return counts[0], message


@pytest.mark.parametrize("made", [plain, sealed])
def test_good_message_at_the_limit(scene, made):
    """It signs in where just as many elements are allowed, in the message or in what was encrypted."""
    here = scene(idp__max_elements=made(scene(with_key=True))[0], with_key=True)
    here.browser.follow(here.post(made(here)[1]))
    assert here.who == "mara@example.test"


@pytest.mark.parametrize("made", [plain, sealed])
def test_good_message_of_one_element_more(scene, made):
    """It is refused where one element less is allowed: the trace names the option, no page does."""
    limit = made(scene(with_key=True))[0] - 1
    here = scene(idp__max_elements=limit, with_key=True)
    message = made(here)[1]
    assert_refused(here, message, "shape_refused")
    page = here.post(message)
    assert f"{limit + 1} elements; idp.max_elements is {limit}" in here.log.text
    assert b"max_elements" not in page.body
    assert "shape_refused" not in page.text
