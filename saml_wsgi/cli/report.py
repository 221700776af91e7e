"""How problems are told on a terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from saml_wsgi.errors import ConfigurationError, Problem

_WIDTH = 100
_INDENT = " " * 9


def show(problems: Sequence[Problem], *, err: bool = False) -> None:
    """Each problem: its key, the reason, the cure. What doesn't start comes first."""
    for problem in sorted(problems, key=lambda problem: not problem.fatal):
        label, colour = ("problem", "red") if problem.fatal else ("warning", "yellow")
        click.echo(
            f"{click.style(label, fg=colour, bold=True)}  {click.style(problem.key, bold=True)}", err=err
        )
        for text in (problem.reason, problem.cure):
            if text:
                click.echo(_wrapped(text), err=err)
        click.echo(err=err)


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text,
        width=_WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


@contextmanager
def refusing() -> Iterator[None]:
    """A configuration that doesn't start is shown on the standard error, and ends the command with 1."""
    try:
        yield
    except ConfigurationError as error:
        show(error.problems, err=True)
        sys.exit(1)


def count(number: int, noun: str) -> str:
    """``1 problem``, ``2 problems``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
