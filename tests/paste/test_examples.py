"""Every ini of the examples is loaded by PasteDeploy itself, and people sign in to what it makes."""

from __future__ import annotations

import configparser
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.validate import validator

import pytest
from click.testing import CliRunner
from paste.deploy import loadapp
from webtest import TestApp as Client  # pytest would take it for tests by its own name

from saml_wsgi.cli import main
from saml_wsgi.testing import App, SignInFailed

EXAMPLES = Path(__file__).parents[2] / "examples"
INIS = sorted(EXAMPLES.glob("**/*.ini"))


#: What README files run that serves until somebody stops it.
SERVES = ("wiki.py",)


def follow(readme: Path) -> None:
    """Do what the README says before the application is served; every command succeeds."""
    for block in re.findall(r"^```sh\n((?:.*\n)*?)```$", readme.read_text(encoding="utf-8"), re.MULTILINE):
        for command in re.split(r"\n|&&", block):
            words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
            if words[:1] == ["saml-wsgi"]:
                done = CliRunner().invoke(main, words[1:], catch_exceptions=False)
                assert done.exit_code == 0, f"{command}\n{done.output}"
            elif words[:1] == ["python"] and words[1] not in SERVES:
                runpy.run_path(words[1], run_name="__main__")


@pytest.fixture(params=INIS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def ini(request):
    """The ini of an example, where it belongs."""
    return request.param


@pytest.fixture
def example(ini, tmp_path, monkeypatch, saml_idp):
    """The application of an ini, in a copy of its folder, with the metadata that it wants."""
    folder = tmp_path / "example"
    shutil.copytree(ini.parent, folder, ignore=shutil.ignore_patterns("*.db*", "jumpcloud.xml"))
    options = configparser.ConfigParser(delimiters="=", interpolation=None)
    options.read(folder / ini.name)
    saml_idp.add_app(App.for_service("wiki", options["filter:saml"]["base_url"]))
    (folder / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    monkeypatch.setenv("SAML_WSGI_SECRET", "Zr7hQxPn3WmV9kTfLd2sYc8GbJa4Ue6R")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    modules = set(sys.modules)
    follow(folder / "README.md")
    app = loadapp(f"config:{folder / ini.name}")
    app.app = validator(app.app)
    yield app
    for name in set(sys.modules) - modules:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("model", ["plain", "just_in_time", "manual", "own_table", "own_resolver"])
def test_there_are_examples(model):
    """There is an ini for each provisioning model, and a README beside it."""
    assert model in {ini.parent.name for ini in INIS}
    assert (EXAMPLES / model / "README.md").is_file()


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


def test_who_is_refused(example, ini, saml_browser, saml_idp):
    """Where the model has a limit, whoever is beyond it isn't signed in: no user, or none of the groups."""
    refusals = {"manual": "not_found", "own_table": "not_found", "own_resolver": "not_allowed"}
    expected = refusals.get(ini.parent.name)
    base_url = example.site.base_url
    browser = saml_browser({base_url: validator(example), saml_idp.base_url: saml_idp})
    if expected is None:
        browser.sign_in(f"{base_url}/", "soren")
        return
    with pytest.raises(SignInFailed, match=expected):
        browser.sign_in(f"{base_url}/", "soren")
