"""SimpleSAMLphp 1.19, as Debian packages it, as the identity provider.

It runs on PHP's built-in server with a configuration of the tests' own; nothing of the machine's
configuration is read or written. Service providers are registered while it runs: PHP reads its
files again at each request.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from saml_wsgi.testing.keys import SigningKey
from tests.real.tls import Authority, Door

_HOME = Path("/usr/share/simplesamlphp")
_PACKAGES = "simplesamlphp php-cli php-xml php-mbstring php-curl php-ldap php-sqlite3"
_INSIDE = "127.0.0.1"  # where PHP listens; people come through the door
_FORMAT = "urn:oasis:names:tc:SAML:{}:nameid-format:{}"
EMAIL = _FORMAT.format("1.1", "emailAddress")
UNSPECIFIED = _FORMAT.format("1.1", "unspecified")
PERSISTENT = _FORMAT.format("2.0", "persistent")
TRANSIENT = _FORMAT.format("2.0", "transient")


def missing() -> str:
    """What has to be installed before it can run, or ``""``."""
    php = shutil.which("php")
    if php is None or not (_HOME / "www" / "index.php").is_file():
        return f"Debian packages {_PACKAGES}"
    modules = subprocess.run([php, "-m"], capture_output=True, text=True, check=True, timeout=30).stdout
    if not {"dom", "mbstring", "curl", "ldap", "pdo_sqlite"} <= set(modules.lower().split()):
        return f"Debian packages {_PACKAGES}"
    return ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in there."""

    username: str
    password: str
    attributes: dict[str, list[str]]


PEOPLE = (
    Person(
        "ada",
        "correct horse",
        {
            "uid": ["ada"],
            "mail": ["ada@example.com"],
            "givenName": ["Ada"],
            "sn": ["Lovelace"],
            "displayName": ["Ada Lovelace"],
            "memberOf": ["staff", "analysts"],
        },
    ),
    Person(
        "zoë",
        "pässwörd ✓",
        {
            "uid": ["zoë"],
            "mail": ["zoe@example.com"],
            "givenName": ["Zoë"],
            "sn": ["Müller-Łukasiewicz"],
            "displayName": ["Zoë Müller-Łukasiewicz"],
            "memberOf": ["Vertrieb & Südwest", "staff"],
        },
    ),
)


