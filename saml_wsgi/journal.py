"""Sign-in records: what became of each assertion that was verified, for ``records.keep``.

They are kept in the store, sealed and named by the hash of their reference: who reads the store can't
make one up, and who has a reference from a person's page finds the record at once. To list the newest
ones each is filed under the hour of its arrival.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Final

from saml_wsgi.errors import StoreUnavailable
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock, Store
from saml_wsgi.model import Entry, SignInRecord
from saml_wsgi.signing import Keys, digest

logger = our_logger("saml_wsgi.journal")

_VERSION: Final = 1
_HOUR: Final = 3600
#: A store in memory has room for so many entries; records of a month would take it from the sessions.
_IN_MEMORY: Final = 24 * _HOUR
_TEXTS: Final = ("detail", "idp", "arrived", "steps", "user", "resolver", "outcome", "configuration")
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_MAPPINGS: Final = ("origins", "changes", "left")


class Journal:
    """Keeps sign-in records.

    Args:
        store: Where sessions are kept, too. In one that is ``single_process`` (memory) records stay for
            a day at most.
        keys: Seals the records.
        keep: For how many seconds; 0: none is kept.
        clock: Tells the time.
    """

    def __init__(self, store: Store, keys: Keys, *, keep: int, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._keep = min(keep, _IN_MEMORY) if getattr(store, "single_process", False) else keep
        self._clock = clock

    def entry(self, record: SignInRecord) -> Entry | None:
        """The record as the store keeps it, to be stored together with a session; None if none is kept."""
        if not self._keep:
            return None
        sealed = self._keys.seal("journal", _written(record))
        return Entry(_key(record.reference), sealed, self._keep, (_tag(int(record.at) // _HOUR),))

    def write(self, record: SignInRecord) -> None:
        """Keep a record by itself. A store that can't is logged: no answer is worth less for it."""
        entry = self.entry(record)
        if entry is None:
            return
        try:
            self._store.put_all((entry,))
        except StoreUnavailable as error:
            logger.warning("the sign-in record %s could not be kept: %s", record.reference, error.detail)
        except Exception:  # a store is somebody else's code; the person is owed an answer all the same
            logger.exception("the sign-in record %s could not be kept", record.reference)

    def read(self, reference: str) -> SignInRecord | None:
        """The record with this reference, as a person may write or read it out; None if there is none.

        Raises:
            StoreUnavailable: The store doesn't answer.
        """
        wanted = "".join(reference.split()).upper()
        if not wanted.isascii():
            return None
        record = self._read(_key(wanted))
        return record if record is not None and record.reference == wanted else None

    def recent(self, limit: int = 50) -> Sequence[SignInRecord]:
        """The newest records, newest first.

        Raises:
            StoreUnavailable: The store doesn't answer.
        """
        found: list[SignInRecord] = []
        for records in self._by_hour() if limit > 0 else ():
            found.extend(sorted(records, key=lambda record: record.at, reverse=True))
            if len(found) >= limit:
                break
        return found[: max(0, limit)]

    def _by_hour(self) -> Iterator[list[SignInRecord]]:
        now = int(self._clock.time())
        # Another host's clock may be ahead of this one's.
        for hour in range(now // _HOUR + 1, (now - self._keep) // _HOUR - 1, -1):
            # What ended since it was listed isn't there any more.
            read = [self._read(key) for key in self._store.tagged(_tag(hour))]
            yield [record for record in read if record is not None]

    def _read(self, key: str) -> SignInRecord | None:
        sealed = self._store.get(key)
        data = self._keys.unseal("journal", sealed) if sealed is not None else None
        return _parsed(data) if data is not None else None


def _key(reference: str) -> str:
    return f"login:{digest(reference)}"


def _tag(hour: int) -> str:
    return f"logins:{hour}"


def _written(record: SignInRecord) -> bytes:
    """JSON of what isn't empty: there are many records, and most are short."""
    data: dict[str, Any] = {
        "v": _VERSION,
        "reference": record.reference,
        "at": record.at,
        "code": record.code,
    }
    for name in _TEXTS:
        if value := getattr(record, name):
            data[name] = value
    for name in _MAPPINGS:
        if value := getattr(record, name):
            data[name] = dict(value)
    return _encode(data).encode()


def _parsed(data: bytes) -> SignInRecord | None:
    """A record that we sealed, or None if another version of ours did."""
    values: dict[str, Any] = json.loads(data)
    if values.pop("v", None) != _VERSION:
        return None
    for name in _MAPPINGS:
        if name in values:
            values[name] = MappingProxyType(values[name])
    if "arrived" in values:
        values["arrived"] = tuple(values["arrived"])
    if "steps" in values:
        values["steps"] = tuple((step, micros) for step, micros in values["steps"])
    return SignInRecord(**values)
