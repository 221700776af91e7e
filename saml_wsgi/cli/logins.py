"""``saml-wsgi logins``: what became of sign-ins, by the reference that people read out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

import click

from saml_wsgi.cli.listing import say, show, visible
from saml_wsgi.cli.opening import INI, opened
from saml_wsgi.model import SignInRecord

_COLUMNS: Final = ("time", "reference", "code", "user", "outcome", "resolver", "idp")
_NOT_VERIFIED: Final = "An answer that couldn't be verified leaves none: its reference is in the log."


@click.command()
@INI
@click.argument("reference", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def logins(ini: str, reference: str | None, limit: int, as_json: bool) -> None:
    """Show the newest sign-ins, or all that is known of the one with this REFERENCE.

    The reference is on the page that the person saw, in the header Saml-Wsgi-Reference, and in every line of
    the log about that sign-in.
    """
    with opened(ini) as parts:
        keep = parts.settings.records.keep
        if not keep:
            raise click.ClickException("No sign-in records are kept: records.keep is 0.")
        if getattr(parts.store, "single_process", False):
            raise click.ClickException(
                "store.url is memory:, and only the server's own process sees its sign-in records."
            )
        found = [parts.journal.read(reference)] if reference else parts.journal.recent(limit)
    records = [record for record in found if record is not None]
    if not records:
        what = f"with the reference {visible(reference)}" if reference else "yet"
        raise click.ClickException(
            f"There is no sign-in record {what}. {_NOT_VERIFIED} Records are kept for {_days(keep)}, "
            "and read with the session.secret (or a fallback) that they were written with."
        )
    if as_json:
        told = [_plain(record) for record in records]
        click.echo(json.dumps(told[0] if reference else told, indent=2))
    elif reference:
        for line in _in_full(records[0]):
            say(line)
    else:
        show(None, _COLUMNS, (_row(record) for record in records))


def _plain(record: SignInRecord) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _row(record: SignInRecord) -> dict[str, Any]:
    return {**{name: getattr(record, name, None) for name in _COLUMNS}, "time": _moment(record.at)}


def _in_full(record: SignInRecord) -> Iterator[str]:
    heads = {
        "reference": record.reference,
        "time": _moment(record.at),
        "code": record.code,
        "detail": record.detail,
        "identity provider": record.idp,
        "user": record.user,
        "resolver": record.resolver,
        "outcome": record.outcome,
        "arrived": ", ".join(record.arrived),
        "steps": ", ".join(f"{step} {micros / 1000:.1f} ms" for step, micros in record.steps),
        "configuration": record.configuration,
    }
    for name, fact in heads.items():
        if fact:
            yield f"{name:<17}  {visible(fact)}"
    told = dict.fromkeys((*record.changes, *record.origins, *record.left))
    if not told:
        return
    width = max(len(visible(name)) for name in told)
    yield ""
    for name in told:
        facts = [
            f"written: {record.changes[name]}" if name in record.changes else "",
            f"from {record.origins[name]}" if name in record.origins else "",
            f"left alone: {record.left[name]}" if name in record.left else "",
        ]
        yield f"{visible(name):<{width}}  {visible('; '.join(each for each in facts if each))}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _days(seconds: int) -> str:
    days = seconds / 86_400
    return "1 day" if days == 1 else f"{days:g} days"
