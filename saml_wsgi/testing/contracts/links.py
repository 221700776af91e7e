"""The obligations of :class:`saml_wsgi.interfaces.Links`."""

from __future__ import annotations

from typing import ClassVar

import pytest

from saml_wsgi.interfaces import AdministeredLinks, Links
from saml_wsgi.testing.contracts.crowd import UNFRIENDLY, at_once

IDP = "https://idp.example/saml"
OTHER_IDP = "https://other.example/saml"


class LinksContract:
    """Provide the fixture ``links``: links in which nothing is pinned yet.

    Where only users that exist can be pinned, override :meth:`user_id`.
    """

    #: How many threads meet at one pin.
    threads: ClassVar[int] = 16

    @pytest.fixture
    def links(self) -> Links:
        raise NotImplementedError("a LinksContract needs the fixture links")

    def user_id(self, number: int) -> str:
        """The id of one user or another: the same for the same number."""
        return f"user-{number}"

    def test_has_the_shape_of_links(self, links: Links) -> None:
        """It has every method of the protocol."""
        assert isinstance(links, Links)

    def test_an_unknown_subject_leads_to_nobody(self, links: Links) -> None:
        """What was never pinned can't be followed."""
        assert links.follow(IDP, "ada") is None

    def test_a_pinned_subject_leads_to_its_user(self, links: Links) -> None:
        """Once pinned, the subject leads to the user."""
        assert links.pin(IDP, "ada", self.user_id(1)) is True
        assert links.follow(IDP, "ada") == self.user_id(1)

    def test_pinning_again_is_true(self, links: Links) -> None:
        """Two that are pinned to each other already are pinned."""
        links.pin(IDP, "ada", self.user_id(1))
        assert links.pin(IDP, "ada", self.user_id(1)) is True

    def test_a_subject_of_another_user_is_refused(self, links: Links) -> None:
        """A subject stays with its first user."""
        links.pin(IDP, "ada", self.user_id(1))
        assert links.pin(IDP, "ada", self.user_id(2)) is False
        assert links.follow(IDP, "ada") == self.user_id(1)

    def test_a_second_subject_for_one_user_is_refused(self, links: Links) -> None:
        """A user has one subject at an identity provider, and nothing is written for the second."""
        links.pin(IDP, "ada", self.user_id(1))
        assert links.pin(IDP, "somebody", self.user_id(1)) is False
        assert links.follow(IDP, "somebody") is None
        assert links.follow(IDP, "ada") == self.user_id(1)

    def test_nothing_is_left_of_a_refused_pin(self, links: Links) -> None:
        """Whoever was refused can be pinned to something that is free."""
        links.pin(IDP, "ada", self.user_id(1))
        links.pin(IDP, "ada", self.user_id(2))
        links.pin(IDP, "grace", self.user_id(1))
        assert links.pin(IDP, "grace", self.user_id(2)) is True

    def test_identity_providers_are_apart(self, links: Links) -> None:
        """The same subject of another identity provider is somebody else, and a user may have both."""
        links.pin(IDP, "ada", self.user_id(1))
        assert links.follow(OTHER_IDP, "ada") is None
        assert links.pin(OTHER_IDP, "ada", self.user_id(2)) is True
        assert links.pin(OTHER_IDP, "countess", self.user_id(1)) is True
        assert links.follow(IDP, "ada") == self.user_id(1)

    def test_subjects_are_compared_exactly(self, links: Links) -> None:
        """Letter case, white space and Unicode forms tell subjects apart."""
        subjects = ["ada", "Ada", "ada ", "\uff41da", "\u00e9", "e\u0301", "%", "_da"]
        for number, subject in enumerate(subjects):
            assert links.pin(IDP, subject, self.user_id(number)) is True
        for number, subject in enumerate(subjects):
            assert links.follow(IDP, subject) == self.user_id(number)

    def test_a_subject_of_256_characters(self, links: Links) -> None:
        """A persistent NameID may have 256 characters (SAML 2.0 Core, 8.3.7); the last one counts."""
        stem = "s" * 255
        links.pin(IDP, f"{stem}1", self.user_id(1))
        links.pin(IDP, f"{stem}2", self.user_id(2))
        assert links.follow(IDP, f"{stem}2") == self.user_id(2)

    def test_a_pinned_user_has_its_subject(self, links: Links) -> None:
        """Once pinned, the user leads back to the subject, at this identity provider and at no other."""
        assert links.subject_of(IDP, self.user_id(1)) is None
        links.pin(IDP, "ada", self.user_id(1))
        links.pin(OTHER_IDP, "countess", self.user_id(1))
        assert links.subject_of(IDP, self.user_id(1)) == "ada"
        assert links.subject_of(OTHER_IDP, self.user_id(1)) == "countess"
        assert links.subject_of(IDP, self.user_id(2)) is None

    def test_a_refused_pin_changes_no_subject(self, links: Links) -> None:
        """Nobody's subject is another one after a pin that was refused."""
        links.pin(IDP, "ada", self.user_id(1))
        links.pin(IDP, "ada", self.user_id(2))
        links.pin(IDP, "grace", self.user_id(1))
        assert links.subject_of(IDP, self.user_id(1)) == "ada"
        assert links.subject_of(IDP, self.user_id(2)) is None

    def test_unfriendly_subjects_lead_to_nobody(self, links: Links) -> None:
        """What can't be a subject, or looks like a pattern, is looked for without harm."""
        links.pin(IDP, "ada", self.user_id(1))
        for subject in ("", *UNFRIENDLY):
            assert links.follow(IDP, subject) is None
            assert links.follow(subject, "ada") is None
            assert links.subject_of(IDP, subject) is None
            assert links.subject_of(subject, self.user_id(1)) is None

    def test_one_subject_pinned_to_many_users_at_once(self, links: Links) -> None:
        """Of many threads that pin one subject to different users, one is told True."""
        told = at_once(self.threads, lambda number: links.pin(IDP, "ada", self.user_id(number)))
        assert sorted(told) == [False] * (self.threads - 1) + [True]
        assert links.follow(IDP, "ada") == self.user_id(told.index(True))

    def test_many_subjects_pinned_to_one_user_at_once(self, links: Links) -> None:
        """Of many threads that pin different subjects to one user, one is told True."""
        told = at_once(self.threads, lambda number: links.pin(IDP, f"subject-{number}", self.user_id(1)))
        assert sorted(told) == [False] * (self.threads - 1) + [True]
        followed = [links.follow(IDP, f"subject-{number}") for number in range(self.threads)]
        assert [user_id is not None for user_id in followed] == told

    def test_the_same_pin_by_many_threads_at_once(self, links: Links) -> None:
        """Threads that pin the same pair are all told True: it is pinned."""
        assert all(at_once(self.threads, lambda _: links.pin(IDP, "ada", self.user_id(1))))


