"""The test identity provider over HTTP: portal, login form, SSO URL, metadata."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from webob import Request, Response

from saml_wsgi.testing import pages
from saml_wsgi.testing.knobs import NAME_ID_FORMATS, App
from saml_wsgi.testing.people import Person
from saml_wsgi.testing.requests import AuthnRequest, RequestRefused, read_post, read_redirect
from saml_wsgi.testing.responses import PostedForm
from saml_wsgi.testing.shelf import Shelf

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from saml_wsgi.testing.idp import JumpCloudIdP

_BODY_LIMIT: Final = 128 * 1024
_SESSION: Final = 8 * 3600
_PENDING: Final = 600
_ANY_FORMAT: Final = ("", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", NAME_ID_FORMATS[-1])

#: What a person reads who gave the right password and is turned away all the same.
_TURNED_AWAY: Final = {
    "suspended": "Your account is suspended. Please ask your administrator.",
    "staged": "Your account has not been activated yet. Please ask your administrator.",
    "locked": "Your account is locked after too many attempts. Please ask your administrator.",
    "password expired": "Your password has expired. Please ask your administrator for a new one.",
}


@dataclass(frozen=True, slots=True)
class _Session:
    username: str
    authenticated: float


@dataclass(frozen=True, slots=True)
class _Pending:
    """What goes on after the login: an application, what it asked, and the session that won't do."""

    app: str
    request: AuthnRequest | None
    stale: str = ""


