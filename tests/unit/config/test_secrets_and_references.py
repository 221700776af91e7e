"""Secrets come from elsewhere, are strong, and are never shown."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import random
import socket
import string

import pytest

from saml_wsgi.config.files import File
from saml_wsgi.config.secrets import Secret, literals
from saml_wsgi.config.settings import read
from saml_wsgi.errors import Problems

STRONG = "q8Jf2LkZ0vXc7RtYb4NmWs1DhGpA6eUi"


def test_a_secret_does_not_print_itself():
    """No way of turning a Secret into text shows it."""
    secret = Secret(STRONG)
    assert {repr(secret), str(secret), f"{secret}", f"{secret:>5}", "%s" % secret} == {"Secret(…)"}  # noqa: UP031
    assert secret.reveal() == STRONG


def test_a_secret_is_not_pickled_but_copied_as_itself():
    """A secret doesn't travel to another process by accident; a copy of settings holds the same one."""
    secret = Secret(STRONG)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert copy.deepcopy([secret])[0] is copy.copy(secret)


def test_secrets_compare_by_their_text():
    """Two of the same text are equal, and nothing else is."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_settings_do_not_print_their_secrets(reading, here):
    """The representation of the settings holds no secret, no password, no option of a resolver."""
    url = "postgresql+psycopg://wiki:hunter2@db/wiki"
    settings = reading(
        {"store.url": url, "resolver.jit.bind_password": "hunter2", "session.secret_fallbacks": STRONG}
    ).good
    assert settings.store.url == url
    assert settings.session.secret_fallbacks == (Secret(STRONG),)
    for secret in ("hunter2", STRONG, settings.session.secret.reveal()):
        assert secret not in repr(settings)


def test_a_secret_comes_from_the_environment(reading, monkeypatch):
    """env:NAME is the variable's value, without a newline at its end."""
    monkeypatch.setenv("WIKI_SECRET", STRONG + "\n")
    assert reading({"session.secret": "env:WIKI_SECRET"}).good.session.secret == Secret(STRONG)


def test_a_secret_comes_from_a_file(reading, here):
    """file:PATH is the file's text without a newline at its end; a relative path begins at the ini."""
    (here / "secret").write_text(STRONG + "\r\n")
    assert reading({"session.secret": "file:secret"}).good.session.secret == Secret(STRONG)


@pytest.mark.parametrize(
    "written", ["file:$CREDENTIALS_DIRECTORY/secret", "file:${CREDENTIALS_DIRECTORY}/secret"]
)
def test_a_path_may_name_a_variable(reading, here, monkeypatch, written):
    """The credentials folder of systemd is reached by its variable."""
    (here / "secret").write_text(STRONG)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(here))
    assert reading({"session.secret": written}).good.session.secret == Secret(STRONG)


def test_an_unset_variable_is_named(reading, monkeypatch):
    """A variable that isn't set, or is empty, is told by its name, in env: and in a path."""
    monkeypatch.delenv("WIKI_SECRET", raising=False)
    assert "WIKI_SECRET isn't set" in reading({"session.secret": "env:WIKI_SECRET"}).only.reason
    assert "WIKI_SECRET" in reading({"session.secret": "file:$WIKI_SECRET/x"}).only.reason
    monkeypatch.setenv("WIKI_SECRET", "  ")
    assert "is empty" in reading({"session.secret": "env:WIKI_SECRET"}).only.reason


