"""An OpenLDAP server of the distribution's, started for the tests and stopped with them.

It runs in a folder of its own, listens on the loopback, and is another user's where the tests run as root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BASE = "dc=example,dc=test"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
READER = f"cn=reader,{BASE}"
LIMITED = f"cn=limited,{BASE}"
PASSWORD = "reader-demo"

_SLAPD = Path("/usr/sbin/slapd")
_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
moduleload syncprov
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
disallow bind_anon
database mdb
suffix "{base}"
directory {folder}/data
maxsize 1073741824
dbnosync
rootdn "cn=admin,{base}"
rootpw admin-demo
limits dn.exact="{limited}" size.soft=1 size.hard=1
limits dn.exact="{reader}" size=unlimited
access to attrs=userPassword by anonymous auth
access to * by users read
index objectClass,uid,mail,member eq
overlay memberof
overlay ppolicy
{counting}
"""


def _program() -> Path | None:
    found = shutil.which("slapd")
    return Path(found) if found else _SLAPD if _SLAPD.exists() else None


def missing() -> str:
    """What is to be installed, or nothing."""
    if _program() is None or shutil.which("slapadd", path=f"{os.defpath}:/usr/sbin") is None:
        return "apt-get install slapd ldap-utils"
    if os.geteuid() == 0 and _somebody() is None:
        return "a user called openldap, so that the server needn't run as root"
    return ""


def _somebody() -> str | None:
    try:
        return pwd.getpwnam("openldap").pw_name
    except KeyError:
        return None


def _port(address: str) -> int:
    with socket.create_server((address, 0)) as found:
        number: int = found.getsockname()[1]
        return number


class OpenLDAP:
    """The server.

    Args:
        ldif: What is in it.
        address: Of 127/8.
        name: What its certificate says that it is, if that isn't its address.
        counting: Whether it says how far it has come (``contextCSN``), as a server with replicas does.
        base: What everything in it is below.

    Attributes:
        ca: The file with the certificate of the authority that made its own.
    """

    def __init__(
        self,
        ldif: str,
        address: str = "127.0.0.1",
        *,
        name: str = "",
        counting: bool = False,
        base: str = BASE,
    ) -> None:
        import trustme  # absent on machines that have no real servers either

        self._user = _somebody() if os.geteuid() == 0 else None
        # Not under pytest's own folder, which is closed to that user.
        self.folder = Path(tempfile.mkdtemp(prefix="saml_wsgi-openldap-"))
        (self.folder / "data").mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        authority = trustme.CA()
        certificate = authority.issue_cert(name or address)
        self.ca = str(self.folder / "ca.pem")
        authority.cert_pem.write_to_path(self.ca)
        certificate.private_key_pem.write_to_path(str(self.folder / "server.key"))
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(self.folder / "server.pem"), append=True)
        text = _CONFIGURATION.format(
            folder=self.folder,
            base=base,
            limited=LIMITED,
            reader=READER,
            counting="overlay syncprov" if counting else "",
        )
        (self.folder / "slapd.conf").write_text(text, encoding="utf-8")
        (self.folder / "tree.ldif").write_text(ldif, encoding="utf-8")
        self.plain = f"ldap://{address}:{_port(address)}"
        self.tls = f"ldaps://{address}:{_port(address)}"
        for path in (self.folder, *self.folder.iterdir()):
            if self._user is not None:
                shutil.chown(path, self._user)
        self._run("-Tadd", "-f", str(self.folder / "slapd.conf"), "-l", str(self.folder / "tree.ldif"))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = _program()
        assert program is not None
        with (self.folder / "slapd.out").open("wb") as out:
            self._process = subprocess.Popen(
                [
                    program,
                    "-d0",
                    "-f",
                    str(self.folder / "slapd.conf"),
                    "-h",
                    f"{self.plain}/ {self.tls}/",
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                **self._identity(),
            )
        host, _, port = self.tls.removeprefix("ldaps://").rpartition(":")
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    said = (self.folder / "slapd.out").read_text(errors="replace")
                    raise RuntimeError(f"slapd doesn't answer:\n{said}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop the process that was started, as if its machine were gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """Let it keep silent: connections are accepted by the system, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, *arguments: str) -> None:
        program = _program()
        assert program is not None
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
            **self._identity(),
        )
        if done.returncode:
            raise RuntimeError(f"slapd failed:\n{done.stdout.decode(errors='replace')}")

    def _identity(self) -> dict[str, object]:
        common = {"cwd": self.folder, "env": {"PATH": os.defpath}}
        if self._user is None:
            return common
        return common | {"user": self._user, "group": self._user, "extra_groups": ()}


def tree() -> str:
    """A directory with people, groups, and what is awkward in real ones."""
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example",
        f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people",
        f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups",
        *(
            f"dn: {dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
            f"userPassword: {PASSWORD}"
            for dn in (READER, LIMITED)
        ),
        _person("mara", "Mara", "Lindqvist", "mara@example.test", "employeeNumber: 1001"),
        _person("jose", "José", "García", "jose@example.test", "shadowExpire: 1"),
        _person("noor", "Noor", "Haddad", "noor@example.test", "pwdAccountLockedTime: 000001010000Z"),
        _person("twin1", "Ann", "Twin", "twin@example.test"),
        _person("twin2", "Bea", "Twin", "twin@example.test"),
        _person("s*r (x)", "Star", "Name", "star@example.test"),
        _group("Wiki Editors", "uid=mara"),
        _group("Staff (all), Nürnberg", f"cn=Wiki Editors,{GROUPS}"),
        _group("Loop A", f"cn=Loop B,{GROUPS}", "uid=mara"),
        _group("Loop B", f"cn=Loop A,{GROUPS}"),
        f"dn: cn=unix,{GROUPS}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 5\nmemberUid: mara",
    ]
    return "\n\n".join(entries) + "\n"


def _person(uid: str, first: str, last: str, mail: str, *more: str) -> str:
    lines = [
        f"dn: uid={uid},{PEOPLE}",
        "objectClass: inetOrgPerson",
        "objectClass: shadowAccount",
        f"uid: {uid}",
        f"cn: {first} {last}",
        f"givenName: {first}",
        f"sn: {last}",
        f"mail: {mail}",
        *more,
    ]
    if uid == "mara":
        lines.append(f"memberOf: cn=Wiki Editors,{GROUPS}")
    return "\n".join(lines)


def _group(name: str, *members: str) -> str:
    dns = [member if "," in member else f"{member},{PEOPLE}" for member in members]
    lines = [
        f"dn: cn={name.replace(',', chr(92) + ',')},{GROUPS}",
        "objectClass: groupOfNames",
        f"cn: {name}",
    ]
    return "\n".join([*lines, *(f"member: {dn}" for dn in dns)])
