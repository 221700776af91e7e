"""The folder that the demonstration lives in: its ini, which is the user's, and what else it needs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import quote
from wsgiref.types import WSGIApplication

from paste.deploy import loadapp, loadwsgi

from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.testing.keys import SigningKey

#: The section that the identity provider takes the application's side from.
SECTION: Final = "saml"

_PRIVATE: Final = 0o600
#: Interpolation in an ini; parameters of a database's URL; and what PasteDeploy turns into a slash.
_UNUSABLE: Final = "%?" if os.name == "nt" else "%?\\"


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything is kept. Whatever is there already stays as it is.

    Every method raises ConfigurationError if a file can't be read or written.

    Attributes:
        path: Absolute.
    """

    path: Path

    @property
    def ini(self) -> Path:
        """The configuration; made once, then the user's."""
        return self.path / "demo.ini"

    @property
    def metadata(self) -> Path:
        """What the identity provider exports."""
        return self.path / "idp-metadata.xml"

    @property
    def key(self) -> Path:
        """What the identity provider signs with."""
        return self.path / "idp-key.pem"

    @property
    def secret(self) -> Path:
        """What ``session.secret`` refers to."""
        return self.path / "session-secret.txt"

    @property
    def directory(self) -> Path:
        """What OpenLDAP keeps there, where people come from a directory."""
        return self.path / "ldap"

    @property
    def password(self) -> Path:
        """With which the directory is asked, and changed."""
        return self.path / "ldap-password.txt"

    def refuse_unsuitable(self) -> None:
        """Keep out of folders that hold somebody else's files, or that an ini can't be in."""
        unusable = [character for character in _UNUSABLE if character in str(self.path)]
        if unusable:
            raise ConfigurationError(
                Problem(
                    str(self.path),
                    f"PasteDeploy or SQLite would read the {unusable[0]} in its name as something else.",
                    "Name another folder: --folder",
                )
            )
        try:
            names = {entry.name for entry in self.path.iterdir()}
        except FileNotFoundError:
            return
        except OSError as error:
            raise _trouble(self.path, error) from error
        ours = {self.ini.name, self.metadata.name, self.key.name, self.secret.name}
        if names and not names & ours:
            raise ConfigurationError(
                Problem(
                    str(self.path),
                    "this folder has files in it, and none of them is the demonstration's.",
                    "Name an empty folder, or a new one: --folder",
                )
            )

    def furnish(self, base_url: str, ldap: str | None = None) -> None:
        """Make the folder and what is missing in it.

        Args:
            base_url: For a new ini only.
            ldap: Likewise; the directory's URL, if people come from one.
        """
        try:
            if not self.path.exists():
                self.path.mkdir(mode=0o700, parents=True)
                # A key and a secret are in here: nothing to commit by accident.
                (self.path / ".gitignore").write_text("*\n", encoding="ascii")
            if not self.ini.exists():
                who = _template("who_jit.ini") if ldap is None else _template("who_ldap.ini", ldap=ldap)
                text = _template("demo.ini", base_url=base_url, who=who.rstrip())
                self.ini.write_text(text, encoding="ascii")
            if not self.secret.exists():
                _write_private(self.secret, secrets.token_urlsafe(48) + "\n")
        except OSError as error:
            raise _trouble(self.path, error) from error

    def directory_password(self) -> str:
        """The password of who asks the directory, and of who changes it; made at the first call."""
        try:
            if not self.password.exists():
                # Without a line feed: ldapmodify -y takes the whole file for the password.
                _write_private(self.password, secrets.token_urlsafe(24))
            return self.password.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise _trouble(self.password, OSError(str(error))) from error

    def signing_key(self) -> SigningKey:
        """The identity provider's key; made at the first call."""
        try:
            if self.key.exists():
                return SigningKey.load(self.key)
            key = SigningKey.generate()
            key.save(self.key)
        except OSError as error:
            raise _trouble(self.key, error) from error
        except ValueError as error:
            raise ConfigurationError(
                Problem(str(self.key), f"it can't be used: {error}.", "Delete it: a new one will be made.")
            ) from error
        return key

    def export(self, metadata: str) -> None:
        """Write the identity provider's metadata, if they aren't what is there."""
        try:
            if self.metadata.exists() and self.metadata.read_bytes() == metadata.encode():
                return
            # Nobody ever reads half of it.
            new = self.metadata.with_name(f"{self.metadata.name}.new")
            new.write_bytes(metadata.encode())
            new.replace(self.metadata)
        except OSError as error:
            raise _trouble(self.metadata, error) from error

    def exported(self) -> str:
        """The metadata that were exported last, or ``""``."""
        try:
            return self.metadata.read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return ""

    def options(self) -> Mapping[str, str]:
        """The options of the ini's ``[filter:saml]``, as PasteDeploy hands them to the filter."""
        try:
            context = loadwsgi.loadcontext(loadwsgi.FILTER, self._uri, name=SECTION)
        except Exception as error:
            raise self._unloadable(error) from error
        # With `filter-with`, the filter that was asked for is the inner one.
        options: dict[str, str] = dict(getattr(context, "next_context", context).local_conf)
        return options

    def application(self) -> WSGIApplication:
        """What the ini makes."""
        try:
            application: WSGIApplication = loadapp(self._uri)
        except ConfigurationError:
            raise
        except Exception as error:
            raise self._unloadable(error) from error
        return application

    @property
    def _uri(self) -> str:
        return "config:" + quote(str(self.ini), safe="/:\\")

    def _unloadable(self, error: Exception) -> ConfigurationError:
        """Anything that the ini names may raise anything."""
        reason = f"PasteDeploy can't load it: {type(error).__name__}: {_said(error)}"
        return ConfigurationError(
            Problem(str(self.ini), reason, "Correct it, or delete it: a new one will be made.")
        )


def _template(name: str, **values: str) -> str:
    template = resources.files("saml_wsgi.demo") / "templates" / name
    return Template(template.read_text(encoding="ascii")).substitute(values)


def _said(error: Any) -> str:
    return " ".join(str(error).split())


def _trouble(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        Problem(
            str(error.filename or path),
            f"{error.strerror or error}.",
            "Give this account the right to it, or name another folder: --folder",
        )
    )


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
