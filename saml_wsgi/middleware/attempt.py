"""What the operator will read of a sign-in: put together while it goes on, kept when it is decided.

Anybody can send messages that fail, and whoever has one good message can send it again and again: so
only an attempt whose message verified, and was new, leaves a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from saml_wsgi.errors import SamlWsgiError
from saml_wsgi.events import our_logger
from saml_wsgi.interfaces import Clock
from saml_wsgi.journal import Journal
from saml_wsgi.model import FIELDS, Assertion, Entry, Resolution, SignInRecord

logger = our_logger("saml_wsgi.middleware")

#: What stands for a value.
HIDDEN: Final = "…"

_FIELDS: Final = frozenset({*FIELDS, "groups", "active"})
#: A record is for reading, whatever a message or a resolver holds: so many entries, so many characters of
#: all of them together, or else of each.
_MOST: Final = 100
_ENOUGH: Final = 5000
_LONGEST: Final = 500


class Recorder:
    """Makes the records of one application.

    Args:
        journal: Where they are kept; None: none is.
        configuration: The fingerprint that stands in them.
        values: Whether they show the values of fields (``records.values``).
    """

    def __init__(
        self, journal: Journal | None, clock: Clock, *, configuration: str = "", values: bool = False
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._configuration = configuration
        self._values = values

    def begin(self, reference: str) -> Attempt:
        """A message arrives."""
        return Attempt(reference, self._clock, self)

    def success(self, attempt: Attempt, resolution: Resolution) -> Sequence[Entry]:
        """The record of somebody who is about to be signed in: to be stored together with the session."""
        if self._journal is None:
            return ()
        try:
            record = self._record(
                attempt,
                "signed_in",
                user=_short(resolution.user.id),
                resolver=_short(resolution.resolver),
                outcome=_short(resolution.outcome),
                origins=_shortened(resolution.origins),
                changes=self._told(resolution.changes.values),
                left=self._discreet(resolution.left),
            )
            entry = self._journal.entry(record)
        except Exception:  # a resolver of somebody else's filled this in, and no record is worth a sign-in
            logger.exception("what was done could not be written down")
            return ()
        return () if entry is None else (entry,)

    def failure(self, attempt: Attempt, error: BaseException) -> None:
        """Keep the record of an attempt that ends here."""
        if self._journal is None:
            return
        if isinstance(error, SamlWsgiError):
            code, detail = error.code, error.detail
        else:
            # The text of a stranger's exception may hold anything; the log has the traceback.
            code, detail = "internal_error", type(error).__name__
        self._journal.write(self._record(attempt, code, detail=_short(detail)))

    def _record(self, attempt: Attempt, code: str, **known: object) -> SignInRecord:
        assertion = attempt.assertion
        assert assertion is not None
        arrived = (("NameID",) if assertion.name_id else ()) + tuple(assertion.attributes)
        return SignInRecord(
            attempt.reference,
            attempt.at,
            code,
            idp=_short(assertion.idp),
            arrived=arrived if _is_short(arrived) else tuple(_short(name) for name in arrived[:_MOST]),
            # Not "stored": it is stored in one transaction with the session, and can't say when that ended.
            steps=(*attempt.steps, ("recorded", attempt.micros())),
            configuration=self._configuration,
            **known,  # type: ignore[arg-type]  # named by our callers above
        )

    def _told(self, changes: Mapping[str, str | bool | tuple[str, ...]]) -> Mapping[str, str]:
        if not self._values:
            return _shortened(dict.fromkeys(changes, HIDDEN))
        return _shortened({name: _text(value) for name, value in changes.items()})

    def _discreet(self, left: Mapping[str, str]) -> Mapping[str, str]:
        """Why what was left alone; groups are counted, since their names are values as others are."""
        if self._values or left.keys() <= _FIELDS:
            return _shortened(left)
        whys = Counter(why for name, why in left.items() if name not in _FIELDS)
        counted = "; ".join(f"{count} of them: {why}" for why, count in whys.items())
        told = {name: why for name, why in left.items() if name in _FIELDS}
        told["groups"] = f"{told['groups']}; {counted}" if "groups" in told else counted
        return _shortened(told)


class Attempt:
    """One message, from its arrival on.

    ``with attempt.verified(assertion): …``: what fails from there on is recorded, and goes on.

    Attributes:
        at: When it arrived, in seconds since the epoch.
        steps: What was done, and how many microseconds after that it was finished.
    """

    __slots__ = ("_begun", "_clock", "_recorder", "assertion", "at", "reference", "steps")

    def __init__(self, reference: str, clock: Clock, recorder: Recorder) -> None:
        self.reference = reference
        self.at = clock.time()
        self.steps: list[tuple[str, int]] = []
        self.assertion: Assertion | None = None
        self._begun = clock.monotonic()
        self._clock = clock
        self._recorder = recorder

    def reached(self, step: str) -> None:
        """Note that a step is finished."""
        self.steps.append((step, self.micros()))

    def micros(self) -> int:
        """How many microseconds ago the message arrived."""
        return int((self._clock.monotonic() - self._begun) * 1_000_000)

    def verified(self, assertion: Assertion) -> Self:
        """The message is the identity provider's, and new."""
        self.reached("verified")
        self.assertion = assertion
        return self

    def success(self, resolution: Resolution) -> Sequence[Entry]:
        """What is to be stored beside the session."""
        return self._recorder.success(self, resolution)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self._recorder.failure(self, error)


def _text(value: str | bool | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else " | ".join(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + HIDDEN


def _shortened(told: Mapping[str, str]) -> Mapping[str, str]:
    if not told or (_is_short(told) and _is_short(told.values())):
        return told
    return {_short(name): _short(why) for name, why in list(told.items())[:_MOST]}


def _is_short(texts: Collection[str]) -> bool:
    return len(texts) <= _MOST and sum(map(len, texts)) <= _ENOUGH
