"""An OpenLDAP server of this machine's, as the demonstration's directory."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from saml_wsgi.demo.folder import Folder
from saml_wsgi.demo.tree import ADMIN, SUFFIX, ldif
from saml_wsgi.errors import ConfigurationError, Problem
from saml_wsgi.testing.people import Person

#: Where distributions (and Homebrew) keep what isn't on everybody's PATH.
_PROGRAMS: Final = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/libexec",
    "/usr/lib/openldap",
    "/opt/homebrew/opt/openldap/libexec",
    "/usr/local/opt/openldap/libexec",
)
_SCHEMAS: Final = (
    "/etc/ldap/schema",
    "/etc/openldap/schema",
    "/usr/local/etc/openldap/schema",
    "/opt/homebrew/etc/openldap/schema",
)
_MODULES: Final = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap", "/usr/local/libexec/openldap")
_SCHEMA: Final = ("core", "cosine", "nis", "inetorgperson")

#: Paths in it begin at its own folder, whatever characters that has in its name.
_CONFIGURATION: Final = """\
{includes}
{module}
pidfile slapd.pid
disallow bind_anon
database mdb
suffix "{suffix}"
directory data
maxsize 67108864
rootdn "{admin}"
rootpw {password}
{overlay}
access to attrs=userPassword by anonymous auth
access to * by users read
"""
_OURS: Final = re.compile(r"\s*ldap://127\.0\.0\.1:(\d{1,5})/?\s*")
#: In seconds.
_PATIENCE: Final = 20
_LOOK: Final = 0.02

_COMMAND: Final = "saml-wsgi demo --resolver ldap"
GET_IT: Final = (
    "Debian, Ubuntu: apt-get install slapd ldap-utils. Fedora: dnf install openldap-servers "
    "openldap-clients. Arch: pacman -S openldap. macOS: brew install openldap. The service that comes with "
    "it need not run: the demonstration starts one of its own, for this machine alone."
)


def installed() -> Path | None:
    """Where slapd is, if it is anywhere."""
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_PROGRAMS))
    found = shutil.which("slapd", path=folders)
    return None if found is None else Path(found)


def required() -> Path:
    """Where slapd is.

    Raises:
        ConfigurationError: It isn't installed; says how to get it.
    """
    found = installed()
    if found is None:
        reason = "it needs OpenLDAP's server (slapd), which isn't installed on this machine."
        raise ConfigurationError(Problem(_COMMAND, reason, GET_IT))
    return found


def free_port() -> int:
    """One where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        number: int = found.getsockname()[1]
        return number


@contextmanager
def serving(folder: Folder, people: Iterable[Person]) -> Iterator[None]:
    """Serve the folder's directory where its ini says that it is, until the end of the ``with`` statement.

    It has the people in it when it is new; later it is the user's. Where the ini names a server that isn't
    on this machine, none is started.

    Raises:
        ConfigurationError: It isn't installed, doesn't start, or its port is taken.
    """
    place = _OURS.fullmatch(folder.options().get("source.people.servers", ""))
    if place is None:
        yield
        return
    program, port, where = required(), int(place[1]), folder.directory
    password = folder.directory_password()
    if not (where / "data").exists():
        _furnish(program, where, ldif(people, password), password)
    _refuse_taken(port, folder)
    with (where / "slapd.out").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the system's own, with arguments of ours
            [program, "-d0", "-f", "slapd.conf", "-h", f"ldap://127.0.0.1:{port}/"],
            cwd=where,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(process, port, where)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _furnish(program: Path, where: Path, tree: str, password: str) -> None:
    """Make the database, wholly or not at all."""
    new = where.with_name(f"{where.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "data").mkdir(mode=0o700, parents=True)
    (new / "slapd.conf").touch(mode=0o600)
    (new / "slapd.conf").write_text(_configuration(password), encoding="ascii")
    (new / "tree.ldif").touch(mode=0o600)
    (new / "tree.ldif").write_text(tree, encoding="ascii")
    done = subprocess.run(  # noqa: S603 - as above
        [program, "-Tadd", "-f", "slapd.conf", "-l", "tree.ldif"],
        cwd=new,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise _failed(done.stdout.decode(errors="replace"))
    shutil.rmtree(where, ignore_errors=True)
    new.rename(where)


def _configuration(password: str) -> str:
    schema = next((each for each in map(Path, _SCHEMAS) if all(_parts(each))), None)
    if schema is None:
        reason = f"slapd's schema ({', '.join(_SCHEMA)}) is in none of {', '.join(_SCHEMAS)}."
        raise ConfigurationError(Problem(_COMMAND, reason, f"Install it whole. {GET_IT}"))
    modules = next((each for each in map(Path, _MODULES) if any(each.glob("back_mdb*"))), None)
    # Most distributions have the database in a module, some have it built in. What changed can be read where
    # the other module is, too.
    tells = modules is not None and any(modules.glob("syncprov*"))
    loaded = [f"modulepath {modules}", "moduleload back_mdb", *(["moduleload syncprov"] if tells else [])]
    return _CONFIGURATION.format(
        includes="\n".join(f"include {schema}/{name}.schema" for name in _SCHEMA),
        module="\n".join(loaded) if modules else "",
        overlay="overlay syncprov" if tells else "",
        suffix=SUFFIX,
        admin=ADMIN,
        password=password,
    )


def _parts(schema: Path) -> Iterator[bool]:
    return ((schema / f"{name}.schema").is_file() for name in _SCHEMA)


def _refuse_taken(port: int, folder: Folder) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError) as error:
        reason = f"nothing can be served at ldap://127.0.0.1:{port}: {getattr(error, 'strerror', error)}."
        raise ConfigurationError(
            Problem(
                "source.people.servers",
                reason,
                "End the program that uses it (the slapd of an earlier demonstration? its process id is in "
                f"{folder.directory / 'slapd.pid'}), or write another port in {folder.ini}.",
            )
        ) from error


def _await(process: subprocess.Popen[bytes], port: int, where: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise _failed((where / "slapd.out").read_text(errors="replace")) from None
            time.sleep(_LOOK)


def _failed(said: str) -> ConfigurationError:
    words = " ".join(said.split())
    reason = f"slapd didn't start: {words[-400:] or 'it said nothing'}."
    cure = (
        "On Ubuntu AppArmor allows it no folder but its own: sudo aa-complain /usr/sbin/slapd (of the "
        "package apparmor-utils). Else see what it says."
    )
    return ConfigurationError(Problem(_COMMAND, reason, cure))
