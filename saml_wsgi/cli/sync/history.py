"""What the last runs did, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from saml_wsgi.cli.listing import as_json, moment, show
from saml_wsgi.cli.sync.telling import outcome, plain
from saml_wsgi.sync.report import Report

if TYPE_CHECKING:
    from saml_wsgi.directories.arrival.values import Run

_COLUMNS: Final = ("started", "took", "source", "kind", "result", "what")
_NO_END: Final = "no end: it is under way, or was killed"


def tell(runs: Sequence[Run], *, json: bool) -> None:
    """Print them, the newest first."""
    if json:
        click.echo(as_json([_plain(run) for run in runs], indent=2).encode(errors="replace"))
    elif runs:
        show(None, _COLUMNS, _rows(runs))
    else:
        click.echo("No run has been recorded.")


def reported(run: Run) -> Report | None:
    """What the run said of itself; None where it said nothing, or in a way that this version can't read."""
    try:
        return Report.from_json(run.report) if run.finished else None
    except (ValueError, TypeError):
        return None


def _plain(run: Run) -> dict[str, Any]:
    report = reported(run)
    told = {} if report is None else plain(report)
    return {**told, "id": run.id, "source": run.source, "started": run.started, "finished": run.finished}


def _rows(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    for run in runs:
        report = reported(run)
        yield {
            "started": moment(run.started),
            "took": f"{run.finished - run.started} s" if run.finished else None,
            "source": run.source,
            "kind": report.kind if report else None,
            "result": report.code if report else None,
            "what": outcome(report) if report else _NO_END,
        }
