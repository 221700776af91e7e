"""A weak configuration does not start, and says which option is weak (promise 4)."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from saml_wsgi import from_options
from saml_wsgi.errors import ConfigurationError
from saml_wsgi.testing.idp import JumpCloudIdP
from saml_wsgi.testing.keys import SigningKey
from saml_wsgi.testing.knobs import App
from tests.attack.scene import SECRET, SSO, WIKI


def certificate(key) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weak")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=9))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.PEM).decode()


def pem(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
GOOD = SigningKey.cached()
METADATA = JumpCloudIdP(SSO, apps=[App.for_service("wiki", WIKI)]).metadata("wiki")
BY_HAND = {
    "idp.metadata": None,
    "idp.entity_id": "JumpCloud",
    "idp.sso_url": f"{SSO}/saml2/wiki",
    "idp.certificate": GOOD.certificate.decode(),
}
OWN = {"sp.certificate": GOOD.certificate.decode(), "sp.private_key": GOOD.private_key.decode()}


def start(tmp_path, changes):
    usual = {
        "base_url": WIKI,
        "idp.metadata": METADATA,
        "session.secret": SECRET,
        "store.url": f"sqlite:///{tmp_path}/wiki.db",
    }
    options = {key: value for key, value in (usual | changes).items() if value is not None}
    return from_options(lambda *_: [], options, here=str(tmp_path))


#: What is weak, and the option that is blamed.
WEAK = [
    ("session.secret", {"session.secret": None}),
    ("session.secret", {"session.secret": ""}),
    ("session.secret", {"session.secret": "short"}),
    ("session.secret", {"session.secret": "x" * 31}),
    ("session.secret", {"session.secret": "x" * 64}),
    ("session.secret", {"session.secret": " " * 64}),
    ("session.secret", {"session.secret": "env:SAML_WSGI_NOBODY_SET_THIS"}),
    ("session.secret", {"session.secret": "file:/nonexistent"}),
    ("session.secret_fallbacks", {"session.secret_fallbacks": "short"}),
    ("base_url", {"base_url": None}),
    ("base_url", {"base_url": "http://wiki.example.test"}),
    ("base_url", {"base_url": "http://localhost.example.test"}),
    ("base_url", {"base_url": "http://127.0.0.1.example.test"}),
    ("base_url", {"base_url": "https://user:password@wiki.example.test"}),
    ("base_url", {"base_url": "https://wiki.example.test?x"}),
    ("base_url", {"base_url": "//wiki.example.test"}),
    ("base_url", {"base_url": "javascript:alert(1)"}),
    ("base_url", {"base_url": "https://wiki.example.test/\nx"}),
    ("base_url", {"base_url": 'https://wiki.example.test/"'}),
    ("idp.metadata", {"idp.metadata": None}),
    ("idp.metadata", {"idp.metadata": "<EntityDescriptor/>"}),
    ("idp.metadata", {"idp.metadata": METADATA.replace("X509Certificate>", "X509SubjectName>")}),
    ("idp.metadata", {"idp.metadata": METADATA.replace(f"{SSO}/saml2/", "javascript:alert(1)//")}),
    ("idp.metadata", {"idp.metadata": METADATA.replace(f"{SSO}/saml2/", "http://sso.example.test/saml2/")}),
    ("idp.metadata", {"idp.metadata": '<!DOCTYPE x [<!ENTITY a "b">]>' + METADATA.partition("?>")[2]}),
    ("idp.metadata", {"idp.metadata": METADATA.replace(GOOD.certificate_base64, "AAAA")}),
    ("idp.metadata", {"idp.metadata": "https://sso.example.test/metadata"}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": None}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": ""}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": "AA:BB:CC:DD"}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": pem(SMALL)}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": certificate(SMALL)}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": certificate(dsa.generate_private_key(2048))}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": certificate(ec.generate_private_key(ec.SECP192R1()))}),
    ("idp.certificate", {**BY_HAND, "idp.certificate": certificate(ed25519.Ed25519PrivateKey.generate())}),
    ("idp.sso_url", {**BY_HAND, "idp.sso_url": "http://sso.example.test/"}),
    ("idp.sso_url", {**BY_HAND, "idp.sso_url": "javascript:alert(1)"}),
    ("idp.sso_url", {**BY_HAND, "idp.sso_url": None}),
    ("idp.entity_id", {**BY_HAND, "idp.entity_id": None}),
    *(
        (key, {key: "AA:BB:CC"})
        for key in (
            "idp.fingerprint",
            "idp.certificate_fingerprint",
            "idp.certFingerprint",
            "idp.strict",
            "strict",
        )
    ),
    *(("idp.signed", {"idp.signed": value}) for value in ("none", "false", "no")),
    *(("idp.unsolicited", {"idp.unsolicited": value}) for value in ("yes", "true", "allow")),
    *(("idp.allow_sha1", {"idp.allow_sha1": value}) for value in ("maybe", "2", "sha1")),
    *(("idp.allow_cbc", {"idp.allow_cbc": value}) for value in ("maybe", "-1")),
    *(("idp.clock_skew", {"idp.clock_skew": value}) for value in ("301", "1 day", "-1", "forever")),
    ("idp.max_age", {"idp.max_age": "2 days"}),
    ("idp.max_validity", {"idp.max_validity": "30 days"}),
    ("idp.max_message", {"idp.max_message": "100 MiB"}),
    *(("idp.max_elements", {"idp.max_elements": value}) for value in ("0", "99", "100001", "many", "-1")),
    ("session.lifetime", {"session.lifetime": "1000 days"}),
    ("session.idle", {"session.idle": "0"}),
    ("session.cache", {"session.cache": "1 hour"}),
    ("session.grace", {"session.grace": "1 day"}),
    ("sp.private_key", {**OWN, "sp.private_key": None}),
    ("sp.certificate", {**OWN, "sp.certificate": None}),
    ("sp.private_key", {**OWN, "sp.private_key": pem(SMALL)}),
    ("sp.private_key", {**OWN, "sp.private_key": SigningKey.cached("attacker").private_key.decode()}),
    ("sp.private_key", {**OWN, "sp.private_key": pem(ec.generate_private_key(ec.SECP256R1()))}),
    ("prefix", {"prefix": "/"}),
    ("prefix", {"prefix": "saml"}),
    ("prefix", {"prefix": "/../saml"}),
    *(("public", {"public": value}) for value in ("*", "/*/x", "/%2e%2e/*", "//x", "^/x", "/a/../b")),
    ("cors.origins", {"cors.origins": "*"}),
    ("cors.origins", {"cors.origins": "null"}),
    ("store.url", {"store.url": "postgres://wiki"}),
    ("remote_user", {"remote_user": "password"}),
    ("resolvers", {"resolvers": "jit existing"}),
]


@pytest.mark.parametrize(("key", "changes"), WEAK, ids=[f"{n}-{key}" for n, (key, _) in enumerate(WEAK)])
def test_does_not_start(tmp_path, key, changes):
    """It doesn't start, names the option, and shows no secret."""
    with pytest.raises(ConfigurationError) as refused:
        start(tmp_path, changes)
    blamed = {problem.key for problem in refused.value.problems}
    assert key in blamed
    assert "PRIVATE KEY" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_the_usual_one_starts(tmp_path):
    """What the rows above change is good by itself."""
    assert start(tmp_path, {}).provider.entity_id == f"{WIKI}/saml/metadata"
    assert start(tmp_path, BY_HAND).provider.entity_id == f"{WIKI}/saml/metadata"
    assert start(tmp_path, OWN).provider.entity_id == f"{WIKI}/saml/metadata"


def test_everything_weak_is_told_at_once(tmp_path):
    """One start shows every weak option, not the first one."""
    changes = {"session.secret": "short", "base_url": "http://wiki.example.test", "idp.clock_skew": "1 day"}
    with pytest.raises(ConfigurationError) as refused:
        start(tmp_path, changes)
    assert {problem.key for problem in refused.value.problems} == set(changes)
