"""The demonstration's directory: the same people in LDIF, and a server that is found or explained."""

from __future__ import annotations

import base64
import socket

import pytest

from saml_wsgi import ConfigurationError
from saml_wsgi.config.settings import read
from saml_wsgi.demo import openldap
from saml_wsgi.demo.folder import Folder
from saml_wsgi.demo.running import running
from saml_wsgi.demo.tree import ldif
from saml_wsgi.errors import Problems
from saml_wsgi.testing import PEOPLE, Person

URL = "ldap://127.0.0.1:3890"


def entries(text):
    """The entries of LDIF: for each DN its attributes and values, as they are meant."""
    found = {}
    for block in text.strip().split("\n\n"):
        values = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            plain = base64.b64decode(value[1:]).decode() if value.startswith(":") else value[1:]
            values.setdefault(name, []).append(plain)
        found[values.pop("dn")[0]] = values
    return found


def test_everybody_is_there_with_their_groups():
    """Each person of the identity provider is an entry, with names, address, number and groups as there."""
    tree = entries(ldif(PEOPLE, "secret"))
    people = {values["uid"][0]: (dn, values) for dn, values in tree.items() if "uid" in values}
    assert set(people) == {person.username for person in PEOPLE}
    for person in PEOPLE:
        dn, values = people[person.username]
        assert values["mail"] == [person.email]
        assert values["displayName"] == [person.displayname]
        assert values["employeeNumber"] == [person.custom["employee_identifier"]]
        assert ("shadowExpire" in values) == (person.state == "suspended")
        groups = [entry["cn"][0] for entry in tree.values() if dn in entry.get("member", ())]
        assert sorted(groups) == sorted(person.groups)


def test_awkward_names_stay_what_they_are():
    """What LDIF or a DN would read as something else is written so that it means itself."""
    name = ' : a,b\n+"<>;=#\\ '
    tree = entries(ldif([Person(username=name, displayname=name, groups=(name,))], "secret"))
    (person,) = [values for values in tree.values() if values.get("uid") == [name]]
    assert person["cn"] == [name]
    assert [values["cn"] for values in tree.values() if "member" in values] == [[name]]


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path / "demo")
    made.furnish("http://localhost:8080", URL)
    return made


def test_its_ini_asks_the_directory(folder):
    """A new folder's ini has the source and the resolver, and the password is for its owner alone."""
    options = folder.options()
    assert options["resolvers"] == "ldap"
    assert options["source.people.servers"] == URL
    assert folder.directory_password() == folder.directory_password()
    assert folder.password.stat().st_mode & 0o777 == 0o600
    folder.export("<EntityDescriptor/>")
    problems = Problems()
    assert read(options, here=str(folder.path), problems=problems)
    assert problems.warnings == ()


def test_without_slapd_it_says_how_to_get_it(folder, monkeypatch):
    """Where it isn't installed, each system's package is named."""
    monkeypatch.setattr(openldap, "_PROGRAMS", ())
    monkeypatch.setenv("PATH", str(folder.path))
    with (
        pytest.raises(ConfigurationError, match="apt-get install slapd") as error,
        openldap.serving(folder, ()),
    ):
        pass
    assert "isn't installed" in str(error.value)


def test_without_slapd_no_folder_is_made(tmp_path, monkeypatch):
    """It is looked for before anything else."""
    monkeypatch.setattr(openldap, "_PROGRAMS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError), running(tmp_path / "new", resolver="ldap"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("ldap", "resolver"), [(None, "ldap"), (URL, "jit")])
def test_a_folder_of_the_other_kind_is_refused(tmp_path, monkeypatch, ldap, resolver):
    """What the ini says and what --resolver says don't contradict each other silently."""
    monkeypatch.setattr(openldap, "required", lambda: None)
    made = Folder(tmp_path / "demo")
    made.furnish("http://localhost:8080", ldap)
    with pytest.raises(ConfigurationError, match="--folder"), running(made.path, resolver=resolver):
        pass


def test_a_directory_elsewhere_is_left_to_itself(folder, monkeypatch):
    """Whoever writes another server into the ini gets none started."""
    monkeypatch.setattr(openldap, "_PROGRAMS", ())
    monkeypatch.setenv("PATH", str(folder.path))
    folder.ini.write_text(folder.ini.read_text().replace(URL, "ldap://127.0.0.2:389"))
    with openldap.serving(folder, PEOPLE):
        assert not folder.directory.exists()


@pytest.mark.skipif(openldap.installed() is None, reason="apt-get install slapd")
def test_a_taken_port_names_the_ini_and_the_process(tmp_path):
    """Another program's port says which line to change, and where an earlier slapd's process id is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made = Folder(tmp_path / "demo")
        made.furnish("http://localhost:8080", f"ldap://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ConfigurationError) as error, openldap.serving(made, PEOPLE):
            pass
    assert "slapd.pid" in str(error.value)
    assert str(made.ini) in str(error.value)