class AdministeredLinksContract(LinksContract):
    """Provide the fixture ``links``: as for LinksContract, with what administrators do."""

    @pytest.fixture
    def links(self) -> AdministeredLinks:
        raise NotImplementedError("an AdministeredLinksContract needs the fixture links")

    def test_has_the_shape_of_administered_links(self, links: AdministeredLinks) -> None:
        """It has every method of the protocol."""
        assert isinstance(links, AdministeredLinks)

    def pairs(self, links: AdministeredLinks, user_id: str | None = None) -> list[tuple[str, str, str]]:
        return [(link.idp, link.subject, link.user_id) for link in links.listed(user_id=user_id)]

    def test_nothing_is_listed_where_nothing_is_pinned(self, links: AdministeredLinks) -> None:
        """Without links the list is empty, whoever is asked about."""
        assert self.pairs(links) == []
        for user_id in ("", self.user_id(1), *UNFRIENDLY):
            assert self.pairs(links, user_id) == []

    def test_links_are_listed_in_order(self, links: AdministeredLinks) -> None:
        """All links are listed, by identity provider and then by subject."""
        links.pin(IDP, "b", self.user_id(1))
        links.pin(IDP, "a", self.user_id(2))
        links.pin(OTHER_IDP, "0", self.user_id(1))
        assert self.pairs(links) == [
            (IDP, "a", self.user_id(2)),
            (IDP, "b", self.user_id(1)),
            (OTHER_IDP, "0", self.user_id(1)),
        ]

    def test_the_links_of_one_user_are_listed(self, links: AdministeredLinks) -> None:
        """Of one user, its own links are listed, at every identity provider."""
        links.pin(IDP, "b", self.user_id(1))
        links.pin(IDP, "a", self.user_id(2))
        links.pin(OTHER_IDP, "0", self.user_id(1))
        assert self.pairs(links, self.user_id(1)) == [
            (IDP, "b", self.user_id(1)),
            (OTHER_IDP, "0", self.user_id(1)),
        ]

    def test_a_link_that_is_removed_is_gone(self, links: AdministeredLinks) -> None:
        """What was unpinned leads nowhere, once; what else is pinned stays."""
        links.pin(IDP, "ada", self.user_id(1))
        links.pin(OTHER_IDP, "ada", self.user_id(1))
        assert links.unpin(IDP, "ada") is True
        assert links.unpin(IDP, "ada") is False
        assert links.follow(IDP, "ada") is None
        assert links.subject_of(IDP, self.user_id(1)) is None
        assert links.follow(OTHER_IDP, "ada") == self.user_id(1)

    def test_after_unpin_both_are_free(self, links: AdministeredLinks) -> None:
        """A subject and a user that were parted can be pinned to others."""
        links.pin(IDP, "ada", self.user_id(1))
        links.unpin(IDP, "ada")
        assert links.pin(IDP, "ada", self.user_id(2)) is True
        assert links.pin(IDP, "countess", self.user_id(1)) is True

    def test_nobody_is_parted_from_what_was_never_pinned(self, links: AdministeredLinks) -> None:
        """Unpinning what isn't pinned, or can't be, returns False and harms nothing."""
        links.pin(IDP, "ada", self.user_id(1))
        for subject in ("", *UNFRIENDLY):
            assert links.unpin(IDP, subject) is False
            assert links.unpin(subject, "ada") is False
        assert links.follow(IDP, "ada") == self.user_id(1)

    def test_repin_of_what_is_free(self, links: AdministeredLinks) -> None:
        """Pinning anew also pins for the first time, and can be repeated."""
        links.repin(IDP, "ada", self.user_id(1))
        links.repin(IDP, "ada", self.user_id(1))
        assert self.pairs(links) == [(IDP, "ada", self.user_id(1))]

    def test_repin_takes_the_subject_from_its_user(self, links: AdministeredLinks) -> None:
        """A subject that is pinned anew leads to the new user only."""
        links.pin(IDP, "ada", self.user_id(1))
        links.repin(IDP, "ada", self.user_id(2))
        assert links.follow(IDP, "ada") == self.user_id(2)
        assert links.subject_of(IDP, self.user_id(1)) is None

    def test_repin_takes_the_user_from_its_subject(self, links: AdministeredLinks) -> None:
        """A user who is pinned anew has the new subject only."""
        links.pin(IDP, "ada", self.user_id(1))
        links.repin(IDP, "countess", self.user_id(1))
        assert links.follow(IDP, "ada") is None
        assert links.subject_of(IDP, self.user_id(1)) == "countess"

    def test_repin_of_two_who_were_pinned_to_others(self, links: AdministeredLinks) -> None:
        """Both former links end; what is pinned at another identity provider stays."""
        links.pin(IDP, "ada", self.user_id(1))
        links.pin(IDP, "grace", self.user_id(2))
        links.pin(OTHER_IDP, "ada", self.user_id(1))
        links.repin(IDP, "ada", self.user_id(2))
        assert self.pairs(links) == [
            (IDP, "ada", self.user_id(2)),
            (OTHER_IDP, "ada", self.user_id(1)),
        ]
