"""What a directory's entries mean: who somebody is, and what is known of them."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from saml_wsgi import names
from saml_wsgi.directories.ldap import account, escaping
from saml_wsgi.directories.ldap.entries import SUBTREE, Entry, Searcher
from saml_wsgi.directories.ldap.membership import Membership
from saml_wsgi.errors import Ambiguous, Refused
from saml_wsgi.model import FIELDS, Profile

#: Fields whose values are compared as names, not letter by letter.
_NAMES: Final = frozenset({"username", "email"})
#: Attributes whose values are bytes, whatever they look like. An objectGUID has a usual form (MS-DTYP 2.3.4).
_BINARY: Final = frozenset({"objectsid", "guid", "ms-ds-consistencyguid", "objectguid"})
#: Keys of which no two entries have the same one, and which nobody can write.
_MADE_BY_SERVERS: Final = frozenset({"entryuuid", "objectguid", "objectsid"})
_LONGEST_KEY: Final = 1000
#: What a profile says when somebody is switched off changes with this number, and with nothing else here.
_MEANING: Final = 1

#: Whether an account is active, and what says so.
Said = tuple[bool | None, str]


@dataclass(frozen=True, slots=True)
class People:
    """Where people are in a directory, and what of them is what.

    Attributes:
        base: Where they are.
        wanted: The filter that each fits.
        find_by: The fields by which somebody is found: the first of them that is known, and no other.
        fields: For each of our fields the attributes that may have it, in the order in which they count.
        state: Rules of :mod:`~saml_wsgi.directories.ldap.account`.
        inactive_when: See :func:`saml_wsgi.directories.ldap.account.state`.
        is_everybody: Whether nobody may sign in who isn't there.
        key: The attribute that identifies somebody for good.
    """

    base: str
    wanted: str
    find_by: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    state: tuple[str, ...]
    inactive_when: tuple[tuple[str, str], ...]
    membership: Membership
    is_everybody: bool
    key: str
    _columns: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        columns = tuple(
            (name, tuple((attribute, attribute.lower()) for attribute in self.fields[name]))
            for name in FIELDS
            if self.fields[name]
        )
        object.__setattr__(self, "_columns", columns)

    @property
    def attributes(self) -> list[str]:
        """What an entry is asked for, and nothing more."""
        wanted = [
            self.key,
            *(attribute for name in FIELDS for attribute in self.fields[name]),
            *self.state_attributes,
            *self.membership.attributes,
        ]
        return list({attribute.lower(): attribute for attribute in wanted}.values())

    @property
    def state_attributes(self) -> tuple[str, ...]:
        """What says whether somebody is switched off."""
        return (*self.state, *(attribute for attribute, _ in self.inactive_when))

    @property
    def fingerprint(self) -> str:
        """Changes with whatever may let the same entry be another profile."""
        parts = (
            _MEANING,
            self.base,
            self.wanted,
            sorted(self.fields.items()),
            self.state,
            self.inactive_when,
            self.key,
            self.membership,
        )
        return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def find(self, keys: Mapping[str, str], ask: Searcher) -> Profile | None:
        """The person with these values, as :class:`saml_wsgi.interfaces.Source` has it.

        Raises:
            SourceUnavailable: The directory doesn't answer, or not fully.
            Ambiguous: It has two of them.
            Refused: ``attribute_unusable``: what it says can't be used.
        """
        field = next((field for field in self.find_by if keys.get(field)), None)
        if field is None:
            return self._nobody(f"none of {', '.join(self.find_by)} is known")
        value = keys[field]
        attributes = self.fields[field]
        if field == "username" and names.key(keys.get("email", "")) == names.key(value):
            # Many identity providers assert an address as the username, and directories have short ones.
            attributes += tuple(name for name in self.fields["email"] if name not in attributes)
        try:
            asked = [escaping.equals(attribute, value) for attribute in attributes]
        except UnicodeEncodeError:
            raise Refused("attribute_unusable", f"{field} isn't valid Unicode text") from None
        wanted = f"(&{self.wanted}{escaping.either(asked)})"
        found = ask.search(self.base, SUBTREE, wanted, self.attributes, most=1)
        if len(found) > 1:
            raise Ambiguous(f"{found[0].shown} and {found[1].shown} both have this {field}")
        # A directory may find José for Jose, or compare in ways that nobody here knows of.
        if not found or not _has(found[0], attributes, names.key if field in _NAMES else str, value):
            return self._nobody(f"nobody below {self.base} has this {field}")
        self._check_alone(found[0], ask, attributes, value)
        return self.profile(found[0], ask, field, value)

    def profile(self, entry: Entry, ask: Searcher, field: str = "", value: str = "") -> Profile:
        """An entry in our terms, with whatever else has to be asked for.

        Args:
            field: By which it was found, and with which value: of several ones, that one counts.
        """
        subject = self.subject(entry)
        said = self.said_of(entry)
        if said[0] is False:
            return switched_off(said, subject)
        known = self.described(entry, field, value)
        groups = self.membership.of(entry, known.get("username", ("", ""))[0], ask)
        return profile(known, said, groups, subject)

    def subject(self, entry: Entry) -> str:
        """What identifies somebody for good, or ``""`` if nothing does.

        Raises:
            Refused: ``attribute_unusable``: it isn't what it has to be.
        """
        values = entry.values(self.key)
        if not values or not values[0]:
            return ""
        kind = self.key.lower()
        if kind not in _BINARY:
            # Whatever else is the same for the directory is the same name here, as with usernames.
            return f"{self.key}:{self._text_key(entry, values)}"
        if len(values) != 1 or (kind == "objectguid" and len(values[0]) != 16):
            raise Refused("attribute_unusable", f"{entry.shown} has no {self.key} that it could have")
        if kind == "objectguid":
            return f"{self.key}:{uuid.UUID(bytes_le=values[0])}"
        return f"{self.key}:{values[0].hex()}"

    def said_of(self, entry: Entry, now: datetime | None = None) -> Said:
        """Whether somebody is switched off; see :func:`saml_wsgi.directories.ldap.account.state`."""
        return account.state(entry, self.state, self.inactive_when, now)

    def described(self, entry: Entry, field: str = "", value: str = "") -> dict[str, tuple[str, str]]:
        """For each field that has a value: that, and the attribute that has it.

        Raises:
            Refused: ``attribute_unusable``: one isn't text.
        """
        attributes = entry.attributes
        found: dict[str, tuple[str, str]] = {}
        for name, candidates in self._columns:
            for attribute, key in candidates:
                values = attributes.get(key)
                if not values:
                    continue
                text = _plain(values[0]) if len(values) == 1 else None
                if text is None:
                    text = _one(entry, attribute, value if name == field else "")
                if text:
                    found[name] = text, attribute
                    break
        return found

    def username(self, entry: Entry) -> str:
        """The username alone, or ``""``."""
        for name, candidates in self._columns:
            if name == "username":
                return next((text for attribute, _ in candidates if (text := _one(entry, attribute, ""))), "")
        return ""

    def _text_key(self, entry: Entry, values: tuple[bytes, ...]) -> str:
        return names.key(self._key_text(entry, values))

    def _key_text(self, entry: Entry, values: tuple[bytes, ...]) -> str:
        text = _plain(values[0]) if len(values) == 1 else None
        if text is None:
            text = _stable(entry, self.key)
        if not text or len(text) > _LONGEST_KEY:
            raise Refused("attribute_unusable", f"{entry.shown} has no {self.key} that it could have")
        return text

    def _check_alone(self, entry: Entry, ask: Searcher, attributes: tuple[str, ...], value: str) -> None:
        """Refuse to believe somebody whose key another one has, too: perhaps one of them wrote it there.

        A synchronisation sees that by itself. Nobody can write what servers make (RFC 4530; MS-ADTS
        3.1.1.1.4).
        """
        kind, values = self.key.lower(), entry.values(self.key)
        if kind in _MADE_BY_SERVERS or not values or not values[0]:
            return
        text = values[0] if kind in _BINARY else self._key_text(entry, values)
        if text == value and [name.lower() for name in attributes] == [kind]:
            return  # who was found by it is the only one who has it
        wanted = f"(&{self.wanted}{escaping.equals(self.key, text)})"
        for other in ask.search(self.base, SUBTREE, wanted, (self.key,), most=1):
            if escaping.identity(other.dn) != escaping.identity(entry.dn):
                raise Ambiguous(f"{entry.shown} and {other.shown} both have this {self.key}")

    def _nobody(self, why: str) -> Profile | None:
        if not self.is_everybody:
            return None
        return Profile(active=False, origins=MappingProxyType({"active": why}))


def switched_off(said: Said, subject: str) -> Profile:
    """What is known of somebody who mayn't sign in: that, and who it is."""
    return Profile(active=False, origins=MappingProxyType({"active": said[1]}), subject=subject)


