"""The stories of an application's own table, for whatever database a test runs them on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from saml_wsgi import database
from tests.flow.situations_own_table import Story
from tests.flow.situations_people import MARA


class OwnTableStories:
    """Wants a fixture ``story``: a :class:`Story` that isn't started yet."""

    def test_existing(self, story: Story) -> None:
        """Somebody who is there is signed in and pinned; the table isn't written, however much differs."""
        story.start(resolvers="existing")
        user = story.arrive(MARA, "signed_in", "unchanged").user
        assert user is not None
        assert (user["id"], user["username"], user["last_name"]) == ("1", "mara", "Berg")
        assert (user["email"], user["groups"], user["active"]) == ("Mara@Example.test", [], True)
        assert story.own.links() == {"NameID:id-mara": "1"}
        story.arrive(MARA, "signed_in", "unchanged")
        story.assert_untouched()

    @pytest.mark.parametrize("username", ["MARA", "Mara", "ｍａｒａ"])
    def test_case(self, story: Story, username: str) -> None:
        """Names are compared as everywhere, though the table keeps no folded form of them."""
        story.start(resolvers="existing")
        user = story.arrive(MARA.but(username=username), "signed_in", "unchanged").user
        assert user is not None
        assert user["id"] == "1"
        story.assert_untouched()

    def test_exact_case(self, story: Story) -> None:
        """directory.case = exact: another spelling is nobody."""
        story.start(resolvers="existing", directory__case="exact")
        story.arrive(MARA.but(username="MARA"), "not_found")
        story.arrive(MARA, "signed_in", "unchanged")
        story.assert_untouched()

    def test_exact_case_of_links(self, story: Story) -> None:
        """directory.case = exact: who is spelled otherwise doesn't come in by another one's link."""
        story.start(resolvers="existing", directory__case="exact", attributes__username="NameID")
        story.arrive(MARA.but(name_id="mara"), "signed_in", "unchanged")
        story.arrive(MARA.but(name_id="MARA"), "not_found")
        story.assert_untouched()

    def test_by_address(self, story: Story) -> None:
        """Match = email finds by the column of addresses; two rows with one address are ambiguous."""
        story.start(resolvers="existing", match="email")
        story.arrive(MARA.but(username="x"), "signed_in", "unchanged")
        story.arrive(MARA.but(name_id="id-ada", email="ada@example.test"), "ambiguous")
        story.arrive(MARA.but(name_id="id-jose", email=""), "missing_attribute")
        story.assert_untouched()

    def test_switched_off(self, story: Story) -> None:
        """Whom the application switched off is refused: jit makes only its own active again."""
        uwe = MARA.but(name_id="id-uwe", username="uwe")
        story.start(resolvers="existing")
        story.arrive(uwe, "inactive")
        story.start(resolver__jit__update_existing="yes", resolver__jit__reactivate="yes")
        story.arrive(uwe, "inactive")
        story.assert_untouched()
        assert story.own.links() == {}

    def test_nobody(self, story: Story) -> None:
        """Somebody who isn't there is told so, and nothing is made."""
        story.start(resolvers="existing")
        story.arrive(MARA.but(username="eva"), "not_found")
        story.assert_untouched()

    def test_a_second_subject(self, story: Story) -> None:
        """Links hold for people in the application's table, too."""
        story.start(resolvers="existing")
        story.arrive(MARA, "signed_in", "unchanged")
        story.arrive(MARA.but(name_id="id-other"), "link_conflict")
        story.arrive(MARA.but(username="jose"), "mismatch")
        story.arrive(MARA.but(username="mara.new"), "signed_in", "unchanged")
        story.assert_untouched()

    def test_jit_leaves_the_applications_people_alone(self, story: Story) -> None:
        """update_existing = no: people whom the application made are signed in, and not changed."""
        story.start()
        arrival = story.arrive(MARA, "signed_in", "unchanged")
        assert "last_name" in arrival.record.left
        story.arrive(MARA, "signed_in", "unchanged")
        story.assert_untouched()

    def test_jit_updates_the_applications_people(self, story: Story) -> None:
        """update_existing = yes: the columns that differ are written once, no other, and groups beside."""
        story.start(resolver__jit__update_existing="yes")
        user = story.arrive(MARA, "signed_in", "updated").user
        assert user is not None
        assert user["groups"] == ["Staff", "Wiki Editors"]
        story.assert_changed(1, family="Lindqvist", mail="mara@example.test")
        story.remember()
        story.arrive(MARA, "signed_in", "unchanged")
        story.assert_untouched()

    def test_only_groups(self, story: Story) -> None:
        """Groups are kept beside: where only they changed, the application's table isn't written."""
        story.start(resolver__jit__update_existing="yes", resolver__jit__never="email last_name")
        user = story.arrive(MARA, "signed_in", "updated").user
        assert user is not None
        assert user["groups"] == ["Staff", "Wiki Editors"]
        user = story.arrive(MARA.but(memberOf=("Sales",)), "signed_in", "updated").user
        assert user is not None
        assert user["groups"] == ["Sales"]
        story.assert_untouched()

    def test_jit_makes_people(self, story: Story) -> None:
        """A new row has what was asserted; all other columns have the application's defaults."""
        story.start()
        eva = MARA.but(name_id="id-eva", username="eva", email="eva@example.test")
        user = story.arrive(eva, "signed_in", "created").user
        new = story.assert_added(
            login="eva",
            mail="eva@example.test",
            given="Mara",
            family="Lindqvist",
            phone="none",
            theme="light",
        )
        assert (bool(new["is_enabled"]), Decimal(new["salary"])) == (True, Decimal(0))
        assert user is not None
        assert (user["id"], user["managed_by"]) == (str(new["id"]), "jit:JumpCloud")
        assert user["groups"] == ["Staff", "Wiki Editors"]
        assert story.own.links() == {"NameID:id-eva": str(new["id"])}
        story.remember()
        story.arrive(eva, "signed_in", "unchanged")
        story.assert_untouched()
        user = story.arrive(eva.but(lastname="Holm"), "signed_in", "updated").user
        story.assert_changed(new["id"], family="Holm")

    def test_reactivated(self, story: Story) -> None:
        """Somebody whom JIT made and the application switched off: refused, or made active again if told."""
        story.start()
        eva = MARA.but(name_id="id-eva", username="eva")
        story.arrive(eva, "signed_in", "created")
        story.own.run("UPDATE people SET is_enabled = FALSE WHERE login = 'eva'")
        story.arrive(eva, "inactive")
        story.start(resolver__jit__reactivate="yes")
        story.arrive(eva, "signed_in", "updated")
        (row,) = [row for row in story.own.rows() if row["login"] == "eva"]
        assert row["is_enabled"]

    def test_no_column_for_active(self, story: Story) -> None:
        """Without a column for it, whether somebody is active is kept beside; the column isn't looked at."""
        database.create(story.own.url)
        story.scene.start(
            {
                "resolvers": "existing",
                "directory.url": story.own.url,
                "directory.table": "people",
                "directory.columns.username": "login",
            }
        )
        story.arrive(MARA.but(name_id="id-uwe", username="uwe"), "signed_in", "unchanged")
        story.assert_untouched()

    def test_a_field_without_a_column(self, story: Story) -> None:
        """What is asserted and has no column is left alone at each sign-in: nobody is updated for ever."""
        story.start(resolver__jit__update_existing="yes")
        story.arrive(MARA.but(displayname="Mara"), "signed_in", "updated")
        story.remember()
        story.arrive(MARA.but(displayname="Another"), "signed_in", "unchanged")
        story.assert_untouched()

    @pytest.mark.parametrize("resolvers", ["existing", "jit"])
    def test_a_recycled_row(self, story: Story, resolvers: str) -> None:
        """The application gives a deleted person's id to somebody else: the link doesn't lead there."""
        story.start(resolvers=resolvers)
        story.arrive(MARA, "signed_in", "unchanged")
        story.own.run(
            "UPDATE rooms SET person = NULL",
            "DELETE FROM people WHERE id = 1",
            "INSERT INTO people (id, login, mail) VALUES (1, 'eva', 'eva@example.test')",
        )
        story.remember()
        arrival = story.scene.arrive(MARA)
        assert arrival.user is None or arrival.user["id"] != "1", "Mara is signed in as Eva"
        if resolvers == "existing":
            story.assert_untouched()

    def test_a_name_that_is_taken(self, story: Story) -> None:
        """A username that is another row's is refused, and nothing is half-written."""
        story.start(match="email", resolver__jit__update_existing="yes")
        story.arrive(MARA.but(username="jose"), "conflict")
        story.assert_untouched()

    def test_too_long_for_the_column(self, story: Story) -> None:
        """What the application's column can't hold is refused or left alone, never cut, never a 500."""
        story.start()
        arrival = story.scene.arrive(MARA.but(name_id="id-x", username="x" * 81))
        if arrival.user is None:
            assert arrival.record.code == "attribute_unusable"
            story.assert_untouched()
        else:  # SQLite holds any length, whatever the column says
            assert arrival.user["username"] == "x" * 81
