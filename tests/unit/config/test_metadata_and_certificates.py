"""Metadata, certificates and keys are there, readable, and belong together; what ends soon is a warning."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from saml_wsgi.config.certificates import FileOrText, term


def day(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


EXPLICIT: dict[str, object] = {
    "idp.metadata": None,
    "idp.entity_id": "JumpCloud",
    "idp.sso_url": "https://sso.jumpcloud.com/saml2/wiki",
}


def test_metadata_is_a_file_beside_the_ini(reading, here):
    """The path is kept, absolute: the file is read again when it changes."""
    assert reading().good.idp.metadata == FileOrText(path=str(here / "idp.xml"))
    assert reading({"idp.metadata": f"file:{here}/idp.xml"}).good == reading().good


def test_metadata_may_be_inline(reading):
    """What begins with < is the metadata itself."""
    assert reading({"idp.metadata": "\n<EntityDescriptor/>\n"}).good.idp.metadata == FileOrText(
        text="<EntityDescriptor/>"
    )


def test_metadata_may_be_a_value_in_code(reading, here):
    """In code, metadata can be given as what the settings hold."""
    for value in (FileOrText(path=str(here / "idp.xml")), FileOrText(text="<x/>")):
        assert reading({"idp.metadata": value}).good.idp.metadata == value


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("file:nowhere.xml", "doesn't exist"),
        ("file:empty.xml", "is empty"),
        ("file:.", "is a folder"),
        ("file:pipe", "isn't a file"),
        ("file:/dev/zero", "isn't a file"),
        ("https://console.jumpcloud.com/metadata.xml", "nothing is fetched"),
        ("idp.xml", "'idp.xml'"),
        (Path("idp.xml"), "'idp.xml'"),
    ],
)
def test_metadata_that_is_not_there_says_why(reading, here, written, said):
    """A missing file, an address and a bare path each have words of their own, and a cure."""
    (here / "empty.xml").write_bytes(b"")
    os.mkfifo(here / "pipe")
    problem = reading({"idp.metadata": written}).only
    assert problem.key == "idp.metadata"
    assert said in problem.reason
    assert problem.cure


def test_without_metadata_all_three_are_required(reading, make_certificate):
    """What is missing of the three is named, each by its key."""
    assert reading({**EXPLICIT, "idp.certificate": make_certificate()}).good.idp.metadata is None
    found = reading({"idp.metadata": None, "idp.entity_id": "JumpCloud"})
    assert [problem.key for problem in found.fatal] == ["idp.sso_url", "idp.certificate"]
    assert reading({"idp.metadata": None}).only.key == "idp.metadata"


def test_metadata_and_the_three_contradict_each_other(reading, make_certificate):
    """Only the entity id may stand beside metadata, to pick one of several."""
    assert reading({"idp.entity_id": "JumpCloud"}).good.idp.entity_id == "JumpCloud"
    found = reading({"idp.sso_url": "https://a.example", "idp.certificate": make_certificate()})
    assert [problem.key for problem in found.fatal] == ["idp.sso_url", "idp.certificate"]


def test_several_certificates_are_kept_in_order(reading, here, make_certificate):
    """While the identity provider changes its key, both certificates are given; doubles are dropped."""
    old, new = make_certificate(100), make_certificate(2000)
    (here / "idp.pem").write_text(f"the old one\n{old}the new one\n{new}{old}")
    assert reading({**EXPLICIT, "idp.certificate": "file:idp.pem"}).good.idp.certificate == (old, new)
    assert reading({**EXPLICIT, "idp.certificate": [old, new]}).good.idp.certificate == (old, new)


def test_an_indented_certificate_in_an_ini_is_read(reading, make_certificate):
    """PEM may be written into the ini itself, where its lines are indented."""
    pem = make_certificate()
    indented = "\n" + "\n".join(f"    {line}" for line in pem.splitlines())
    stripped = "\n" + "\n".join(line.strip() for line in indented.splitlines())
    assert reading({**EXPLICIT, "idp.certificate": stripped}).good.idp.certificate == (pem,)


def test_an_unreadable_certificate_is_refused(reading, here, make_certificate):
    """A damaged, cut or armourless certificate can't be configured."""
    pem = make_certificate()
    cut = pem.replace("-----END CERTIFICATE-----", "")
    damaged = pem.replace(pem.splitlines()[3], "!!!!")
    bare = "".join(pem.splitlines()[1:-1])
    for wrong in (cut, damaged, bare, f"{pem}{cut}", "cert.pem", "file:nowhere.pem"):
        problem = reading({**EXPLICIT, "idp.certificate": wrong}).only
        assert problem.key == "idp.certificate"
        assert problem.cure


