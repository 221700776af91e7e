"""An Active Directory: Samba's domain controller, provisioned for the tests and removed with them.

It has an address of its own in 127/8, since the ports of an Active Directory are fixed, and is one process.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DOMAIN = "ad.example.test"
BASE = "DC=ad,DC=example,DC=test"
PEOPLE = f"OU=People,{BASE}"
ELSEWHERE = f"OU=Elsewhere,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
ADMINISTRATOR = f"Administrator@{DOMAIN}"
#: The account that looks people up: an ordinary one.
READER = f"reader@{DOMAIN}"
PASSWORD = "Reader-demo-1"

_PROGRAMS = ("samba", "samba-tool")
_PATH = f"{os.defpath}:/usr/sbin:/sbin"
_CONFIGURATION = """
[global]
    realm = {realm}
    workgroup = EXAMPLE
    netbios name = DC1
    server role = active directory domain controller
    server services = ldap
    dcerpc endpoint servers = remote
    interfaces = {address}/8
    bind interfaces only = yes
    private dir = {folder}/private
    state directory = {folder}/state
    lock directory = {folder}/lock
    cache directory = {folder}/cache
    pid directory = {folder}/run
    ncalrpc dir = {folder}/ncalrpc
    binddns dir = {folder}/dns
    winbindd socket directory = {folder}/winbindd
    ntp signd socket directory = {folder}/ntp
    log file = {folder}/log
    logging = file
    posix:eadb = {folder}/eadb.tdb
    load printers = no
    disable spoolss = yes
    tls cafile = {folder}/ca.pem
    tls certfile = {folder}/server.pem
    tls keyfile = {folder}/server.key
[sysvol]
    path = {folder}/sysvol
[netlogon]
    path = {folder}/sysvol/{domain}/scripts
