"""A browser without a window: cookies with SameSite, redirects, forms, and the headers that browsers send."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from saml_wsgi.testing import forms
from saml_wsgi.testing.cookies import CookieJar
from saml_wsgi.testing.errand import Errand, headers, origin
from saml_wsgi.testing.forms import Form
from saml_wsgi.testing.transports import HTTPTransport, Received, Sent, Transport

if TYPE_CHECKING:
    from saml_wsgi.interfaces import Clock

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HOPS: Final = 20
_FORM: Final = "application/x-www-form-urlencoded"
#: From a challenge to the page after the sign-in, a second round trip included, it takes no more forms.
_FORMS: Final = 6


class TooManyRedirects(Exception):
    """A chain of redirects didn't end within 20 hops."""


class SignInFailed(AssertionError):
    """Nobody is signed in at the end of :meth:`Browser.sign_in`.

    Attributes:
        page: Where it ended.
    """

    def __init__(self, why: str, page: Page) -> None:
        super().__init__(f"{why}: {page.status} {page.reason} from {page.url}\n{page.words}")
        self.page = page


class Page:
    """A response, and what a person sees of it.

    Attributes:
        url: Where it came from.
        status: The HTTP status.
        reason: Its phrase.
        headers: All of them, in order.
        body: The bytes.
        request: What went over the wire.
        errand: What the browser was told to do.
    """

    def __init__(self, errand: Errand, request: Sent, received: Received) -> None:
        self.url = errand.url
        self.status = received.status
        self.reason = received.reason
        self.headers = received.headers
        self.body = received.body
        self.request = request
        self.errand = errand

    def __repr__(self) -> str:
        return f"<Page {self.status} {self.url}>"

    def header(self, name: str) -> str | None:
        """The header's first value, or None."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """All values of the header."""
        return [value for given, value in self.headers if given.lower() == name.lower()]

    @property
    def location(self) -> str | None:
        """Where it redirects to, absolute, or None."""
        target = self.header("Location")
        return urljoin(self.url, target) if target is not None and self.status in _REDIRECTS else None

    @property
    def text(self) -> str:
        """The body as UTF-8; what isn't comes out as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def words(self) -> str:
        """What a person reads on it: the text without markup, in one line."""
        return forms.words(self.text)

    def json(self) -> Any:
        """The body as JSON. ValueError if it isn't."""
        return json.loads(self.body)

    @cached_property
    def _offer(self) -> forms.Offer:
        return forms.read(self.url, self.text)

    @property
    def forms(self) -> tuple[Form, ...]:
        return self._offer.forms

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Text and absolute URL of each link."""
        return self._offer.links

    def form(self, index: int = 0) -> Form:
        """One of the page's forms. LookupError if there are fewer."""
        if not 0 <= index < len(self.forms):
            raise LookupError(f"{self!r} has {len(self.forms)} forms")
        return self.forms[index]

    def link(self, text: str) -> str:
        """Where the link of that text goes. LookupError if there is none."""
        for shown, url in self.links:
            if shown == text:
                return url
        raise LookupError(f"{self!r} has no link {text!r}")


