"""The package's names are there, and what needs SAML or a database is loaded when its name is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import saml_wsgi

HEAVY = {"xmlsec", "lxml", "onelogin", "sqlalchemy", "jinja2", "click", "cryptography", "webob"}


def loaded_by(program: str) -> set[str]:
    """The packages that a program of its own has loaded at its end."""
    script = f"{program}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import saml_wsgi",
        "import saml_wsgi.testing.plugin",
        "import saml_wsgi; dir(saml_wsgi); saml_wsgi.User, saml_wsgi.ConfigurationError, saml_wsgi.Resolver",
    ],
)
def test_importing_loads_nothing_heavy(program):
    """Neither the package nor the pytest plug-in loads XML, databases, templates or the command line."""
    assert not loaded_by(program) & HEAVY


def test_using_a_name_loads_what_it_needs():
    """The way in is there when it is asked for, and then with the engine."""
    assert {"xmlsec", "lxml"} <= loaded_by("from saml_wsgi import from_options")


def test_every_name_is_what_it_says():
    """Each public name is in dir(), and is the object of that name; it is the same one each time."""
    assert set(saml_wsgi.__all__) <= set(dir(saml_wsgi))
    for name in saml_wsgi.__all__:
        found = getattr(saml_wsgi, name)
        assert found.__name__ == name
        assert getattr(saml_wsgi, name) is found


def test_every_late_name_is_public():
    """What is loaded late is listed, so that star imports and type checkers know it."""
    assert set(saml_wsgi._ROOMS) <= set(saml_wsgi.__all__)


def test_other_names_are_not_there():
    """A misspelt name is an AttributeError that says so."""
    with pytest.raises(AttributeError, match=r"module 'saml_wsgi' has no attribute 'SAMLMiddelware'"):
        saml_wsgi.SAMLMiddelware  # noqa: B018 - the access is the test
