"""The engine: whose signature it is, and what it says where it can't work."""

from __future__ import annotations

import importlib.metadata

import pytest

from saml_wsgi.errors import ConfigurationError, Refused
from saml_wsgi.protocol import engine
from saml_wsgi.protocol.engine import Engine, Signed
from saml_wsgi.protocol.parser import parse
from saml_wsgi.testing.keys import SigningKey
from tests.unit.protocol.conftest import ACS_URL, ENTITY_ID
from tests.unit.protocol.tampering import add, drop, put, twice


@pytest.fixture
def verify(saml_idp):
    """Verifies a message of the identity provider with some certificates."""

    def run(*keys, form=None, allow_sha1=False, **how):
        form = form or saml_idp.response("wiki", "mara", **how)
        certificates = [key.certificate.decode() for key in keys or (SigningKey.cached(),)]
        one = Engine(
            idp_entity_id="JumpCloud",
            sso_url="https://sso.example.test/saml2/wiki",
            certificates=certificates,
            sp_entity_id=ENTITY_ID,
            acs_url=ACS_URL,
            allow_sha1=allow_sha1,
        )
        return one.verify(parse(form.message)).signed

    return run


@pytest.mark.parametrize(
    ("sign", "signed"),
    [
        ("response", Signed(response=True, assertion=False)),
        ("assertion", Signed(response=False, assertion=True)),
        ("both", Signed(response=True, assertion=True)),
    ],
)
def test_it_says_what_was_signed(verify, sign, signed):
    """The verdict names the elements whose signatures verified."""
    assert verify(sign=sign) == signed


@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
def test_somebody_elses_key(verify, sign):
    """A signature by any other key is invalid, though the message brings that key's certificate along."""
    with pytest.raises(Refused) as refused:
        verify(sign=sign, key=SigningKey.cached("attacker"))
    assert refused.value.code == "signature_invalid"


@pytest.mark.parametrize("label", ["", "rotated"])
@pytest.mark.parametrize("sign", ["response", "assertion", "both"])
def test_old_and_new_key(verify, label, sign):
    """With two certificates configured either key signs, wherever it stands in the list."""
    old, new = SigningKey.cached(), SigningKey.cached("rotated")
    key = SigningKey.cached(label)
    assert verify(old, new, sign=sign, key=key) == verify(new, old, sign=sign, key=key)
    with pytest.raises(Refused, match="signature_invalid"):
        verify(old, new, sign=sign, key=SigningKey.cached("attacker"))


def test_an_expired_certificate_still_names_its_key(verify):
    """What counts is the key: a certificate that ended verifies, as metadata profiles ask for."""
    assert verify(SigningKey.cached().expired()).response


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(drop("Assertion/Issuer"), id="no Issuer"),
        pytest.param(put("Assertion", IssueInstant="today"), id="a word as time"),
        pytest.param(twice("Status"), id="two Statuses"),
        pytest.param(add(".", "<x/>"), id="a foreign element"),
        pytest.param(put(".", x="1"), id="a foreign attribute"),
    ],
)
def test_the_schema(verify, change):
    """A message that doesn't follow the schema is refused before its signature is looked at."""
    with pytest.raises(Refused) as refused:
        verify(tamper=change)
    assert refused.value.code == "schema_invalid"
    assert refused.value.detail


def test_nothing_signed(verify):
    """Without a signature the verdict is that one is missing."""
    with pytest.raises(Refused, match="signature_missing"):
        verify(sign="none")


def test_sha1(verify):
    """The engine itself refuses SHA-1 unless it is allowed."""
    with pytest.raises(Refused, match="signature_invalid"):
        verify(algorithm="sha1")
    assert verify(algorithm="sha1", allow_sha1=True).response


def test_no_certificate_no_start():
    """Without a certificate there is no engine: nobody is trusted by default."""
    with pytest.raises(ConfigurationError, match=r"idp\.certificate"):
        Engine(
            idp_entity_id="x",
            sso_url="https://x.test/",
            certificates=(),
            sp_entity_id="x",
            acs_url="https://x.test/",
        )


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"x",
        b"<a>",
        b"<a/><b/>",
        b"<a><b></a></b>",
        b"<a:b/>",
        b"<a>&x;</a>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a\xff/>",
        b"<a>&#0;</a>",
        b'<a b="1" b="2"/>',
        b"<a>" * 10_000,
    ],
)
def test_what_is_no_xml(xml):
    """Whatever the parsers say about it, it is refused under one code."""
    with pytest.raises(Refused) as refused:
        parse(xml)
    assert refused.value.code == "xml_malformed"


@pytest.mark.parametrize(
    ("version", "known"), [("1.16.0", True), ("1.17.0", False), ("1.1.6", False), ("2.0", False)]
)
def test_only_a_known_engine_starts(monkeypatch, version, known):
    """A version of python3-saml that nobody looked at doesn't start, and the problem names the cure."""
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: version)
    if known:
        assert engine._load()
        return
    with pytest.raises(ConfigurationError) as error:
        engine._load()
    (problem,) = error.value.problems
    assert version in problem.reason
    assert "1.16." in problem.cure


def test_libraries_that_do_not_fit_each_other():
    """The riddle that xmlsec raises becomes a sentence with both versions and the command that helps."""
    riddle = Exception(-1, "lxml & xmlsec libxml2 library version mismatch")
    (problem,) = engine.explain_import_failure(riddle).problems
    assert f"lxml {importlib.metadata.version('lxml')}" in problem.reason
    assert f"xmlsec {importlib.metadata.version('xmlsec')}" in problem.reason
    assert "pip install --force-reinstall lxml xmlsec" in problem.cure


def test_another_failure_to_load(monkeypatch):
    """Any other failure to load keeps its own words."""
    (problem,) = engine.explain_import_failure(ImportError("libxml2.so.2: no such file")).problems
    assert "libxml2.so.2: no such file" in problem.reason


def test_a_library_that_is_missing(monkeypatch):
    """A library that isn't installed at all is said to be so."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    (problem,) = engine.explain_import_failure(Exception("version mismatch")).problems
    assert "xmlsec not installed" in problem.reason