def test_a_path_that_holds_a_secret_by_mistake_is_not_shown(reading, here, monkeypatch):
    """file:$TOKEN for env:TOKEN tells the variable, not what is in it."""
    monkeypatch.setenv("WIKI_SECRET", f"/{STRONG}")
    found = reading({"session.secret": "file:$WIKI_SECRET"}).only
    assert STRONG not in str(found)
    assert "$WIKI_SECRET" in found.reason
    monkeypatch.setenv("WIKI_SECRET", STRONG)
    assert STRONG not in str(reading({"session.secret": "file:$WIKI_SECRET"}).only)
    problems = Problems()
    read({"session.secret": "file:$WIKI_SECRET"}, here=None, problems=problems)
    assert STRONG not in "".join(map(str, problems.fatal))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("file:nowhere", "doesn't exist"),
        ("file:folder", "is a folder"),
        ("file:empty", "is empty"),
        ("file:pipe", "isn't a file"),
        ("file:socket", "isn't a file"),
        ("file:/dev/zero", "isn't a file"),
        ("ENV:WIKI_SECRET_WITH_A_LONG_NAME_INDEED", "begins with ENV:, and references are in lower case"),
        ("File:/run/secrets/wiki/session-secret.txt", "begins with File:"),
        ("file:binary", "isn't text in UTF-8"),
        ("file:huge", "is larger than"),
        ("file:" + "x" * 5000, "can't be read"),
        ("file:", "can't be a path"),
        ("file://host/path", "not a URL"),
        ("file:~/secret", "isn't expanded"),
        ("env:", "can't be the name"),
        ("env:A-B", "can't be the name"),
        ("env:$A", "can't be the name"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reading, here, monkeypatch, written, said):
    """Missing, empty, unreadable and misspelt references each have words of their own."""
    (here / "folder").mkdir()
    (here / "empty").write_text("\n")
    (here / "binary").write_bytes(b"\xff\xfe\x00")
    (here / "huge").write_bytes(b"x" * 300_000)
    os.mkfifo(here / "pipe")
    monkeypatch.chdir(here)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("socket")
    problem = reading({"session.secret": written}).only
    assert problem.key == "session.secret"
    assert said in problem.reason


def test_a_file_that_may_not_be_read_says_why():
    """Missing rights are told apart from a missing file."""
    unfit = File("/run/secret", "/run/secret").unreadable(PermissionError(13, "Permission denied"))
    assert "may not be read" in unfit.reason
    assert "/run/secret" in unfit.reason


def test_a_unit_without_credentials_is_told_what_sets_them(reading, monkeypatch):
    """The variable is set by systemd, and only where the unit asks for it."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential" in reading({"session.secret": "file:$CREDENTIALS_DIRECTORY/x"}).only.cure


def test_a_relative_path_needs_a_folder_to_begin_at():
    """In code, without here=, a relative path is refused, not looked for wherever the process was started."""
    problems = Problems()
    options = {
        "base_url": "https://a.example",
        "session.secret": "file:secret",
        "store.url": "sqlite:///a.db",
    }
    assert read({**options, "idp.metadata": "<x/>"}, here=None, problems=problems) is None
    assert [problem.key for problem in problems.fatal] == ["store.url", "session.secret"]
    assert all("here=" in problem.cure for problem in problems.fatal)


def test_what_was_read_is_not_taken_for_a_reference_again(reading, monkeypatch):
    """The content of a variable is the secret, even if it looks like a reference."""
    monkeypatch.setenv("OUTER", "env:INNER" + STRONG)
    assert reading({"session.secret": "env:OUTER"}).good.session.secret.reveal() == "env:INNER" + STRONG


@pytest.mark.parametrize(
    "weak",
    [
        "hunter2",
        STRONG[:31],
        "a" * 64,
        "ab" * 32,
        "akzaazkkzakzzkaakzkakzzaakzkzakkaz",
        "abcdefgh12345" * 4,
        STRONG[:12] * 3,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "0123456789" * 4,
        "change-me-change-me-change-me-9xq2",
        "CHANGEME_kd82hf9qlk3n5b7v1z0xw6rt",
        "this is an example secret, 32 characters",
        "<put a long random text of your own here>",
        "your-secret-goes-in-this-place-9x8y7z",
        "correct horse battery staple correct h",
        "x" * 2000,
        "monkey-wrench 1 monkey-wrench 2 monkey-wrench 3",
        "ourwiki2024!ourwiki2025!ourwiki2026!",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,",
        "asdfghjklzxcvbnmASDFGHJKLZXCVBNM!",
        "poiuytrewqlkjhgfdsamnbvcxz098765",
        "azertyuiopqsdfghjklmwxcvbn1234567",
        hashlib.md5(b"123456").hexdigest(),
        hashlib.sha1(b"admin").hexdigest(),
        hashlib.sha256(b"changeme").hexdigest().upper(),
        hashlib.sha512(b"").hexdigest(),
    ],
)
def test_a_weak_secret_does_not_start(reading, weak):
    """Short, sample, repeated and sequential secrets are refused, and not shown."""
    problem = reading({"session.secret": weak}).only
    assert problem.key == "session.secret"
    assert weak not in str(problem)
    assert "token_urlsafe" in problem.cure


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [
        (string.ascii_letters + string.digits + "-_", 32),
        (string.ascii_letters + string.digits + "-_", 64),
        ("0123456789abcdef", 32),
        ("0123456789abcdef", 64),
        (string.ascii_lowercase, 40),
        (string.digits, 78),
    ],
)
def test_what_was_drawn_at_random_starts(reading, alphabet, length):
    """Whatever the alphabet, drawn secrets aren't taken for weak ones."""
    draw = random.Random(length)
    for _ in range(100):
        secret = "".join(draw.choices(alphabet, k=length))
        assert reading({"session.secret": secret}).fatal == (), secret


