"""The pages that people see: what happened, how to refer to it, and what to do next.

A page is finished bytes with all of its headers. Nothing on it comes from a person's message, no
page loads anything from anywhere, and each one works without a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from wsgiref.types import StartResponse

from saml_wsgi.errors import CODES, ConfigurationError, Problems
from saml_wsgi.events import our_logger
from saml_wsgi.middleware.addresses import host, link, schemes, source

if TYPE_CHECKING:
    from saml_wsgi.middleware.theme import Sample, Theme

logger = our_logger("saml_wsgi.pages")

#: Seconds after which a person may try again.
RETRY_AFTER: Final = 30

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$*+/=^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")

#: What the button says, where signing in *again* isn't it.
_NEXT_STEPS: Final = {
    "unsolicited_refused": "Sign in",
    "body_too_large": "Start again",
    400: "Start again",
    404: "Start again",
    405: "Start again",
    500: "Try again",
    503: "Try again",
}


#: Whoever signs in again gets the same page again: what helps is the advice, and the button is the second
#: thing to try.
_ADVICE_FIRST: Final = frozenset(
    {
        "not_found",
        "inactive",
        "managed_elsewhere",
        "ambiguous",
        "mismatch",
        "link_conflict",
        "conflict",
        "attribute_unusable",
        "missing_attribute",
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, complete."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def with_headers(self, *headers: tuple[str, str]) -> Page:
        """The same page with more headers, such as a cookie or ``Allow``."""
        return replace(self, headers=(*self.headers, *headers))

    def respond(self, start_response: StartResponse, head: bool = False) -> list[bytes]:
        """Send it as the answer of a WSGI application; to HEAD the headers alone (RFC 9110, 9.3.2)."""
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", list(self.headers))
        return [] if head else [self.body]


@dataclass(frozen=True, slots=True)
class Support:
    """Where people find help. ``href`` is empty where ``text`` is no address."""

    text: str
    href: str = ""


class Pages:
    """Renders them.

    Args:
        templates: A folder whose files replace ours of the same names, or None.
        support: Where people find help: a URL, an e-mail address, or words.
        site: What people call this site. Where it is empty, the host of the page's own links.

    Raises:
        ConfigurationError: The folder or a template in it can't be used (key ``pages.templates``).

    Templates given are rendered once here with sample values. If one fails all the same later, on a
    value nobody thought of, ours answers in its place, and the log says why.
    """

    def __init__(self, *, templates: str | None = None, support: str = "", site: str = "") -> None:
        self._support = _support(support)
        self._site = site
        self._original: Theme | None = None
        self._theme: Theme | None = None
        self._checking = False
        if templates is not None:
            self._theme = self._checked(templates)

    def refused(
        self,
        code: str,
        *,
        reference: str,
        login_url: str,
        explanation: str = "",
    ) -> Page:
        """Why this didn't work.

        Args:
            code: A slug of :data:`saml_wsgi.errors.CODES`. One that must not leave the server gives the
                same page, to the byte, as ``response_refused``; an unknown one that of ``internal_error``.
            reference: What the operator finds it by.
            login_url: Where a new sign-in starts; empty for a page without a way on.
            explanation: One more sentence, shown only with codes that are shown themselves.
        """
        if code not in CODES:
            logger.error("a page was asked for with the unknown code %s", ascii(code))
            code = "internal_error"
        if not CODES[code].shown:
            code, explanation = "response_refused", ""
        status = CODES[code].status
        more = []
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            more.append(("Retry-After", str(RETRY_AFTER)))
        values = self._refusal(code, reference, login_url)
        # Two answers to the question whom to ask would leave people with none.
        values["advice" if explanation and CODES[code].asks else "explanation"] = explanation
        return self._page("refused.html", status, values, links=login_url, more=more)

    def sign_in_again(self, *, login_url: str, reference: str) -> Page:
        """A form was sent after the session had ended; what it held was not stored."""
        values = self._refusal("sign_in_again", reference, login_url)
        # A 401 has to name a scheme (RFC 9110, 15.5.2); browsers don't know this one and show the page.
        more = [("WWW-Authenticate", "SAML")]
        return self._page("sign_in_again.html", 401, values, links=login_url, more=more)

    def signed_out(self, *, login_url: str, everywhere: bool = True) -> Page:
        """Nobody is signed in here. Public: so it says nothing that isn't true of a stranger, too.

        Args:
            login_url: Where a new sign-in starts.
            everywhere: False says that a sign-out may not have reached every server.
        """
        values = {"login_url": link(login_url), "everywhere": everywhere}
        return self._page("signed_out.html", 200, values, links=login_url)

    def confirm_sign_out(self, *, action: str, token: str, return_url: str) -> Page:
        """Ask before signing out. The form POSTs one field, ``token``.

        Args:
            action: Where the form goes: an http(s) URL or a path.
            token: Proof that this page asked.
            return_url: Where somebody goes who would rather stay.

        Raises:
            ValueError: The action is neither.
        """
        if not link(action):
            raise ValueError("the form's action is not an http(s) URL or a path")
        # Behind a proxy 'self' isn't always the origin that base_url names.
        origin = source(action)
        return self._page(
            "confirm_sign_out.html",
            200,
            {"action": action, "token": token, "return_url": link(return_url)},
            links=return_url,
            form_action=f"'self' {origin}" if origin else "'self'",
            # With no-referrer, browsers send "Origin: null" along with the form (Fetch, section 3.2).
            referrer="same-origin",
        )

    def emergency(self, *, action: str, token: str) -> Page:
        """Offer a sign-in to whoever holds a one-time address. The form POSTs one field, ``token``.

        Neither the page nor the title says as whom. The token goes nowhere else: no ``Referer`` holds it.
        """
        origin = source(action)
        return self._page(
            "emergency.html",
            200,
            {"action": action, "token": token},
            links=action,
            form_action=f"'self' {origin}" if origin else "'self'",
        )

    def post_form(self, *, action: str, fields: Mapping[str, str]) -> Page:
        """Carry fields to the identity provider by HTTP-POST (SAML Bindings, 3.5), without a click.

        Raises:
            ValueError: The action is no http(s) URL.
        """
        scheme = schemes(action)
        if not scheme:
            raise ValueError("the form's action is not an http(s) URL")
        return self._page(
            "post_form.html",
            200,
            {"action": action, "fields": dict(fields)},
            # Identity providers redirect from host to host after the submission, which Chromium holds to
            # form-action too: any host, then. One that speaks http (on the loopback) may do both.
            form_action=scheme,
            # The identity provider learns who asks, as it does from the request itself, and no more.
            referrer="strict-origin",
            script=True,
        )

    def _refusal(self, code: str, reference: str, login_url: str) -> dict[str, Any]:
        meaning = CODES[code]
        return {
            "title": meaning.title,
            "text": meaning.text,
            "advice": meaning.advice,
            "explanation": "",
            "code": code,
            "reference": reference,
            "login_url": link(login_url),
            "next_step": _next_step(code),
            "advice_first": code in _ADVICE_FIRST,
        }

    def _page(
        self,
        template: str,
        status: int,
        values: Mapping[str, Any],
        *,
        links: str = "",
        form_action: str = "'self'",
        referrer: str = "no-referrer",
        script: bool = False,
        more: Sequence[tuple[str, str]] = (),
    ) -> Page:
        support = self._support
        if support is not None and support.href.startswith("mailto:") and "reference" in values:
            subject = quote(f"{values['title']} ({values['reference']})", safe="", errors="replace")
            support = replace(support, href=f"{support.href}?subject={subject}")
        theme, html = self._render(
            template, {"site": self._site or host(links), "support": support, **values}
        )
        # A lone surrogate (an undecodable byte of a WSGI string) can't be encoded; it must not end in a 500.
        body = html.encode(errors="replace")
        policy = [
            "default-src 'none'",
            f"style-src {theme.style_source}",
            # The empty data: icon keeps browsers from asking for /favicon.ico; a logo of the operator's
            # own pages comes from this site.
            "img-src data:" if theme.folder is None else "img-src 'self' data:",
            *([f"script-src {theme.script_source}"] if script else []),
            f"form-action {form_action}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
        # No Cross-Origin-Opener-Policy: it would cut off the window that opened a sign-in as a pop-up,
        # and there is nothing on these pages that a window's handle could reach.
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store, private"),
            ("Pragma", "no-cache"),
            ("Vary", "Cookie"),
            ("Content-Security-Policy", "; ".join(policy)),
            ("X-Frame-Options", "DENY"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", referrer),
            *more,
        ]
        return Page(status, tuple(headers), body)

    def _render(self, template: str, values: Mapping[str, Any]) -> tuple[Theme, str]:
        if self._theme is not None:
            try:
                return self._theme, self._theme.render(template, values)
            except Exception:  # whatever a template of somebody else's raises: a person is waiting for a page
                if self._checking:
                    raise
                logger.exception("the template %s of pages.templates failed; ours is shown", template)
        if self._original is None:
            from saml_wsgi.middleware.theme import Theme

            self._original = Theme()
        return self._original, self._original.render(template, values)

    def _checked(self, folder: str) -> Theme:
        from saml_wsgi.middleware import theme as themes

        problems = Problems()
        key = "pages.templates"
        try:
            self._theme = themes.Theme(folder)
        except themes.Unusable as error:
            problems.add(key, str(error), error.cure)
            raise ConfigurationError(*problems.fatal) from error
        self._checking = True
        for reason in self._theme.faults(self._samples()):
            problems.add(key, f"{reason}.", "The original begins with what it is given.")
        self._checking = False
        problems.raise_if_fatal()
        return self._theme

    def _samples(self) -> Iterator[Sample]:
        """Every page in all of its variants, and what must be found on it."""
        from saml_wsgi.middleware.theme import Sample

        url, page, mark = "https://sample.invalid/login", "https://sample.invalid/page", "SAMPLE2345"
        login, reference = {"login_url": url}, {"reference": mark}
        refused = partial(self.refused, "idp_refused", reference=mark)  # shows advice and explanation
        yield Sample("refused.html", partial(refused, login_url=""), reference)
        yield Sample("refused.html", partial(refused, login_url=url, explanation="Why."), login | reference)
        again = partial(self.sign_in_again, reference=mark)
        yield Sample("sign_in_again.html", partial(again, login_url=""), reference)
        yield Sample("sign_in_again.html", partial(again, login_url=url), login | reference)
        for everywhere in (True, False):
            signed_out = partial(self.signed_out, everywhere=everywhere)
            yield Sample("signed_out.html", partial(signed_out, login_url=""), {})
            yield Sample("signed_out.html", partial(signed_out, login_url=url), {})
        confirm = partial(self.confirm_sign_out, action=url, token=mark)
        for way in ("", page):
            sample = partial(confirm, return_url=way)
            yield Sample("confirm_sign_out.html", sample, {"action": url, "token": mark})
        emergency = partial(self.emergency, action=url, token=mark)
        yield Sample("emergency.html", emergency, {"action": url, "token": mark})
        post = partial(self.post_form, action=url, fields={"SampleField": mark})
        form = {"action": url, "name": "SampleField", "value": mark, "the form's id": 'id="to-idp"'}
        yield Sample("post_form.html", post, form)


def _next_step(code: str) -> str:
    if code in _ADVICE_FIRST:
        return "Try again"
    return _NEXT_STEPS.get(code) or _NEXT_STEPS.get(CODES[code].status, "Sign in again")


def _support(support: str) -> Support | None:
    text = support.strip()
    if not text:
        return None
    address = text[7:] if text.lower().startswith("mailto:") else text
    if _ADDRESS.fullmatch(address):
        return Support(address, f"mailto:{address}")
    return Support(text, link(text))
