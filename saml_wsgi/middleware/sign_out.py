"""The end of a session, as carefully as its beginning. Only the person can end it, not a link somewhere."""

from __future__ import annotations

from saml_wsgi.events import Events
from saml_wsgi.middleware.cookies import Cookies, take
from saml_wsgi.middleware.incoming import Incoming, see_other
from saml_wsgi.middleware.pages import Page, Pages
from saml_wsgi.middleware.policy import Visitor, visitor
from saml_wsgi.middleware.urls import Site
from saml_wsgi.model import Session
from saml_wsgi.session.manager import Known, Sessions


class SignOut:
    """``logout``: POST with a token signs out; GET does so only from a page of this site, else it asks.

    JumpCloud has no single logout, so the session there goes on; the page says so.
    """

    def __init__(
        self, site: Site, sessions: Sessions, cookies: Cookies, pages: Pages, events: Events
    ) -> None:
        self._site = site
        self._sessions = sessions
        self._cookies = cookies
        self._pages = pages
        self._events = events

    def answer(self, request: Incoming, known: Known | None) -> Page:
        """``GET`` or ``POST logout``."""
        here = self._site.url("logout")
        if known is None:
            everywhere = request.query("everywhere") != "no"
            page = self._pages.signed_out(login_url=self._site.url("login"), everywhere=everywhere)
            # A cookie that is nobody's any more is removed, if it was shown: a form on another site comes
            # without it, and must not have it removed.
            shown, _ = take(request.cookies, self._cookies.session + "=")
            return page.with_headers(self._cookies.clear_session()) if shown else page
        if not self._is_wanted(request, known.session):
            return self._pages.confirm_sign_out(
                action=here, token=self._sessions.token(known.session), return_url=self._site.base_url + "/"
            )
        ended = self._end(known.session, known.cookie, request.reference)
        return see_other(here if ended else f"{here}?everywhere=no", self._cookies.clear_session())

    def by_application(self, session: Session, cookie: str) -> list[tuple[str, str]]:
        """``environ["saml_wsgi.end_session"]()``: end the session now.

        Returns the headers that remove the cookie. An application may add them to its response; without
        them the browser keeps a cookie that is nobody's any more.
        """
        self._end(session, cookie, "")
        return [self._cookies.clear_session()]

    def _is_wanted(self, request: Incoming, session: Session) -> bool:
        environ = request.environ
        if request.method == "POST":
            token = request.field("token")
            if token:
                return self._sessions.owns_token(session, token)
        # Browsers set these themselves; no script and no page of another site can.
        if environ.get("HTTP_SEC_FETCH_SITE") != "same-origin" or environ.get("HTTP_SEC_PURPOSE"):
            return False
        # An image in somebody's comment is same-origin, too, but nobody's navigation.
        return request.method == "POST" or (visitor(environ) is Visitor.PERSON and request.method == "GET")

    def _end(self, session: Session, cookie: str, reference: str) -> bool:
        ended = self._sessions.end(session, cookie)
        self._events.emit(
            "sign_out", reference=reference, user=session.user.id, session=session.key[:8], everywhere=ended
        )
        return ended
