"""Every ini of the examples is loaded by PasteDeploy itself, and people sign in to what it makes."""

from __future__ import annotations

import configparser
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.validate import validator

import pytest
from paste.deploy import loadapp
from webtest import TestApp as Client  # pytest would take it for tests by its own name

from saml_wsgi.testing import App

EXAMPLES = Path(__file__).parents[2] / "examples"
INIS = sorted(EXAMPLES.glob("**/*.ini"))


@pytest.fixture(params=INIS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def example(request, tmp_path, monkeypatch, saml_idp):
    """The application of an ini, in a copy of its folder, with the metadata that it wants."""
    folder = tmp_path / "example"
    shutil.copytree(request.param.parent, folder, ignore=shutil.ignore_patterns("*.db*", "jumpcloud.xml"))
    options = configparser.ConfigParser(delimiters="=", interpolation=None)
    options.read(folder / request.param.name)
    saml_idp.add_app(App.for_service("wiki", options["filter:saml"]["base_url"]))
    (folder / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    monkeypatch.setenv("SAML_WSGI_SECRET", "Zr7hQxPn3WmV9kTfLd2sYc8GbJa4Ue6R")
    monkeypatch.syspath_prepend(folder)
    modules = set(sys.modules)
    app = loadapp(f"config:{folder / request.param.name}")
    app.app = validator(app.app)
    yield app
    for name in set(sys.modules) - modules:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_there_are_examples():
    """The glob finds the plain one at least."""
    assert EXAMPLES / "plain" / "wiki.ini" in INIS


def test_sends_people_to_the_identity_provider(example):
    """A page load is answered with the way to the identity provider, a script's request with 401."""
    # WebTest puts a validator around what it is given; ours around the application is the other side.
    client = Client(example)
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.form.action == example.provider.identity_provider.sso_url
    assert "SAMLRequest" in page.form.fields
    answer = client.get("/", headers={"Accept": "application/json"}, status=401)
    assert answer.json["error"] == "sign_in_required"


def test_people_sign_in(example, saml_browser, saml_idp):
    """Mara signs in through the identity provider and is greeted by her name on the page she asked for."""
    base_url = example.site.base_url
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(base_url))
    browser = saml_browser({origin: validator(example), saml_idp.base_url: saml_idp})
    page = browser.sign_in(f"{base_url}/page?view=1", "mara")
    assert (page.status, page.url) == (200, f"{base_url}/page?view=1")
    assert "Mara Lindqvist" in page.text


def test_public_paths_need_no_sign_in(example):
    """What the ini calls public reaches the application without a sign-in."""
    patterns = example._policy._public
    assert patterns
    for pattern in patterns:
        Client(example).get(pattern.path, headers={"Accept": "text/html"}, status=200)