class Browser:
    """One person's browser, with cookies of its own. Not for several threads at once.

    Args:
        transport: How servers are reached; by default HTTP to this machine.
        clock: Ends cookies.

    Redirects are followed only where it says so: ``follow=True``, or :meth:`follow` afterwards.

    Attributes:
        cookies: What it keeps.
        history: The latest pages, redirects among them, oldest first.
    """

    def __init__(self, transport: Transport | None = None, *, clock: Clock = time) -> None:
        self._transport = transport or HTTPTransport()
        self.cookies = CookieJar(clock.time)
        self.history: list[Page] = []

    def get(
        self,
        url: str,
        *,
        initiator: Page | str | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> Page:
        """Load a page: the person types the address, or clicks a link on the page ``initiator``.

        ``headers`` go in place of the browser's own; an empty value leaves one out.
        """
        errand = Errand("GET", url, initiator=_address(initiator), extra=dict(headers or {}))
        return self.run(errand, follow=follow)

    def post(
        self,
        url: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        initiator: Page | str | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
    ) -> Page:
        """Send a form that the page ``initiator`` holds, or an attacker's page."""
        errand = Errand(
            "POST",
            url,
            urlencode(fields).encode("ascii"),
            _FORM,
            initiator=_address(initiator),
            extra=dict(headers or {}),
        )
        return self.run(errand, follow=follow)

    def click(self, page: Page, text: str, *, follow: bool = False) -> Page:
        """Click the link of that text. LookupError if the page has none."""
        return self.get(page.link(text), initiator=page, follow=follow)

    def submit(
        self,
        page: Page,
        values: Mapping[str, str] | None = None,
        *,
        form: int = 0,
        button: str | None = None,
        follow: bool = False,
    ) -> Page:
        """Fill in one of the page's forms and send it; what isn't given stays as it stands on the page.

        LookupError for a form, field or button that isn't there.
        """
        chosen = page.form(form)
        sent = chosen.filled(values or {}, button)
        if chosen.method == "POST":
            return self.post(chosen.url, sent, initiator=page, follow=follow)
        parts = urlsplit(chosen.url)
        url = urlunsplit(parts._replace(query=urlencode(sent)))
        return self.get(url, initiator=page, follow=follow)

    def fetch(
        self,
        url: str,
        *,
        initiator: Page | str,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        mode: Literal["cors", "no-cors", "same-origin"] = "cors",
        credentials: Literal["same-origin", "include", "omit"] = "same-origin",
    ) -> Page:
        """What a script on the page ``initiator`` does with ``fetch()``; redirects aren't followed.

        There is no preflight, and the answer is given whatever CORS says: tests read the headers.
        """
        home = _address(initiator) or ""
        errand = Errand(
            method,
            url,
            body,
            initiator=home,
            mode=mode,
            credentials=credentials == "include"
            or (credentials == "same-origin" and origin(home) == origin(url)),
            extra=dict(headers or {}),
        )
        return self.run(errand)

    def follow(self, page: Page, *, hops: int | None = None) -> Page:
        """Follow the page's redirects to their end, or only so many. TooManyRedirects after 20.

        What started the chain stays its initiator, and decides about SameSite on every hop.
        """
        while page.location is not None and hops != 0:
            if len(page.errand.chain) == _HOPS:
                raise TooManyRedirects(f"{page.errand.chain[0]} … {page.url}")
            page = self._hop(page, page.location)
            hops = None if hops is None else hops - 1
        return page

    def sign_in(self, page: Page | str, username: str, password: str | None = None) -> Page:
        """Go from a challenge, or from the identity provider's login form, to the page after the sign-in.

        Redirects are followed, requests and answers sent on as their pages' scripts would, and the login
        form is filled in once. Whoever is signed in at the identity provider already isn't asked there,
        and stays who they are.

        Args:
            page: What the application answered to somebody who isn't signed in; or the URL to ask for.
            username: The person at the identity provider.
            password: By default the username and ``-demo``, as everybody's is who wasn't given another.

        Raises:
            SignInFailed: The page asks nobody to sign in, or the identity provider or the application
                refused; with the text of the page that says so.
        """
        page = self.follow(self.get(page) if isinstance(page, str) else page)
        login = {"username": username, "password": f"{username}-demo" if password is None else password}
        answered = ""
        asked = False
        for _ in range(_FORMS):
            if (form := _carrying(page, "SAMLRequest")) is not None:
                page = self.submit(page, form=form, follow=True)
            elif (form := _carrying(page, "SAMLResponse")) is not None:
                answered = page.form(form).url
                page = self.submit(page, form=form, follow=True)
                if _led_beyond(page, urljoin(answered, ".")):
                    return page
            elif (form := _carrying(page, *login)) is not None and not asked:
                asked = True
                page = self.submit(page, login, form=form, follow=True)
            elif asked or answered:
                raise SignInFailed(f"{username} wasn't signed in", page)
            else:
                raise SignInFailed("this page asks nobody to sign in", page)
        raise SignInFailed(f"the sign-in of {username} goes round in circles", page)

    def repeat(self, page: Page, *, follow: bool = False) -> Page:
        """Do again what led to the page (reload, or back and forward), with the cookies of now."""
        return self.run(page.errand, follow=follow)

    def run(self, errand: Errand, *, follow: bool = False) -> Page:
        """Do an errand; what the other methods come down to."""
        parts = urlsplit(errand.url)
        cookie = (
            self.cookies.header(
                errand.url,
                method=errand.method,
                initiator=errand.initiator,
                navigation=errand.mode == "navigate",
            )
            if errand.credentials
            else ""
        )
        request = Sent(
            errand.method,
            urlunsplit(parts._replace(fragment="")),
            tuple(headers(errand, cookie)),
            errand.body,
        )
        page = Page(errand, request, self._transport.send(request))
        if errand.credentials:
            for value in page.all("Set-Cookie"):
                self.cookies.keep(errand.url, value)
        self.history = [*self.history[-99:], page]
        return self.follow(page) if follow else page

    def _hop(self, page: Page, url: str) -> Page:
        errand = page.errand
        before = (*errand.chain, errand.url)
        keeps_method = page.status in (307, 308) or errand.method in ("GET", "HEAD")
        return self.run(
            Errand(
                errand.method if keeps_method else "GET",
                url,
                errand.body if keeps_method else b"",
                errand.content_type if keeps_method else "",
                errand.initiator,
                before,
                errand.mode,
                errand.credentials,
                errand.extra,
            )
        )


def _address(page: Page | str | None) -> str | None:
    return page.url if isinstance(page, Page) else page


def _carrying(page: Page, *names: str) -> int | None:
    """The number of the page's first form that has these fields, or None."""
    found = (index for index, form in enumerate(page.forms) if {*names} <= form.values.keys())
    return next(found, None)


def _led_beyond(page: Page, folder: str) -> bool:
    """Whether the way to the page went through the folder's site, outside of the folder.

    Whoever isn't accepted is told so beside the address that takes answers, or sent away again.
    """
    way = (*page.errand.chain, page.errand.url)
    return any(origin(url) == origin(folder) and not url.startswith(folder) for url in way)
