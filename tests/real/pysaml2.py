"""pysaml2 as the identity provider: another SAML implementation, on top of Debian's xmlsec1.

It needs other versions than this project's, so it lives in a virtual environment of its own, made at the
first use in the folder for temporary files and kept there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path

from saml_wsgi.testing.keys import SigningKey
from tests.real.simplesamlphp import PEOPLE, Person
from tests.real.tls import Authority, Door

_REQUIREMENT = "pysaml2>=7.5,<8"
_SCRIPT = Path(__file__).with_name("pysaml2_idp.py")


def missing() -> str:
    """What has to be installed before it can run, or ``""``. Makes its environment where there is none."""
    if shutil.which("xmlsec1") is None:
        return "Debian package xmlsec1"
    try:
        _interpreter()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()
        return f"PyPI package {_REQUIREMENT} ({said[-1] if said else error})"
    return ""


def _interpreter() -> Path:
    """The Python of the environment that has pysaml2.

    Raises:
        subprocess.CalledProcessError: The package can't be installed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = Path(tempfile.gettempdir()) / f"saml_wsgi-pysaml2-python{version}-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        raise RuntimeError(f"{home} belongs to somebody else")
    python, done = home / "venv" / "bin" / "python", home / "installed"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once make one environment
        if not (done.exists() and done.read_text() == _REQUIREMENT and python.exists()):
            venv.create(home / "venv", clear=True, with_pip=True)
            command = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*command, _REQUIREMENT], check=True, capture_output=True, text=True, timeout=300)
            done.write_text(_REQUIREMENT)
    return python


@dataclass(slots=True)
class Pysaml2:
    """One running instance. It signs the same person in whoever asks; there is no form to fill in.

    Args:
        folder: Where it keeps everything; made by the caller, removed by the caller.
        address: An address in 127/8 of its own.
        authority: Vouches for it; browsers reach it over TLS only.
    """

    folder: Path
    address: str
    authority: Authority
    origin: str = ""
    _process: subprocess.Popen[str] | None = None
    _door: Door | None = None

    def start(self) -> None:
        """Write the configuration, start the server and wait until it listens."""
        self._door = Door(self.authority, self.address)
        self.origin = f"https://{self.address}:{self._door.port}"
        key = SigningKey.generate()
        (self.folder / "idp.key").write_bytes(key.private_key)
        (self.folder / "idp.crt").write_bytes(key.certificate)
        self._configure()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_interpreter(), "-I", _SCRIPT, self.folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        port = self._process.stdout.readline()
        if not port:
            raise RuntimeError(f"pysaml2 did not start:\n{self.log()}")
        self._door.open("127.0.0.1", int(port))

    def stop(self) -> None:
        """End the server."""
        if self._door:
            self._door.close()
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=10)
            assert self._process.stdout is not None
            self._process.stdout.close()

    def register(
        self,
        metadata: str,
        *,
        sign: str = "response",
        algorithm: str = "sha256",
        encrypt: str = "",
        self_contained: bool = True,
        minutes: int = 15,
        person: Person = PEOPLE[0],
    ) -> None:
        """Make a service provider known, instead of the one before.

        Args:
            metadata: The service provider's, as XML.
            sign: ``assertion``, ``response`` or ``both``.
            algorithm: Of signature and digest: ``sha1``, ``sha256``, ``sha512``.
            encrypt: ``tripledes-cbc`` is what pysaml2 does by itself; ``aes…`` by way of its parts.
            self_contained: Whether an encrypted assertion declares its prefixes itself.
            minutes: How long an assertion is valid.
            person: Who signs in.
        """
        self._configure(
            service=metadata,
            sign=sign,
            algorithm=algorithm,
            encrypt=encrypt,
            self_contained=self_contained,
            minutes=minutes,
            person={
                "username": person.username,
                "attributes": {
                    name: values if len(values) > 1 else values[0]
                    for name, values in person.attributes.items()
                    if name != "memberOf"
                }
                | {"isMemberOf": person.attributes["memberOf"]},
            },
        )

    def metadata(self) -> str:
        """Its metadata as it publishes it."""
        with urllib.request.urlopen(
            f"{self.origin}/metadata", context=self.authority.client, timeout=30
        ) as answer:
            text: str = answer.read().decode()
        return text

    def log(self) -> str:
        """What it wrote, for a failed test's reader."""
        return (self.folder / "log").read_text(errors="replace")

    def _configure(self, **more: object) -> None:
        settings = {"origin": self.origin, "xmlsec1": shutil.which("xmlsec1"), **more}
        written = self.folder / "settings.json.new"
        written.write_text(json.dumps(settings))
        written.replace(self.folder / "settings.json")
