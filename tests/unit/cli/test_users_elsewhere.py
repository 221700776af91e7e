"""The commands with a directory that isn't ours: what it can't do is told, what it can is done."""

from __future__ import annotations

import pytest

from saml_wsgi import wiring


class ReadOnly:
    """Only finds people."""

    def __init__(self, directory):
        self.find, self.get = directory.find, directory.get


class Forgetful(ReadOnly):
    """Lists and changes people, but doesn't keep when they sign in; knows nothing of links."""

    def __init__(self, directory):
        super().__init__(directory)
        self.everybody, self.update, self.create = directory.everybody, directory.update, directory.create
        self._directory, self._links = directory, None

    def remove(self, user_id):
        from dataclasses import replace

        from saml_wsgi.model import Changes

        user = self.get(user_id)
        self.update(replace(user), Changes({"username": f"{user.username}-removed", "active": False}))
        return True


@pytest.fixture
def over(wiki, monkeypatch):
    """Puts a directory in place of ours."""
    plain = wiring.start

    def wrap(kind):
        def started(*arguments, **options):
            import dataclasses

            parts = plain(*arguments, **options)
            return dataclasses.replace(parts, directory=kind(parts.directory))

        monkeypatch.setattr(wiring, "start", started)

    return wrap


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (["list"], "everybody"),
        (["add", "jose"], "create"),
        (["set", "mara", "--no-group"], "update"),
        (["delete", "mara", "--yes"], "remove"),
        (["disable", "mara"], "update"),
        (["enable", "mara"], "update"),
        (["import", "-"], "create and no update"),
    ],
)
def test_what_a_directory_cannot_do_is_told(wiki, over, command, missing):
    """The missing method is named in one sentence, and the command ends with 1."""
    wiki.make("mara")
    over(ReadOnly)
    result = wiki.users(*command, stdin="username\nx\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"(ReadOnly) can't do this: it has no method {missing} " in result.stderr


def test_a_directory_that_only_finds_can_be_looked_at(wiki, over):
    """`show` needs nothing but what a sign-in needs."""
    wiki.make("mara")
    over(ReadOnly)
    assert "mara" in wiki.users("show", "mara").output


def test_nobody_is_unseen_where_nobody_looks(wiki, over):
    """A directory without Attendance would have everybody disabled: it is refused."""
    wiki.make("mara")
    over(Forgetful)
    result = wiki.users("disable", "--unseen", "1d", "--yes")
    assert result.exit_code == 1
    assert "doesn't keep when people sign in" in result.stderr


def test_links_of_a_user_of_another_directory_go_too(wiki, over):
    """A directory that knows nothing of our links leaves none behind when a user is deleted."""
    wiki.parts().links.pin("sso", "a:1", wiki.make("mara").id)
    over(Forgetful)
    assert wiki.users("delete", "mara", "--yes").exit_code == 0
    assert wiki.listed(group="links") == []


def test_a_list_that_does_not_go_on_ends(wiki, over):
    """A directory whose pages repeat themselves is told so, and isn't asked for ever."""

    class Stuck(Forgetful):
        def __init__(self, directory):
            super().__init__(directory)
            self.everybody = lambda after="", limit=1000: directory.everybody(limit=limit)

    wiki.make("mara")
    over(Stuck)
    result = wiki.users("list")
    assert result.exit_code == 1
    assert "everybody(after=…) is broken" in result.stderr


def test_where_no_links_are_kept_none_are_missed(configured, tmp_path, monkeypatch):
    """A directory from elsewhere without links, and link.source off: users are shown, links are told."""
    (tmp_path / "elsewhere_book.py").write_text(
        "from saml_wsgi import User\n"
        "class Phonebook:\n"
        "    def find(self, field, value): return [self.get('1')] if value == 'mara' else []\n"
        "    def get(self, user_id): return User(id='1', username='mara')\n"
        "def factory(context): return Phonebook()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    wiki = configured("directory.use = elsewhere_book:factory\nlink.source = off\nresolvers = existing\n")
    assert "mara" in wiki.users("show", "mara").output
    for command in (["users", "unlink", "mara"], ["links", "list"]):
        result = wiki.run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "There are no links: link.source is off" in result.stderr
