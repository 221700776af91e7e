"""A whole round trip over HTTP, step by step, as a person's browser would make it."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from saml_wsgi.demo.application import DEEP_LINK
from saml_wsgi.demo.running import Demonstration
from saml_wsgi.testing.browser import Browser, Page, TooManyRedirects
from saml_wsgi.testing.people import Person

#: Between the application and the identity provider nothing takes more pages that send themselves.
_FORMS: Final = 6


class Failed(Exception):
    """A step had another outcome than promised."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is tried, and how: returns the outcome in words, or raises Failed."""

    title: str
    run: Callable[[RoundTrip], str]


def check(demonstration: Demonstration, say: Callable[[str], None]) -> bool:
    """Go through all steps and tell each with its outcome; stop at the first that fails.

    Returns:
        Whether all of them had the outcome that is promised.
    """
    trip = RoundTrip(demonstration)
    steps = STEPS if demonstration.report is None else (_DIRECTORY, *STEPS)
    for number, step in enumerate(steps, 1):
        try:
            outcome = step.run(trip)
        except (
            Failed,
            LookupError,
            OSError,
            ValueError,
            http.client.HTTPException,
            TooManyRedirects,
        ) as error:
            say(f"FAILED {number:2}  {step.title}")
            say(f"           {error if isinstance(error, Failed) else f'{type(error).__name__}: {error}'}")
            say(f"\n{number - 1} of {len(steps)} steps went as promised; the rest wasn't tried.")
            return False
        say(f"ok     {number:2}  {step.title}")
        say(f"           {outcome}")
    say(f"\nAll {len(steps)} steps went as promised.")
    return True


class RoundTrip:
    """One person's way, and what others try meanwhile."""

    def __init__(self, demonstration: Demonstration) -> None:
        self._base = demonstration.base_url
        self._idp = demonstration.idp
        self._app = demonstration.app
        self._report = demonstration.report
        active = [person for person in self._idp.people if person.state == "active"]
        self._person, self._other = active[0], active[1]
        self._suspended = next(person for person in self._idp.people if person.state == "suspended")
        self._browser = Browser()
        self._page: Page
        self._answer: Page
        self._cookies = ""
        self._session = ""

    # -- before --

    def synchronised(self) -> str:
        report = self._report
        assert report is not None
        if not report.done:
            raise Failed(f"{report.code}: {report.detail}")
        wanted = [person.username for person in self._idp.people if person.state != "suspended"]
        if report.counts.get("read", 0) < len(wanted):
            raise Failed(f"expected at least {len(wanted)} people, got {dict(report.counts)}")
        return f"{report.counts['read']} people read, {report.counts.get('created', 0)} new users"

    def public(self) -> str:
        page = Browser().get(f"{self._base}/welcome")
        _expect(page, page.status == 200, "200")
        return "200: it needs no sign-in"

    def program(self) -> str:
        browser = Browser()
        page = browser.get(f"{self._base}/api/me", headers={"Accept": "application/json"})
        _expect(page, page.status == 401 and "login_url" in page.json(), "401 and JSON with login_url")
        _expect(page, not page.all("Set-Cookie"), "no cookie: nothing was begun")
        return f"401 and JSON that says where to sign in: {page.json()['login_url']}"

    def anonymous(self) -> str:
        page = self._browser.get(self._base + DEEP_LINK)
        _expect(page, self._leads_to_idp(page), "a redirect to the identity provider")
        self._page = page
        how = "redirect" if page.location else "a form that sends itself"
        return f"{page.status}, {how} to {self._idp.sso_url(self._app)}"

    # -- at the identity provider --

    def login_form(self) -> str:
        page = self._through_forms(self._browser, self._page)
        _expect(page, self._is_login(page), "the identity provider's login form")
        page = self._browser.submit(
            page, {"username": self._person.username, "password": "wrong"}, follow=True
        )
        _expect(
            page, self._is_login(page) and page.status == 403, "403 and the form again, for a wrong password"
        )
        self._page = page
        return "the login form; a wrong password leads back to it"

    def login(self) -> str:
        page = self._log_in(self._browser, self._page, self._person)
        _expect(page, _carries_response(page), "a form that carries the answer to the application")
        _expect(page, page.form().url == self._app.acs_url, f"a form that goes to {self._app.acs_url}")
        self._page = page
        return f"{self._person.username} is signed in there; its answer goes to {page.form().url}"

    # -- back at the application --

    def post(self) -> str:
        page = self._browser.submit(self._page)
        _expect(page, page.status == 303 and self._is_ours(page.location), "303 to the application")
        self._answer, self._page = page, page
        return f"accepted: 303 to {page.location}"

    def arrive(self) -> str:
        page = self._browser.follow(self._page)
        _expect(page, page.status == 200 and page.url == self._base + DEEP_LINK, f"200 at {DEEP_LINK}")
        self._page = page
        return f"200 at {page.url}"

    def received(self) -> str:
        seen = self._me(self._browser)
        user = seen["user"]
        wanted = self._person
        if user["email"] != wanted.email or set(user["groups"]) != set(wanted.groups):
            raise Failed(f"expected {wanted.email} in {list(wanted.groups)}, got {user}")
        origin = "saml:email" if self._report is None else "people:email"
        if seen["origins"].get("email") != origin:
            raise Failed(f"expected that the e-mail address came from {origin}, got {seen['origins']}")
        self._session = seen["session"]["key"]
        self._cookies = self._browser.cookies.header(self._base + "/")
        return (
            f"REMOTE_USER {seen['remote_user']}, {user['display_name']}, {len(user['groups'])} groups, "
            f"{len(seen['attributes'])} attributes"
        )

    def again(self) -> str:
        page = self._browser.repeat(self._answer, follow=True)
        _expect(page, page.status == 200 and page.url == self._base + DEEP_LINK, f"200 at {DEEP_LINK}")
        if self._me(self._browser)["session"]["key"] != self._session:
            raise Failed("the same answer made another session")
        return "it leads to the page again, and makes no second session"

    def stolen(self) -> str:
        browser = Browser()
        browser.follow(browser.run(self._answer.errand))
        _expect_nobody(browser, self._base)
        return "it makes nobody a session"

    def suspended(self) -> str:
        browser = Browser()
        page = self._through_forms(browser, browser.get(self._base + DEEP_LINK))
        page = self._log_in(browser, page, self._suspended)
        _expect(
            page, page.status == 403 and not _carries_response(page), "a refusal at the identity provider"
        )
        _expect_nobody(browser, self._base)
        return f"{self._suspended.username} reads why there, and the application hears nothing"

    def tile(self) -> str:
        browser = Browser()
        page = browser.get(f"{self._idp.base_url}/", follow=True)
        page = self._log_in(browser, page, self._other)
        page = self._through_forms(browser, browser.click(page, self._app.title), posting=True)
        _expect(page, page.status == 200 and page.url == self._base + "/", "200 at the first page")
        if self._me(browser)["user"]["email"] != self._other.email:
            raise Failed(f"somebody else than {self._other.username} is signed in")
        return f"{self._other.username} is at {page.url}"

    # -- and out --

    def sign_out(self) -> str:
        page = self._browser.submit(self._page, button="Sign out", follow=True)
        _expect(page, page.status == 200 and self._is_ours(page.url), "200 and the page that says so")
        _expect_nobody(self._browser, self._base)
        return f"the session is over: {page.url}"

    def revived(self) -> str:
        page = Browser().get(self._base + DEEP_LINK, headers={"Cookie": self._cookies})
        _expect(page, self._leads_to_idp(page), "a redirect to the identity provider")
        return "it opens nothing any more"

    def asks_again(self) -> str:
        page = self._browser.get(self._base + DEEP_LINK)
        _expect(page, self._leads_to_idp(page), "a redirect to the identity provider")
        return "another round trip would begin"

    # -- a browser's doings --

    def _log_in(self, browser: Browser, page: Page, person: Person) -> Page:
        _expect(page, self._is_login(page), "the identity provider's login form")
        typed = {"username": person.username, "password": person.password}
        return browser.submit(page, typed, follow=True)

    def _through_forms(self, browser: Browser, page: Page, *, posting: bool = False) -> Page:
        """Follow redirects, and requests that are sent as forms; with ``posting``, answers too."""
        for _ in range(_FORMS):
            page = browser.follow(page)
            if not (_carries(page, "SAMLRequest") or (posting and _carries_response(page))):
                break
            page = browser.submit(page)
        return page

    def _me(self, browser: Browser) -> Any:
        page = browser.fetch(f"{self._base}/api/me", initiator=f"{self._base}/")
        _expect(page, page.status == 200, "200 for somebody who is signed in")
        return page.json()

    def _leads_to_idp(self, page: Page) -> bool:
        sso_url = self._idp.sso_url(self._app)
        if _carries(page, "SAMLRequest"):
            return page.form().url == sso_url
        return (page.location or "").startswith(f"{sso_url}?SAMLRequest=")

    def _is_login(self, page: Page) -> bool:
        return page.url.startswith(f"{self._idp.base_url}/login") and _carries(page, "password")

    def _is_ours(self, url: str | None) -> bool:
        return url is not None and urlsplit(url)[:2] == urlsplit(self._base)[:2]