def profile(
    known: Mapping[str, tuple[str, str]], said: Said, groups: tuple[str, ...] | None, subject: str
) -> Profile:
    """What is known of somebody, in our terms."""
    origins = _origins(said[1], tuple((name, attribute) for name, (_, attribute) in known.items()))
    values = {name: text for name, (text, _) in known.items()}
    return Profile(**values, groups=groups, active=said[0], origins=origins, subject=subject)


@functools.lru_cache(maxsize=1000)
def _origins(by: str, found: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Most people have the same ones."""
    return MappingProxyType(({"active": by} if by else {}) | dict(found))


def _plain(value: bytes) -> str | None:
    """A value whose characters can all be seen; None: it has to be looked at."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text.strip() if text.isprintable() else None


def _has(entry: Entry, attributes: tuple[str, ...], same: Callable[[str], str], value: str) -> bool:
    return any(same(text) == same(value) for attribute in attributes for text in entry.texts(attribute))


def _one(entry: Entry, attribute: str, asked: str) -> str:
    """One value where there may be several: the one asked for, the one in the name, the first."""
    found = entry.texts(attribute)
    if len(found) < 2:
        return found[0] if found else ""
    named = _named(entry, attribute)
    for wanted in (asked, named):
        for text in found:
            if wanted and names.key(text) == names.key(wanted):
                return text
    return found[0]


def _stable(entry: Entry, attribute: str) -> str:
    """One of several values, whatever their order: the one in the name, or the least."""
    found = [text for text in entry.texts(attribute) if text]
    named = names.key(_named(entry, attribute))
    return next((text for text in found if names.key(text) == named), min(found, key=names.key, default=""))


def _named(entry: Entry, attribute: str) -> str:
    """The value that is in the entry's name, or ``""``."""
    parts = escaping.parts(entry.dn)
    return parts[0].value if parts and parts[0].kind == attribute.lower() else ""
