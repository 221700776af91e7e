"""Chromium, as Debian packages it, driven by selenium: the only client here that knows SameSite.

Every browser has a fresh profile, believes the tests' certificate and no other exception, and can
reach nothing but 127/8.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.real.tls import Authority

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_PROGRAM = Path("/usr/bin/chromium")
_DRIVER = Path("/usr/bin/chromedriver")
_PATIENCE = 20  # seconds; how long a page may take on a machine that is busy with other things


def missing() -> str:
    """What has to be installed before it can run, or ``""``."""
    if not (os.access(_PROGRAM, os.X_OK) and os.access(_DRIVER, os.X_OK)):
        return "Debian packages chromium chromium-driver"
    absent = [name for name in ("selenium", "trustme") if importlib.util.find_spec(name) is None]
    return f"Python packages {' '.join(absent)}" if absent else ""


@dataclass(slots=True)
class Chromium:
    """One running browser.

    Args:
        profile: An empty folder for everything that it keeps.
        authority: Whose certificate it believes.
        without_cookies: Origins whose cookies it refuses, as a person can set it.
    """

    profile: Path
    authority: Authority
    without_cookies: tuple[str, ...] = ()
    _driver: Chrome | None = field(default=None)

    def start(self) -> None:
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service

        self._refuse_cookies()
        options = ChromeOptions()
        options.binary_location = str(_PROGRAM)
        for flag in (
            "--headless",
            # A container has no user namespaces for the sandbox; only pages of these tests are opened.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*, EXCLUDE localhost",
            f"--user-data-dir={self.profile}",
            f"--ignore-certificate-errors-spki-list={self.authority.pin}",
        ):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"credentials_enable_service": False})
        # Crash reports and caches go to the home folder, whatever the profile is.
        service = Service(str(_DRIVER), env=os.environ | {"HOME": str(self.profile)})
        self._driver = Chrome(options=options, service=service)
        self._driver.set_page_load_timeout(_PATIENCE)

    def stop(self) -> None:
        """Close every window and end the browser and its driver."""
        if self._driver:
            self._driver.quit()

    @property
    def driver(self) -> Chrome:
        """Selenium's own view, for what has no name here."""
        assert self._driver is not None, "start it first"
        return self._driver

    def open(self, url: str) -> None:
        """Type an address into the address bar."""
        self.driver.get(url)

    def open_tab(self, url: str) -> str:
        """Open an address in a new tab, and look at that tab from now on.

        Returns:
            The tab's handle, for ``look_at``.
        """
        self.driver.switch_to.new_window("tab")
        self.open(url)
        return self.tab

    @property
    def tab(self) -> str:
        """The handle of the tab that is looked at."""
        return self.driver.current_window_handle

    def look_at(self, tab: str) -> None:
        self.driver.switch_to.window(tab)

    @property
    def url(self) -> str:
        """What the address bar shows."""
        return self.driver.current_url

    @property
    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.driver.execute_script("return document.body ? document.body.innerText : ''"))

    def fill_in(self, **fields: str) -> None:
        """Type into the fields of a form, by their names, and send it."""
        from selenium.webdriver.common.by import By

        elements = [self.driver.find_element(By.NAME, name) for name in fields]
        for element, text in zip(elements, fields.values(), strict=True):
            element.clear()
            element.send_keys(text)
        elements[-1].submit()

    def arrive(self, at: str) -> None:
        """Wait until the address bar shows this address and the page is there."""
        self.wait(lambda: self.url == at and self._is_complete(), f"to be at {at}")

    def read(self, text: str) -> None:
        """Wait until this stands on the page."""
        self.wait(lambda: text in self.text, f"to read {text!r}")

    def find(self, selector: str) -> Any:
        """Wait for the element of this CSS selector."""
        from selenium.webdriver.common.by import By

        self.wait(lambda: bool(self.driver.find_elements(By.CSS_SELECTOR, selector)), f"to find {selector}")
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def cookies(self, address: str) -> dict[str, dict[str, Any]]:
        """Every cookie that it keeps of one address, by name, in the words of the DevTools protocol."""
        found = self.driver.execute_cdp_cmd("Storage.getCookies", {})["cookies"]
        return {cookie["name"]: cookie for cookie in found if cookie["domain"] == address}

    def forget_cookies(self, address: str) -> None:
        """Delete what one address set, as a person can."""
        for name, cookie in self.cookies(address).items():
            place = {"name": name, "domain": address, "path": cookie["path"]}
            self.driver.execute_cdp_cmd("Network.deleteCookies", place)

    def put_cookie(self, cookie: dict[str, Any]) -> None:
        """Put a cookie of ``cookies`` back, as somebody who stole it would."""
        wanted = {key: cookie[key] for key in ("name", "value", "path", "secure", "httpOnly", "sameSite")}
        url = f"https://{cookie['domain']}:{cookie['sourcePort']}{cookie['path']}"
        self.driver.execute_cdp_cmd("Network.setCookie", {**wanted, "url": url})

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the condition holds; a page that is being replaced meanwhile is no failure."""
        from selenium.common.exceptions import TimeoutException, WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        waiting = WebDriverWait(
            self.driver, _PATIENCE, poll_frequency=0.05, ignored_exceptions=(WebDriverException,)
        )
        try:
            waiting.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"waited {what}, but at {self.url} stands:\n{self.text}") from None

    def _is_complete(self) -> bool:
        return bool(self.driver.execute_script("return document.readyState === 'complete'"))

    def _refuse_cookies(self) -> None:
        settings = {f"{origin},*": {"setting": 2} for origin in self.without_cookies}
        preferences = {"profile": {"content_settings": {"exceptions": {"cookies": settings}}}}
        folder = self.profile / "Default"
        folder.mkdir(parents=True)
        (folder / "Preferences").write_text(json.dumps(preferences))