@dataclass(slots=True)
class SimpleSAMLphp:
    """One running instance.

    Args:
        folder: Where it keeps everything; made by the caller, removed by the caller.
        address: An address in 127/8 of its own.
        authority: Vouches for it; browsers reach it over TLS only.
        directory: The address of an LDAP directory and the entry below which people are: these sign in, with
            their passwords there. None: :data:`PEOPLE` do.
    """

    folder: Path
    address: str
    authority: Authority
    directory: tuple[str, str] | None = None
    origin: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _door: Door | None = None
    _registered: dict[str, dict[str, object]] = field(default_factory=dict)

    def start(self) -> None:
        """Write the configuration, start the server and wait until it answers."""
        self._door = Door(self.authority, self.address)
        self.origin = f"https://{self.address}:{self._door.port}"
        self._configure()
        # PHP doesn't say which port it got when asked for any.
        with socket.create_server((_INSIDE, 0)) as found:
            port = found.getsockname()[1]
        with (self.folder / "php.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["php", "-d", "display_errors=stderr", "-S", f"{_INSIDE}:{port}", "-t", str(_HOME / "www")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"SIMPLESAMLPHP_CONFIG_DIR": str(self.folder / "config")},
                start_new_session=True,
            )
        self._wait_until_it_listens(port)
        self._door.open(_INSIDE, port)

    def stop(self) -> None:
        """End the server and whatever it started."""
        if self._door:
            self._door.close()
        if self._process:
            # It leads a session of its own, so this reaches its children and nobody else.
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=10)

    def register(
        self,
        entity_id: str,
        acs: str,
        *,
        sign: str = "assertion",
        name_id_format: str = TRANSIENT,
        encrypt_for: SigningKey | None = None,
    ) -> None:
        """Make a service provider known.

        Args:
            entity_id: As it calls itself.
            acs: Where its responses go, by HTTP-POST.
            sign: ``assertion``, ``response`` or ``both``.
            name_id_format: The format that it gets when its request asks for none.
            encrypt_for: The key of a provider whose assertions are encrypted. Under RSA-OAEP this version
                encrypts by AES-128 in CBC mode and by nothing else.
        """
        self._registered[entity_id] = {
            "entityid": entity_id,
            "AssertionConsumerService": acs,
            "NameIDFormat": name_id_format,
            "saml20.sign.assertion": sign in {"assertion", "both"},
            "saml20.sign.response": sign in {"response", "both"},
        }
        if encrypt_for:
            self._registered[entity_id] |= {
                "assertion.encryption": True,
                "certData": encrypt_for.certificate_base64,
            }
        self._write("metadata/saml20-sp-remote", "metadata", self._registered)

    @property
    def metadata_url(self) -> str:
        """Its entity id too."""
        return f"{self.origin}/saml2/idp/metadata.php"

    def metadata(self) -> str:
        """Its metadata as it publishes it: all that an operator would have."""
        context = self.authority.client
        with urllib.request.urlopen(self.metadata_url, context=context, timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def portal(self, entity_id: str, relay_state: str = "") -> str:
        """The address of the tile that signs in to a service provider that asked for nothing."""
        query = {"spentityid": entity_id} | ({"RelayState": relay_state} if relay_state else {})
        return f"{self.origin}/saml2/idp/SSOService.php?{urlencode(query)}"

    def log(self) -> str:
        """What it wrote, for a failed test's reader."""
        files = [self.folder / "php.log", *sorted((self.folder / "log").glob("*"))]
        return "\n".join(file.read_text(errors="replace") for file in files if file.is_file())

    def _wait_until_it_listens(self, port: int) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((_INSIDE, port), timeout=10).close()
            except ConnectionRefusedError:
                time.sleep(0.02)  # between two questions, not instead of one
            else:
                return
        raise RuntimeError(f"SimpleSAMLphp did not start:\n{self.log()}")

    def _configure(self) -> None:
        for name in ("config", "metadata", "cert", "log", "data", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        key, certificate = _signing_pair()
        (self.folder / "cert" / "idp.key").write_bytes(key)
        (self.folder / "cert" / "idp.crt").write_bytes(certificate)
        self._write("config/config", "config", self._settings())
        self._write("config/authsources", "config", {"people": self._people()})
        self._write(
            "metadata/saml20-idp-hosted",
            "metadata",
            {
                self.metadata_url: {
                    "host": "__DEFAULT__",
                    "privatekey": "idp.key",
                    "certificate": "idp.crt",
                    "auth": "people",
                    "authproc": {
                        "3": {"class": "saml:AttributeNameID", "attribute": "mail", "Format": EMAIL},
                        "4": {"class": "saml:AttributeNameID", "attribute": "uid", "Format": UNSPECIFIED},
                        "5": {"class": "saml:PersistentNameID", "attribute": "uid"},
                    },
                }
            },
        )
        self._write("metadata/saml20-sp-remote", "metadata", self._registered)

    def _people(self) -> dict[str, object]:
        # PHP reads the key "0" as the index 0, where it looks for the class.
        if self.directory is None:
            people = {f"{person.username}:{person.password}": person.attributes for person in PEOPLE}
            return {"0": "exampleauth:UserPass", **people}
        url, base = self.directory
        return {
            "0": "ldap:LDAP",
            "hostname": url,
            "attributes": ["uid", "mail"],
            "dnpattern": f"uid=%username%,{base}",
        }

    def _settings(self) -> dict[str, object]:
        return {
            "baseurlpath": f"{self.origin}/",
            "certdir": f"{self.folder}/cert/",
            "loggingdir": f"{self.folder}/log/",
            "datadir": f"{self.folder}/data/",
            "tempdir": f"{self.folder}/tmp",
            "metadatadir": f"{self.folder}/metadata/",
            "secretsalt": os.urandom(16).hex(),
            "auth.adminpassword": os.urandom(16).hex(),
            "admin.checkforupdates": False,
            "technicalcontact_name": "The tests",
            "technicalcontact_email": "tests@example.com",
            "timezone": "UTC",
            "debug": {"saml": True, "backtraces": True, "validatexml": False},
            "showerrors": True,
            "errorreporting": False,
            "logging.handler": "file",
            "logging.level": 6,
            "enable.saml20-idp": True,
            "module.enable": {"exampleauth": True, "core": True, "ldap": True, "saml": True},
            "session.cookie.secure": True,
            "session.cookie.samesite": "None",
            "language.cookie.secure": True,
            "language.cookie.samesite": None,
            "store.type": "sql",
            "store.sql.dsn": f"sqlite:{self.folder}/data/store.sqlite",
            "metadata.sources": [{"type": "flatfile"}],
        }

    def _write(self, name: str, variable: str, value: object) -> None:
        """A PHP file that takes its value from JSON beside it: nothing has to be quoted for PHP."""
        written = self.folder / f"{name}.json.new"
        written.write_text(json.dumps(value, indent=1))
        written.replace(self.folder / f"{name}.json")
        (self.folder / f"{name}.php").write_text(
            f"<?php\n${variable} = json_decode("
            f"file_get_contents(__DIR__ . '/{Path(name).name}.json'), true, 64, JSON_THROW_ON_ERROR);\n"
        )


def _signing_pair() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "SimpleSAMLphp of the tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
    )
