"""``saml-wsgi demo``: an application and an identity provider to try everything with, on this machine."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

import click

from saml_wsgi.cli.report import refusing

_NAME: Final = "saml-wsgi"
_FOLDERS: Final = {"jit": Path("saml_wsgi_demo"), "ldap": Path("saml_wsgi_demo_ldap")}
_PORT: Final = click.IntRange(1, 65535)


@click.command()
@click.option("--port", type=_PORT, help="The application's port.  [default: a free one, then the same]")
@click.option("--idp-port", type=_PORT, help="The identity provider's port.  [default: likewise]")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the ini, the keys and the database are; made if it isn't there.  "
    f"[default: {_FOLDERS['jit']}, with ldap {_FOLDERS['ldap']}]",
)
@click.option(
    "--resolver",
    type=click.Choice(list(_FOLDERS)),
    help="Who users are: jit, made at their first sign-in; ldap, synchronised from an LDAP directory, for "
    "which OpenLDAP's slapd must be installed.  [default: jit, or what the folder has]",
)
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Go through everything without a browser, in a folder that is removed afterwards (unless --folder "
    "is given), and end with 0 or 1.",
)
def demo(
    port: int | None, idp_port: int | None, folder: Path | None, resolver: str | None, check_only: bool
) -> None:
    """Try it: an application and an identity provider like JumpCloud, on this machine."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal can show every name
    with refusing():
        if check_only:
            sys.exit(0 if _check(port, idp_port, folder, resolver) else 1)
        _serve(port, idp_port, folder or _FOLDERS[resolver or "jit"], resolver)


def _serve(port: int | None, idp_port: int | None, folder: Path, resolver: str | None) -> None:
    from saml_wsgi.demo.running import running, until_stopped

    with (
        until_stopped() as wait,
        _log(sys.stderr),
        running(folder, port, idp_port, resolver=resolver) as demonstration,
    ):
        from saml_wsgi.demo.introduction import introduction

        click.echo(introduction(demonstration, _program()))
        wait()
        click.echo("\nEnding.")


def _check(port: int | None, idp_port: int | None, folder: Path | None, resolver: str | None) -> bool:
    from saml_wsgi.demo.check import check
    from saml_wsgi.demo.running import running

    log = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_log(log))
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="saml_wsgi_demo_", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
        demonstration = stack.enter_context(running(folder, port, idp_port, resolver=resolver))
        click.echo(
            f"The application is at {demonstration.base_url}, the identity provider at "
            f"{demonstration.idp.base_url}.\n"
        )
        passed = check(demonstration, click.echo)
    if not passed and log.getvalue():
        click.echo(f"\nThe log:\n{log.getvalue()}", err=True, nl=False)
    return passed


def _program() -> str:
    """This very command, as it can be typed here: perhaps it isn't on the PATH."""
    called = Path(sys.argv[0])
    if called.stem != _NAME or shutil.which(_NAME) == str(called.absolute()):
        return _NAME
    return sys.argv[0]


@contextlib.contextmanager
def _log(stream: TextIO) -> Iterator[None]:
    """Write what happens to the stream, and nowhere else, as long as the ``with`` statement lasts."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(levelname)-7s  %(message)s", "%H:%M:%S"))
    levels = {"saml_wsgi": logging.INFO, "waitress": logging.WARNING}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)
