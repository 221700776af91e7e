"""Who has an account at the test identity provider, and sample people for tests and the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

#: What JumpCloud may know about an account. Only ``active`` is ever sent to an application; every other
#: state ends on a page of the identity provider (suspended, staged and unassigned: JumpCloud's
#: documentation; deleted: another vendor's; locked and password expired: inferred).
State = Literal["active", "unassigned", "suspended", "staged", "locked", "password expired", "deleted"]

STATES: Final[tuple[str, ...]] = get_args(State)

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account at the identity provider.

    Attributes:
        username: Unique; what the login form asks for (the e-mail address works too).
        password: For the login form only; never sent to anybody. By default the username and ``-demo``.
        groups: Names of all the person's groups, in the order in which they are asserted.
        state: See :data:`State`. ``unassigned``: signs in at the identity provider, may use no application.
        custom: Further fields by name, for example ``employee_identifier`` or a custom attribute.

    The other fields carry JumpCloud's own names (``firstname``, not ``first_name``). Raises ValueError
    for a state that doesn't exist or an empty username.
    """

    username: str
    email: str = ""
    firstname: str = ""
    lastname: str = ""
    displayname: str = ""
    description: str = ""
    department: str = ""
    password: str = field(default="", repr=False)
    groups: tuple[str, ...] = ()
    state: State = "active"
    custom: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if not self.username:
            raise ValueError("a person needs a username")
        if self.state not in STATES:
            raise ValueError(f"unknown state {self.state!r}; one of {', '.join(STATES)}")
        if not self.password:
            object.__setattr__(self, "password", f"{self.username}-demo")

    def value(self, name: str) -> str:
        """The value of a field, a further field included; ``""`` where there is none."""
        if name in _FIELDS:
            value: str = getattr(self, name)
            return value
        return self.custom.get(name, "")


_FIELDS: Final = (
    "username",
    "email",
    "firstname",
    "lastname",
    "displayname",
    "description",
    "department",
)


def _sample(username: str, firstname: str, lastname: str, *groups: str, state: State = "active") -> Person:
    return Person(
        username=username,
        email=f"{username}@example.test",
        firstname=firstname,
        lastname=lastname,
        displayname=f"{firstname} {lastname}",
        groups=groups,
        state=state,
        custom=MappingProxyType({"employee_identifier": f"E-{len(username):02}{len(lastname):02}"}),
    )


#: Mara, José, 由紀 and Søren may sign in; Petra is suspended, Uwe was given no application.
#: Everybody's password is the username and ``-demo``.
PEOPLE: Final[tuple[Person, ...]] = (
    _sample("mara", "Mara", "Lindqvist", "Staff", "Wiki Editors", "Engineering (Backend)"),
    _sample("jose", "José", "Núñez Ibáñez", "Staff", "Finance, Controlling"),
    _sample("yuki", "由紀", "田中", "Staff", "東京オフィス", "Engineering (Backend)"),
    _sample("soren", "Søren", "O'Brien & Sønner", "Staff", "Büro Köln", 'R&D <"Labs">'),
    _sample("petra", "Petra", "Nováková", "Staff", state="suspended"),
    _sample("uwe", "Uwe", "Groß", "Contractors", state="unassigned"),
)