def test_a_key_in_the_place_of_a_certificate_is_not_shown(reading, rsa_key, key_pem, make_certificate):
    """Whoever gives the private key by mistake is told so; the key itself appears nowhere."""
    key = key_pem(rsa_key)
    for value in (key, make_certificate() + key):
        problem = reading({**EXPLICIT, "idp.certificate": value}).only
        assert "private key" in problem.reason
        assert key.splitlines()[1] not in str(problem)
    assert key.splitlines()[1][:10] not in str(reading({"idp.metadata": key}).only)


def test_an_expired_certificate_is_a_warning(reading, make_certificate):
    """It starts all the same: what counts is the key, and a lock-out helps nobody."""
    found = reading({**EXPLICIT, "idp.certificate": make_certificate(-3)})
    assert found.good
    (warning,) = found.warnings
    assert warning.key == "idp.certificate"
    assert warning.reason == f"the identity provider's certificate ended on {day(-3)}."


@pytest.mark.parametrize(
    ("days", "said"), [(59.5, "59 days"), (29.5, "29 days"), (1.5, "1 day,"), (0.5, "0 days")]
)
def test_a_certificate_that_ends_soon_is_a_warning(reading, make_certificate, days, said):
    """Two months ahead it is told how many days are left."""
    (warning,) = reading({**EXPLICIT, "idp.certificate": make_certificate(days)}).warnings
    assert said in warning.reason


def test_a_certificate_that_is_good_for_long_is_no_warning(reading, make_certificate):
    """A good configuration is silent."""
    assert reading({**EXPLICIT, "idp.certificate": make_certificate(62)}).warnings == ()


def test_a_certificate_of_the_future_is_a_warning(reading, make_certificate):
    """It isn't valid yet: probably a clock is wrong."""
    (warning,) = reading({**EXPLICIT, "idp.certificate": make_certificate(400, begins=2)}).warnings
    assert "before" in warning.reason


def test_the_term_of_a_certificate_is_told_in_words(make_certificate):
    """Whole days and the day itself, before the end and after it."""
    assert term(make_certificate(10.5)) == f"ends in 10 days, on {day(10.5)}"
    assert term(make_certificate(1.5)) == f"ends in 1 day, on {day(1.5)}"
    assert term(make_certificate(-0.5)) == f"ended on {day(-0.5)}"


def test_a_certificate_of_ours_that_ends_is_a_warning(reading, rsa_key, key_pem, make_certificate):
    """Ours is told in the same words, with what to do about it."""
    pair = {"sp.certificate": make_certificate(-3), "sp.private_key": key_pem(rsa_key)}
    (warning,) = reading(pair).warnings
    assert warning.key == "sp.certificate"
    assert warning.reason == f"the service provider's certificate ended on {day(-3)}."
    assert "upload the new metadata" in warning.cure


def test_our_key_and_certificate_come_together(
    reading, here, rsa_key, key_pem, make_certificate, monkeypatch
):
    """The certificate and its key, from a file, a variable or as they are."""
    pem, key = make_certificate(), key_pem(rsa_key)
    (here / "sp.key").write_text(key)
    (here / "sp.pem").write_text(pem)
    monkeypatch.setenv("SP_KEY", key)
    for written in ("file:sp.key", "env:SP_KEY", key):
        settings = reading({"sp.certificate": "file:sp.pem", "sp.private_key": written}).good
        assert settings.sp.certificate == pem
        assert settings.sp.private_key is not None
        assert settings.sp.private_key.reveal().strip() == key.strip()


def test_our_key_without_its_certificate_is_refused_and_the_other_way_round(
    reading, rsa_key, key_pem, make_certificate
):
    """Half of the pair is named as missing."""
    assert reading({"sp.private_key": key_pem(rsa_key)}).only.key == "sp.certificate"
    assert reading({"sp.certificate": make_certificate()}).only.key == "sp.private_key"


def test_our_key_must_be_a_good_one(reading, rsa_key, key_pem, make_certificate):
    """Foreign, short, encrypted, elliptic and unreadable keys are refused, and never shown."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = make_certificate()
    wrong = {
        key_pem(other): "isn't the key of",
        key_pem(short): "1024 bits",
        key_pem(elliptic): "isn't an RSA key",
        key_pem(rsa_key, BestAvailableEncryption(b"hunter2")): "is encrypted",
        key_pem(rsa_key)[:300]: "can't be read",
        pem: "can't be read",
    }
    for key, said in wrong.items():
        problem = reading({"sp.certificate": pem, "sp.private_key": key}).only
        assert problem.key == "sp.private_key"
        assert said in problem.reason
        assert key.splitlines()[1] not in str(problem)


def test_only_one_certificate_of_ours_is_given(reading, rsa_key, key_pem, make_certificate):
    """The key has one certificate."""
    both = make_certificate(100) + make_certificate(200)
    assert reading({"sp.certificate": both, "sp.private_key": key_pem(rsa_key)}).only.key == "sp.certificate"
