"""A PostgreSQL server of the distribution's, started for the tests and stopped with them.

It runs in a folder of its own, listens on a socket in it and nowhere else, and is another user's where the
tests run as root, as PostgreSQL demands.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text

from saml_wsgi import database

_PROGRAMS = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": "''",
    # What a test wrote needn't survive a power cut.
    "fsync": "off",
    "max_connections": "200",
}
# Ours are emptied, all others are dropped: much quicker than a new database.
_CLEAR = """
    DO $$
    DECLARE it record;
    BEGIN
        FOR it IN
            SELECT format('%I.%I', schemaname, viewname) AS name FROM pg_views
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        LOOP
            EXECUTE 'DROP VIEW IF EXISTS ' || it.name || ' CASCADE';
        END LOOP;
        FOR it IN
            SELECT format('%I.%I', schemaname, tablename) AS name, tablename FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        LOOP
            IF it.tablename NOT LIKE 'saml\\_wsgi\\_%' THEN
                EXECUTE 'DROP TABLE IF EXISTS ' || it.name || ' CASCADE';
            ELSIF it.tablename = 'saml_wsgi_sync' THEN
                EXECUTE $sql$
                    UPDATE saml_wsgi_sync SET holder = '', fence = 0, until = 0, generation = 0, begun = 0
                $sql$;
            ELSIF it.tablename <> 'saml_wsgi_schema' THEN
                EXECUTE 'TRUNCATE ' || it.name || ' CASCADE';
            END IF;
        END LOOP;
    END
    $$
"""


def programs() -> Path | None:
    """The folder with the newest release's programs; Debian keeps them off the path."""
    found = [path.parent for path in _PROGRAMS.glob("*/bin/initdb")]
    elsewhere = shutil.which("initdb")
    if elsewhere is not None:
        found.append(Path(elsewhere).resolve().parent)
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()], default=None)


def missing() -> str:
    """What is to be installed, or nothing."""
    if programs() is None:
        return "apt-get install postgresql"
    if importlib.util.find_spec("psycopg") is None:
        return "pip install 'saml_wsgi[postgresql]'"
    if os.geteuid() == 0 and _somebody() is None:
        return "a user called postgres, for a server that refuses to run as root"
    return ""


def _somebody() -> str | None:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


class Postgresql:
    """The server.

    Args:
        settings: More settings of the server's.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = {**_SETTINGS, **settings}
        self._user = _somebody() if os.geteuid() == 0 else None
        self._numbers = itertools.count()
        self._prepared = False
        # Not under pytest's own folder, which is closed to that user; and a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="saml_wsgi-postgresql-"))
        if self._user is not None:
            shutil.chown(self.folder, self._user)

    def start(self) -> None:
        """Make a cluster and wait until it answers."""
        self._run(
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        with (self.folder / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            for name, value in {**self._settings, "unix_socket_directories": f"'{self.folder}'"}.items():
                file.write(f"{name} = {value}\n")
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", "start")

    def stop(self) -> None:
        """Stop it, by the process that its folder names, and remove the folder."""
        try:
            if (self.folder / "data" / "postmaster.pid").exists():
                self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        finally:
            shutil.rmtree(self.folder)

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://postgres@/{name}?host={quote(str(self.folder), safe='')}"

    def empty(self) -> str:
        """The URL of a new database with nothing in it."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def prepared(self) -> str:
        """The URL of a database with the tables of saml_wsgi and nothing in them: one for all, cleared."""
        url = self.url("prepared")
        if not self._prepared:
            self._execute("CREATE DATABASE prepared")
            database.create(url)
            self._prepared = True
        with database.connect(url).begin() as connection:
            connection.execute(text(_CLEAR))
        return url

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        database.disconnect(url)
        name = url.rpartition("@/")[2].partition("?")[0]
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._prepared = self._prepared and name != "prepared"

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        folder = programs()
        assert folder is not None
        # A file, since a server that goes on running would hold a pipe open.
        with (self.folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(
                [folder / program, f"--pgdata={self.folder}/data", *arguments],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                user=self._user,
                group=self._user,
                extra_groups=() if self._user is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=120,
            )
        if done.returncode:
            said = (self.folder / f"{program}.out").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{program} failed:\n{said}")
