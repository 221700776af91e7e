"""How much of what people have one run may take away before somebody has to look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from saml_wsgi.model import FIELDS
from saml_wsgi.sync.refusal import SyncRefused

#: So few are possible in any directory, however small.
AT_LEAST: Final = 5

#: What somebody would lose: the code of the refusal, what a decision counts it as, and how it is said.
_LOSSES: Final = (
    ("too_many_removals", "deactivated", "would be switched off"),
    ("too_many_group_losses", "ungrouped", "would lose all their groups"),
    *(("too_many_emptied", f"emptied:{name}", f"would have no {name} any more") for name in FIELDS),
    ("too_many_unusable", "newly_unusable", "can't be understood any more"),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many, or so many of each hundred of the active users whom the source keeps (``sync.max_removals``).

    Attributes:
        percent: Counts unless there is a number; :data:`AT_LEAST` are possible in any case.
        number: Counts exactly.
    """

    percent: float = 5.0
    number: int | None = None

    @property
    def least(self) -> int:
        """How many in any case, however many people there are."""
        return AT_LEAST if self.number is None else self.number

    def of(self, people: int) -> int:
        """How many of so many people."""
        return max(AT_LEAST, int(people * self.percent / 100)) if self.number is None else self.number


def check(effects: Mapping[str, int], limit: Limit, count_active: Callable[[], int]) -> None:
    """Raise SyncRefused if a run takes away too much of anything, or switches off everybody there is.

    Args:
        effects: How often each of :attr:`saml_wsgi.sync.decision.Decision.effects` occurs.
        count_active: How many active users the source keeps here. Asked only where it matters, since it
            costs by their number.
    """
    gone = effects.get("deactivated", 0)
    # In a small directory a wrong filter stays below every limit: nobody means to lose all people at once.
    might_be_all = limit.number is None and 1 < gone <= limit.least
    if not might_be_all and all(effects.get(effect, 0) <= limit.least for _, effect, _ in _LOSSES):
        return
    active = count_active()
    most = limit.of(active)
    if might_be_all and gone >= active:
        raise SyncRefused("too_many_removals", f"all {active} users would be switched off")
    for code, effect, what in _LOSSES:
        if effects.get(effect, 0) > most:
            raise SyncRefused(code, f"{effects[effect]} of {active} users {what}, and {most} are the limit")
