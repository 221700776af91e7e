"""A company whose directory keeps the people, in memory: ``source.corp.use = …:company`` in an ini."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from saml_wsgi.model import Profile, SignInRecord, Standing
from saml_wsgi.sync.report import Report
from saml_wsgi.sync.run import Synchronisation
from saml_wsgi.testing.browser import Browser
from tests.flow.situations import Account, Says
from tests.flow.situations_scene import WIKI, Arrival, Scene
from tests.unit.resolvers.kept_people import Company

OWNER: Final = "ldap:corp"
LDAP: Final = {"resolvers": "ldap", "source.corp.use": f"{__name__}:company"}
#: Mara as the company's directory has her.
MARA_THERE: Final = {
    "username": "mara",
    "email": "mara@corp.test",
    "first_name": "Mara",
    "last_name": "Lindqvist",
    "groups": ("Staff",),
}
#: And what becomes of her here.
MARA_KEPT: Final = Account(
    "mara",
    "mara@corp.test",
    "Mara",
    "Lindqvist",
    groups=("Staff",),
    managed_by=OWNER,
    subject="NameID:id-mara",
)


@dataclass(frozen=True)
class Colleague:
    """A Member of the company."""

    subject: str
    known: Profile

    @property
    def digest(self) -> bytes:
        return blake2b(repr(self.known).encode(), digest_size=16).digest()

    def profile(self) -> Profile:
        return self.known


class Everybody:
    """A Reading of the company."""

    complete, why, cursor = True, "", ""

    def __init__(self, company: Company) -> None:
        self._company = company

    def __iter__(self) -> Iterator[Sequence[Colleague]]:
        yield [Colleague(subject, known) for subject, known in self._company.people.items()]


class WholeCompany(Company):
    """A company that can be read as a whole, too."""

    def read(self, since: str, /) -> Everybody:
        return Everybody(self)


def company(context: Any) -> WholeCompany:
    """Nobody is in it before the test says so."""
    return WholeCompany()


class Town:
    """The application, the identity provider, and the company between them."""

    def __init__(self, scene: Scene, **options: str) -> None:
        self.scene = scene
        scene.people(())
        self.restart(**options)

    def restart(self, **options: str) -> None:
        """Start the application (anew) with these options; the company stays what it is."""
        before = self.company.people if self.scene.parts is not None else {}
        self.scene.start({**LDAP, **{key.replace("__", "."): value for key, value in options.items()}})
        self.company.people = before

    @property
    def company(self) -> WholeCompany:
        found: WholeCompany = self.scene.parts.sources["corp"]
        return found

    def arrives(self, says: Says) -> Arrival:
        return self.scene.arrive(says)

    def refuses(self, says: Says, code: str) -> SignInRecord:
        """The sign-in ends with this code, and without a session."""
        arrival = self.scene.arrive(says)
        assert (arrival.user, arrival.record.code) == (None, code), arrival.record
        return arrival.record

    def browser(self, says: Says) -> Browser:
        """A browser in which the person is signed in."""
        self.scene.arrange(says)
        browser = self.scene.browser()
        browser.sign_in(f"{WIKI}/", "visitor")
        return browser

    def sync(self) -> Report:
        """A synchronisation runs, as a process of its own would."""
        resolver = dict(self.scene.parts.chain.resolvers)["ldap"]
        return Synchronisation(
            self.company,
            "corp",
            self.scene.url,
            rules=resolver.rules,
            policy=resolver.policy,
            clock=self.scene.clock,
        ).run()

    def user(self, username: str) -> Any:
        (found,) = self.scene.parts.directory.find("username", username)
        return found

    def standing(self, username: str) -> Standing | None:
        found: Standing | None = self.scene.parts.links.standing(OWNER, self.user(username).id)
        return found

    def account(self, username: str) -> Account:
        return self.scene.picture().accounts[self.user(username).id]


def is_signed_in(browser: Browser) -> bool:
    """Whether the browser's session goes on."""
    page = browser.get(f"{WIKI}/api", headers={"X-Requested-With": "x"})
    return page.status == 200 and page.json()["remote_user"] is not None
