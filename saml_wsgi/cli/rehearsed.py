"""All that a dry run found, and the same as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from saml_wsgi.cli.dry_run import Decision, Shown
from saml_wsgi.cli.inifile import IniSection
from saml_wsgi.model import Assertion, User
from saml_wsgi.protocol.explanation import Explanation, Finding
from saml_wsgi.protocol.instants import write
from saml_wsgi.rehearsal import Written


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A dry run.

    Attributes:
        at: The time at which it was checked.
        asserted: What was asserted, where that can be read.
        explanation: Every check of the response; None for attributes that were made up.
        trusted: Whether the response would be accepted, or would have been when it was issued.
        tried: Whether the resolvers were asked.
    """

    at: float
    decision: Decision
    asserted: Assertion | None
    explanation: Explanation | None = None
    trusted: bool = True
    tried: bool = True


def as_text(section: IniSection, rehearsed: Rehearsed) -> str:
    """As JSON, in ASCII."""
    decision, explanation = rehearsed.decision, rehearsed.explanation
    return json.dumps(
        {
            "configuration": str(section),
            "at": write(rehearsed.at),
            "input": "attributes" if explanation is None else "response",
            # Of attributes that were made up it isn't known.
            "acceptable": None if explanation is None else rehearsed.trusted,
            "checks": [_finding(finding) for finding in explanation.findings] if explanation else [],
            "asserted": _asserted(rehearsed.asserted),
            "code": decision.code,
            "detail": decision.detail,
            "page": _shown(decision.shown),
            "resolver": decision.resolver,
            "outcome": decision.outcome,
            "user": _user(decision.user),
            "before": _user(decision.before),
            "fields": [dataclasses.asdict(one) for one in decision.fields],
            "groups": {
                "joins": decision.groups.joins,
                "leaves": decision.groups.leaves,
                "stays": decision.groups.stays,
                "origin": decision.groups.origin,
                "left": dict(decision.groups.left),
            },
            "pinned": decision.pinned,
            "would_write": [_written(one) for one in decision.written],
        },
        indent=2,
    )


def _finding(finding: Finding) -> dict[str, str]:
    return {name: str(value) for name, value in dataclasses.asdict(finding).items()}


def _asserted(assertion: Assertion | None) -> dict[str, Any] | None:
    if assertion is None:
        return None
    return {
        "idp": assertion.idp,
        "NameID": assertion.name_id,
        "format": assertion.name_id_format,
        "transient": assertion.transient,
        "attributes": {name: list(values) for name, values in assertion.attributes.items()},
    }


def _shown(shown: Shown | None) -> dict[str, Any] | None:
    return None if shown is None else dataclasses.asdict(shown)


def _user(user: User | None) -> dict[str, Any] | None:
    return None if user is None else dataclasses.asdict(user)


def _written(written: Written) -> dict[str, Any]:
    return {
        "what": written.what,
        "user": written.user_id,
        "before": _user(written.before),
        "after": _user(written.after),
        "link": None if written.link is None else list(written.link),
        "state": written.state or None,
    }
