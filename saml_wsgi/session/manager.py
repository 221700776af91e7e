"""Sessions: started at a sign-in, recognised by a cookie's value, ended for good.

The browser holds a signed random id. The store holds the session under the id's hash. This process
remembers what it verified for ``session.cache`` seconds, so that a signed-in request costs one
dictionary look-up; that is also how late an end elsewhere is seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from saml_wsgi.errors import DirectoryUnavailable, Refused, StoreUnavailable
from saml_wsgi.events import Events, our_logger
from saml_wsgi.interfaces import Clock, Directory, Store
from saml_wsgi.model import Assertion, Entry, Resolution, Session, User
from saml_wsgi.session import recheck, record
from saml_wsgi.session.lock import ForkSafeLock
from saml_wsgi.signing import Keys, digest

logger = our_logger("saml_wsgi.session")

_SESSION: Final = "session:"
_DAY: Final = 86_400
#: How much is remembered: ten for a session, one for each group and each value of an attribute.
_MOST_REMEMBERED: Final = 200_000
#: After the store failed, it is asked again so many seconds later: the breaker.
_PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """``session.*`` in seconds."""

    lifetime: int = 8 * 3600
    idle: int = 3600
    cache: int = 5
    recheck: int = 300
    grace: int = 60

    @property
    def touch(self) -> int:
        """How exact the idle time is: a session in use is written so often at most."""
        return max(1, min(60, self.idle // 10))


class Known:
    """A session that this process verified, ready for the next request with the same cookie.

    Attributes:
        environ: What the application gets to see: for one ``environ.update()``.
        fresh_until: On the monotonic clock: until then nobody is asked.
    """

    __slots__ = ("cookie", "environ", "fresh_until", "session", "verified", "weight")

    def __init__(
        self, session: Session, cookie: str, environ: Mapping[str, Any], verified: float, fresh_until: float
    ) -> None:
        self.session = session
        self.cookie = cookie
        self.environ = environ
        self.verified = verified
        self.fresh_until = fresh_until
        self.weight = 10 + len(session.user.groups) + sum(map(len, session.attributes.values()))


class Sessions:
    """The sessions of one application.

    Args:
        store: Where they are kept.
        keys: Signs what the browser holds and seals what the store holds.
        directory: Asked for the user again every ``recheck`` seconds; None: never.
        present: Turns a session and its cookie's value into what the application sees.
        readmit: Asked after the directory, of the session with the user as of now: raises Refused where
            that user may not be signed in any more.
    """

    def __init__(
        self,
        store: Store,
        keys: Keys,
        *,
        clock: Clock,
        lifetimes: Lifetimes,
        events: Events,
        directory: Directory | None = None,
        present: Callable[[Session, str], Mapping[str, Any]] = lambda _session, _cookie: {},
        readmit: Callable[[Session], None] = lambda _session: None,
    ) -> None:
        self.present = present
        self._store = store
        self._keys = keys
        self._directory = directory
        self._readmit = readmit
        # Attendance is an optional part of a directory.
        self._saw: Callable[[str, int], None] | None = getattr(directory, "saw", None)
        self._clock = clock
        self._lifetimes = lifetimes
        self._events = events
        self._known: dict[str, Known] = {}
        self._ended: dict[str, float] = {}
        self._store_down_until = 0.0
        self._weight = 0
        self._lock = ForkSafeLock()

    def recognise(self, cookie: str) -> Known | None:
        """The session that belongs to a cookie's value, or None: this browser is nobody's.

        Raises:
            Unavailable: It isn't known, and ``session.grace`` is over.
        """
        known = self._known.get(cookie)
        if known is not None and self._clock.monotonic() < known.fresh_until:
            return known
        return self._verify(cookie, known)

    def start(
        self,
        resolution: Resolution,
        assertion: Assertion,
        *,
        beside: Callable[[Session], Sequence[Entry]] | None = None,
    ) -> tuple[str, Session]:
        """Sign the user in. Returns what the browser shall hold: a new id at each sign-in.

        Args:
            beside: What is to be stored together with the session: all of it, or nothing.

        Raises:
            StoreUnavailable: The session isn't there.
        """
        id_, now = secrets.token_urlsafe(32), int(self._clock.time())
        expires = now + self._lifetimes.lifetime
        if assertion.session_not_on_or_after is not None:
            expires = min(expires, assertion.session_not_on_or_after)
        session = Session(
            key=digest(id_),
            user=resolution.user,
            attributes=assertion.attributes,
            idp=assertion.idp,
            name_id=assertion.name_id,
            name_id_format=assertion.name_id_format,
            session_index=assertion.session_index,
            created=now,
            expires=expires,
            seen=now,
            checked=now,
            origins=resolution.origins,
            in_directory=resolution.in_directory,
        )
        subject = f"{len(session.idp)}:{session.idp}:{len(session.name_id)}:{session.name_id}"
        # No tag for the session index: a subject has few sessions, and each one says its index.
        self._keep(session, (f"subject:{digest(subject)}",), beside(session) if beside is not None else ())
        return self._keys.sign("session", id_), session

    def admit(self, user: User, *, lifetime: int) -> tuple[str, Session]:
        """Sign in a user of the directory for whom no identity provider vouches.

        Args:
            lifetime: Seconds that the session lasts at most; ``session.lifetime`` if that is shorter.

        Raises:
            StoreUnavailable: The session isn't there.
        """
        id_, now = secrets.token_urlsafe(32), int(self._clock.time())
        session = Session(
            key=digest(id_),
            user=user,
            attributes=MappingProxyType({}),
            idp="",
            name_id="",
            name_id_format="",
            session_index="",
            created=now,
            expires=now + min(lifetime, self._lifetimes.lifetime),
            seen=now,
            checked=now,
        )
        self._keep(session, (), ())
        return self._keys.sign("session", id_), session

    def _keep(self, session: Session, tags: Sequence[str], beside: Sequence[Entry]) -> None:
        """Store a new session, and note that its user was here."""
        sealed = record.write(session, self._keys)
        entry = Entry(_name(session.key), sealed, self._ttl(session), (_user_tag(session.user.id), *tags))
        self._store.put_all((entry, *beside))
        user, now = session.user, session.created
        if self._saw is None or not session.in_directory or user.seen // _DAY >= now // _DAY:
            return
        try:
            self._saw(user.id, now)
        except Exception:  # a directory is somebody else's code, and the session stands
            logger.exception("it could not be noted that user %s was here", user.id)

    def end(self, session: Session, cookie: str) -> bool:
        """End the session for good. False if that may not have reached every host.

        In an outage of the store this process refuses the session all the same.
        """
        with self._lock:
            self._bury({session.key: session.expires - self._clock.time()})
            self._forget(cookie)
        try:
            self._store.pop(_name(session.key))
        except StoreUnavailable as error:
            self._events.emit(
                "unavailable", code=error.code, private=error.detail, session=session.key[:8], what="sign_out"
            )
            return False
        return True

    def end_all(self, user_id: str) -> int:
        """End every session of the user, for good. Returns how many there were.

        Another process goes on for ``session.cache`` at most. Switch the user off first: who is signing
        in while this runs isn't seen by it.

        Raises:
            StoreUnavailable: Some may go on elsewhere; this process refuses those that it knew.
        """
        with self._lock:
            known = [one for one in self._known.values() if one.session.user.id == user_id]
            self._bury({one.session.key: one.session.expires - self._clock.time() for one in known})
            for one in known:
                self._forget(one.cookie)
        names = [name for name in self._store.tagged(_user_tag(user_id)) if name.startswith(_SESSION)]
        with self._lock:
            # One that is being read right now must not be remembered afterwards.
            self._bury({name.removeprefix(_SESSION): self._lifetimes.lifetime for name in names})
        ended = sum(self._store.pop(name) is not None for name in names)
        self._events.emit("session_ended", user=user_id, sessions=ended)
        return ended

    def token(self, session: Session) -> str:
        """What a sign-out form of this session carries, so that nobody else can make one."""
        return self._keys.sign("logout", session.key)

    def owns_token(self, session: Session, token: str) -> bool:
        """Whether the token came from a form of this session."""
        return self._keys.unsign("logout", token) == session.key

    def _verify(self, cookie: str, known: Known | None) -> Known | None:
        id_ = self._keys.unsign("session", cookie)
        if id_ is None:
            return None
        key = digest(id_)
        if key in self._ended:
            return None
        try:
            session = self._read(key)
            if session is not None:
                session = self._renew(session)
        except (StoreUnavailable, DirectoryUnavailable):
            if known is None or not self._in_grace(known):
                raise
            return known
        if session is None:
            with self._lock:
                self._forget(cookie)
            return None
        return self._remember(cookie, session)

    def _bury(self, keys: Mapping[str, float]) -> None:
        """Refuse these sessions for so many seconds, whatever the store says. Under the lock."""
        now = self._clock.monotonic()
        for key in [key for key, until in self._ended.items() if until <= now]:
            del self._ended[key]
        for key, seconds in keys.items():
            self._ended[key] = now + max(1, seconds)

    def _forget(self, cookie: str) -> None:
        known = self._known.pop(cookie, None)
        if known is not None:
            self._weight -= known.weight

    def _read(self, key: str) -> Session | None:
        if self._clock.monotonic() < self._store_down_until:
            raise StoreUnavailable("the store failed less than a second ago")
        try:
            sealed = self._store.get(_name(key))
        except StoreUnavailable:
            self._store_down_until = self._clock.monotonic() + _PAUSE
            raise
        return record.read(sealed, key, self._keys) if sealed is not None else None

    def _renew(self, session: Session) -> Session | None:
        """The session as of now: still in time, its user looked up again when due, marked as used."""
        now = int(self._clock.time())
        if now >= session.expires or now >= session.seen + self._lifetimes.idle:
            return None
        renewed = session
        asked = self._directory if session.in_directory else None
        if asked is not None and now >= session.checked + self._lifetimes.recheck:
            try:
                renewed = recheck.as_of_now(session, asked.get(session.user.id), now)
                self._readmit(renewed)
            except Refused as no:
                # Known now, whether or not the store can be told.
                self._events.emit("session_ended", code=no.code, private=no.detail, session=session.key[:8])
                self.end(session, "")
                return None
        if now >= session.seen + self._lifetimes.touch:
            renewed = replace(renewed, seen=now)
        if renewed is session:
            return session
        # Only if it is still there: a late write must not revive what was ended meanwhile.
        kept = self._store.replace(_name(session.key), record.write(renewed, self._keys), self._ttl(renewed))
        return renewed if kept else None

    def _in_grace(self, known: Known) -> bool:
        """Whether an outage is young enough, counted from the last verification and never sliding."""
        now = self._clock.monotonic()
        end = known.verified + self._lifetimes.grace
        wall, session = self._clock.time(), known.session
        idle_end = session.seen + self._lifetimes.idle + self._lifetimes.touch
        if now >= end or wall >= session.expires or wall >= idle_end:
            return False
        known.fresh_until = min(end, now + _PAUSE)
        return True

    def _remember(self, cookie: str, session: Session) -> Known | None:
        now, wall = self._clock.monotonic(), self._clock.time()
        left = min(session.expires, session.seen + self._lifetimes.idle) - wall
        # A session in use must be seen to be in use.
        fresh = min(self._lifetimes.cache, self._lifetimes.touch, max(0.0, left))
        known = Known(session, cookie, self.present(session, cookie), now, now + fresh)
        with self._lock:
            if session.key in self._ended:
                return None
            self._forget(cookie)
            while self._known and self._weight + known.weight > _MOST_REMEMBERED:
                # The oldest goes; whoever is active comes back at once.
                self._forget(next(iter(self._known)))
            self._known[cookie] = known
            self._weight += known.weight
        return known

    def _ttl(self, session: Session) -> int:
        now = self._clock.time()
        idle = session.seen + self._lifetimes.idle + self._lifetimes.touch
        return max(1, int(min(session.expires, idle) - now) + 1)


def _name(key: str) -> str:
    return _SESSION + key


def _user_tag(user_id: str) -> str:
    return f"user:{digest(user_id)}"
