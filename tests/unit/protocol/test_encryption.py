"""Decryption by the ``cryptography`` package of what xmlsec, another implementation, encrypted."""

from __future__ import annotations

import base64
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from saml_wsgi.errors import Refused
from saml_wsgi.protocol.encryption import CBC, GCM, Decryption
from saml_wsgi.protocol.provider import SigningKey as Pair
from saml_wsgi.testing.encrypter import encrypted_assertion
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App

XENC = "{http://www.w3.org/2001/04/xmlenc#}"
XENC11 = "{http://www.w3.org/2009/xmlenc11#}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
PLAINTEXT = "<Assertion>Søren &amp; 由紀</Assertion>".encode()

CONTENT = ("aes128-gcm", "aes192-gcm", "aes256-gcm", "aes128-cbc", "aes192-cbc", "aes256-cbc")
HASHES = ("", "sha1", "sha256", "sha384", "sha512")
TRANSPORTS = [("rsa-oaep-mgf1p", digest, "") for digest in HASHES] + [
    ("rsa-oaep", digest, mask) for digest in HASHES for mask in HASHES
]
# The wrapped key's place alternates: it has nothing to do with the algorithms.
PLACES = itertools.cycle(("inside", "beside"))
ALL = [(content, transport, next(PLACES)) for content in CONTENT for transport in TRANSPORTS]


def encrypted(plaintext=PLAINTEXT, encrypt="aes256-gcm", to="service", **shape):
    """What is sent, as the receiver's parser sees it."""
    app = App(
        name="wiki",
        sp_entity_id="wiki",
        acs_urls=("https://wiki.example.test/saml/acs",),
        sp_certificate=SigningKey.cached(to).certificate.decode(),
        encrypt=encrypt,
    ).changed(**shape)
    return etree.fromstring(etree.tostring(encrypted_assertion(plaintext, app)))


def ours(**how):
    return Decryption.from_pem(SigningKey.cached("service").private_key.decode(), **how)


def refusal(decryption, element, *, covered=True):
    with pytest.raises(Refused) as refused:
        decryption.decrypt(element, covered=covered)
    return refused.value.code, refused.value.detail


def cipher_values(element):
    """Of the wrapped key, and of the assertion."""
    key = next(element.iter(f"{XENC}EncryptedKey"))
    data = next(element.iter(f"{XENC}EncryptedData"))
    path = f"{XENC}CipherData/{XENC}CipherValue"
    return key.find(path), data.find(path)


def changed(value, change):
    """The ciphertext with its bytes changed."""
    value.text = base64.b64encode(change(base64.b64decode(value.text))).decode()


def flipped(position):
    def change(octets):
        at = position % len(octets)
        return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]

    return change


@pytest.mark.parametrize(
    ("content", "transport", "encrypted_key"),
    ALL,
    ids=lambda value: value if isinstance(value, str) else "+".join(filter(None, value)),
)
def test_everything_that_is_accepted_can_be_decrypted(content, transport, encrypted_key):
    """Each pair of algorithms, with every digest and mask named or not, wherever the wrapped key stands."""
    key_transport, oaep_digest, oaep_mask = transport
    element = encrypted(
        encrypt=content,
        key_transport=key_transport,
        oaep_digest=oaep_digest,
        oaep_mask=oaep_mask,
        encrypted_key=encrypted_key,
    )
    assert ours(allow_cbc=True).decrypt(element, covered=True) == PLAINTEXT


@settings(max_examples=60)
@given(plaintext=st.binary(min_size=1, max_size=100), content=st.sampled_from(CONTENT))
def test_any_length(plaintext, content):
    """Whatever was encrypted comes back byte for byte, also where it fills no block or several."""
    element = encrypted(plaintext, content)
    assert ours(allow_cbc=True).decrypt(element, covered=True) == plaintext


