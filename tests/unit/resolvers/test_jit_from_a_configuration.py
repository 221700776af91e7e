"""The resolver ``jit`` from a configuration."""

from __future__ import annotations

import pytest

from saml_wsgi.errors import ConfigurationError
from saml_wsgi.model import Denied
from saml_wsgi.resolvers import ResolverContext
from saml_wsgi.resolvers.access import Access
from saml_wsgi.resolvers.groups import GroupRules
from saml_wsgi.resolvers.jit import factory


def refused(answer, code: str) -> str:
    """The detail of a refusal with that code."""
    assert isinstance(answer, Denied), answer
    assert answer.code == code, answer
    return answer.detail


def test_options_from_a_configuration(people, asserted):
    """The factory passes each option on, and what the context says of groups and access."""
    context = ResolverContext(
        "jit",
        people,
        people,
        groups=GroupRules(default=("everybody",)),
        access=Access(deny_groups=("bad",)),
    )
    resolver = factory(
        context,
        required=("email",),
        never=("last_name",),
        on_create=("first_name",),
        clear=("employee_id",),
        update_existing=True,
        reactivate=True,
        defaults="display_name = {username} = {{x}}\n\n  employee_id = unknown",
        allow_groups=("staff",),
        allow_domains=("x.test",),
    )
    said = {"email": "a@x.test", "memberOf": ["staff"], "lastname": "L"}
    answer = resolver.resolve(asserted("ada", **said))
    assert (answer.user.display_name, answer.user.employee_id) == ("ada = {x}", "unknown")
    assert (answer.user.last_name, answer.user.groups) == ("", ("everybody", "staff"))
    refused(resolver.resolve(asserted("new", memberOf=["staff"])), "missing_attribute")
    refused(resolver.resolve(asserted("new", email="a@y.test", memberOf=["staff"])), "not_allowed")
    refused(resolver.resolve(asserted("new", email="a@x.test")), "not_allowed")
    refused(resolver.resolve(asserted("ada", email="a@x.test", memberOf=["bad"])), "not_allowed")
    assert resolver.resolve(asserted("ada", **said, employeeNumber="")).user.employee_id == ""


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"required": ("nick",)}, "required"),
        ({"required": ("groups",)}, "required"),
        ({"never": ("username",)}, "never"),
        ({"never": ("email",), "match": "email"}, "never"),
        ({"never": ("active",)}, "never"),
        ({"on_create": ("nick",)}, "on_create"),
        ({"on_create": ("email",), "never": ("email",)}, "on_create"),
        ({"clear": ("username",)}, "clear"),
        ({"clear": ("email",), "match": "email"}, "clear"),
        ({"clear": ("groups",)}, "clear"),
        ({"clear": ("email",), "never": ("email",)}, "never"),
        ({"defaults": "email = x", "never": ("email",)}, "never"),
        ({"defaults": "email"}, "defaults"),
        ({"defaults": "= x"}, "defaults"),
        ({"defaults": "email = "}, "defaults"),
        ({"defaults": "nick = x"}, "defaults"),
        ({"defaults": "groups = x"}, "defaults"),
        ({"defaults": "username = x"}, "defaults"),
        ({"defaults": "email = {"}, "defaults"),
        ({"defaults": "email = {mail}"}, "defaults"),
        ({"defaults": "email = x\nemail = y"}, "defaults"),
        ({"allow_groups": ("",)}, "allow_groups"),
        ({"allow_domains": ("@x.test",)}, "allow_domains"),
        ({"sources": ()}, "sources"),
        ({"sources": ("saml", "hr")}, "sources"),
        ({"sources": ("saml", "saml")}, "sources"),
    ],
)
def test_what_cannot_be_meant(people, options, key):
    """An option that can't be meant doesn't start, and is told under its key."""
    with pytest.raises(ConfigurationError) as error:
        factory(ResolverContext("people", people), **options)
    assert [problem.key for problem in error.value.problems] == [f"resolver.people.{key}"]


def test_every_problem_at_once(people):
    """All problems of the options are told together."""
    with pytest.raises(ConfigurationError) as error:
        factory(
            ResolverContext("jit", people),
            required=("nick",),
            defaults="email",
            allow_domains=("*",),
            sources=("hr",),
        )
    assert {problem.key for problem in error.value.problems} == {
        "resolver.jit.required",
        "resolver.jit.defaults",
        "resolver.jit.allow_domains",
        "resolver.jit.sources",
    }
