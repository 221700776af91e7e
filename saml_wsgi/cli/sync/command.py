"""``saml-wsgi sync``: one run, runs without an end, or what the last ones did."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

import click

from saml_wsgi.cli.listing import say
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.cli.sync import history, telling
from saml_wsgi.cli.sync.progress import Bars
from saml_wsgi.cli.sync.stopping import Stopping

if TYPE_CHECKING:
    from saml_wsgi.sync.report import Report
    from saml_wsgi.sync.run import Synchronisation

_FAILED: Final = 1
_BUSY: Final = 3
_SHOWN: Final = 20


@click.command()
@INI
@click.option("--full", is_flag=True, help="Read everybody, even where only what changed could be read.")
@click.option("--watch", is_flag=True, help="Go on, every sync.every, until SIGTERM or Ctrl-C.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done with whom.")
@click.option(
    "--max-removals",
    metavar="NUMBER",
    type=click.IntRange(0, 999_999_999),
    help="So many users may be switched off (or lose their groups, or a value), this once, in place of"
    " sync.max_removals.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="As JSON, for programs; with --watch a line for each run, with --history what each run said.",
)
@click.option(
    "--history", "past", is_flag=True, help=f"Show what the last {_SHOWN} runs did, and run nothing."
)
def sync(
    ini: str, full: bool, watch: bool, dry_run: bool, max_removals: int | None, as_json: bool, past: bool
) -> None:
    """Make the people of an LDAP directory users, and switch off those who left it.

    Everything is read before anything is written. If something is wrong (the directory doesn't answer fully,
    too many people would be switched off), nothing is changed, and it says why and what to do. Nobody is
    deleted: see `users purge`.

    Ends with 0 if the run came to its end, with 1 if it changed nothing since something is wrong, and with 3
    if another one is under way, here or on another host. With --watch failures are told and the next run
    tries again; it ends with 0 when it is asked to stop.
    """
    _refuse_contradictions(
        past=past, watch=watch, once=dry_run or max_removals is not None, runs=full or watch or dry_run
    )
    with _log(), opened(ini) as parts:
        from saml_wsgi import synchronising

        if past:
            history.tell(synchronising.history(parts).last(_SHOWN), json=as_json)
            return
        work = synchronising.synchronisation(parts)
        if watch:
            _watch(work, parts.settings.sync.every, full=full, as_json=as_json)
            return
        report = _once(work, full=full, dry_run=dry_run, max_removals=max_removals, bars=not as_json)
    _conclude(report, as_json=as_json)


def _refuse_contradictions(*, past: bool, watch: bool, once: bool, runs: bool) -> None:
    if past and (runs or once):
        raise click.UsageError("--history only shows what was done.")
    if watch and once:
        raise click.UsageError("--dry-run and --max-removals are for one run, and --watch is for many.")


def _once(
    work: Synchronisation, *, full: bool, dry_run: bool, max_removals: int | None, bars: bool
) -> Report:
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        if bars and sys.stderr.isatty():
            shown = stack.enter_context(Bars(sys.stderr))
            return work.run(full=full, dry_run=dry_run, max_removals=max_removals, progress=shown)
        return work.run(full=full, dry_run=dry_run, max_removals=max_removals)


def _conclude(report: Report, *, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(telling.in_json(report, indent=2))
    elif report.done:
        for line in telling.summary(report):
            say(line)
    else:
        for line in telling.refusal(report):
            click.echo(line, err=True)
    sys.exit(0 if report.done else _BUSY if report.code == "busy" else _FAILED)


def _watch(work: Synchronisation, every: int, *, full: bool, as_json: bool) -> None:
    """Runs, the beginnings of which lie so many seconds apart, until somebody asks to stop."""
    told: object = None
    with Stopping() as stopping:
        while not stopping.asked:
            begun = time.monotonic()
            report = work.run(full=full)
            if as_json:
                click.echo(telling.in_json(report))
            else:
                _follow(report, news=report.told != told)
                told = report.told if report.done else told
            stopping.wait(max(0.0, begun + every - time.monotonic()))


def _follow(report: Report, *, news: bool) -> None:
    """A line for the run; who isn't as the source has them only where that is new."""
    if not report.done:
        click.echo(telling.line(report), err=True)
        return
    say(telling.line(report))
    for line in telling.people(report) if news else ():
        say(line)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM interrupts as Ctrl-C does: the run is given up, and says so in its record."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def _log() -> Iterator[None]:
    """Warnings go to the standard error; what a run came to is told anyway."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.addFilter(lambda record: not str(record.msg).startswith("synchronisation of %s: "))
    logger = logging.getLogger("saml_wsgi")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
