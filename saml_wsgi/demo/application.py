"""The wrapped application: shows what it received, and where each value came from.

It knows nothing of SAML. Everything it shows stands in the WSGI environ, where any application finds
it (see "What the application sees" in the documentation).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from webob import Request, Response

from saml_wsgi.model import FIELDS, Session, User

#: Shows that the page first asked for comes back after the sign-in, with its query.
DEEP_LINK: Final = "/reports/2025?quarter=3&sort=name"

_LABELS: Final[Mapping[str, str]] = {
    "username": "Username",
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "display_name": "Display name",
    "employee_id": "Employee id",
    "groups": "Groups",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A field of the user.

    Attributes:
        origin: Where the value came from, in words that end before ``name``.
        name: The attribute's name at the identity provider, or ``""``.
    """

    label: str
    values: tuple[str, ...]
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it, and how far away it is."""

    iso: str
    shown: str
    away: str


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> WSGIApplication:
    """For PasteDeploy: ``use = call:saml_wsgi.demo.application:app_factory``."""
    del global_conf, local_conf
    return Application()


class Application:
    """``/`` and ``/reports/…`` for people, ``/api/me`` for programs, ``/welcome`` for everybody.

    With ``challenge = always`` the middleware keeps everybody else out. Where it doesn't, or isn't
    there, the application says itself that a sign-in is needed: 401.
    """

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("saml_wsgi.demo"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style, _, _ = PackageLoader("saml_wsgi.demo").get_source(self._templates, "style.css")
        self._style = Markup(style)  # noqa: S704 - a file of ours
        # A browser runs no script and no other style on these pages.
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            path = request.path_info
        except UnicodeDecodeError:
            path = ""  # the path isn't UTF-8; no page has such an address
        response = self._answer(request, path)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _answer(self, request: Request, path: str) -> Response:
        if request.method not in {"GET", "HEAD"}:
            response = self._page(request, "nothing.html", 405, what=f"{request.method} isn't possible here")
            response.allow = ["GET", "HEAD"]
            return response
        session = request.environ.get("saml_wsgi.session")
        if path == "/api/me":
            return _json(401, {"error": "nobody is signed in"}) if session is None else _me(request, session)
        if path == "/welcome":
            return self._page(request, "welcome.html")
        if path not in {"", "/"} and not path.startswith("/reports/"):
            return self._page(request, "nothing.html", 404, what="There is nothing at this address")
        if session is None:
            return self._page(request, "anonymous.html", 401)
        return self._page(
            request,
            "person.html",
            session=session,
            rows=_rows(session.user, session.origins),
            attributes=request.environ["saml_wsgi.attributes"],
            asked=path or "/",
            query=tuple(_readable_query(request)),
            times={
                name: _moment(getattr(session, name), session.seen)
                for name in ("created", "seen", "checked", "expires")
            },
        )

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(
            style=self._style,
            user=request.environ.get("saml_wsgi.user"),
            here=request.environ.get("SCRIPT_NAME", ""),
            deep_link=DEEP_LINK,
            remote_user=_text(request.environ.get("REMOTE_USER", "")),
            login_url=request.environ.get("saml_wsgi.login_url", ""),
            logout_url=request.environ.get("saml_wsgi.logout_url", ""),
            **values,
        )
        response = Response(status=status, content_type="text/html", charset="utf-8")
        # An undecodable byte of a request must not end in a 500.
        response.body = text.encode(errors="replace")
        response.headers["Content-Security-Policy"] = self._policy
        return _careful(response)


def _me(request: Request, session: Session) -> Response:
    """What the page shows, for programs."""
    user = asdict(session.user)
    return _json(
        200,
        {
            "remote_user": _text(request.environ.get("REMOTE_USER", "")),
            "user": {**user, "groups": list(user["groups"])},
            "origins": dict(session.origins),
            "attributes": {name: list(values) for name, values in session.attributes.items()},
            "session": {
                # The beginning of its name: enough to find it in the log.
                "key": session.key[:8],
                "idp": session.idp,
                "created": session.created,
                "expires": session.expires,
            },
        },
    )


def _json(status: int, value: Any) -> Response:
    body = json.dumps(value, indent=2).encode("ascii") + b"\n"
    return _careful(Response(status=status, body=body, content_type="application/json"))


def _careful(response: Response) -> Response:
    """A person's data: kept in no cache, guessed to be no other type, told to no other site."""
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _rows(user: User, origins: Mapping[str, str]) -> list[Row]:
    rows = []
    for field in (*FIELDS, "groups"):
        value = getattr(user, field)
        values = value if isinstance(value, tuple) else (value,) if value else ()
        rows.append(Row(_LABELS[field], values, *_origin(origins.get(field, ""))))
    return rows


def _origin(origin: str) -> tuple[str, str]:
    """``saml:email`` and so on, as people read it."""
    if origin == "saml:NameID":
        return "the assertion's NameID", ""
    kind, colon, name = origin.partition(":")
    if kind == "saml" and colon:
        return "the attribute", name
    return "the database of users" if origin == "directory" else origin, ""


def _moment(seconds: int, now: int) -> Moment:
    moment = datetime.fromtimestamp(seconds, UTC)
    shown = moment.astimezone().strftime("%H:%M:%S")
    return Moment(moment.isoformat(), shown, _away(seconds - now))


def _away(seconds: int) -> str:
    hours, minutes = divmod(abs(seconds) // 60, 60)
    if not hours and not minutes:
        return ""
    span = " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)
    return f"in {span}" if seconds > 0 else f"{span} ago"


def _readable_query(request: Request) -> Iterable[tuple[str, str]]:
    try:
        return list(request.GET.items())
    except UnicodeDecodeError:
        return [("", request.query_string)]


def _text(value: str) -> str:
    """Bytes in disguise (PEP 3333) as text."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
