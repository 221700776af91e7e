"""The rules of a sign-in hold for a run, and what doesn't change isn't written."""

from __future__ import annotations

from saml_wsgi.model import FIELDS
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.policy import Policy
from saml_wsgi.resolvers.rules import Rules
from saml_wsgi.resolvers.transformation import Template


def reasons(report):
    return {told.person: told.reason for told in report.told}


# -- the rules of a sign-in hold --


def test_groups_follow_the_rules_of_a_sign_in(world):
    """``groups.map``, ``managed``, ``default`` and ``privileged`` hold for a run, too."""
    groups = GroupRules(
        map=(("cn-staff", "Staff"), ("root", "Admins")),
        managed=("Staff", "Admins"),
        default=("Everybody",),
        privileged=("Admins", "Owners"),
    )
    world.source.put("uid:mara", username="mara", groups=("cn-staff", "root", "Owners", "Else"))
    world.done(rules=Rules(groups=groups))
    assert world.user("mara").groups == ("Admins", "Everybody", "Staff")
    world.write("mara", groups=("By hand", "Everybody", "Staff"))
    world.source.change("uid:mara", groups=())
    world.done(rules=Rules(groups=groups))
    assert world.user("mara").groups == ("By hand", "Everybody")


def test_groups_that_nobody_made_are_joined_once_somebody_made_them(world):
    """``groups.create = no``: only groups that there are, and as soon as there are."""
    rules = Rules(groups=GroupRules(create=False))
    world.source.put("uid:mara", username="mara", groups=("Staff",))
    world.done(rules=rules)
    assert world.user("mara").groups == ()
    assert world.done(rules=rules).counts["unchanged"] == 1
    world.make("admin", groups=("Staff",))
    world.done(rules=rules)
    assert world.user("mara").groups == ("Staff",)


def test_the_policy_of_the_resolver_holds(world):
    """``never``, ``on_create``, ``required`` and ``defaults`` hold for a run, too."""
    policy = Policy(
        never=("last_name",),
        on_create=("email",),
        required=("first_name",),
        defaults=(("display_name", Template("{first_name}!")),),
    )
    world.source.put("uid:mara", username="mara", email="a@x.test", first_name="Mara", last_name="L")
    world.source.put("uid:jose", username="jose")
    report = world.done(policy=policy)
    user = world.user("mara")
    assert (user.last_name, user.display_name, user.email) == ("", "Mara!", "a@x.test")
    assert world.user("jose") is None
    assert reasons(report)["jose"].startswith("missing_attribute")
    world.source.change("uid:mara", email="b@x.test")
    world.done(policy=policy)
    assert world.user("mara").email == "a@x.test"


def test_a_default_that_cannot_be_kept_harms_nobody_else(crowd):
    """What an option adds to a person is looked at like what the source says: they are told, not all."""
    policy = Policy(defaults=(("email", Template("\ufdfa" * 200 + "{first_name}")),))
    crowd.source.put("uid:new", username="new", first_name="N")
    crowd.source.change("uid:3", email=None, first_name="N")
    crowd.source.change("uid:4", display_name="Four")
    report = crowd.done(policy=policy)
    assert {told.person for told in report.told} == {"new", "user3"}
    assert crowd.user("user3").email == "user3@example.test"
    assert crowd.user("user4").display_name == "Four"


def test_only_those_who_may_be_made_are_made(world):
    """``allow_groups`` and ``allow_domains`` of the resolver keep others from becoming users."""
    policy = Policy(allow=Access(allow_groups=("Staff",), allow_domains=("example.test",)))
    world.source.put("uid:a", username="a", email="a@example.test", groups=("Staff",))
    world.source.put("uid:b", username="b", email="b@example.test", groups=("Guests",))
    world.source.put("uid:c", username="c", email="c@elsewhere.test", groups=("Staff",))
    report = world.done(policy=policy)
    assert [user.username for user in world.everybody()] == ["a"]
    assert (report.counts["not_made"], report.told) == (2, ())


# -- what doesn't change --


def test_an_unchanged_run_writes_nothing_about_people(crowd):
    """A second run over the same people leaves every row of users, groups and links as it was."""
    before = crowd.snapshot()
    report = crowd.done()
    assert crowd.snapshot() == before
    assert report.counts["unchanged"] == 20
    assert sum(report.counts.values()) == 40


def test_after_a_change_of_the_rules_everybody_is_compared(crowd):
    """Other options, same people: what the options change is changed."""
    crowd.source.tells_changes = True
    crowd.done()
    report = crowd.done(rules=Rules(groups=GroupRules(default=("Everybody",))))
    assert crowd.user("user3").groups == ("Everybody", "Staff")
    assert (report.kind, report.why) == ("full", "the configuration changed")


def test_the_local_copy_equals_the_source(crowd):
    """After many changes at once each user is, field by field, what the source says."""
    for number in range(20):
        crowd.source.change(
            f"uid:{number}",
            email=f"{number}@new.test" if number % 2 else "",
            first_name=f"First {number}",
            employee_id=str(number),
            groups=tuple(f"Group {n}" for n in range(number % 4)) or ("Staff",),
        )
    crowd.sync(max_removals=20)
    for member in crowd.source:
        profile = member.profile()
        user = crowd.user(profile.username)
        assert all(user.value(name) == (profile.value(name) or "") for name in FIELDS)
        assert user.groups == profile.groups
