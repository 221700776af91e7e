"""`saml-wsgi links`: who at the identity provider is which user, seen and corrected by an administrator."""

from __future__ import annotations

import csv
import io

import pytest


@pytest.fixture
def idp(wiki):
    """The configured identity provider's name."""
    return wiki.parts().provider.idp_name


@pytest.fixture
def pinned(wiki, idp):
    """Mara and José, each pinned to a number."""
    links = wiki.parts().links
    assert links.pin(idp, "attr:number:1", wiki.make("mara").id)
    assert links.pin(idp, "attr:number:2", wiki.make("jose").id)
    return links


def by_subject(wiki):
    return {link["subject"]: link["username"] for link in wiki.listed(group="links")}


def test_links_are_listed(wiki, pinned, idp):
    """All, those of a user, those to an identity provider; one whose user is gone has no username."""
    pinned.pin("other", "attr:number:9", "nobody")
    assert by_subject(wiki) == {"attr:number:1": "mara", "attr:number:2": "jose", "attr:number:9": None}
    (link,) = wiki.listed("--user", "MARA", group="links")
    assert (link["idp"], link["subject"], link["user_id"]) == (idp, "attr:number:1", wiki.user("mara").id)
    assert [link["subject"] for link in wiki.listed("--idp", "other", group="links")] == ["attr:number:9"]
    table = wiki.run("links", "list").output.splitlines()
    assert table[0].split()[:2] == ["username", "subject"]
    assert len(table) == 4


def test_a_list_of_links_holds_no_formula(wiki, idp):
    """A subject comes from outside; a spreadsheet runs none of it."""
    wiki.parts().links.pin("=idp", "a:1", wiki.make("mara").id)
    (row,) = csv.DictReader(io.StringIO(wiki.run("links", "list", "--csv").stdout))
    assert row["idp"] == "'=idp"


def test_a_link_is_removed(wiki, pinned):
    """Only that one, and only if it is there."""
    assert wiki.run("links", "remove", "attr:number:1").exit_code == 0
    assert by_subject(wiki) == {"attr:number:2": "jose"}
    again = wiki.run("links", "remove", "attr:number:1")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "There is no link of attr:number:1" in again.stderr
    assert wiki.run("links", "remove", "attr:number:2", "--idp", "other").exit_code == 1
    assert by_subject(wiki) == {"attr:number:2": "jose"}


def test_a_subject_gets_another_user(wiki, pinned):
    """From now on it is that user; what stood against it is gone, and whoever it was is signed out."""
    sessions = wiki.parts().sessions
    cookie, _ = sessions.admit(wiki.user("jose"), lifetime=3600)
    result = wiki.run("links", "move", "attr:number:2", "Mara")
    assert result.exit_code == 0, result.output
    assert "is mara now" in result.output
    assert "It was jose: 1 session ended." in result.output
    assert by_subject(wiki) == {"attr:number:2": "mara"}
    assert wiki.parts().sessions.recognise(cookie) is None
    assert "already" in wiki.run("links", "move", "attr:number:2", "mara").output


@pytest.mark.parametrize("subject", ["NameID:Mara@Example.test", "NameID:MARA"])
def test_a_name_is_written_as_a_sign_in_would(wiki, idp, subject):
    """Addresses, and names by which people are found, are the same in capital letters."""
    wiki.make("mara")
    assert wiki.run("links", "move", subject, "mara").exit_code == 0
    assert wiki.parts().links.follow(idp, f"NameID:{subject[7:].lower()}") == wiki.user("mara").id
    assert wiki.run("links", "remove", subject).exit_code == 0


@pytest.mark.parametrize(
    "subject",
    ["mara", "NameID:", "NameID: a", "attr:phone:1", "attr:number", "", "a\0b", "NameID:" + "x" * 257],
)
def test_a_subject_that_no_sign_in_brings_is_told(configured, subject):
    """A slip of the pen costs nobody the link that is there."""
    wiki = configured("link.source = NameID number\n")
    before = wiki.make("mara")
    name = wiki.parts().provider.idp_name
    wiki.parts().links.pin(name, "attr:number:1", before.id)
    result = wiki.run("links", "move", subject, "mara")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "NameID:VALUE or attr:number:VALUE" in result.stderr
    assert by_subject(wiki) == {"attr:number:1": "mara"}


def test_a_subject_that_never_signed_in_can_be_given_a_user(wiki, idp):
    """Who a person is can be said before the first sign-in."""
    wiki.make("mara")
    assert wiki.run("links", "move", "NameID:7", "mara").exit_code == 0
    assert wiki.parts().links.follow(idp, "NameID:7") == wiki.user("mara").id


def test_nobody_is_pinned_to_somebody_who_is_not_there(wiki, pinned):
    """The user must exist; else nothing changes."""
    assert wiki.run("links", "move", "attr:number:1", "nobody").exit_code == 1
    assert by_subject(wiki) == {"attr:number:1": "mara", "attr:number:2": "jose"}