class _Answered(Exception):
    """Carries an answer out of the depth of a request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Web:
    """The WSGI application behind :class:`saml_wsgi.testing.idp.JumpCloudIdP`."""

    def __init__(self, idp: JumpCloudIdP) -> None:
        self._idp = idp
        self._sessions: Shelf[_Session] = Shelf(idp.clock.time, _SESSION)
        self._pending: Shelf[_Pending] = Shelf(idp.clock.time, _PENDING)
        self._secure = idp.base_url.startswith("https:")
        # The prefix needs Secure, and not every browser keeps a Secure cookie from http on the loopback.
        self._cookie = "__Host-idp_session" if self._secure else "idp_session"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._answer(request)
        except _Answered as answered:
            response = answered.response
        except RequestRefused as refused:
            response = pages.problem("This sign-in can't go on", str(refused), 400)
        except UnicodeError:  # WebOb's, for a path or a query that isn't UTF-8
            response = pages.problem("Bad address", "This address can't be read.", 400)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _answer(self, request: Request) -> Response:
        path = request.path_info
        if path == "/":
            return self._only(request, "GET") or self._portal(request)
        if path == "/login":
            return self._only(request, "GET", "POST") or self._login(request)
        if path == "/logout":
            return self._only(request, "POST") or self._logout(request)
        for app in self._idp.apps:
            if path == f"/saml2/{app.name}":
                return self._only(request, "GET", "POST") or self._sso(request, app)
            if path == f"/metadata/{app.name}.xml":
                return self._only(request, "GET") or self._metadata(app)
        return pages.problem("Not found", "There is nothing at this address.", 404)

    def _only(self, request: Request, *methods: str) -> Response | None:
        if ("GET" if request.method == "HEAD" else request.method) in methods:
            return None
        response = pages.problem("Not this way", "This address doesn't take such requests.", 405)
        response.allow = [*methods, *(["HEAD"] if "GET" in methods else [])]
        return response

    # -- who is it --

    def _session(self, request: Request) -> tuple[Person, _Session] | None:
        session = self._sessions.get(request.cookies.get(self._cookie, ""))
        person = session and self._find(session.username)
        # Whoever is suspended after the login is out at once.
        if session is None or not person or person.state in _TURNED_AWAY:
            return None
        return person, session

    def _find(self, name: str) -> Person | None:
        wanted = name.strip().casefold()
        for person in self._idp.people:
            if wanted in (person.username.casefold(), person.email.casefold()) and person.state != "deleted":
                return person
        return None

    def _login(self, request: Request) -> Response:
        if request.method != "POST":
            return pages.login(request.GET.get("to", ""))
        fields = dict(self._form(request))
        to, username = fields.get("to", ""), fields.get("username", "")
        pending = self._pending.get(to)
        person = self._find(username)
        given, right = fields.get("password", "").encode(), (person.password if person else "").encode()
        if person is None or not right or not hmac.compare_digest(given, right):
            return pages.login(to, username, "No account has this name and this password.")
        if person.state in _TURNED_AWAY:
            app = self._app(pending.app) if pending else None
            asked = pending.request if pending else None
            return self._turn_away(app, asked, _TURNED_AWAY[person.state], "AuthnFailed")
        self._sessions.drop(request.cookies.get(self._cookie, ""))
        name = self._sessions.put(_Session(person.username, self._idp.clock.time()))
        response = _see(f"/saml2/{pending.app}?pending={to}" if pending else "/")
        response.set_cookie(self._cookie, name, path="/", secure=self._secure, httponly=True, samesite="Lax")
        return response

    def _logout(self, request: Request) -> Response:
        self._form(request)
        self._sessions.drop(request.cookies.get(self._cookie, ""))
        response = _see("/login")
        response.set_cookie(
            self._cookie, "", max_age=0, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )
        return response

    def _portal(self, request: Request) -> Response:
        known = self._session(request)
        if known is None:
            return _see("/login")
        person, _ = known
        apps = [app for app in self._idp.apps if self._idp.may_use(person, app)]
        tiles = [(app.title, app.login_url or f"/saml2/{app.name}") for app in apps]
        return pages.portal(person.displayname or person.username, tiles)

    # -- SAML --

    def _metadata(self, app: App) -> Response:
        return Response(
            body=self._idp.metadata(app).encode(),
            content_type="application/samlmetadata+xml",
            charset="utf-8",
        )

    def _sso(self, request: Request, app: App) -> Response:
        if request.method == "POST":
            asked = read_post(app, self._body(request))
            if asked is not None:
                self._idp.received.append(asked)
            # A browser shows our cookie to a navigation, but not to another site's POST.
            return self._go_on(app, self._pending.put(_Pending(app.name, asked)))
        stale, name = "", request.GET.get("pending", "")
        if name:
            pending = self._pending.get(name)
            if pending is None or pending.app != app.name:
                text = "This sign-in waited for too long. Please start again at the application."
                return pages.problem("This sign-in has expired", text, 400)
            asked, stale = pending.request, pending.stale
        else:
            asked = read_redirect(app, request.query_string)
            if asked is not None:
                self._idp.received.append(asked)
        return self._decide(request, app, asked, stale)

    def _decide(self, request: Request, app: App, asked: AuthnRequest | None, stale: str) -> Response:
        known, held = self._session(request), request.cookies.get(self._cookie, "")
        honours = app.shape.honours if asked else frozenset()
        again = asked is not None and asked.force_authn and "ForceAuthn" in honours
        if known is None or (again and stale in ("", held)):
            if asked and asked.is_passive and "IsPassive" in honours:
                return self._failure(app, asked, "Responder", "NoPassive")
            waiting = self._pending.put(_Pending(app.name, asked, held if known else "none"))
            return _see(f"/login?to={waiting}")
        person, session = known
        if not self._idp.may_use(person, app):
            text = "This application has not been assigned to you. Please ask your administrator."
            return self._turn_away(app, asked, text, "RequestDenied")
        name_id_format = ""
        if asked and "NameIDPolicy" in honours and asked.name_id_format not in _ANY_FORMAT:
            if asked.name_id_format not in NAME_ID_FORMATS:
                return self._failure(app, asked, "Requester", "InvalidNameIDPolicy")
            name_id_format = asked.name_id_format
        answer = self._idp.response(
            app,
            person,
            in_response_to=asked.id if asked else None,
            relay_state=_relay_state(app, asked),
            acs_url=asked.acs_url if asked else "",
            authenticated=session.authenticated,
            name_id_format=name_id_format,
        )
        return self._send(app, answer)

    def _go_on(self, app: App, pending: str) -> Response:
        return _see(f"/saml2/{app.name}?pending={pending}")

    def _turn_away(self, app: App | None, asked: AuthnRequest | None, text: str, status: str) -> Response:
        if app is not None and app.shape.refusals == "response":
            return self._failure(app, asked, "Responder", status)
        return pages.problem("You can't sign in", text, 403)

    def _failure(self, app: App, asked: AuthnRequest | None, *status: str) -> Response:
        answer = self._idp.error_response(
            app,
            *status,
            in_response_to=asked.id if asked else None,
            relay_state=_relay_state(app, asked),
            acs_url=asked.acs_url if asked else "",
        )
        return self._send(app, answer)

    def _send(self, app: App, answer: PostedForm) -> Response:
        self._idp.sent.append(answer)
        return pages.posting(app.title, answer.url, answer.fields)

    def _app(self, name: str) -> App | None:
        return next((app for app in self._idp.apps if app.name == name), None)

    # -- bodies --

    def _form(self, request: Request) -> list[tuple[str, str]]:
        """The fields of a form of ours."""
        origin = request.headers.get("Origin")
        if origin not in (None, self._idp.base_url):
            raise _Answered(pages.problem("Not this way", "This form came from another site.", 403))
        try:
            return parse_qsl(self._body(request).decode(), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise _Answered(pages.problem("Bad request", "This form can't be read.", 400)) from None

    def _body(self, request: Request) -> bytes:
        length = request.environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdecimal()):
            raise _Answered(pages.problem("Bad request", "This request can't be read.", 400))
        if len(length) > 9 or int(length) > _BODY_LIMIT:
            raise _Answered(pages.problem("Too large", "This request is too large.", 413))
        body: bytes = request.environ["wsgi.input"].read(int(length))
        return body


def _relay_state(app: App, asked: AuthnRequest | None) -> str | None:
    return asked.relay_state if asked and app.shape.echo_relay_state else None


def _see(path: str) -> Response:
    response = Response(status=303, headerlist=[("Location", path), ("Cache-Control", "no-store")])
    response.content_type = "text/plain"
    return response
