"""What is seen of a synchronisation, and whose the names are, on every database."""

import pytest
from sqlalchemy import text

from saml_wsgi.errors import DirectoryConflict, DirectoryUnavailable
from saml_wsgi.model import Changes, Link, Profile, Standing, User
from tests.unit.directories.bringing import NOW, READ, SOURCE, Stories, changing_nothing


class OverlayStories(Stories):
    """Provide the fixture ``url``: of an empty database."""

    # -- what is seen --

    def test_new_users_are_nobody_before_the_moment(self, bringing, directory, links):
        """Before the flip, a new user can't be found in any way; after it, in every way."""
        user = User("n1", "New", "new@one.test", "N", "E", "W", groups=("fresh",), managed_by=SOURCE)
        named = {"first_name": "N", "last_name": "E", "display_name": "W", "email": user.email}
        bringing.new("n1", "New", names=["fresh"], **named)

        def seen():
            return [
                [directory.get("n1")],
                *(list(directory.find(name, value)) for name, value in {**named, "username": "NEW"}.items()),
                [entry.user for entry in directory.everybody()],
            ]

        def known():
            return links.follow(SOURCE, "uid:n1"), links.subject_of(SOURCE, "n1"), len(links.listed())

        assert seen() == [[None], *([[]] * 6)]
        assert known() == (None, None, 0)
        assert links.listed(user_id="n1") == ()
        assert links.standing(SOURCE, "n1") is None
        assert directory.known_groups(["fresh"]) == frozenset()
        bringing.flip()
        assert seen() == [[user]] * 7
        assert known() == ("n1", "uid:n1", 1)
        assert links.listed(user_id="n1") == (Link(SOURCE, "uid:n1", "n1", READ),)
        assert links.standing(SOURCE, "n1") == Standing("active", READ, READ)
        assert directory.known_groups(["FRESH"]) == {"FRESH"}

    def test_nobody_writes_who_is_not_seen(self, bringing, directory, links):
        """Whoever guesses the id of a user before the flip can't change, remove or see them."""
        bringing.new("n1", "New", names=["fresh"])
        with pytest.raises(DirectoryConflict):
            directory.update(User("n1", "New"), Changes({"email": "x@one.test"}))
        assert directory.remove("n1") is False
        directory.saw("n1", NOW)
        links.note(SOURCE, "uid:n1", "inactive", NOW)
        assert links.unpin(SOURCE, "uid:n1") is False
        bringing.flip()
        assert directory.get("n1").email == ""
        assert directory.get("n1").seen == 0
        assert links.standing(SOURCE, "n1").state == "active"

    def test_changes_are_seen_from_the_moment_on(self, bringing, directory, ada):
        """Before the flip a user is as before; after it, as the source says, settled or not."""
        other = {"email": "New@two.test", "first_name": "A", "last_name": "L", "display_name": "AL"}
        with changing_nothing(lambda: directory.get(ada.id), directory.everybody):
            bringing.change(
                ada.id, username="Countess", employee_id="", names=["c", "a"], active=False, **other
            )
            assert directory.find("username", "countess") == ()
            assert directory.known_groups(["c"]) == frozenset()
        bringing.flip()
        now = User(ada.id, "Countess", groups=("a", "c"), active=False, managed_by=SOURCE, **other)
        for _ in range(2):
            assert directory.get(ada.id) == now
            assert [entry.user for entry in directory.everybody()] == [now]
            for name, value in {**other, "username": "COUNTESS"}.items():
                assert list(directory.find(name, value)) == [now]
            for name, value in (("username", "ada"), ("email", ada.email), ("employee_id", "17")):
                assert directory.find(name, value) == ()
            assert directory.known_groups(["a", "b", "c"]) == {"a", "c"}
            bringing.settle()
        assert bringing.waiting() == {}

    def test_what_is_not_named_stays(self, bringing, directory, ada):
        """A change of one thing leaves everything else as it is, and the user is found by it."""
        bringing.change(ada.id, first_name="Augusta")
        bringing.flip()
        (found,) = directory.find("username", "ADA")
        assert (found.first_name, found.email, found.groups) == ("Augusta", ada.email, ada.groups)
        assert (
            list(directory.find("email", ada.email)) == list(directory.find("employee_id", "17")) == [found]
        )

    def test_the_last_group_is_left(self, bringing, directory, ada):
        """A user whose groups become none has none, and a group without anybody isn't known any more."""
        bringing.change(ada.id, names=[])
        bringing.flip()
        assert directory.get(ada.id).groups == ()
        assert directory.known_groups(["a"]) == frozenset()

    def test_adopted_and_switched_off(self, bringing, directory):
        """Who manages a user, and that it is inactive, is seen from the flip on, too."""
        eve = directory.create(Profile(username="eve"), managed_by="local")
        bringing.change(eve.id, managed_by=SOURCE, active=False)
        bringing.flip()
        assert (directory.get(eve.id).managed_by, directory.get(eve.id).active) == (SOURCE, False)

    def test_swapped_names(self, bringing, directory, ada, bob):
        """Two who swap their names are found by the new ones at once, one user each, settled or not."""
        bringing.change(ada.id, username="bob")
        bringing.change(bob.id, username="Ada")
        bringing.flip()
        for _ in range(2):
            assert [user.id for user in directory.find("username", "BOB")] == [ada.id]
            assert [user.id for user in directory.find("username", "ada")] == [bob.id]
            bringing.settle()

    def test_several_with_one_address(self, bringing, directory, ada, bob):
        """Whoever shares an address from now on is found with the others, in the order of usernames."""
        bringing.change(ada.id, username="zoe", email="BOB@one.test")
        bringing.flip()
        assert [user.username for user in directory.find("email", "bob@one.test")] == ["bob", "zoe"]

    # -- names --

    def test_a_name_of_somebody_unseen(self, bringing, directory, bob):
        """Whoever signs in while a synchronisation makes their user is told to try again."""
        bringing.new("n1", "New")
        with pytest.raises(DirectoryUnavailable, match="about to make"):
            directory.create(Profile(username="NEW"), managed_by="jit:x")
        with pytest.raises(DirectoryUnavailable, match="about to make"):
            directory.update(bob, Changes({"username": "new"}))
        assert directory.get(bob.id) == bob

    def test_a_subject_of_somebody_unseen(self, bringing, directory, links, bob):
        """The subject of a user whom nobody sees yet is neither free nor another one's: try again."""
        bringing.new("n1", "New", subject="uid:new")
        bringing.run(text("DELETE FROM saml_wsgi_links WHERE subject = 'uid:bob'"))
        for pin in (
            lambda: links.pin(SOURCE, "uid:new", bob.id),
            lambda: links.repin(SOURCE, "uid:new", bob.id),
            lambda: directory.create(Profile(username="x"), managed_by="x", link=(SOURCE, "uid:new")),
        ):
            with pytest.raises(DirectoryUnavailable, match="about to make"):
                pin()
        assert directory.find("username", "x") == ()
        assert links.follow(SOURCE, "uid:new") is None

    @pytest.mark.parametrize("flipped", [False, True])
    def test_a_name_that_arrives_for_another_one(self, bringing, directory, ada, bob, flipped):
        """A name that a synchronisation brings to somebody isn't given to anybody else, before and after."""
        bringing.change(ada.id, username="countess")
        if flipped:
            bringing.flip()
        with pytest.raises(DirectoryConflict, match="taken"):
            directory.create(Profile(username="Countess", groups=("g",)), managed_by="local")
        with pytest.raises(DirectoryConflict, match="taken"):
            directory.update(bob, Changes({"username": "COUNTESS", "groups": ("g",)}))
        assert directory.get(bob.id) == bob
        assert directory.known_groups(["g"]) == frozenset()
        assert directory.update(ada, Changes({"username": "Countess"})).username == "Countess"

    def test_a_name_is_kept_until_the_moment(self, bringing, directory, ada, bob):
        """Before the flip, a name that will be given up is still its owner's."""
        bringing.change(ada.id, username="countess")
        with pytest.raises(DirectoryConflict):
            directory.create(Profile(username="ada"), managed_by="local")
        with pytest.raises(DirectoryConflict):
            directory.update(bob, Changes({"username": "ada"}))

    @pytest.mark.parametrize("how", ["create", "update"])
    def test_a_name_is_free_from_the_moment_on(self, bringing, directory, ada, bob, how):
        """After the flip a name that was given up can be taken at once, whatever is settled."""
        bringing.change(ada.id, username="countess", first_name="Augusta")
        bringing.flip()
        if how == "create":
            user = directory.create(Profile(username="Ada"), managed_by="local")
        else:
            user = directory.update(bob, Changes({"username": "Ada"}))
        bringing.settle()
        assert list(directory.find("username", "ada")) == [user]
        (countess,) = directory.find("username", "countess")
        assert (countess.id, countess.first_name) == (ada.id, "Augusta")

    def test_a_chain_of_names(self, bringing, directory, ada, bob):
        """Where each takes the next one's name, the first name is free, and everybody is found."""
        carl = directory.create(Profile(username="carl"), managed_by=SOURCE)
        bringing.pinned(carl.id, "uid:carl")
        bringing.change(ada.id, username="bob")
        bringing.change(bob.id, username="carl")
        bringing.change(carl.id, username="dora")
        bringing.flip()
        new = directory.create(Profile(username="ada"), managed_by="local")
        directory.update(bob, Changes({"email": "b@two.test"}))
        bringing.settle()
        holders = {user.username: user.id for user in (entry.user for entry in directory.everybody())}
        assert holders == {"ada": new.id, "bob": ada.id, "carl": bob.id, "dora": carl.id}
        for name, user_id in holders.items():
            assert [user.id for user in directory.find("username", name)] == [user_id]