@pytest.mark.parametrize("content", [name for name in CONTENT if name.endswith("cbc")])
@pytest.mark.parametrize(
    ("allow_cbc", "covered", "accepted"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_cbc_needs_the_operator_and_a_signature(content, allow_cbc, covered, accepted):
    """CBC is decrypted where idp.allow_cbc says so and a signature covers it; the log says why not."""
    decryption, element = ours(allow_cbc=allow_cbc), encrypted(encrypt=content)
    if accepted:
        assert decryption.decrypt(element, covered=covered) == PLAINTEXT
        return
    code, detail = refusal(decryption, element, covered=covered)
    assert code == "encryption_refused"
    assert content in detail
    assert "idp.allow_cbc" in detail


def test_cbc_that_is_not_allowed_touches_no_key():
    """A refused algorithm is refused before the private key is used, so there is nothing to measure."""

    class Untouchable:
        def decrypt(self, *_):
            raise AssertionError("the key was used")

    element = encrypted(encrypt="aes128-cbc")
    assert refusal(Decryption(Untouchable()), element)[0] == "encryption_refused"
    assert (
        refusal(Decryption(Untouchable(), allow_cbc=True), element, covered=False)[0] == "encryption_refused"
    )


@pytest.mark.parametrize("content", ["aes128-gcm", "aes256-gcm"])
def test_gcm_needs_no_switch_and_no_signature_around_it(content):
    """GCM authenticates itself: a changed ciphertext tells nobody anything."""
    assert ours().decrypt(encrypted(encrypt=content), covered=False) == PLAINTEXT


def relabelled(algorithm):
    def change(element):
        element.find(f"{XENC}EncryptedData/{XENC}EncryptionMethod").set("Algorithm", algorithm)

    return change


def on(which, change):
    return lambda element: changed(cipher_values(element)[which], change)


def text(which, value):
    def change(element):
        cipher_values(element)[which].text = value

    return change


def another_digest(element):
    method = next(element.iter(f"{XENC}EncryptedKey")).find(f"{XENC}EncryptionMethod")
    etree.SubElement(method, f"{DS}DigestMethod", Algorithm="http://www.w3.org/2001/04/xmlenc#sha256")


def another_mask(element):
    method = next(element.iter(f"{XENC}EncryptedKey")).find(f"{XENC}EncryptionMethod")
    etree.SubElement(method, f"{XENC11}MGF", Algorithm=f"{XENC11[1:-1]}mgf1sha256")


GCM_256, GCM_128 = f"{XENC11[1:-1]}aes256-gcm", f"{XENC11[1:-1]}aes128-gcm"
CBC_256 = f"{XENC[1:-1]}aes256-cbc"

BROKEN = {
    "nonce changed": on(1, flipped(0)),
    "ciphertext changed": on(1, flipped(20)),
    "tag changed": on(1, flipped(-1)),
    "tag cut off": on(1, lambda octets: octets[:-16]),
    "one byte short": on(1, lambda octets: octets[:-1]),
    "one byte more": on(1, lambda octets: octets + b"\0"),
    "nonce only": on(1, lambda octets: octets[:12]),
    "less than a nonce": on(1, lambda octets: octets[:5]),
    "no ciphertext": text(1, None),
    "no base64": text(1, "###"),
    "not even ASCII": text(1, "ä"),
    "base64 with a tail": lambda element: text(1, cipher_values(element)[1].text + "A")(element),
    "key changed": on(0, flipped(7)),
    "key too short": on(0, lambda octets: octets[:-1]),
    "key too long": on(0, lambda octets: octets + octets),
    "key empty": text(0, None),
    "key zero": on(0, lambda octets: bytes(len(octets))),
    "key no base64": text(0, "###"),
    "key wrapped under another digest": another_digest,
    "key wrapped under another mask": another_mask,
    "key of another length": relabelled(GCM_128),
    "labelled as CBC": relabelled(CBC_256),
    "labelled as triple DES": relabelled("http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
    "labelled as nothing known": relabelled("urn:nothing"),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_every_failure_looks_the_same(change):
    """Whatever is wrong with key or ciphertext, code and detail are those of a message for somebody else."""
    element = encrypted(key_transport="rsa-oaep")
    change(element)
    expected = refusal(ours(), encrypted(to="somebody else"))
    assert refusal(ours(allow_cbc=True), element) == expected
    assert expected[0] == "encryption_refused"


@pytest.mark.parametrize("position", range(1, 18))
def test_cbc_paddings_look_the_same(position):
    """Under CBC a wrong padding, a block too few and none at all look like a wrong key."""
    element = encrypted(encrypt="aes128-cbc")
    changed(cipher_values(element)[1], lambda octets: octets[:-position])
    expected = refusal(ours(allow_cbc=True), encrypted(to="somebody else", encrypt="aes128-cbc"))
    # A whole block less ends in text, and no letter here is a padding's length.
    assert refusal(ours(allow_cbc=True), element) == expected


def test_gcm_labelled_as_cbc_and_back():
    """A ciphertext is only ever opened in the mode that it was made in."""
    element = encrypted(encrypt="aes256-cbc")
    relabelled(GCM_256)(element)
    assert refusal(ours(allow_cbc=True), element)[0] == "encryption_refused"


def test_rsa_1_5_is_not_unwrapped():
    """A key that was wrapped by RSA 1.5 doesn't open, even if the guard had let it through."""
    assert refusal(ours(), encrypted(key_transport="rsa-1_5"))[0] == "encryption_refused"


@pytest.mark.parametrize("order", [("service", "somebody else"), ("somebody else", "service")])
def test_keys_for_several_receivers(order):
    """Of several wrapped keys the one that is ours opens, wherever it stands."""
    element, other = encrypted(), encrypted(to="somebody else")
    key = next(element.iter(f"{XENC}EncryptedKey"))
    foreign = next(other.iter(f"{XENC}EncryptedKey"))
    (key.addnext if order[0] == "service" else key.addprevious)(foreign)
    assert ours().decrypt(element, covered=False) == PLAINTEXT


@settings(max_examples=60)
@given(key=st.binary(max_size=300), data=st.binary(max_size=100), content=st.sampled_from(sorted(GCM | CBC)))
def test_any_bytes(key, data, content):
    """Whatever stands where ciphertext should, nothing but a refusal comes out."""
    element = encrypted()
    relabelled(content)(element)
    changed(cipher_values(element)[0], lambda _octets: key)
    changed(cipher_values(element)[1], lambda _octets: data)
    assert refusal(ours(allow_cbc=True), element)[0] == "encryption_refused"


@settings(max_examples=60)
@given(data=st.binary(max_size=100), content=st.sampled_from(CONTENT))
def test_any_bytes_under_the_right_key(data, content):
    """Under CBC any bytes may open as something, under GCM none does; there is never another error."""
    element = encrypted(encrypt=content)
    changed(cipher_values(element)[1], lambda _octets: data)
    if content.endswith("gcm"):
        assert refusal(ours(allow_cbc=True), element)[0] == "encryption_refused"
        return
    try:
        assert len(ours(allow_cbc=True).decrypt(element, covered=True)) < len(data)
    except Refused as refused:
        assert refused.code == "encryption_refused"  # noqa: PT017  either may happen


def test_eight_threads():
    """One Decryption serves eight threads at once, good and bad messages mixed, without mixing them up."""
    decryption = ours(allow_cbc=True)
    mixed = [
        encrypted(f"<Assertion>{number}</Assertion>".encode(), CONTENT[number % 6]) for number in range(12)
    ]
    broken = encrypted()
    changed(cipher_values(broken)[1], flipped(-1))
    foreign = encrypted(to="somebody else")
    begin = threading.Barrier(8)
    wrong, finished = [], []

    def work(offset):
        begin.wait()
        for turn in range(60):
            number = (turn + offset) % 12
            opened = decryption.decrypt(mixed[number], covered=True)
            if opened != f"<Assertion>{number}</Assertion>".encode():
                wrong.append((number, opened))
            for bad in (broken, foreign):
                try:
                    wrong.append(decryption.decrypt(bad, covered=True))
                except Refused as refused:
                    if refused.code != "encryption_refused":
                        wrong.append(refused)
        finished.append(offset)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(finished) == 8


def test_the_machines_certificates_are_never_read(tmp_path):
    """Signing in by an encrypted assertion opens neither SSL_CERT_FILE nor SSL_CERT_DIR.

    Both name a FIFO that nobody writes: whoever opens it waits for ever, which ends the child.
    """
    fifo = tmp_path / "certificates.pem"
    os.mkfifo(fifo)
    program = Path(__file__).with_name("decrypting_alone.py")
    done = subprocess.run(
        [sys.executable, str(program), str(fifo)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mara@example.test"] * 4 + ["signature_invalid"]


def test_what_is_kept_says_nothing():
    """Nobody who prints what holds the private key, or finds it in a traceback, sees the key."""
    private = SigningKey.cached("service").private_key.decode()
    shown = repr(Pair(private, "certificate")) + repr(ours())
    assert private.splitlines()[1] not in shown
