"""Whatever the documentation shows as Python or as ini is run, page by page, as a reader would."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from paste.deploy import loadapp

from saml_wsgi import SAMLMiddleware
from saml_wsgi.testing import App, SignInFailed

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
    if "_build" not in page.parts
)

#: Languages of blocks, and whether they are run here. The shell's are compared in test_readme.py.
RUN = {"python": True, "ini": True, "sh": False, "text": False, "json": False, "": False}
DIRECTIVES = ("{toctree}", "{note}")
#: A function with these parameters is an application (PEP 3333).
APPLICATION = ("environ", "start_response")
WIKI, SSO = "https://wiki.example.test", "https://sso.example.test"

_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>.*)\n(?P<text>(?:.*\n)*?)(?P=fence)$", re.MULTILINE)
_SECRET = "kP3vXw8sQn2LzRt6YbHd9GmCjFa5UeT1"
_FILTER = """
[pipeline:main]
pipeline = saml app

[app:app]
use = egg:saml_wsgi#whoami

[filter:saml]
use = egg:saml_wsgi
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: the language, and the name of the file that it is, if it has one."""

    page: Path
    line: int
    language: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(content):
        language, _, name = match["info"].strip().partition(" ")
        line = content.count("\n", 0, match.start()) + 2
        found.append(Block(page, line, language, name, match["text"]))
    return found


@dataclass
class Reader:
    """Somebody who types a page's blocks, one after the other, into one folder.

    Attributes:
        try_out: Calls an application, as the middleware does.
        tried: The names of the applications that were called.
    """

    folder: Path
    namespace: dict[str, Any]
    try_out: Callable[[Any], None]
    tried: list[str] = field(default_factory=list)

    def read(self, block: Block) -> None:
        if block.name:
            (self.folder / block.name).write_text(block.text, encoding="utf-8")
        if block.language == "ini":
            self.load(block)
        elif block.name.startswith("test_"):
            self.test(block)
        elif block.name:
            self.notice(vars(importlib.import_module(Path(block.name).stem)), block)
        else:
            # The line numbers of a traceback are then those of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
            exec(code, self.namespace)
            self.notice(self.namespace, block)

    def load(self, block: Block) -> None:
        """Serve one request by the ini, which may be only a few lines of the filter's section."""
        text = block.text
        if not text.startswith("["):
            options = configparser.ConfigParser(delimiters="=", interpolation=None)
            options.optionxform = str  # type: ignore[assignment,method-assign]
            usual = {
                "base_url": "https://wiki.example.com",
                "idp.metadata": "file:%(here)s/jumpcloud.xml",
                "session.secret": "env:SAML_WSGI_SECRET",
            }
            options.read_string("[usual]\n" + text)
            shown = {key: value.replace("\n", "\n  ") for key, value in options["usual"].items()}
            if shown.get("store.url", "").startswith("sqlite:////var"):
                shown["store.url"] = "sqlite:///%(here)s/other.db"  # nobody may write there
            text = _FILTER + "".join(f"{key} = {value}\n" for key, value in {**usual, **shown}.items())
        path = self.folder / (block.name or f"line{block.line}.ini")
        path.write_text(text, encoding="utf-8")
        serve(loadapp(f"config:{path}"), block)

    def test(self, block: Block) -> None:
        """Run a test module of the reader's."""
        # WebOb imports the standard library's deprecated cgi module.
        strict = ["-W", "error", "-W", "ignore:'cgi' is deprecated:DeprecationWarning"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *strict, block.name]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"

    def notice(self, namespace: dict[str, Any], block: Block) -> None:
        """Serve a request if the block wrapped an application, and call every application it defines."""
        if isinstance(namespace.get("application"), SAMLMiddleware):
            serve(namespace["application"], block)
        source = str(self.folder / block.name) if block.name else str(block.page)
        first = 1 if block.name else block.line
        for name, found in list(namespace.items()):
            code = getattr(found, "__code__", None)
            if (
                isinstance(found, FunctionType)
                and (code.co_filename, code.co_varnames[: code.co_argcount]) == (source, APPLICATION)
                and first <= code.co_firstlineno < first + block.text.count("\n")
            ):
                self.try_out(found)
                self.tried.append(name)


def serve(app: SAMLMiddleware, block: Block) -> None:
    """An anonymous person's request goes to the identity provider; or to the application, if that decides."""
    environ: dict[str, Any] = {"HTTP_ACCEPT": "text/html", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    answers: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        answers.append((status, dict(headers)))
        return lambda _data: None

    body = validator(app)(environ, start_response)
    text = b"".join(body).decode()
    body.close()
    status, headers = answers[-1]
    sent_away = app.provider.identity_provider.sso_url in headers.get("Location", text)
    assert (status[:3], sent_away) in {("200", app._policy.on_401 is False), ("302", True)}, block


@pytest.fixture
def reader(tmp_path, monkeypatch, saml_idp, saml_protect, saml_browser):
    """A folder with what the pages take for granted: the metadata, the secret, an application."""
    saml_idp.change_app("wiki", declare_redirect=True)
    (tmp_path / "jumpcloud.xml").write_text(saml_idp.metadata("wiki"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SAML_WSGI_SECRET", _SECRET)
    monkeypatch.setenv("SAML_WSGI_OLD_SECRET", _SECRET[::-1])
    modules = set(sys.modules)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    def try_out(app: Any) -> None:
        """For somebody who is signed in, and for a stranger if it says where to sign in; both as WSGI."""
        public = "saml_wsgi.login_url" in app.__code__.co_consts
        browser = saml_browser(
            {WIKI: saml_protect(validator(app), {"public": "/free"} if public else {}), SSO: saml_idp}
        )
        assert browser.sign_in(f"{WIKI}/", "mara").status < 400, app
        if public:
            assert (
                saml_browser({WIKI: saml_protect(validator(app), {"public": "/free"})})
                .get(f"{WIKI}/free")
                .status
                == 200
            ), app

    namespace = {"__name__": "page", "__file__": str(tmp_path / "page.py"), "application": application}
    yield Reader(tmp_path, namespace, try_out)
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_snippets_of_a_page_work(page, reader):
    """Every Python snippet of a page runs, and every ini serves a request, in the page's order."""
    for block in blocks(page):
        if RUN.get(block.language):
            reader.read(block)


def test_the_quickstart_greets_mara(reader, saml_browser):
    """Whoever follows the quickstart signs in as Mara, and reads her name in code and by ini."""
    for block in blocks(ROOT / "docs/quickstart.md"):
        if RUN.get(block.language):
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
        if RUN.get(block.language):
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
        if RUN.get(block.language):
            reader.read(block)
    browser = saml_browser({base: reader.namespace["application"], SSO: saml_idp})
    assert browser.sign_in(f"{base}/page", "mara").url == f"{base}/page"
    saml_idp.change_person("jose", groups=("Finance",))
    with pytest.raises(SignInFailed, match="not_found"):
        saml_browser({base: reader.namespace["application"], SSO: saml_idp}).sign_in(base + "/", "jose")


def test_jumpclouds_first_step_works_as_it_stands(tmp_path):
    """`saml-wsgi metadata` prints ours from the first step's ini: no half of JumpCloud's, no secret yet."""
    page = blocks(ROOT / "docs/jumpcloud.md")
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
