"""A copy of a directory's people, kept as a synchronisation keeps it: by readings, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saml_wsgi.directories.ldap.source import LDAPSource
from saml_wsgi.model import Profile


class LocalCopy:
    """The copy.

    Attributes:
        people: What the directory said of each, by what identifies them for good.
        complete: Whether the last reading was of everybody.
        why: Why it was.
        read: How many people it had.
    """

    def __init__(self, source: LDAPSource) -> None:
        self.source = source
        self.people: dict[str, Profile] = {}
        self.complete = True
        self.why = ""
        self.read = 0
        self._digests: dict[str, bytes] = {}
        self._cursor = ""

    def refresh(self) -> None:
        """Read what changed, where the directory proves that, or everybody."""
        reading = self.source.read(self._cursor)
        self.complete, self.why = reading.complete, reading.why
        found: dict[str, Any] = {member.subject: member for page in reading for member in page}
        self.read = len(found)
        if self.complete:
            for gone in self.people.keys() - found.keys():
                del self.people[gone], self._digests[gone]
        for subject, member in found.items():
            # Whoever is the same isn't looked at again.
            if self._digests.get(subject) != member.digest:
                self.people[subject] = member.profile()
                self._digests[subject] = member.digest
        self._cursor = reading.cursor


def live(source: LDAPSource, names: Iterable[str]) -> dict[str, Profile]:
    """What the directory says of those who are there, asked for each alone."""
    found = [source.look_up({"username": name}) for name in names]
    return {profile.subject: profile for profile in found if profile is not None}
