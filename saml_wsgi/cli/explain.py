"""``saml-wsgi explain``: what a request would get, from somebody who is signed in and from a stranger."""

from __future__ import annotations

import json
import logging
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

import click

from saml_wsgi.cli.inifile import load
from saml_wsgi.cli.report import refusing
from saml_wsgi.model import Assertion, Resolution, User

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from saml_wsgi.wiring import Parts

#: As a browser asks for a page that somebody typed the address of.
_BROWSER: Final = {
    "HTTP_ACCEPT": "text/html,application/xhtml+xml",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_SITE": "none",
}
_EXAMPLE: Final = User("example", "example")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets.

    Attributes:
        who: ``a stranger``, or ``somebody signed in``.
        answer: Status, and where it leads; or that the application answers.
        because: The rules that decide.
    """

    who: str
    answer: str
    because: Sequence[str]


@click.command()
@click.argument("ini", metavar="FILE[#section]")
@click.argument("url", metavar="URL")
@click.option("--method", default="GET", show_default=True, help="The request's method.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="A header of the request. With one, it is no longer taken for a browser's that loads a page.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def explain(ini: str, url: str, method: str, headers: tuple[str, ...], as_json: bool) -> None:
    """Tell what a request would get, and which rule decides.

    URL is the full address, or a path below base_url. It is asked of the middleware itself, with an
    application that answers everything; nothing is stored, and nobody is contacted.

    Ends with 0, or with 1 where the configuration wouldn't start or the URL isn't the application's.
    """
    with refusing():
        section = load(ini)
        from saml_wsgi import wiring
        from saml_wsgi.errors import Problems

        problems = Problems()
        parts = wiring.build(section.options, here=section.here, problems=problems, look_only=True)
        problems.raise_if_fatal()
    assert parts is not None
    asked = _environ(parts, url, method.upper(), headers)
    answers = _asked(parts, asked)
    if as_json:
        shown = [{"who": one.who, "answer": one.answer, "because": list(one.because)} for one in answers]
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    for answer in answers:
        click.echo(f"{answer.who}: {answer.answer}")
        for why in answer.because:
            lines = textwrap.fill(why, 96, initial_indent="  - ", subsequent_indent="    ")
            click.echo(lines)


def _environ(parts: Parts, url: str, method: str, headers: Sequence[str]) -> dict[str, Any]:
    """The request as a server would hand it on."""
    base = urlsplit(parts.site.base_url)
    wanted = urlsplit(url if "://" in url else f"{parts.site.base_url}/{url.lstrip('/')}")
    if (wanted.scheme, wanted.netloc.lower()) != (base.scheme, base.netloc):
        raise click.ClickException(
            f"{wanted.scheme}://{wanted.netloc} isn't where the application is: base_url says "
            f"{parts.site.base_url}. A request that arrives there is another site's."
        )
    place = wanted.path or "/"
    if base.path and place != base.path and not place.startswith(f"{base.path}/"):
        raise click.ClickException(f"{place} isn't below the path of base_url, {base.path}.")
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": base.path,
        "PATH_INFO": unquote_to_bytes(place[len(base.path) :]).decode("latin-1"),
        "QUERY_STRING": wanted.query,
        "HTTP_HOST": base.netloc,
        "wsgi.url_scheme": base.scheme,
    }
    return environ | (_headers(headers) if headers else _BROWSER)


def _headers(lines: Iterable[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{line!r} isn't a header: write 'Name: value'.")
        found["HTTP_" + name.strip().upper().replace("-", "_")] = value.strip()
    return found


def _asked(parts: Parts, environ: dict[str, Any]) -> Sequence[Answer]:
    """The middleware's own answers, and the rules behind them."""
    from saml_wsgi import wiring
    from saml_wsgi.middleware.explanation import explain as rules
    from saml_wsgi.session.manager import Sessions
    from saml_wsgi.stores.memory import MemoryStore

    # What is refused here happened to nobody: no line of a log is about it.
    logging.getLogger("saml_wsgi").addHandler(logging.NullHandler())
    # A session of nobody's, in memory: what is really stored is neither read nor written.
    store = MemoryStore(clock=parts.clock)
    sessions = Sessions(
        store, parts.keys, clock=parts.clock, lifetimes=wiring.lifetimes(parts.settings), events=parts.events
    )
    middleware = wiring.assemble(_application, replace(parts, store=store, sessions=sessions))
    cookie, _ = sessions.start(Resolution(_EXAMPLE), _assertion(parts))
    idp = parts.provider.identity_provider
    answers = []
    for who, header in (("a stranger", ""), ("somebody signed in", f"{parts.cookies.session}={cookie}")):
        request = {**environ, "HTTP_COOKIE": header} if header else dict(environ)
        because = rules(dict(request), parts.site, parts.policy, idp, signed_in=bool(header))
        answers.append(Answer(who, _answer(middleware, request), because))
    return answers


def _answer(middleware: WSGIApplication, request: dict[str, Any]) -> str:
    said: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None, /) -> Any:
        said.append(_told(status, headers))

    list(middleware(request, start_response))
    return said[-1]


def _application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-Application", environ.get("REMOTE_USER", ""))])
    return [b""]


def _told(status: str, headers: Sequence[tuple[str, str]]) -> str:
    found = dict(headers)
    if "X-Application" in found:
        name = found["X-Application"]
        return (
            f"the application, with REMOTE_USER = {name}" if name else "the application, without REMOTE_USER"
        )
    where = found.get("Location", "").partition("?")[0]
    return f"{status}, to {where}" if where else f"{status}, a page of ours"


def _assertion(parts: Parts) -> Assertion:
    now = int(parts.clock.time())
    return Assertion(
        idp=parts.provider.idp_name,
        issuer="",
        id="",
        name_id=_EXAMPLE.username,
        name_id_format="",
        attributes={},
        session_index="",
        authn_instant=now,
        session_not_on_or_after=None,
        expires=now + 60,
    )
