"""Signature wrapping: a message that holds a good signature, and says something else than what was signed.

The eight shapes of "On Breaking SAML" (USENIX Security 2012), made by moving elements of a good message.
"""

from __future__ import annotations

import pytest
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol import engine
from saml_wsgi.protocol.guard import Guard
from tests.unit.protocol.tampering import SIGNATURE, after_signing, fragment, put, write

MODES = ["response", "assertion", "both"]
EVIL = "root@evil.test"


def copy(element):
    return etree.fromstring(etree.tostring(element))


def unsigned(element):
    """A copy without the signature of the element itself."""
    made = copy(element)
    signature = made.find(SIGNATURE)
    if signature is not None:
        made.remove(signature)
    return made


def forged(element):
    """A copy that says what the attacker wants, under another ID."""
    made = copy(element)
    made.set("ID", "_evil")
    for name_id in made.iter("{*}NameID"):
        name_id.text = EVIL
    return made


def assertion_of(tree):
    return tree.find("{*}Assertion")


def xsw1(tree):
    """The signed response inside the signature of a forged one."""
    evil = forged(tree)
    signature = next(evil.iter(SIGNATURE))
    signature.append(unsigned(tree))
    return evil


def xsw2(tree):
    """The signed response before the signature of a forged one."""
    evil = forged(tree)
    signature = next(evil.iter(SIGNATURE))
    signature.addprevious(unsigned(tree))
    return evil


def xsw3(tree):
    """A forged assertion before the signed one."""
    evil = unsigned(forged(assertion_of(tree)))
    assertion_of(tree).addprevious(evil)


def xsw4(tree):
    """The signed assertion inside a forged one."""
    original = assertion_of(tree)
    evil = unsigned(forged(original))
    tree.replace(original, evil)
    evil.append(original)


def xsw5(tree):
    """A forged assertion with the signature, and the signed one behind it."""
    original = assertion_of(tree)
    tree.replace(original, forged(original))
    tree.append(unsigned(original))


def xsw6(tree):
    """The signed assertion inside the signature of a forged one."""
    original = assertion_of(tree)
    evil = forged(original)
    tree.replace(original, evil)
    next(tree.iter(SIGNATURE)).append(unsigned(original))


def xsw7(tree):
    """A forged assertion in Extensions, under the same ID."""
    original = assertion_of(tree)
    evil = unsigned(forged(original))
    evil.set("ID", original.get("ID"))
    extensions = fragment("<samlp:Extensions/>")
    extensions.append(evil)
    original.addprevious(extensions)


def xsw8(tree):
    """The signed assertion in an Object of the signature of a forged one."""
    original = assertion_of(tree)
    tree.replace(original, forged(original))
    holder = fragment("<ds:Object/>")
    holder.append(unsigned(original))
    next(tree.iter(SIGNATURE)).append(holder)


WRAPPINGS = [xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8]


@pytest.mark.parametrize("sign", MODES)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrapping_is_refused(service, sign, wrapping):
    """No wrapped message says anything to us, whatever is signed."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign)
    wrapped = after_signing(form, wrapping)
    assert EVIL.encode() in wrapped.message
    with pytest.raises(Refused) as refused:
        one.consume(wrapped)
    assert refused.value.code == "shape_refused"
    assert one.consume(form).name_id == "mara@example.test"


@pytest.mark.parametrize("sign", MODES)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrapping_is_refused_behind_the_guard_too(service, monkeypatch, sign, wrapping):
    """Even if the guard let everything through, no wrapped message would be believed."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign)
    monkeypatch.setattr(Guard, "inspect", lambda *_: None)
    with pytest.raises(Refused):
        one.consume(after_signing(form, wrapping))


NAME, ATTRIBUTE = "Assertion/Subject/NameID", "Assertion/AttributeStatement/Attribute/AttributeValue"
CHANGES = [
    (write(NAME, EVIL), MODES, "another name"),
    (write(ATTRIBUTE, "x"), MODES, "attribute"),
    (put("Assertion", ID="_other"), ["response"], "another ID of the assertion"),
    (put(".", IssueInstant="2020-01-01T00:00:00Z"), ["response", "both"], "another time"),
]


@pytest.mark.parametrize(
    ("change", "sign"),
    # Each where a signature covers it.
    [
        pytest.param(change, sign, id=f"{name}-{sign}")
        for change, modes, name in CHANGES
        for sign in MODES
        if sign in modes
    ],
)
def test_a_change_breaks_the_signature(service, sign, change):
    """What was signed can't be changed afterwards."""
    one = service()
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign)
    with pytest.raises(Refused) as refused:
        one.consume(after_signing(form, change))
    assert refused.value.code == "signature_invalid"


@pytest.mark.parametrize("sign", MODES)
def test_no_signature_at_all(service, sign):
    """A message whose signatures were taken away is nobody's."""
    one = service()

    def strip(tree):
        for signature in list(tree.iter(SIGNATURE)):
            signature.getparent().remove(signature)

    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign=sign)
    with pytest.raises(Refused, match="signature_missing"):
        one.consume(after_signing(form, strip))


def test_one_bad_signature_of_two(service):
    """Where both are signed, both must be good: neither covers up for the other."""
    one = service()

    def spoil(path):
        def change(tree):
            value = tree.find(path)
            value.text = "AAAA" + value.text.strip()[4:]

        return change

    for path in (
        "{*}Signature/{*}SignatureValue",
        "{*}Assertion/{*}Signature/{*}SignatureValue",
        "{*}Signature/{*}SignedInfo/{*}Reference/{*}DigestValue",
        "{*}Assertion/{*}Signature/{*}SignedInfo/{*}Reference/{*}DigestValue",
    ):
        form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="both")
        with pytest.raises(Refused, match="signature_invalid"):
            one.consume(after_signing(form, spoil(path)))


def test_the_spoilt_assertion_signature_alone(service):
    """A bad signature of the assertion refuses even if the response's covers the spoilt one."""
    one = service()

    def spoil_then_sign(tree):
        from saml_wsgi.testing import signer

        app = one.idp.app("wiki")
        signer.sign_element(tree.find("{*}Assertion"), app, one.idp.key(app))
        value = tree.find("{*}Assertion").find(SIGNATURE)[1]
        value.text = "AAAA" + value.text.strip()[4:]

    form = one.idp.response(
        "wiki", "mara", in_response_to=one.request.id, sign="response", tamper=spoil_then_sign
    )
    with pytest.raises(Refused, match="signature_invalid"):
        one.consume(form)


def test_nothing_is_verified_that_the_guard_refused(service, monkeypatch):
    """`read` neither verifies nor resolves anything: a forged message reaches no key."""
    one = service()
    monkeypatch.setattr(engine, "xmlsec", None)
    form = one.idp.response("wiki", "mara", in_response_to=one.request.id, sign="none")
    assert one.provider.read(form.fields["SAMLResponse"].encode()).in_response_to == one.request.id
