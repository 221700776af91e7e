"""What became of a run: shown to the operator, kept in the history, read by machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from saml_wsgi.sync.refusal import CURES, DONE

#: So many people are named one by one; the counts are of all.
MOST_TOLD: Final = 200

#: What is counted, in the order in which it is shown.
COUNTED: Final = (
    "read",
    "created",
    "updated",
    "deactivated",
    "missing",
    "reactivated",
    "adopted",
    "unchanged",
    "left",
    "unusable",
    "elsewhere",
    "not_made",
)


class Told(NamedTuple):
    """Somebody who is worth a line.

    Attributes:
        person: The username, or what identifies them at the source where there is none.
        reason: What is to be known of them.
    """

    person: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run.

    Attributes:
        code: ``done``, or why nothing was changed: a key of :data:`saml_wsgi.sync.refusal.CURES`.
        source: The name of the source.
        kind: ``full``, ``incremental``, or ``""`` if it didn't come to reading.
        why: Why everybody was read although only changes could have been.
        started: In seconds since the epoch; so is ``finished``.
        dry_run: Whether nothing was to be written anyway.
        applied: Whether what was read is there for everybody; with another code than ``done`` the next run
            tidies up behind it.
        counts: How many people, by :data:`COUNTED`. ``read`` at the source; ``missing`` are those among the
            ``deactivated`` who aren't there any more; ``left`` stay switched off since an administrator here
            wants it so; ``unusable`` can't be understood or clash with another one; ``elsewhere`` have a
            username that belongs to a user whom somebody else keeps; ``not_made`` are kept from having one by
            the resolver's ``allow_groups`` and ``allow_domains``.
        told: People who aren't as the source has them, and why.
        planned: What is done with whom; only in a dry run.
        more: How many further lines ``told`` and ``planned`` would have together.
        detail: What stood in the way, with its numbers.
        took: Seconds by step.
    """

    code: str = DONE
    source: str = ""
    kind: str = ""
    why: str = ""
    started: int = 0
    finished: int = 0
    dry_run: bool = False
    applied: bool = False
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    told: tuple[Told, ...] = ()
    planned: tuple[Told, ...] = ()
    more: int = 0
    detail: str = ""
    took: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def done(self) -> bool:
        """Whether the run came to its end."""
        return self.code == DONE

    @property
    def cure(self) -> str:
        """What to do, where it didn't."""
        return CURES.get(self.code, "")

    def as_json(self) -> str:
        """One line for machines; people are ``[person, reason]``."""
        return json.dumps({**asdict_of(self), "cure": self.cure}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Report:
        """What :meth:`as_json` wrote, as far as this version understands it.

        Raises:
            ValueError: It is no report.
        """
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("a report is an object")  # noqa: TRY004 - the text is wrong, not a type here
        known = {name: value for name, value in found.items() if name in cls.__dataclass_fields__}
        for name in ("told", "planned"):
            known[name] = tuple(Told(*line) for line in known.get(name, ()))
        return cls(**known)


def asdict_of(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    values = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