def test_a_weak_fallback_does_not_start_either(reading):
    """A fallback is accepted from cookies, so a weak one is as bad."""
    assert reading({"session.secret_fallbacks": f"{STRONG}\nweak"}).only.key == "session.secret_fallbacks"


def test_fallbacks_keep_their_order(reading, monkeypatch):
    """Fallbacks are newest first, each by reference or as it is, in code as a list."""
    monkeypatch.setenv("OLD_SECRET", STRONG[::-1])
    expected = (Secret(STRONG), Secret(STRONG[::-1]))
    assert reading({"session.secret_fallbacks": Secret(STRONG)}).good.session.secret_fallbacks == expected[:1]
    for written in (
        f"\n{STRONG}\nenv:OLD_SECRET\n",
        f"{STRONG} env:OLD_SECRET",
        [Secret(STRONG), "env:OLD_SECRET"],
    ):
        assert reading({"session.secret_fallbacks": written}).good.session.secret_fallbacks == expected


def test_too_many_fallbacks_are_refused(reading):
    """Every fallback costs at each forged cookie."""
    assert reading({"session.secret_fallbacks": [STRONG] * 17}).only.key == "session.secret_fallbacks"


def test_the_secret_among_its_fallbacks_is_a_warning(reading):
    """A rotation that changed nothing is noticed."""
    found = reading({"session.secret": STRONG, "session.secret_fallbacks": STRONG})
    assert found.good
    assert [problem.key for problem in found.warnings] == ["session.secret_fallbacks"]


@pytest.mark.parametrize(
    ("key", "value", "literal"),
    [
        ("session.secret", STRONG, True),
        ("session.secret", "env:X", False),
        ("session.secret", "ENV:X", False),
        ("session.secret", "", False),
        ("session.secret_fallbacks", "\nenv:X\nfile:y\n", False),
        ("session.secret_fallbacks", f"\nenv:X\n{STRONG}", True),
        ("store.url", "postgresql+psycopg://u:p@h/db", True),
        ("store.url", "postgresql+psycopg://u@h/db", False),
        ("store.url", "sqlite:///x.db", False),
        ("resolver.ldap.bind_password", "hunter2", True),
        ("resolver.ldap.bind_password", "file:/run/x", False),
        ("base_url", "https://a.example", False),
    ],
)
def test_literal_secrets_are_found(key, value, literal):
    """Keys whose value is a secret as such are known, so that a readable ini can be warned of."""
    assert literals({key: value}) == ((key,) if literal else ())
