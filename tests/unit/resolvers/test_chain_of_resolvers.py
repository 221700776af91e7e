"""Resolvers in order: who decides, and what an answer must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from saml_wsgi.errors import ConfigurationError, Refused, SourceUnavailable
from saml_wsgi.model import Denied, Profile, Resolution, User
from saml_wsgi.resolvers import Access, AttributeMap, Chain, ExistingResolver, GroupRules, JITResolver

ADA = User("1", "ada")


class Answers:
    """A resolver that gives one answer, or raises it, and remembers that it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def resolve(self, assertion, /):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_first_opinion_decides(asserted):
    """None goes on to the next resolver; after an opinion nobody else is asked."""
    first, second, third = Answers(None), Answers(Resolution(ADA)), Answers(Denied("ambiguous"))
    answer = Chain([("a", first), ("b", second), ("c", third)]).resolve(asserted())
    assert answer == Resolution(ADA, resolver="b")
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


def test_a_refusal_ends_the_chain(asserted):
    """Denied is final, and its detail says who refused."""
    last = Answers(ADA)
    chain = Chain([("a", Answers(Denied("inactive", "user 1"))), ("b", last)])
    assert chain.resolve(asserted()) == Denied("inactive", "a: user 1")
    assert last.asked == 0


def test_the_end_is_not_found(asserted):
    """If nobody has an opinion the person isn't found, and the detail says who was asked."""
    answer = Chain([("staff", Answers(None)), ("guests", Answers(None))]).resolve(asserted())
    assert answer.code == "not_found"
    assert "staff, guests" in answer.detail


def test_an_inactive_user_does_not_come_in_by_the_next_resolver(people, asserted):
    """Existing refuses an inactive user; jit behind it isn't asked."""
    user = people.create(Profile(username="ada"), managed_by="jit:jumpcloud")
    people.users[user.id] = replace(user, active=False)
    chain = Chain([("existing", ExistingResolver(people, people)), ("jit", JITResolver(people, people))])
    assert chain.resolve(asserted("ada")).code == "inactive"
    assert chain.resolve(asserted("bob")).outcome == "created"


def test_a_bare_user_signs_in(asserted):
    """A user is enough of an answer; its values are the resolver's."""
    answer = Chain([("staff", Answers(User("1", "ada", email="a@x.test")))]).resolve(asserted())
    assert (answer.user.username, answer.resolver, answer.outcome) == ("ada", "staff", "unchanged")
    assert answer.origins == {"username": "staff", "email": "staff"}


@pytest.mark.parametrize("answer", [replace(ADA, active=False), Resolution(replace(ADA, active=False))])
def test_inactive_answers(asserted, answer):
    """Nobody who is switched off is signed in, whatever a resolver says."""
    assert Chain([("a", Answers(answer))]).resolve(asserted()).code == "inactive"


def test_what_the_directory_keeps_counts(people, asserted):
    """A bare user whom the directory knows is as the directory has it, also switched off."""
    kept = people.create(Profile(username="ada", email="kept@x.test"), managed_by="local")
    chain = Chain([("a", Answers(User(kept.id, "ADA", email="other@x.test")))], people)
    assert chain.resolve(asserted()).user == kept
    assert chain.resolve(asserted()).origins["email"] == "directory"
    people.users[kept.id] = replace(kept, active=False)
    assert chain.resolve(asserted()).code == "inactive"


def test_an_id_that_is_somebody_elses_in_the_directory(people, asserted):
    """A bare user whose id is another user's is refused: a session would turn into that other user."""
    kept = people.create(Profile(username="bob"), managed_by="local")
    assert Chain([("a", Answers(User(kept.id, "ada")))], people).resolve(asserted()).code == "internal_error"


def test_a_bare_user_whom_the_directory_does_not_know(people, asserted):
    """A resolver may bring people of its own."""
    assert Chain([("a", Answers(ADA))], people).resolve(asserted()).user == ADA


@pytest.mark.parametrize(
    "answer",
    [
        True,
        False,
        "ada",
        {"username": "ada"},
        (ADA,),
        Resolution("ada"),
        User("", "ada"),
        User("1", ""),
        Denied("nope"),
    ],
)
def test_answers_that_are_none(asserted, answer):
    """Anything else signs nobody in, asks nobody else, and names the resolver to the operator."""
    last = Answers(ADA)
    denied = Chain([("mine", Answers(answer)), ("b", last)]).resolve(asserted())
    assert denied.code == "internal_error"
    assert "mine" in denied.detail
    assert last.asked == 0


def test_a_refusal_that_is_raised(asserted):
    """A resolver that raises Refused refuses."""
    assert Chain([("a", Answers(Refused("ambiguous", "two")))]).resolve(asserted()) == Denied(
        "ambiguous", "a: two"
    )


