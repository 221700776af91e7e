"""What a run and others do to the same users, on every database."""

import pytest

from saml_wsgi.directories.arrival.values import (
    ACTIVE,
    INACTIVE,
    MISSING,
    ChangedUser,
    NewDigest,
)
from saml_wsgi.model import Changes, Profile
from tests.unit.directories.arrival.scene import NOW, SOURCE, Scene, new, some


class CrossingStories:
    """Provide the fixture ``url``: of an empty database."""

    @pytest.fixture
    def scene(self, url):
        return Scene(url)

    @pytest.fixture
    def staff(self, scene):
        """Thirty users of the source's, and one of ours."""
        scene.bring(new=some(30))
        scene.directory.create(Profile(username="local"), managed_by="local")
        scene.clock.advance(3600)
        return scene

    # -- who is who --

    def test_a_name_that_is_taken(self, staff):
        """Whoever has a name keeps it: a new user of that name is left out, with link and groups."""
        assert staff.bring(new=[new(200, username="LOCAL"), new(201), new(202, username="u201")]) == [
            "uid:200",
            "uid:202",
        ]
        assert staff.user("local").managed_by == "local"
        assert staff.links.follow(SOURCE, "uid:200") is None
        assert staff.id("u201") == staff.links.follow(SOURCE, "uid:201")
        assert staff.leftovers() == []

    def test_a_subject_that_is_taken(self, staff):
        """Whoever is pinned to a subject stays so: a new user of that subject is left out."""
        assert staff.bring(new=[new(7, username="other"), new(200)]) == ["uid:7"]
        assert staff.directory.find("username", "other") == ()
        assert staff.id("u7") == staff.links.follow(SOURCE, "uid:7")
        assert staff.user("u200").groups == ("all", "g4")

    def test_a_name_that_stays_after_all(self, staff):
        """Where a name isn't given up, all who were to move up stay as they are; new ones aren't made."""
        view = staff.seen()
        changes = [
            staff.change("uid:0", values={"username": "u1", "email": "x@two.test"}),
            staff.change("uid:1", values={"username": "u2"}),
            staff.change("uid:2", values={"username": "local"}),
            staff.change("uid:3", values={"first_name": "F"}),
        ]
        left = staff.bring(changes, [new(200, username="u0")])
        assert sorted(left) == ["uid:0", "uid:1", "uid:2", "uid:200"]
        assert staff.seen() == view
        assert staff.user("u3").first_name == "F"
        assert staff.kept("uid:0").digest == "d1"
        assert staff.leftovers() == []

    def test_two_who_are_to_have_one_name(self, staff):
        """Of two changes that bring the same name the first is kept; so of two that are about one user."""
        changes = [
            staff.change("uid:0", values={"username": "same"}),
            staff.change("uid:1", values={"username": "SAME"}),
            staff.change("uid:2", values={"email": "a@two.test"}),
            staff.change("uid:2", values={"email": "b@two.test"}),
        ]
        with staff.run() as arrivals:
            assert sorted(arrivals.add_changes(changes)) == ["uid:1", "uid:2"]
            assert arrivals.add_changes([staff.change("uid:3", values={"username": "same"})]) == ("uid:3",)
            assert arrivals.add_changes([staff.change("uid:2", values={"email": "c@two.test"})]) == ("uid:2",)
            assert arrivals.add_new([new(200, username="Same")]) == ()
            assert arrivals.contested() == ("uid:0",)
            arrivals.flip("", full=True, now=NOW)
            arrivals.settle()
        assert staff.id("same") == staff.links.follow(SOURCE, "uid:200")
        assert staff.user("u2").email == "a@two.test"

    def test_a_name_that_is_given_on(self, staff):
        """A name that one gives up and another one gets isn't free for somebody new."""
        changes = [
            staff.change("uid:0", values={"username": "moved"}),
            staff.change("uid:1", values={"username": "u0"}),
        ]
        assert staff.bring(changes, [new(200, username="u0"), new(201, username="u1")]) == ["uid:200"]
        assert staff.id("u0") == staff.links.follow(SOURCE, "uid:1")
        assert staff.id("u1") == staff.links.follow(SOURCE, "uid:201")
        assert staff.leftovers() == []

    @pytest.mark.parametrize("pinned", ["the user", "the subject"])
    def test_a_link_that_was_made_meanwhile(self, staff, pinned):
        """Whoever is to be pinned, and was pinned otherwise meanwhile, is left out and stays as they are."""
        local = staff.user("local")
        change = ChangedUser(local.id, "uid:local", NOW, pinned=True, managed_by=SOURCE)
        if pinned == "the user":
            assert staff.links.pin(SOURCE, "uid:elsewhere", local.id)
        else:
            other = staff.directory.create(Profile(username="other"), managed_by="local")
            assert staff.links.pin(SOURCE, "uid:local", other.id)
        assert staff.bring([change]) == ["uid:local"]
        assert staff.user("local") == local

    def test_a_user_who_was_removed_meanwhile(self, staff):
        """Whoever is removed between comparing and settling stays removed."""
        change = staff.change("uid:3", values={"username": "back"})
        staff.directory.remove(change.user_id)
        assert staff.bring([change]) == ["uid:3"]
        assert staff.directory.find("username", "back") == ()
        assert staff.links.follow(SOURCE, "uid:3") is None
        assert staff.leftovers() == []

    # -- who wrote meanwhile --

    def test_switched_off_here(self, staff):
        """Whom an administrator switched off isn't reactivated, since the source never switched them off."""
        staff.directory.update(staff.user("u3"), Changes({"active": False}))
        staff.bring([staff.change("uid:3", active=True, values={"email": "x@two.test"})])
        assert (staff.user("u3").active, staff.user("u3").email) == (False, "x@two.test")

    def test_back_again(self, staff):
        """Whom the source had switched off, or missed, is active again when it says so."""
        staff.bring([staff.change("uid:3", state=INACTIVE, active=False)])
        staff.bring([staff.change("uid:4", state=MISSING, active=False)])
        staff.bring([staff.change(f"uid:{number}", active=True) for number in (3, 4)])
        assert (staff.user("u3").active, staff.user("u4").active) == (True, True)
        assert staff.kept("uid:4").state == ACTIVE

    def test_written_since_it_was_compared(self, staff):
        """Who was written since they were compared gets no digest, so that the next run looks again."""
        change = staff.change("uid:3", values={"first_name": "F"})
        staff.directory.update(staff.user("u3"), Changes({"email": "x@two.test"}))
        staff.bring([change])
        assert (staff.user("u3").email, staff.user("u3").first_name) == ("x@two.test", "F")
        assert staff.kept("uid:3").digest == ""

    def test_new_digests(self, staff):
        """A new digest is kept, unless the user was written, or another digest was kept, meanwhile."""
        kept = {number: staff.kept(f"uid:{number}") for number in (3, 4, 5, 6)}
        staff.directory.update(staff.user("u4"), Changes({"email": "x@two.test"}))
        staff.bring([staff.change("uid:5", digest="d3")])
        # As it was before it ever had a digest, and was written since.
        staff.directory.update(staff.user("u6"), Changes({"email": "y@two.test"}))
        stale = kept[6]._replace(digest="")
        with staff.leased() as arrivals:
            arrivals.digests(
                NewDigest(f"uid:{number}", "d9", stale if number == 6 else kept[number]) for number in kept
            )
        assert [staff.kept(f"uid:{number}").digest for number in kept] == ["d9", "", "d3", ""]
