"""Resolvers and sources of one's own, as an ini names them: ``use = tests.flow.situations_parts:hr``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saml_wsgi import Assertion, Denied, Profile, User
from saml_wsgi.errors import Ambiguous, SourceUnavailable


class Records:
    """A source that knows Mara as human resources do."""

    def __init__(self, key: str, ident: str) -> None:
        self.key = key
        self.ident = ident

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        if keys.get(self.key) != self.ident:
            return None
        return Profile(last_name="Lindqvist-Berg", employee_id="1001", first_name="")


def hr(context: Any, *, key: str = "username", ident: str = "mara") -> Records:
    """Knows one person, by one of the keys."""
    return Records(key, ident)


class Broken:
    """A source that fails in a way of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def look_up(self, keys: Mapping[str, str], /) -> Profile | None:
        raise self.error


def down(context: Any) -> Broken:
    """It doesn't answer."""
    return Broken(SourceUnavailable("connection refused"))


def twofold(context: Any) -> Broken:
    """It knows two of them."""
    return Broken(Ambiguous("two entries"))


def buggy(context: Any) -> Broken:
    """It has a bug."""
    return Broken(ZeroDivisionError("a bug of mine"))


class Staff:
    """A resolver that knows members of one group, and is sure about one other person."""

    def __init__(self, group: str, barred: Sequence[str]) -> None:
        self.group = group
        self.barred = barred

    def resolve(self, assertion: Assertion, /) -> User | Denied | None:
        (username,) = assertion.attributes["username"]
        if username in self.barred:
            return Denied("not_allowed", f"{username} is barred", "Write to it@example.test.")
        if self.group not in assertion.attributes.get("memberOf", ()):
            return None
        return User(id=f"staff-{username}", username=username, groups=(self.group,))


def staff(context: Any, *, group: str = "Staff", barred: list[str] | None = None) -> Staff:
    """Options are converted by their annotations."""
    return Staff(group, barred or [])


class Out:
    """A resolver that can't ask whom it asks."""

    def resolve(self, assertion: Assertion, /) -> None:
        raise SourceUnavailable("connection refused")


def out(context: Any) -> Out:
    """It is out of order."""
    return Out()