"""
#: MS-ADTS 2.2.16: a normal account, one whose password doesn't expire, and one that is switched off.
NORMAL, LASTING, OFF = 0x200, 0x10000, 0x2
#: Between 1601, from which Windows counts in units of 100 ns, and 1970.
_EPOCH = 11_644_473_600


def missing() -> str:
    """What is to be installed, or nothing."""
    if (
        any(shutil.which(program, path=_PATH) is None for program in _PROGRAMS)
        or not Path("/usr/share/samba/setup").is_dir()
    ):
        return "apt-get install samba-ad-dc samba samba-dsdb-modules samba-vfs-modules samba-ad-provision"
    if os.geteuid() != 0:
        return "root, who alone can have the ports 389 and 636"
    return ""


def instant(seconds: float) -> str:
    """Seconds since 1970 as Windows counts time (``accountExpires``)."""
    return str(int((seconds + _EPOCH) * 10_000_000))


def _free_address() -> str:
    """An address whose ports nobody has: several sessions may run on one machine."""
    while True:
        address = f"127.33.{secrets.randbelow(250)}.{1 + secrets.randbelow(250)}"
        try:
            for port in (389, 636):
                socket.create_server((address, port)).close()
        except OSError:
            continue
        return address


class Samba:
    """The domain controller.

    Attributes:
        ca: The file with the certificate of the authority that made its own.
        plain: Its address without TLS. Passwords are refused there.
        tls: Its address with TLS.
        admin: A connection of ldap3 as the domain's administrator, once it is started.
    """

    def __init__(self) -> None:
        import trustme  # absent on machines that have no real servers either

        self.folder = Path(tempfile.mkdtemp(prefix="saml_wsgi-samba-"))
        self.address = _free_address()
        self.plain, self.tls = f"ldap://{self.address}", f"ldaps://{self.address}"
        self._process: subprocess.Popen[bytes] | None = None
        self._password = "Admin-demo-1"
        self.admin: Any = None
        for name in ("private", "state", "lock", "cache", "run", "dns", "sysvol"):
            (self.folder / name).mkdir()
        authority = trustme.CA()
        certificate = authority.issue_cert(self.address)
        self.ca = str(self.folder / "ca.pem")
        authority.cert_pem.write_to_path(self.ca)
        key = self.folder / "server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(str(key), append=True)
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(self.folder / "server.pem"), append=True)
        self._configuration = self.folder / "smb.conf"
        text = _CONFIGURATION.format(
            realm=DOMAIN.upper(), domain=DOMAIN, address=self.address, folder=self.folder
        )
        self._configuration.write_text(text, encoding="utf-8")
        self._provision()

    def _provision(self) -> None:
        done = subprocess.run(
            [
                "samba-tool",
                "domain",
                "provision",
                f"--configfile={self._configuration}",
                f"--realm={DOMAIN.upper()}",
                "--domain=EXAMPLE",
                "--server-role=dc",
                "--dns-backend=NONE",
                "--host-name=dc1",
                f"--host-ip={self.address}",
                f"--adminpass={self._password}",
                "--quiet",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
            **self._surroundings(),
        )
        if done.returncode:
            raise RuntimeError(f"samba-tool failed:\n{done.stdout.decode(errors='replace')}")

    def start(self) -> None:
        """Start it, wait until it answers, and sign its administrator in."""
        program = shutil.which("samba", path=_PATH)
        assert program is not None
        with (self.folder / "samba.out").open("ab") as out:
            self._process = subprocess.Popen(
                [
                    program,
                    "--foreground",
                    # One process, which is killed by its number and leaves nobody behind.
                    "--model=single",
                    "--no-process-group",
                    f"--configfile={self._configuration}",
                ],
                # Its end tells the server to end, too.
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                **self._surroundings(),
            )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection((self.address, 636), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    said = (self.folder / "samba.out").read_text(errors="replace")
                    raise RuntimeError(f"samba doesn't answer:\n{said}") from None
                time.sleep(0.02)
        self.admin = self.connect(ADMINISTRATOR, self._password)

    def stop(self) -> None:
        """Stop the process that was started, as if its machine were gone."""
        if self._process is not None:
            if self.admin is not None and self.admin.socket is not None:
                self.admin.socket.close()
            self._process.kill()
            self._process.wait(30)
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def connect(self, user: str, password: str) -> Any:
        """A connection of ldap3 over TLS, bound."""
        import ldap3

        # ldap3 compares names with a function that is deprecated; whom the tests made, they believe.
        tls = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(self.tls, tls=tls, get_info=ldap3.NONE)
        return ldap3.Connection(
            server, user, password, auto_bind=True, raise_exceptions=True, check_names=False
        )

    def _surroundings(self) -> dict[str, Any]:
        # What a killed server has written is in the system's memory, and that survives it.
        return {"cwd": self.folder, "env": {"PATH": _PATH, "LC_ALL": "C.UTF-8", "TDB_NO_FSYNC": "1"}}

    # -- what its administrators do ---------------------------------------------------------------

    def unit(self, dn: str) -> str:
        """Make an organisational unit."""
        self.admin.add(dn, "organizationalUnit")
        return dn

    def person(
        self, name: str, *, under: str = PEOPLE, control: int = NORMAL | LASTING, **attributes: Any
    ) -> str:
        """Make somebody who has a password (:data:`PASSWORD`); the distinguished name is returned."""
        dn = f"CN={name},{under}"
        usual = {"sAMAccountName": name, "userPrincipalName": f"{name}@{DOMAIN}", "unicodePwd": password()}
        self.admin.add(dn, "user", usual | {"userAccountControl": control} | attributes)
        return dn

    def group(self, name: str, *members: str, under: str = GROUPS) -> str:
        """Make a group; a name is written as in a distinguished name."""
        dn = f"CN={name},{under}"
        account = {"sAMAccountName": f"group-{secrets.token_hex(5)}"}
        self.admin.add(dn, "group", account | ({"member": list(members)} if members else {}))
        return dn

    def change(self, dn: str, **attributes: Any) -> None:
        """Replace values; None removes an attribute."""
        import ldap3

        changes = {
            name: [
                (ldap3.MODIFY_REPLACE, [] if value is None else value if isinstance(value, list) else [value])
            ]
            for name, value in attributes.items()
        }
        self.admin.modify(dn, changes)

    def join(self, group: str, *members: str) -> None:
        """Make members of a group."""
        import ldap3

        self.admin.modify(group, {"member": [(ldap3.MODIFY_ADD, list(members))]})

    def leave(self, group: str, *members: str) -> None:
        """Take members out of a group."""
        import ldap3

        self.admin.modify(group, {"member": [(ldap3.MODIFY_DELETE, list(members))]})

    def move(self, dn: str, under: str) -> str:
        """Put an object elsewhere; the new distinguished name is returned."""
        own = _apart(dn)[0]
        self.admin.modify_dn(dn, own, new_superior=under)
        return f"{own},{under}"

    def rename(self, dn: str, name: str) -> str:
        """Give an object another name; the new distinguished name is returned."""
        kind = dn.partition("=")[0]
        self.admin.modify_dn(dn, f"{kind}={name}")
        return f"{kind}={name},{_apart(dn)[1]}"

    def delete(self, *dns: str) -> None:
        """Delete objects."""
        for dn in dns:
            self.admin.delete(dn)

    def clear(self, dn: str) -> None:
        """Delete an object and all that is below it."""
        import ldap3

        # Nobody may go who is somebody's primary group.
        self.admin.search(dn, "(objectClass=user)", ldap3.SUBTREE)
        self.delete(*(entry["dn"] for entry in self.admin.response if entry["type"] == "searchResEntry"))
        # MS-ADTS 3.1.1.3.4.1.15: LDAP_SERVER_TREE_DELETE_OID.
        self.admin.delete(dn, controls=[("1.2.840.113556.1.4.805", True, None)])

    def read(self, dn: str, *attributes: str) -> Mapping[str, Sequence[bytes]]:
        """Attributes of an object, as bytes."""
        import ldap3

        self.admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
        found: Mapping[str, Sequence[bytes]] = self.admin.response[0]["raw_attributes"]
        return found


def _apart(dn: str) -> tuple[str, str]:
    """An entry's own name, and that of what it is in."""
    own, above = re.split(r"(?<!\\),", dn, maxsplit=1)
    return own, above


def password(text: str = PASSWORD) -> bytes:
    """A password as the attribute ``unicodePwd`` has it (MS-ADTS 3.1.1.3.1.5.1)."""
    return f'"{text}"'.encode("utf-16-le")


def furnished() -> Samba:
    """A domain that is started, with organisational units and the account that reads in it."""
    domain = Samba()
    try:
        domain.start()
        for dn in (PEOPLE, ELSEWHERE, GROUPS):
            domain.unit(dn)
        domain.person("reader", under=f"CN=Users,{BASE}")
    except BaseException:
        domain.remove()
        raise
    return domain