@pytest.mark.parametrize("error", [SourceUnavailable("down"), RuntimeError("bug")])
def test_errors_pass_and_nobody_else_is_asked(asserted, error):
    """A source that is down, or a bug, isn't "nobody": no other resolver is asked."""
    last = Answers(ADA)
    with pytest.raises(type(error)):
        Chain([("a", Answers(error)), ("b", last)]).resolve(asserted())
    assert last.asked == 0


def test_nothing_may_follow_jit(people):
    """A chain that goes on after jit doesn't start, whatever the operator calls it."""
    with pytest.raises(ConfigurationError) as error:
        Chain([("people", JITResolver(people)), ("staff", ExistingResolver(people))])
    (problem,) = error.value.problems
    assert problem.key == "resolvers"
    assert "staff would never be asked" in problem.reason
    assert problem.cure == "Put people last."


def test_every_problem_at_once(people):
    """An empty chain, a name twice, and things that are no resolvers don't start."""
    with pytest.raises(ConfigurationError, match="No resolver"):
        Chain([])
    with pytest.raises(ConfigurationError) as error:
        Chain([("a", Answers(None)), ("a", object())])
    assert [problem.key for problem in error.value.problems] == ["resolvers", "resolver.a.use"]


# -- who may sign in, and whom to ask --


def test_access_of_everybody(asserted):
    """Whoever a resolver finds must be allowed to sign in, its own users too; a later one isn't asked."""
    last = Answers(ADA)
    access = Access(allow_groups=("staff",), deny_groups=("bad",))

    def decide(user, **attributes):
        return Chain([("a", Answers(user)), ("b", last)], access=access).resolve(asserted(**attributes))

    assert decide(ADA).code == "not_allowed"
    assert decide(Resolution(ADA)).code == "not_allowed"
    assert decide(replace(ADA, groups=("Staff",))).user.groups == ("Staff",)
    assert decide(ADA, memberOf=["STAFF"]).user == ADA
    assert decide(replace(ADA, groups=("staff",)), memberOf=["bad"]).code == "not_allowed"
    assert decide(ADA, memberOf=["staff", "x" * 257]).code == "attribute_unusable"
    assert last.asked == 0


def test_access_by_mapped_groups_and_asserted_address(asserted):
    """What was asserted counts by the application's names; an address only where the user has none."""
    access = Access(allow_groups=("staff",), allow_domains=("x.test",))
    chain = Chain(
        [("a", Answers(ADA))],
        access=access,
        mapping=AttributeMap(groups=("roles",), email=("post",)),
        groups=GroupRules(separator=";", map=(("people", "staff"),), unmapped="drop"),
    )
    assert chain.resolve(asserted(roles="x;people", post="ada@x.test")).user == ADA
    assert chain.resolve(asserted(roles="staff", post="ada@x.test")).code == "not_allowed"
    assert chain.resolve(asserted(roles="people", post="ada@y.test")).code == "not_allowed"
    assert "a: " in chain.resolve(asserted(roles="people")).detail


def test_nothing_is_read_that_does_not_matter(asserted):
    """Without lists, an attribute that can't be used refuses nobody whom a resolver found."""
    assert Chain([("a", Answers(ADA))]).resolve(asserted(memberOf=["x" * 257])).user == ADA


def test_whom_to_ask(people, asserted):
    """The page of not_found says whom to ask, by the first resolver that knows."""
    silent = ExistingResolver(people, people)
    ines, mara = (ExistingResolver(people, people, ask=f"Ask {name}.") for name in ("Ines", "Mara"))
    answer = Chain([("a", silent), ("b", ines), ("c", mara)]).resolve(asserted("ada"))
    assert (answer.code, answer.explanation) == ("not_found", "Ask Ines.")
    assert Chain([("a", silent)]).resolve(asserted("ada")).explanation == ""


def test_explanations_of_refusals_stay(asserted):
    """What a resolver tells a person reaches the page, returned or raised."""
    for answer in (Denied("not_found", "x", "Ask."), Refused("not_found", "x", "Ask.")):
        assert Chain([("a", Answers(answer))]).resolve(asserted()).explanation == "Ask."


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"id": 1}, "id"),
        ({"username": ["ada"]}, "username"),
        ({"email": None}, "email"),
        ({"active": "no"}, "active"),
        ({"groups": "Contractors"}, "groups"),
        ({"groups": None}, "groups"),
        ({"groups": (1,)}, "groups"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_user_of_wrong_types_is_nobody(people, asserted, wrong, told, whole):
    """An "active" of "no" isn't active, and a text of groups isn't its letters: nobody guesses."""
    user = replace(ADA, **wrong)
    chain = Chain([("staff", Answers(Resolution(user) if whole else user))], people)
    answer = chain.resolve(asserted())
    assert answer.code == "internal_error"
    assert f"whose {told}" in answer.detail
