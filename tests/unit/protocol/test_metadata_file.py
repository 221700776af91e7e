"""A metadata file that changes while the server runs."""

from __future__ import annotations

import os
import threading

import pytest

from saml_wsgi.errors import ConfigurationError
from saml_wsgi.protocol.idp import MetadataFile


class Watched:
    """A metadata file, what was reported of it, and its clock."""

    def __init__(self, folder, idp, clock):
        self.path = folder / "idp.xml"
        self.idp, self.clock = idp, clock
        self.said = []
        self.stamp = 1_000_000_000
        self.says("one")
        self.source = MetadataFile(
            str(self.path), clock, report=lambda good, text: self.said.append((good, text))
        )

    def says(self, name):
        self.idp.change_app("wiki", idp_entity_id=name)
        self.write(self.idp.metadata("wiki"))

    def write(self, text):
        self.path.write_text(text)
        self.stamp += 1
        os.utime(self.path, ns=(self.stamp, self.stamp))

    @property
    def later(self):
        """What it says when it is due to be looked at again."""
        self.clock.advance(5)
        return self.source.current().entity_id


@pytest.fixture
def watched(tmp_path, saml_idp, saml_clock):
    return Watched(tmp_path, saml_idp, saml_clock)


def test_it_is_read_again_when_it_changed(watched):
    """A changed file is taken over after five seconds, without a restart, and that is reported once."""
    first = watched.source.current()
    watched.says("two")
    watched.clock.advance(4.9)
    assert watched.source.current() is first
    watched.clock.advance(0.1)
    assert watched.source.current().entity_id == "two"
    assert [good for good, _ in watched.said] == [True]
    assert watched.later == "two"
    assert len(watched.said) == 1


def test_the_same_file_gives_the_same_object(watched):
    """As long as nothing changed it is the very same object, so that nothing is built anew."""
    first = watched.source.current()
    for _ in range(3):
        watched.clock.advance(60)
        assert watched.source.current() is first


@pytest.mark.parametrize("text", ["", "<html>error</html>", "<a>"])
def test_a_bad_file_changes_nothing(watched, text):
    """What can't be used is reported once, and the last good state is kept until there is a good one."""
    watched.write(text)
    assert [watched.later for _ in range(3)] == ["one"] * 3
    assert [good for good, _ in watched.said] == [False]
    watched.says("two")
    assert watched.later == "two"
    assert [good for good, _ in watched.said] == [False, True]


def test_a_file_that_is_gone(watched):
    """A file that disappears is reported once and missed by nobody; when it comes back it is read."""
    watched.path.unlink()
    assert [watched.later for _ in range(3)] == ["one"] * 3
    assert [good for good, _ in watched.said] == [False]
    assert "is gone" in watched.said[0][1]
    watched.says("two")
    assert watched.later == "two"


def test_a_file_that_comes_back_bad(watched):
    """A file that was gone and comes back unusable is reported as well."""
    watched.path.unlink()
    assert watched.later == "one"
    watched.write("<html>error</html>")
    assert watched.later == "one"
    assert [good for good, _ in watched.said] == [False, False]


def test_nobody_waits_for_the_disk(watched, monkeypatch):
    """While one request reads the file the others go on with what there is."""
    reading, go_on = threading.Event(), threading.Event()
    read = MetadataFile._read

    def slow(self):
        reading.set()
        assert go_on.wait(10)
        return read(self)

    monkeypatch.setattr(MetadataFile, "_read", slow)
    watched.says("two")
    watched.clock.advance(5)
    found = []
    thread = threading.Thread(target=lambda: found.append(watched.source.current().entity_id))
    thread.start()
    assert reading.wait(10)
    watched.clock.advance(5)
    assert watched.source.current().entity_id == "one"
    go_on.set()
    thread.join()
    assert found == ["two"]


def test_it_must_be_there_at_the_start(tmp_path, saml_clock):
    """A file that can't be read or used doesn't start."""
    with pytest.raises(ConfigurationError, match="No such file"):
        MetadataFile(str(tmp_path / "none.xml"), saml_clock, report=lambda *_: None)
    (tmp_path / "bad.xml").write_text("<html/>")
    with pytest.raises(ConfigurationError, match="not SAML metadata"):
        MetadataFile(str(tmp_path / "bad.xml"), saml_clock, report=lambda *_: None)


def test_the_choice_of_one_of_many_holds(tmp_path, saml_idp, saml_clock):
    """`idp.entity_id` and the binding chosen hold at each reading."""
    path = tmp_path / "idp.xml"
    path.write_text(saml_idp.metadata("wiki"))
    source = MetadataFile(
        str(path), saml_clock, entity_id="JumpCloud", request_binding="redirect", report=lambda *_: None
    )
    assert source.current().request_binding == "redirect"
    saml_idp.change_app("wiki", idp_entity_id="Another", declare_redirect=True)
    path.write_text(saml_idp.metadata("wiki"))
    saml_clock.advance(5)
    assert source.current().entity_id == "JumpCloud"
