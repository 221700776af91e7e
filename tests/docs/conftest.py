"""A folder in which the documentation is followed, with what its pages take for granted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from wsgiref.validate import validator

import pytest

from saml_wsgi import User
from saml_wsgi.testing import App, SignInFailed
from tests.docs.reading import WIKI, Reader

_TEST_WIKI, _SSO = "https://wiki.example.test", "https://sso.example.test"
_SECRET = "kP3vXw8sQn2LzRt6YbHd9GmCjFa5UeT1"


@pytest.fixture
def reader(tmp_path, monkeypatch, saml_idp, saml_protect, saml_browser):
    """A folder with what the pages take for granted: the metadata, the secret, an application."""
    saml_idp.change_app("wiki", declare_redirect=True)
    (tmp_path / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SAML_WSGI_SECRET", _SECRET)
    monkeypatch.setenv("SAML_WSGI_OLD_SECRET", _SECRET[::-1])
    monkeypatch.setenv("LDAP_PASSWORD", "reader-demo")
    modules = set(sys.modules)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    def try_out(app: Any) -> None:
        """For somebody who is signed in, and for a stranger if it says where to sign in; both as WSGI."""
        public = "saml_wsgi.login_url" in app.__code__.co_consts
        options = {"public": "/free"} if public else {}
        browser = saml_browser({_TEST_WIKI: saml_protect(validator(app), options), _SSO: saml_idp})
        assert browser.sign_in(f"{_TEST_WIKI}/", "mara").status < 400, app
        if public:
            stranger = saml_browser({_TEST_WIKI: saml_protect(validator(app), options)})
            assert stranger.get(f"{_TEST_WIKI}/free").status == 200, app

    namespace = {"__name__": "page", "__file__": str(tmp_path / "page.py"), "application": application}
    yield Reader(tmp_path, namespace, try_out)
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@dataclass
class Scene:
    """A reader who signs people in to what an ini of a page makes.

    Attributes:
        idp: The identity provider; its application ``wiki`` is at the address that the pages use.
    """

    reader: Reader
    idp: Any
    new_browser: Callable[..., Any]

    def sign_in(self, application: Any, username: str) -> User:
        """The user as whom the person is signed in, in a browser of their own.

        Raises:
            SignInFailed: The person was refused.
        """
        seen: dict[str, User] = {}

        def wiki(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            seen["user"] = environ["saml_wsgi.user"]
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b""]

        application.app = wiki
        browser = self.new_browser({WIKI: application, self.idp.base_url: self.idp})
        browser.sign_in(f"{WIKI}/", username)
        return seen["user"]

    def refused(self, application: Any, username: str) -> Any:
        """The page on which the person's sign-in ends."""
        with pytest.raises(SignInFailed) as failed:
            self.sign_in(application, username)
        return failed.value.page


@pytest.fixture
def scene(reader, saml_idp, saml_browser):
    """The reader's folder with metadata for the pages' address, and an attribute with employee numbers."""
    app = App.for_service("wiki", WIKI, declare_redirect=True)
    attributes = (*app.attributes, ("employeeNumber", "employee_identifier"))
    saml_idp.add_app(app.changed(attributes=attributes))
    (reader.folder / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    return Scene(reader, saml_idp, saml_browser)
