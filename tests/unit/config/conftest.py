"""What the tests of the configuration have in common: good options, and certificates made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from saml_wsgi.config.settings import Settings, read
from saml_wsgi.errors import Problem, Problems

SECRET = "Zk3q9vT1xR7bW5nY2mJ8cL4hD6fG0sPa"


class Reading:
    """What came of reading options: the settings or None, and what was said."""

    def __init__(self, options: dict[str, object], here: Path | None) -> None:
        self._problems = Problems()
        self.settings: Settings | None = read(
            options, here=None if here is None else str(here), problems=self._problems
        )

    @property
    def fatal(self) -> tuple[Problem, ...]:
        return self._problems.fatal

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self._problems.warnings

    @property
    def only(self) -> Problem:
        """The one fatal problem there is."""
        assert self.settings is None
        (problem,) = self.fatal
        return problem

    @property
    def good(self) -> Settings:
        """The settings, of which nothing fatal was said."""
        assert self.fatal == ()
        assert self.settings is not None
        return self.settings


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with the metadata that the good options name."""
    (tmp_path / "idp.xml").write_text("<EntityDescriptor/>")
    return tmp_path


@pytest.fixture
def reading(here: Path) -> Callable[..., Reading]:
    """Reads the good options, changed by what is given; None removes one."""

    def make(changes: dict[str, object] | None = None) -> Reading:
        good: dict[str, object] = {
            "base_url": "https://wiki.example.com",
            "idp.metadata": "file:idp.xml",
            "session.secret": SECRET,
        }
        return Reading({**good, **(changes or {})}, here)

    return make


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def make_certificate(rsa_key: rsa.RSAPrivateKey) -> Callable[..., str]:
    """A self-signed certificate in PEM that ends in so many days."""

    def make(days: float = 365, *, key=rsa_key, begins: float = -400) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "JumpCloudSAMLUser")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=days))
            .sign(key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
            .decode()
        )

    return make


@pytest.fixture(scope="session")
def key_pem() -> Callable[..., str]:
    """A private key in PEM."""

    def make(key, encryption=None) -> str:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()

    return make
