"""What an LDAP directory knows of people: asked while one signs in, or read as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from saml_wsgi.directories.ldap.client import Client
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry, Searcher
from saml_wsgi.directories.ldap.people import People
from saml_wsgi.directories.ldap.population import JUMPCLOUD_CAP, LDAPReading
from saml_wsgi.directories.ldap.presets import JUMPCLOUD
from saml_wsgi.errors import Refused, SourceUnavailable
from saml_wsgi.model import FIELDS, Profile

_KINDS: Final = {"ldaps": "TLS", "starttls": "StartTLS", "none": "in the clear"}
#: Beyond so many people nobody needs to know, before a synchronisation counts them anyway.
_COUNTED: Final = 100_000


class LDAPSource:
    """An LDAP directory as a :class:`saml_wsgi.interfaces.Population`.

    Args:
        preset: Its name.
        page_size: How many people, or groups, are asked for at a time where all are read.
        page_timeout: Seconds for each of these pages.
    """

    def __init__(
        self,
        client: Client,
        people: People,
        *,
        preset: str = "",
        page_size: int = 500,
        page_timeout: float = 60.0,
    ) -> None:
        self.client = client
        self.people = people
        self._preset = preset
        self._page_size = page_size
        self._page_timeout = page_timeout

    @property
    def fields(self) -> tuple[str, ...]:
        """See :class:`saml_wsgi.interfaces.Population`."""
        return tuple(name for name in FIELDS if self.people.fields[name])

    @property
    def fingerprint(self) -> str:
        """See :class:`saml_wsgi.interfaces.Population`. Servers, passwords and times don't count."""
        return self.people.fingerprint

    def read(self, since: str, /) -> LDAPReading:
        """See :class:`saml_wsgi.interfaces.Population`. No server is asked before that is needed."""
        return LDAPReading(
            self.client,
            self.people,
            preset=self._preset,
            size=self._page_size,
            page_timeout=self._page_timeout,
            since=since,
        )

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        """The one person with these values, or None.

        Raises:
            SourceUnavailable: No server answers, or it answers only in part.
            Ambiguous: There are two.
            Refused: ``attribute_unusable``: what it says can't be used.
        """
        with self.client.look_up() as session:
            return self.people.find(keys, session)

    def examine(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Ask each server, and show somebody who is there: for ``saml-wsgi check --connect``.

        Returns:
            What was found, and why a server can't be used.
        """
        facts: list[tuple[str, str]] = []
        failures: list[str] = []
        shown = False
        for server in self.client.access.servers:
            alone = self.client.alone(server)
            try:
                with alone.look_up() as session:
                    found = session.search(
                        self.people.base, SUBTREE, self.people.wanted, self.people.attributes, most=1
                    )
                    user = self.client.access.user
                    who = "anonymous" if user is None else f"bound as {user}"
                    facts.append((str(server), f"{_KINDS[server.tls]}, {who}"))
                    if not found:
                        failures.append(f"{server}: nobody is below {self.people.base}, or shown to who asks")
                    elif not shown:
                        shown = True
                        facts += self._sample(found[0], session)
                        facts += self._counted(alone)
            except SourceUnavailable as error:
                failures.append(error.detail)
            finally:
                alone.close()
        return facts, failures

    def _sample(self, entry: Entry, ask: Searcher) -> list[tuple[str, str]]:
        facts = [("for example", entry.shown)]
        try:
            profile = self.people.profile(entry, ask)
        except Refused as error:
            return [*facts, ("  can't be used", error.detail)]
        facts.append(
            ("  key", profile.subject or f"none: without {self.people.key} nobody can be synchronised")
        )
        for name in FIELDS:
            text = profile.value(name)
            if text is not None:
                facts.append((f"  {name}", f"{text} ({profile.origins[name]})"))
        if profile.groups is not None:
            facts.append(("  groups", ", ".join(profile.groups[:10]) or "none"))
        said = {None: "not said", True: "yes", False: "no"}[profile.active]
        by = profile.origins.get("active")
        facts.append(("  active", f"{said} ({by})" if by else said))
        return facts

    def _counted(self, alone: Client) -> list[tuple[str, str]]:
        """How many people there are, as a synchronisation would find them."""
        people, count = self.people, 0
        try:
            with alone.reading() as reader:
                for page in reader.pages(
                    people.base,
                    SUBTREE,
                    people.wanted,
                    (),
                    size=self._page_size,
                    page_timeout=self._page_timeout,
                ):
                    count += len(page)
                    if count > _COUNTED:
                        return [("people", f"more than {_COUNTED}")]
        except SourceUnavailable as error:
            return [("people", f"not all can be read: {error.detail}")]
        if self._preset == JUMPCLOUD and count == JUMPCLOUD_CAP:
            return [("people", f"{count}: JumpCloud tells no more, so they can't be synchronised")]
        return [("people", str(count))]
