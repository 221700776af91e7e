"""Keys: one purpose is not another, one service not another, and secrets rotate."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saml_wsgi.signing import Keys, digest

OLD = "the old secret, which is long enough"
NEW = "the new secret, which is long enough"
NEWEST = "the newest secret, which is long enough"
KEYS = Keys(OLD, context="wiki")


@given(st.text(max_size=100))
def test_signing(text):
    """What was signed comes back for its purpose alone."""
    try:
        signed = KEYS.sign("a", text)
    except UnicodeEncodeError:  # no text that could travel
        return
    except UnicodeDecodeError:  # likewise: only ASCII is ever signed
        return
    assert KEYS.unsign("a", signed) == text
    assert KEYS.unsign("b", signed) is None


@given(st.binary(max_size=100))
def test_sealing(data):
    """What was sealed comes back for its purpose alone, whatever bytes it holds."""
    sealed = KEYS.seal("a", data)
    assert KEYS.unseal("a", sealed) == data
    assert KEYS.unseal("b", sealed) is None
    assert KEYS.unseal("a", sealed + b"x") is None
    assert KEYS.unseal("a", b"x" + sealed) is None
    assert sealed.endswith(b"." + data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inside: st.lists(inside, max_size=3),
)


@given(JSON)
def test_json(value):
    """A JSON value comes back for its purpose alone, as text for a cookie or an address."""
    text = KEYS.dumps("a", value)
    assert KEYS.loads("a", text) == value
    assert KEYS.loads("b", text) is None
    assert text.isascii()
    assert not set(text) & set(' ";,\\%&=+/')


@given(st.text(max_size=100), st.binary(max_size=100))
def test_garbage(text, data):
    """Nothing that wasn't signed is read, and nothing is raised."""
    assert KEYS.unsign("a", text) is None
    assert KEYS.loads("a", text) is None
    assert KEYS.unseal("a", data) is None


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (lambda keys: keys.sign("a", "x"), lambda keys, made: keys.unsign("a", made) == "x"),
        (lambda keys: keys.seal("a", b"x"), lambda keys, made: keys.unseal("a", made) == b"x"),
        (lambda keys: keys.dumps("a", [1]), lambda keys, made: keys.loads("a", made) == [1]),
    ],
    ids=["sign", "seal", "dumps"],
)
def test_rotation(make, read):
    """The secret signs; it and its fallbacks verify, in whatever order they were in use."""
    first = Keys(OLD, context="wiki")
    second = Keys(NEW, [OLD], context="wiki")
    third = Keys(NEWEST, [NEW, OLD], context="wiki")
    assert read(second, make(first))
    assert read(third, make(first))
    assert read(third, make(second))
    assert not read(first, make(second))
    assert not read(second, make(third))
    assert read(Keys(NEWEST, context="wiki"), make(third))
    assert not read(Keys(NEWEST, context="wiki"), make(second))
    other = Keys(OLD, context="shop")
    assert not read(other, make(first))


def test_services_have_tags():
    """Eight characters tell services apart, whatever their secret."""
    assert KEYS.tag == Keys(NEW, context="wiki").tag != Keys(OLD, context="shop").tag
    assert len(KEYS.tag) == 8
    assert KEYS.tag.isalnum()


def test_no_sha1():
    """Signatures are HMAC with SHA-256: 43 characters, of a key that is derived for service and purpose."""
    signed = KEYS.sign("a", "x")
    signature = urlsafe_b64decode(signed.removeprefix("x.") + "=")
    assert len(signature) == 32
    context = hashlib.sha256(b"wiki").hexdigest()[:16]
    derived = hmac.new(OLD.encode(), f"saml_wsgi.a.v1.{context}".encode(), hashlib.sha256).digest()
    assert hmac.new(derived, b"x", hashlib.sha256).digest() == signature
    body, _, rest = KEYS.dumps("a", 1).rpartition(".")
    assert hmac.new(derived, body.encode(), hashlib.sha256).digest() == urlsafe_b64decode(rest + "=")


def test_an_empty_secret_does_not_start():
    """Without a secret anybody could sign."""
    with pytest.raises(ValueError, match="empty"):
        Keys("", context="wiki")


def test_digests():
    """A digest is the SHA-256 of a text, URL-safe."""
    assert digest("") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    assert len(digest("é")) == 43


def test_a_signature_has_one_spelling():
    """The last letter of base64 has bits to spare; only the spelling that was given counts."""
    signed = KEYS.sign("a", "text")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [signed[:-1] + letter for letter in letters] + [signed + "!!!!", signed + "=", signed + "\n"]
    assert [spelling for spelling in spellings if KEYS.unsign("a", spelling) is not None] == [signed]
