"""Whatever the documentation shows as Python or as ini is run, page by page, as a reader would."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys

import pytest
from paste.deploy import loadapp

from saml_wsgi.testing import App, SignInFailed
from tests.docs.reading import PAGES, ROOT, RUN, Block, blocks

DIRECTIVES = ("{toctree}", "{note}")
SSO = "https://sso.example.test"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_of_a_page_work(page, reader):
    """Every Python snippet of a page runs, and every ini serves a request, in the page's order."""
    for block in blocks(page):
        reader.read(block)


def test_the_quickstart_greets_mara(reader, saml_browser):
    """Whoever follows the quickstart signs in as Mara, and reads her name in code and by ini."""
    for block in blocks(ROOT / "docs/quickstart.md"):
        reader.read(block)
    idp = importlib.import_module("idp").idp
    for application in (
        importlib.import_module("serve").application,
        loadapp(f"config:{reader.folder}/wiki.ini"),
    ):
        browser = saml_browser({"http://localhost:8080": application, "http://localhost:8081": idp})
        page = browser.sign_in("http://localhost:8080/", "mara")
        assert "Hello Mara Lindqvist" in page.text
        assert browser.click(page, "Sign out", follow=True).url == "http://localhost:8080/saml/logout"


def test_applications_of_a_page_are_called(reader):
    """What a page shows as an application is called, and has to be one: WSGI in every detail."""
    for block in blocks(ROOT / "docs/application.md"):
        reader.read(block)
    assert reader.tried == ["application", "sign_out"]
    wrong = "def wrong(environ, start_response):\n    start_response('303 See Other', [])\n    return [b'']\n"
    with pytest.raises(AssertionError, match="Content-Type"):
        reader.read(Block(ROOT / "docs/application.md", 1000, "python", "", wrong))


def test_what_is_composed_signs_people_in(reader, saml_browser, saml_idp):
    """The objects on the page about composing make a middleware: its resolver decides, its options count."""
    base = "https://wiki.example.com"
    saml_idp.add_app(App.for_service("wiki", base, declare_redirect=True))
    (reader.folder / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    for block in blocks(ROOT / "docs/composing.md"):
        reader.read(block)
    browser = saml_browser({base: reader.namespace["application"], SSO: saml_idp})
    assert browser.sign_in(f"{base}/page", "mara").url == f"{base}/page"
    saml_idp.change_person("jose", groups=("Finance",))
    with pytest.raises(SignInFailed, match="not_found"):
        saml_browser({base: reader.namespace["application"], SSO: saml_idp}).sign_in(base + "/", "jose")


@pytest.mark.parametrize("guide", ["jumpcloud.md", "jumpcloud_manual.md"])
def test_jumpclouds_first_step_works_as_it_stands(tmp_path, guide):
    """`saml-wsgi metadata` prints ours from the first step's ini: no half of JumpCloud's, no secret yet."""
    page = blocks(ROOT / "docs" / guide)
    ini = next(block for block in page if block.language == "ini")
    command = next(block for block in page if block.language == "sh")
    assert "idp." not in ini.text
    (tmp_path / "wiki.ini").write_text(f"[filter:saml]\nuse = egg:saml_wsgi\n{ini.text}", encoding="utf-8")
    program = command.text.partition(">")[0]
    assert program.split() == ["saml-wsgi", "metadata", "wiki.ini"]
    env = {key: value for key, value in os.environ.items() if key != "SAML_WSGI_SECRET"}
    script = "from saml_wsgi.cli import main; main(prog_name='saml-wsgi')"
    done = subprocess.run(
        [sys.executable, "-c", script, *program.split()[1:]],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert 'entityID="https://wiki.example.com/saml/metadata"' in done.stdout
    assert 'Location="https://wiki.example.com/saml/acs"' in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page):
    """No snippet escapes by an unknown name of its language, or by a fence that isn't at the line's start."""
    content = page.read_text(encoding="utf-8")
    found = blocks(page)
    for block in found:
        assert block.language in RUN or block.language in DIRECTIVES, block
    assert len(re.findall(r"^\s*(?:```|~~~)", content, re.MULTILINE)) == 2 * len(found)


def test_the_snippets_are_found():
    """The collector sees the README's snippet, its ini, and the quickstart's files."""
    assert [block.language for block in blocks(ROOT / "README.md")].count("python") == 1
    names = {block.name for block in blocks(ROOT / "docs/quickstart.md")}
    assert {"wiki.py", "idp.py", "serve.py", "wiki.ini"} <= names
