"""The middleware: the order of the stages, and the whole story of a sign-in.

request -> scrub -> own endpoint? -> session? -> public? -> challenge -> the identity provider
POST acs -> protocol -> resolvers -> session -> resume -> the page first asked for
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIApplication

from saml_wsgi.errors import Refused, Unavailable
from saml_wsgi.events import Events, UnderReference, our_logger, reference
from saml_wsgi.interfaces import Clock, Resolver
from saml_wsgi.journal import Journal
from saml_wsgi.middleware.arrival import Arrival, Kind, sort
from saml_wsgi.middleware.attempt import Recorder
from saml_wsgi.middleware.cookies import Cookies, take
from saml_wsgi.middleware.environ import Introduction, Scrubber, path
from saml_wsgi.middleware.incoming import Incoming, found, no_content, referred, see_other, unauthorised
from saml_wsgi.middleware.login import Login
from saml_wsgi.middleware.on_401 import AwaitedResponse
from saml_wsgi.middleware.pages import Page, Pages
from saml_wsgi.middleware.policy import Policy, Visitor
from saml_wsgi.middleware.sign_out import SignOut
from saml_wsgi.middleware.urls import Site
from saml_wsgi.model import Denied, Resolution, Session
from saml_wsgi.protocol.bindings import longest_body, read_form
from saml_wsgi.protocol.provider import ServiceProvider
from saml_wsgi.session.manager import Known, Sessions

if TYPE_CHECKING:
    from saml_wsgi.middleware.emergency import EmergencySignIn

logger = our_logger("saml_wsgi.middleware")

#: How our endpoints may be asked, where that isn't GET.
_METHODS = {"acs": ("POST",), "logout": ("GET", "HEAD", "POST"), "emergency": ("GET", "HEAD", "POST")}


class SAMLMiddleware:
    """Signs people in to a WSGI application. :func:`saml_wsgi.from_options` makes one from options.

    Args:
        app: The application.
        site: Where browsers reach it.
        provider: Speaks SAML.
        resolver: Decides who somebody is: a :class:`saml_wsgi.resolvers.chain.Chain`, or any Resolver.
        sessions: Keeps people signed in. Its ``present`` is set here.
        cookies: Ours.
        policy: Who needs to sign in, and who can be asked to.
        pages: What people read.
        events: Told what happens.
        unsolicited: ``restart``, ``refuse`` or ``accept``: responses that this browser didn't ask for.
        remote_user: Fields of the user, in order, of which the first becomes REMOTE_USER.
        scrub: More header or environ names to remove from every request.
        single_process: The store isn't shared, so a server with several processes isn't served.
        journal: Where sign-in records are kept; None: there are none.
        fingerprint: Of the configuration: stands in the records.
        record_values: Whether records show the values that were written.
        emergency: The way in for administrators when the identity provider is down; None: there is none.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        site: Site,
        provider: ServiceProvider,
        resolver: Resolver,
        sessions: Sessions,
        cookies: Cookies,
        policy: Policy,
        pages: Pages,
        events: Events,
        clock: Clock,
        unsolicited: str = "restart",
        remote_user: tuple[str, ...] = ("username",),
        scrub: Iterable[str] = (),
        single_process: bool = False,
        journal: Journal | None = None,
        fingerprint: str = "",
        record_values: bool = False,
        emergency: EmergencySignIn | None = None,
    ) -> None:
        self.app = app
        self.site = site
        self.provider = provider
        self.sessions = sessions
        self._resolver = resolver
        self._cookies = cookies
        self._policy = policy
        self._pages = pages
        self._events = events
        self._unsolicited = unsolicited
        self._single_process = single_process
        self._recorder = Recorder(journal, clock, configuration=fingerprint, values=record_values)
        self._emergency = emergency
        self._scrub = Scrubber(scrub)
        self._session_cookie = cookies.session + "="
        self._browser_cookie = cookies.browser + "="
        self._login_url = site.url("login")
        self._login = Login(site, provider, cookies, pages, events, clock)
        self._sign_out = SignOut(site, sessions, cookies, pages, events)
        self._introduce = sessions.present = Introduction(
            login_url=self._login_url,
            logout_url=site.url("logout"),
            remote_user=remote_user,
            end_session=self._sign_out.by_application,
        )

    # -- every request -------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self._scrub(environ)
        if self._single_process and environ.get("wsgi.multiprocess"):
            return self._not_shared(environ, start_response)
        if self.site.owns(environ.get("PATH_INFO", "")):
            return self._answer(environ, start_response)
        cookies = environ.get("HTTP_COOKIE", "")
        try:
            known = self._recognise(environ, cookies) if cookies else None
        except Unavailable as error:
            if not self._policy.is_public(environ):
                return self._send(self._unavailable(error, reference()), environ, start_response)
            known = None
        if known is not None:
            environ.update(known.environ)
            return self.app(environ, start_response)
        environ.update(self._introduce.anonymous)
        if self._policy.is_public(environ):
            return self.app(environ, start_response)
        preflight = self._policy.preflight(environ)
        if preflight is not None:
            return self._send(no_content(*preflight), environ, start_response)
        return self._challenge(environ, start_response, cookies)

    def _recognise(self, environ: dict[str, Any], cookies: str) -> Known | None:
        """Who this browser is, by its session cookie. The application doesn't get to see our cookies."""
        value, rest = take(cookies, self._session_cookie)
        while self._browser_cookie in rest or self._session_cookie in rest:
            _, shorter = take(take(rest, self._browser_cookie)[1], self._session_cookie)
            if shorter == rest:
                break
            rest = shorter
        if not rest:
            del environ["HTTP_COOKIE"]
        elif rest is not cookies:
            environ["HTTP_COOKIE"] = rest
        return self.sessions.recognise(value) if value else None

    def _challenge(
        self, environ: dict[str, Any], start_response: StartResponse, cookies: str
    ) -> Iterable[bytes]:
        """Nobody is signed in, and the page isn't public."""
        visitor = self._policy.visitor(environ)
        if self._policy.on_401:
            if visitor is not Visitor.PERSON:
                return self.app(environ, start_response)
            # The application may change the environ; what was asked for stays what it was.
            asked = dict(environ)
            awaited = AwaitedResponse(self.app)
            body = awaited.run(environ, start_response)
            if not awaited.wants_sign_in:
                return body
            page = self._ask(asked, visitor, cookies).with_headers(*awaited.cookies)
            return self._send(page, asked, start_response)
        return self._send(self._ask(environ, visitor, cookies), environ, start_response)

    def _ask(self, environ: dict[str, Any], visitor: Visitor, cookies: str) -> Page:
        """Ask a person to sign in; tell a program that somebody has to."""
        if visitor is Visitor.PROGRAM:
            return unauthorised(self._login_url, self._policy.cors_headers(environ))
        if path(environ) is None:
            return self._refuse(Refused("bad_path"), reference())
        if visitor is Visitor.FORM:
            ref = reference()
            self._events.emit("refused", code="sign_in_again", reference=ref)
            return referred(self._pages.sign_in_again(login_url=self._login_url, reference=ref), ref)
        target = self.site.target(environ)
        if environ.get("REQUEST_METHOD") == "HEAD":
            # Nobody follows this one to the end, so nothing is begun.
            return found(self._login.url(target))
        try:
            return self._login.begin(target, cookies)
        except Unavailable as error:
            return self._unavailable(error, reference())

    # -- our own endpoints ---------------------------------------------------------------------------

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Incoming(environ, reference())
        with UnderReference(request.reference):
            try:
                page = self._dispatch(request)
            except Refused as error:
                page = self._refuse(error, request.reference)
            except Unavailable as error:
                page = self._unavailable(error, request.reference)
            except Exception:
                # Whatever a resolver or a store may raise: nobody is signed in, and nobody sees a traceback.
                logger.exception("internal error")
                page = self._fail(request.reference)
        return self._send(page, environ, start_response)

    def _dispatch(self, request: Incoming) -> Page:
        endpoint = self.site.endpoint(request.environ.get("PATH_INFO", ""))
        if endpoint is None or (endpoint == "emergency" and self._emergency is None):
            raise Refused("endpoint_unknown")
        methods = _METHODS.get(endpoint, ("GET", "HEAD"))
        if request.method not in methods:
            page = self._refuse(Refused("method_not_allowed", request.method[:20]), request.reference)
            return page.with_headers(("Allow", ", ".join(methods)))
        if endpoint == "acs":
            return referred(self.sign_in(request), request.reference)
        if endpoint == "metadata":
            xml = self.provider.metadata()
            kind = ("Content-Type", "application/samlmetadata+xml"), ("Content-Length", str(len(xml)))
            return Page(200, kind, xml)
        if endpoint == "emergency" and self._emergency is not None:
            return referred(self._emergency.answer(request), request.reference)
        known = self._recognise(request.environ.copy(), request.cookies) if request.cookies else None
        if endpoint == "login":
            return self._login.answer(request, signed_in=known is not None)
        if endpoint == "logout":
            return self._sign_out.answer(request, known)
        return self.resume(request, known)

    # -- the story of a sign-in ----------------------------------------------------------------------

    def sign_in(self, request: Incoming) -> Page:
        """POST acs: from what the identity provider says to a session, or a reason why not."""
        attempt = self._recorder.begin(request.reference)
        form = read_form(request.body(longest_body(self.provider.demands.max_message)))
        arrival = sort(form, self._cookies.pending(request.cookies), self.provider, self._unsolicited)
        if arrival.kind is not Kind.EXPECTED or arrival.message is None:
            return self._login.redirect(arrival, form.relay_state, request)
        attempt.reached("read")
        try:
            assertion = self.provider.consume(arrival.message, arrival.request)  # verified, and only once
        except Refused as error:
            if error.code == "replayed" and arrival.slot is not None:
                self._events.emit(
                    "refused", code=error.code, reference=request.reference, private=error.detail
                )
                return self._to_resume(arrival.slot)
            raise
        with attempt.verified(assertion):  # from here on, whatever becomes of it is recorded
            outcome = self._resolver.resolve(assertion)  # which user of the application is this?
            attempt.reached("resolved")
            if not isinstance(outcome, Resolution):
                no = outcome if isinstance(outcome, Denied) else Denied("not_found", "no resolver knew them")
                raise Refused(no.code, no.detail, no.explanation)
            cookie, session = self.sessions.start(  # a new id, always
                outcome, assertion, beside=lambda _: attempt.success(outcome)
            )
        self._end_previous(request)
        self._tell(outcome, session, request)
        return self._lead_on(arrival, form.relay_state, request, cookie)

    def _lead_on(self, arrival: Arrival, relay_state: str, request: Incoming, cookie: str) -> Page:
        """To resume, where the cookie just set is visible, and from there to the page first asked for."""
        pending = self.provider.pending
        if arrival.request is not None and arrival.slot is not None:
            slot, done = arrival.slot, pending.pack(arrival.request, done=True)
            kept = [self._cookies.set_pending(done, slot)]
        else:
            turn = self._cookies.turn(request.cookies)
            target = self.site.safe_target(relay_state)
            accepted = pending.start(target, self.provider.idp_name, turn.browser)
            slot = turn.slot
            kept = [*self._cookies.begin(pending.pack(accepted, done=True), turn)]
        return self._to_resume(slot, self._cookies.set_session(cookie), *kept)

    def _end_previous(self, request: Incoming) -> None:
        """A browser has one session. Its old cookie is seen here only where the POST is same-site."""
        value, _ = take(request.cookies, self._session_cookie)
        try:
            previous = self.sessions.recognise(value) if value else None
        except Unavailable:
            # The new session stands, and nobody holds the old one any more: it ends by being idle.
            return
        if previous is not None:
            self.sessions.end(previous.session, value)

    def _to_resume(self, slot: int, *headers: tuple[str, str]) -> Page:
        return see_other(f"{self.site.url('resume')}?slot={slot}", *headers)

    def resume(self, request: Incoming, known: Known | None) -> Page:
        """GET resume: is the cookie there? Then on to the page first asked for."""
        slot = request.query("slot")
        kept = self._cookies.pending(request.cookies).get(int(slot) if slot in set("0123") else -1)
        if known is not None:
            return see_other(self.site.absolute(kept.request.target if kept else "/"))
        if kept is not None and self._login.is_fresh(kept):
            raise Refused("cookie_refused", "the session cookie didn't come back after a sign-in")
        raise Refused("resume_refused", "neither a session nor a sign-in of this browser")

    def _tell(self, outcome: Resolution, session: Session, request: Incoming) -> None:
        self._events.emit(
            "sign_in",
            reference=request.reference,
            user=outcome.user.id,
            outcome=outcome.outcome,
            resolver=outcome.resolver,
            idp=session.idp,
            session=session.key[:8],
        )

    # -- what goes wrong -----------------------------------------------------------------------------

    def _refuse(self, error: Refused, ref: str) -> Page:
        self._events.emit("refused", code=error.code, reference=ref, private=error.detail)
        return self._explain(error.code, ref, error.explanation)

    def _unavailable(self, error: Unavailable, ref: str) -> Page:
        self._events.emit("unavailable", code=error.code, reference=ref, private=error.detail)
        return self._explain(error.code, ref)

    def _fail(self, ref: str) -> Page:
        self._events.emit("internal_error", code="internal_error", reference=ref)
        return self._explain("internal_error", ref)

    def _explain(self, code: str, ref: str, explanation: str = "") -> Page:
        page = self._pages.refused(code, reference=ref, login_url=self._login_url, explanation=explanation)
        return referred(page, ref)

    def _not_shared(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        detail = "store.url = memory: can't serve several processes; set it to a database"
        page = self._refuse(Refused("store_not_shared", detail), reference())
        return self._send(page, environ, start_response)

    def _send(self, page: Page, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return page.respond(start_response, head=environ.get("REQUEST_METHOD") == "HEAD")
