"""Nobody is signed in by what the identity provider didn't sign, whatever else stands in the message."""

from __future__ import annotations

import pytest

from tests.attack.forging import FORGERIES
from tests.attack.scene import SIGNING, assert_refused
from tests.attack.wrapping import HARMLESS, SHAPES
from tests.unit.protocol.test_signature_wrapping import EVIL


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", FORGERIES)
def test_forgery(scene, name, sign):
    """A signature that is missing, somebody else's, made by other means or for something else is refused."""
    forge, codes = FORGERIES[name]
    here = scene()
    assert_refused(here, forge(here, sign), *codes, then=here.answer(sign=sign))


@pytest.mark.parametrize("sign", SIGNING)
@pytest.mark.parametrize("name", SHAPES)
def test_wrapping(scene, name, sign):
    """A message in which the signed element isn't the one that speaks is refused."""
    here = scene(with_key=True)
    form = here.tampered(SHAPES[name], sign=sign)
    assert EVIL.encode() in form.message
    assert_refused(
        here, form, "shape_refused", "schema_invalid", "signature_invalid", then=here.answer(sign=sign)
    )


@pytest.mark.parametrize("name", HARMLESS)
def test_unsigned_surroundings_do_not_matter(scene, name):
    """Around a signed assertion anybody may write: who signs in is whom the assertion names."""
    here = scene()
    here.browser.follow(here.post(here.tampered(HARMLESS[name], sign="assertion")))
    assert here.who == "mara@example.test"
    assert EVIL not in here.log.text
