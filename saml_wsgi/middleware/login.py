"""The beginning of a sign-in, and the round trips that become necessary on the way."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from saml_wsgi.errors import Refused
from saml_wsgi.events import Events
from saml_wsgi.interfaces import Clock
from saml_wsgi.middleware.arrival import Arrival, Kind
from saml_wsgi.middleware.cookies import Cookies
from saml_wsgi.middleware.incoming import Incoming, found, nothing, see_other, unauthorised
from saml_wsgi.middleware.pages import Page, Pages
from saml_wsgi.middleware.policy import Visitor, visitor
from saml_wsgi.middleware.urls import Site
from saml_wsgi.protocol.provider import ServiceProvider
from saml_wsgi.protocol.requests import Kept

#: So many restarts within two minutes are a loop, whoever causes it.
_MOST_RESTARTS: Final = 3
#: A session cookie that doesn't come back within this time of its making was refused.
_FRESH: Final = 120


class Login:
    """``GET login``, and the first redirect to the identity provider."""

    def __init__(
        self,
        site: Site,
        provider: ServiceProvider,
        cookies: Cookies,
        pages: Pages,
        events: Events,
        clock: Clock,
    ) -> None:
        self._site = site
        self._provider = provider
        self._cookies = cookies
        self._pages = pages
        self._events = events
        self._clock = clock

    def url(self, target: str) -> str:
        """Where a sign-in begins that ends at the target."""
        return f"{self._site.url('login')}?return_to={quote(target, safe='/')}"

    def begin(self, target: str, cookies: str, *, attempt: int = 0) -> Page:
        """Send the browser to the identity provider.

        Args:
            target: The page first asked for.
            cookies: What the browser sent.
            attempt: How many round trips there were before.

        Raises:
            IdentityProviderUnavailable: There is nobody to ask.
        """
        turn = self._cookies.turn(cookies)
        outgoing = self._provider.request(target, browser=turn.browser, attempt=attempt)
        kept = self._cookies.begin(self._provider.pending.pack(outgoing.pending), turn)
        if outgoing.fields:
            return self._pages.post_form(action=outgoing.url, fields=outgoing.fields).with_headers(*kept)
        return found(outgoing.url, *kept)

    def answer(self, request: Incoming, *, signed_in: bool) -> Page:
        """``GET login``: to the target if somebody is signed in, else to the identity provider."""
        target = self._site.safe_target(request.query("return_to"))
        if signed_in:
            return see_other(self._site.absolute(target))
        if request.method == "HEAD":
            return nothing()
        if visitor(request.environ) is Visitor.PROGRAM and _says_so(request):
            return unauthorised(self._site.url("login"))
        if request.query("restart"):
            return self._restart(request, target)
        # The attempt is in a text that we signed: nobody else can count.
        attempt = self._provider.pending.attempt(request.query("attempt")) or 0
        return self.begin(target, request.cookies, attempt=attempt)

    def redirect(self, arrival: Arrival, relay_state: str, request: Incoming) -> Page:
        """What to do with a response that isn't looked into."""
        login = self._site.url("login")
        self._events.emit("arrival", reference=request.reference, kind=arrival.kind.value)
        if arrival.kind is Kind.USED:
            return see_other(f"{self._site.url('resume')}?slot={arrival.slot}")
        if arrival.kind is Kind.RETRY:
            return see_other(f"{login}?{urlencode({'attempt': self._provider.pending.relay_state(1)})}")
        if arrival.kind is Kind.RESTART:
            query = {"restart": "1", "return_to": self._site.safe_target(relay_state)}
            return see_other(f"{login}?{urlencode(query)}")
        if arrival.kind is Kind.REFUSE:
            raise Refused("unsolicited_refused", "idp.unsolicited = refuse")
        raise Refused("cookie_refused", "two round trips without a cookie of a pending request")

    def is_fresh(self, kept: Kept) -> bool:
        """Whether the sign-in that this marks as done was only just now."""
        return kept.done and self._clock.time() - kept.at < _FRESH

    def _restart(self, request: Incoming, target: str) -> Page:
        """Another round trip for an unsolicited response, in two steps, so that it can't go round in circles.

        The first sets a cookie that counts, the second wants to see it: an identity provider that forgets
        the relay state and a browser that refuses cookies would otherwise keep each other busy.
        """
        now = self._clock.time()
        count = self._cookies.restarts(request.cookies, now)
        if request.query("restart") == "1":
            query = {"restart": "2", "return_to": target}
            counted = self._cookies.set_restarts((count or 0) + 1, now)
            return see_other(f"{self._site.url('login')}?{urlencode(query)}", counted)
        if count is None or count > _MOST_RESTARTS:
            raise Refused("cookie_refused", f"restarts of this browser in two minutes: {count}")
        return self.begin(target, request.cookies)


def _says_so(request: Incoming) -> bool:
    """Whether it is a program by its own word; one that says nothing may be a person's old browser."""
    names = ("HTTP_SEC_FETCH_MODE", "HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ", "HTTP_X_REQUESTED_WITH")
    return any(name in request.environ for name in names)
