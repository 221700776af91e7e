"""What can happen at a source and here, drawn by chance."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.model import FIELDS, Assertion, Changes, Profile, User
from saml_wsgi.names import key
from saml_wsgi.resolvers.jit import JITResolver
from saml_wsgi.resolvers.ldap import LDAPResolver
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules
from tests.unit.sync.world import KEEPER, World

_GROUPS = ("Staff", "Finance", "Wiki (all)", "Zürich", "Night, shift")


class Events:
    """Events, drawn by chance.

    Attributes:
        world: In which they happen.
        touched: The ids of users whom somebody here switched off or on since it was last emptied.
        happened: How often each kind of event did something.
    """

    def __init__(self, world: World, seed: int, people: int = 14) -> None:
        self.world = world
        self.chance = Random(seed)
        self.touched: set[str] = set()
        self.happened: Counter[str] = Counter()
        self._number = 0
        self._gone: list[str] = []
        for _ in range(people):
            self._hire(self._name())
        self._signing_in = LDAPResolver(
            "corp",
            world.source,
            world.directory,
            world.links,
            rules=Rules(match="username"),
            clock=world.clock,
        )
        self._signing_in_elsewhere = JITResolver(
            world.directory, None, Rules(match="username"), Policy(update_existing=True)
        )

    # -- at the source --

    def at_the_source(self, count: int = 1) -> None:
        """Something happens there."""
        for _ in range(count):
            event = self.chance.choice(
                [
                    *(
                        self.hire,
                        self.leave,
                        self.come_back,
                        self.switch,
                        self.rename,
                        self.swap,
                        self.rotate,
                    ),
                    *(self.describe, self.describe, self.regroup, self.recycle, self.spoil, self.recase),
                ]
            )
            if event() is not False:
                self.happened[event.__name__] += 1

    def hire(self) -> None:
        self._hire(self._name())

    def leave(self) -> Any:
        if len(self.world.source) < 8:
            return False
        subject = self._anybody()
        self._gone.append(subject)
        self.world.source.remove(subject)
        return True

    def come_back(self) -> Any:
        if not self._gone:
            return False
        subject = self._gone.pop(self.chance.randrange(len(self._gone)))
        self._hire(self._name(), subject)
        return True

    def recycle(self) -> None:
        """Somebody else gets the name of somebody who left, or of somebody who is only here."""
        names = [user.username for user in self.world.everybody()]
        there = self._names_there()
        free = [name for name in names if key(name) not in there]
        self._hire(self.chance.choice(free) if free else self._name())

    def switch(self) -> Any:
        subject = self._somebody()
        self.world.source.change(subject, active=self._said(subject).active is False)

    def rename(self) -> None:
        self.world.source.change(self._somebody(), username=self._name())

    def recase(self) -> None:
        subject = self._somebody()
        self.world.source.change(subject, username=(self._said(subject).username or "").swapcase())

    def swap(self) -> Any:
        return self._rotate(2)

    def rotate(self) -> Any:
        return self._rotate(self.chance.randrange(3, 6))

    def _rotate(self, count: int) -> Any:
        if len(self._sound()) < count:
            return False
        circle = self.chance.sample(self._sound(), count)
        names = [self._said(subject).username for subject in circle]
        # Sometimes the first one goes elsewhere, and the others move up.
        last = names[0] if self.chance.random() < 0.7 else self._name()
        for subject, name in zip(circle, [*names[1:], last], strict=True):
            self.world.source.change(subject, username=name)
        return True

    def describe(self) -> None:
        field = self.chance.choice([name for name in FIELDS if name != "username"])
        value = self.chance.choice(["", None, "x@example.test", f"Ö {self._next()}"])
        self.world.source.change(self._somebody(), **{field: value})

    def regroup(self) -> None:
        self.world.source.change(self._somebody(), groups=self._groups())

    def spoil(self) -> Any:
        if self.chance.random() < 0.5:
            return False
        self.world.source.spoil(self._anybody())
        return True

    # -- here --

    def here(self, count: int = 1) -> None:
        """Something happens here."""
        for _ in range(count):
            event = self.chance.choice(
                [
                    *(
                        self.disable,
                        self.enable,
                        self.edit,
                        self.make,
                        self.delete,
                        self.sign_in,
                        self.sign_in,
                    ),
                    *(self.unlink, self.relink, self.exchange_links, self.rename_here, self.sign_in_by_jit),
                ]
            )
            with suppress(DirectoryConflict, DirectoryUnavailable):
                if event() is not False:
                    self.happened[event.__name__] += 1

    def disable(self) -> Any:
        return self._write(active=False)

    def enable(self) -> Any:
        return self._write(active=True)

    def edit(self) -> Any:
        return self._write(first_name=f"Edited {self._next()}", groups=self._groups())

    def rename_here(self) -> Any:
        return self._write(username=self.chance.choice([self._name(), *self._names_there()]))

    def make(self) -> None:
        owner = self.chance.choice(["local", "jit:saml"])
        self.world.make(self._name(), owner, groups=("Local",))

    def delete(self) -> Any:
        user = self._user()
        return user is not None and self.chance.random() < 0.4 and self.world.directory.remove(user.id)

    def unlink(self) -> Any:
        links = self.linked()
        if not links or self.chance.random() < 0.5:
            return False
        return self.world.links.unpin(KEEPER, self.chance.choice(links)[0])

    def relink(self) -> Any:
        links, user = self.linked(), self._user()
        if not links or user is None or user.managed_by != KEEPER or self.chance.random() < 0.5:
            return False
        self.world.links.repin(KEEPER, self.chance.choice(links)[0], user.id)
        return True

    def exchange_links(self) -> Any:
        """As if somebody found out that two people have each other's users."""
        links = self.linked()
        if len(links) < 2:
            return False
        (one, first), (other, second) = self.chance.sample(links, 2)
        for subject, user_id in ((one, second), (other, first)):
            self.world.links.repin(KEEPER, subject, user_id)
        return True

    def sign_in(self) -> Any:
        subject = self._anybody()
        said = next(member for member in self.world.source if member.subject == subject).said
        if not isinstance(said, Profile):
            return False
        self._signing_in.resolve(assertion(said.username or ""))
        return True

    def sign_in_by_jit(self) -> Any:
        user = self._user()
        name = user.username if user is not None and self.chance.random() < 0.5 else self._name()
        self._signing_in_elsewhere.resolve(assertion(name))
        return True

    # -- whom --

    def linked(self) -> list[tuple[str, str]]:
        return [(link.subject, link.user_id) for link in self.world.links.listed() if link.idp == KEEPER]

    def _user(self) -> User | None:
        users = self.world.everybody()
        return self.chance.choice(users) if users else None

    def _write(self, **values: Any) -> Any:
        user = self._user()
        if user is None:
            return False
        if "active" in values:
            self.touched.add(user.id)
        self.world.directory.update(user, Changes(values))
        return True

    def _hire(self, name: str, subject: str = "") -> None:
        self.world.source.put(
            subject or f"uid:{self._next()}",
            username=name,
            email=f"{name}@example.test",
            groups=self._groups(),
            active=self.chance.choice([True, None, None, None, False]),
        )

    def _anybody(self) -> str:
        return self.chance.choice([member.subject for member in self.world.source])

    def _sound(self) -> list[str]:
        return [member.subject for member in self.world.source if isinstance(member.said, Profile)]

    def _somebody(self) -> str:
        return self.chance.choice(self._sound())

    def _active_there(self) -> set[str]:
        return {
            member.subject
            for member in self.world.source
            if isinstance(member.said, Profile) and member.said.active is not False
        }

    def _said(self, subject: str) -> Profile:
        return next(member.profile() for member in self.world.source if member.subject == subject)

    def _names_there(self) -> set[str]:
        return {
            key(member.said.username or "")
            for member in self.world.source
            if isinstance(member.said, Profile)
        }

    def _groups(self) -> tuple[str, ...]:
        return tuple(self.chance.sample(_GROUPS, self.chance.randrange(len(_GROUPS))))

    def _name(self) -> str:
        return f"Mara{self._next()}"

    def _next(self) -> int:
        self._number += 1
        return self._number


def assertion(username: str) -> Assertion:
    """Somebody signs in."""
    return Assertion(
        "saml", "https://idp.example.test", "_1", username, "", {"username": (username,)}, "", 0, None, 0
    )
