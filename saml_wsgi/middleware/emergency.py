"""The way in when the identity provider is down: an address that works once, made on the server itself.

Off unless ``emergency.sign_in`` says otherwise. The address holds 256 random bits. The store holds their
hash, and under it, sealed, who it is for: reading or writing the store lets nobody in.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import Any, Final

from saml_wsgi import names
from saml_wsgi.errors import Refused, Unavailable
from saml_wsgi.events import Events
from saml_wsgi.interfaces import Clock, Directory, Store
from saml_wsgi.middleware.cookies import Cookies, take
from saml_wsgi.middleware.incoming import Incoming, see_other
from saml_wsgi.middleware.pages import Page, Pages
from saml_wsgi.middleware.urls import Site
from saml_wsgi.model import User
from saml_wsgi.session.manager import Sessions
from saml_wsgi.signing import Keys, digest

#: Seconds for which an address is good.
GOOD_FOR: Final = 600
#: Seconds that the session lasts at most.
LASTS: Final = 3600

_PURPOSE: Final = "emergency"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class EmergencySignIn:
    """Makes one-time addresses, and answers them.

    Args:
        site: Where the address is.
        store: Keeps what the addresses are good for; shared by the command and the servers.
        keys: Seal it.
        directory: Knows the users; asked again when an address is used.
        sessions: Admits the user.
        cookies: Tell the browser.
        pages: What people read.
        events: Told who came in (``emergency_sign_in``).
        clock: The time.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        keys: Keys,
        directory: Directory,
        sessions: Sessions,
        cookies: Cookies,
        pages: Pages,
        events: Events,
        clock: Clock = time,
    ) -> None:
        self._site = site
        self._store = store
        self._keys = keys
        self._directory = directory
        self._sessions = sessions
        self._cookies = cookies
        self._pages = pages
        self._events = events
        self._clock = clock

    def issue(self, user_id: str, ttl: int = GOOD_FOR) -> str:
        """A new address that signs in as this user, once, for ``ttl`` seconds from now.

        Raises:
            Refused: There is no such user (``not_found``).
            Unavailable: The store or the directory doesn't answer; there is no address.
        """
        user = self._directory.get(user_id)
        if user is None:
            raise Refused("not_found", "there is no such user")
        token = secrets.token_urlsafe(32)
        # The key is in the seal too: what is kept for one address can't be copied to another's place.
        data = {"v": 1, "key": digest(token), "user": user_id, "until": int(self._clock.time()) + ttl}
        data["name"] = names.key(user.username)
        self._store.put(_name(token), self._keys.seal(_PURPOSE, json.dumps(data).encode()), ttl)
        return f"{self._site.url('emergency')}?token={token}"

    def answer(self, request: Incoming) -> Page:
        """``GET emergency`` shows a button, whoever asks; ``POST emergency`` uses the address up.

        A GET uses nothing up: programs that look at links before people do can't spend it.

        Raises:
            Refused: The address is no good (``emergency_refused``), the form came from elsewhere
                (``bad_request``), or the user may not sign in (``not_found``, ``inactive``).
            Unavailable: The store or the directory doesn't answer. The address stays good, unless the
                store failed between using it up and keeping the session.
        """
        if request.method != "POST":
            token = request.query("token")
            if not _TOKEN.fullmatch(token):
                raise Refused("emergency_refused", "there is no token in the address")
            return self._pages.emergency(action=self._site.url("emergency"), token=token)
        if not self._is_from_here(request.environ):
            raise Refused("bad_request", "the form of the emergency sign-in was sent by another site")
        token = request.field("token")
        user = self._user_of(token)
        if self._store.pop(_name(token)) is None:
            raise Refused("emergency_refused", "somebody else used it in the same moment")
        cookie, session = self._sessions.admit(user, lifetime=LASTS)
        self._end_previous(request)
        self._events.emit(
            "emergency_sign_in", reference=request.reference, user=user.id, session=session.key[:8]
        )
        return see_other(self._site.absolute("/"), self._cookies.set_session(cookie))

    def _user_of(self, token: str) -> User:
        """Who the token signs in now. It isn't used up yet."""
        sealed = self._store.get(_name(token)) if _TOKEN.fullmatch(token) else None
        data = self._keys.unseal(_PURPOSE, sealed) if sealed is not None else None
        kept: dict[str, Any] = json.loads(data) if data is not None else {}
        if kept.get("v") != 1 or kept["key"] != digest(token) or kept["until"] <= self._clock.time():
            raise Refused("emergency_refused", "the token isn't known, or isn't good any more")
        user = self._directory.get(kept["user"])
        # An application may give the id of a deleted user to the next one.
        if user is None or names.key(user.username) != kept["name"]:
            raise Refused("not_found", "the user of the emergency sign-in is gone")
        if not user.active:
            raise Refused("inactive", f"the user {user.id} of the emergency sign-in is switched off")
        return user

    def _is_from_here(self, environ: dict[str, Any]) -> bool:
        """Whether our own page sent the form: nobody is to be signed in by another site's form.

        Our page lets no address out (``no-referrer``), so browsers may say ``Origin: null``; those that do
        say where the form came from in Sec-Fetch-Site, which no page can set.
        """
        relation = environ.get("HTTP_SEC_FETCH_SITE")
        if relation is not None:
            return bool(relation == "same-origin")
        return bool(environ.get("HTTP_ORIGIN") == self._site.origin)

    def _end_previous(self, request: Incoming) -> None:
        """A browser has one session: whoever was signed in with it before isn't any more."""
        value, _ = take(request.cookies, self._cookies.session + "=")
        try:
            previous = self._sessions.recognise(value) if value else None
        except Unavailable:
            return  # the new session stands; the old one ends by being idle
        if previous is not None:
            self._sessions.end(previous.session, value)


def _name(token: str) -> str:
    return f"emergency:{digest(token)}"
