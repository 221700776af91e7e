"""Names that change, are swapped, recycled, or wanted by several people."""

from __future__ import annotations

from saml_wsgi.testing.population import PopulationInMemory


def reasons(report):
    return {told.person: told.reason for told in report.told}


def test_whoever_is_renamed_keeps_the_user(crowd):
    """A new username there is the same user's here: the subject says who it is."""
    before = crowd.user("user3")
    crowd.source.change("uid:3", username="Ada.Lovelace")
    crowd.done()
    assert crowd.user("user3") is None
    assert (crowd.user("ada.lovelace").id, crowd.user("ada.lovelace").username) == (before.id, "Ada.Lovelace")


def test_another_spelling_is_followed(crowd):
    """The username is written as the source writes it."""
    crowd.source.change("uid:3", username="User3")
    crowd.done()
    assert crowd.user("user3").username == "User3"


def test_swapped_names(crowd):
    """Two who swap their usernames keep their users."""
    three, four = crowd.user("user3"), crowd.user("user4")
    crowd.source.change("uid:3", username="user4")
    crowd.source.change("uid:4", username="user3")
    report = crowd.done()
    assert (crowd.user("user4").id, crowd.user("user3").id) == (three.id, four.id)
    assert report.counts["updated"] == 2


def test_a_name_that_becomes_free_is_the_next_persons(crowd):
    """A new person can have a username in the very run in which its owner is renamed."""
    crowd.source.change("uid:3", username="former")
    crowd.source.put("uid:new", username="user3")
    crowd.done()
    assert crowd.links.follow("ldap:corp", "uid:new") == crowd.user("user3").id
    assert crowd.links.follow("ldap:corp", "uid:3") == crowd.user("former").id


def test_two_people_who_could_be_pinned_to_one_user(crowd):
    """Two new people with the username of a user without a link: neither gets the user."""
    crowd.links.unpin("ldap:corp", "uid:3")
    crowd.source.remove("uid:3")
    crowd.source.put("uid:a", username="user3")
    crowd.source.put("uid:b", username="USER3")
    report = crowd.done()
    assert report.counts["unusable"] == 2
    assert crowd.links.subject_of("ldap:corp", crowd.user("user3").id) is None


def test_a_recycled_name_is_nobodys(crowd):
    """A new person with the username of a former one doesn't get that user, nor one of their own."""
    before = crowd.user("user3")
    crowd.source.remove("uid:3")
    crowd.source.put("uid:new", username="user3", email="new@example.test")
    for _ in range(2):
        report = crowd.done()
        user = crowd.user("user3")
        assert (user.id, user.active, user.email) == (before.id, False, "user3@example.test")
        assert crowd.links.follow("ldap:corp", "uid:new") is None
        assert reasons(report)["user3"].startswith("link_conflict")
        assert report.counts["created"] == 0


def test_a_recycled_name_is_cured_by_deleting_the_former_user(crowd):
    """Once the former user is deleted, the new person has the name."""
    before = crowd.user("user3")
    crowd.source.remove("uid:3")
    crowd.source.put("uid:new", username="user3")
    crowd.done()
    crowd.directory.remove(before.id)
    crowd.done()
    assert crowd.user("user3").id != before.id


def test_a_rename_to_a_name_that_is_taken_changes_nothing(crowd):
    """Who is to have the name of a user who keeps it is left as they are, whoever that user is."""
    crowd.make("boss")
    crowd.source.change("uid:3", username="boss", email="new@example.test")
    crowd.source.remove("uid:5")
    crowd.source.change("uid:4", username="user5", email="new@example.test")
    report = crowd.done()
    for name in ("user3", "user4"):
        assert crowd.user(name).email == f"{name}@example.test"
        assert crowd.user(name).active
    assert reasons(report)["user3"].startswith("conflict")
    assert reasons(report)["user4"].startswith("link_conflict")
    assert report.counts["unusable"] == 2


def test_a_chain_of_names_whose_last_one_is_taken_stays_as_it_was(crowd):
    """a→b, b→c, and c stays: nobody moves, since nobody gives a name up."""
    crowd.source.change("uid:3", username="user4")
    crowd.source.change("uid:4", username="user5")
    crowd.source.remove("uid:5")
    crowd.done()
    for number in (3, 4):
        assert crowd.links.follow("ldap:corp", f"uid:{number}") == crowd.user(f"user{number}").id


def test_two_people_of_one_username_are_both_left_alone(crowd):
    """Two entries of one username: neither is made, and a user who is there stays as they are."""
    crowd.source.put("uid:a", username="Twin")
    crowd.source.put("uid:b", username="twin")
    crowd.source.change("uid:3", username="other", email="new@example.test")
    crowd.source.put("uid:c", username="OTHER")
    report = crowd.done()
    assert crowd.user("twin") is None
    assert crowd.user("other") is None
    assert crowd.user("user3").email == "user3@example.test"
    assert report.counts["unusable"] == 4
    assert report.counts["created"] == report.counts["updated"] == 0


def test_two_people_of_one_subject_are_both_left_alone(crowd):
    """Two different entries under one subject, on one page or on two: nothing is done with them."""
    crowd.source.change("uid:5", email="new@example.test")
    crowd.source.twice = (
        *crowd.source.changed("")[3:5],
        PopulationInMemory().put("uid:5", username="user5", email="other@example.test"),
    )
    crowd.source.page_size = 3
    report = crowd.done()
    assert crowd.user("user5").email == "user5@example.test"
    assert crowd.user("user5").active
    assert set(reasons(report)) == {"uid:5"}
    crowd.source.page_size = 100
    assert set(reasons(crowd.done())) == {"uid:5"}


def test_a_page_told_twice_hides_nobody(crowd):
    """Somebody who is told twice doesn't stand for somebody who is gone."""
    crowd.source.twice = (crowd.source.changed("")[3],)
    crowd.source.page_size = 1
    crowd.source.remove("uid:4")
    report = crowd.done()
    assert crowd.user("user4").active is False
    assert report.counts["missing"] == 1
    assert crowd.user("user3").active
