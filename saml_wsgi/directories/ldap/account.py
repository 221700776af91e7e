"""Whether a directory says that an account is switched off."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from saml_wsgi import names
from saml_wsgi.directories.ldap.entries import Entry
from saml_wsgi.errors import SourceUnavailable

_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
#: MS-ADTS 2.2.16: ADS_UF_ACCOUNTDISABLE.
_DISABLED: Final = 0x2
#: MS-ADA1 2.3 (accountExpires): both mean never.
_NEVER: Final = frozenset({0, 0x7FFF_FFFF_FFFF_FFFF})
#: Between 1601, from which Windows counts in units of 100 ns, and 1970.
_EPOCH: Final = 11_644_473_600
_DAY: Final = 86_400
#: draft-behera-ldap-password-policy 5.3.3: locked until an administrator unlocks it.
_FOR_GOOD: Final = "000001010000Z"

Rule = Callable[[Entry, datetime], bool | None]


def _number(entry: Entry, attribute: str) -> int | None:
    found = entry.texts(attribute)
    if not found:
        return None
    if len(found) > 1 or not _NUMBER.fullmatch(found[0]):
        raise SourceUnavailable(f"{attribute} of {entry.shown} isn't a number")
    return int(found[0])


def _user_account_control(entry: Entry, _now: datetime) -> bool | None:
    bits = _number(entry, "userAccountControl")
    if bits is None:
        # Every account of an Active Directory has it (MS-ADA3 2.341).
        raise SourceUnavailable(f"userAccountControl of {entry.shown} can't be read by who asks")
    return not bits & _DISABLED


def _account_expires(entry: Entry, now: datetime) -> bool | None:
    instant = _number(entry, "accountExpires")
    if instant is None or instant in _NEVER:
        return None
    return instant // 10_000_000 - _EPOCH > now.timestamp()


def _pwd_account_locked_time(entry: Entry, _now: datetime) -> bool | None:
    """A lock for a while, after wrong passwords, isn't meant: anybody can cause one."""
    return False if _FOR_GOOD in entry.texts("pwdAccountLockedTime") else None


def _shadow_expire(entry: Entry, now: datetime) -> bool | None:
    """Days since 1970; -1: never (shadow(5))."""
    day = _number(entry, "shadowExpire")
    return None if day is None or day < 0 else day * _DAY > now.timestamp()


#: By the attribute that each rule reads.
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "userAccountControl": _user_account_control,
        "accountExpires": _account_expires,
        "pwdAccountLockedTime": _pwd_account_locked_time,
        "shadowExpire": _shadow_expire,
    }
)


def state(
    entry: Entry,
    rules: tuple[str, ...],
    inactive_when: tuple[tuple[str, str], ...],
    now: datetime | None = None,
) -> tuple[bool | None, str]:
    """Whether an account is active, and which attribute says so; None if nothing is said.

    Args:
        rules: Names of :data:`RULES`.
        inactive_when: Attributes and values of which one switches an account off.
        now: The moment that counts, if it isn't this one.

    Raises:
        SourceUnavailable: An attribute that has to be there can't be read, or isn't what it has to be.
        Refused: ``attribute_unusable``: one isn't text.
    """
    now = now or datetime.now(UTC)
    said: bool | None = None
    by = ""
    for name in rules:
        answer = RULES[name](entry, now)
        if answer is False:
            return False, name
        if answer and said is None:
            said, by = True, name
    for attribute, value in inactive_when:
        if names.key(value) in map(names.key, entry.texts(attribute)):
            return False, f"{attribute}={value}"
    return said, by
