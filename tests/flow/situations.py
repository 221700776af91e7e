"""Words for provisioning situations: who is there, what the options are, what arrives, and what comes of it.

A situation is one row of a table; ``situations_scene`` plays it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

IDP: Final = "JumpCloud"
TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
LASTING: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Says:
    """What the identity provider asserts.

    Attributes:
        name_id: The NameID.
        attributes: A text is one value; a tuple is one attribute with several values, or with none; a list
            is an attribute for each value, all of one name.
        name_id_format: The NameID's.
    """

    name_id: str
    attributes: Mapping[str, str | tuple[str, ...] | list[str]]
    name_id_format: str = LASTING

    def but(
        self,
        name_id: str = "",
        name_id_format: str = "",
        **attributes: str | tuple[str, ...] | list[str],
    ) -> Says:
        """The same with something else, or something more."""
        return Says(
            name_id or self.name_id,
            {**self.attributes, **attributes},
            name_id_format or self.name_id_format,
        )

    def without(self, *names: str) -> Says:
        """The same with these attributes left out."""
        kept = {name: value for name, value in self.attributes.items() if name not in names}
        return dataclasses.replace(self, attributes=kept)


@dataclass(frozen=True)
class Account:
    """A user of the application, with the subject that it is pinned to (``""``: to none)."""

    username: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    employee_id: str = ""
    groups: tuple[str, ...] = ()
    active: bool = True
    managed_by: str = f"jit:{IDP}"
    subject: str = ""

    def but(self, **changes: Any) -> Account:
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Comes:
    """What must come of it.

    Attributes:
        code: ``signed_in``, or why not.
        outcome: ``created``, ``updated``, ``unchanged``.
        account: The user as it is afterwards, all of it.
        wrote: What the record names as written; None: not looked at.
        left: What the record must name as left alone.
        named: What the record's detail must contain, so that the operator knows.
        origins: Where values must have come from.
        shown: What the person must be able to read.
        status: The answer's HTTP status.
        pinned: The subject that is pinned although nobody was signed in.
    """

    code: str
    outcome: str = ""
    account: Account | None = None
    wrote: frozenset[str] | None = None
    left: frozenset[str] = frozenset()
    named: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    shown: str = ""
    status: int = 200
    pinned: str = ""


def created(account: Account, *, left: Sequence[str] = (), **origins: str) -> Comes:
    """A new user, and nothing else."""
    return Comes("signed_in", "created", account, left=frozenset(left), origins=origins)


def updated(account: Account, *wrote: str, left: Sequence[str] = ()) -> Comes:
    """The user is there already, and these fields (and no others) were written."""
    return Comes("signed_in", "updated", account, wrote=frozenset(wrote), left=frozenset(left))


def unchanged(account: Account, *, left: Sequence[str] = ()) -> Comes:
    """The user is there already, and stays as it is."""
    return Comes("signed_in", "unchanged", account, wrote=frozenset(), left=frozenset(left))


def refused(code: str, *named: str, shown: str = "", status: int = 403, pinned: str = "") -> Comes:
    """Nobody is signed in, nothing (but ``pinned``) is written, and the operator can read why."""
    return Comes(code, named=named, shown=shown, status=status, pinned=pinned)


@dataclass(frozen=True)
class Situation:
    """One row.

    Attributes:
        what: The situation in words.
        says: What arrives.
        comes: What must come of it.
        there: Who is there before.
        options: Beside the usual ones.
        earlier: Sign-ins before, which must succeed.
        meanwhile: SQL that is run just before it arrives.
    """

    what: str
    says: Says
    comes: Comes
    there: tuple[Account, ...] = ()
    options: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    earlier: tuple[Says, ...] = ()
    meanwhile: str = ""

    def __str__(self) -> str:
        return self.what
