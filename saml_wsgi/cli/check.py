"""``saml-wsgi check``: everything that is wrong with a configuration, and what it would be."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from saml_wsgi.cli.inifile import load
from saml_wsgi.cli.report import count, show
from saml_wsgi.config.secrets import literals
from saml_wsgi.errors import ConfigurationError, Problem


@click.command()
@click.argument("ini", metavar="FILE[#section]")
@click.option("--connect", is_flag=True, help="Ask the servers of each source, and show one of their people.")
def check(ini: str, connect: bool) -> None:
    """Check a configuration, and show what it would be.

    FILE is a PasteDeploy ini; #section names its filter section, where several use egg:saml_wsgi.

    Ends with 0 if it would start, with 1 if it would not.
    """
    try:
        section = load(ini)
        from saml_wsgi import examination

        report = examination.check(
            section.options, here=section.here, global_conf=section.global_conf, connect=connect
        )
    except ConfigurationError as error:
        # Not of the section, but of the file, or of what is installed: there is nothing to show beside it.
        show(error.problems, err=True)
        _conclude(error.problems, err=True)
    problems = [*report.problems, *readable_secrets(section.path, section.options)]
    click.echo(f"{section}\n")
    show(problems)
    width = max((len(name) for name, _ in report.facts), default=0)
    for name, fact in report.facts:
        click.echo(f"{name:<{width}}  {fact}")
    if report.facts:
        click.echo()
    _conclude(problems)


def _conclude(problems: Sequence[Problem], *, err: bool = False) -> NoReturn:
    fatal = sum(problem.fatal for problem in problems)
    found = [(fatal, "problem"), (len(problems) - fatal, "warning")]
    counted = ", ".join(count(number, noun) for number, noun in found if number)
    verdict = "It would not start" if fatal else "It would start"
    click.echo(f"{verdict}: {counted}." if counted else f"{verdict}.", err=err)
    sys.exit(1 if fatal else 0)


def readable_secrets(path: str, options: Mapping[str, str]) -> list[Problem]:
    """A warning if everybody on this machine can read a file that holds secrets as such."""
    keys = literals(options)
    if not keys or os.name == "nt" or not Path(path).stat().st_mode & stat.S_IROTH:
        return []
    reason = f"everybody on this machine can read the secret in {path}."
    cure = "Take the right away (chmod o-r), or keep the secret elsewhere: env:NAME or file:PATH."
    return [Problem(key, reason, cure, fatal=False) for key in keys]
