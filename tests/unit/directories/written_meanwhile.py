"""Who writes users and links while a synchronisation is under way, on every database."""

import pytest
from sqlalchemy import select

from saml_wsgi.database.tables import users
from saml_wsgi.errors import DirectoryUnavailable
from saml_wsgi.model import Changes, Profile, Standing
from saml_wsgi.testing.contracts.crowd import at_once
from tests.unit.directories.bringing import NOW, READ, SOURCE, Stories, changing_nothing


class WriteStories(Stories):
    """Provide the fixture ``url``: of an empty database."""

    # -- who writes meanwhile --

    def test_a_write_comes_on_top_of_what_arrived(self, bringing, directory, ada):
        """Whoever writes a user writes what is seen: what arrived stays, but for what is written."""
        bringing.change(ada.id, first_name="Augusta", email="a@two.test", names=["c"])
        bringing.flip()
        written = directory.update(ada, Changes({"email": "a@three.test"}))
        assert (written.first_name, written.email, written.groups) == ("Augusta", "a@three.test", ("c",))
        assert bringing.waiting() == {}
        assert directory.get(ada.id) == written
        assert directory.find("email", "a@two.test") == ()

    def test_written_groups_replace_those_that_arrived(self, bringing, directory, ada):
        """Groups are written as a whole, whichever have arrived."""
        bringing.change(ada.id, first_name="Augusta", names=["c", "d"])
        bringing.flip()
        written = directory.update(ada, Changes({"groups": ("b", "d")}))
        assert (written.first_name, written.groups) == ("Augusta", ("b", "d"))
        assert directory.known_groups(["a", "b", "c", "d"]) == {"b", "d"}

    def test_a_write_goes_before_what_was_read_earlier(self, bringing, directory, ada):
        """What is written before the flip isn't undone by it; everything else is brought."""
        bringing.change(ada.id, username="countess", email="a@two.test", names=["c"])
        written = directory.update(ada, Changes({"email": "a@three.test", "groups": ("z",)}))
        assert written.username == "Ada"
        bringing.flip()
        for _ in range(2):
            now = directory.get(ada.id)
            assert (now.username, now.email, now.groups) == ("countess", "a@three.test", ("z",))
            assert list(directory.find("email", "a@three.test")) == [now]
            bringing.settle()

    def test_who_is_switched_off_meanwhile_stays_so(self, bringing, directory, links, ada):
        """Switching a user off isn't undone by a synchronisation that was going to switch them on."""
        directory.update(ada, Changes({"active": False}))
        links.note(SOURCE, "uid:ada", "missing", NOW)
        bringing.change(ada.id, active=True, state="active")
        directory.update(ada, Changes({"active": False}))
        bringing.flip()
        for _ in range(2):
            assert directory.get(ada.id).active is False
            assert links.standing(SOURCE, ada.id).state == "missing"
            bringing.settle()

    def test_a_write_empties_the_digest(self, bringing, directory, ada):
        """After a write by anybody else the next synchronisation compares the user field by field."""
        directory.saw(ada.id, NOW)
        assert bringing.digest("uid:ada") == "0f"
        directory.update(ada, Changes())
        assert bringing.digest("uid:ada") == "0f"
        directory.update(ada, Changes({"groups": ("c",)}))
        assert bringing.digest("uid:ada") == ""

    @pytest.mark.parametrize("flipped", [False, True])
    def test_no_digest_of_what_was_written_meanwhile(self, bringing, directory, ada, flipped):
        """A digest that arrives for a user who was written since they were compared isn't kept."""
        bringing.change(ada.id, first_name="Augusta", digest="ab")
        if flipped:
            bringing.flip()
        directory.update(ada, Changes({"email": "a@three.test"}))
        bringing.flip()
        bringing.settle()
        assert directory.get(ada.id).first_name == "Augusta"
        assert bringing.digest("uid:ada") == ""

    def test_two_writes_in_one_second_are_told_apart(self, bringing, directory, ada):
        """Each write dates a user anew, so that one behind a comparison is noticed even within a second."""
        dates = []
        for name in ("x", "y", "z"):
            directory.update(ada, Changes({"first_name": name}))
            dates += bringing.run(select(users.c.updated).where(users.c.id == ada.id)).scalars()
        assert len(set(dates)) == 3

    def test_who_is_removed_leaves_nothing(self, bringing, directory, ada, bob):
        """With a user goes what was to become of them, and a name that was brought to them is free."""
        bringing.change(ada.id, username="countess")
        assert directory.remove(ada.id) is True
        assert bringing.waiting() == {}
        assert directory.update(bob, Changes({"username": "countess"})).username == "countess"
        bringing.flip()
        bringing.settle()
        assert directory.get(ada.id) is None

    # -- links --

    @pytest.mark.parametrize("end", ["unpin", "repin"])
    @pytest.mark.parametrize("flipped", [False, True])
    def test_a_link_that_ends(self, bringing, directory, links, ada, flipped, end):
        """When a link ends, what the source brought stays, and what it was going to bring doesn't come."""
        bringing.change(ada.id, first_name="Augusta")
        if flipped:
            bringing.flip()
        if end == "unpin":
            assert links.unpin(SOURCE, "uid:ada") is True
        else:
            eve = directory.create(Profile(username="eve"), managed_by="local")
            links.repin(SOURCE, "uid:ada", eve.id)
        with changing_nothing(lambda: directory.get(ada.id)):
            bringing.flip()
            bringing.settle()
        assert directory.get(ada.id).first_name == ("Augusta" if flipped else "")

    @pytest.mark.parametrize("end", ["unpin", "repin"])
    def test_a_link_whose_users_name_is_passed_on(self, bringing, directory, links, ada, bob, end):
        """A link doesn't end while its user's name is about to be another one's: both would have it then."""
        bringing.change(ada.id, username="countess")
        bringing.change(bob.id, username="Ada")
        eve = directory.create(Profile(username="eve"), managed_by="local")
        given = (SOURCE, "uid:ada") if end == "unpin" else (SOURCE, "uid:ada", eve.id)
        with pytest.raises(DirectoryUnavailable, match="try again"):
            getattr(links, end)(*given)
        bringing.flip()
        for _ in range(2):
            assert [user.id for user in directory.find("username", "ada")] == [bob.id]
            assert [user.id for user in directory.find("username", "countess")] == [ada.id]
            bringing.settle()
        assert links.unpin(SOURCE, "uid:ada") is True

    def test_swapped_names_written_at_once(self, bringing, directory, ada, bob):
        """Two users whose names were swapped can be written at the same time; neither write fails."""
        for turn in range(5):
            one, other = directory.get(ada.id), directory.get(bob.id)
            bringing.change(ada.id, username=other.username)
            bringing.change(bob.id, username=one.username)
            bringing.flip()
            pair = (one, other)
            at_once(2, lambda number: directory.update(pair[number], Changes({"first_name": str(turn)})))
            assert bringing.waiting() == {}
            assert directory.get(ada.id).username == other.username
            assert directory.get(bob.id).username == one.username

    def test_what_the_source_says_is_of_the_same_moment(self, bringing, links, ada):
        """The state that a synchronisation brings is seen from the flip on, with the user."""
        before = links.standing(SOURCE, ada.id)
        bringing.change(ada.id, active=False, state="missing")
        assert links.standing(SOURCE, ada.id) == before
        bringing.flip()
        for _ in range(2):
            assert links.standing(SOURCE, ada.id) == Standing("missing", READ, READ)
            bringing.settle()

    def test_a_note_comes_on_top_of_what_arrived(self, bringing, directory, links, ada):
        """What is noted after the flip goes before what the synchronisation brought."""
        bringing.change(ada.id, active=False, state="missing")
        bringing.flip()
        links.note(SOURCE, "uid:ada", "active", NOW)
        assert bringing.waiting() == {}
        assert links.standing(SOURCE, ada.id) == Standing("active", NOW, NOW)
        assert directory.get(ada.id).active is False

    def test_who_is_found_switched_off_is_not_switched_on(self, bringing, directory, links, ada):
        """What a sign-in learns of the source isn't undone by what a synchronisation read before."""
        directory.update(ada, Changes({"active": False}))
        links.note(SOURCE, "uid:ada", "missing", READ)
        bringing.change(ada.id, active=True, state="active", first_name="Augusta")
        links.note(SOURCE, "uid:ada", "inactive", NOW)
        bringing.flip()
        bringing.settle()
        assert (directory.get(ada.id).active, directory.get(ada.id).first_name) == (False, "Augusta")
        assert links.standing(SOURCE, ada.id).state == "inactive"

    # -- at once --

    def test_many_write_while_it_settles(self, bringing, directory, links, ada):
        """Those who write, note and remove while a synchronisation settles lose nothing, and nor does it."""
        people = [
            directory.create(Profile(username=f"u{number}", groups=("old",)), managed_by=SOURCE)
            for number in range(12)
        ]
        for number, user in enumerate(people):
            bringing.pinned(user.id, f"uid:{number}")
            bringing.change(user.id, username=f"v{number}", names=["new"], state="active")
        bringing.flip()

        def write(number):
            if number == 0:
                return bringing.settle()
            user = people[number]
            if number % 4 == 1:
                return links.note(SOURCE, f"uid:{number}", "active", NOW)
            if number % 4 == 2:
                return directory.create(Profile(username=f"u{number}"), managed_by="local")
            return directory.update(user, Changes({"email": f"{number}@three.test"}))

        at_once(12, write)
        for number, user in enumerate(people):
            (found,) = directory.find("username", f"v{number}")
            assert (found.id, found.groups) == (user.id, ("new",))
            assert found.email == (f"{number}@three.test" if number and number % 4 in (0, 3) else "")
            assert len(directory.find("username", f"u{number}")) == (number % 4 == 2)
        assert bringing.waiting() == {}
