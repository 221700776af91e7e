"""The demonstration's folder: made once, then the user's."""

from __future__ import annotations

import re

import pytest

from saml_wsgi import ConfigurationError, examination
from saml_wsgi.demo.folder import Folder
from saml_wsgi.testing import App, JumpCloudIdP

BASE = "http://localhost:8080"


@pytest.fixture
def folder(tmp_path) -> Folder:
    """A furnished one, with an identity provider's metadata in it."""
    made = Folder(tmp_path / "deep" / "demo")
    made.furnish(BASE)
    made.export(JumpCloudIdP("http://localhost:8081", apps=[App.for_service("demo", BASE)]).metadata("demo"))
    return made


def problem(error) -> str:
    return " ".join(str(error.value).split())


def test_what_is_secret_is_for_its_owner_alone(folder):
    """The secret and the key are 0600, the folder 0700 and out of version control."""
    folder.signing_key()
    assert folder.secret.stat().st_mode & 0o777 == 0o600
    assert folder.key.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / ".gitignore").read_text() == "*\n"


def test_a_new_ini_starts_without_a_warning(folder):
    """The template is what saml-wsgi check calls good."""
    report = examination.check(folder.options(), here=str(folder.path))
    assert report.problems == ()
    assert folder.options()["base_url"] == BASE


def suggestions() -> list[str]:
    """Every option that stands in the template behind a #, where users are made as they sign in."""
    from importlib import resources

    templates = resources.files("saml_wsgi.demo") / "templates"
    text = "".join((templates / name).read_text() for name in ("demo.ini", "who_jit.ini"))
    return re.findall(r"^#([a-z_.]+ = .*)$", text, re.MULTILINE)


def test_the_template_suggests_options():
    """There is something to try in it."""
    assert len(suggestions()) >= 7


@pytest.mark.parametrize("line", suggestions())
def test_every_suggestion_of_the_ini_works(folder, line):
    """Whoever takes a # away has a configuration that starts."""
    ini = folder.ini.read_text()
    folder.ini.write_text(ini.replace(f"#{line}\n", f"{line}\n"))
    key = line.partition(" = ")[0]
    assert key in folder.options()
    # Short sessions are suggested as two lines, since one can't be longer than the other.
    allowed = {"session.idle"} if key == "session.lifetime" else set()
    report = examination.check(folder.options(), here=str(folder.path))
    assert {found.key for found in report.problems if found.fatal} <= allowed


def test_what_is_there_stays(folder):
    """Edits, the secret and the key survive another start."""
    folder.ini.write_text(folder.ini.read_text() + "\n# mine\n")
    secret, key = folder.secret.read_text(), folder.signing_key().certificate_base64
    folder.furnish("http://localhost:9999")
    assert folder.ini.read_text().endswith("# mine\n")
    assert folder.options()["base_url"] == BASE
    assert folder.secret.read_text() == secret
    assert folder.signing_key().certificate_base64 == key


def test_what_is_missing_comes_back(folder):
    """A deleted ini or secret is made anew in the same folder."""
    secret = folder.secret.read_text()
    folder.ini.unlink()
    folder.secret.unlink()
    folder.refuse_unsuitable()
    folder.furnish("http://localhost:9999")
    assert folder.options()["base_url"] == "http://localhost:9999"
    assert folder.secret.read_text() != secret


def test_metadata_is_written_only_when_it_changed(folder):
    """The application reads the file again when it changes, so it doesn't change for nothing."""
    before = folder.metadata.stat()
    folder.export(folder.exported())
    assert folder.metadata.stat() == before
    folder.export(folder.exported().replace("8081", "8082"))
    assert ":8082/" in folder.exported()
    assert sorted(path.name for path in folder.path.iterdir() if path.suffix == ".new") == []


def test_somebody_elses_folder_is_left_alone(tmp_path):
    """Nothing is written among files that aren't the demonstration's."""
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(ConfigurationError) as error:
        Folder(tmp_path).refuse_unsuitable()
    assert "none of them is the demonstration's" in problem(error)
    assert "--folder" in problem(error)


@pytest.mark.parametrize("name", ["100%", "what?", "a\\b"])
def test_a_folder_that_an_ini_cannot_be_in_is_refused_before_it_is_made(tmp_path, name):
    """PasteDeploy and SQLite read some characters in another way; the reason is said."""
    with pytest.raises(ConfigurationError) as error:
        Folder(tmp_path / name).refuse_unsuitable()
    assert "would read the" in problem(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["two words", "number#1", "Büro 由紀"])
def test_odd_names_of_folders_work(tmp_path, name):
    """Spaces, number signs and any letters are possible in the folder's name."""
    folder = Folder(tmp_path / name)
    folder.refuse_unsuitable()
    folder.furnish(BASE)
    assert folder.options()["base_url"] == BASE


def test_a_damaged_key_says_what_to_do(folder):
    """A key that can't be read names its file and the cure."""
    folder.key.write_text("no key at all")
    with pytest.raises(ConfigurationError) as error:
        folder.signing_key()
    assert str(folder.key) in problem(error)
    assert "Delete it" in problem(error)


@pytest.mark.parametrize(
    "change",
    [
        ("[filter:saml]", "[filter:other]"),
        ("egg:saml_wsgi", "egg:no_such_package_anywhere"),
        ("[pipeline:main]", "not an ini\n[pipeline:main]"),
        ("pipeline = saml", "pipeline = nothing"),
        ("saml_wsgi.demo.application:app_factory", "saml_wsgi.demo.application:nothing"),
    ],
)
def test_an_ini_that_cannot_be_loaded_names_itself(folder, change):
    """Whatever PasteDeploy raises becomes one problem with the file's name."""
    folder.ini.write_text(folder.ini.read_text().replace(*change))

    def load() -> None:
        folder.options()
        folder.application()

    with pytest.raises(ConfigurationError) as error:
        load()
    assert str(folder.ini) in problem(error)


def test_problems_of_the_options_stay_what_they_are(folder):
    """A wrong option is told as saml-wsgi check tells it, not as a file that can't be loaded."""
    folder.ini.write_text(folder.ini.read_text().replace("store.url", "store.uri"))
    with pytest.raises(ConfigurationError) as error:
        folder.application()
    assert error.value.problems[0].key == "store.uri"


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path):
    """A file in the way is told with its name, not as a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as error:
        Folder(tmp_path / "file" / "demo").furnish(BASE)
    assert "file" in problem(error)
