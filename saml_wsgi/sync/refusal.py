"""Why a synchronisation changes nothing: a stable code, what was there, and what to do."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from saml_wsgi.errors import SamlWsgiError

#: The code of a run that came to its end.
DONE: Final = "done"
#: The code of a run whose process was told to stop, and of one whose cause nobody foresaw.
INTERRUPTED: Final = "interrupted"
INTERNAL: Final = "internal_error"

_LOOK: Final = (
    "Run it with --dry-run to see who is meant. If it is right, run it once with --max-removals NUMBER."
)

#: Each code, and what an operator does about it.
CURES: Final = MappingProxyType(
    {
        "unavailable": "Ask it with: saml-wsgi check FILE.ini --connect. Nothing was changed.",
        "incomplete": (
            "The source told only a part of its people. Look at its limits (size limit, page size, the time"
            " that a search may take), and at source.<name>.filter. Nothing was changed."
        ),
        "empty": "Look at source.<name>.base and filter, and at what the account may read there.",
        "too_many_removals": _LOOK,
        "too_many_group_losses": f"Look at group_base, group_filter and groups.map. {_LOOK}",
        "too_many_emptied": f"Look at whether the account may still read that attribute. {_LOOK}",
        "too_many_unusable": f"Look at which attribute is the username. {_LOOK}",
        "busy": "Wait until the other one is through. One that died is forgotten within minutes.",
        "lost_lease": "Another run took over, since this one stood still for too long. Look at that one.",
        "directory_unavailable": "Look at directory.url, and at what the database says.",
        "no_room": "Make room where temporary files are kept, or name another place (TMPDIR).",
        INTERRUPTED: "Run it again. What was changed before the flip isn't there, all else is finished then.",
        INTERNAL: "The log has the traceback. Nothing is there by half: run it again, and report it.",
    }
)


class SyncRefused(SamlWsgiError):
    """A run changes nothing (or, with ``lost_lease``, somebody else finishes it).

    Args:
        code: A key of :data:`CURES`.
        detail: What was there, with its numbers.
    """

    def __init__(self, code: str, detail: str) -> None:
        if code not in CURES:
            raise ValueError(f"unknown code {code!r}")
        super().__init__(detail)
        self.code = code

    @property
    def cure(self) -> str:
        """What to do."""
        return CURES[self.code]

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"
