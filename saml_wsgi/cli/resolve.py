"""``saml-wsgi resolve``: what a sign-in would do, or why a response is refused. Writes nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, NoReturn

import click

from saml_wsgi.cli.captured import Claims, Unusable, read, recognise
from saml_wsgi.cli.dry_run import decide, refusal
from saml_wsgi.cli.inifile import IniSection, load
from saml_wsgi.cli.report import show
from saml_wsgi.errors import ConfigurationError, Problems, Unavailable
from saml_wsgi.model import Assertion

if TYPE_CHECKING:
    from saml_wsgi.cli.rehearsed import Rehearsed
    from saml_wsgi.wiring import Parts

_TIME: Final = "Write a time as 2026-01-31T08:15:00Z, or in seconds since 1970."


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    from saml_wsgi.protocol import instants

    if value.isascii() and value.isdigit() and len(value) <= 11:
        return float(value)
    moment = instants.read(value)
    if moment is None:
        raise click.BadParameter(f"{value!r} isn't a time with a time zone. {_TIME}")
    return moment


@click.command()
@click.argument("ini", metavar="FILE[#section]")
@click.argument("source", metavar="INPUT")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.option(
    "--at",
    metavar="TIME",
    callback=_moment,
    help="Check the response as at that time, such as 2026-01-31T08:15:00Z.  [default: now]",
)
@click.option(
    "--unverified",
    is_flag=True,
    help="Try a response that isn't acceptable as if it were, for example one of another environment.",
)
def resolve(ini: str, source: str, as_json: bool, at: float | None, unverified: bool) -> None:
    """Show what a sign-in would do, field by field. Nothing is written.

    INPUT is a file (or - for the standard input): a response as it was posted (XML, base64, or the form's
    body), or attributes to try, as JSON: {"NameID": "…", "attributes": {"email": ["…"]}}, or just
    {"email": "…"}. Values are shown in full.

    A response that isn't acceptable is explained check by check. That it expired since it was captured is
    said, and no obstacle.

    Sources are asked as at a sign-in. Resolvers of your own are called; what they write past the directory
    that they were given, they write.

    Ends with 0 if the person would be signed in, with 1 if not, and with 2 where the configuration or the
    input can't be used.
    """
    section, parts = _opened(ini)
    data = read(source, parts.provider.demands.max_message)
    found = recognise(data)
    at = time.time() if at is None else at
    try:
        rehearsed = (
            _claimed(parts, found, at)
            if isinstance(found, Claims)
            else _captured(parts, found, at, unverified=unverified)
        )
    except ConfigurationError as error:
        _refuse(error)
    except Unavailable as error:
        raise Unusable(f"That can't be tried now ({error.code}): {error.detail}.") from None
    if as_json:
        from saml_wsgi.cli.rehearsed import as_text

        click.echo(as_text(section, rehearsed))
    else:
        from saml_wsgi.cli.told import tell

        tell(section, rehearsed)
    sys.exit(0 if rehearsed.decision.signs_in else 1)


def _opened(ini: str) -> tuple[IniSection, Parts]:
    """The parts, without making a database that isn't there."""
    try:
        section = load(ini)
        from saml_wsgi import wiring
        from saml_wsgi.config.settings import hidden_by_defaults

        problems = Problems()
        hidden_by_defaults(section.global_conf, section.options, problems)
        parts = wiring.build(section.options, here=section.here, problems=problems, look_only=True)
        problems.raise_if_fatal()
    except ConfigurationError as error:
        _refuse(error)
    assert parts is not None  # what has no parts has problems
    return section, parts


def _refuse(error: ConfigurationError) -> NoReturn:
    show(error.problems, err=True)
    sys.exit(2)


def _claimed(parts: Parts, claims: Claims, at: float) -> Rehearsed:
    from saml_wsgi.cli.rehearsed import Rehearsed

    assertion = Assertion(
        idp=parts.provider.idp_name,
        issuer=parts.provider.identity_provider.entity_id,
        id="_rehearsed",
        name_id=claims.name_id,
        name_id_format="",
        attributes=claims.attributes,
        session_index="",
        authn_instant=int(at),
        session_not_on_or_after=None,
        expires=int(at),
    )
    return Rehearsed(at, decide(parts, assertion), assertion)


def _captured(parts: Parts, response: bytes, at: float, *, unverified: bool) -> Rehearsed:
    from saml_wsgi.cli.rehearsed import Rehearsed

    unsolicited = parts.settings.idp.unsolicited
    explanation = parts.provider.explain(response, at=at, unsolicited=unsolicited)
    if explanation.assertion is not None:
        decision = decide(parts, explanation.assertion)
        return Rehearsed(at, decision, explanation.assertion, explanation)
    if unverified and explanation.claimed is not None:
        decision = decide(parts, explanation.claimed)
        return Rehearsed(at, decision, explanation.claimed, explanation, trusted=False)
    refused = explanation.refused
    assert refused is not None
    decision = refusal(refused.code, refused.detail, refused.explanation)
    return Rehearsed(at, decision, explanation.claimed, explanation, trusted=False, tried=False)
