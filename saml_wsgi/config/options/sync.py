"""The synchronisation: who is copied from a directory, how often, and what stops it."""

from __future__ import annotations

from typing import Final

from saml_wsgi.config.declare import Group, Option
from saml_wsgi.config.kinds import Choice, Duration, Words
from saml_wsgi.config.plugged import SourceName
from saml_wsgi.config.removals import Removals, Share

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "Synchronisation",
        "What `saml-wsgi sync` does: everybody whom a source of people knows (`source.<name>.use = ldap`) "
        "becomes a user in tables of ours, before the first sign-in, and is switched off there when the "
        "source says so. It is a process of its own; nothing of this is done by the application.",
        (
            Option(
                "sync.source",
                SourceName(),
                None,
                "The source whose people are copied.",
                without="the only one that can be read as a whole",
            ),
            Option(
                "sync.every",
                Duration(_MINUTE, _DAY),
                15 * _MINUTE,
                "How often `saml-wsgi sync --watch` begins. With a timer of the system's, write here what it "
                "has: warnings are measured by it.",
            ),
            Option(
                "sync.full_every",
                Duration(5 * _MINUTE, 30 * _DAY),
                _DAY,
                "How often everybody is read, where otherwise only what changed is.",
            ),
            Option(
                "sync.incremental",
                Choice(("auto", "off")),
                "auto",
                "Whether only what changed is read: `auto`, where the directory proves that it tells all of "
                "it; `off`, everybody is read each time.",
            ),
            Option(
                "sync.max_removals",
                Removals(),
                Share(5),
                "How many users one run may switch off, as a share of those whom the source keeps active "
                "(and 5 in any case), or as a number. Beyond it nothing is changed at all. The same holds "
                "for how many may lose all groups, be left without a value in one field, or become unusable.",
            ),
            Option(
                "sync.adopt",
                Words(("local", "jit")),
                (),
                "Users who are here already, made by an administrator (`local`) or by signing in (`jit`), "
                "and have a person's username: those named here become the source's. All others are left "
                "alone, and told.",
            ),
            Option(
                "sync.warn_after",
                Duration(_MINUTE, 30 * _DAY),
                None,
                "For how long no run may have come to its end before `saml-wsgi check` warns.",
                without="four times `sync.every`",
            ),
            Option(
                "sync.keep",
                Duration(_DAY, 3650 * _DAY),
                90 * _DAY,
                "For how long runs are remembered: `saml-wsgi sync --history`.",
            ),
        ),
    ),
)
