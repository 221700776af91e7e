"""Somebody who reads the documentation and does what it shows: types the snippets, runs the commands."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from click.testing import CliRunner, Result
from paste.deploy import loadapp

from saml_wsgi import SAMLMiddleware
from saml_wsgi.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
    if "_build" not in page.parts
)

#: Languages of blocks, and whether they are run. The shell's have tests of their own.
RUN = {"python": True, "ini": True, "sh": False, "text": False, "json": False, "": False}
#: A function with these parameters is an application (PEP 3333).
APPLICATION = ("environ", "start_response")
#: Where the application of an ini is that doesn't say so itself.
WIKI = "https://wiki.example.com"

_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>.*)\n(?P<text>(?:.*\n)*?)(?P=fence)$", re.MULTILINE)
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


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page, in order; those of the languages, if some are named."""
    content = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(content):
        language, _, name = match["info"].strip().partition(" ")
        line = content.count("\n", 0, match.start()) + 2
        if not languages or language in languages:
            found.append(Block(page, line, language, name, match["text"]))
    return found


def commands(page: Path) -> list[list[str]]:
    """The arguments of every ``saml-wsgi`` that a page's shell blocks run, in order."""
    found = []
    for block in blocks(page, "sh"):
        for line in block.text.splitlines():
            for part in line.split("&&"):
                program = part.partition(">")[0]
                if re.match(r"\s*([A-Z_]+=\S* )*(\S*/)?saml-wsgi ", program):
                    words = shlex.split(program)
                    found.append(words[next(i for i, word in enumerate(words) if "saml-wsgi" in word) + 1 :])
    return found


def run(*arguments: str) -> Result:
    """What ``saml-wsgi`` says, in the folder at hand."""
    return CliRunner().invoke(main, list(arguments), prog_name="saml-wsgi", catch_exceptions=False)


def the_ini(page: str, *having: str) -> Block:
    """The page's ini that has all of these texts in it."""
    (found,) = [block for block in blocks(DOCS / page, "ini") if all(text in block.text for text in having)]
    return found


def command(page: str, *words: str) -> list[str]:
    """The command that a page shows with these words in it."""
    (found,) = [each for each in commands(DOCS / page) if set(words) <= set(each)]
    return found


def does(page: str, *words: str) -> str:
    """What the page's command prints; it succeeds."""
    result = run(*command(page, *words))
    assert result.exit_code == 0, result.output
    return result.output


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
        """Do what the block shows. A file that a page shows is written, whatever is in it."""
        if block.name:
            (self.folder / block.name).write_text(block.text, encoding="utf-8")
        if not RUN.get(block.language):
            return
        if block.language == "ini":
            serve(self.load(block), block)
        elif block.name.startswith("test_"):
            self.test(block)
        elif block.name:
            self.notice(vars(importlib.import_module(Path(block.name).stem)), block)
        else:
            # The line numbers of a traceback are then those of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
            exec(code, self.namespace)
            self.notice(self.namespace, block)

    def load(self, block: Block, name: str = "", more: Mapping[str, str] | None = None) -> SAMLMiddleware:
        """The application of the ini, which may be only a few lines of the filter's section.

        Args:
            block: The ini.
            name: The file's name.
            more: Further options.
        """
        text = block.text
        if not text.startswith("["):
            options = configparser.ConfigParser(delimiters="=", interpolation=None)
            options.optionxform = str  # type: ignore[assignment,method-assign]
            usual = {
                "base_url": WIKI,
                "idp.metadata": "file:%(here)s/jumpcloud.xml",
                "session.secret": "env:SAML_WSGI_SECRET",
            }
            options.read_string("[usual]\n" + text)
            shown = {key: value.replace("\n", "\n  ") for key, value in options["usual"].items()}
            if shown.get("store.url", "").startswith("sqlite:////var"):
                shown["store.url"] = "sqlite:///%(here)s/other.db"  # nobody may write there
            every = {**usual, **shown, **(more or {})}
            text = _FILTER + "".join(f"{key} = {value}\n" for key, value in every.items())
        path = self.folder / (name or block.name or f"line{block.line}.ini")
        path.write_text(text, encoding="utf-8")
        if "directory.table" in text:  # nobody makes tables in a database of the application's unasked
            made = run("database", "create", str(path))
            assert made.exit_code == 0, made.output
        application: SAMLMiddleware = loadapp(f"config:{path}")
        return application

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
