"""A run of the synchronisation in words, for a terminal, and in JSON, for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from saml_wsgi.cli.listing import as_json, moment, visible
from saml_wsgi.sync.refusal import DONE
from saml_wsgi.sync.report import COUNTED, Report, Told, asdict_of

_WIDTH: Final = 100

#: How each number is called, in the order in which it is shown.
_LABELS: Final[Mapping[str, str]] = {
    "read": "read",
    "created": "new",
    "updated": "changed",
    "deactivated": "switched off",
    "missing": "  since they aren't there any more",
    "reactivated": "switched on again",
    "adopted": "taken over",
    "unchanged": "as they were",
    "left": "stay switched off here",
    "unusable": "can't be used",
    "elsewhere": "belong to somebody else here",
    "not_made": "may not be made (allow_groups, allow_domains)",
}


def plain(report: Report) -> dict[str, Any]:
    """The report for programs."""
    values = asdict_of(report)
    for name in ("told", "planned"):
        values[name] = [{"person": each.person, "reason": each.reason} for each in values[name]]
    return {**values, "cure": report.cure}


def in_json(report: Report, *, indent: int | None = None) -> bytes:
    """The same as JSON, that a terminal can be shown, too."""
    return as_json(plain(report), indent=indent).encode(errors="replace")


def summary(report: Report) -> Iterator[str]:
    """What came of a run, with every person who is worth a line."""
    yield from _wrapped(_head(report), "")
    yield from _counts(report.counts)
    yield from _named(report)


def refusal(report: Report) -> Iterator[str]:
    """Why a run didn't come to its end, and what to do."""
    what = "What was read is there, but the run didn't end well" if report.applied else "Nothing was changed"
    if report.code == "busy":
        what = "Another run is under way"
    yield from _wrapped(f"{what} ({report.code}): {report.detail.rstrip('.')}.", "")
    if report.cure:
        yield from _wrapped(report.cure, "  -> ")
    yield from _named(report)


def line(report: Report) -> str:
    """A run on one line, for who watches."""
    when = moment(report.finished or report.started) or ""
    if not report.done:
        return visible(f"{when} {report.source}: {report.code}: {report.detail}")
    return visible(f"{when} {report.source}: {report.kind}, {', '.join(numbers(report.counts)) or 'nobody'}")


def numbers(counts: Mapping[str, int]) -> Iterator[str]:
    """The counts that say something: ``10000 read``, ``3 new``."""
    for name in COUNTED:
        if counts.get(name):
            yield f"{counts[name]} {_label(name)}"


def people(report: Report) -> Iterator[str]:
    """Those who aren't as the source has them."""
    yield from _people("", report.told)


def _head(report: Report) -> str:
    took = report.finished - report.started
    span = f" in {took} s" if report.finished and took > 0 else ""
    read = {"full": "everybody was read", "incremental": "what changed was read"}.get(report.kind, "")
    why = f" ({report.why})" if report.why else ""
    what = "Compared with" if report.dry_run else "Synchronised with"
    written = " Nothing was written." if report.dry_run else ""
    return f"{what} {report.source}: {read}{why}{span}.{written}"


def _named(report: Report) -> Iterator[str]:
    planned = [
        Told(person, ", ".join(map(_label, effects.split(", ")))) for person, effects in report.planned
    ]
    yield from _people("This would be done:", planned)
    yield from _people("People who aren't here as the source has them:", report.told)
    if report.more:
        yield f"  … and {report.more} more"


def _label(counted: str) -> str:
    return _LABELS.get(counted, counted).strip()


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    shown = [name for name in COUNTED if counts.get(name) or name == "read"]
    width = max(len(str(counts.get(name, 0))) for name in shown)
    for name in shown:
        yield f"  {counts.get(name, 0):>{width}}  {_LABELS.get(name, name)}"


def _people(title: str, told: Iterable[Told]) -> Iterator[str]:
    rows = [(visible(each.person), visible(each.reason)) for each in told]
    if not rows:
        return
    if title:
        yield ""
        yield title
    width = min(32, max(len(person) for person, _ in rows))
    for person, reason in rows:
        yield f"  {person:<{width}}  {reason}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        width=_WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )


def outcome(report: Report) -> str:
    """What stands in the history: the numbers, or why there are none."""
    return ", ".join(numbers(report.counts)) if report.code == DONE else report.detail