_DIRECTORY: Final = Step("everybody in the directory is made a user", RoundTrip.synchronised)

STEPS: Final = (
    Step("somebody who isn't signed in asks for the public page", RoundTrip.public),
    Step("a program without a session asks for /api/me", RoundTrip.program),
    Step(f"somebody who isn't signed in asks for {DEEP_LINK}", RoundTrip.anonymous),
    Step("the identity provider asks who it is", RoundTrip.login_form),
    Step("the right password", RoundTrip.login),
    Step("the browser posts the identity provider's answer", RoundTrip.post),
    Step("the page first asked for, with its query", RoundTrip.arrive),
    Step("what the application received", RoundTrip.received),
    Step("the same answer once more, as by a reload", RoundTrip.again),
    Step("the same answer from somebody else's browser", RoundTrip.stolen),
    Step("a suspended person tries", RoundTrip.suspended),
    Step("somebody begins at the identity provider, with the application's tile", RoundTrip.tile),
    Step("sign-out", RoundTrip.sign_out),
    Step("the session's cookie from before the sign-out, kept by somebody", RoundTrip.revived),
    Step("the page is asked for again", RoundTrip.asks_again),
)


def _expect(page: Page, condition: bool, what: str) -> None:
    if not condition:
        location = f", Location: {page.location}" if page.location else ""
        raise Failed(f"expected {what}; got {page.status} {page.reason} from {page.url}{location}")


def _expect_nobody(browser: Browser, base: str) -> None:
    page = browser.fetch(f"{base}/api/me", initiator=f"{base}/")
    _expect(page, page.status == 401, "401, since nobody is signed in")


def _carries(page: Page, field: str) -> bool:
    return any(field in form.values for form in page.forms)


def _carries_response(page: Page) -> bool:
    return _carries(page, "SAMLResponse")
